"""Django's handle on this room."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """The agents' and supervisors' screens."""

    name = "hub.console"
    label = "console"
    default_auto_field = "django.db.models.BigAutoField"
