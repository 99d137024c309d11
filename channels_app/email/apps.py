"""Django's handle on this room."""

from django.apps import AppConfig


class EmailConfig(AppConfig):
    """E-mail."""

    name = "channels_app.email"
    label = "email"
    default_auto_field = "django.db.models.BigAutoField"
