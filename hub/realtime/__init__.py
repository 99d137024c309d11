"""Ground floor: typed events, published after commit; knows no model."""
