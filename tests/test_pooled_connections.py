"""A restart of the database leaves dead connections in the pool, and nobody is given one."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from django.db import connection
from django.db.utils import OperationalError

from hub.database import base
from hub.database.base import DatabaseWrapper

pytestmark = pytest.mark.django_db(transaction=True)

MOST = 3


@pytest.fixture
def pooled() -> Iterator[DatabaseWrapper]:
    """A connection like that of a serving process, with a pool of its own."""
    settings = deepcopy(connection.settings_dict)
    settings["OPTIONS"]["pool"] = {"min_size": MOST, "max_size": MOST, "timeout": 10}
    wrapper = DatabaseWrapper(settings)
    wrapper.pool.open(wait=True)
    yield wrapper
    wrapper.close()
    wrapper.close_pool()


def backend_of(wrapper: DatabaseWrapper) -> int:
    """Ask something, as a request does, and give the connection back."""
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid: int = cursor.fetchone()[0]
    wrapper.close()
    return pid


def hang_up(pids: set[int]) -> None:
    """End these backends, as a restart of the server ends all."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s) pid", [list(pids)])
        assert all(ended for (ended,) in cursor.fetchall())


def test_whoever_asks_after_a_restart_gets_a_living_connection(pooled: DatabaseWrapper) -> None:
    known = {backend_of(pooled) for _turn in range(4 * MOST)}
    assert len(known) == MOST
    hang_up(known)
    for _turn in range(4 * MOST):
        assert backend_of(pooled) not in known


def test_one_that_ends_in_use_fails_once_and_is_not_given_out_again(
    pooled: DatabaseWrapper,
) -> None:
    with pooled.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
        hang_up({pid})
        with pytest.raises(OperationalError):
            cursor.execute("SELECT 1")
    pooled.close()
    assert pid not in {backend_of(pooled) for _turn in range(4 * MOST)}


def test_a_connection_in_use_all_the_time_is_not_asked(
    pooled: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = {backend_of(pooled) for _turn in range(4 * MOST)}
    asked: list[Any] = []
    monkeypatch.setattr(base.ConnectionPool, "check_connection", asked.append)
    assert {backend_of(pooled) for _turn in range(4 * MOST)} == first
    assert not asked
    monkeypatch.setattr(base, "IDLE_SECONDS", 0.0)
    backend_of(pooled)
    assert len(asked) == 1
