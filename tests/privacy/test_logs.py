"""A whole run's logs, errors included, looked through for everything that is a patient's.

Logs carry ids: never a name, number, address, text or a provider's URL with one (invariant 9).
"""

import re
from pathlib import Path
from urllib.parse import quote, urlencode
from uuid import uuid4

import httpx
import pytest
from django.db import connection
from twilio.request_validator import RequestValidator

from channels_app.simulator.headless import SimulatedTwilio
from hub.conversations.models import Conversation, Entry
from hub.staff.models import User
from patients.models import ContactPoint, Patient
from tests.factories import HubAddressFactory, LinkFactory, UserFactory
from tests.hub_processes import HubProcesses
from tests.invariants.conftest import wait_until
from tests.privacy.test_canary import Desk

OURS = "+15550100100"
PATIENTS = [
    ("Marguerite Oyelaran", "+15550100143", "marguerite.oyelaran@example.org"),
    ("Bartholomew Quintanilla", "+15550100144", "bquintanilla@example.org"),
]
SAID = ["levothyroxine makes me dizzy", "mi pecho aprieta mucho", "come before midday, fasting"]


@pytest.fixture
def agent() -> User:
    address = HubAddressFactory(value=OURS)
    for name, number, mail in PATIENTS:
        link = LinkFactory(contact_point__value=number, patient__legal_name=name)
        LinkFactory(
            contact_point=ContactPoint.objects.create(system="email", value=mail),
            patient=link.patient,
        )
    return UserFactory(departments=[address.department], email="nora.night@example.org")


def signed(hub: HubProcesses, path: str, settings, **fields: str) -> httpx.Response:
    """Post as Twilio does."""
    data = {
        "MessageSid": f"SM{uuid4().hex}",
        "AccountSid": settings.TWILIO_ACCOUNT_SID,
        "From": PATIENTS[0][1],
        "To": OURS,
        "Body": SAID[0],
        "NumMedia": "0",
    } | fields
    validator = RequestValidator(settings.TWILIO_AUTH_TOKEN)
    return httpx.post(
        hub.url + path,
        content=urlencode(data),
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": validator.compute_signature(hub.url + path, data),
        },
        trust_env=False,
        timeout=30,
    )


def go_wrong(hub: HubProcesses, simulator: SimulatedTwilio, agent: User, settings) -> None:
    """Every kind of failure that somebody's data could be quoted in."""
    number, name = PATIENTS[0][1], PATIENTS[0][0]
    http = httpx.Client(base_url=hub.url, trust_env=False, timeout=30)
    # Not found, with data in the address; bad webhooks; a body that is no text.
    http.get(f"/patients/{quote(name)}/{quote(number)}?q={quote(SAID[0])}")
    http.get(f"/console/search?q={quote(name)}")
    http.post("/twilio/messaging/inbound", data={"From": number, "Body": SAID[0]})
    http.post("/twilio/messaging/inbound", content=SAID[0].encode() + b"\xff\x00")
    http.post("/accounts/login/", data={"login": agent.email, "password": SAID[1]})
    signed(hub, "/twilio/messaging/inbound", settings, From="", Body=SAID[1])
    # To a number that is not ours: the adapter fails on it, and the receipt is tried again.
    signed(hub, "/twilio/messaging/inbound", settings, To="+15550100999")
    signed(hub, "/twilio/messaging/status", settings, MessageStatus="delivered")
    signed(hub, "/twilio/messaging/inbound", settings, Body=SAID[1], NumMedia="99")
    # A file that is not to be had, at an address with data in it.
    signed(
        hub,
        "/twilio/messaging/inbound",
        settings,
        NumMedia="1",
        MediaUrl0=f"{simulator.url}/{quote(number)}/{quote(name)}",
        MediaContentType0="image/png",
    )


def break_the_database(hub: HubProcesses, settings) -> None:
    """A unique violation, whose DETAIL quotes the number, inside the web process."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE UNIQUE INDEX no_two_texts ON conversations_entry (author_kind) "
            "WHERE author_kind = 'patient' AND number > 1000"
        )
        cursor.execute(
            "CREATE FUNCTION quote_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "RAISE unique_violation USING MESSAGE = 'Key (value) already exists.', "
            f"DETAIL = 'Key (value)=({PATIENTS[1][1]}) {PATIENTS[1][0]}.'; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER quote_it BEFORE INSERT ON conversations_leg "
            "FOR EACH ROW EXECUTE FUNCTION quote_it()"
        )
    try:
        answer = signed(
            hub, "/twilio/messaging/inbound", settings, From=PATIENTS[1][1], Body=SAID[2]
        )
        assert answer.status_code == 200, "the receipt is safe, whatever comes after"
        wait_until(
            lambda: (
                "UniqueViolation" in hub.log("web").read_text()
                or "IntegrityError" in hub.log("web").read_text()
            ),
            what="the violation in the log",
        )
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER quote_it ON conversations_leg")
            cursor.execute("DROP FUNCTION quote_it()")
            cursor.execute("DROP INDEX no_two_texts")


def test_a_whole_run_logs_nothing_of_a_patient(
    hub: HubProcesses, simulator: SimulatedTwilio, agent: User, settings
) -> None:
    hub.start("web", "worker", "beat")
    phone = simulator.phone(PATIENTS[0][1])
    phone.send(SAID[0], to=OURS)
    wait_until(lambda: Conversation.objects.exists(), what="the text")
    conversation = Conversation.objects.get()
    desk = Desk(hub, agent)
    leg = conversation.legs.get().uuid
    desk.do(conversation, "send", body=SAID[2], intent=uuid4(), leg=leg, seen=99)
    phone.wait_for(SAID[2])
    desk.see(f"/console/c/{conversation.uuid}/")
    desk.see(f"/console/search?q={quote(PATIENTS[0][0])}")
    desk.see(f"/console/c/{conversation.uuid}/patients?q={quote(PATIENTS[0][1])}")
    # The provider refuses, is not there, and answers nonsense.
    simulator.chaos(rest_5xx_p=1)
    desk.do(conversation, "send", body=SAID[1], intent=uuid4(), leg=leg, seen=99)
    failing = Entry.objects.filter(author_kind="staff", delivery_state__in=("ready", "unknown"))
    wait_until(lambda: failing.exists(), what="a failure of the provider")
    simulator.chaos(rest_5xx_p=0)
    go_wrong(hub, simulator, agent, settings)
    break_the_database(hub, settings)
    logs = "\n".join(hub.log(name).read_text() for name in ("web", "worker", "beat"))
    assert "receipt_failed" in logs and "webhook_refused" in logs, "the errors were not provoked"
    assert_clean(logs)


def assert_clean(logs: str) -> None:
    """Fail with the line, if a line holds anything of a patient or of a colleague."""
    patterns = []
    for name, number, mail in PATIENTS:
        patterns += [*map(re.escape, name.split()), re.escape(quote(name)), re.escape(mail)]
        digits = number.lstrip("+")
        patterns += [digits, digits[1:], rf"\(?{digits[1:4]}\)?[ -]?{digits[4:7]}-{digits[7:]}"]
    for said in SAID:
        patterns += [re.escape(said), re.escape(quote(said))]
        patterns += [word for word in said.split() if len(word) > 5]
    patterns += [r"nora\.night", r"/2010-04-01/Accounts", r"https?://\S*Messages", "MediaUrl"]
    for line in logs.splitlines():
        for pattern in patterns:
            assert not re.search(pattern, line, re.IGNORECASE), f"{pattern} in: {line}"


def test_the_search_would_see_it() -> None:
    for line in (
        "GET https://api.example/2010-04-01/Accounts/AC1/Messages.json?To=%2B15550100143",
        "Key (value)=(+15550100144) already exists.",
        "KeyError: 'Marguerite'",
        "(555) 010-0143 wrote",
    ):
        with pytest.raises(AssertionError):
            assert_clean(line)
    assert Patient._meta.label == "patients.Patient"


def test_twilios_own_client_keeps_quiet(
    hub: HubProcesses, simulator: SimulatedTwilio, agent: User, tmp_path: Path
) -> None:
    """It logs URLs with numbers at INFO; whoever sets the root logger to DEBUG must not hear it."""
    import logging

    from django.conf import settings

    assert logging.getLogger("twilio.http_client").getEffectiveLevel() >= logging.WARNING
    assert settings.LOGGING["loggers"]["twilio"]["level"] == "WARNING"
    for name in ("httpx", "urllib3", "django.db.backends", "uvicorn.access"):
        assert logging.getLogger(name).getEffectiveLevel() >= logging.WARNING, name
