"""Who may open which address. An address that is not here fails tests/walk/test_addresses.py.

A new view gets a line here: what kind of thing it opens, by which methods, and a body that does
what it is for, so that the walk proves both that it works and that it is refused.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto
from typing import Any
from uuid import UUID, uuid4

from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from hub.routing.forms import ChannelForm, RulesForm
from hub.routing.views import CHANNELS
from tests.walk.clinic import Clinic, Thread

Data = Callable[[Clinic, Thread], dict[str, Any]]


class Kind(Enum):
    """What an address opens, and by that who may open it (DESIGN.md, "Who sees what")."""

    PUBLIC = auto()  # anybody: entrances, probes, pages of the chat without anybody's data
    PROVIDER = auto()  # whoever signs with the account's token; and files by a signed address
    VISITOR = auto()  # a visitor, by their bearer token
    ACCOUNT = auto()  # anybody with an account, about themself
    ADMINISTRATOR = auto()
    LISTS = auto()  # agents and supervisors; what is in it is filtered
    SUPERVISOR = auto()  # supervisors; what they name is filtered
    READ = auto()  # who may read the conversation
    ANSWER = auto()  # who may answer in the conversation
    FILE = auto()  # who may read the conversation that the file came with
    OFFER = auto()  # whom it is offered to
    ON_CALL = auto()  # who is on the call, or was
    SUPERVISED = auto()  # supervisors of the department that has the call


CONTENT = {
    *(Kind.LISTS, Kind.SUPERVISOR, Kind.READ, Kind.ANSWER, Kind.FILE),
    *(Kind.OFFER, Kind.ON_CALL, Kind.SUPERVISED),
}
"""Kinds that lead to patients' data: for staff only, and each refusal is written down."""


def nothing(clinic: Clinic, thread: Thread) -> dict[str, Any]:
    """No fields."""
    return {}


@dataclass(frozen=True)
class Rule:
    """One address.

    Attributes:
        kind: who may open it.
        get: query that a GET needs; None where it has no GET.
        post: body that a POST needs; None where it has no POST.
        csrf: whether a POST needs the token of the page (all that go by the session do).
        fields: names that may be posted besides those in `post`.
    """

    kind: Kind
    get: Data | None = None
    post: Data | None = None
    csrf: bool = True
    fields: tuple[str, ...] = field(default=())  # what may be posted besides


def _by_get(kind: Kind, get: Data = nothing) -> Rule:
    return Rule(kind, get=get)


def _by_post(kind: Kind, post: Data = nothing, **more: Any) -> Rule:
    return Rule(kind, post=post, **more)


def _by_both(kind: Kind, post: Data, get: Data = nothing, **more: Any) -> Rule:
    return Rule(kind, get=get, post=post, **more)


def _later() -> str:
    return (timezone.now() + timedelta(days=1)).isoformat()


def _answer(clinic: Clinic, thread: Thread) -> dict[str, Any]:
    return {
        "body": "walked",
        "intent": uuid4(),
        "leg": thread.conversation.legs.get(ended_at=None).uuid,
        "seen": 100,
    }


def _profile(clinic: Clinic, thread: Thread) -> dict[str, Any]:
    return {"legal_name": "Renamed", "language": "en"}


def _point(clinic: Clinic, thread: Thread) -> dict[str, Any]:
    return {"point": thread.conversation.contact_point.uuid, "channel": "sms"}


def _callback(clinic: Clinic, thread: Thread) -> dict[str, Any]:
    return {"number": thread.conversation.contact_point.uuid}


def _consent(clinic: Clinic, thread: Thread) -> dict[str, Any]:
    return _point(clinic, thread) | {"state": "stopped", "evidence": "said so"}


def _person(clinic: Clinic) -> dict[str, Any]:
    return {"role": "supervisor", "departments": [clinic.departments["home"].pk]}


def _chosen(clinic: Clinic, thread: Thread) -> dict[str, Any]:
    held = thread.conversation.holder_id or ""
    return {"conversation": f"{thread.conversation.uuid}:{held}"}


def _member(clinic: Clinic, thread: Thread) -> UUID:
    """Return an agent of the department."""
    foreign = thread.conversation.department == clinic.departments["foreign"]
    return clinic.people["agent_elsewhere" if foreign else "agent"].uuid


def _guest(clinic: Clinic, thread: Thread) -> dict[str, Any]:
    return {"party": thread.call.parties.get(kind="guest").uuid}


def _move(clinic: Clinic, thread: Thread) -> dict[str, Any]:
    return _chosen(clinic, thread) | {"to": f"person:{clinic.people['agent'].uuid}"}


_FIELDS_OF_RULES = (
    *RulesForm.Meta.fields,
    *(f"{channel}-{name}" for channel in CHANNELS for name in ChannelForm.Meta.fields),
)


def _line(clinic: Clinic) -> dict[str, Any]:
    return {"department": clinic.departments["home"].pk, "languages": "en", "greeting_en": "Hello."}


def _choice(clinic: Clinic) -> dict[str, Any]:
    home = clinic.departments["home"].pk
    return {"digit": "1", "action": "department", "department": home, "label_en": "the ward"}


_OF_A_LINE = (
    *("label", "asks_birth_date", "fallback_number"),
    *("greeting_es", "closed_greeting_en", "closed_greeting_es"),
)
_OF_A_CHOICE = ("parent", "skills", "spoken_en", "text_en")

_OF_A_TEMPLATE = tuple(f"variable_{number}" for number in range(1, 7))


def _template(digit: str) -> dict[str, Any]:
    return {
        "name": "Write to us",
        "channel": "whatsapp",
        "language": "en",
        "content_sid": f"HX{digit * 32}",
        "preview": "Please write to us.",
    }


def _leg(clinic: Clinic, thread: Thread) -> dict[str, Any]:
    return {"leg": thread.conversation.legs.get(ended_at=None).uuid}


def _press(clinic: Clinic, thread: Thread) -> dict[str, Any]:
    """A template of WhatsApp, over a leg that is a text."""
    assert clinic.template is not None
    return _leg(clinic, thread) | {"template": clinic.template.uuid, "intent": uuid4()}


RULES: dict[str, Rule] = {
    # Anybody
    "": _by_get(Kind.PUBLIC),  # leads to /console/
    "healthz": _by_get(Kind.PUBLIC),
    "readyz": _by_get(Kind.PUBLIC),
    "account_login": _by_both(Kind.PUBLIC, lambda c, t: {"login": "a@example.org"}),
    "account_logout": _by_both(Kind.PUBLIC, nothing),
    "account_inactive": _by_get(Kind.PUBLIC),
    "account_signup": Rule(Kind.PUBLIC),  # a name that mails look for; there is no such page
    "account_reset_password": _by_both(Kind.PUBLIC, lambda c, t: {"email": "a@example.org"}),
    "account_reset_password_done": _by_get(Kind.PUBLIC),
    "account_reset_password_from_key": _by_both(Kind.PUBLIC, nothing),
    "account_reset_password_from_key_done": _by_get(Kind.PUBLIC),
    "mfa_authenticate": _by_both(Kind.PUBLIC, nothing),
    "mfa_login_webauthn": _by_both(Kind.PUBLIC, nothing),
    "staff:session": _by_get(Kind.PUBLIC),
    "staff:welcome": _by_both(Kind.PUBLIC, nothing),
    "staff:welcome_link": _by_get(Kind.PUBLIC),
    "chat:widget": _by_get(Kind.PUBLIC),
    "chat:frame": _by_get(Kind.PUBLIC),
    "chat:page": _by_get(Kind.PUBLIC),
    "chat_link:page": _by_get(Kind.PUBLIC),
    "selfservice:callback": _by_get(Kind.PUBLIC),
    "selfservice:callback_number": _by_post(
        Kind.PUBLIC, lambda c, t: {"number": "123"}, fields=("about", "language")
    ),
    "selfservice:callback_code": _by_post(
        Kind.PUBLIC, lambda c, t: {"token": "none", "code": "123456"}, fields=("language",)
    ),
    "selfservice:callback_time": _by_post(
        Kind.PUBLIC, lambda c, t: {"token": "none"}, fields=("start", "reason", "language")
    ),
    # Providers
    "messaging-inbound": _by_post(Kind.PROVIDER, csrf=False),
    "messaging-status": _by_post(Kind.PROVIDER, csrf=False),
    "messaging-media": _by_get(Kind.PROVIDER),
    **{
        f"voice:{name}": _by_post(Kind.PROVIDER, csrf=False)
        for name in (
            *("incoming", "language", "menu", "birth-date", "wait", "wait-choice", "left"),
            *("way-out", "place", "room-left", "reached", "hold", "notice", "message-left"),
            *("fallback", "status", "party", "conference", "recording", "machine"),
        )
    },
    "voice:music": _by_get(Kind.PUBLIC),
    # Visitors: a bearer token, no cookie, hence nothing that a foreign page could ride on
    "chat:sessions": _by_post(Kind.VISITOR, csrf=False),
    "chat:messages": _by_both(Kind.VISITOR, nothing, csrf=False),
    "chat:seen": _by_post(Kind.VISITOR, csrf=False),
    "chat:said": _by_post(Kind.VISITOR, csrf=False),
    "chat:callback": _by_both(Kind.VISITOR, nothing, csrf=False),
    "chat:end": _by_post(Kind.VISITOR, csrf=False),
    "chat:file": _by_get(Kind.VISITOR),
    "chat_link:start": _by_post(Kind.VISITOR, csrf=False),
    "chat_link:renew": _by_post(Kind.VISITOR, csrf=False),
    # The secure page: a cookie of its own, which no other site's page sends along
    "secure:page": _by_get(Kind.PUBLIC),
    "secure:open": _by_post(Kind.VISITOR, csrf=False),
    "secure:thread": _by_get(Kind.VISITOR),
    "secure:answer": _by_post(Kind.VISITOR, csrf=False),
    "secure:leave": _by_post(Kind.VISITOR, csrf=False),
    "secure:file": _by_get(Kind.VISITOR),
    # One's own account
    "account_reauthenticate": _by_both(Kind.ACCOUNT, nothing),
    "account_change_password": _by_both(Kind.ACCOUNT, nothing),
    "account_set_password": _by_both(Kind.ACCOUNT, nothing),
    "mfa_index": _by_get(Kind.ACCOUNT),
    "mfa_reauthenticate": _by_both(Kind.ACCOUNT, nothing),
    "mfa_activate_totp": _by_both(Kind.ACCOUNT, nothing),
    "mfa_deactivate_totp": _by_both(Kind.ACCOUNT, nothing),
    "mfa_view_recovery_codes": _by_get(Kind.ACCOUNT),
    "mfa_generate_recovery_codes": _by_both(Kind.ACCOUNT, nothing),
    "mfa_download_recovery_codes": _by_get(Kind.ACCOUNT),
    "mfa_list_webauthn": _by_get(Kind.ACCOUNT),
    "mfa_add_webauthn": _by_both(Kind.ACCOUNT, nothing),
    "mfa_reauthenticate_webauthn": _by_both(Kind.ACCOUNT, nothing),
    "mfa_remove_webauthn": _by_both(Kind.ACCOUNT, nothing),
    "mfa_edit_webauthn": _by_both(Kind.ACCOUNT, nothing),
    "usersessions_list": _by_both(Kind.ACCOUNT, nothing),
    "staff:me": _by_both(
        Kind.ACCOUNT, lambda c, t: {"name": "New Name", "language": "es", "theme": ""}
    ),
    "staff:activity": _by_post(Kind.ACCOUNT),
    "staff:lock": _by_post(Kind.ACCOUNT),
    "staff:unlock": _by_both(Kind.ACCOUNT, nothing),
    "staff:unlock_by_passkey": _by_both(Kind.ACCOUNT, nothing),
    # Administrators
    "staff:people": _by_get(Kind.ADMINISTRATOR),
    "staff:invite": _by_both(
        Kind.ADMINISTRATOR,
        lambda c, t: {"name": "X", "email": "x@example.org", "role": "agent"},
        fields=("departments",),
    ),
    "staff:withdraw": _by_post(Kind.ADMINISTRATOR),
    "staff:person": _by_both(
        Kind.ADMINISTRATOR, lambda c, t: _person(c), fields=("skills", "languages")
    ),
    "staff:switch-off": _by_post(Kind.ADMINISTRATOR),
    "staff:switch-on": _by_post(Kind.ADMINISTRATOR),
    "staff:end-sessions": _by_post(Kind.ADMINISTRATOR),
    "staff:reset-second-factor": _by_post(Kind.ADMINISTRATOR),
    "routing:departments": _by_get(Kind.ADMINISTRATOR),
    "routing:department": _by_both(
        Kind.ADMINISTRATOR,
        lambda c, t: {"part": "holidays", "days": "2099-12-25"},
        fields=("time_zone", "hours", *_FIELDS_OF_RULES),
    ),
    "phone_lines:index": _by_get(Kind.ADMINISTRATOR),
    "phone_lines:add": _by_both(
        Kind.ADMINISTRATOR,
        lambda c, t: {"number": "+15550100300", "department": c.departments["home"].pk},
        fields=("label",),
    ),
    "phone_lines:line": _by_get(Kind.ADMINISTRATOR),
    "phone_lines:change": _by_both(Kind.ADMINISTRATOR, lambda c, t: _line(c), fields=_OF_A_LINE),
    "phone_lines:add_choice": _by_both(
        Kind.ADMINISTRATOR, lambda c, t: _choice(c) | {"digit": "2"}, fields=_OF_A_CHOICE
    ),
    "phone_lines:choice": _by_both(
        Kind.ADMINISTRATOR, lambda c, t: _choice(c), fields=_OF_A_CHOICE
    ),
    "phone_lines:remove_choice": _by_post(Kind.ADMINISTRATOR),
    "phone_lines:recording": _by_get(Kind.ADMINISTRATOR),
    "phone_lines:rule": _by_both(
        Kind.ADMINISTRATOR,
        lambda c, t: {"records": "on", "keep_days": "30"},
        fields=("jurisdiction", "transcribes"),
    ),
    "meta_channels:index": _by_get(Kind.ADMINISTRATOR),
    "meta_channels:add": _by_both(
        Kind.ADMINISTRATOR,
        lambda c, t: {
            "channel": "whatsapp",
            "value": "+15550100310",
            "department": c.departments["home"].pk,
        },
        fields=("label",),
    ),
    "meta_channels:switch": _by_post(Kind.ADMINISTRATOR, lambda c, t: {"on": "on"}),
    "meta_channels:add_template": _by_both(
        Kind.ADMINISTRATOR, lambda c, t: _template("b"), fields=_OF_A_TEMPLATE
    ),
    "meta_channels:template": _by_both(
        Kind.ADMINISTRATOR, lambda c, t: _template("c"), fields=_OF_A_TEMPLATE
    ),
    "meta_channels:switch_template": _by_post(Kind.ADMINISTRATOR, lambda c, t: {"on": "on"}),
    # Agents and supervisors
    "console:inbox": _by_get(Kind.LISTS, lambda c, t: {"list": "unassigned"}),
    "console:rows": _by_get(Kind.LISTS, lambda c, t: {"list": "unassigned"}),
    "console:counts": _by_get(Kind.LISTS),
    "console:search": _by_get(Kind.LISTS, lambda c, t: {"q": "quetiapine"}),
    "console:presence": _by_post(Kind.LISTS, lambda c, t: {"presence": "busy"}),
    "console:reassign": _by_both(Kind.SUPERVISOR, _move, _chosen),
    "console:offers": _by_get(Kind.LISTS),
    # What one is offered
    "console:accept_offer": _by_post(Kind.OFFER),
    "console:refuse_offer": _by_post(Kind.OFFER),
    "console:phone": _by_get(Kind.LISTS),
    "console:phone_token": _by_post(Kind.LISTS),
    "console:phone_ready": _by_post(Kind.LISTS),
    "console:phone_wrap_up": _by_post(
        Kind.LISTS, lambda c, t: {"reason": "other"}, fields=("outcome",)
    ),
    "console:calls": _by_get(Kind.SUPERVISOR),
    # One call
    "console:phone_hang_up": _by_post(Kind.ON_CALL),
    "console:phone_hold": _by_post(Kind.ON_CALL, lambda c, t: {"on": "on"}),
    "console:phone_recording": _by_post(Kind.ON_CALL, lambda c, t: {"wish": "refuse"}),
    "console:phone_hand_over": _by_both(
        Kind.ON_CALL, lambda c, t: {"how": "warm", "to": f"person:{c.people['writer'].uuid}"}
    ),
    "console:phone_complete": _by_post(Kind.ON_CALL),
    "console:phone_give_up": _by_post(Kind.ON_CALL),
    "console:phone_add": _by_both(
        Kind.ON_CALL, lambda c, t: {"number": "+15550100600", "role": "interpreter"}
    ),
    "console:phone_remove": _by_post(Kind.ON_CALL, _guest),
    "console:phone_leave": _by_post(Kind.ON_CALL),
    "console:phone_supervise": _by_post(Kind.SUPERVISED, lambda c, t: {"mode": "listen"}),
    # One file
    "console:attachment": _by_get(Kind.FILE),
    "console:mail": _by_get(Kind.FILE),
    "console:mail_frame": _by_get(Kind.FILE),
    "console:sound": _by_get(Kind.FILE),
    "console:transcript": _by_get(Kind.FILE),
    "console:listen": _by_post(Kind.FILE, lambda c, t: {"reason": "care"}, fields=("words",)),
    # One conversation, to read
    "console:conversation": _by_get(Kind.READ),
    "console:entries": _by_get(Kind.READ, lambda c, t: {"before": 100}),
    "console:head": _by_get(Kind.READ),
    "console:changes": _by_get(Kind.READ, lambda c, t: {"since": 0}),
    "console:merged": _by_get(Kind.READ),
    "console:panel": _by_get(Kind.READ),
    # One conversation, to work on
    "console:send": _by_post(Kind.ANSWER, _answer, fields=("files",)),
    "console:template": _by_both(Kind.ANSWER, _press, _leg, fields=("day", "clock", "seen")),
    "console:note": _by_post(Kind.ANSWER, lambda c, t: {"body": "noted", "intent": uuid4()}),
    "console:draft": _by_post(
        Kind.ANSWER, lambda c, t: {"body": "begun", "channel": "sms", "seen": 1}
    ),
    "console:chat_link": _by_post(Kind.ANSWER),
    "console:call": _by_both(
        Kind.ANSWER, lambda c, t: {"point": t.conversation.contact_point.uuid}
    ),
    "console:canned": _by_get(Kind.ANSWER),
    "console:claim": _by_post(Kind.ANSWER),
    "console:resolve": _by_both(Kind.ANSWER, lambda c, t: {"reason": "answered"}),
    "console:undo_resolve": _by_post(Kind.ANSWER, fields=("holder",)),
    "console:snooze": _by_both(Kind.ANSWER, lambda c, t: {"until": _later()}),
    "console:callback": _by_both(Kind.ANSWER, _callback, fields=("do", "start", "reason")),
    "console:wake": _by_post(Kind.ANSWER),
    "console:reopen": _by_post(Kind.ANSWER),
    "console:assign": _by_both(
        Kind.ANSWER, lambda c, t: {"to": f"person:{_member(c, t)}"}, fields=("expected",)
    ),
    "console:undo_assign": _by_post(Kind.ANSWER, fields=("holder", "department")),
    "console:identify": _by_both(
        Kind.ANSWER,
        lambda c, t: {"patient": c.threads["foreign"].conversation.patient.uuid},
        fields=("remember",),
    ),
    "console:banner": _by_get(Kind.ANSWER),
    "console:routes": _by_get(Kind.ANSWER),
    "console:patients": _by_get(Kind.ANSWER, lambda c, t: {"q": "quetiapine"}),
    "console:create_patient": _by_post(
        Kind.ANSWER, lambda c, t: {"legal_name": "Nina Newborn", "language": "en"}
    ),
    "console:forget": _by_post(Kind.ANSWER),
    "console:profile": _by_both(Kind.ANSWER, _profile, fields=("birth_date",)),
    "console:birth_date": _by_both(Kind.ANSWER, lambda c, t: {"birth_date": "1980-01-01"}),
    "console:consent": _by_both(Kind.ANSWER, _consent, _point, fields=("after_stop",)),
    "console:contact_point": _by_both(
        Kind.ANSWER, lambda c, t: {"system": "phone", "value": "+15550100777", "role": "mobile"}
    ),
    "console:related": _by_both(
        Kind.ANSWER, lambda c, t: {"name": "Rita Related", "relationship": "aunt"}
    ),
    "console:end_related": _by_post(Kind.ANSWER, lambda c, t: {"person": t.related.uuid}),
}

#: Works, and says no with a sentence: the birth date differs, the number refuses calls, the
#: colleague is not there, nobody was asked to take the call, an agent is no supervisor on it, and
#: the template is not for texts.
REFUSED_BY_RULE = {
    "console:template",
    "console:birth_date",
    "console:call",
    "console:phone_hand_over",
    "console:phone_complete",
    "console:phone_leave",
    "console:callback",
}


@dataclass(frozen=True)
class Address:
    """One pattern of the URL configuration."""

    name: str
    pattern: str
    arguments: tuple[str, ...]


def addresses() -> list[Address]:
    """Return every address of the hub, however deep."""
    return list(_walk(get_resolver().url_patterns, "", "", ()))


def _walk(patterns: Any, path: str, space: str, arguments: tuple[str, ...]) -> Iterator[Address]:
    for one in patterns:
        here = path + str(one.pattern)
        mine = (*arguments, *one.pattern.converters, *_groups(one))
        if isinstance(one, URLResolver):
            inner = f"{space}{one.namespace}:" if one.namespace else space
            yield from _walk(one.url_patterns, here, inner, mine)
        elif isinstance(one, URLPattern):
            yield Address(f"{space}{one.name or ''}", here, tuple(dict.fromkeys(mine)))


def _groups(one: Any) -> tuple[str, ...]:
    return tuple(one.pattern.regex.groupindex)
