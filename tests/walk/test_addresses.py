"""Every address × everybody × every method, made from the URL configuration (invariant 6).

A new address is walked by itself; until rules.py says who may open it, this fails.
"""

from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from django.http.response import HttpResponseBase
from django.test import Client
from django.urls import reverse

from hub.audit.models import AuditEvent
from tests.walk.clinic import (
    OFFERED_TO,
    SECRET,
    WRITTEN_BY_READING,
    Clinic,
    Thread,
    no_such,
    writes,
    written,
)
from tests.walk.rules import CONTENT, REFUSED_BY_RULE, RULES, Address, Kind, Rule, addresses

ADDRESSES = {address.name: address for address in addresses()}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
EVERYBODY = (
    "anonymous",
    "visitor",
    "agent",
    "agent_elsewhere",
    "supervisor",
    "supervisor_elsewhere",
    "administrator",
    "switched_off",
    "locked",
)
#: Refusals. A redirect leads to the log-in or to the lock, which is looked at.
REFUSED = (400, 401, 403, 404, 405, 409, 423)
WAYS_BACK = ("/accounts/login/", "/staff/session/unlock/")
#: Who tries the ids of other departments' things, and who tries every method.
INSIDE = ("agent", "agent_elsewhere", "supervisor")
THOROUGHLY = ("agent", "administrator", "anonymous")
#: Their account is in order: a refusal is theirs, and on record.
IN_ORDER = {"agent", "agent_elsewhere", "supervisor", "supervisor_elsewhere", "administrator"}


def may(kind: Kind, role: str, target: str) -> bool:
    """The rule of DESIGN.md, "Who sees what", said once more, independently of the code."""
    if kind is Kind.ADMINISTRATOR:
        return role == "administrator"
    if kind is Kind.LISTS:
        return role in IN_ORDER - {"administrator"}
    if kind is Kind.SUPERVISOR:
        return role in ("supervisor", "supervisor_elsewhere")
    home = {"agent": "home", "supervisor": "home"}
    member_of = home | {"agent_elsewhere": "foreign", "supervisor_elsewhere": "foreign"}
    department = member_of.get(role)
    if kind is Kind.ANSWER:
        return department == target
    if kind is Kind.OFFER:
        return role == OFFERED_TO.get(target)
    if kind in (Kind.ON_CALL, Kind.SUPERVISED):
        on_call = role.startswith("agent")
        return department == target and on_call is (kind is Kind.ON_CALL)
    if kind in (Kind.READ, Kind.FILE):
        return department == target or (department == "home" and target == "shared")
    raise AssertionError(kind)


def names(*kinds: Kind) -> list[str]:
    """Return the addresses of these kinds; those that no rule knows are a failure elsewhere."""
    return sorted(name for name in ADDRESSES if name in RULES and RULES[name].kind in kinds)


def test_every_address_has_a_rule() -> None:
    """Add the address to tests/walk/rules.py, with who may open it."""
    unknown = sorted(set(ADDRESSES) - set(RULES))
    assert not unknown, f"nobody said who may open {unknown}: see tests/walk/rules.py"
    gone = sorted(set(RULES) - set(ADDRESSES))
    assert not gone, f"there are rules for addresses that do not exist: {gone}"


def test_no_two_addresses_share_a_name() -> None:
    """Else one of the two would be walked twice and the other never."""
    assert max(Counter(address.name for address in addresses()).values()) == 1


def url(address: Address, clinic: Clinic, target: str) -> str:
    """Return the address with the ids of `target`'s things in it."""
    thread = clinic.threads[target]
    if not address.arguments:
        return reverse(address.name) if address.name else "/"
    known: dict[str, Any] = {
        "site": f"site-{target}",
        "token": "no-such-token",
        "uidb36": "1",
        "key": "set-password",
        "pk": 1,
    }
    if address.name.startswith("staff:"):
        assert clinic.invitation is not None
        known["uuid"] = (
            clinic.invitation.uuid
            if address.name == "staff:withdraw"
            else clinic.people["agent"].uuid
        )
    elif address.name == "routing:department":
        known["uuid"] = clinic.departments[target].uuid
    elif address.name.startswith("phone_lines:"):
        assert clinic.choice is not None
        known["line"] = clinic.choice.line.hub_address.uuid
        known["choice"] = clinic.choice.uuid
        known["department"] = clinic.departments[target].uuid
    elif address.name.startswith("meta_channels:"):
        assert clinic.whatsapp is not None and clinic.template is not None
        known["address"] = clinic.whatsapp.uuid
        known["template"] = clinic.template.uuid
    elif address.name == "chat:file":
        known["uuid"] = thread.chat_file.uuid
    elif address.name in ("console:mail", "console:mail_frame"):
        known["uuid"] = thread.mail.uuid
    elif address.name in ("console:sound", "console:listen", "console:transcript"):
        known["uuid"] = thread.sound.uuid
    elif RULES[address.name].kind is Kind.OFFER:
        known["uuid"] = thread.offer.uuid
    elif RULES[address.name].kind is Kind.FILE:
        known["uuid"] = thread.attachment.uuid
    else:
        known["uuid"] = thread.conversation.uuid
        known["call"] = thread.call.uuid
    return reverse(address.name, kwargs={name: known[name] for name in address.arguments})


class Asked:
    """One request and all that came of it. Everything is rolled back."""

    def __init__(
        self,
        client: Client,
        method: str,
        path: str,
        data: dict[str, Any],
        **headers: str,
    ) -> None:
        rows = AuditEvent.objects.count()
        with transaction.atomic():
            before = writes()
            self.response = _send(client, method, path, data, headers)
            self.body = _read(self.response)
            self.tables = written(before, writes())
            self.audit = list(AuditEvent.objects.order_by("pk")[rows:])
            transaction.set_rollback(True)
        self.status = self.response.status_code

    @property
    def is_refused(self) -> bool:
        if self.status in (301, 302):
            return self.response.headers["Location"].startswith(WAYS_BACK)
        return self.status in REFUSED

    def denied(self, person: int | None) -> bool:
        return any(e.action == "denied" and e.actor_id == person for e in self.audit)


def _send(
    client: Client, method: str, path: str, data: dict[str, Any], headers: dict[str, str]
) -> HttpResponseBase:
    client.raise_request_exception = False
    if method in ("GET", "HEAD"):
        return client.generic(method, path, QUERY_STRING=_query(data), headers=headers)
    if method == "POST":
        return client.post(path, data, headers=headers)
    return client.generic(
        method, path, _query(data), "application/x-www-form-urlencoded", headers=headers
    )


def _query(data: dict[str, Any]) -> str:
    from urllib.parse import urlencode

    return urlencode(data, doseq=True)


def _read(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def fields(rule: Rule, method: str, clinic: Clinic, thread: Thread) -> dict[str, Any]:
    make = rule.get if method in ("GET", "HEAD") else (rule.post or rule.get)
    return make(clinic, thread) if make else {}


TARGETS = ("home", "shared", "restricted", "foreign")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "name",
    names(*(CONTENT | {Kind.ADMINISTRATOR})),
)
def test_only_who_may_and_nothing_happens_otherwise(
    clinic: Clinic, db: None, name: str, target: str
) -> None:
    rule, thread = RULES[name], clinic.threads[target]
    path = url(ADDRESSES[name], clinic, target)
    for role in EVERYBODY if target == "home" else INSIDE:
        allowed = may(rule.kind, role, target)
        for method in METHODS:
            offered = (
                (rule.get if method == "GET" else rule.post) if method in ("GET", "POST") else None
            )
            asked = Asked(
                clinic.client(role),
                method,
                path,
                fields(rule, method, clinic, thread),
                # A visitor's token, of a session of their own, opens nothing of the staff's.
                **({"authorization": f"Bearer {thread.chat_token}"} if role == "visitor" else {}),
            )
            what = f"{role} {method} {path} ({target}) → {asked.status}"
            if allowed and offered is not None:
                _works(asked, name, method, what)
                continue
            if method == "OPTIONS" and asked.status == 200:
                assert not asked.body, what
            elif not (allowed and method == "HEAD" and asked.status == 200):
                assert asked.is_refused, what
            assert SECRET.encode() not in asked.body, what
            assert not asked.tables - WRITTEN_BY_READING, f"{what} changed {asked.tables}"
            if offered is not None and role in IN_ORDER and not allowed:
                person = clinic.people[role].pk
                assert asked.status in (403, 404), what
                lands = name == "console:inbox" and role == "administrator" and method == "GET"
                assert lands or asked.denied(person), f"{what} left no trace in the audit trail"


def _works(asked: Asked, name: str, method: str, what: str) -> None:
    if method == "POST" and name in REFUSED_BY_RULE:
        assert asked.status == 409, what
        return
    assert asked.status in (200, 204, 302), what
    assert not asked.response.headers.get("Location", "").startswith(WAYS_BACK), what
    if method == "GET":
        assert not asked.tables - WRITTEN_BY_READING, f"{what}: reading changed {asked.tables}"


@pytest.mark.parametrize("name", names(*(CONTENT - {Kind.SUPERVISOR})))
def test_whoever_is_shown_a_patient_is_on_record(clinic: Clinic, db: None, name: str) -> None:
    """Invariant 10: by whichever address, a page or a piece of one."""
    rule, thread = RULES[name], clinic.threads["home"]
    path = url(ADDRESSES[name], clinic, "home")
    for method, make in (("GET", rule.get), ("POST", rule.post)):
        if make is None:
            continue
        asked = Asked(clinic.client("agent"), method, path, make(clinic, thread))
        shown = (
            SECRET.encode() in asked.body
            or bytes(thread.attachment.file_name, "utf-8") in asked.body
        )
        if shown or rule.kind is Kind.FILE:
            assert asked.audit, f"{method} {path} shows a patient's data and leaves no trace"
            assert {row.actor_id for row in asked.audit} == {clinic.people["agent"].pk}
            if rule.kind in (Kind.READ, Kind.ANSWER, Kind.FILE):
                assert any(row.conversation_id == thread.conversation.pk for row in asked.audit), (
                    f"{method} {path}: which conversation was it?"
                )


@pytest.mark.parametrize("name", names(Kind.ACCOUNT, Kind.ADMINISTRATOR))
def test_accounts_are_for_who_is_logged_in(clinic: Clinic, db: None, name: str) -> None:
    rule = RULES[name]
    path = url(ADDRESSES[name], clinic, "home")
    for role in ("anonymous", "visitor", "switched_off"):
        for method in METHODS if role == "anonymous" else ("GET", "POST"):
            asked = Asked(clinic.client(role), method, path, {})
            what = f"{role} {method} {path} → {asked.status}"
            assert asked.is_refused or (asked.status == 200 and not asked.body), what
            assert not asked.tables - WRITTEN_BY_READING, f"{what} changed {asked.tables}"
    for method, make in (("GET", rule.get), ("POST", rule.post)):
        if make is None or name.startswith(("staff:unlock", "staff:lock")):
            continue
        asked = Asked(clinic.client("locked"), method, path, {})
        assert asked.is_refused, f"a locked screen does {method} {path}"
        assert not asked.tables - WRITTEN_BY_READING


@pytest.mark.parametrize("name", names(*Kind))
def test_reading_changes_nothing(clinic: Clinic, db: None, name: str) -> None:
    """GET and HEAD: a link in a mail, a preview and a prefetching browser are harmless."""
    rule = RULES[name]
    if rule.get is None:
        return
    # A page that begins a second factor or an invitation keeps its secret in the session's row.
    path = url(ADDRESSES[name], clinic, "home")
    for role in ("anonymous", "agent", "administrator"):
        for method in ("GET", "HEAD"):
            query = rule.get(clinic, clinic.threads["home"])
            asked = Asked(clinic.client(role), method, path, query)
            assert asked.status < 500, f"{role} {method} {path} → {asked.status}"
            assert not asked.tables - WRITTEN_BY_READING, f"{role} {method} {path}: {asked.tables}"


@pytest.mark.parametrize("name", [n for n in names(*Kind) if RULES[n].csrf])
def test_a_foreign_page_cannot_post_in_somebodys_name(clinic: Clinic, db: None, name: str) -> None:
    rule = RULES[name]
    if rule.post is None:
        return
    path = url(ADDRESSES[name], clinic, "home")
    for role in ("supervisor", "administrator", "anonymous"):
        data = rule.post(clinic, clinic.threads["home"])
        client = clinic.client(role, enforce_csrf_checks=True)
        asked = Asked(client, "POST", path, data, origin="https://evil.example")
        what = f"{role} POST {path} without its token → {asked.status}"
        assert asked.status == 403 or asked.is_refused, what
        if role == "supervisor" and may_post(rule.kind):
            assert asked.status == 403, what
        assert not asked.tables - WRITTEN_BY_READING, f"{what} changed {asked.tables}"


def may_post(kind: Kind) -> bool:
    return kind in CONTENT or kind in (Kind.ACCOUNT, Kind.PUBLIC)


@pytest.mark.parametrize("name", names(Kind.VISITOR, Kind.PROVIDER))
def test_what_is_exempt_from_the_token_goes_by_no_cookie(
    clinic: Clinic, db: None, name: str
) -> None:
    """Where the page's token is not asked for, being logged in must open nothing."""
    rule = RULES[name]
    path = url(ADDRESSES[name], clinic, "home")
    for role in ("agent", "supervisor", "administrator"):
        for method, make in (("GET", rule.get), ("POST", rule.post)):
            if make is None:
                continue
            asked = Asked(clinic.client(role), method, path, {})
            assert asked.status in REFUSED, f"{role} {method} {path} → {asked.status}"
            assert not asked.tables - WRITTEN_BY_READING, f"{path} changed {asked.tables}"
            assert SECRET.encode() not in asked.body


@pytest.mark.parametrize(
    "name", [n for n in ADDRESSES if {"uuid", "call"} & set(ADDRESSES[n].arguments)]
)
def test_numbers_and_unknown_ids_lead_nowhere(clinic: Clinic, db: None, name: str) -> None:
    rule, thread = RULES[name], clinic.threads["home"]
    good = url(ADDRESSES[name], clinic, "home")
    known = next(part for part in good.split("/") if len(part) == 36)
    bad = [str(no_such()), str(thread.conversation.pk), "1", "0", known.upper() + "0", "%00"]
    for role in ("supervisor", "administrator"):
        for method, make in (("GET", rule.get), ("POST", rule.post)):
            if make is None:
                continue
            for wrong in bad:
                path = good.replace(known, wrong)
                asked = Asked(clinic.client(role), method, path, make(clinic, thread))
                assert asked.status in (401, 403, 404), f"{role} {method} {path} → {asked.status}"
                assert not asked.tables - WRITTEN_BY_READING
