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
    # Whether a message is one that somebody should read: what is on record only leaves no mark.
    is_news: bool = True


_BODY: EncryptedTextField = Entry._meta.get_field("body")

# What an update of a conversation gives back: first what the object is brought up to date with.
_TAKEN = (
    "last_number",
    "last_message_number",
    "revision",
    "holder_id",
    "status",
    "waiting_since",
    "priority",
)
_RETURNING = ", ".join((*_TAKEN, "id", "department_id", "patient_id"))

_LINE = {
    "place": "int",
    "uuid": "uuid",
    "kind": "text",
    "author_kind": "text",
    "author_id": "bigint",
    "audience": "text",
    "leg_id": "bigint",
    "channel": "text",
    "body": "bytea",
    "detail": "jsonb",
    "words": "bigint[]",
    "at": "timestamptz",
    "intent": "uuid",
    "delivery_state": "text",
}
_EVENT = {
    "kind": "text",
    "at": "timestamptz",
    "leg_id": "bigint",
    "queue_entry_id": "bigint",
    "department_id": "bigint",
    "agent_id": "bigint",
    "channel": "text",
    "reason": "text",
    "interval": "uuid",
}


def _marks(columns: dict[str, str]) -> str:
    """Return the place of one row's values, each with its type."""
    return f"({', '.join(f'%s::{kind}' for kind in columns.values())})"


# All that an appended line needs goes to the database in one statement, written out: each text of a
# patient passes here, and a way to the server and back costs more than what is done there.
_APPEND = f"""
    WITH head AS ({{update}}), line ({", ".join(_LINE)}) AS (VALUES {{lines}}), entry AS (
        INSERT INTO conversations_entry (conversation_id, number, revision, uuid, kind, author_kind,
            author_id, audience, leg_id, channel, body, detail, words, at, intent, delivery_state,
            delivery_error)
        SELECT head.id, head.last_number - %s::int + line.place, head.revision, uuid, kind,
            author_kind, author_id, audience, leg_id, channel, body, detail, words, at, intent,
            delivery_state, ''
        FROM head, line
        RETURNING id, number
    ){{events}}
    SELECT {", ".join(f"head.{name}" for name in _TAKEN)}, entry.id
    FROM head, entry ORDER BY entry.number
"""  # noqa: S608  (names of columns of our own)
_WITH_EVENTS = f""", happened ({", ".join(_EVENT)}) AS (VALUES {{events}}), event AS (
        INSERT INTO conversations_contactevent (kind, at, conversation_id, leg_id, queue_entry_id,
            department_id, agent_id, channel, reason, patient_id, interval)
        SELECT kind, at, head.id, leg_id, queue_entry_id,
            COALESCE(happened.department_id, head.department_id), agent_id, channel, reason,
            head.patient_id, interval
        FROM head, happened
    )"""  # noqa: S608  (as above)
_LOG = f"""
    WITH head AS (SELECT %s::bigint AS id, %s::bigint AS department_id, %s::bigint AS patient_id)
        {_WITH_EVENTS}
    SELECT FROM head
"""  # noqa: S608  (as above)

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
    update, values = _update(conversation, numbers, message, waiting_from, at_least, head)
    with connection.cursor() as cursor:
        cursor.execute(update, values)
        _bring_up(conversation, head, cursor.fetchone())


def _bring_up(conversation: Conversation, head: dict[str, Any], row: Sequence[Any]) -> None:
    """Bring the object up to date with its row, and have its change told after the commit."""
    for column, value in (*head.items(), *zip(_TAKEN, row, strict=False)):
        setattr(conversation, column, value)
    publish_on_commit(ConversationChanged(conversation.pk, conversation.revision))


def _update(
    conversation: Conversation,
    numbers: int,
    message: int | None,
    waiting_from: datetime | None,
    at_least: int | None,
    head: dict[str, Any],
) -> tuple[str, list[Any]]:
    """Return the statement of `advance`, and its values."""
    if not connection.in_atomic_block:
        raise NotLocked
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
    # Only the names of columns are formatted in, and those are checked against a fixed set.
    statement = (
        f"UPDATE conversations_conversation SET {', '.join(sets)} WHERE id = %s "  # noqa: S608
        f"RETURNING {_RETURNING}"
    )
    return statement, [*values, conversation.pk]


def append(
    conversation: Conversation,
    *lines: Line,
    events: "Sequence[Happened]" = (),
    waiting_from: datetime | None = None,
    at_least: int | None = None,
    **head: Any,
) -> list[Entry]:
    """Append `lines` with the next numbers, and all that belongs to them, in one statement.

    Args:
        conversation: the one that is continued; it is locked and brought up to date.
        *lines: the entries, in their order.
        events: what is written to the event log with them (`log_events`).
        waiting_from: as for `advance`.
        at_least: as for `advance`.
        **head: columns of the conversation that change with it.

    Raises:
        NotLocked: there is no transaction.
    """
    if not lines:
        advance(conversation, waiting_from=waiting_from, at_least=at_least, **head)
        log_events(conversation, *events)
        return []
    head.setdefault("last_entry_at", lines[-1].at)
    # An automatic answer is not what a row of the inbox should say.
    shown = [
        i
        for i, line in enumerate(lines, 1)
        if line.kind == Entry.Kind.MESSAGE
        and line.author_kind != Entry.Author.AUTOMATIC
        and line.is_news
    ]
    message = shown[-1] if shown else None
    update, values = _update(conversation, len(lines), message, waiting_from, at_least, head)
    entries = [_entry(conversation, line) for line in lines]
    for place, entry in enumerate(entries, 1):
        values += _line_values(place, entry)
    values.append(len(entries))
    channel = head.get("channel", conversation.channel)
    for event in events:
        values += _event_values(event, channel)
    statement = _APPEND.format(
        update=update,
        lines=", ".join([_marks(_LINE)] * len(entries)),
        events=_with_events(len(events)) if events else "",
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    _bring_up(conversation, head, rows[0])
    first = conversation.last_number - len(entries) + 1
    for number, (entry, row) in enumerate(zip(entries, rows, strict=True), first):
        entry.pk = row[-1]
        entry.number, entry.revision = number, conversation.revision
        entry._state.adding = False
    return entries


def _line_values(place: int, entry: Entry) -> tuple[Any, ...]:
    """Return the values of `_LINE`."""
    return (
        place,
        entry.uuid,
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


def _entry(conversation: Conversation, line: Line) -> Entry:
    return Entry(
        conversation=conversation,
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
    if not events:
        return
    values: list[Any] = [conversation.pk, conversation.department_id, conversation.patient_id]
    for event in events:
        values += _event_values(event, conversation.channel)
    with connection.cursor() as cursor:
        cursor.execute(_LOG.format(events=", ".join([_marks(_EVENT)] * len(events))), values)


def _with_events(count: int) -> str:
    return _WITH_EVENTS.format(events=", ".join([_marks(_EVENT)] * count))


def _event_values(event: "Happened", channel: str) -> tuple[Any, ...]:
    """Return the values of `_EVENT`; `channel` is the conversation's, where no leg says it."""
    return (
        event.kind,
        event.at,
        event.leg.pk if event.leg else None,
        event.queue_entry_id,
        event.department_id,
        event.agent_id,
        event.channel or (event.leg.channel if event.leg else channel),
        event.reason,
        event.interval,
    )


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
