"""A call comes in and finds its way: language, menu, department, queue.

Each function runs in the transaction of a question (questions.py), the call being locked, and
returns the document that the line follows next.
"""

from datetime import datetime

from django.utils import timezone
from twilio.twiml.voice_response import VoiceResponse

from channels_app.voice import callbacks, lining_up, menu, twiml, voicemail, words
from channels_app.voice.models import Call, MenuItem, PhoneLine, RecordingRule
from hub.conversations.actions import calls
from hub.conversations.joining import id_of_address
from hub.conversations.models import Channel, Entry
from hub.routing import hours, queue, waits
from hub.routing.after_hours import expected_in_words
from hub.routing.rules import rules_of
from hub.staff.models import Department
from hub.staff.presence import on_duty
from patients import contact_points, normal_form
from patients.models import ContactPoint

#: How often nobody answers a menu before a person is asked to help: whoever cannot press or speak
#: is not turned away.
SILENT_ROUNDS = 2


class UnknownLine(LookupError):
    """A call came to a number that the hub does not know as its own."""


def arrive(sid: str, caller: str, called: str) -> VoiceResponse:
    """Take a new call: identify who rings by their number, open its conversation, and greet.

    Raises UnknownLine.
    """
    now = timezone.now()
    address_id = id_of_address(Channel.VOICE, called)
    if address_id is None:
        raise UnknownLine
    point = _point_of(sid, caller)
    joined = calls.arrive(point, address_id, at=now, what="arrived", is_taken=lining_up.has_caller)
    line, _ = PhoneLine.objects.get_or_create(
        hub_address_id=address_id, defaults={"languages": [words.DEFAULT_LANGUAGE]}
    )
    known = joined.conversation.patient
    languages = line.languages or [words.DEFAULT_LANGUAGE]
    call = Call(
        sid=sid,
        direction=Call.Direction.INBOUND,
        state=Call.State.MENU,
        conversation=joined.conversation,
        leg=joined.leg,
        contact_point=point,
        hub_address_id=address_id,
        language=known.language if known and known.language in languages else languages[0],
        started_at=now,
        heard_at=now,
    )
    doc = twiml.emergency_first(languages)
    if len(languages) > 1:
        greet(doc, line, languages[0])
        twiml.language_choice(doc, call, line)
    else:
        _first_menu(doc, call, line, now)
    call.save()
    return doc


def choose_language(call: Call, digits: str) -> VoiceResponse:
    """Go on in the language that was chosen, or in the one we know or guess."""
    line = line_of(call)
    if digits.isdigit() and 0 < int(digits) <= len(line.languages):
        call.language = line.languages[int(digits) - 1]
    doc = VoiceResponse()
    # The greeting was spoken in the first language already.
    _first_menu(doc, call, line, timezone.now(), greeted=call.language == line.languages[0])
    call.save()
    return doc


def choose(
    call: Call, item: MenuItem | None, digits: str, speech: str, silent: int
) -> VoiceResponse:
    """Follow a choice from the menu below `item` (None: the first)."""
    doc = VoiceResponse()
    line = line_of(call)
    chosen = menu.chosen(line, item, digits, speech, call.language)
    if chosen is None:
        choices = menu.choices(line, item)
        if not digits and not speech:
            silent += 1
            if silent >= SILENT_ROUNDS:
                return to_department(call, call.conversation.department, doc=doc)
        else:
            twiml.say(doc, words.not_a_choice(call.language), call.language)
        twiml.menu(doc, call, choices, parent=item, silent=silent)
        call.save()
        return doc
    return _follow(call, line, chosen, doc)


def enter_birth_date(call: Call, item: MenuItem | None, digits: str) -> VoiceResponse:
    """Note whether the birth date is that of the patient whose number it is, and go on.

    It confirms nobody: a number can be faked and a birth date known. The agent sees that it fits.
    """
    entered = menu.birth_date(digits)
    patient = call.conversation.patient
    if entered is not None:
        fits = patient is not None and patient.birth_date == entered
        calls.note(
            call.conversation,
            "birth_date_fits" if fits else "birth_date_entered",
            at=timezone.now(),
            leg=call.leg,
            kind=Entry.Kind.CALL,
        )
    department = item.department if item and item.department else call.conversation.department
    return to_department(call, department, item=item)


def to_department(
    call: Call,
    department: Department,
    *,
    item: MenuItem | None = None,
    doc: VoiceResponse | None = None,
) -> VoiceResponse:
    """Let the caller wait for `department`; if it is closed, empty or too full, offer ways out."""
    doc = doc or VoiceResponse()
    now = timezone.now()
    rules = rules_of(department.pk).of(Channel.VOICE)
    if not hours.is_open(department, now):
        expected = expected_in_words(department, now, call.language)
        return no_way_in(call, department, words.closed(call.language, expected), doc, now)
    if not on_duty(department.pk):
        return no_way_in(call, department, words.nobody_there(call.language), doc, now)
    waiting = waits.waiting_count(department.pk, Channel.VOICE)
    if rules.most_waiting is not None and waiting >= rules.most_waiting:
        return no_way_in(call, department, words.queue_full(call.language), doc, now)
    held_by = calls.needs_person(call.conversation, department, call.leg, at=now)
    _enter(call, item, held_by, now)
    connect(doc, call, department, now)
    call.save()
    return doc


def greet(doc: VoiceResponse, line: PhoneLine, language: str, *, is_open: bool = True) -> None:
    """Say the administrator's greeting, or the house's; and what else is said while closed."""
    greeting = words.in_language(line.greeting, language)
    twiml.say(doc, greeting or words.welcome(language), language)
    if not is_open:
        twiml.say(doc, words.in_language(line.closed_greeting, language), language)


def connect(doc: VoiceResponse, call: Call, department: Department, now: datetime) -> None:
    """Say that somebody will come, after the notice where calls are recorded; park the line."""
    if _records(department):
        twiml.say(doc, words.recording_notice(call.language), call.language)
        call.notice_at = now
    twiml.say(doc, words.connecting(call.language), call.language)
    twiml.enqueue(doc, call, queue_name(department))


def no_way_in(
    call: Call, department: Department, why: str, doc: VoiceResponse, now: datetime
) -> VoiceResponse:
    """Say why nobody comes to the phone, and offer what else there is."""
    rules = rules_of(department.pk).of(Channel.VOICE)
    call.state = Call.State.MENU
    if call.conversation.department_id != department.pk:
        calls.belongs_to(call.conversation, department, call.leg, at=now)
    twiml.say(doc, why, call.language)
    callback = rules.callbacks and callbacks.can_call(call, now)
    twiml.ways_out(doc, call, voicemail=rules.voicemail, callback=callback)
    call.save()
    return doc


def queue_name(department: Department) -> str:
    """Return the name of the queue at the provider where a department's callers are parked."""
    return f"department-{department.uuid}"


def line_of(call: Call) -> PhoneLine:
    """Return how the number sounds that was called."""
    return PhoneLine.objects.get(hub_address_id=call.hub_address_id)


def _first_menu(
    doc: VoiceResponse, call: Call, line: PhoneLine, now: datetime, *, greeted: bool = False
) -> None:
    """Greet and read the first menu; a line without one leads straight to its department."""
    department = call.conversation.department
    is_open = hours.is_open(department, now)
    if not greeted:
        greet(doc, line, call.language, is_open=is_open)
    elif not is_open:
        twiml.say(doc, words.in_language(line.closed_greeting, call.language), call.language)
    choices = menu.choices(line, None)
    if choices:
        twiml.menu(doc, call, choices)
        return
    to_department(call, department, doc=doc)


def _follow(call: Call, line: PhoneLine, chosen: MenuItem, doc: VoiceResponse) -> VoiceResponse:
    now = timezone.now()
    match chosen.action:
        case MenuItem.Action.MENU:
            twiml.menu(doc, call, menu.choices(line, chosen), parent=chosen)
        case MenuItem.Action.ANNOUNCEMENT:
            twiml.say(doc, words.in_language(chosen.text, call.language), call.language)
            twiml.menu(doc, call, menu.choices(line, chosen.parent), parent=chosen.parent)
        case MenuItem.Action.TEXT:
            menu.send_text(call, chosen, doc, now)
            twiml.menu(doc, call, menu.choices(line, chosen.parent), parent=chosen.parent)
        case MenuItem.Action.VOICEMAIL:
            assert chosen.department is not None
            greeting = words.in_language(chosen.text, call.language)
            return voicemail.begin(call, chosen.department, doc, now, greeting=greeting)
        case MenuItem.Action.CALLBACK:
            assert chosen.department is not None
            if not callbacks.can_call(call, now):
                twiml.say(doc, words.cannot_call_back(call.language), call.language)
                return to_department(call, chosen.department, item=chosen, doc=doc)
            return callbacks.from_menu(call, chosen.department, doc, now)
        case _:
            assert chosen.department is not None
            if line.asks_birth_date and call.conversation.patient is not None:
                twiml.birth_date(doc, call, chosen)
            else:
                return to_department(call, chosen.department, item=chosen, doc=doc)
    call.save()
    return doc


def _enter(call: Call, item: MenuItem | None, held_by: int | None, now: datetime) -> None:
    """Put the conversation into the queue; a text that waits in it waits in the call from now."""
    call.queue_entry = queue.enter(
        call.conversation,
        at=now,
        channel=Channel.VOICE,
        skills=item.skills if item else (),
        language=call.language,
        prefer=held_by,
    )
    call.state = Call.State.QUEUED
    call.queued_at = now


def _records(department: Department) -> bool:
    return RecordingRule.objects.filter(department=department, records=True).exists()


def _point_of(sid: str, caller: str) -> ContactPoint:
    """Return the caller's contact point, locked; who withholds their number gets one for once."""
    try:
        return contact_points.hold(ContactPoint.System.PHONE, caller)
    except normal_form.NotAnAddress:
        return contact_points.hold(ContactPoint.System.VISITOR, f"{normal_form.WITHHELD_CALL}{sid}")
