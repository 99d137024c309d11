"""Django's handle on this room."""

from django.apps import AppConfig


class VoiceConfig(AppConfig):
    """The phone."""

    name = "channels_app.voice"
    label = "voice"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers."""
        from channels_app.voice import receivers  # noqa: F401
