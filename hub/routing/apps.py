"""Django's handle on this room."""

from django.apps import AppConfig


class RoutingConfig(AppConfig):
    """Who answers next: queue entries and hours."""

    name = "hub.routing"
    label = "routing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers."""
        from hub.routing import receivers  # noqa: F401
