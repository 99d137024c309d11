"""Every websocket × everybody, from the ASGI application itself, and ids in their frames."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator

from hub.asgi import application
from hub.audit.models import AuditEvent
from hub.conversations.models import ReadMark
from hub.staff.models import User
from tests.walk import clinic as clinics
from tests.walk.clinic import SECRET, Clinic

OURS = "http://testserver"
NOBODYS = "7e282aff-6b6a-4300-8000-000000000000"  # fixed: workers must collect the same tests
#: Each websocket: who it is for. A new one fails the first test until it is here and tested.
SOCKETS = {"console/socket": "staff", "chat/socket": "visitors"}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def clinic() -> Clinic:
    """A clinic for each test: sockets read and write on threads of their own."""
    return clinics.build()


def _routes() -> set[str]:
    app = application.application_mapping["websocket"]
    while not hasattr(app, "routes"):
        app = getattr(app, "app", None) or app.inner
    return {str(route.pattern) for route in app.routes}


def test_every_websocket_is_known() -> None:
    """Say in SOCKETS whom a new websocket is for, and test it here."""
    assert _routes() == set(SOCKETS)


class Closed(Exception):
    """The hub closed the socket, or never let it in."""


class Socket:
    """A browser's end."""

    def __init__(self, path: str, *, key: str = "", origin: str | None = OURS) -> None:
        headers = [(b"host", b"testserver")]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        if key:
            headers.append((b"cookie", f"sessionid={key}".encode()))
        self.ends = ApplicationCommunicator(
            application,
            {
                "type": "websocket",
                "path": f"/{path}",
                "raw_path": f"/{path}".encode(),
                "headers": headers,
                "client": ("192.0.2.7", 5000),
                "query_string": b"",
                "subprotocols": [],
            },
        )

    async def connect(self) -> None:
        await self.ends.send_input({"type": "websocket.connect"})
        answer = await self.ends.receive_output(5)
        if answer["type"] != "websocket.accept":
            raise Closed(answer.get("code"))

    async def say(self, **frame: Any) -> None:
        await self.ends.send_input({"type": "websocket.receive", "text": json.dumps(frame)})

    async def hears(self, seconds: float = 0.6) -> list[dict[str, Any]]:
        """Return what comes within `seconds` of silence; a close is a frame {"type": "closed"}."""
        heard = []
        with contextlib.suppress(asyncio.TimeoutError):
            while True:
                got = await asyncio.wait_for(self.ends.output_queue.get(), seconds)
                if got["type"] == "websocket.close":
                    heard.append({"type": "closed", "code": got.get("code")})
                    break
                heard.append(json.loads(got["text"]))
        return heard

    async def leave(self) -> None:
        await self.ends.send_input({"type": "websocket.disconnect", "code": 1001})
        with contextlib.suppress(TimeoutError, asyncio.CancelledError):
            await self.ends.wait(5)


@contextlib.asynccontextmanager
async def socket(path: str, **options: Any) -> AsyncIterator[Socket]:
    one = Socket(path, **options)
    await one.connect()
    try:
        yield one
    finally:
        await one.leave()


async def refused(path: str, **options: Any) -> bool:
    try:
        async with socket(path, **options):
            return False
    except Closed:
        return True


async def test_who_comes_in(clinic: Clinic) -> None:
    for role in ("agent", "agent_elsewhere", "supervisor", "supervisor_elsewhere", "locked"):
        assert not await refused("console/socket", key=clinic.keys[role]), role
    assert await refused("console/socket")
    assert await refused("console/socket", key="no-such-session")
    assert await refused("console/socket", key=clinic.keys["switched_off"])


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "https://evil.example",
        "http://testserver.evil.example",
        "http://TESTSERVER:81",
    ],
)
@pytest.mark.parametrize("path", sorted(SOCKETS))
async def test_a_foreign_page_does_not_come_in(
    clinic: Clinic, path: str, origin: str | None
) -> None:
    """CBOT CVE-2023-2886: cross-site websocket hijacking."""
    assert await refused(path, key=clinic.keys["agent"], origin=origin)


def sees(heard: list[dict[str, Any]]) -> bool:
    """Whether anything of what was said or of whom came along."""
    return SECRET in json.dumps(heard)


@pytest.mark.parametrize("target", clinics.DEPARTMENTS)
async def test_a_conversation_is_opened_by_who_may_alone(clinic: Clinic, target: str) -> None:
    may = {
        "home": {"agent", "supervisor"},
        "shared": {"agent", "supervisor"},
        "restricted": set(),
        "foreign": {"agent_elsewhere", "supervisor_elsewhere"},
    }[target]
    await asyncio.gather(*(_try(clinic, role, target, may) for role in ASKING))


ASKING = (
    "agent",
    "agent_elsewhere",
    "supervisor",
    "supervisor_elsewhere",
    "administrator",
    "locked",
)


async def _try(clinic: Clinic, role: str, target: str, may: set[str]) -> None:
    conversation = clinic.threads[target].conversation
    with contextlib.suppress(Closed):
        async with socket("console/socket", key=clinic.keys[role]) as one:
            await one.hears()
            await one.say(type="open", conversation=str(conversation.uuid), revision=0)
            heard = await one.hears(1.5)
            assert sees(heard) is (role in may), (role, target, heard)
            await one.say(type="resume", conversations={str(conversation.uuid): 0})
            assert sees(await one.hears(1.5)) is (role in may), (role, "resume")
            masked = target == "restricted" and role in ("agent", "supervisor")
            if role not in may and role != "locked" and not masked:
                assert [f for f in heard if f["type"] == "gone"], (role, heard)
                assert await _denied(clinic.people[role].pk), f"{role} left no trace"


@sync_to_async
def _denied(person: int) -> bool:
    return AuditEvent.objects.filter(actor_id=person, action="denied").exists()


async def test_frames_about_others_conversations_do_nothing(clinic: Clinic) -> None:
    theirs = clinic.threads["foreign"].conversation
    async with socket("console/socket", key=clinic.keys["agent"]) as one:
        await one.hears()
        for frame in (
            {"type": "read", "number": 3},
            {"type": "typing"},
            {"type": "active", "active": True},
            {"type": "close"},
        ):
            await one.say(conversation=str(theirs.uuid), **frame)
        heard = await one.hears()
        assert not sees(heard)
    assert not await ReadMark.objects.filter(conversation=theirs).aexists()
    assert not await theirs.events.filter(kind__startswith="active").aexists()


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        "{}",
        '{"type": "open", "conversation": 1, "revision": 0}',
        '{"type": "open", "conversation": "\\u0000", "revision": 0}',
        '{"type": "open", "conversation": "' + "0" * 36 + '", "revision": -1}',
        '{"type": "open", "conversation": "' + NOBODYS + '", "revision": 99999999999999999999}',
        '{"type": "resume", "conversations": {"x": {}}}',
        '{"type": "presence", "presence": "administrator"}',
        '{"type": "read", "conversation": null, "number": 1}',
        "[" * 10_000,
        "x" * 1_000_000,
    ],
    ids=lambda text: text[:50],
)
async def test_malformed_frames_close_the_socket_and_nothing_else(
    clinic: Clinic, text: str
) -> None:
    async with socket("console/socket", key=clinic.keys["agent"]) as one:
        await one.hears()
        await one.ends.send_input({"type": "websocket.receive", "text": text})
        heard = await one.hears(1.0)
        assert heard and heard[-1]["type"] == "closed", heard
        assert heard[-1]["code"] in (4400, 1009), heard


async def test_someone_switched_off_hears_nothing_more_within_five_seconds(clinic: Clinic) -> None:
    async with socket("console/socket", key=clinic.keys["agent"]) as one:
        await one.hears()
        await User.objects.filter(pk=clinic.people["agent"].pk).aupdate(is_active=False)
        heard = await asyncio.wait_for(_until_closed(one), 5)
        assert heard["code"] == 4401


async def _until_closed(one: Socket) -> dict[str, Any]:
    while True:
        for frame in await one.hears(0.2):
            if frame["type"] == "closed":
                return frame


async def test_a_visitor_hears_of_their_own_session_alone(clinic: Clinic) -> None:
    mine = clinic.threads["home"]
    async with socket("chat/socket") as one:
        await one.say(type="hello", token=mine.chat_token, site="site-home", after=0)
        heard = json.dumps(await one.hears())
        assert f"chat {SECRET}" in heard and "Note on" not in heard and "I take" not in heard
    for token, site in (
        (mine.chat_token, "site-foreign"),
        ("", "site-home"),
        (clinic.keys["agent"], "site-home"),
    ):
        async with socket("chat/socket", key=clinic.keys["agent"]) as one:
            await one.say(type="hello", token=token, site=site, after=0)
            heard = await one.hears()
            assert SECRET not in json.dumps(heard) and heard[-1]["type"] == "closed"
