"""What a menu offers, and what a digit or a word chooses from it."""

from datetime import date, datetime

from django.db.models import Exists, OuterRef
from twilio.twiml.voice_response import VoiceResponse

from channels_app.voice import twiml, words
from channels_app.voice.models import Call, MenuItem, PhoneLine
from hub.conversations.actions.automatic import answer_automatically
from hub.conversations.actions.legs import open_leg
from hub.conversations.models import Channel, HubAddress, Leg
from patients import consent
from patients.models import ContactPoint
from patients.plain_words import words as bare_words


def choices(line: PhoneLine, parent: MenuItem | None) -> list[MenuItem]:
    """Return what may be chosen below `parent` (None: in the first menu).

    A menu below which there is nothing yet is not offered: it would lead to silence.
    """
    below = MenuItem.objects.filter(parent=OuterRef("pk"))
    return list(
        line.menu_items.filter(parent=parent)
        .exclude(~Exists(below), action=MenuItem.Action.MENU)
        .select_related("department", "parent")
    )


def chosen(
    line: PhoneLine, parent: MenuItem | None, digits: str, speech: str, language: str
) -> MenuItem | None:
    """Return what the caller chose by digit or by word, or None."""
    offered = choices(line, parent)
    if digits:
        return next((item for item in offered if item.digit == digits[0]), None)
    said = _padded(speech)
    for item in offered if speech else ():
        if any(_padded(str(word)) in said for word in item.spoken.get(language, [])):
            return item
    return None


def _padded(text: str) -> str:
    """Return the bare words of `text`, so that whole words are found in whole words."""
    return f" {' '.join(bare_words(text))} "


def birth_date(digits: str) -> date | None:
    """Return the date that MMDDYYYY means, or None."""
    try:
        return datetime.strptime(digits, "%m%d%Y").date()  # noqa: DTZ007  (a day has no zone)
    except ValueError:
        return None


def send_text(call: Call, item: MenuItem, doc: VoiceResponse, at: datetime) -> None:
    """Send the answer of `item` as a text to the caller's phone, and say whether that was done."""
    text = words.in_language(item.text, call.language)
    leg = _text_leg(call, at) if text else None
    if leg is None:
        twiml.say(doc, words.text_not_sent(call.language), call.language)
        return
    # Whoever got it today already has it; it is not sent twice.
    answer_automatically(call.conversation, leg, lambda: text, what=f"menu:{item.uuid}", at=at)
    twiml.say(doc, words.text_sent(call.language), call.language)


def _text_leg(call: Call, at: datetime) -> Leg | None:
    """Return an open text leg to the caller from our number of the same name, opened if needed."""
    if call.contact_point.system != ContactPoint.System.PHONE:
        return None
    address = HubAddress.objects.filter(channel=Channel.SMS, value=call.hub_address.value).first()
    if address is None or consent.is_stopped(call.contact_point_id, Channel.SMS):
        return None
    open_one = Leg.objects.filter(
        contact_point_id=call.contact_point_id, hub_address=address, ended_at__isnull=True
    ).first()
    if open_one is not None and open_one.conversation_id == call.conversation_id:
        return open_one
    return open_leg(call.conversation, Channel.SMS, call.contact_point, address, at)
