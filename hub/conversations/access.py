"""Who sees which conversation, and who may answer: the one place that says so (invariant 6).

Views, sockets, search, exports and events all ask here. `visible_to` is the rule as a query;
`viewers` is the same rule asked of one conversation for many people (a test holds them equal).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.postgres.fields import ArrayField
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
    return known_to(user).filter(level="masked")


def known_to(user: User) -> QuerySet[Conversation]:
    """Return what `user` may read or know of, each with its `level`: own, read or masked."""
    if not user.is_active or user.is_administrator:
        return Conversation.objects.none()
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


def viewers(conversation: Conversation, user_ids: Iterable[int]) -> Viewers:
    """Return who of `user_ids` may see `conversation`; five queries at most."""
    staff = dict(
        User.objects.filter(pk__in=set(user_ids), is_active=True)
        .exclude(role=Role.ADMINISTRATOR)
        .values_list("pk", "role")
    )
    members = set(
        Membership.objects.filter(
            user_id__in=staff, department_id=conversation.department_id
        ).values_list("user_id", flat=True)
    )
    owners = members | ({conversation.holder_id} & staff.keys())
    others = staff.keys() - owners
    knowing: set[int] = set()
    if others and conversation.patient_id is not None:
        same = Conversation.objects.filter(patient_id__in=record_ids(conversation.patient_id))
        knowing = set(same.filter(holder_id__in=others).values_list("holder_id", flat=True)) | set(
            Membership.objects.filter(
                user_id__in=others, department_id__in=same.values("department_id")
            ).values_list("user_id", flat=True)
        )
        knowing = {pk for pk in knowing if pk is not None}
    restricted = conversation.restricted_by_id is not None or conversation.department.restricted
    return Viewers(
        own=frozenset(pk for pk in owners if pk is not None),
        read=frozenset() if restricted else frozenset(knowing),
        masked=frozenset(knowing) if restricted else frozenset(),
    )
