"""The patient contact hub: the Django project and the floors above the ground."""

from hub.celery import app as celery_app

__all__ = ["celery_app"]
