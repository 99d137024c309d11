"""A person who does things, and ways to tamper with what was recorded of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection


@pytest.fixture
def agent(db: None) -> Any:
    return get_user_model().objects.create_user("agent.audit@example.org", name="Ada Agent")


@contextmanager
def triggers_off() -> Iterator[Any]:
    """A cursor of somebody who owns the database: triggers and foreign keys do not hold them."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            yield cursor
        finally:
            cursor.execute("RESET session_replication_role")
