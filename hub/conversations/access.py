"""Who sees which conversation, and who may answer: the one place that says so (invariant 6).

Views, sockets, search, exports and events all ask here. `visible_to` is the rule as a query;
`viewers` is the same rule asked of one conversation for many people (a test holds them equal).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import (
    BigIntegerField,
    BooleanField,
    Case,
    CharField,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from hub.conversations import errors
from hub.conversations.models import Conversation
from hub.staff.models import Membership, Role, User
from patients.survivors import record_ids


def own(user: User) -> QuerySet[Conversation]:
    """Return the conversations of `user`'s departments and those they hold."""
    if not user.is_active or user.is_administrator:
        return Conversation.objects.none()
    return Conversation.objects.filter(_own(user))


def visible_to(user: User) -> QuerySet[Conversation]:
    """Return what `user` may read: their own, and the same patients' others.

    Others of a restricted department are not among them; `masked_to` has those.
    """
    if not user.is_active or user.is_administrator:
        return Conversation.objects.none()
    return Conversation.objects.filter(_own(user) | (_OPEN_TO_ALL & _same_patient_as_own(user)))


def masked_to(user: User) -> QuerySet[Conversation]:
    """Return those of which `user` may know only that there was a contact (restricted ones)."""
    return known_to(user).filter(level="masked")  # type: ignore[misc]  # annotated


def known_to(user: User) -> QuerySet[Conversation]:
    """Return what `user` may read or know of, each with its `level`: own, read or masked."""
    if not user.is_active or user.is_administrator:
        nothing = Value("", output_field=CharField())
        return Conversation.objects.annotate(level=nothing).none()
    level = Case(When(_own(user), then=Value("own")), When(_OPEN_TO_ALL, then=Value("read")))
    return Conversation.objects.filter(_own(user) | _same_patient_as_own(user)).annotate(
        level=Coalesce(level, Value("masked"), output_field=CharField())
    )


_OPEN_TO_ALL = Q(department__restricted=False, restricted_by__isnull=True)


def _own(user: User) -> Q:
    return Q(holder_id=user.pk) | Q(
        department_id__in=Membership.objects.filter(user=user).values("department_id")
    )


def _same_patient_as_own(user: User) -> Q:
    """Whether `user` has a conversation of the same patient, whatever records were merged."""
    same = _IsAnyOf(F("patient_id"), _RecordsOfPerson(OuterRef("patient_id")))
    return Q(Exists(Conversation.objects.filter(_own(user)).filter(same)))


class _RecordsOfPerson(Func):
    """The ids of all records of one person, as SQL (patients.survivors.record_ids)."""

    template = (
        "ARRAY(WITH RECURSIVE up (id, survivor_id) AS ("
        "SELECT id, survivor_id FROM patients_patient WHERE id = %(expressions)s UNION "
        "SELECT p.id, p.survivor_id FROM up JOIN patients_patient p ON p.id = up.survivor_id"
        "), down (id) AS (SELECT id FROM up WHERE survivor_id IS NULL UNION "
        "SELECT p.id FROM down JOIN patients_patient p ON p.survivor_id = down.id) "
        "SELECT id FROM down)"
    )
    output_field = ArrayField(BigIntegerField())


class _IsAnyOf(Func):
    """Whether the first is among the second, an array."""

    template = "(%(expressions)s))"
    arg_joiner = " = ANY ("
    output_field = BooleanField()


def may_answer(user: User, conversation: Conversation) -> bool:
    """Whether `user` may answer, note, assign and resolve here (what they see as their own)."""
    return own(user).filter(pk=conversation.pk).exists()


def require_answer(user: User, conversation: Conversation) -> None:
    """Raise errors.NotAllowed unless `may_answer`."""
    if not may_answer(user, conversation):
        raise errors.NotAllowed


def may_hold(user: User, conversation: Conversation) -> bool:
    """Whether `user` may be given the conversation: they are an active member of its department."""
    return (
        user.is_active
        and not user.is_administrator
        and Membership.objects.filter(user=user, department_id=conversation.department_id).exists()
    )


@dataclass(frozen=True, slots=True)
class Viewers:
    """Who of some people may see a conversation, and how much."""

    own: frozenset[int]  # may answer
    read: frozenset[int]  # may read: the same patient's other conversation
    masked: frozenset[int]  # may know that there was a contact

    def level(self, user_id: int) -> str:
        """Return "own", "read", "masked" or "" for `user_id`."""
        for name in ("own", "read", "masked"):
            if user_id in getattr(self, name):
                return name
        return ""


def owners(department_id: int, holder_id: int | None, user_ids: Iterable[int]) -> frozenset[int]:
    """Return who of `user_ids` has a conversation as their own: `own`, asked of many people.

    One query. The conversation is given by what the rule looks at: its department and its holder.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _OWNERS, [list(user_ids), Role.ADMINISTRATOR.value, holder_id, department_id]
        )
        return frozenset(row[0] for row in cursor.fetchall())


# An array instead of a list of a thousand parameters, which takes longer to write than to run.
_OWNERS = """
    SELECT id FROM staff_user
    WHERE id = ANY(%s) AND is_active AND role <> %s AND (
        id = %s OR id IN (SELECT user_id FROM staff_membership WHERE department_id = %s))
"""


def viewers(conversation: Conversation, user_ids: Iterable[int]) -> Viewers:
    """Return who of `user_ids` may see `conversation`, and how much. Three queries at most."""
    asked = set(user_ids)
    first = owners(conversation.department_id, conversation.holder_id, asked)
    others = asked - first
    knowing = _knowing(conversation.patient_id, others) if others else frozenset()
    restricted = conversation.restricted_by_id is not None or conversation.department.restricted
    return Viewers(
        own=first,
        read=frozenset() if restricted else knowing,
        masked=knowing if restricted else frozenset(),
    )


def _knowing(patient_id: int | None, user_ids: set[int]) -> frozenset[int]:
    """Return who of `user_ids` has a conversation of the patient as their own."""
    if patient_id is None:
        return frozenset()
    same = Conversation.objects.filter(patient_id__in=record_ids(patient_id))
    held = same.filter(holder_id=OuterRef("pk"))
    member = Membership.objects.filter(
        user_id=OuterRef("pk"), department_id__in=same.values("department_id")
    )
    return frozenset(
        User.objects.filter(pk__in=user_ids, is_active=True)
        .exclude(role=Role.ADMINISTRATOR)
        .filter(Exists(held) | Exists(member))
        .values_list("pk", flat=True)
    )
