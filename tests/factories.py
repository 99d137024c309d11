"""Makes rows for tests. All data is synthetic: +1555010xxxx and example.org."""

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from patients.models import (
    Consent,
    ContactPoint,
    ContactPointLink,
    Patient,
    PatientIdentifier,
    RelatedPerson,
)

# --- Patients -------------------------------------------------------------------------------------


class PatientFactory(DjangoModelFactory):
    """A patient with a name and nothing else."""

    class Meta:
        model = Patient

    legal_name = factory.Sequence(lambda n: f"Paula Patient{n}")


class ContactPointFactory(DjangoModelFactory):
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


class LinkFactory(DjangoModelFactory):
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


class RelatedPersonFactory(DjangoModelFactory):
    """Somebody's mother, who may neither hear nor decide."""

    class Meta:
        model = RelatedPerson

    patient = factory.SubFactory(PatientFactory)
    name = factory.Sequence(lambda n: f"Rosa Relative{n}")
    relationship = "mother"


class IdentifierFactory(DjangoModelFactory):
    """A record number."""

    class Meta:
        model = PatientIdentifier

    patient = factory.SubFactory(PatientFactory)
    system = "MRN"
    value = factory.Sequence(lambda n: f"00-{n // 100:02d}-{n % 100:02d}")


class ConsentFactory(DjangoModelFactory):
    """A STOP by text."""

    class Meta:
        model = Consent

    contact_point = factory.SubFactory(ContactPointFactory)
    channel = "sms"
    state = Consent.State.STOPPED
    source = Consent.Source.KEYWORD
    evidence = "STOP"
