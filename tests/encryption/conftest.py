"""A table for trying the fields: made inside the test's transaction and rolled back with it."""

# tables of tests are never printed

from collections.abc import Iterator
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.db import connection, models
from django.test.utils import isolate_apps

from hub.encryption.fields import EncryptedJSONField, EncryptedTextField


@pytest.fixture
def tables(db: None) -> Iterator[SimpleNamespace]:
    """Models Note and Mark (which points to a Note), known to nobody else."""
    with isolate_apps("hub.encryption"):

        class Note(models.Model):
            uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
            title = models.CharField(max_length=20, default="")
            body = EncryptedTextField(blank=True, default="")
            extra = EncryptedTextField(null=True)
            data = EncryptedJSONField(default=dict)

            class Meta:
                app_label = "encryption"

        class Mark(models.Model):
            note = models.ForeignKey(Note, on_delete=models.CASCADE)

            class Meta:
                app_label = "encryption"

        with connection.schema_editor() as editor:
            editor.create_model(Note)
            editor.create_model(Mark)
        yield SimpleNamespace(Note=Note, Mark=Mark)
