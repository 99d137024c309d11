"""The encryption room: a key ring, fields, files and a searchable index. It has no models."""

from django.apps import AppConfig


class EncryptionConfig(AppConfig):
    """Registers the room with Django, for the sake of its management command."""

    name = "hub.encryption"
    label = "encryption"
    verbose_name = "Encryption"
