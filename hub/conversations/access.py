"""Who sees which conversation, and who may answer: the one place that says so (invariant 6).

Views, sockets, search, exports and events all ask here. `visible_to` is the rule as a query;
`viewers` is the same rule asked of one conversation for many people (a test holds them equal).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from hub.conversations import errors
from hub.conversations.models import Conversation
from hub.staff.models import Membership, Role, User


def own(user: User) -> QuerySet[Conversation]:
    """Return the conversations of `user`'s departments and those they hold."""
    if not user.is_active or user.is_administrator:
        return Conversation.objects.none()
    return Conversation.objects.filter(
        Q(holder_id=user.pk)
        | Q(department_id__in=Membership.objects.filter(user=user).values("department_id"))
    )


def visible_to(user: User) -> QuerySet[Conversation]:
    """Return what `user` may read: their own, and the same patients' others.

    Others of a restricted department are not among them; `masked_to` has those.
    """
    return Conversation.objects.filter(
        Q(pk__in=own(user).values("pk"))
        | (
            Q(department__restricted=False, restricted_by__isnull=True)
            & Exists(own(user).filter(patient_id=OuterRef("patient_id")))
        )
    )


def masked_to(user: User) -> QuerySet[Conversation]:
    """Return the restricted conversations of which `user` may know only that there was a contact."""
    return (
        Conversation.objects.filter(Q(department__restricted=True) | Q(restricted_by__isnull=False))
        .filter(Exists(own(user).filter(patient_id=OuterRef("patient_id"))))
        .exclude(pk__in=own(user).values("pk"))
    )


def may_answer(user: User, conversation: Conversation) -> bool:
    """Whether `user` may answer, note, assign and resolve here (what they see as their own)."""
    return own(user).filter(pk=conversation.pk).exists()


def require_answer(user: User, conversation: Conversation) -> None:
    """Raise errors.NotAllowed unless `may_answer`."""
    if not may_answer(user, conversation):
        raise errors.NotAllowed


def may_hold(user: User, conversation: Conversation) -> bool:
    """Whether the conversation may be put into `user`'s hands: an active member of its department."""
    return (
        user.is_active
        and not user.is_administrator
        and Membership.objects.filter(
            user=user, department_id=conversation.department_id
        ).exists()
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
    """Return who of `user_ids` may see `conversation`; two queries whatever their number."""
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
        same = Conversation.objects.filter(patient_id=conversation.patient_id)
        knowing = set(
            same.filter(holder_id__in=others).values_list("holder_id", flat=True)
        ) | set(
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
