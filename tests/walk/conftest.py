"""One clinic for a whole file: what each test does to it is rolled back."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection

from tests.database import Flusher
from tests.walk import clinic as clinics


@pytest.fixture(scope="module")
def clinic(django_db_setup: None, django_db_blocker: Any) -> Iterator[clinics.Clinic]:
    """The clinic, really committed; it is gone when the file is done."""
    with django_db_blocker.unblock():
        yield from _built()


def _built() -> Iterator[clinics.Clinic]:
    cache.clear()
    try:
        yield clinics.build()
    finally:
        connection.close()
        with connection.cursor() as cursor:
            Flusher().flush(cursor)
        connection.close()
        cache.clear()
