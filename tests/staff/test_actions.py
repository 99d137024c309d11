"""Changing people: who may, what is refused, and what follows at once."""

import threading
from collections.abc import Callable

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from allauth.usersessions.models import UserSession
from django.db import connection
from django.test import Client

from hub.audit.models import AuditEvent
from hub.staff import actions, presence, signals
from hub.staff.models import Membership, Role, StaffSession, Tab, User
from tests.factories import DepartmentFactory, MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return UserFactory(administrator=True)


def told_of(action: str) -> AuditEvent:
    return AuditEvent.objects.get(action=action)


DEEDS: dict[str, Callable[[User, User], object]] = {
    "invite": lambda by, user: actions.invite(by, email="n@example.org", name="N", role="agent"),
    "role": lambda by, user: actions.change_role(by, user, "supervisor"),
    "departments": lambda by, user: actions.set_departments(by, user, []),
    "off": actions.switch_off,
    "on": actions.switch_on,
    "sessions": actions.end_sessions,
    "factor": actions.reset_second_factor,
}


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS)
@pytest.mark.parametrize("who", ["agent", "supervisor", "switched-off administrator"])
def test_only_administrators_change_people(who: str, deed: Callable[[User, User], object]) -> None:
    UserFactory(administrator=True)
    by = UserFactory(
        role=Role.ADMINISTRATOR if "administrator" in who else who, is_active="off" not in who
    )
    user = UserFactory()
    before = AuditEvent.objects.count()
    with pytest.raises(actions.NotAnAdministrator):
        deed(by, user)
    assert AuditEvent.objects.count() == before


def test_role_change(ada: User) -> None:
    user = UserFactory()
    actions.change_role(ada, user, Role.SUPERVISOR)
    user.refresh_from_db()
    assert user.is_supervisor
    event = told_of("role_changed")
    assert (event.actor_id, event.object_ids) == (ada.pk, [user.pk])
    assert event.detail == {"before": "agent", "after": "supervisor"}
    actions.change_role(ada, user, Role.SUPERVISOR)
    assert AuditEvent.objects.filter(action="role_changed").count() == 1


def test_there_is_no_other_role(ada: User) -> None:
    with pytest.raises(actions.UnknownRole):
        actions.change_role(ada, UserFactory(), "owner")


def test_the_last_administrator_stays(ada: User) -> None:
    UserFactory(administrator=True, is_active=False)
    with pytest.raises(actions.LastAdministrator):
        actions.change_role(ada, ada, Role.AGENT)
    ada.refresh_from_db()
    assert ada.is_administrator
    UserFactory(administrator=True)
    actions.change_role(ada, ada, Role.AGENT)
    ada.refresh_from_db()
    assert not ada.is_administrator


def test_nobody_switches_themself_off(ada: User) -> None:
    UserFactory(administrator=True)
    with pytest.raises(actions.OwnAccount):
        actions.switch_off(ada, ada)
    with pytest.raises(actions.OwnAccount):
        actions.reset_second_factor(ada, ada)


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_demote_each_other_at_once_leave_one() -> None:
    ada, ben = UserFactory(administrator=True), UserFactory(administrator=True)
    start = threading.Barrier(2)
    refused: list[type] = []

    def demote(by: User, user: User) -> None:
        start.wait()
        try:
            actions.change_role(by, user, Role.AGENT)
        except actions.StaffError as refusal:
            refused.append(type(refusal))
        finally:
            connection.close()

    threads = [threading.Thread(target=demote, args=pair) for pair in ((ada, ben), (ben, ada))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert refused == [actions.NotAnAdministrator]
    assert User.objects.filter(role=Role.ADMINISTRATOR).count() == 1


def test_departments_are_set_exactly(ada: User) -> None:
    user = UserFactory()
    old, kept, new = DepartmentFactory.create_batch(3)
    MembershipFactory(user=user, department=old)
    since = MembershipFactory(user=user, department=kept).since
    actions.set_departments(ada, user, [kept, new])
    assert set(user.departments.all()) == {kept, new}
    assert Membership.objects.get(user=user, department=kept).since == since
    event = told_of("membership_changed")
    assert event.detail == {"before": [old.pk, kept.pk], "after": [kept.pk, new.pk]}


def test_regrouping_is_told_upstairs_inside_the_transaction(ada: User) -> None:
    heard: list[tuple[str, int, bool]] = []

    def listen(name: str) -> Callable[..., None]:
        return lambda user, **kwargs: heard.append((name, user.pk, connection.in_atomic_block))

    regrouped, off = listen("regrouped"), listen("off")
    signals.person_regrouped.connect(regrouped)
    signals.person_switched_off.connect(off)
    try:
        user = UserFactory()
        actions.change_role(ada, user, Role.SUPERVISOR)
        actions.set_departments(ada, user, [DepartmentFactory()])
        actions.switch_off(ada, user)
        actions.switch_off(ada, user)
    finally:
        signals.person_regrouped.disconnect(regrouped)
        signals.person_switched_off.disconnect(off)
    assert heard == [("regrouped", user.pk, True)] * 2 + [("off", user.pk, True)]


def test_switching_off_ends_everything_of_that_person_alone(ada: User) -> None:
    user, other = UserFactory(), UserFactory()
    for person in (user, other):
        client = Client()
        client.force_login(person)
        UserSession.objects.create(
            user=person, ip="192.0.2.1", session_key=client.session.session_key
        )
        presence.open_tab(person, client.session.session_key)
    actions.switch_off(ada, user)
    for rows in (StaffSession, UserSession, Tab):
        assert list(rows.objects.values_list("user_id", flat=True)) == [other.pk]
    assert told_of("switched_off").object_ids == [user.pk]
    actions.switch_on(ada, user)
    user.refresh_from_db()
    assert user.is_active
    assert not StaffSession.objects.filter(user=user).exists()


def test_a_person_may_end_their_own_log_ins() -> None:
    user = UserFactory()
    client = Client()
    client.force_login(user)
    actions.end_sessions(user, user)
    assert client.get("/staff/session/").json()["state"] == "gone"


def test_lost_second_factor(ada: User) -> None:
    user = UserFactory()
    TOTP.activate(user, "JBSWY3DPEHPK3PXP")
    client = Client()
    client.force_login(user)
    actions.reset_second_factor(ada, user)
    assert not user.authenticator_set.exists()
    assert client.get("/staff/session/").json()["state"] == "gone"
    assert told_of("second_factor_changed").detail == {"change": "reset"}


def test_an_action_that_fails_half_way_leaves_nothing(ada: User) -> None:
    def refuse(**kwargs: object) -> None:
        raise RuntimeError

    user = UserFactory()
    signals.person_switched_off.connect(refuse)
    try:
        with pytest.raises(RuntimeError):
            actions.switch_off(ada, user)
    finally:
        signals.person_switched_off.disconnect(refuse)
    assert User.objects.get(pk=user.pk).is_active
    assert not AuditEvent.objects.filter(action="switched_off").exists()
