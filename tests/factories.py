"""Makers of rows for tests, with synthetic data only: @example.org, +1 555 010-xxxx."""

from typing import Any

import factory
from django.utils.text import slugify

from hub.staff.models import Department, Membership, Role, User

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


# --- Staff and conversations ----------------------------------------------------------------------


class DepartmentFactory(DjangoModelFactory):
    """An unrestricted department, open around the clock."""

    class Meta:
        model = Department

    name = factory.Sequence(lambda n: f"Department {n}")
    slug = factory.Sequence(lambda n: f"department-{n}")


class UserFactory(DjangoModelFactory):
    """An agent; `departments=[…]` makes them a member."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"agent{n}@example.org")
    name = factory.Sequence(lambda n: f"Agnes Agent{n}")
    role = Role.AGENT
    password = factory.LazyFunction(lambda: make_password(None))

    @factory.post_generation
    def departments(obj, create, extracted, **kwargs):  # type: ignore[no-untyped-def]
        """Make the person a member of each."""
        for department in extracted or ():
            Membership.objects.create(user=obj, department=department)


class HubAddressFactory(DjangoModelFactory):
    """A number of ours."""

    class Meta:
        model = HubAddress

    channel = Channel.SMS
    value = factory.Sequence(lambda n: f"+1555019{n % 10_000:04d}")
    label = "A number"
    department = factory.SubFactory(DepartmentFactory)


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
