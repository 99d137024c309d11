"""Where people are: the sum of their open console tabs.

A tab holds a lease that its socket renews; a tab that fell silent counts for `TAB_GRACE` more. What
a person set by hand (busy, away) holds in all their tabs until they say otherwise or log in anew.
Otherwise a person is as reachable as their most reachable tab; one behind a locked screen is away.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from hub.realtime.events import PresenceChanged
from hub.realtime.publish import publish_on_commit
from hub.staff.models import TAB_GRACE, Presence, StaffSession, Tab, User
from hub.staff.signals import person_reachable

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations


class _Locked(TypedDict):
    locked: bool


MOST_REACHABLE_FIRST = (Presence.AVAILABLE, Presence.BUSY, Presence.AWAY, Presence.OFFLINE)
BY_HAND = (Presence.AVAILABLE, Presence.BUSY, Presence.AWAY)
"""What a person may choose; offline is having no tab open."""


class UnknownPresence(Exception):
    """Nobody can choose to be that."""


# Written out, since each text of a patient asks it: the ORM needs longer to build it than the
# database to answer.
_ON_DUTY = """
    SELECT EXISTS (
        SELECT 1
        FROM staff_membership member
        JOIN staff_user person ON person.id = member.user_id
        JOIN staff_tab tab ON tab.user_id = person.id
        LEFT JOIN staff_staffsession session ON session.session_key = tab.session_key
        WHERE member.department_id = %s
            AND person.is_active
            AND person.role IN ('agent', 'supervisor')
            AND person.chosen_presence <> 'away'
            AND tab.until > %s
            AND tab.presence IN ('available', 'busy')
            AND (session.session_key IS NULL
                OR (session.locked_at IS NULL AND session.active_at > %s))
    )
"""


def open_tab(user: User, session_key: str) -> Tab:
    """Return a new lease for a tab that `user` opened in the log-in `session_key`."""
    tab = Tab.objects.create(user=user, session_key=session_key, until=timezone.now() + TAB_GRACE)
    publish_on_commit(PresenceChanged(user.pk))
    person_reachable.send(sender=User, user_id=user.pk)
    return tab


def renew_tab(tab_uuid: UUID) -> bool:
    """Prolong a tab's lease; return False where it is over, so that the tab must open a new one.

    Nothing is published: the person's presence stays what it was.
    """
    now = timezone.now()
    return bool(Tab.objects.filter(uuid=tab_uuid, until__gt=now).update(until=now + TAB_GRACE))


def renew_tabs(tab_uuids: Collection[UUID]) -> set[UUID]:
    """Prolong many tabs' leases in one statement; return those that were still running."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE staff_tab SET until = %s WHERE uuid = ANY(%s) AND until > %s RETURNING uuid",
            [now + TAB_GRACE, list(tab_uuids), now],
        )
        return {row[0] for row in cursor.fetchall()}


def close_tab(tab_uuid: UUID) -> None:
    """End a tab's lease at once; does nothing where it has ended already."""
    tab = Tab.objects.filter(uuid=tab_uuid).first()
    if tab is not None:
        tab.delete()
        publish_on_commit(PresenceChanged(tab.user_id))


def set_presence(user: User, presence: Presence | str) -> None:
    """Set what `user` is by hand, in all their tabs.

    Raises:
        UnknownPresence: it is not one of `BY_HAND`.
    """
    if presence not in BY_HAND:
        raise UnknownPresence(presence)
    chosen = "" if presence == Presence.AVAILABLE else str(presence)
    User.objects.filter(pk=user.pk).update(chosen_presence=chosen)
    user.chosen_presence = chosen
    publish_on_commit(PresenceChanged(user.pk))
    if not chosen:
        person_reachable.send(sender=User, user_id=user.pk)


def note_lock(user_id: int, session_key: str, *, locked: bool) -> None:
    """Tell colleagues that a log-in's screen was locked or unlocked just now."""
    tabs = Tab.objects.filter(user_id=user_id, session_key=session_key)
    if tabs.update(presence=_behind(locked)):
        publish_on_commit(PresenceChanged(user_id))
        if not locked:
            person_reachable.send(sender=User, user_id=user_id)


def presence_of(user_ids: Iterable[int]) -> dict[int, Presence]:
    """Return where each of the people is. One query, however many."""
    ids = set(user_ids)
    found = dict.fromkeys(ids, Presence.OFFLINE)
    rows = _live_tabs().filter(user_id__in=ids, user__is_active=True)
    for user_id, chosen, tab, locked in rows.values_list(
        "user_id", "user__chosen_presence", "presence", "locked"
    ):
        here = Presence(Presence.AWAY if locked else chosen or tab)
        if _rank(here) < _rank(found[user_id]):
            found[user_id] = here
    return found


def on_duty(department_id: int) -> bool:
    """Whether somebody of the department who answers patients is there. One query.

    Available or busy counts, away does not; administrators see no content and so answer nobody.
    """
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(_ON_DUTY, [department_id, now, now - settings.IDLE_LOCK])
        return bool(cursor.fetchone()[0])


@transaction.atomic
def end_stale_tabs() -> int:
    """Delete leases that ran out and note tabs whose screen was locked or unlocked meanwhile.

    The readers above judge by the clock and need no sweep; it is here so that colleagues' screens
    hear of a change that nobody wrote. Returns how many people's presence it told.
    """
    now = timezone.now()
    stale = list(
        Tab.objects.select_for_update(skip_locked=True)
        .filter(until__lte=now)
        .values_list("pk", "user_id")
    )
    Tab.objects.filter(pk__in=[pk for pk, _ in stale]).delete()
    told = {user_id for _, user_id in stale}
    for locked, shown in ((True, Presence.AVAILABLE), (False, Presence.AWAY)):
        changed = list(
            _live_tabs(now).filter(locked=locked, presence=shown).values_list("pk", "user_id")
        )
        if changed:
            Tab.objects.filter(pk__in=[pk for pk, _ in changed]).update(presence=_behind(locked))
            told.update(user_id for _, user_id in changed)
    for user_id in sorted(told):
        publish_on_commit(PresenceChanged(user_id))
    return len(told)


def _live_tabs(now: datetime | None = None) -> "QuerySet[WithAnnotations[Tab, _Locked]]":
    """Return the tabs whose lease runs, each with `locked`: whether its screen is locked."""
    now = now or timezone.now()
    locked = StaffSession.objects.filter(session_key=OuterRef("session_key")).filter(
        Q(locked_at__isnull=False) | Q(active_at__lte=now - settings.IDLE_LOCK)
    )
    return Tab.objects.filter(until__gt=now).annotate(locked=Exists(locked))


def _behind(locked: bool) -> Presence:
    return Presence.AWAY if locked else Presence.AVAILABLE


def _rank(presence: Presence) -> int:
    return MOST_REACHABLE_FIRST.index(presence)
