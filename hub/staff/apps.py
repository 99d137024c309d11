"""Django's handle on this room."""

from django.apps import AppConfig


class StaffConfig(AppConfig):
    """People who work here: roles, departments, presence."""

    name = "hub.staff"
    label = "staff"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to what allauth and Django say of log-ins, and join the rotation of keys."""
        from hub.encryption import rotation
        from hub.staff import receivers, second_factors  # noqa: F401

        rotation.elsewhere.append(
            rotation.Elsewhere(
                "mfa.Authenticator", second_factors.rows_by_key, second_factors.rotate
            )
        )
