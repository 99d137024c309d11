"""Conversations: models, actions (the only writers) and readers."""
