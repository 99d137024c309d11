"""Django's handle on this room."""

from django.apps import AppConfig


class PatientsConfig(AppConfig):
    """Patients, their contact points, and what they agreed to."""

    name = "patients"
    label = "patients"
    default_auto_field = "django.db.models.BigAutoField"
