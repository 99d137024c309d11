"""Django's handle on this room."""

from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    """Conversations, their legs and entries: the heart."""

    name = "hub.conversations"
    label = "conversations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers."""
        from hub.conversations import receivers  # noqa: F401
