"""People who work here, the departments they belong to, and where they are now."""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import uuid4

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

TAB_GRACE = timedelta(seconds=30)
"""How long a console tab that fell silent still counts as open (MODEL.md, Tab)."""


class Role(models.TextChoices):
    """What a person may do; DESIGN.md, "Who sees what"."""

    AGENT = "agent", _("Agent")
    SUPERVISOR = "supervisor", _("Supervisor")
    ADMINISTRATOR = "administrator", _("Administrator")


class Department(models.Model):
    """A team with a queue."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=80, unique=True)
    # Mental health, substance use …: other departments see only that there was a contact.
    restricted = models.BooleanField(default=False)
    time_zone = models.CharField(max_length=64, default="America/New_York")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    """Makes staff; an e-mail address is stored in lower case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Return a saved user; without `password` nobody can log in as them by password."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """One person, one account. Nobody signs up: administrators invite."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.AGENT)
    is_active = models.BooleanField(default=True)
    language = models.CharField(max_length=8, default="en")
    # What they are trained for, and what they speak: who is offered which contact (hub.routing).
    # Without a language it is the one of their screens (`spoken`).
    skills = ArrayField(models.CharField(max_length=40), default=list, db_default=[], blank=True)
    languages = ArrayField(models.CharField(max_length=8), default=list, db_default=[], blank=True)
    # Busy or away by the person's own word, in all their tabs until they say otherwise or log in
    # anew; empty = as their tabs say. See presence.py.
    chosen_presence = models.CharField(max_length=16, blank=True, default="")
    date_joined = models.DateTimeField(auto_now_add=True)
    departments: "models.ManyToManyField[Department, Membership]" = models.ManyToManyField(
        Department, through="Membership", related_name="members"
    )

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), name="user_email_ignoring_case"),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="user_role_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def first_name(self) -> str:
        """What a patient is told: the person's first name."""
        return self.name.split()[0] if self.name.strip() else self.name

    @property
    def initials(self) -> str:
        """Two letters for the small badge on a row."""
        parts = self.name.split() or [self.email]
        return (parts[0][0] + (parts[-1][0] if len(parts) > 1 else "")).upper()

    @property
    def spoken(self) -> list[str]:
        """The languages that they speak with patients."""
        return self.languages or [self.language]

    @property
    def is_supervisor(self) -> bool:
        """Whether they run the floor of their departments."""
        return self.role == Role.SUPERVISOR

    @property
    def is_administrator(self) -> bool:
        """Whether they keep people, settings and channels (and see no content)."""
        return self.role == Role.ADMINISTRATOR


class Membership(models.Model):
    """A person's place in a department."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    department = models.ForeignKey(Department, on_delete=models.PROTECT, related_name="memberships")
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "department"], name="one_membership"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.department_id}"


class Presence(models.TextChoices):
    """Where a person is, as colleagues see it; the sum of their tabs."""

    AVAILABLE = "available", _("Available")
    BUSY = "busy", _("Busy")
    AWAY = "away", _("Away")
    OFFLINE = "offline", _("Offline")


class Tab(models.Model):
    """A console tab's lease. It is renewed while the tab's socket lives; see `TAB_GRACE`."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tabs")
    session_key = models.CharField(max_length=40)
    presence = models.CharField(max_length=16, choices=Presence.choices, default=Presence.AVAILABLE)
    opened_at = models.DateTimeField(auto_now_add=True)
    until = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["user", "until"], name="tab_user_until")]

    def __str__(self) -> str:
        return str(self.uuid)


class StaffSession(AbstractBaseSession):
    """A browser's session, with what the limits need in columns of their own.

    One query can then tell which of a thousand sockets may stay open (connections.py), and ending a
    person's sessions needs no reading of everybody's. Written by hub.staff.sessions alone.
    """

    user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.CASCADE, related_name="sessions"
    )
    started_at = models.DateTimeField(null=True, blank=True)
    active_at = models.DateTimeField(null=True, blank=True)
    locked_at = models.DateTimeField(null=True, blank=True)

    class Meta(AbstractBaseSession.Meta):
        abstract = False
        verbose_name = "session"
        verbose_name_plural = "sessions"

    @classmethod
    def get_session_store_class(cls) -> type:
        """Return the store that reads and writes these rows."""
        from hub.staff.sessions import SessionStore

        return SessionStore


class Invitation(models.Model):
    """A way in for a person without an account: single-use, expiring, its token kept hashed."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    email = models.EmailField()
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=16, choices=Role.choices)
    departments: "models.ManyToManyField[Department, Any]" = models.ManyToManyField(
        Department, blank=True
    )
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    invited_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return str(self.uuid)
