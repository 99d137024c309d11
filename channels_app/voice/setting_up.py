"""The only writers of phone lines, their menus, and the rules of recording; for administrators.

Each is one transaction with a row in the audit trail. Whoever sits at the command line is nobody
known (`by` is None): who may open a shell there is the operator's rule.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import transaction

from channels_app.voice import words
from channels_app.voice.models import MenuItem, PhoneLine, RecordingRule
from channels_app.voice.setting_up_errors import (
    ChoicesBelow,
    DepartmentMissing,
    DigitMissing,
    DigitTaken,
    FallbackIsOurs,
    KeptTooShort,
    LabelMissing,
    LanguageMissing,
    NoState,
    NotANumber,
    NotAPlaceForIt,
    NumberTaken,
    TextMissing,
    TextTooLong,
)
from hub.audit.record import AuditAction, record
from hub.conversations.actions.addresses import AddressTaken, add_address
from hub.conversations.models import Channel, HubAddress
from hub.staff.actions import NotAnAdministrator
from hub.staff.models import Department, User
from patients import normal_form

Action = MenuItem.Action

#: Twilio takes no longer text message; and nobody listens to a longer announcement.
LONGEST_TEXT = 1600
LEAST_DAYS = 1

NEEDS_DEPARTMENT = frozenset({Action.DEPARTMENT, Action.VOICEMAIL, Action.CALLBACK})
NEEDS_TEXT = frozenset({Action.ANNOUNCEMENT, Action.TEXT})
HAS_TEXT = NEEDS_TEXT | {Action.VOICEMAIL}

_DIGIT = re.compile(r"[0-9]")
_STATE = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True)
class Choice:
    """One choice of a menu as an administrator wants it; words are kept by language."""

    digit: str
    action: str
    label: Mapping[str, str]
    spoken: Mapping[str, Sequence[str]] = field(default_factory=dict)
    text: Mapping[str, str] = field(default_factory=dict)
    department: Department | None = None
    skills: Sequence[str] = ()
    #: The menu that it stands in; None: the first.
    parent: MenuItem | None = None


@transaction.atomic
def add_line(
    number: str, department: Department, *, label: str = "", by: User | None = None
) -> PhoneLine:
    """Return a new line of ours, in the first language, without a menu.

    Raises NotANumber, NumberTaken, NotAnAdministrator.
    """
    _need_administrator(by)
    try:
        value = normal_form.phone(number)
        address = add_address(Channel.VOICE, value, label or department.name, department, by=by)
    except normal_form.NotAnAddress:
        raise NotANumber("number") from None
    except AddressTaken:
        raise NumberTaken("number") from None
    return PhoneLine.objects.create(hub_address=address, languages=[words.DEFAULT_LANGUAGE])


@transaction.atomic
def change_line(
    line: PhoneLine,
    *,
    label: str,
    department: Department,
    languages: Sequence[str],
    greeting: Mapping[str, str],
    closed_greeting: Mapping[str, str],
    asks_birth_date: bool,
    fallback_number: str,
    by: User,
) -> None:
    """Say how a line sounds, in which languages, and whose it is.

    Raises LanguageMissing, NotANumber, FallbackIsOurs, TextTooLong, NotAnAdministrator.
    """
    _need_administrator(by)
    if not languages or not set(languages) <= set(words.VOICES):
        raise LanguageMissing("languages")
    for name, said in (("greeting", greeting), ("closed_greeting", closed_greeting)):
        _need_short(said, name)
    line = _locked(line)
    address = line.hub_address
    address.label, address.department = label or department.name, department
    address.save(update_fields=["label", "department"])
    line.languages = list(languages)
    line.greeting, line.closed_greeting = _written(greeting), _written(closed_greeting)
    line.asks_birth_date = asks_birth_date
    line.fallback_number = _fallback(fallback_number)
    line.save()
    _record(by, line, department=department.pk, languages=list(languages))


@transaction.atomic
def add_choice(line: PhoneLine, choice: Choice, *, by: User) -> MenuItem:
    """Put a choice on a menu of the line. Raises what `check` raises, NotAnAdministrator."""
    _need_administrator(by)
    line = _locked(line)
    item = MenuItem(line=line)
    _set(item, choice)
    _record(by, item, line=line.pk, action=item.action)
    return item


@transaction.atomic
def change_choice(item: MenuItem, choice: Choice, *, by: User) -> None:
    """Change a choice, or move it to another digit or menu of its line.

    Raises what `check` raises, NotAnAdministrator.
    """
    _need_administrator(by)
    _locked(item.line)
    _set(item, choice)
    _record(by, item, line=item.line_id, action=item.action)


@transaction.atomic
def remove_choice(item: MenuItem, *, by: User) -> None:
    """Take a choice off its menu. Raises ChoicesBelow, NotAnAdministrator."""
    _need_administrator(by)
    _locked(item.line)
    if item.children.exists():
        raise ChoicesBelow("")
    _record(by, item, line=item.line_id, removed=True)
    item.delete()


@transaction.atomic
def set_recording_rule(
    department: Department,
    *,
    records: bool,
    jurisdiction: str,
    transcribes: bool,
    keep_days: int,
    by: User,
) -> RecordingRule:
    """Say whether a department's calls are recorded, and how long sound is kept.

    Raises NoState, KeptTooShort, NotAnAdministrator.
    """
    _need_administrator(by)
    if jurisdiction and not _STATE.fullmatch(jurisdiction):
        raise NoState("jurisdiction")
    if keep_days < LEAST_DAYS:
        raise KeptTooShort("keep_days")
    values = {
        "records": records,
        "jurisdiction": jurisdiction,
        "transcribes": transcribes,
        "keep_days": keep_days,
    }
    rule, _ = RecordingRule.objects.update_or_create(department=department, defaults=values)
    record(AuditAction.SETTINGS_CHANGED, actor=by, objects=[rule], detail=values)
    return rule


def check(item: MenuItem, choice: Choice) -> None:
    """Refuse a choice that would leave a caller without an answer.

    Raises DigitMissing, DigitTaken, DepartmentMissing, LabelMissing, TextMissing, TextTooLong,
    ChoicesBelow, NotAPlaceForIt.
    """
    if not _DIGIT.fullmatch(choice.digit):
        raise DigitMissing("digit")
    beside = MenuItem.objects.filter(line=item.line, parent=choice.parent).exclude(pk=item.pk)
    if beside.filter(digit=choice.digit).exists():
        raise DigitTaken("digit", digit=choice.digit)
    if choice.action in NEEDS_DEPARTMENT and choice.department is None:
        raise DepartmentMissing("department")
    for language in item.line.languages:
        if not choice.label.get(language, "").strip():
            raise LabelMissing(f"label_{language}")
        if choice.action in NEEDS_TEXT and not choice.text.get(language, "").strip():
            raise TextMissing(f"text_{language}")
    _need_short(choice.text, "text")
    if item.pk and choice.action != Action.MENU and item.children.exists():
        raise ChoicesBelow("action")
    _check_place(item, choice.parent)


def _check_place(item: MenuItem, parent: MenuItem | None) -> None:
    """A choice stands in a menu of its line, and no menu stands below itself."""
    above = parent
    if above is not None and (above.line_id != item.line_id or above.action != Action.MENU):
        raise NotAPlaceForIt("parent")
    while above is not None:
        if item.pk is not None and above.pk == item.pk:
            raise NotAPlaceForIt("parent")
        above = above.parent


def _set(item: MenuItem, choice: Choice) -> None:
    check(item, choice)
    item.digit, item.action, item.parent = choice.digit, choice.action, choice.parent
    item.label = _written(choice.label)
    item.spoken = {
        language: found
        for language, said in choice.spoken.items()
        if (found := [word.strip() for word in said if word.strip()])
    }
    item.text = _written(choice.text) if choice.action in HAS_TEXT else {}
    item.department = choice.department if choice.action in NEEDS_DEPARTMENT else None
    item.skills = list(choice.skills) if choice.action == Action.DEPARTMENT else []
    item.save()


def _written(said: Mapping[str, str]) -> dict[str, str]:
    return {language: text.strip() for language, text in said.items() if text.strip()}


def _need_short(said: Mapping[str, str], name: str) -> None:
    for language, text in said.items():
        if len(text) > LONGEST_TEXT:
            raise TextTooLong(f"{name}_{language}", most=LONGEST_TEXT, length=len(text))


def _fallback(number: str) -> str:
    """Return the number in its normal form: one that works while the hub does not."""
    if not number.strip():
        return ""
    try:
        value = normal_form.phone(number)
    except normal_form.NotAnAddress:
        raise NotANumber("fallback_number") from None
    if HubAddress.objects.filter(channel=Channel.VOICE, value=value).exists():
        raise FallbackIsOurs("fallback_number")
    return value


def _locked(line: PhoneLine) -> PhoneLine:
    """Return the line, locked: two who change one menu come one after the other."""
    return (
        PhoneLine.objects.select_for_update(of=("self",))
        .select_related("hub_address")
        .get(pk=line.pk)
    )


def _record(by: User | None, of: PhoneLine | MenuItem, **detail: object) -> None:
    record(AuditAction.SETTINGS_CHANGED, actor=by, objects=[of], detail=detail)


def _need_administrator(by: User | None) -> None:
    if by is not None and not (by.is_administrator and by.is_active):
        raise NotAnAdministrator
