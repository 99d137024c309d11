"""What is stuck is listed without its words, and done once what kept it is mended."""

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from channels_app import inbox
from channels_app.models import Receipt
from hub.conversations.models import Entry
from tests.factories import HubAddressFactory

pytestmark = pytest.mark.django_db
FIELDS = {
    "From": "+15550100142",
    "To": "+15550100100",
    "Body": "the canary sings",
    "MessageSid": "SM" + "0" * 32,
}


@pytest.fixture
def receipt() -> Receipt:
    """A text to a number that the hub did not know, tried until it was stuck."""
    made = inbox.accept("AC1", "sms.inbound", FIELDS["MessageSid"], FIELDS)
    for _ in range(inbox.STUCK_AFTER):
        inbox.work(made)
    stored = Receipt.objects.get()
    assert stored.state == Receipt.State.STUCK
    return stored


def test_nothing_stuck_is_said(capsys) -> None:
    call_command("stuck_receipts")
    assert "Nothing is stuck" in capsys.readouterr().out


def test_it_is_listed_without_what_was_said(receipt: Receipt, capsys) -> None:
    with pytest.raises(CommandError, match="1 not worked on"):
        call_command("stuck_receipts")
    printed = capsys.readouterr().out
    assert str(receipt.pk) in printed and "sms.inbound" in printed
    assert "canary" not in printed and "0142" not in printed


def test_once_mended_it_is_done_and_done_once(receipt: Receipt) -> None:
    HubAddressFactory(value=FIELDS["To"])
    call_command("stuck_receipts", "--retry")
    call_command("stuck_receipts", "--retry")
    receipt.refresh_from_db()
    assert receipt.state == Receipt.State.DONE
    [entry] = Entry.objects.filter(author_kind="patient")
    assert entry.body == FIELDS["Body"]


def test_what_fails_again_is_left_to_the_sweep(receipt: Receipt) -> None:
    with pytest.raises(CommandError):
        call_command("stuck_receipts", "--retry")
    receipt.refresh_from_db()
    assert (receipt.state, receipt.failures) == (Receipt.State.RECEIVED, 1)
    assert receipt.next_attempt_at > timezone.now()
