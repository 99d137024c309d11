"""A small desk: one department, its agent and supervisor, and one outsider."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from hub.conversations.actions.receive import receive
from hub.conversations.models import Conversation, HubAddress
from hub.staff.models import Department, User
from patients.models import ContactPointLink, Patient
from tests.factories import (
    DepartmentFactory,
    HubAddressFactory,
    LinkFactory,
    PatientFactory,
    UserFactory,
    inbound,
)


@dataclass(frozen=True)
class Desk:
    """Who and what the tests of the console's pages need."""

    department: Department
    address: HubAddress
    agent: User
    supervisor: User
    outsider: User
    patient: Patient
    link: ContactPointLink

    @property
    def number(self) -> str:
        """The patient's number."""
        return self.link.contact_point.value

    def receive(self, text: str = "Hello", number: str = "", **fields: Any) -> Conversation:
        """A text comes in; from the patient unless `number` says otherwise."""
        message = inbound(self.address, text, number=number or self.number, **fields)
        return receive(message).conversation


@pytest.fixture
def desk(db: None) -> Desk:
    department = DepartmentFactory(name="Front desk")
    patient = PatientFactory(legal_name="Ana Morales")
    return Desk(
        department=department,
        address=HubAddressFactory(department=department),
        agent=UserFactory(name="Lena Moreau", departments=[department]),
        supervisor=UserFactory(name="Sam Whitfield", supervisor=True, departments=[department]),
        outsider=UserFactory(name="Otto Outside", departments=[DepartmentFactory()]),
        patient=patient,
        link=LinkFactory(patient=patient),
    )


@pytest.fixture
def log_in() -> Callable[[User], Client]:
    """Return a browser in which the person is logged in."""

    def browser(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return browser
