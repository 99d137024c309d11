"""What is done to a conversation as a whole: with the way back, never over another's head."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from hub.conversations.actions import holder
from hub.conversations.models import Conversation
from hub.staff.models import User
from tests.console.conftest import Desk
from tests.factories import DepartmentFactory, UserFactory

LogIn = Callable[[User], Client]


def _fresh(found: Conversation) -> Conversation:
    return Conversation.objects.get(pk=found.pk)


def test_who_is_second_to_take_it_is_told_who_was_first(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive()
    assert log_in(desk.agent).post(f"/console/c/{found.uuid}/claim").status_code == 200
    second = log_in(desk.supervisor).post(f"/console/c/{found.uuid}/claim")
    assert second.status_code == 409
    assert "Lena Moreau" in second.json()["error"]
    assert _fresh(found).holder == desk.agent


def test_a_resolve_can_be_undone_with_its_holder(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive()
    holder.claim(found, desk.agent)
    browser = log_in(desk.supervisor)
    done = browser.post(f"/console/c/{found.uuid}/resolve", {"reason": "answered"}).json()
    assert _fresh(found).status == "resolved"
    undo = done["undo"]
    browser.post(f"/console/c/{found.uuid}/{undo['do']}", {"holder": undo["holder"]})
    assert (_fresh(found).status, _fresh(found).holder) == ("open", desk.agent)


def test_a_reason_that_is_none_is_refused(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive()
    answer = log_in(desk.agent).post(f"/console/c/{found.uuid}/resolve", {"reason": "bored"})
    assert answer.status_code == 400
    assert _fresh(found).status == "open"


def test_a_snooze_sleeps_until_its_time_and_can_be_undone(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive()
    browser = log_in(desk.agent)
    until = timezone.now() + timedelta(hours=3)
    done = browser.post(f"/console/c/{found.uuid}/snooze", {"until": until.isoformat()}).json()
    assert abs((_fresh(found).snoozed_until or until) - until) < timedelta(seconds=1)
    assert "Hello" in browser.get("/console/?list=snoozed").content.decode()
    browser.post(f"/console/c/{found.uuid}/{done['undo']['do']}")
    assert _fresh(found).status == "open"


@pytest.mark.parametrize("until", ["", "soon", "2020-01-01T00:00:00Z"])
def test_a_time_that_is_past_or_none_is_refused(desk: Desk, log_in: LogIn, until: str) -> None:
    found = desk.receive()
    answer = log_in(desk.agent).post(f"/console/c/{found.uuid}/snooze", {"until": until})
    assert answer.status_code in (400, 409)
    assert _fresh(found).status == "open"


def test_assigning_offers_those_who_may_hold_it_and_no_others(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive()
    page = log_in(desk.agent).get(f"/console/c/{found.uuid}/assign").content.decode()
    assert "Sam Whitfield" in page
    assert "Otto Outside" not in page


def test_assign_and_undo(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive()
    holder.claim(found, desk.agent)
    browser = log_in(desk.agent)
    to = {"to": f"person:{desk.supervisor.uuid}", "expected": desk.agent.pk}
    done = browser.post(f"/console/c/{found.uuid}/assign", to).json()
    assert _fresh(found).holder == desk.supervisor
    back = log_in(desk.supervisor)
    back.post(f"/console/c/{found.uuid}/undo-assign", {"holder": done["undo"]["holder"]})
    assert _fresh(found).holder == desk.agent


def test_what_went_to_somebody_else_meanwhile_is_not_taken_from_them(
    desk: Desk, log_in: LogIn
) -> None:
    found = desk.receive()
    third = UserFactory(name="Kwame Boateng", departments=[desk.department])
    holder.claim(found, third)
    to = {"to": f"person:{desk.agent.uuid}", "expected": ""}  # the page still showed nobody
    answer = log_in(desk.supervisor).post(f"/console/c/{found.uuid}/assign", to)
    assert answer.status_code == 409
    assert "Kwame" in answer.json()["error"]
    assert _fresh(found).holder == third


def test_a_move_out_of_ones_sight_says_so_and_shows_nothing(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive("Private")
    restricted = DepartmentFactory(name="Behavioral health", restricted=True)
    answer = log_in(desk.agent).post(
        f"/console/c/{found.uuid}/assign", {"to": f"department:{restricted.uuid}"}
    )
    assert answer.json()["gone"] is True
    assert "Private" not in answer.content.decode()
    assert _fresh(found).department == restricted


def test_many_are_moved_and_what_changed_since_is_listed(desk: Desk, log_in: LogIn) -> None:
    kept = desk.receive(number="+15550100171")
    moved = desk.receive(number="+15550100172")
    browser = log_in(desk.supervisor)
    chosen = [f"{one.uuid}:" for one in (kept, moved)]
    preview = browser.get("/console/reassign", {"conversation": chosen}).content.decode()
    assert "Reassign 2 conversations" in preview
    holder.claim(kept, desk.supervisor)  # after the preview was made
    done = browser.post(
        "/console/reassign", {"conversation": chosen, "to": f"person:{desk.agent.uuid}"}
    ).content.decode()
    assert "1 conversation moved" in done
    assert "(555) 010-0171" in done
    assert _fresh(moved).holder == desk.agent
    assert _fresh(kept).holder == desk.supervisor


def test_many_are_moved_by_supervisors_only_and_only_their_own(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive()
    said = {"conversation": [f"{found.uuid}:"], "to": f"person:{desk.agent.uuid}"}
    assert log_in(desk.agent).post("/console/reassign", said).status_code == 403
    stranger = UserFactory(supervisor=True, departments=[DepartmentFactory()])
    log_in(stranger).post("/console/reassign", said)
    assert _fresh(found).holder is None
