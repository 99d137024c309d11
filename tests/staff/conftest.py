"""What the tests of this room share."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client

from hub.staff import sessions
from hub.staff.models import User
from tests.factories import PASSWORD


@pytest.fixture(autouse=True)
def no_earlier_attempts() -> Iterator[None]:
    """Limits on attempts live in the cache; each test starts without any."""
    cache.clear()
    yield
    cache.clear()


def log_in(client: Client, user: User, password: str = PASSWORD, **headers: str) -> object:
    """Log in by the page, as a person does."""
    return client.post(
        "/accounts/login/", {"login": user.email, "password": password}, headers=headers
    )


def age(client: Client, **by: timedelta) -> None:
    """Make the log-in of `client` older: `started` or `active` by so much."""
    keys = {"started": sessions.STARTED_AT, "active": sessions.ACTIVE_AT}
    session = client.session
    for name, ago in by.items():
        session[keys[name]] -= ago.total_seconds()
    session.save()


@pytest.fixture
def new_client() -> Callable[[], Client]:
    """Makes browsers, each with its own cookies."""
    return Client
