"""Django's handle on this room."""

from django.apps import AppConfig


class StaffConfig(AppConfig):
    """People who work here: roles, departments, presence."""

    name = "hub.staff"
    label = "staff"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to what allauth and Django say of log-ins."""
        from hub.staff import receivers  # noqa: F401
