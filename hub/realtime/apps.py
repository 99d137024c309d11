"""Django's handle on this room."""

from django.apps import AppConfig


class RealtimeConfig(AppConfig):
    """The ground floor: typed events, published after commit."""

    name = "hub.realtime"
    label = "realtime"
    default_auto_field = "django.db.models.BigAutoField"
