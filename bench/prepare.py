"""What the bench needs in the database: people who are logged in, a number, conversations."""

import io
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from twilio.request_validator import RequestValidator

from hub.conversations.models import Conversation, HubAddress
from hub.staff.models import Department, Membership

AGENTS = 20
INBOUND = "/twilio/messaging/inbound"
_CONTROL = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")


def migrate_and_seed() -> None:
    """Make the tables and the demo's clinic."""
    call_command("migrate", verbosity=0)
    call_command("seed_demo", verbosity=0, stdout=io.StringIO())


def seed(entries: int, open_ones: int) -> None:
    """Add so many entries, in conversations of which so many stay open."""
    print(f"seeding {entries:,} entries", flush=True)
    call_command("seed_entries", entries=entries, open=open_ones, stdout=io.StringIO())


def first_address() -> HubAddress:
    """The number that texts are sent to."""
    return HubAddress.objects.order_by("pk")[0]


def agents(count: int) -> list[str]:
    """Make agents of the first number's department; return the cookie of each."""
    department = Department.objects.get(hub_addresses=first_address())
    cookies = []
    for n in range(count):
        user = get_user_model().objects.create_user(f"bench{n}@example.org", name=f"Bench {n}")
        Membership.objects.create(user=user, department=department)
        client = Client()
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        cookies.append(f"{name}={client.cookies[name].value}")
    return cookies


def long_conversation() -> Conversation:
    """The longest one there is: what its page costs is measured."""
    return Conversation.objects.order_by("-last_number")[0]


def statements_per_inbound() -> int:
    """Return how many statements one more text of a known number takes, through the view.

    The commands that begin and end the transaction are not counted.
    """
    number = first_address().value
    client = Client(headers={"host": settings.ALLOWED_HOSTS[0]})

    def post(sid: int) -> None:
        fields = {
            "MessageSid": f"SM{sid:032x}",
            "AccountSid": settings.TWILIO_ACCOUNT_SID,
            "From": "+15550100142",
            "To": number,
            "Body": "Hello",
            "NumMedia": "0",
        }
        signature = RequestValidator(settings.TWILIO_AUTH_TOKEN).compute_signature(
            settings.PUBLIC_URL + INBOUND, fields
        )
        answer = client.post(
            INBOUND,
            urlencode(fields),
            content_type="application/x-www-form-urlencoded",
            headers={"X-Twilio-Signature": signature},
        )
        if answer.status_code != 200:
            raise RuntimeError(f"answered {answer.status_code}")

    post(0xF001)
    with CaptureQueriesContext(connection) as made:
        post(0xF002)
    return sum(not query["sql"].startswith(_CONTROL) for query in made)
