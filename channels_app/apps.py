"""Django's handle on this room."""

from django.apps import AppConfig


class ChannelsConfig(AppConfig):
    """What goes in and out, whatever the channel."""

    name = "channels_app"
    label = "channels_app"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers."""
        from channels_app import receivers  # noqa: F401
