"""The lists as pages: what they show, leave in the audit, and cost."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from hub.audit.models import AuditEvent
from hub.conversations.actions.drafts import mark_read
from hub.staff.models import User
from tests.console.conftest import Desk
from tests.factories import UserFactory

LogIn = Callable[[User], Client]


def test_a_list_shows_what_waits_and_is_one_row_of_the_audit(desk: Desk, log_in: LogIn) -> None:
    first = desk.receive("I ran out of metoprolol", number="+15550100142")
    second = desk.receive("Second", number="+15550100143")
    page = log_in(desk.agent).get("/console/?list=team").content.decode()
    assert page.index("(555) 010-0142") < page.index("(555) 010-0143"), "who waits longest is first"
    assert "I ran out of metoprolol" in page
    [event] = AuditEvent.objects.filter(action="view_list")
    assert event.actor_id == desk.agent.pk
    assert sorted(event.object_ids) == sorted([first.pk, second.pk])


@pytest.mark.parametrize("name", ["mine", "team", "unassigned", "snoozed", "resolved"])
def test_another_departments_person_sees_none_of_it(desk: Desk, log_in: LogIn, name: str) -> None:
    desk.receive("Secret words")
    page = log_in(desk.outsider).get(f"/console/?list={name}").content.decode()
    assert "Secret words" not in page
    assert "Ana Morales" not in page


def test_an_administrator_is_told_that_they_see_no_content(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive("Secret words")
    browser = log_in(UserFactory(administrator=True))
    for path in ("/console/", f"/console/c/{found.uuid}/", "/console/search?q=secret"):
        answer = browser.get(path)
        assert answer.status_code == 403
        assert b"Secret words" not in answer.content
        assert b"see no conversations" in answer.content


def test_names_and_words_of_patients_are_escaped(desk: Desk, log_in: LogIn) -> None:
    desk.patient.preferred_name = "<script>alert(1)</script>"
    desk.patient.save()
    found = desk.receive('<img src=x onerror="alert(2)">')
    browser = log_in(desk.agent)
    for path in ("/console/?list=team", f"/console/c/{found.uuid}/"):
        page = browser.get(path).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;img src=x" in page


def test_a_page_of_fifty_asks_few_questions(
    desk: Desk, log_in: LogIn, django_assert_max_num_queries: Any
) -> None:
    for n in range(60):
        desk.receive("Hello", number=f"+1555012{n:04d}")
    browser = log_in(desk.agent)
    with django_assert_max_num_queries(8):
        page = browser.get("/console/?list=team").content.decode()
    assert page.count('class="row-link"') == 50


def test_more_rows_follow_without_gap_or_repeat(desk: Desk, log_in: LogIn) -> None:
    wanted = {str(desk.receive(number=f"+1555012{n:04d}").uuid) for n in range(60)}
    browser = log_in(desk.agent)
    page = browser.get("/console/rows?list=team").content.decode()
    after = page.split('data-after="')[1].split('"')[0]
    more = browser.get("/console/rows", {"list": "team", "after": after}).content.decode()
    seen = [part.split('"')[0] for part in (page + more).split('id="row-')[1:]]
    assert len(seen) == 60
    assert set(seen) == wanted


def test_a_made_up_place_in_a_list_is_a_bad_request(desk: Desk, log_in: LogIn) -> None:
    assert log_in(desk.agent).get("/console/rows?list=team&after=junk").status_code == 400


def test_what_one_reader_was_shown_is_not_shown_to_the_next(desk: Desk, log_in: LogIn) -> None:
    """Rows are drawn once for everybody; the unread mark is each person's own."""
    found = desk.receive("Hello")
    browser = log_in(desk.agent)
    assert 'class="row is-unread' in browser.get("/console/?list=team").content.decode()
    mark_read(found.pk, found.last_number, by_id=desk.agent.pk)
    assert "is-unread" not in browser.get("/console/?list=team").content.decode()
    assert "is-unread" in log_in(desk.supervisor).get("/console/?list=team").content.decode()
