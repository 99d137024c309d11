"""Finds conversations by the words that were said and by the names and addresses of patients."""

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, Q, QuerySet, Value

from hub.conversations import access
from hub.conversations.models import Conversation, Entry
from hub.conversations.rows import Row, rows_of
from hub.encryption.blind_index import query_words
from hub.staff.models import User
from patients.models import Patient
from patients.search import search as search_patients

MOST = 50
_MOST_ENTRIES = 400
_MOST_PATIENTS = 50
_WORDS: "ArrayField[list[int], list[int]]" = ArrayField(BigIntegerField())


def search_conversations(typed: str, user: User) -> list[Row]:
    """Return what fits, the latest first: said in it (by the blind index), or of such a patient."""
    seen = access.visible_to(user)
    ids = set(_of_patients(typed, seen)) | set(_saying(typed, seen))
    latest = list(
        Conversation.objects.filter(pk__in=ids)
        .order_by("-last_entry_at")
        .values_list("pk", flat=True)[:MOST]
    )
    rows = rows_of(latest, user.pk)
    return [rows[pk] for pk in latest]


def _of_patients(typed: str, seen: QuerySet[Conversation]) -> list[int]:
    known = Patient.objects.all()
    patients = [one.patient.pk for one in search_patients(typed, known, limit=_MOST_PATIENTS)]
    if not patients:
        return []
    theirs = seen.filter(Q(patient__in=patients) | Q(patient__survivor__in=patients))
    return list(theirs.order_by("-last_entry_at").values_list("pk", flat=True)[:MOST])


def _saying(typed: str, seen: QuerySet[Conversation]) -> list[int]:
    """The conversations in which all the words were said in one entry.

    The newest entries that fit are picked first (GIN index entry_words), then who may read them is
    asked of these few: the other way round every entry of every department would be opened.
    """
    numbers = query_words(typed)
    if not numbers:
        return []
    # As one value of the column's type: a list would be bound number by number, as int4.
    wanted = Value(numbers, output_field=_WORDS)
    hits = Entry.objects.filter(words__contains=wanted, erased_at=None, moved_to=None)
    newest = hits.order_by("-id").values_list("conversation_id", flat=True)[:_MOST_ENTRIES]
    return list(seen.filter(pk__in=set(newest)).values_list("pk", flat=True))
