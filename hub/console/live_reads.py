"""What the live half asks the database, for many sockets at once. Runs on the database threads."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from hub.audit.action_codes import AuditAction
from hub.audit.origin import Origin, use_origin
from hub.audit.record import record
from hub.console import render
from hub.conversations import access, timeline
from hub.conversations.lists import Row, rows_of
from hub.conversations.models import Conversation
from hub.staff.models import User


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a conversation stood at a revision: in whose hands, in which department and list."""

    revision: int
    holder_id: int | None
    department_id: int
    status: str

    @classmethod
    def of(cls, row: Row) -> "Stand":
        """Return where the conversation of `row` stands."""
        return cls(row.revision, row.holder_id, row.department_id, row.status)

    def may_have_lost_it(self, before: "Stand | None") -> bool:
        """Whether somebody may have had it `before`, and no longer does.

        Whoever stands where they stood one revision ago cannot have moved away and back between.
        """
        return (
            before is None
            or self.revision > before.revision + 1
            or self.holder_id != before.holder_id
            or self.department_id != before.department_id
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What one conversation's news is, for everybody connected to this process.

    Attributes:
        levels: of each person who has it open, what they may see now ("" = nothing any more).
        own: who of those connected has it among their own.
        former: who of those connected may have had it in a list before, and no longer does.
        entries, masked, heads, rows: fragments by language.
    """

    conversation: UUID
    stand: Stand
    revision: int
    number: int
    is_complete: bool
    levels: Mapping[int, str]
    own: frozenset[int]
    former: frozenset[int]
    facts: Mapping[str, Any]
    entries: Mapping[str, list[dict[str, Any]]]
    masked: Mapping[str, list[dict[str, Any]]]
    heads: Mapping[str, str]
    rows: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be found out about one conversation.

    Attributes:
        conversation_id: which.
        since: the lowest revision that its watchers have.
        watchers: the language of each person who has it open.
        former_since: the revision before the event: people who lost it since then are told.
        before: where it stood when it was last looked at, and all who had lost it were told.
    """

    conversation_id: int
    since: int
    watchers: Mapping[int, str]
    former_since: int
    before: Stand | None = None


def changes(asked: Sequence[Asked], connected: Mapping[int, str]) -> dict[int, Change]:
    """Return the news of conversations by id; one that is gone is missing.

    What all need is asked for all at once: where nobody has any of them open two queries, and a
    third where one of them may have changed hands.

    Args:
        asked: which conversations.
        connected: the language of everybody connected.
    """
    shown = rows_of([one.conversation_id for one in asked])
    owners: dict[tuple[int, int | None], frozenset[int]] = {}
    for row in shown.values():
        key = (row.department_id, row.holder_id)
        if key not in owners:
            owners[key] = access.owners(*key, connected)
    moved = {
        one.conversation_id: one.former_since
        for one in asked
        if one.conversation_id in shown
        and Stand.of(shown[one.conversation_id]).may_have_lost_it(one.before)
    }
    former = _former(moved, connected) if moved else {}
    found = {}
    for one in asked:
        now = shown.get(one.conversation_id)
        if now is not None:
            own = owners[now.department_id, now.holder_id]
            lost = former.get(now.id, frozenset()) - own
            found[now.id] = _change(one, now, connected, own, lost)
    return found


def _change(
    asked: Asked,
    shown: Row,
    connected: Mapping[int, str],
    own: frozenset[int],
    former: frozenset[int],
) -> Change:
    conversation_id, since, watchers = asked.conversation_id, asked.since, asked.watchers
    levels: dict[int, str] = {}
    heads: dict[str, str] = {}
    entries: dict[str, list[dict[str, Any]]] = {}
    masked: dict[str, list[dict[str, Any]]] = {}
    revision, number, complete = shown.revision, 0, True
    if watchers:
        # The head is read before the lines: a line that comes in between is sent once more with
        # the next event, whereas the other way round it would be passed over.
        head = Conversation.objects.select_related(
            "patient", "department", "holder", "contact_point"
        ).get(pk=conversation_id)
        seen = access.viewers(head, watchers)
        levels = {user_id: seen.level(user_id) for user_id in watchers}
        changes = timeline.changed_since(conversation_id, since)
        revision, complete = max(head.revision, changes.revision), changes.is_complete
        number = max((line.number for line in changes.lines), default=0)
        for language in {watchers[pk] for pk, level in levels.items() if level in ("own", "read")}:
            heads[language] = render.head(head, language)
            entries[language] = _drawn(changes.lines, language, head)
        for language in {watchers[pk] for pk, level in levels.items() if level == "masked"}:
            masked[language] = _drawn(timeline.contact_only(changes.lines), language, head)
    return Change(
        conversation=shown.conversation,
        stand=Stand.of(shown),
        revision=revision,
        number=number,
        is_complete=complete,
        levels=levels,
        own=own,
        former=former,
        facts=facts_of(shown),
        entries=entries,
        masked=masked,
        heads=heads,
        rows={language: render.row(shown, language) for language in {connected[pk] for pk in own}},
    )


def _drawn(
    lines: Collection[timeline.EntryLine], language: str, conversation: Conversation
) -> list[dict[str, Any]]:
    return [
        {"number": line.number, "revision": line.revision, "html": html}
        for line, html in zip(lines, render.entries(lines, language, conversation), strict=True)
    ]


def facts_of(row: Row) -> dict[str, Any]:
    """Return what decides in which lists a row stands, and where."""

    def text(at: Any) -> str | None:
        return at.isoformat() if at else None

    return {
        "holder_id": row.holder_id,
        "department_id": row.department_id,
        "status": row.status,
        "priority": row.priority,
        "waiting_since": text(row.waiting_since),
        "last_entry_at": text(row.last_entry_at),
        "snoozed_until": text(row.snoozed_until),
        "resolved_at": text(row.resolved_at),
        "last_message_number": row.last_message_number,
        "last_author_kind": row.last_author_kind,
    }


# An assignment is written at the very moment of its entry; the one before says whose it was.
_FORMER = """
    WITH moved AS (
        SELECT e.conversation_id, e.kind, e.at, e.detail
        FROM unnest(%s::bigint[], %s::bigint[]) AS asked (id, since)
        JOIN conversations_entry e ON e.conversation_id = asked.id AND e.revision > asked.since
        WHERE e.kind IN ('assigned', 'status')
    ), people AS (
        SELECT unnest(%s::bigint[]) AS id
    )
    SELECT moved.conversation_id, held.holder_id FROM moved, LATERAL (
        SELECT a.holder_id FROM conversations_assignment a
        WHERE a.conversation_id = moved.conversation_id AND a.at < moved.at
        ORDER BY a.id DESC LIMIT 1
    ) held
    WHERE held.holder_id IN (SELECT id FROM people)
    UNION
    SELECT moved.conversation_id, m.user_id FROM moved
    JOIN staff_membership m ON m.department_id = (moved.detail->>'from_department')::bigint
    WHERE moved.kind = 'assigned' AND m.user_id IN (SELECT id FROM people)
"""


def _former(since: Mapping[int, int], people: Collection[int]) -> dict[int, frozenset[int]]:
    """Return who of `people` just lost which conversation: its holder, members of its department.

    `since` has the revision after which to look, by conversation. One query.
    """
    found: dict[int, set[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_FORMER, [list(since), list(since.values()), list(people)])
        for conversation_id, user_id in cursor.fetchall():
            found.setdefault(conversation_id, set()).add(user_id)
    return {conversation_id: frozenset(lost) for conversation_id, lost in found.items()}


@dataclass(frozen=True, slots=True)
class Opened:
    """A conversation that a person opened, with what they missed since their page was made."""

    patient_id: int | None
    level: str
    revision: int
    number: int
    is_complete: bool
    entries: list[dict[str, Any]]
    head: str


def id_of(conversation: UUID) -> int | None:
    """Return the id of a conversation; whether somebody may see it is asked by `opened`."""
    return Conversation.objects.filter(uuid=conversation).values_list("pk", flat=True).first()


def opened(
    conversation_id: int, since: int, user_id: int, language: str, origin: Origin
) -> Opened | None:
    """Return what `user_id` missed of a conversation, or None where they may not see it.

    What is sent here was shown by no page, so it is a reading of its own in the audit trail.
    """
    user = User.objects.filter(pk=user_id).first()
    found = (
        access.known_to(user)
        .select_related("patient", "department", "holder", "contact_point")
        .filter(pk=conversation_id)
        .first()
        if user
        else None
    )
    if found is None:
        with use_origin(origin):
            record(AuditAction.DENIED, actor=user_id, detail={"conversation_id": conversation_id})
        return None
    level: str = found.level  # type: ignore[attr-defined]  # annotated by known_to
    changes = timeline.changed_since(found.pk, since)
    lines = timeline.contact_only(changes.lines) if level == "masked" else changes.lines
    if lines:
        with use_origin(origin):
            record(
                AuditAction.VIEW_CONVERSATION,
                actor=user_id,
                conversation=found.pk,
                patient=found.patient_id,
                detail={"by": "socket", "numbers": [line.number for line in lines]},
            )
    return Opened(
        patient_id=found.patient_id,
        level=level,
        revision=max(found.revision, changes.revision),
        number=max((line.number for line in lines), default=0) or found.last_number,
        is_complete=changes.is_complete,
        entries=_drawn(lines, language, found),
        head="" if level == "masked" else render.head(found, language),
    )


def left(
    user_id: int, conversation_id: int, patient_id: int | None, number: int, origin: Origin
) -> None:
    """Note in the audit trail that a person closed a conversation, and the last line they saw."""
    with use_origin(origin):
        record(
            AuditAction.LEAVE_CONVERSATION,
            actor=user_id,
            conversation=conversation_id,
            patient=patient_id,
            detail={"last_number": number},
        )
