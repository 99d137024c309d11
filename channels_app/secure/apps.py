"""Django's handle on this room."""

from django.apps import AppConfig


class SecureConfig(AppConfig):
    """Notices with a link, and the page behind it."""

    name = "channels_app.secure"
    label = "secure"
    default_auto_field = "django.db.models.BigAutoField"
