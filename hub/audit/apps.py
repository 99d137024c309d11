"""The audit room: who read and wrote what, and proof that nobody changed the record of it."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Registers the room, and lets Celery's messages carry the request they came from."""

    name = "hub.audit"
    label = "audit"
    verbose_name = "Audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from hub.audit import across_celery

        across_celery.connect()
