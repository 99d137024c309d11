"""Whatever lines and people do, in whatever order: no caller is left without a way on."""

from collections import Counter

import pytest
from django.db import connection, transaction

from channels_app.voice.models import Callback, Party
from hub.conversations.models import Conversation, Entry
from tests.voice import always
from tests.voice.walk import Walk

#: So many walks are taken, and more only while something was not come to.
WALKS, MOST_WALKS = 9, 18
STEPS = 50
#: What the walks together must have come to; else they are made of too little.
MUST_REACH = frozenset(
    {
        # Handovers, warm and cold, and what may become of them.
        "noted consulted",
        "noted colleague_joined",
        "noted colleague_did_not_come",
        "noted colleague_left",
        "noted handed_over",
        "noted handover_given_up",
        "noted sent_to_department",
        "a handover is completed",
        "handed to a department",
        "handed to a person",
        "who asks is lost",
        "left handed_over",
        # Lost lines, and who returns to them, or does not.
        "a line is lost",
        "noted agent_lost",
        "noted agent_returned",
        "left returned_to_queue",
        # Rings that are refused, missed, called off; callers who are taken from the list.
        "noted answered",
        "a ring is declined",
        "left no-answer",
        "left offer_refused",
        "left offer_expired",
        "left offer_withdrawn",
        "an offer is accepted",
        "taken from the list",
        "who took it did not come",
        # What supervisors, and the overflow, do with those who wait and talk.
        "an overflow",
        "moved while waiting",
        "moved while they talk",
        "given to somebody",
        "taken from who talks",
        "a supervisor comes",
        "a supervisor goes",
        # Guests, recordings, hold.
        "noted guest_joined",
        "noted guest_left",
        "noted guest_did_not_come",
        "left removed",
        "noted recording_paused",
        "noted recording_refused",
        "hold",
        # Calls out.
        "a callback is chosen",
        "an agent dials",
        "callback reached",
        "callback cancelled",
        "noted patient_answered",
        # Events of the provider that are late, or come in another order.
        "a late event",
        "an order finds no line",
        "a patient leaves the room",
        "a second call of a number",
        "what nobody should",
    }
)


def _check(walk: Walk, checked: set[int]) -> None:
    calls = walk.calls
    always.every_patient_has_music_or_a_person_and_a_way_on(calls)
    always.an_old_line_of_a_patient_is_forgotten(calls)
    always.talks_are_noted_as_they_are(calls)
    always.what_began_has_ended_with_the_call(checked)
    always.no_work_is_forgotten(calls)
    always.the_orders_end_whoever_was_taken_out()
    always.people_are_kept_free_for_what_they_do(calls)
    always.an_offered_call_rings()
    always.a_refused_recording_runs_for_nobody(calls)
    if len(walk.trail) % 4 == 0:  # it asks much
        always.the_phone_shows_it(walk.dice.choice(walk.staff), calls)


def _reached(walk: Walk) -> Counter[str]:
    """What happened in a walk, as its rows tell."""
    found: Counter[str] = Counter()
    noted = Entry.objects.filter(kind="call").values_list("detail__what", flat=True)
    found.update(f"noted {what}" for what in noted)
    why = Party.objects.exclude(why_left="").values_list("why_left", flat=True)
    found.update(f"left {one}" for one in why)
    found.update(f"callback {one}" for one in Callback.objects.values_list("state", flat=True))
    return found


def _walk(seed: int, reached: Counter[str]) -> int:
    """Take one walk, add to what was reached, and return how often somebody was refused."""
    walk = Walk(seed, did=reached)
    checked: set[int] = set()
    try:
        for _ in range(STEPS):
            walk.step()
            _check(walk, checked)
            connection.run_on_commit.clear()
        walk.finish()
        _check(walk, checked)
        always.nothing_is_left_to_do([one.pk for one in walk.staff])
    except Exception as error:
        error.add_note(f"walk {seed}: " + "; ".join(walk.trail))
        raise
    reached.update(_reached(walk))
    return walk.refused


@pytest.mark.django_db
def test_any_order_leaves_nobody_on_the_line_without_a_way() -> None:
    reached: Counter[str] = Counter()
    refused = walks = 0
    while walks < WALKS or (MUST_REACH - set(reached) and walks < MOST_WALKS):
        with transaction.atomic():
            refused += _walk(walks, reached)
            transaction.set_rollback(True)
        connection.run_on_commit.clear()
        walks += 1
    missing = sorted(MUST_REACH - set(reached))
    assert not missing, "a walk that does not come so far proves nothing"
    assert refused < walks * STEPS / 5, "most of what is tried can be done"
    assert not Conversation.objects.exists(), "each walk was rolled back"
