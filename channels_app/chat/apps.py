"""Django's handle on this room."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """Web chat: the widget, its sessions and links."""

    name = "channels_app.chat"
    label = "chat"
    default_auto_field = "django.db.models.BigAutoField"
