"""The first administrator and departments are made at the command line."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from hub.audit.models import AuditEvent
from hub.staff import setting_up
from hub.staff.models import Department, Role, User
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def typed(monkeypatch):
    """What stands at the command's standard input."""

    def put(text: str) -> None:
        monkeypatch.setattr("sys.stdin", StringIO(text))

    return put


def create(*more: str) -> None:
    call_command(
        "create_administrator",
        "Ada@Example.org",
        "--name=Ada Stone",
        "--password-from-stdin",
        *more,
    )


def test_the_first_administrator_can_log_in_and_invite(typed, client) -> None:
    typed(f"{PASSWORD}\n")
    create()
    ada = User.objects.get()
    assert (ada.email, ada.role) == ("ada@example.org", Role.ADMINISTRATOR)
    client.post("/accounts/login/", {"login": "ada@example.org", "password": PASSWORD})
    assert client.get("/staff/people/invite/").status_code == 200
    assert AuditEvent.objects.filter(action="role_changed", object_ids=[ada.pk]).exists()


def test_a_second_one_has_to_be_invited(typed) -> None:
    UserFactory(administrator=True)
    typed(f"{PASSWORD}\n")
    with pytest.raises(CommandError, match="--another"):
        create()
    assert not User.objects.filter(email="ada@example.org").exists()
    typed(f"{PASSWORD}\n")
    create("--another")
    assert User.objects.filter(email="ada@example.org").exists()


def test_one_who_was_switched_off_is_no_administrator(typed) -> None:
    UserFactory(administrator=True, is_active=False)
    typed(f"{PASSWORD}\n")
    create()
    assert User.objects.filter(email="ada@example.org").exists()


@pytest.mark.parametrize("password", ["", "short", "password12345"])
def test_a_weak_password_is_refused(typed, password: str) -> None:
    typed(f"{password}\n")
    with pytest.raises(CommandError):
        create()
    assert not User.objects.exists()


def test_an_address_of_a_colleague_is_refused(typed) -> None:
    UserFactory(email="ada@example.org")
    typed(f"{PASSWORD}\n")
    with pytest.raises(CommandError, match="e-mail"):
        create()


def test_without_a_terminal_it_asks_nobody(typed) -> None:
    typed("")
    with pytest.raises(CommandError, match="--password-from-stdin"):
        call_command("create_administrator", "ada@example.org", "--name=Ada")


def test_a_department_is_added_once(capsys) -> None:
    call_command("add_department", "Mental health", "--restricted", "--time-zone=America/Chicago")
    department = Department.objects.get()
    assert (department.slug, department.restricted) == ("mental-health", True)
    assert department.time_zone == "America/Chicago"
    with pytest.raises(CommandError, match="of this name"):
        call_command("add_department", "Mental  Health")
    assert Department.objects.count() == 1


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", ""])
def test_a_department_needs_a_time_zone_that_exists(zone: str) -> None:
    with pytest.raises(setting_up.UnknownTimeZone):
        setting_up.add_department("Front desk", restricted=False, time_zone=zone)
