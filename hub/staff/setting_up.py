"""What whoever installs the hub does at its command line: the first administrator, departments.

Nobody is logged in there, so the audit names no actor; who may open a shell is the operator's rule.
"""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.utils.text import slugify

from hub.audit.record import AuditAction, record
from hub.staff.actions import EmailTaken, StaffError
from hub.staff.models import Department, Role, User


class AdministratorExists(StaffError):
    """Somebody is administrator already, and invites everybody else."""


class DepartmentExists(StaffError):
    """There is a department of this name."""


class NoSuchDepartment(StaffError):
    """There is no department of this name or short name."""


class UnknownTimeZone(StaffError):
    """There is no time zone of this name."""


@transaction.atomic
def create_administrator(email: str, name: str, password: str, *, another: bool = False) -> User:
    """Return the account of the hub's first administrator.

    Args:
        email: what they log in with.
        name: their name.
        password: checked like everybody's.
        another: make one although there is one, for the day on which none of them can log in.

    Raises:
        AdministratorExists, EmailTaken.
        ValidationError: the password is too weak.
    """
    email = email.strip().lower()
    if not another and User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).exists():
        raise AdministratorExists
    if User.objects.filter(email__iexact=email).exists():
        raise EmailTaken
    validate_password(password, User(email=email, name=name))
    user = User.objects.create_user(
        email, password, name=name.strip(), role=Role.ADMINISTRATOR.value
    )
    record(
        AuditAction.ROLE_CHANGED,
        actor=None,
        objects=[user],
        detail={"after": Role.ADMINISTRATOR.value},
    )
    return user


@transaction.atomic
def add_department(name: str, *, restricted: bool, time_zone: str) -> Department:
    """Return a new department.

    Args:
        name: as staff and patients read it.
        restricted: mental health and the like; others see only that there was a contact.
        time_zone: of its opening hours, such as America/Chicago.

    Raises:
        DepartmentExists, UnknownTimeZone.
    """
    _need_time_zone(time_zone)
    slug = slugify(name)
    if (
        Department.objects.filter(name=name).exists()
        or Department.objects.filter(slug=slug).exists()
    ):
        raise DepartmentExists(name)
    department = Department.objects.create(
        name=name, slug=slug, restricted=restricted, time_zone=time_zone
    )
    record(
        AuditAction.SETTINGS_CHANGED,
        actor=None,
        objects=[department],
        detail={"restricted": restricted},
    )
    return department


@transaction.atomic
def set_time_zone(department: Department, time_zone: str, *, by: User) -> None:
    """Let a department's opening hours be those of another time zone; raise UnknownTimeZone."""
    _need_time_zone(time_zone)
    if department.time_zone == time_zone:
        return
    before, department.time_zone = department.time_zone, time_zone
    department.save(update_fields=["time_zone"])
    record(
        AuditAction.SETTINGS_CHANGED,
        actor=by,
        objects=[department],
        detail={"time_zone": {"before": before, "after": time_zone}},
    )


def _need_time_zone(time_zone: str) -> None:
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UnknownTimeZone(time_zone) from error


def find_department(name: str) -> Department:
    """Return the department of a name or short name; raise NoSuchDepartment."""
    found = (
        Department.objects.filter(slug=name).first() or Department.objects.filter(name=name).first()
    )
    if found is None:
        raise NoSuchDepartment(name)
    return found
