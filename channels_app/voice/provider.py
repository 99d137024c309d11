"""Carries out orders (commands.py) by Twilio's REST API: the rows say what is wanted, now.

Whatever was sent is compared with the rows once more afterwards: if somebody wanted something else
meanwhile, that is sent too. So two workers that cross each other end at what is wanted last.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from django.utils import timezone
from twilio.base.exceptions import TwilioRestException

from channels_app.adapter import Ambiguous, HandedOver, Refused, TryLater
from channels_app.twilio.client import client
from channels_app.twilio.failures import FAILURES, meaning
from channels_app.voice import tokens, twiml
from channels_app.voice.models import Call, Party
from hub.conversations.models import Delivery

#: The line is over, or there is no such: nothing can be done with it any more.
GONE = frozenset({"20404", "21220", "13228", "404"})
#: Twilio's words for a line that is over.
OVER = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
NOT_WANTED = "not_wanted"
#: How long after the answer a line may not be in its room yet.
ON_THE_WAY = timedelta(seconds=10)
RING_SECONDS = 25
#: How long a colleague's or a guest's phone rings.
GUEST_SECONDS = 45

T = TypeVar("T")


def ring(delivery: Delivery, party: Party) -> HandedOver:
    """Ring a party into the room. Raises Refused, TryLater, Ambiguous."""
    call = party.call
    if party.left_at is not None or party.leaving or call.ended_at is not None:
        raise Refused(NOT_WANTED)
    left = (delivery.not_after - timezone.now()) if delivery.not_after else timedelta()
    arguments: dict[str, Any] = {
        "from_": call.hub_address.value,
        "to": party.number or f"client:{tokens.identity_of(party.user_id)}",
        "label": twiml.label(party),
        "timeout": max(5, min(60, round(left.total_seconds()))),
        "beep": "false",
        "end_conference_on_exit": False,
        "start_conference_on_enter": True,
        "wait_url": "",
        "status_callback": twiml.event("party", p=party.uuid),
        "status_callback_event": list(twiml.LINE_EVENTS),
        "conference_status_callback": twiml.event("conference", c=call.uuid),
        "conference_status_callback_event": list(twiml.ROOM_EVENTS),
    }
    arguments |= _presence(party)
    made = _make(lambda: client().conferences(call.room).participants.create(**arguments))
    # The room may be new: what is ordered next in it needs its id at once.
    Call.objects.filter(pk=call.pk).update(conference_sid=str(made.conference_sid))
    return HandedOver(provider_key=str(made.call_sid))


def ring_patient(delivery: Delivery, call: Call) -> HandedOver:
    """Ring the patient of a call out; whoever answers is brought into the room."""
    if call.state != Call.State.DIALLING:
        raise Refused(NOT_WANTED)
    made = _make(
        lambda: client().calls.create(
            to=call.contact_point.value,
            from_=call.hub_address.value,
            url=twiml.question("reached", c=call.uuid),
            method="POST",
            timeout=RING_SECONDS,
            status_callback=twiml.event("status", c=call.uuid),
            status_callback_event=list(twiml.LINE_EVENTS),
            machine_detection="Enable",
            async_amd="true",
            async_amd_status_callback=twiml.event("machine", c=call.uuid),
        )
    )
    return HandedOver(provider_key=str(made.sid))


def find(delivery: Delivery, party: Party | None, call: Call) -> HandedOver | None:
    """Ask whether a ring of which nobody knows was made. Raises TryLater."""
    if party is not None:
        wanted = twiml.label(party)
        room = _room_of(call)
        found = _ask(lambda: client().conferences(room).participants.list(limit=50)) if room else []
        for one in found or []:
            if one.label == wanted:
                return HandedOver(provider_key=str(one.call_sid))
        return None
    since = delivery.created_at - timedelta(minutes=1)
    known = set(Call.objects.filter(contact_point=call.contact_point).values_list("sid", flat=True))
    calls = _ask(
        lambda: client().calls.list(
            to=call.contact_point.value, from_=call.hub_address.value, limit=20
        )
    )
    for one in calls or []:
        if one.sid not in known and (one.start_time is None or one.start_time >= since):
            return HandedOver(provider_key=str(one.sid))
    return None


def _room_of(call: Call) -> str:
    """Return the provider's id of the call's conference; empty where there is none.

    By its name a conference can be made, and not be asked about.
    """
    if call.conference_sid:
        return call.conference_sid
    rooms = _ask(lambda: client().conferences.list(friendly_name=call.room, limit=5)) or []
    return next((str(one.sid) for one in rooms if one.status != "completed"), "")


def move(call_id: int, number: int) -> None:
    """Bring the patient's line to where the call's state says. Raises Refused, TryLater."""
    call = Call.objects.get(pk=call_id)
    if call.moves != number or not call.sid:
        return
    if call.state == Call.State.ENDED:
        _change(lambda: client().calls(call.sid).update(status="completed"))
        return
    url = twiml.question("place", m=number)
    _change(lambda: client().calls(call.sid).update(url=url, method="POST"))


def set_party(party_id: int) -> None:
    """Bring a party's line to what its row says. Raises Refused, TryLater."""
    sent: dict[str, Any] | None = None
    while True:
        party = Party.objects.select_related("call").get(pk=party_id)
        if not party.sid:
            return  # its ring is not answered yet: whoever learns its id sets it then
        wanted = _wanted(party)
        if wanted == sent:
            return
        if party.kind == Party.Kind.PATIENT and "status" in wanted:
            return  # out of the room is not off the line: that ends by `close`, or goes on
        if party.state != Party.State.JOINED and "status" not in wanted:
            return  # who is not in the room yet is set when they join
        sent = wanted
        _send(party, wanted)
        if "status" in wanted:
            return


def announce(party_id: int) -> None:
    """Tell a party alone that the call is recorded. Raises Refused, TryLater."""
    party = Party.objects.select_related("call").get(pk=party_id)
    if party.left_at is not None or party.leaving or not party.sid:
        return
    _change_in_room(party, announce_url=twiml.question("notice"), announce_method="POST")


def close(call: Call) -> None:
    """End every line of the call."""
    if call.conference_sid:
        _quietly(lambda: client().conferences(call.conference_sid).update(status="completed"))
    sids = list(call.parties.exclude(sid="").filter(kind__in=_OTHERS).values_list("sid", flat=True))
    if call.sid:
        sids.append(call.sid)
    for sid in sids:
        _quietly(partial(client().calls(sid).update, status="completed"))


_OTHERS = (Party.Kind.AGENT, Party.Kind.GUEST, Party.Kind.SUPERVISOR)


def _send(party: Party, wanted: dict[str, Any]) -> None:
    if "status" in wanted:
        _quietly(lambda: client().calls(party.sid).update(**wanted))
        return
    _change_in_room(party, **wanted)


def _change_in_room(party: Party, **wanted: Any) -> None:
    """Change how a party is in the room. Who answered a moment ago may only be on the way in."""
    room = _room_of(party.call) or party.call.room
    try:
        _change(lambda: client().conferences(room).participants(party.sid).update(**wanted))
    except Refused as error:
        since = timezone.now() - (party.joined_at or party.call.started_at)
        if error.code in GONE and since < ON_THE_WAY:
            raise TryLater(error.code, after=1.0) from None
        raise


def _wanted(party: Party) -> dict[str, Any]:
    if party.left_at is not None or party.leaving or party.call.ended_at is not None:
        return {"status": "completed"}
    wanted: dict[str, Any] = {"hold": party.held}
    if party.held:
        wanted |= {"hold_url": twiml.question("hold"), "hold_method": "POST"}
    return wanted | _presence(party)


def _presence(party: Party) -> dict[str, Any]:
    """Return how the party is heard: by all, by nobody, or by the agent alone."""
    if party.mode == Party.Mode.WHISPER:
        agent = (
            Party.objects.filter(
                call_id=party.call_id, kind=Party.Kind.AGENT, state=Party.State.JOINED
            )
            .exclude(sid="")
            # Who leads the call, not the colleague whom they ask.
            .order_by("is_consulted", "-pk")
            .first()
        )
        if agent is not None:
            return {"muted": False, "coaching": True, "call_sid_to_coach": agent.sid}
        return {"muted": True, "coaching": False}
    silent = party.muted or party.mode == Party.Mode.LISTEN
    if party.kind == Party.Kind.SUPERVISOR:
        return {"muted": silent, "coaching": False}
    return {"muted": silent}


def _make(request: Callable[[], T]) -> T:
    """Make something, once. Raises Refused, TryLater, Ambiguous."""
    try:
        return request()
    except FAILURES as error:
        raise meaning(error) from None


def _change(request: Callable[[], object]) -> None:
    """Change something; harmless to repeat, so what nobody knows is tried again."""
    try:
        request()
    except FAILURES as error:
        failure = meaning(error)
        if isinstance(failure, Ambiguous):
            raise TryLater(failure.code) from None
        raise failure from None


def _quietly(request: Callable[[], object]) -> None:
    """Change something that may be over already."""
    try:
        _change(request)
    except Refused as error:
        if error.code not in GONE:
            raise


def _ask(request: Callable[[], T]) -> T | None:
    """Ask for something; None where there is no such. Raises TryLater."""
    try:
        return request()
    except FAILURES as error:
        if isinstance(error, TwilioRestException) and error.status == 404:
            return None
        raise TryLater(meaning(error).code) from None
