"""``<Dial>``: numbers and devices, a conference, or the next of a queue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from . import calling, conferences, recordings
from .engine import ApplicationError, Stage, performs, source_of
from .enqueueing import find_queue
from .exchange import Exchange, Fields
from .leg import HungUp, Interrupted, Leg, Progress, Source
from .model import Bridge, Participant, Waiting, Wishes
from .recordings import Recording
from .twiml_voice import Place, Verb
from .verbs import pick_up

DIAL_TIMEOUT = 30
#: With these, ``answerOnBridge`` leaves the caller ringing until somebody answers.
_PERSONS = frozenset({"Number", "Client"})


@performs("Dial")
async def dial(stage: Stage, verb: Verb) -> Source | None:
    """Connect the call to somebody; then go to ``action`` with how that ended, or to the next."""
    nouns = verb.inner or (Verb("Number", {}, verb.text, (), verb.url),)
    if not verb.true("answerOnBridge") or nouns[0].name not in _PERSONS:
        pick_up(stage)
    outcome = Outcome()
    try:
        if nouns[0].name == "Conference":
            await _dial_conference(stage, nouns[0], outcome)
        elif nouns[0].name == "Queue":
            await _dial_queue(stage, verb, nouns[0], outcome)
        else:
            await _dial_persons(stage, verb, nouns, outcome)
    except HungUp:
        # The action is asked for all the same, with the call over; nobody hears the answer.
        source = _after(stage, verb, outcome)
        if source is not None:
            stage.exchange.ask_in_passing(stage.leg, source)
        raise
    return _after(stage, verb, outcome)


@dataclass
class Outcome:
    """What a Dial came to so far, for its action."""

    status: str = "canceled"
    #: The other side's call, when there is one; never for a conference.
    other: Leg | None = None
    bridged_at: datetime | None = None
    recording: Recording | None = None


def _after(stage: Stage, verb: Verb, outcome: Outcome) -> Source | None:
    """Where the call goes on, with what the Dial came to."""
    if not verb.get("action"):
        return None
    fields: Fields = [("DialCallStatus", outcome.status)]
    if outcome.other is not None:
        fields += [
            ("DialCallSid", outcome.other.sid),
            ("DialBridged", "true" if outcome.bridged_at else "false"),
        ]
    if outcome.bridged_at is not None:
        talked = stage.exchange.clock.now() - outcome.bridged_at
        fields.append(("DialCallDuration", str(round(talked.total_seconds()))))
    if outcome.recording is not None:
        fields.append(("RecordingUrl", recordings.url_of(stage.exchange, outcome.recording)))
    return source_of(verb, verb.get("action"), "after dialling", fields)


# A conference ------------------------------------------------------------------------------------


async def _dial_conference(stage: Stage, noun: Verb, outcome: Outcome) -> None:
    exchange, leg = stage.exchange, stage.leg
    outcome.status = "completed"
    room = conferences.find_or_make(exchange, noun.text, _wishes(noun))
    now = exchange.clock.now()
    coach = noun.get("coach")
    participant = Participant(
        leg,
        created=now,
        updated=now,
        label=noun.get("participantLabel"),
        muted=noun.true("muted"),
        coaching=bool(coach),
        coaches=coach,
        starts=noun.true("startConferenceOnEnter", default=True),
        ends=noun.true("endConferenceOnExit"),
        beeps=noun.get("beep", "true"),
        wait_source=_wait_source(noun),
    )
    await conferences.attend(exchange, room, participant)


def _wishes(noun: Verb) -> Wishes:
    return Wishes(
        callback=noun.address("statusCallback"),
        method=noun.get("statusCallbackMethod", "POST"),
        events=noun.words("statusCallbackEvent"),
        record=noun.get("record") in {"record-from-start", "true"},
        recording_callback=noun.address("recordingStatusCallback"),
        recording_method=noun.get("recordingStatusCallbackMethod", "POST"),
        recording_events=noun.words("recordingStatusCallbackEvent", "completed"),
    )


def _wait_source(noun: Verb) -> Source | None:
    """What to hear before the start: None is Twilio's music, an empty URL silence."""
    if "waitUrl" not in noun.attributes:
        return None
    method = "GET" if noun.get("waitMethod").upper() == "GET" else "POST"
    return Source(noun.address("waitUrl"), method, label="waiting for the conference")


# The next of a queue -----------------------------------------------------------------------------


async def _dial_queue(stage: Stage, verb: Verb, noun: Verb, outcome: Outcome) -> None:
    exchange, leg = stage.exchange, stage.leg
    queue = find_queue(exchange, noun.text)
    if queue is None:
        exchange.warn(leg, verb.url, "error 13247: there is no such queue")
        outcome.status = "failed"
        return

    def front() -> Waiting | None:
        return next((w for w in queue.members if w.taker is None), None)

    timeout = verb.number("timeout", DIAL_TIMEOUT, 1)
    queue.takers.append(leg)
    try:
        found = await leg.wait(timeout, until=lambda: front() is not None)
    finally:
        queue.takers.remove(leg)
    if not found:
        outcome.status = "no-answer"
        return
    place = front()
    assert place is not None
    place.taker = leg
    if noun.get("url"):
        place.notice = _notice(noun, queue.sid, leg, place)
    place.leg.bell.ring()
    outcome.status, outcome.other = "completed", place.leg
    await _talk_to_waiting(exchange, leg, place, outcome)


def _notice(noun: Verb, queue_sid: str, leg: Leg, place: Waiting) -> Source:
    waited = (leg.clock.now() - place.since).total_seconds()
    fields = [
        ("QueueSid", queue_sid),
        ("QueueTime", str(round(waited))),
        # Spelt as Twilio spells it.
        ("DequeingCallSid", leg.sid),
    ]
    return source_of(noun, noun.get("url"), "notice to the caller", fields)


async def _talk_to_waiting(exchange: Exchange, leg: Leg, place: Waiting, outcome: Outcome) -> None:
    bridge = Bridge((leg, place.leg))
    try:
        await leg.wait(until=lambda: place.noticed or bool(place.result))
        if not place.result:
            outcome.bridged_at = exchange.clock.now()
            leg.room = place.leg.room = bridge
            exchange.show(leg)
            exchange.show(place.leg)
            await leg.wait(until=lambda: not bridge.open or bool(place.result))
    finally:
        place.result = place.result or "bridged"
        bridge.close()


# Persons: numbers and devices --------------------------------------------------------------------


async def _dial_persons(
    stage: Stage, verb: Verb, nouns: tuple[Verb, ...], outcome: Outcome
) -> None:
    """Let all of them ring; who answers first is connected, the others are called off."""
    leg = stage.leg
    caller = verb.get("callerId") or leg.from_
    timeout = verb.number("timeout", DIAL_TIMEOUT, 1)
    children = [_place_child(stage, noun, caller, timeout) for noun in nouns]
    outcome.other = children[-1]
    try:
        await leg.wait(until=lambda: all(c.over for c in children) or bool(_ready(children)))
        ready = _ready(children)
        if not ready:
            outcome.status = children[-1].status
            return
        outcome.status, outcome.other = "completed", ready[0]
        for other in children:
            if other is not ready[0]:
                other.interrupt(HungUp("canceled"))
        await _talk_to(stage, verb, ready[0], outcome)
    except Interrupted:
        for child in children:
            child.interrupt(HungUp("completed" if child.answered else "canceled"))
        raise


def _ready(children: list[Leg]) -> list[Leg]:
    """Those who have answered and heard their whisper."""
    return [child for child in children if child.live and child.parked == "ready"]


def _place_child(stage: Stage, noun: Verb, caller: str, timeout: float) -> Leg:
    exchange = stage.exchange
    address = noun.text
    if noun.name == "Client":
        inner = next((v.text for v in noun.inner if v.name == "Identity"), "")
        address = f"client:{inner or noun.text}"
    outside, custom = calling.split_client(address)
    for parameter in noun.inner:
        if parameter.name == "Parameter":
            custom[parameter.get("name")] = parameter.get("value")
    child = exchange.new_leg("outbound-dial", caller, outside, outside, parent=stage.leg)
    child.custom = custom
    callback = noun.address("statusCallback")
    if callback:
        child.progress = Progress(
            callback,
            noun.get("statusCallbackMethod", "POST"),
            noun.words("statusCallbackEvent", "completed"),
        )
    work = partial(_be_dialled, exchange, child, noun)
    if noun.name == "Sip":
        child.decide("failed")
    calling.place(exchange, child, timeout, work)
    return child


async def _be_dialled(exchange: Exchange, child: Leg, noun: Verb) -> None:
    """The dialled side: hear the whisper, then talk until the dialling side lets go."""
    if noun.get("url"):
        try:
            source = source_of(noun, noun.get("url"), "whisper")
            await Stage(exchange, child, Place.WHISPER).perform(source)
        except ApplicationError:
            exchange.warn(child, noun.url, "error 11200: no whisper")
    child.parked = "ready"
    assert child.parent is not None
    child.parent.bell.ring()
    try:
        await child.wait()
    except Interrupted:
        if isinstance(child.room, Bridge):
            child.room.close()
        raise


async def _talk_to(stage: Stage, verb: Verb, child: Leg, outcome: Outcome) -> None:
    exchange, leg = stage.exchange, stage.leg
    pick_up(stage)
    bridge = Bridge((leg, child))
    leg.room = child.room = bridge
    child.parked = ""
    exchange.show(leg)
    exchange.show(child)
    outcome.recording = _record(stage, verb)
    outcome.bridged_at = exchange.clock.now()
    limit = verb.number("timeLimit", 4 * 3600, 1)
    leg.keys.clear()
    leg.collecting = verb.true("hangupOnStar")
    try:
        await leg.wait(limit, until=lambda: child.hanging_up or not bridge.open or "*" in leg.keys)
        if bridge.open:
            # The time is up, or the caller had enough.
            child.interrupt(HungUp())
    finally:
        leg.collecting = False
        bridge.close()
        if outcome.recording is not None:
            recordings.stop(exchange, outcome.recording)


def _record(stage: Stage, verb: Verb) -> Recording | None:
    wish = verb.get("record", "do-not-record")
    if wish in {"do-not-record", "false"}:
        return None
    now = stage.exchange.clock.now()
    recording = Recording(
        sid=stage.exchange.store.new_sid("RE"),
        source="DialVerb",
        created=now,
        updated=now,
        channels=2 if wish.endswith("-dual") else 1,
        leg=stage.leg,
        callback=verb.address("recordingStatusCallback"),
        callback_method=verb.get("recordingStatusCallbackMethod", "POST"),
        callback_events=verb.words("recordingStatusCallbackEvent", "completed"),
    )
    return recordings.start(stage.exchange, recording)
