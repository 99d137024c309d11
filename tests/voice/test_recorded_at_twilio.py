"""Callbacks that never came: the provider is asked, and what it has is fetched and deleted."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels_app import outbox
from channels_app.simulator.headless import SimulatedTwilio
from channels_app.twilio.client import client
from channels_app.voice import recorded
from channels_app.voice.models import Call, Recording
from hub.conversations.models import Attachment, Delivery
from hub.routing.models import QueueEntry
from tests.simulator.fixtures import simulator, simulator_log, simulator_url  # noqa: F401

pytestmark = pytest.mark.django_db

CALLER = "+15550100142"


@pytest.fixture
def at_twilio(simulator: SimulatedTwilio, settings) -> SimulatedTwilio:  # noqa: F811
    """A Twilio whose time passes when it is told to, and that reaches no hub."""
    settings.TWILIO_API_BASE = simulator.url
    simulator.use_hub("http://127.0.0.1:9")
    simulator.step_time()
    return simulator


@pytest.fixture
def ended(phone, at_twilio) -> tuple[Call, str]:
    """A call that is over, and the id of its only recording at Twilio; no callback came."""
    line = phone.call()
    line.dial()
    made = client().calls.create(
        to=CALLER, from_="+15550100100", twiml="<Response><Pause length='60'/></Response>"
    )
    at_twilio.advance(1)
    at_twilio.phone(CALLER).answer()
    at_twilio.advance(1)
    recording = client().calls(made.sid).recordings.create()
    at_twilio.advance(9)
    client().calls(made.sid).update(status="completed")
    at_twilio.advance(30)
    line.hang_up()
    Call.objects.update(sid=made.sid)
    return Call.objects.get(), recording.sid


def later() -> object:
    return timezone.now() + timedelta(minutes=11)


def wanted(call: Call, **more: object) -> Recording:
    more.setdefault("kind", "call")
    return Recording.objects.create(call=call, started_at=call.started_at, **more)


@pytest.mark.parametrize("knows_its_id", [True, False])
def test_a_recording_of_which_nobody_told_is_found_fetched_and_deleted(ended, knows_its_id) -> None:
    call, sid = ended
    row = wanted(call, sid=sid if knows_its_id else "", state="running")
    assert recorded.ask_about_unreported() == 0, "its callback may still come"
    assert recorded.ask_about_unreported(later()) == 1
    row.refresh_from_db()
    assert (row.state, row.sid, row.seconds) == ("complete", sid, 9)
    for kind in ("fetch", "delete"):
        outbox.deliver(Delivery.objects.get(kind=kind).pk)
    assert Attachment.objects.get().state == Attachment.State.STORED
    assert not [one for one in client().recordings.list() if one.sid == sid]
    assert recorded.ask_about_unreported(later()) == 0


def test_one_that_the_provider_does_not_have_is_absent(ended) -> None:
    call, sid = ended
    client().recordings(sid).delete()
    row = wanted(call, sid=sid, state="running")
    assert recorded.ask_about_unreported(later()) == 1
    row.refresh_from_db()
    assert row.state == "absent"
    assert not Attachment.objects.exists()


def test_a_message_that_never_was_is_work_all_the_same(ended) -> None:
    call, sid = ended
    client().recordings(sid).delete()
    wanted(call, kind="voicemail", state="running")
    assert recorded.ask_about_unreported(later()) == 1
    assert QueueEntry.objects.filter(ended_at=None, kind="follow_up").count() == 1


def test_a_second_recording_that_no_row_knows_is_fetched_and_deleted_too(ended) -> None:
    call, sid = ended
    absent = wanted(call, kind="voicemail", state="running")
    assert recorded.ask_about_unreported(later()) == 2
    stray = Recording.objects.get(sid=sid)
    assert (stray.kind, stray.state, stray.pk != absent.pk) == ("call", "complete", True)
    assert Delivery.objects.filter(kind="fetch").count() == 1


def test_while_the_provider_is_away_everything_stays_as_it_was(ended, settings) -> None:
    call, sid = ended
    row = wanted(call, sid=sid, state="running")
    settings.TWILIO_API_BASE = "http://127.0.0.1:9"
    assert recorded.ask_about_unreported(later()) == 0
    row.refresh_from_db()
    assert row.state == "running"


def test_a_recording_that_is_too_large_is_refused_and_deleted_there(ended, settings) -> None:
    settings.RECORDING_MAX_BYTES = 1000
    call, sid = ended
    wanted(call, sid=sid, state="running")
    recorded.ask_about_unreported(later())
    for kind in ("fetch", "delete"):
        outbox.deliver(Delivery.objects.get(kind=kind).pk)
    file = Attachment.objects.get()
    assert (file.state, file.reason, file.storage_name) == ("refused", "too_large", "")
    assert not [one for one in client().recordings.list() if one.sid == sid]
