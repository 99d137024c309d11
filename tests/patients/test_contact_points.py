"""One row for each address, and the locks that keep STOP and sending apart."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.transaction import TransactionManagementError

from patients import contact_points
from patients.models import ContactPoint
from patients.normal_form import NotAnAddress
from tests.factories import ContactPointFactory

WAITS = 0.3  # seconds after which somebody is taken to wait for a lock


@pytest.fixture
def threads() -> Iterator[Callable[..., Future[Any]]]:
    """Run functions on threads with connections of their own."""

    def closing(work: Callable[..., Any], *args: Any) -> Any:
        try:
            return work(*args)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        yield lambda work, *args: pool.submit(closing, work, *args)


@pytest.mark.django_db
def test_an_address_is_made_once_whatever_its_spelling() -> None:
    with transaction.atomic():
        first = contact_points.hold("phone", "(555) 010-0142")
        again = contact_points.hold("phone", "+1 555 010 0142")
    assert first == again
    assert first.uuid == again.uuid
    assert ContactPoint.objects.get() == first
    assert first.value == "+15550100142"


@pytest.mark.django_db
def test_holding_is_one_statement(django_assert_num_queries) -> None:
    for _time in ("new", "known"):
        with django_assert_num_queries(1):
            contact_points.hold("phone", "+15550100142")


@pytest.mark.django_db
def test_a_number_and_a_mail_address_are_different_points() -> None:
    phone = contact_points.hold("phone", "+15550100142")
    mail = contact_points.hold("email", "ANA@example.org")
    assert phone != mail
    assert mail.value == "ana@example.org"


@pytest.mark.django_db
def test_no_address_leaves_no_row() -> None:
    with pytest.raises(NotAnAddress):
        contact_points.hold("phone", "Anonymous")
    assert not ContactPoint.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_lock_needs_a_transaction() -> None:
    point = ContactPointFactory()
    with pytest.raises(TransactionManagementError):
        contact_points.hold("phone", "+15550100142")
    with pytest.raises(TransactionManagementError):
        contact_points.lock_for_share(point.pk)


@pytest.mark.django_db
def test_the_table_refuses_a_number_that_is_not_in_normal_form() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ContactPoint.objects.create(system="phone", value="555-010-0142")


@pytest.mark.django_db
def test_lock_for_share_of_nothing_says_so() -> None:
    with pytest.raises(ContactPoint.DoesNotExist):
        contact_points.lock_for_share(4711)


@pytest.mark.django_db(transaction=True)
def test_two_at_once_get_one_row_and_the_second_waits(threads) -> None:
    held, release = threading.Event(), threading.Event()

    def first() -> int:
        with transaction.atomic():
            point = contact_points.hold("phone", "+15550100142")
            held.set()
            assert release.wait(10)
            return point.pk

    def second() -> int:
        assert held.wait(10)
        with transaction.atomic():
            return contact_points.hold("phone", "(555) 010-0142").pk

    one, two = threads(first), threads(second)
    assert held.wait(10)
    with pytest.raises(TimeoutError):
        two.result(WAITS)
    release.set()
    assert one.result(10) == two.result(10)
    assert ContactPoint.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_one_row(threads) -> None:
    barrier = threading.Barrier(4)

    def hold() -> int:
        barrier.wait(10)
        with transaction.atomic():
            return contact_points.hold("phone", "+15550100142").pk

    assert len({future.result(10) for future in [threads(hold) for _ in range(4)]}) == 1
    assert ContactPoint.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_sender_waits_for_whoever_holds_the_address(threads) -> None:
    point = ContactPointFactory()
    with transaction.atomic():
        contact_points.hold(point.system, point.value)
        sender = threads(_share, point.pk)
        with pytest.raises(TimeoutError):
            sender.result(WAITS)
    sender.result(10)


@pytest.mark.django_db(transaction=True)
def test_two_senders_do_not_wait_for_each_other_but_a_stop_waits_for_both(threads) -> None:
    point = ContactPointFactory()

    def stop() -> None:
        with transaction.atomic():
            contact_points.lock(point.pk)

    with transaction.atomic():
        contact_points.lock_for_share(point.pk)
        threads(_share, point.pk).result(10)
        stopping = threads(stop)
        with pytest.raises(TimeoutError):
            stopping.result(WAITS)
    stopping.result(10)


def _share(contact_point_id: int) -> None:
    with transaction.atomic():
        contact_points.lock_for_share(contact_point_id)
