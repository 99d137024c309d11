"""Ids that stand in what is posted, and fields that no form has."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction

from hub.conversations.models import Conversation, Delivery, Entry
from hub.staff.models import User
from patients.models import ContactPoint
from tests.walk.clinic import Clinic, writes, written
from tests.walk.rules import CONTENT, RULES, Kind
from tests.walk.test_addresses import ADDRESSES, names, url

pytestmark = pytest.mark.django_db
UUID_TEXT = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def post(clinic: Clinic, role: str, path: str, data: dict[str, Any]) -> Any:
    return clinic.client(role).post(path, data)


def home(clinic: Clinic, action: str) -> str:
    return f"/console/c/{clinic.threads['home'].conversation.uuid}/{action}"


def test_an_answer_cannot_go_over_somebody_elses_leg(clinic: Clinic) -> None:
    for target in ("foreign", "restricted", "shared"):
        for field in ("uuid", "pk"):
            leg = clinic.threads[target].conversation.legs.first()
            data = {"body": "astray", "intent": uuid4(), "leg": getattr(leg, field), "seen": 100}
            answer = post(clinic, "agent", home(clinic, "send"), data)
            assert answer.status_code in (400, 404, 409), (target, field)
            data = data | {"leg": "", "leg_id": leg.pk}
            assert post(clinic, "agent", home(clinic, "send"), data).status_code == 409
    assert "astray" not in [entry.body for entry in Entry.objects.all()]
    assert not Delivery.objects.filter(entry__author=clinic.people["agent"]).exists()


def test_a_used_intent_of_another_conversation_gives_nothing_away(clinic: Clinic) -> None:
    theirs = clinic.threads["foreign"].conversation.entries.filter(kind="note").get()
    data = {"body": "mine", "intent": theirs.intent}
    answer = post(clinic, "agent", home(clinic, "note"), data)
    assert answer.status_code == 200 and b"Foreign" not in answer.content
    assert clinic.threads["home"].conversation.entries.filter(intent=theirs.intent).exists()


@pytest.mark.parametrize("role", ["agent", "supervisor"])
@pytest.mark.parametrize("who", ["agent_elsewhere", "administrator", "switched_off"])
def test_nobody_outside_the_department_is_given_the_conversation(
    clinic: Clinic, role: str, who: str
) -> None:
    person = clinic.people[who]
    for action, data in (
        ("assign", {"to": f"person:{person.uuid}"}),
        ("assign", {"to": f"person:{person.pk}"}),
        ("undo-assign", {"holder": person.pk}),
    ):
        assert post(clinic, role, home(clinic, action), data).status_code == 403, action
    # The way back after a resolve names who held it: that may be nobody who is not allowed to.
    post(clinic, role, home(clinic, "resolve"), {"reason": "answered"})
    post(clinic, role, home(clinic, "undo-resolve"), {"holder": person.pk})
    holder_id = Conversation.objects.get(pk=clinic.threads["home"].conversation.pk).holder_id
    assert holder_id != person.pk


def test_a_mass_reassignment_moves_nothing_of_others(clinic: Clinic) -> None:
    person = clinic.people["agent"]
    chosen = [
        f"{clinic.threads[target].conversation.uuid}:"
        for target in ("foreign", "restricted", "shared", "home")
    ]
    data = {"conversation": chosen, "to": f"person:{person.uuid}"}
    assert post(clinic, "supervisor", "/console/reassign", data).status_code == 200
    held = Conversation.objects.filter(holder=person)
    assert [one.pk for one in held] == [clinic.threads["home"].conversation.pk]


def test_a_mass_reassignment_to_an_outsider_moves_nothing(clinic: Clinic) -> None:
    outsider = clinic.people["agent_elsewhere"]
    data = {
        "conversation": f"{clinic.threads['home'].conversation.uuid}:",
        "to": f"person:{outsider.uuid}",
    }
    post(clinic, "supervisor", "/console/reassign", data)
    assert not Conversation.objects.filter(holder=outsider).exists()


def test_consent_is_written_for_the_patients_own_addresses_alone(clinic: Clinic) -> None:
    for target in ("foreign",):
        point = clinic.threads[target].conversation.contact_point
        data = {"point": point.uuid, "channel": "sms", "state": "stopped", "evidence": "x"}
        before = writes()
        assert post(clinic, "agent", home(clinic, "consent"), data).status_code == 404
        assert "patients_consent" not in written(before, writes())
        path = f"{home(clinic, 'consent')}?point={point.uuid}&channel=sms"
        assert clinic.client("agent").get(path).status_code == 404
    chat = ContactPoint.objects.filter(system="visitor").first()
    data = {"point": chat.uuid, "channel": "chat", "state": "stopped", "evidence": "x"}
    assert post(clinic, "agent", home(clinic, "consent"), data).status_code == 404


def test_a_related_person_of_another_patient_stays(clinic: Clinic) -> None:
    theirs = clinic.threads["foreign"].related
    for key in (theirs.uuid, theirs.pk, uuid4(), ""):
        answer = post(clinic, "agent", home(clinic, "end-related"), {"person": key})
        assert answer.status_code == 404
    theirs.refresh_from_db()
    assert theirs.until is None


def test_a_draft_is_the_writers_own(clinic: Clinic) -> None:
    """A colleague of the same department neither sees it nor writes over it."""
    draft = clinic.threads["home"].draft
    page = clinic.client("agent").get(home(clinic, "")).content.decode()
    assert draft.body not in page
    post(clinic, "agent", home(clinic, "draft"), {"body": "mine", "user": draft.user_id})
    draft.refresh_from_db()
    assert draft.body != "mine"


def test_another_visitors_token_opens_only_their_own(clinic: Clinic) -> None:
    mine, theirs = clinic.threads["home"], clinic.threads["foreign"]
    client = clinic.client("visitor", headers={"origin": "http://testserver"})
    headers = {"authorization": f"Bearer {mine.chat_token}", "chat-site": "site-home"}
    assert client.get("/chat/messages", headers=headers).status_code == 200
    for path in (f"/chat/files/{theirs.chat_file.uuid}", f"/chat/files/{mine.attachment.uuid}"):
        assert client.get(path, headers=headers).status_code == 404
    assert client.get(f"/chat/files/{mine.chat_file.uuid}", headers=headers).status_code == 200
    wrong = headers | {"chat-site": "site-foreign"}
    assert client.get("/chat/messages", headers=wrong).status_code == 401
    assert b"foreign" not in client.get("/chat/messages", headers=headers).content.lower()


#: What somebody might add to a form: columns of ours, and lookups that a careless `filter(**post)`
#: would take (Django CVE-2025-64459).
EXTRA: dict[str, Any] = {
    "id": 1,
    "pk": 1,
    "uuid": str(uuid4()),
    "role": "administrator",
    "is_active": "false",
    "is_staff": "on",
    "is_superuser": "on",
    "email": "taken@example.org",
    "departments": "1",
    "holder": "1",
    "holder_id": "1",
    "expected": "1",
    "status": "resolved",
    "priority": "10",
    "department": "1",
    "department_id": "1",
    "patient": "1",
    "patient_id": "1",
    "identity": "confirmed",
    "confirmed_how": "birth_date",
    "restricted_by": "",
    "author": "1",
    "author_id": "1",
    "author_kind": "patient",
    "audience": "patient",
    "kind": "message",
    "number": "1",
    "by": "1",
    "user": "1",
    "user_id": "1",
    "survivor": "1",
    "survivor_id": "1",
    "verified_at": "2020-01-01",
    "verified_how": "code",
    "recorded_by": "1",
    "source": "keyword",
    "state": "delivered",
    "delivery_state": "delivered",
    "confirms_stop": "on",
    "erased_at": "2020-01-01",
    "storage_name": "../../etc/passwd",
    "_connector": "OR 1=1 --",
    "id__gt": "0",
}
#: What differs between two runs of the same thing: keys and hashes, moments, what is encrypted.
_VOLATILE = (
    "not_after",
    "uuid",
    "hmac",
    "at",
    "_at",
    "since",
    "words",
    "until",
    "token_hash",
    "hidden",
    "interval",
)


@contextmanager
def _sequences_kept() -> Iterator[None]:
    """Give new rows the same ids next time: a rollback does not take numbers back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT schemaname, sequencename, last_value FROM pg_sequences")
        known = cursor.fetchall()
        yield
        for schema, name, value in known:
            cursor.execute(
                "SELECT setval(%s, %s, %s)", [f'{schema}."{name}"', value or 1, value is not None]
            )


def _rows(after: set[str]) -> dict[str, list[str]]:
    """Return what stands in these tables, without what differs from run to run."""
    found: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        for table in sorted(after):
            cursor.execute(f'SELECT to_jsonb(t) FROM public."{table}" t')  # noqa: S608
            found[table] = sorted(
                str(
                    {
                        key: value
                        for key, value in _json(row).items()
                        if not key.endswith(_VOLATILE) and not _is_sealed(value)
                    }
                )
                for (row,) in cursor.fetchall()
            )
    return found


def _is_sealed(value: Any) -> bool:
    """Whether it is ciphertext, or holds the id of something that was just made."""
    text = str(value)
    return text.startswith("\\x") or UUID_TEXT.search(text) is not None


def _json(row: Any) -> dict[str, Any]:
    return json.loads(row) if isinstance(row, str) else row


@pytest.mark.parametrize("name", [n for n in names(*Kind) if RULES[n].post and RULES[n].csrf])
def test_fields_that_no_form_has_change_nothing(clinic: Clinic, name: str) -> None:
    """FreeScout CVE-2026-40569: the same request, with and without them, ends the same."""
    rule = RULES[name]
    assert rule.post is not None
    role = "administrator" if rule.kind is Kind.ADMINISTRATOR else "supervisor"
    path = url(ADDRESSES[name], clinic, "home")
    base = rule.post(clinic, clinic.threads["home"])
    extra = {k: v for k, v in EXTRA.items() if k not in base and k not in rule.fields}
    ends = []
    for data in (base, extra | base):
        with _sequences_kept(), transaction.atomic():
            before = writes()
            answer = clinic.client(role).post(path, data)
            tables = written(before, writes())
            ends.append((answer.status_code, _rows(tables - {"staff_staffsession"})))
            transaction.set_rollback(True)
    (status, plain), (status_with, with_extra) = ends
    assert status == status_with and plain.keys() == with_extra.keys()
    for table in plain:
        more = set(with_extra[table]) ^ set(plain[table])
        assert not more, f"{table}: {sorted(more)}"


def test_an_agent_cannot_make_themself_more(clinic: Clinic) -> None:
    agent = clinic.people["agent"]
    post(clinic, "agent", "/staff/me/", {"name": "A", "language": "en", "theme": ""} | EXTRA)
    agent = User.objects.get(pk=agent.pk)
    assert (agent.role, agent.is_active, agent.memberships.count()) == ("agent", True, 1)


def test_every_kind_of_content_is_walked_over() -> None:
    """The parametrisations above are not empty by a slip."""
    assert all(names(kind) for kind in CONTENT | {Kind.ADMINISTRATOR, Kind.VISITOR})
