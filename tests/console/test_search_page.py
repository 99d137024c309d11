"""Search finds what was said and of whom, among what the person may read, and is on record."""

from collections.abc import Callable

import pytest
from django.test import Client

from hub.audit.models import AuditEvent
from hub.staff.models import User
from tests.console.conftest import Desk

LogIn = Callable[[User], Client]


@pytest.mark.parametrize("typed", ["metoprolol", "Metoprolol friday", "morales", "0142"])
def test_what_was_said_and_of_whom(desk: Desk, log_in: LogIn, typed: str) -> None:
    point = desk.link.contact_point
    point.value = "+15550100142"
    point.save()
    found = desk.receive("I ran out of metoprolol on Friday")
    desk.receive("Something else", number="+15550100199")
    page = log_in(desk.agent).get("/console/search", {"q": typed}).content.decode()
    assert f"row-{found.uuid}" in page
    assert page.count('class="row-link"') == 1
    event = AuditEvent.objects.get(action="search")
    assert event.object_ids == [found.pk]
    assert typed not in str(event.detail)


def test_nobody_finds_what_they_may_not_read(desk: Desk, log_in: LogIn) -> None:
    desk.receive("I ran out of metoprolol on Friday")
    for typed in ("metoprolol", "morales"):
        page = log_in(desk.outsider).get("/console/search", {"q": typed}).content.decode()
        assert "Nothing found" in page


def test_odd_input_finds_nothing_and_breaks_nothing(desk: Desk, log_in: LogIn) -> None:
    browser = log_in(desk.agent)
    for typed in ("", "   ", "\x00", "%", "'; --", "x" * 500, "😀"):
        assert browser.get("/console/search", {"q": typed}).status_code == 200
