"""A conversation's page: who may open it, what it shows, what it costs."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.test import Client

from hub.audit.models import AuditEvent
from hub.conversations.actions import drafts, holder
from hub.conversations.actions import send as sending
from hub.conversations.actions.receive import receive
from hub.conversations.models import Conversation
from hub.staff.models import User
from tests.console.conftest import Desk
from tests.factories import DepartmentFactory, HubAddressFactory, UserFactory, inbound

LogIn = Callable[[User], Client]


def _say(found: Conversation, by: User, text: str) -> None:
    leg = found.legs.get(ended_at=None)
    sending.send(found, sending.Answer(body=text, leg_id=leg.pk, intent=uuid4()), by=by)


def test_opening_is_one_row_of_the_audit(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive("I ran out of metoprolol")
    page = log_in(desk.agent).get(f"/console/c/{found.uuid}/").content.decode()
    assert "I ran out of metoprolol" in page
    assert 'id="new-rule"' in page
    [event] = AuditEvent.objects.filter(action="view_conversation")
    assert (event.conversation_id, event.patient_id) == (found.pk, desk.patient.pk)


def test_an_outsider_gets_the_same_answer_as_for_what_does_not_exist(
    desk: Desk, log_in: LogIn
) -> None:
    found = desk.receive("Secret words")
    browser = log_in(desk.outsider)
    for part in ("", "entries?before=9", "head", "changes?since=0", "panel", "assign", "canned"):
        answer = browser.get(f"/console/c/{found.uuid}/{part}")
        assert answer.status_code == 404, part
        assert b"Secret" not in answer.content
    for part in ("send", "note", "draft", "claim", "resolve", "identify", "forget", "wake"):
        assert browser.post(f"/console/c/{found.uuid}/{part}").status_code == 404, part
    assert AuditEvent.objects.filter(action="denied", actor=desk.outsider).exists()


def test_you_is_only_the_reader(desk: Desk, log_in: LogIn) -> None:
    """Lines are kept as drawn; the next reader must not be told that they wrote them."""
    found = desk.receive("Hello")
    _say(found, desk.agent, "Good morning")
    mine = log_in(desk.agent).get(f"/console/c/{found.uuid}/").content.decode()
    theirs = log_in(desk.supervisor).get(f"/console/c/{found.uuid}/").content.decode()
    assert '<bdi class="entry-author">You</bdi>' in mine
    assert '<bdi class="entry-author">You</bdi>' not in theirs
    assert '<bdi class="entry-author">Lena Moreau</bdi>' in theirs


def test_the_same_patients_other_conversation_is_read_only(desk: Desk, log_in: LogIn) -> None:
    elsewhere = DepartmentFactory(name="Cardiology")
    colleague = UserFactory(departments=[elsewhere])
    found = desk.receive("From the front desk")
    receive(inbound(HubAddressFactory(department=elsewhere), "To cardiology", number=desk.number))
    page = log_in(colleague).get(f"/console/c/{found.uuid}/").content.decode()
    assert "From the front desk" in page
    assert 'data-level="read"' in page
    assert "You may read this" in page
    assert 'id="composer"' not in page
    answer = log_in(colleague).post(
        f"/console/c/{found.uuid}/note", {"body": "x", "intent": uuid4()}
    )
    assert answer.status_code == 404


def test_of_a_restricted_department_only_a_contact_is_known(desk: Desk, log_in: LogIn) -> None:
    restricted = DepartmentFactory(name="Behavioral health", restricted=True)
    hidden = receive(
        inbound(HubAddressFactory(department=restricted), "Very private", number=desk.number)
    ).conversation
    found = desk.receive("Hello")
    browser = log_in(desk.agent)
    page = browser.get(f"/console/c/{found.uuid}/").content.decode()
    assert "A contact elsewhere" in page
    assert "Behavioral health" not in page
    assert str(hidden.uuid) not in page
    assert browser.get(f"/console/c/{hidden.uuid}/").status_code == 404


def test_all_contacts_stand_in_one_timeline_and_restricted_ones_stay_shut(
    desk: Desk, log_in: LogIn
) -> None:
    elsewhere = HubAddressFactory(department=DepartmentFactory(name="Cardiology"))
    restricted = HubAddressFactory(department=DepartmentFactory(restricted=True))
    receive(inbound(elsewhere, "To cardiology", number=desk.number))
    receive(inbound(restricted, "Very private", number=desk.number))
    found = desk.receive("To the front desk")
    page = log_in(desk.agent).get(f"/console/c/{found.uuid}/merged").content.decode()
    assert page.index("To cardiology") < page.index("To the front desk")
    assert "Very private" not in page
    assert page.count("is-masked") == 1
    assert 'id="composer"' not in page
    assert log_in(desk.outsider).get(f"/console/c/{found.uuid}/merged").status_code == 404


def test_a_thread_of_fifty_asks_few_questions(
    desk: Desk, log_in: LogIn, django_assert_max_num_queries: Any
) -> None:
    for n in range(60):
        found = desk.receive(f"line {n}")
    browser = log_in(desk.agent)
    with django_assert_max_num_queries(22):
        page = browser.get(f"/console/c/{found.uuid}/").content.decode()
    assert page.count('class="entry ') == 50


def test_older_lines_follow_without_gap(desk: Desk, log_in: LogIn) -> None:
    for n in range(60):
        found = desk.receive(f"line {n}")
    browser = log_in(desk.agent)
    page = browser.get(f"/console/c/{found.uuid}/").content.decode()
    before = page.split('data-before="')[1].split('"')[0]
    older = browser.get(f"/console/c/{found.uuid}/entries?before={before}").content.decode()
    numbers = [int(part.split('"')[0]) for part in (older + page).split('data-number="')[1:]]
    found.refresh_from_db()
    assert numbers == list(range(1, found.last_number + 1))


def test_what_changed_comes_with_head_and_row(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive("Hello")
    holder.claim(found, desk.agent)
    browser = log_in(desk.supervisor)
    changed = browser.get(f"/console/c/{found.uuid}/changes?since=0").json()
    found.refresh_from_db()
    assert changed["revision"] == found.revision
    assert [line["number"] for line in changed["entries"]] == list(range(1, found.last_number + 1))
    assert "Lena Moreau" in changed["head"]
    assert f'data-holder="{desk.agent.pk}"' in changed["row"]


def test_a_draft_is_the_writers_own_and_survives(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive("Hello")
    browser = log_in(desk.agent)
    said = {"body": "I was about to say", "channel": "sms", "seen": 1}
    assert browser.post(f"/console/c/{found.uuid}/draft", said).status_code == 204
    page = browser.get(f"/console/c/{found.uuid}/").content.decode()
    assert "I was about to say" in page
    assert 'data-seen="1"' in page
    other = log_in(desk.supervisor).get(f"/console/c/{found.uuid}/").content.decode()
    assert "I was about to say" not in other
    browser.post(f"/console/c/{found.uuid}/draft", {"body": ""})
    assert "I was about to say" not in browser.get(f"/console/c/{found.uuid}/").content.decode()


def test_a_note_draft_comes_back_as_a_note(desk: Desk, log_in: LogIn) -> None:
    """Were it to come back as an answer, the patient would be sent what only staff should see."""
    found = desk.receive("Hello")
    drafts.save_draft(
        found, "He sounds drunk", is_note=True, channel="", seen_number=1, by=desk.agent
    )
    page = log_in(desk.agent).get(f"/console/c/{found.uuid}/").content.decode()
    assert 'class="composer is-note"' in page


def test_pages_carry_no_inline_script_or_style(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive("Hello")
    browser = log_in(desk.agent)
    for path in ("/console/", f"/console/c/{found.uuid}/", "/console/search"):
        page = browser.get(path).content.decode()
        assert " style=" not in page
        assert "<style" not in page
        assert " onclick=" not in page
        assert "<script>" not in page
