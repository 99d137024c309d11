"""A clinic with a telephone."""

from dataclasses import dataclass

import pytest
from django.utils import timezone

from channels_app.voice.models import MenuItem, PhoneLine
from hub.conversations.models import Channel, HubAddress
from hub.staff.models import Department, Tab, User
from hub.staff.presence import open_tab
from tests.factories import DepartmentFactory, UserFactory
from tests.voice.line import Line

NUMBER = "+15550100100"


@dataclass
class Phone:
    """The clinic's number, its department, and an agent who is there."""

    department: Department
    address: HubAddress
    line: PhoneLine
    agent: User
    tab: Tab

    def colleague(self) -> User:
        """Another agent, who is there too."""
        user = UserFactory(departments=[self.department])
        open_tab(user, "")
        return user

    def call(self, number: str = "+15550100142") -> Line:
        """A line that will ring this clinic."""
        return Line(number, NUMBER)

    def choice(self, digit: str, action: str, **more: object) -> MenuItem:
        """Put a choice on the menu."""
        more.setdefault("department", self.department)
        more.setdefault("label", {"en": f"choice {digit}", "es": f"opción {digit}"})
        return MenuItem.objects.create(line=self.line, digit=digit, action=action, **more)


@pytest.fixture
def phone(db) -> Phone:
    department = DepartmentFactory(name="Front desk")
    address = HubAddress.objects.create(
        channel=Channel.VOICE, value=NUMBER, label="Main", department=department
    )
    line = PhoneLine.objects.create(
        hub_address=address, languages=["en"], greeting={"en": "Welcome to the clinic."}
    )
    agent = UserFactory(departments=[department])
    return Phone(department, address, line, agent, open_tab(agent, ""))


@pytest.fixture
def now():
    return timezone.now()
