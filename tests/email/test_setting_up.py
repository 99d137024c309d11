"""A mailbox is added at the command line; what cannot be is said."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from channels_app.email.models import Mailbox
from tests.factories import DepartmentFactory

pytestmark = pytest.mark.django_db


def add(address: str = "Front-Desk@Clinic.example", **options: object) -> str:
    out = StringIO()
    call_command("add_mailbox", address, **{"department": "Front desk", **options}, stdout=out)
    return out.getvalue()


def test_a_mailbox_with_its_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    DepartmentFactory(name="Front desk")
    monkeypatch.setenv("HUB_MAILBOX_PASSWORD", "letter box 4 tests")
    said = add(imap_host="imap.clinic.example", smtp_host="smtp.clinic.example")
    mailbox = Mailbox.objects.get()
    assert mailbox.hub_address.value == "front-desk@clinic.example"
    assert (mailbox.imap_host, mailbox.smtp_port) == ("imap.clinic.example", 465)
    assert mailbox.password == "letter box 4 tests"
    assert "letter box" not in said


@pytest.mark.parametrize(
    ("address", "options", "said"),
    [
        ("no address", {}, "no address"),
        ("a+b@clinic.example", {}, "no address"),
        ("a@clinic.example", {"department": "Nobody"}, "No department"),
        (
            "a@clinic.example",
            {"imap_host": "mail.example", "imap_security": "none"},
            "this machine",
        ),
    ],
)
def test_what_cannot_be_is_said(address: str, options: dict[str, object], said: str) -> None:
    DepartmentFactory(name="Front desk")
    with pytest.raises(CommandError, match=said):
        add(address, **options)
    assert not Mailbox.objects.exists()


def test_an_address_is_one_mailbox() -> None:
    DepartmentFactory(name="Front desk")
    add()
    with pytest.raises(CommandError, match="already"):
        add()
