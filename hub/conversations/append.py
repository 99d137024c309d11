"""Numbers and revisions of a conversation, and the one way an entry comes to be (invariant 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from psycopg.types.json import Jsonb

from hub.conversations.models import Conversation, Entry, Leg
from hub.encryption.blind_index import index_words
from hub.encryption.fields import EncryptedTextField
from hub.realtime.events import ConversationChanged
from hub.realtime.publish import publish_on_commit


class NotLocked(RuntimeError):
    """A writer was called outside a transaction."""


@dataclass(frozen=True, slots=True)
class Line:
    """An entry that is to be appended."""

    kind: str
    author_kind: str
    at: datetime
    author_id: int | None = None
    audience: str = Entry.Audience.STAFF
    leg: Leg | None = None
    body: str = ""
    detail: dict[str, Any] | None = None
    intent: UUID | None = None
    delivery_state: str = ""


_BODY: EncryptedTextField = Entry._meta.get_field("body")
_INSERT_ENTRIES = (
    "INSERT INTO conversations_entry (uuid, conversation_id, number, revision, kind, author_kind, "
    "author_id, audience, leg_id, channel, body, detail, words, at, intent, delivery_state, "
    "delivery_error) VALUES "
)
_ENTRY_VALUES = "(" + "%s, " * 12 + "%s::bigint[], %s, %s, %s, '')"
_INSERT_EVENTS = (
    "INSERT INTO conversations_contactevent (kind, at, conversation_id, leg_id, queue_entry_id, "
    "department_id, agent_id, channel, reason, patient_id, interval) VALUES "
)
_EVENT_VALUES = "(" + ", ".join(["%s"] * 11) + ")"

# What else may change with the numbers, in the same statement.
_HEAD = (
    "status",
    "priority",
    "patient_id",
    "identity",
    "department_id",
    "restricted_by_id",
    "channel",
    "contact_point_id",
    "waiting_since",
    "snoozed_until",
    "resolved_at",
    "resolution",
)
_COLUMNS = frozenset((*_HEAD, "last_entry_at"))


def advance(
    conversation: Conversation,
    *,
    numbers: int = 0,
    message: int | None = None,
    waiting_from: datetime | None = None,
    at_least: int | None = None,
    **head: Any,
) -> None:
    """Take the next `numbers` entry numbers and one revision, and set `head` columns with them.

    One UPDATE … RETURNING locks the row until the transaction ends; `conversation` is brought up to
    date. The holder is not among the columns: it changes by `switch_holder` alone.

    Args:
        conversation: the one that moves on.
        numbers: how many entries are to be appended.
        message: which of the new numbers (1 = the first) is the message that the inbox's row shows.
        waiting_from: since when the patient waits, unless they wait already.
        at_least: raises the priority to this, never lowers it.
        **head: columns of `_HEAD`, or `last_entry_at`.

    Raises:
        NotLocked: there is no transaction.
    """
    if not connection.in_atomic_block:
        raise NotLocked
    sets, values = _assignments(numbers, message, waiting_from, at_least, head)
    # Only the names of columns are formatted in, and those are checked against a fixed set.
    statement = (
        f"UPDATE conversations_conversation SET {', '.join(sets)} WHERE id = %s "  # noqa: S608
        "RETURNING last_number, last_message_number, revision, holder_id, status, waiting_since, "
        "priority"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [*values, conversation.pk])
        row = cursor.fetchone()
    for column, value in head.items():
        setattr(conversation, column, value)
    (
        conversation.last_number,
        conversation.last_message_number,
        conversation.revision,
        conversation.holder_id,
        conversation.status,
        conversation.waiting_since,
        conversation.priority,
    ) = row
    publish_on_commit(ConversationChanged(conversation.pk, conversation.revision))


def _assignments(
    numbers: int,
    message: int | None,
    waiting_from: datetime | None,
    at_least: int | None,
    head: dict[str, Any],
) -> tuple[list[str], list[Any]]:
    """Return the SET clauses of `advance` and their values."""
    unknown = head.keys() - _COLUMNS
    if unknown:
        raise TypeError(f"not a head column: {sorted(unknown)}")
    sets = ["last_number = last_number + %s", "revision = revision + 1"]
    values: list[Any] = [numbers]
    if message is not None:
        sets.append("last_message_number = last_number + %s")  # of the number before this update
        values.append(message)
    if waiting_from is not None:
        sets.append("waiting_since = COALESCE(waiting_since, %s)")
        values.append(waiting_from)
    if at_least is not None:
        sets.append("priority = GREATEST(priority, %s)")
        values.append(at_least)
    for column, value in head.items():
        sets.append(f"{column} = %s")
        values.append(value)
    return sets, values


def append(conversation: Conversation, *lines: Line, **head: Any) -> list[Entry]:
    """Append `lines` with the next numbers, setting `head` columns in the same statement."""
    if not lines:
        advance(conversation, **head)
        return []
    head.setdefault("last_entry_at", lines[-1].at)
    # An automatic answer is not what a row of the inbox should say.
    shown = [
        i
        for i, line in enumerate(lines, 1)
        if line.kind == Entry.Kind.MESSAGE and line.author_kind != Entry.Author.AUTOMATIC
    ]
    advance(conversation, numbers=len(lines), message=shown[-1] if shown else None, **head)
    first = conversation.last_number - len(lines) + 1
    entries = [_entry(conversation, first + i, line) for i, line in enumerate(lines)]
    _insert(entries)
    return entries


def _insert(entries: Sequence[Entry]) -> None:
    """Insert the entries and give them their ids. Written out since each text of a patient passes
    here: the ORM takes three times as long to build the same statement.
    """
    rows: list[Any] = []
    for entry in entries:
        rows += (
            entry.uuid,
            entry.conversation_id,
            entry.number,
            entry.revision,
            entry.kind,
            entry.author_kind,
            entry.author_id,
            entry.audience,
            entry.leg_id,
            entry.channel,
            _BODY.seal(entry.body, entry.uuid).raw,
            Jsonb(entry.detail),
            entry.words,
            entry.at,
            entry.intent,
            entry.delivery_state,
        )
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT_ENTRIES + ", ".join([_ENTRY_VALUES] * len(entries)) + " RETURNING id", rows
        )
        for entry, (pk,) in zip(entries, cursor.fetchall(), strict=True):
            entry.pk = pk
            entry._state.adding = False


def _entry(conversation: Conversation, number: int, line: Line) -> Entry:
    return Entry(
        conversation=conversation,
        number=number,
        revision=conversation.revision,
        kind=line.kind,
        author_kind=line.author_kind,
        author_id=line.author_id,
        audience=line.audience,
        leg=line.leg,
        channel=line.leg.channel if line.leg else "",
        body=line.body,
        detail=line.detail or {},
        words=index_words(line.body) if line.body else [],
        at=line.at,
        intent=line.intent,
        delivery_state=line.delivery_state,
    )


def log_events(conversation: Conversation, *events: "Happened") -> None:
    """Write what happened to the event log, with the department and agent of this moment."""
    rows: list[Any] = []
    for event in events:
        rows += (
            event.kind,
            event.at,
            conversation.pk,
            event.leg.pk if event.leg else None,
            event.queue_entry_id,
            event.department_id or conversation.department_id,
            event.agent_id,
            event.channel or (event.leg.channel if event.leg else conversation.channel),
            event.reason,
            conversation.patient_id,
            event.interval,
        )
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_EVENTS + ", ".join([_EVENT_VALUES] * len(events)), rows)


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of the event log that is to be written."""

    kind: str
    at: datetime
    leg: Leg | None = None
    agent_id: int | None = None
    queue_entry_id: int | None = None
    reason: str = ""
    interval: UUID | None = None
    # Of what it happened to, where that is not what the conversation has now.
    department_id: int | None = None
    channel: str = ""


def lock(conversation_ids: Sequence[int]) -> list[Conversation]:
    """Return these conversations, locked in the order of their ids (MODEL.md, Locks)."""
    if not transaction.get_connection().in_atomic_block:
        raise NotLocked
    return list(
        Conversation.objects.select_for_update(of=("self",))
        .filter(pk__in=conversation_ids)
        .order_by("pk")
    )
