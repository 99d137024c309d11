"""Web chat."""
