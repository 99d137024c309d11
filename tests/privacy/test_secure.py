"""What is said by secure link stands neither on the wire nor on a disk, a log or in Valkey."""

import re
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from channels_app.secure.models import SecureLink
from channels_app.simulator.headless import SimulatedTwilio
from hub.conversations.models import ChannelPrivacy, Conversation, Delivery, Entry
from hub.staff.models import User
from tests.factories import HubAddressFactory, LinkFactory, UserFactory
from tests.hub_processes import HubProcesses
from tests.invariants.conftest import wait_until
from tests.privacy import traces
from tests.privacy.test_canary import OURS, THEIRS, Desk, pdf

WAYS = ("out", "out_file", "in", "in_file", "in_file_name")


@pytest.fixture
def agent() -> User:
    address = HubAddressFactory(value=OURS)
    ChannelPrivacy.objects.create(department=address.department, channel="sms", secure=True)
    LinkFactory(contact_point__value=THEIRS, patient__birth_date="1961-03-09")
    return UserFactory(departments=[address.department])


def test_no_word_of_it_is_anywhere_but_on_the_page(
    hub: HubProcesses, simulator: SimulatedTwilio, agent: User, tmp_path: Path, settings
) -> None:
    words = {way: f"canary{n:02d}{uuid4().hex[:12]}" for n, way in enumerate(WAYS)}
    phone = simulator.phone(THEIRS)
    with traces.Listening(settings.REDIS_URL) as listening:
        hub.start("web", "worker", "beat")
        phone.send("Hello", to=OURS)
        wait_until(lambda: Conversation.objects.exists(), what="the text")
        conversation = Conversation.objects.get()
        file = ("x.pdf", pdf(words["out_file"]), "application/pdf")
        Desk(hub, agent).do(
            conversation,
            "send",
            {"files": file},
            body=words["out"],
            intent=uuid4(),
            leg=conversation.legs.get().uuid,
            seen=99,
        )
        notice = phone.wait_for("a message waits for you")
        found_token = re.search(r"/s/#(\S+)", notice)
        assert found_token
        token = found_token[1]
        shown = read_and_answer(hub, token, words)
        unfinished = Delivery.objects.filter(state__in=("ready", "claimed", "sending"))
        wait_until(lambda: not unfinished.exists(), what="all handed over")
        found = dict(traces.database())
        found |= dict(traces.folder(tmp_path / "media"))
        found["valkey"] = traces.valkey(settings.REDIS_URL)
        found |= {name: hub.log(name).read_bytes() for name in ("web", "worker", "beat")}
    found["what was said to valkey"] = listening.heard
    # The wire: all that Twilio was given.
    sent = simulator.messages()
    assert all(not message.get("media") for message in sent if message.get("from") == OURS)
    found["twilio"] = str(sent).encode()
    assert notice.encode() in found["twilio"]
    # The traces are there, and so are the words, for who may read them.
    assert words["out"] in shown and words["in"] in shown
    assert {words["out"], words["in"]} <= {entry.body for entry in Entry.objects.all()}
    assert b"/s/thread" in found["web"] or b"request_finished" in found["web"]
    session = SecureLink.objects.get().session_hash
    assert session
    looked_for = words | {"token": token}
    leaks = [
        f"{way} in {trace}"
        for trace, content in found.items()
        for way, word in looked_for.items()
        if traces.holds(content, word) and not (way == "token" and trace == "twilio")
    ]
    assert not leaks


def read_and_answer(hub: HubProcesses, token: str, words: dict[str, str]) -> str:
    """Do what the patient's browser does; returns the page at the end."""
    patient = httpx.Client(
        base_url=hub.url,
        trust_env=False,
        timeout=30,
        headers={"Origin": hub.url},
        follow_redirects=True,
    )
    for day in ("10", "9"):
        born = {"token": token, "month": "3", "day": day, "year": "1961"}
        page = patient.post("/s/open", data=born)
    assert page.status_code == 200, page.text
    intent = re.findall(r'name="intent" value="([^"]+)"', page.text)[0]
    file = (f"{words['in_file_name']}.pdf", pdf(words["in_file"]), "application/pdf")
    page = patient.post(
        "/s/answer", data={"text": words["in"], "intent": intent}, files={"files": file}
    )
    assert page.status_code == 200, page.text
    for path in re.findall(r'href="(/s/files/[^"]+)"', page.text):
        assert patient.get(path).status_code == 200
    return page.text
