"""Words that were said by every way there is, looked for wherever a disk or a wire could have them.

What patients and staff say is encrypted before it reaches a disk (invariant 9). Each way has a word
of its own, so that a find says by which way it came.
"""

import json
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from django.test import Client

from channels_app.chat.models import ChatSession, ChatSite
from channels_app.models import Receipt
from channels_app.simulator.headless import SimulatedTwilio
from hub.audit.record import AuditAction, record
from hub.conversations.models import (
    Attachment,
    Channel,
    Conversation,
    Delivery,
    Draft,
    Entry,
    HubAddress,
)
from hub.staff.models import User
from patients.models import Consent, Patient
from tests.factories import HubAddressFactory, LinkFactory, UserFactory
from tests.hub_processes import HubProcesses
from tests.invariants.conftest import wait_until
from tests.privacy import traces

OURS, THEIRS = "+15550100100", "+15550100142"
WAYS = (
    "sms_in",
    "mms_file",
    "sms_out",
    "sms_out_file",
    "note",
    "chat_in",
    "chat_out",
    "chat_file",
    "chat_file_name",
    "chat_said",
    "draft",
    "evidence",
    "alert",
    "needs",
    "why",
)


@pytest.fixture
def words() -> dict[str, str]:
    """One canary a way: a word that nothing else contains, and that no cipher makes by chance."""
    return {way: f"canary{number:02d}{uuid4().hex[:12]}" for number, way in enumerate(WAYS)}


@pytest.fixture
def agent() -> User:
    address = HubAddressFactory(value=OURS)
    chat = HubAddress.objects.create(
        channel=Channel.CHAT, value="riverside", label="Chat", department=address.department
    )
    ChatSite.objects.create(hub_address=chat, key="riverside", text_number=OURS)
    link = LinkFactory(contact_point__value=THEIRS)
    assert link.patient is not None
    return UserFactory(departments=[address.department])


class Desk:
    """An agent's browser, over HTTP."""

    def __init__(self, hub: HubProcesses, person: User) -> None:
        client = Client()
        client.force_login(person)
        token = "a" * 32
        self.http = httpx.Client(base_url=hub.url, trust_env=False, timeout=30)
        self.http.cookies.set("sessionid", client.cookies["sessionid"].value)
        self.http.cookies.set("csrftoken", token)
        self.http.headers.update({"X-CSRFToken": token, "Origin": hub.url})

    def do(
        self, conversation: Conversation, action: str, files: object = None, **data: object
    ) -> None:
        path = f"/console/c/{conversation.uuid}/{action}"
        fields = {name: str(value) for name, value in data.items()}
        answer = self.http.post(path, data=fields, files=files)  # type: ignore[arg-type]
        assert answer.status_code in (200, 204), f"{action}: {answer.status_code} {answer.text}"

    def see(self, path: str) -> str:
        answer = self.http.get(path)
        assert answer.status_code == 200, path
        return answer.text


def pdf(word: str) -> bytes:
    return b"%PDF-1.4\n% " + word.encode() + b"\n%%EOF\n"


def say_everything(
    hub: HubProcesses, simulator: SimulatedTwilio, agent: User, words: dict[str, str]
) -> None:
    """Send each word by its way, through the processes, as people would."""
    phone = simulator.phone(THEIRS)
    phone.send(words["sms_in"], to=OURS, media=[("application/pdf", pdf(words["mms_file"]))])
    wait_until(lambda: Conversation.objects.exists(), what="the text")
    text = Conversation.objects.get()
    wait_until(lambda: Attachment.objects.filter(state="stored").exists(), what="the file")
    desk = Desk(hub, agent)
    leg = text.legs.get().uuid
    file = ("x.pdf", pdf(words["sms_out_file"]), "application/pdf")
    desk.do(text, "send", {"files": file}, body=words["sms_out"], intent=uuid4(), leg=leg, seen=99)
    phone.wait_for(words["sms_out"])
    desk.do(text, "note", body=words["note"], intent=uuid4())
    profile = {"legal_name": "Paula Patient", "language": "en"}
    desk.do(text, "profile", alerts=words["alert"], accessibility_needs=words["needs"], **profile)
    _chat(hub, desk, words)
    point = text.contact_point.uuid
    evidence = {"state": "stopped", "evidence": words["evidence"]}
    desk.do(text, "consent", point=point, channel="sms", **evidence)
    desk.do(text, "draft", body=words["draft"], channel="sms", seen=1)
    # Nobody breaks the glass by a page yet; the row is the same.
    record(AuditAction.BREAK_GLASS, actor=agent, patient=text.patient_id, why=words["why"])
    # It stands on the pages: what is looked for was really said, and can be read by who may.
    page = desk.see(f"/console/c/{text.uuid}/")
    for way in ("sms_in", "sms_out", "note", "draft", "alert"):
        assert words[way] in page, way
    assert words["sms_in"] in desk.see(f"/console/search?q={words['sms_in']}")


def _chat(hub: HubProcesses, desk: Desk, words: dict[str, str]) -> None:
    visitor = httpx.Client(base_url=hub.url, trust_env=False, headers={"Origin": hub.url})
    started = visitor.post(
        "/chat/sessions", json={"site": "riverside", "language": "en", "name": words["chat_said"]}
    )
    assert started.status_code == 201, started.text
    visitor.headers.update(
        {"Authorization": f"Bearer {started.json()['token']}", "Chat-Site": "riverside"}
    )
    file = (f"{words['chat_file_name']}.pdf", pdf(words["chat_file"]), "application/pdf")
    said = {"intent": str(uuid4()), "text": words["chat_in"]}
    answer = visitor.post("/chat/messages", data=said, files={"files": file})
    assert answer.status_code == 201, answer.text
    chat = Conversation.objects.get(channel="chat")
    leg = chat.legs.get().uuid
    desk.do(chat, "send", body=words["chat_out"], intent=uuid4(), leg=leg, seen=99)
    heard = json.dumps(visitor.get("/chat/messages?after=0").json())
    assert words["chat_out"] in heard and words["chat_in"] in heard


def test_no_word_stands_anywhere_in_the_clear(
    hub: HubProcesses,
    simulator: SimulatedTwilio,
    agent: User,
    words: dict[str, str],
    tmp_path: Path,
    settings,
) -> None:
    with traces.Listening(settings.REDIS_URL) as listening:
        hub.start("web", "worker", "beat")
        say_everything(hub, simulator, agent, words)
        unfinished = Delivery.objects.filter(state__in=("ready", "claimed", "sending"))
        wait_until(lambda: not unfinished.exists(), what="all handed over")
        assert not Receipt.objects.exclude(state="done").exists()
        found = dict(traces.database())
        found |= dict(traces.folder(tmp_path / "media"))
        found["valkey"] = traces.valkey(settings.REDIS_URL)
        found |= {name: hub.log(name).read_bytes() for name in ("web", "worker", "beat")}
    found["what was said to valkey"] = listening.heard
    # The traces are really there …
    assert len(found["conversations_entry"]) > 1000 and len(found["web"]) > 500
    assert b"deliver" in found["what was said to valkey"]
    assert sum(name.startswith(str(tmp_path / "media")) for name in found) >= 3
    # … and so are the words, for whoever has the key.
    assert words["note"] in {entry.body for entry in Entry.objects.all()}
    assert Draft.objects.get().body == words["draft"]
    assert words["evidence"] in {one.evidence for one in Consent.objects.all()}
    assert words["chat_said"] in str([one.said for one in ChatSession.objects.all()])
    assert words["alert"] in "".join(str(one.alerts) for one in Patient.objects.all())
    leaks = [
        f"{way} in {trace}"
        for trace, content in found.items()
        for way, word in words.items()
        if traces.holds(content, word)
    ]
    assert not leaks


def test_a_leak_would_be_seen(tmp_path: Path) -> None:
    """The search itself: a word is found however it was written down."""
    import base64

    word = "canary99abcdef"
    for written in (
        f"x {word.upper()} y".encode(),
        base64.b64encode(f"a {word} b".encode()),
        base64.b64encode(f"ab {word} c".encode()),
        base64.b64encode(f"abc {word}!".encode()),
        word.encode().hex().encode(),
    ):
        assert traces.holds(b"before " + written + b" after", word), written
    assert not traces.holds(b"canary99abcdee", word)
