"""Many conversations and entries in seconds, for tests of what a page costs."""

from django.db import connection

from hub.conversations.models import Entry
from patients.models import ContactPoint


def conversations(department_id: int, point: ContactPoint, count: int) -> None:
    """Make conversations of every status, held by nobody, with one message each.

    Of a hundred, eighty are resolved, five are snoozed, ten are open and five wait for the patient.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH made AS (
                INSERT INTO conversations_conversation (
                    uuid, identity, department_id, status, priority, last_number, revision, channel,
                    contact_point_id, last_message_number, last_entry_at, opened_at, waiting_since,
                    snoozed_until, resolved_at, resolution)
                SELECT gen_random_uuid(), 'unknown', %(department)s, status,
                    CASE WHEN n %% 97 = 0 THEN 10 ELSE 0 END, 1, 1, 'sms', %(point)s, 1, at, at,
                    CASE WHEN status = 'open' THEN at END,
                    CASE WHEN status = 'snoozed' THEN now() + n * interval '1 second' END,
                    CASE WHEN status = 'resolved' THEN at END, ''
                FROM (
                    SELECT n, now() - n * interval '1 second' AS at,
                        CASE WHEN n %% 100 < 80 THEN 'resolved' WHEN n %% 100 < 85 THEN 'snoozed'
                            WHEN n %% 100 < 95 THEN 'open' ELSE 'waiting' END AS status
                    FROM generate_series(1, %(count)s) n
                ) rows
                RETURNING id, opened_at
            )
            INSERT INTO conversations_entry (
                uuid, conversation_id, number, revision, kind, author_kind, audience, channel, body,
                detail, words, at, delivery_state, delivery_error)
            SELECT gen_random_uuid(), id, 1, 1, 'message', 'patient', 'patient', 'sms', '', '{}',
                '{}', opened_at, '', '' FROM made
            """,
            {"department": department_id, "point": point.pk, "count": count},
        )


def entries(conversation_id: int, count: int) -> None:
    """Give a conversation `count` messages without words, numbered from 1, a second apart."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO conversations_entry (
                uuid, conversation_id, number, revision, kind, author_kind, audience, channel, body,
                detail, words, at, delivery_state, delivery_error)
            SELECT gen_random_uuid(), %(conversation)s, n, n, 'message', 'patient', 'patient',
                'sms', '', '{}', '{}', now() - (%(count)s - n) * interval '1 second', '', ''
            FROM generate_series(1, %(count)s) n ORDER BY n
            """,
            {"conversation": conversation_id, "count": count},
        )
        cursor.execute(
            "UPDATE conversations_conversation SET last_number = %s, revision = %s, "
            "last_message_number = %s, last_entry_at = now() WHERE id = %s",
            [count, count, count, conversation_id],
        )


def analyse() -> None:
    """Let the planner know of the crowd."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE conversations_conversation, {Entry._meta.db_table}")
