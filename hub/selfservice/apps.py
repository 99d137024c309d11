"""Django's handle on this room."""

from django.apps import AppConfig


class SelfserviceConfig(AppConfig):
    """Pages on which patients help themselves."""

    name = "hub.selfservice"
    label = "selfservice"
    default_auto_field = "django.db.models.BigAutoField"
