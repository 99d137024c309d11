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
