"""Twilio's questions about a line, by address; what is answered is decided in the actions."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET
from twilio.twiml.voice_response import VoiceResponse

from channels_app.twilio.webhooks import fields_of, from_twilio
from channels_app.voice import (
    arriving,
    calling_back,
    guests,
    placing,
    twiml,
    voicemail,
    waiting,
)
from channels_app.voice import (
    music as hold_music,
)
from channels_app.voice.models import Call, MenuItem
from channels_app.voice.questions import (
    Fields,
    answer_anew,
    answer_once,
    document,
    keep,
    sorry,
)

asked = from_twilio("CallSid", "CA")


def _step(request: HttpRequest, name: str) -> str:
    """Return the key of the step that the address names."""
    return f"{name}:{request.GET.get('s', '')[:16]}"


def _item(request: HttpRequest, call: Call) -> MenuItem | None:
    """Return the choice that the address names, of the line that was called."""
    given = request.GET.get("m", "")
    if not given:
        return None
    return MenuItem.objects.select_related("department", "parent").get(
        uuid=UUID(given), line__hub_address_id=call.hub_address_id
    )


@asked
def incoming(request: HttpRequest) -> HttpResponse:
    """A call comes in."""
    return keep(
        request,
        "incoming",
        lambda fields: str(
            arriving.arrive(fields["CallSid"], fields.get("From", ""), fields.get("To", ""))
        ),
    )


@asked
def language(request: HttpRequest) -> HttpResponse:
    """A language was chosen, or none."""
    return answer_once(
        request,
        _step(request, "language"),
        lambda call, fields: arriving.choose_language(call, fields.get("Digits", "")),
    )


@asked
def menu(request: HttpRequest) -> HttpResponse:
    """A digit was pressed in a menu, or a word said, or nothing."""

    def work(call: Call, fields: Fields) -> VoiceResponse:
        silent = request.GET.get("q", "")
        return arriving.choose(
            call,
            _item(request, call),
            fields.get("Digits", ""),
            fields.get("SpeechResult", ""),
            int(silent) if silent.isdecimal() else 0,
        )

    return answer_once(request, _step(request, "menu"), work)


@asked
def birth_date(request: HttpRequest) -> HttpResponse:
    """A birth date was entered, or not."""
    return answer_once(
        request,
        _step(request, "birth-date"),
        lambda call, fields: arriving.enter_birth_date(
            call, _item(request, call), fields.get("Digits", "")
        ),
    )


@asked
def wait(request: HttpRequest) -> HttpResponse:
    """What does somebody hear who waits? Asked again each time the last answer ran out."""
    return answer_anew(request, lambda call, fields: waiting.hear(call))


@asked
def wait_choice(request: HttpRequest) -> HttpResponse:
    """A digit was pressed while waiting."""
    # Whoever presses twice is promised one call; so it needs no step of its own.
    return answer_once(
        request,
        f"wait-choice:{request.headers.get('I-Twilio-Idempotency-Token', '')[:40]}",
        lambda call, fields: waiting.choose(call, fields.get("Digits", "")),
    )


@asked
def left(request: HttpRequest) -> HttpResponse:
    """A line left the provider's queue."""
    return answer_once(
        request,
        _step(request, "left"),
        lambda call, fields: waiting.left(call, fields.get("QueueResult", "")),
    )


@asked
def way_out(request: HttpRequest) -> HttpResponse:
    """Somebody who could not be connected chose what instead."""
    return answer_once(
        request,
        _step(request, "way-out"),
        lambda call, fields: waiting.way_out(call, fields.get("Digits", "")),
    )


@asked
def place(request: HttpRequest) -> HttpResponse:
    """We sent the line somewhere else: where to?"""
    return answer_once(
        request,
        f"place:{request.GET.get('m', '')[:16]}",
        lambda call, fields: placing.place(call),
    )


@asked
def room_left(request: HttpRequest) -> HttpResponse:
    """The patient's line is out of the room, and still there."""
    return answer_once(
        request, _step(request, "room-left"), lambda call, fields: placing.room_left(call, fields)
    )


@asked
def reached(request: HttpRequest) -> HttpResponse:
    """A patient whom we rang has answered."""
    return keep(
        request,
        "reached",
        lambda fields: str(calling_back.reached(UUID(request.GET["c"]), fields["CallSid"])),
    )


@asked
def hold(request: HttpRequest) -> HttpResponse:
    """What does a line on hold hear?"""
    return document(str(twiml.music()))


@asked
def notice(request: HttpRequest) -> HttpResponse:
    """What is a guest told who joins a call that is recorded?"""
    return document(str(guests.notice(fields_of(request)["CallSid"])))


@asked
def message_left(request: HttpRequest) -> HttpResponse:
    """Somebody has spoken to the voicemail."""
    return answer_once(
        request,
        _step(request, "message-left"),
        lambda call, fields: voicemail.left(call, fields),
    )


@asked
def fallback(request: HttpRequest) -> HttpResponse:
    """We failed to answer before: say the emergency numbers, and forward."""
    return sorry(fields_of(request))


@require_GET
def music(request: HttpRequest) -> HttpResponse:
    """What is played to those who wait."""
    response = HttpResponse(hold_music.wav(), content_type="audio/wav")
    response["Cache-Control"] = "public, max-age=86400"
    return response
