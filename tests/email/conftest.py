"""A clinic with a mailbox, and mail to it."""

from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from uuid import uuid4

import pytest
from django.utils import timezone

from channels_app.email.models import Mailbox
from hub.conversations.models import Channel, ChannelPrivacy, HubAddress
from hub.staff.models import Department
from tests.factories import DepartmentFactory

ADDRESS = "front-desk@clinic.example"
PATIENT = "rosa.diaz@example.org"


@dataclass
class Post:
    """The clinic's mailbox."""

    department: Department
    address: HubAddress
    mailbox: Mailbox


@pytest.fixture
def post(db) -> Post:
    department = DepartmentFactory(name="Front desk")
    address = HubAddress.objects.create(
        channel=Channel.EMAIL, value=ADDRESS, label="Front desk", department=department
    )
    # Most of what is tested here is how mail goes; what goes as a notice says so.
    ChannelPrivacy.objects.create(department=department, channel="email", secure=False)
    mailbox = Mailbox.objects.create(
        hub_address=address, from_name="Example Clinic", signature="Example Clinic\n555-0100"
    )
    return Post(department, address, mailbox)


def a_mail(text: str = "I ran out of my tablets", **headers: str) -> EmailMessage:
    """Return a patient's mail; headers by name, "_" for "-"; an empty one is left out."""
    mail = EmailMessage(policy=SMTP)
    given = {
        "From": f"Rosa Diaz <{PATIENT}>",
        "To": ADDRESS,
        "Subject": "My tablets",
        "Date": format_datetime(timezone.now()),
        "Message-ID": f"<{uuid4()}@example.org>",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    for name, value in given.items():
        if value:
            mail[name] = value
    mail.set_content(text)
    return mail
