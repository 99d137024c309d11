"""Patients, the addresses that reach them, who speaks for them, and what they agreed to."""

from typing import ClassVar
from uuid import uuid4

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now, Reverse
from django.utils.translation import gettext_lazy as _

from hub.encryption.fields import EncryptedTextField
from patients.fields import BareIdentifier, NameWordsField


class Patient(models.Model):
    """The person cared for (FHIR Patient).

    A merge sets `survivor` and moves nothing; readers resolve it; un-merge clears it.
    """

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    legal_name = models.CharField(max_length=200)
    preferred_name = models.CharField(max_length=200, blank=True)
    pronouns = models.CharField(max_length=40, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    language = models.CharField(max_length=8, default="en")
    interpreter_needed = models.BooleanField(default=False)
    accessibility_needs = EncryptedTextField(blank=True, default="")
    time_zone = models.CharField(max_length=64, blank=True)
    preferred_channel = models.CharField(max_length=16, blank=True)
    # Shown to whoever opens the patient: "hard of hearing, speak slowly".
    alerts = EncryptedTextField(blank=True, default="")
    survivor = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="absorbed"
    )
    # Search words of the names, so that search needs no extension (patients/search.py).
    name_words = NameWordsField(of=("legal_name", "preferred_name"))
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(survivor__isnull=True) | ~Q(survivor=models.F("id")),
                name="patient_does_not_survive_itself",
            ),
        ]
        indexes: ClassVar = [
            # Patients are read far more often than written: no list of pending words to look
            # through beside the index.
            GinIndex(fields=["name_words"], fastupdate=False, name="patient_name_words"),
            models.Index(fields=["birth_date"], name="patient_birth_date"),
        ]

    def __str__(self) -> str:
        return f"patient {self.pk}"

    @property
    def name(self) -> str:
        """The name to speak to them by."""
        return self.preferred_name or self.legal_name


class PatientIdentifier(models.Model):
    """A number by which a system knows the patient (MRN, insurer's …)."""

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="identifiers")
    system = models.CharField(max_length=80)
    value = models.CharField(max_length=80)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["system", "value"], name="one_identifier"),
        ]
        indexes: ClassVar = [
            # Searched by number alone (the constraint begins with the system), "00-18-22" and
            # "001822" being one.
            models.Index(BareIdentifier("value"), name="patient_identifier_bare"),
        ]

    def __str__(self) -> str:
        return f"identifier {self.pk}"


class RelatedPerson(models.Model):
    """Somebody who may speak for a patient (parent, carer; FHIR RelatedPerson)."""

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="related_persons")
    name = models.CharField(max_length=200)
    relationship = models.CharField(max_length=40)
    may_hear = models.BooleanField(default=False)
    may_decide = models.BooleanField(default=False)
    until = models.DateField(null=True, blank=True)  # the last day on which they may

    def __str__(self) -> str:
        return f"related person {self.pk}"


class ContactPoint(models.Model):
    """One address, free of channel: a call, a text and WhatsApp from one number are one point."""

    class System(models.TextChoices):
        PHONE = "phone", _("Phone")
        EMAIL = "email", _("E-mail")
        MESSENGER = "messenger", _("Messenger")
        VISITOR = "visitor", _("Chat visitor")

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    system = models.CharField(max_length=16, choices=System.choices)
    value = models.CharField(max_length=254)  # in normal form: patients/normal_form.py
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["system", "value"], name="one_contact_point"),
            models.CheckConstraint(
                condition=~Q(system="phone") | Q(value__regex=r"^\+[1-9][0-9]{3,14}$"),
                name="phone_in_e164",
            ),
        ]
        indexes: ClassVar = [
            # "Ends in 0142" is a prefix of the number read backwards; the operator class makes
            # it work under any collation.
            models.Index(
                OpClass(Reverse("value"), name="text_pattern_ops"),
                condition=Q(system="phone"),
                name="contact_point_backwards",
            ),
        ]

    def __str__(self) -> str:
        return f"contact point {self.pk}"


class ContactPointLink(models.Model):
    """Whose a contact point is. More than one current link: it is shared."""

    class Role(models.TextChoices):
        MOBILE = "mobile", _("Mobile")
        HOME = "home", _("Home")
        WORK = "work", _("Work")
        OTHER = "other", _("Other")

    class Proof(models.TextChoices):
        CODE = "code", _("Code sent to it")
        LINK = "link", _("Link sent to it")
        BIRTH_DATE = "birth_date", _("Name and birth date")
        STAFF = "staff", _("Known to staff")

    contact_point = models.ForeignKey(ContactPoint, on_delete=models.CASCADE, related_name="links")
    patient = models.ForeignKey(
        Patient, null=True, blank=True, on_delete=models.CASCADE, related_name="links"
    )
    related_person = models.ForeignKey(
        RelatedPerson, null=True, blank=True, on_delete=models.CASCADE, related_name="links"
    )
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.MOBILE)
    verified_how = models.CharField(max_length=16, choices=Proof.choices, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    since = models.DateTimeField(auto_now_add=True)
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(patient__isnull=True) ^ Q(related_person__isnull=True),
                name="link_to_one_person",
            ),
            models.UniqueConstraint(
                fields=["contact_point", "patient"],
                condition=Q(until__isnull=True),
                name="one_current_link_to_patient",
            ),
            models.UniqueConstraint(
                fields=["contact_point", "related_person"],
                condition=Q(until__isnull=True),
                name="one_current_link_to_related",
            ),
            models.CheckConstraint(
                condition=Q(verified_at__isnull=True) ^ ~Q(verified_how=""),
                name="link_verified_how_and_when",
            ),
        ]

    def __str__(self) -> str:
        return f"link {self.pk}"

    @property
    def is_verified(self) -> bool:
        """Whether it was proved to be theirs."""
        return self.verified_at is not None


class Consent(models.Model):
    """What was agreed to or stopped, and how we know; append-only (a trigger holds it).

    A null channel or purpose means all of them. A STOP is the address's, whoever holds it, so an
    opt-out names no person.
    """

    class State(models.TextChoices):
        GIVEN = "given", _("Given")
        STOPPED = "stopped", _("Stopped")

    class Source(models.TextChoices):
        KEYWORD = "keyword", _("Their own word: STOP, START")
        PROVIDER = "provider", _("Told by the provider")
        STAFF = "staff", _("Asked for by phone, mail or in person")
        FORM = "form", _("Signed form")
        CHAT = "chat", _("Asked for in a chat")
        IMPORT = "import", _("Taken over from another system")

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    contact_point = models.ForeignKey(
        ContactPoint, on_delete=models.PROTECT, related_name="consents"
    )
    channel = models.CharField(max_length=16, null=True, blank=True)
    purpose = models.CharField(max_length=32, null=True, blank=True)
    patient = models.ForeignKey(
        Patient, null=True, blank=True, on_delete=models.PROTECT, related_name="consents"
    )
    related_person = models.ForeignKey(
        RelatedPerson, null=True, blank=True, on_delete=models.PROTECT, related_name="consents"
    )
    state = models.CharField(max_length=8, choices=State.choices)
    source = models.CharField(max_length=24, choices=Source.choices)
    evidence = EncryptedTextField(blank=True, default="")
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    # When it was said; by the database's clock unless the caller knows better, so that two
    # machines whose clocks differ cannot turn a START and a STOP around.
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state="given")
                | Q(state="stopped", patient__isnull=True, related_person__isnull=True),
                name="stop_names_nobody",
            ),
            models.CheckConstraint(
                condition=Q(patient__isnull=True) | Q(related_person__isnull=True),
                name="consent_of_one_person",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["contact_point", "-at", "-id"], name="consent_latest"),
        ]

    def __str__(self) -> str:
        return f"consent {self.pk}"
