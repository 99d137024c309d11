"""Presence: the sum of a person's tabs."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hub.staff import presence, tasks
from hub.staff.models import TAB_GRACE, Department, Presence, Tab, User
from tests.factories import DepartmentFactory, UserFactory
from tests.staff.conftest import age

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return UserFactory()


def of(user: User) -> Presence:
    return presence.presence_of([user.pk])[user.pk]


def test_no_tab_is_offline_and_a_tab_is_available(user: User) -> None:
    assert of(user) is Presence.OFFLINE
    first, second = presence.open_tab(user, "one"), presence.open_tab(user, "two")
    assert of(user) is Presence.AVAILABLE
    presence.close_tab(first.uuid)
    assert of(user) is Presence.AVAILABLE
    presence.close_tab(second.uuid)
    presence.close_tab(second.uuid)
    assert of(user) is Presence.OFFLINE


def test_a_silent_tab_counts_for_its_grace(user: User) -> None:
    tab = presence.open_tab(user, "one")
    Tab.objects.update(until=timezone.now() + timedelta(seconds=1))
    assert presence.renew_tab(tab.uuid)
    tab.refresh_from_db()
    assert tab.until - timezone.now() > TAB_GRACE - timedelta(seconds=5)
    Tab.objects.update(until=timezone.now())
    assert of(user) is Presence.OFFLINE
    assert not presence.renew_tab(tab.uuid)


@pytest.mark.parametrize("chosen", [Presence.BUSY, Presence.AWAY])
def test_what_is_set_by_hand_holds_in_all_tabs(user: User, chosen: Presence) -> None:
    presence.open_tab(user, "one")
    presence.set_presence(user, chosen)
    presence.open_tab(user, "two")
    assert of(user) is chosen
    Tab.objects.all().delete()
    presence.open_tab(user, "three")  # a reload is no reason to forget it
    assert of(user) is chosen
    presence.set_presence(user, Presence.AVAILABLE)
    assert of(user) is Presence.AVAILABLE


def test_a_new_log_in_starts_available(client: Client, user: User) -> None:
    presence.set_presence(user, Presence.AWAY)
    client.force_login(user)
    presence.open_tab(user, client.session.session_key or "")
    assert of(user) is Presence.AVAILABLE


def test_the_most_reachable_tab_counts(user: User) -> None:
    presence.open_tab(user, "one")
    Tab.objects.update(presence=Presence.BUSY)
    assert of(user) is Presence.BUSY
    presence.open_tab(user, "two")
    assert of(user) is Presence.AVAILABLE


def test_nobody_chooses_to_be_offline(user: User) -> None:
    for wrong in ("offline", "invisible"):
        with pytest.raises(presence.UnknownPresence):
            presence.set_presence(user, wrong)


def test_behind_a_locked_screen_nobody_is_reachable(client: Client, user: User) -> None:
    client.force_login(user)
    ward = join(user)
    presence.open_tab(user, client.session.session_key or "")
    assert presence.on_duty(ward.pk)
    age(client, active=timedelta(minutes=15))
    assert of(user) is Presence.AWAY
    assert not presence.on_duty(ward.pk)
    other = Client()
    other.force_login(user)
    presence.open_tab(user, other.session.session_key or "")
    assert of(user) is Presence.AVAILABLE


def test_logging_out_closes_the_tabs_of_that_log_in(user: User) -> None:
    here, there = Client(), Client()
    for client in (here, there):
        client.force_login(user)
        presence.open_tab(user, client.session.session_key or "")
    here.post("/accounts/logout/")
    assert Tab.objects.get().session_key == there.session.session_key


def test_many_people_cost_one_query() -> None:
    people = UserFactory.create_batch(5)
    for person in people[:3]:
        presence.open_tab(person, "x")
    presence.set_presence(people[0], "busy")
    with CaptureQueriesContext(connection) as queries:
        found = presence.presence_of(person.pk for person in people)
    assert len(queries) == 1
    assert [str(found[person.pk]) for person in people] == [
        "busy", "available", "available", "offline", "offline"
    ]  # fmt: skip


def join(user: User) -> Department:
    ward = DepartmentFactory()
    user.memberships.create(department=ward)
    return ward


@pytest.mark.parametrize(
    ("role", "chosen", "expected"),
    [
        ("agent", "available", True),
        ("agent", "busy", True),
        ("agent", "away", False),
        ("supervisor", "available", True),
        ("administrator", "available", False),
    ],
)
def test_on_duty(role: str, chosen: str, expected: bool) -> None:
    user = UserFactory(role=role)
    ward, other = join(user), DepartmentFactory()
    assert not presence.on_duty(ward.pk)
    presence.open_tab(user, "x")
    presence.set_presence(user, chosen)
    with CaptureQueriesContext(connection) as queries:
        assert presence.on_duty(ward.pk) is expected
    assert len(queries) == 1
    assert not presence.on_duty(other.pk)
    User.objects.update(is_active=False)
    assert not presence.on_duty(ward.pk)


def test_the_sweep_deletes_silent_tabs_and_notes_locked_ones(client: Client) -> None:
    silent, locked, there = UserFactory.create_batch(3)
    client.force_login(locked)
    presence.open_tab(silent, "a")
    Tab.objects.update(until=timezone.now())
    presence.open_tab(locked, client.session.session_key or "")
    presence.open_tab(there, "b")
    age(client, active=timedelta(hours=1))
    assert tasks.end_stale_tabs() == 2
    assert dict(Tab.objects.values_list("user_id", "presence")) == {
        locked.pk: "away",
        there.pk: "available",
    }
    assert tasks.end_stale_tabs() == 0
