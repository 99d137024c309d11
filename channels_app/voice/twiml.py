"""The documents that steer a line (TwiML), built by Twilio's own library."""

from collections.abc import Sequence
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

from channels_app.voice import words
from channels_app.voice.models import Call, MenuItem, Party, PhoneLine

#: Connection overrides of our addresses (notes on Twilio, 3.3): questions are asked again when we
#: cannot be reached or break, as when a process is being started anew; events whatever fails.
ASK_AGAIN = "#rc=5&rp=5xx,ct,rt"
TELL_AGAIN = "#rc=3&rp=all"
#: What we are told of a line and of a room: what is worked on, and no more.
LINE_EVENTS = ("ringing", "answered", "completed")
ROOM_EVENTS = ("join", "leave")
#: People who cannot hear, speak or press quickly get the time they need (45 CFR 92; 711 relay).
SECONDS_TO_PRESS = 8
LONGEST_MESSAGE = 180


def question(name: str, **query: object) -> str:
    """Return the address at which Twilio asks `name`."""
    return address(name, ASK_AGAIN, **query)


def event(name: str, **query: object) -> str:
    """Return the address at which Twilio tells of `name`."""
    return address(name, TELL_AGAIN, **query)


def address(name: str, overrides: str = "", **query: object) -> str:
    """Return one of our addresses as Twilio is given it; ids only, never a number or a word."""
    tail = f"?{urlencode(query)}" if query else ""
    return f"{settings.PUBLIC_URL}{reverse(f'voice:{name}')}{tail}{overrides}"


def next_step(call: Call) -> int:
    """Number the step that the document being made leads to; the caller saves the call."""
    call.steps += 1
    return call.steps


def say(into: VoiceResponse | Gather, text: str, language: str) -> None:
    """Have `text` spoken, unless it is empty."""
    if text:
        into.say(text, language=words.voice_of(language))


def emergency_first(languages: Sequence[str]) -> VoiceResponse:
    """Return a document that begins with the emergency notice in each of `languages`."""
    doc = VoiceResponse()
    for language in languages:
        say(doc, words.emergency(language), language)
    return doc


def language_choice(doc: VoiceResponse, call: Call, line: PhoneLine) -> VoiceResponse:
    """Let the caller choose a language; whoever says nothing gets the first."""
    step = next_step(call)
    gather = Gather(
        num_digits=1,
        timeout=SECONDS_TO_PRESS,
        action=question("language", s=step),
        action_on_empty_result=True,
    )
    for digit, language in enumerate(line.languages, 1):
        say(gather, words.choose_language(language, digit), language)
    doc.append(gather)
    return doc


def menu(
    doc: VoiceResponse,
    call: Call,
    items: Sequence[MenuItem],
    *,
    parent: MenuItem | None = None,
    silent: int = 0,
) -> VoiceResponse:
    """Read the choices out, and wait for a digit or a word."""
    step = next_step(call)
    where = {"m": parent.uuid} if parent else {}
    hints = [str(word) for item in items for word in item.spoken.get(call.language, [])]
    gather = Gather(
        input="dtmf speech" if hints else "dtmf",
        num_digits=1,
        timeout=SECONDS_TO_PRESS,
        action=question("menu", s=step, q=silent, **where),
        action_on_empty_result=True,
        language=words.voice_of(call.language),
        **({"hints": ",".join(hints), "speech_timeout": "auto"} if hints else {}),
    )
    for item in items:
        label = words.in_language(item.label, call.language)
        say(gather, words.choose(call.language, label, item.digit), call.language)
    if parent is None:
        say(gather, words.choose_or_wait(call.language), call.language)
    doc.append(gather)
    return doc


def birth_date(doc: VoiceResponse, call: Call, item: MenuItem | None) -> VoiceResponse:
    """Ask for the birth date by keypad."""
    gather = Gather(
        num_digits=8,
        finish_on_key="#",
        timeout=SECONDS_TO_PRESS * 2,
        action=question("birth-date", s=next_step(call), **({"m": item.uuid} if item else {})),
        action_on_empty_result=True,
    )
    say(gather, words.ask_birth_date(call.language), call.language)
    doc.append(gather)
    return doc


def enqueue(doc: VoiceResponse, call: Call, queue_name: str) -> VoiceResponse:
    """Park the line, with music, until somebody is there."""
    doc.enqueue(
        queue_name,
        wait_url=question("wait"),
        wait_url_method="POST",
        action=question("left", s=next_step(call)),
        method="POST",
    )
    return doc


def wait(call: Call, said: str, *, may_leave: bool) -> VoiceResponse:
    """Return what somebody hears who waits: where they stand, a way out, and music."""
    doc = VoiceResponse()
    into: VoiceResponse | Gather = doc
    if may_leave:
        into = Gather(num_digits=1, timeout=1, action=question("wait-choice"))
    say(into, said, call.language)
    if may_leave:
        say(into, words.offer_callback(call.language), call.language)
    into.play(address("music"))
    if may_leave:
        doc.append(into)
    return doc


def music() -> VoiceResponse:
    """Return music without an end, for a line on hold."""
    doc = VoiceResponse()
    doc.play(address("music"), loop=0)
    return doc


def room(call: Call, said: str = "") -> VoiceResponse:
    """Bring the patient's line into the call's room; the room ends when they leave it."""
    doc = VoiceResponse()
    say(doc, said, call.language)
    dial = Dial(action=question("room-left", s=next_step(call)), method="POST")
    dial.conference(
        call.room,
        participant_label=label(call),
        start_conference_on_enter=True,
        end_conference_on_exit=True,
        beep="false",
        wait_url=question("hold"),
        status_callback=event("conference", c=call.uuid),
        status_callback_event=" ".join(ROOM_EVENTS),
    )
    doc.append(dial)
    return doc


def label(of: Call | Party) -> str:
    """Return the label of a line in a room: an id of ours, and nothing of a person."""
    return f"party-{of.uuid}" if isinstance(of, Party) else "patient"


def ways_out(doc: VoiceResponse, call: Call, *, voicemail: bool, callback: bool) -> VoiceResponse:
    """Offer a callback or a message to somebody who cannot be connected; else say goodbye."""
    if voicemail or callback:
        gather = Gather(
            num_digits=1, timeout=SECONDS_TO_PRESS, action=question("way-out", s=next_step(call))
        )
        offered = words.ways_out(call.language, voicemail=voicemail, callback=callback)
        say(gather, offered, call.language)
        doc.append(gather)
    return goodbye(doc, call.language)


def voicemail(
    doc: VoiceResponse, call: Call, recording_uuid: object, greeting: str = ""
) -> VoiceResponse:
    """Take a message, after the administrator's words for it, if there are any."""
    say(doc, greeting, call.language)
    say(doc, words.leave_message(call.language), call.language)
    doc.record(
        max_length=LONGEST_MESSAGE,
        finish_on_key="#",
        timeout=SECONDS_TO_PRESS,
        play_beep=True,
        trim="trim-silence",
        action=question("message-left", s=next_step(call)),
        method="POST",
        recording_status_callback=event("recording", r=recording_uuid),
        recording_status_callback_event="completed absent",
    )
    return goodbye(doc, call.language)


def goodbye(doc: VoiceResponse, language: str) -> VoiceResponse:
    """Say goodbye and hang up."""
    say(doc, words.goodbye(language), language)
    doc.hangup()
    return doc


def fallback(number: str) -> VoiceResponse:
    """Return the document that needs nothing of ours: emergency numbers, and another line."""
    doc = VoiceResponse()
    for language in words.VOICES:
        say(doc, words.emergency(language), language)
        say(doc, words.went_wrong(language), language)
    if number:
        doc.dial(number)
    else:
        doc.hangup()
    return doc
