"""Makers of rows for tests, with synthetic data only: @example.org, +1 555 010-xxxx."""

from typing import Any

import factory
from django.utils import timezone
from django.utils.text import slugify

from hub.conversations.inbound import Inbound
from hub.conversations.models import Channel, HubAddress, MessageTemplate
from hub.staff.models import Department, Membership, Role, User
from patients.keywords import recognise
from patients.models import (
    Consent,
    ContactPoint,
    ContactPointLink,
    Patient,
    PatientIdentifier,
    RelatedPerson,
)

# --- Staff ----------------------------------------------------------------------------------------

PASSWORD = "correct horse 4 battery"


class DepartmentFactory(factory.django.DjangoModelFactory):
    """A department with a name of its own."""

    class Meta:
        model = Department

    name = factory.Sequence(lambda n: f"Department {n}")
    slug = factory.LazyAttribute(lambda each: slugify(each.name))


class UserFactory(factory.django.DjangoModelFactory):
    """An agent. `departments=[…]` makes them a member; `password="…"` lets them log in by it.

    Without `password` there is no usable one, since hashing takes 50 ms: use `client.force_login`.
    """

    class Meta:
        model = User
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"Kim Tester{n}")
    email = factory.Sequence(lambda n: f"kim.tester{n}@example.org")
    role = Role.AGENT

    class Params:
        supervisor = factory.Trait(role=Role.SUPERVISOR)
        administrator = factory.Trait(role=Role.ADMINISTRATOR)

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        return User.objects.create_user(kwargs.pop("email"), kwargs.pop("password", None), **kwargs)

    @factory.post_generation
    def departments(self, create: bool, extracted: list[Department] | None, **kwargs: Any) -> None:
        for department in extracted or []:
            Membership.objects.create(user=self, department=department)


class MembershipFactory(factory.django.DjangoModelFactory):
    """A person in a department."""

    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    department = factory.SubFactory(DepartmentFactory)


# --- Patients -------------------------------------------------------------------------------------


class PatientFactory(factory.django.DjangoModelFactory):
    """A patient with a name and nothing else."""

    class Meta:
        model = Patient

    legal_name = factory.Sequence(lambda n: f"Paula Patient{n}")


class ContactPointFactory(factory.django.DjangoModelFactory):
    """A phone number of the fictitious range; `email=True` makes an e-mail address."""

    class Meta:
        model = ContactPoint

    class Params:
        email = factory.Trait(
            system=ContactPoint.System.EMAIL,
            value=factory.Sequence(lambda n: f"person{n}@example.org"),
        )

    system = ContactPoint.System.PHONE
    value = factory.Sequence(lambda n: f"+1555010{n % 10_000:04d}")


class LinkFactory(factory.django.DjangoModelFactory):
    """A current, unproved link of a new number to a new patient; `verified=True` proves it."""

    class Meta:
        model = ContactPointLink

    class Params:
        verified = factory.Trait(
            verified_how=ContactPointLink.Proof.CODE,
            verified_at=factory.LazyFunction(timezone.now),
        )

    contact_point = factory.SubFactory(ContactPointFactory)
    patient = factory.Maybe(
        "related_person", yes_declaration=None, no_declaration=factory.SubFactory(PatientFactory)
    )
    related_person = None


class RelatedPersonFactory(factory.django.DjangoModelFactory):
    """Somebody's mother, who may neither hear nor decide."""

    class Meta:
        model = RelatedPerson

    patient = factory.SubFactory(PatientFactory)
    name = factory.Sequence(lambda n: f"Rosa Relative{n}")
    relationship = "mother"


class IdentifierFactory(factory.django.DjangoModelFactory):
    """A record number."""

    class Meta:
        model = PatientIdentifier

    patient = factory.SubFactory(PatientFactory)
    system = "MRN"
    value = factory.Sequence(lambda n: f"00-{n // 100:02d}-{n % 100:02d}")


class ConsentFactory(factory.django.DjangoModelFactory):
    """A STOP by text."""

    class Meta:
        model = Consent

    contact_point = factory.SubFactory(ContactPointFactory)
    channel = "sms"
    state = Consent.State.STOPPED
    source = Consent.Source.KEYWORD
    evidence = "STOP"


# --- Conversations --------------------------------------------------------------------------------


class HubAddressFactory(factory.django.DjangoModelFactory):
    """A number of ours."""

    class Meta:
        model = HubAddress

    channel = Channel.SMS
    value = factory.Sequence(lambda n: f"+1555019{n % 10_000:04d}")
    label = "A number"
    department = factory.SubFactory(DepartmentFactory)


class TemplateFactory(factory.django.DjangoModelFactory):
    """A template for WhatsApp that is switched on and has no variables."""

    class Meta:
        model = MessageTemplate

    name = "Write to us"
    channel = Channel.WHATSAPP
    language = "en"
    content_sid = factory.Sequence(lambda n: f"HX{n:032x}")
    preview = "Please write to us here."
    is_on = True


def inbound(
    address: HubAddress, text: str = "Hello", number: str = "+15550100142", **fields: Any
) -> Inbound:
    """A patient's text to `address`, as the adapter would make it."""
    return Inbound(
        channel=address.channel,
        contact_system=fields.pop("contact_system", ContactPoint.System.PHONE),
        contact_value=number,
        hub_address_id=address.pk,
        text=text,
        at=fields.pop("at", None) or timezone.now(),
        keyword=fields.pop("keyword", None) or recognise(text),
        **fields,
    )
