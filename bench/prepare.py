"""What the bench needs in the database: people who are logged in, and a number."""

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client

from hub.conversations.models import Conversation, HubAddress
from hub.staff.models import Department, Membership

AGENTS = 20


def agents(count: int) -> list[str]:
    """Make agents of the first number's department; return the cookie of each."""
    department = Department.objects.get(hub_addresses=first_address())
    cookies = []
    for n in range(count):
        user = get_user_model().objects.create_user(f"bench{n}@example.org", name=f"Bench {n}")
        Membership.objects.create(user=user, department=department)
        client = Client()
        client.force_login(user)
        name = "sessionid"
        cookies.append(f"{name}={client.cookies[name].value}")
    return cookies


def first_address() -> HubAddress:
    """The number that texts are sent to."""
    return HubAddress.objects.order_by("pk")[0]


def migrate_and_seed() -> None:
    """Make the tables and the demo's clinic."""
    call_command("migrate", verbosity=0)
    call_command("seed_demo", verbosity=0)


def long_conversation() -> Conversation:
    """The longest one there is: what its page costs is measured."""
    return Conversation.objects.order_by("-last_number")[0]


def statements_of_one_inbound(post: "object") -> int:
    """Return how many statements one more text of a known patient takes (without BEGIN, COMMIT)."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as made:
        post()  # type: ignore[operator]
    return len([q for q in made if not q["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN"))])
