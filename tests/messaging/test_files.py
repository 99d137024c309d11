"""Files of texts: fetched from the provider, sniffed, encrypted, deleted there; and sent out."""

import zlib
from struct import pack
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from channels_app import files, outbox
from channels_app.messaging.adapter import MessagingAdapter
from channels_app.simulator.headless import SimulatedTwilio
from channels_app.twilio import client as twilio_client
from hub.conversations.actions import send
from hub.conversations.actions.receive import receive
from hub.conversations.inbound import InboundFile
from hub.conversations.models import Attachment, Delivery
from hub.encryption.files import EncryptedFileStorage, binding
from tests.factories import HubAddressFactory, UserFactory, inbound

pytestmark = pytest.mark.django_db(transaction=True)
NUMBER = "+15550100142"
MEDIA = "https://api.twilio.com/2010-04-01/Accounts/AC/Messages/MM/Media/ME"


def png(extra: bytes = b"") -> bytes:
    """A picture of one pixel; `extra` stands behind its end."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + body + extra


def incoming(twilio: SimulatedTwilio, *media: tuple[str, bytes]) -> list[Attachment]:
    """Send an MMS from a phone; receive it as the webhook would, and return its attachments."""
    address = HubAddressFactory(value="+15550100100")
    sid = twilio.phone(NUMBER).send("see", to=address.value, media=media)
    sources = [
        InboundFile(f"https://api.twilio.com{found.uri.removesuffix('.json')}", found.content_type)
        for found in twilio_client.client().messages(sid).media.list()
    ]
    assert len(sources) == len(media)
    entry = receive(inbound(address, "see", number=NUMBER, files=tuple(sources))).entry
    return list(entry.attachments.order_by("position"))


def run_commands(kind: str) -> None:
    """Do the outbox's commands of one kind."""
    for pk in Delivery.objects.filter(kind=kind).values_list("pk", flat=True):
        outbox.deliver(pk)


def test_a_picture_is_fetched_encrypted_and_deleted_there(twilio: SimulatedTwilio) -> None:
    picture = png(b"canary-9c1e")
    [attachment] = incoming(twilio, ("image/png", picture))
    revision = attachment.entry.revision
    run_commands("fetch")
    attachment.refresh_from_db()
    assert (attachment.state, attachment.content_type) == ("stored", "image/png")
    assert attachment.size == len(picture)
    storage = EncryptedFileStorage()
    with storage.open(attachment.storage_name, binding(attachment, "storage_name")) as file:
        assert file.read() == picture
    on_disk = b"".join(p.read_bytes() for p in storage.root.rglob("*") if p.is_file())
    assert b"canary-9c1e" not in on_disk
    attachment.entry.refresh_from_db()
    assert attachment.entry.revision > revision, "open consoles hear of it"
    run_commands("delete")
    response = twilio_client.open_media(attachment.source)
    assert response.status_code == 404, "the provider has it no more"


@pytest.mark.parametrize(
    ("content_type", "content", "reason"),
    [
        (
            "image/png",
            b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>",
            "type_not_allowed",
        ),
        ("image/jpeg", b"<!doctype html><script>alert(1)</script>", "type_not_allowed"),
        ("application/pdf", b"MZ\x90\x00\x03" + b"\0" * 200, "type_not_allowed"),
        ("image/png", b"\x89PNG\r\n\x1a\n" + b"\0" * 200_000, "too_large"),
    ],
)
def test_what_may_not_pass_is_refused_visibly(
    twilio: SimulatedTwilio, settings, content_type: str, content: bytes, reason: str
) -> None:
    settings.ATTACHMENT_MAX_BYTES = 100_000
    [attachment] = incoming(twilio, (content_type, content))
    run_commands("fetch")
    attachment.refresh_from_db()
    assert (attachment.state, attachment.reason) == ("refused", reason)
    assert not attachment.storage_name


@pytest.mark.parametrize(
    "source",
    [
        "http://api.twilio.com/x",
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/x",
        "https://api.twilio.com.evil.example/x",
        "https://evil.example/?api.twilio.com",
        "file:///etc/passwd",
    ],
)
def test_only_the_providers_own_addresses_are_fetched(settings, source: str) -> None:
    """CVE-2024-39713: a webhook's MediaUrl led a desk to addresses of its own network."""
    settings.TWILIO_API_BASE = ""
    address = HubAddressFactory()
    entry = receive(inbound(address, "x", files=(InboundFile(source, "image/png"),))).entry
    delivery = Delivery.objects.select_related("attachment", "leg").get(kind="fetch")
    MessagingAdapter().fetch(delivery)
    attachment = entry.attachments.get()
    assert (attachment.state, attachment.reason) == ("refused", "foreign_address")


def test_a_file_goes_out_by_a_link_that_ends(twilio: SimulatedTwilio, settings) -> None:
    address = HubAddressFactory(value="+15550100100")
    agent = UserFactory(departments=[address.department])
    conversation = receive(inbound(address, number=NUMBER)).conversation
    Delivery.objects.all().delete()
    file = files.accept_upload(SimpleUploadedFile("../../résumé\u202e.png", png()))
    entry = send.send(
        conversation,
        send.Answer(body="", leg_id=conversation.legs.get().pk, intent=uuid4(), files=[file]),
        by=agent,
    )
    outbox.deliver(entry.deliveries.get().pk)
    attachment = entry.attachments.get()
    assert "/" not in attachment.file_name and "\u202e" not in attachment.file_name
    from channels_app.messaging.sending import media_link

    path = media_link(attachment).removeprefix(settings.PUBLIC_URL)
    response = Client().get(path)
    assert b"".join(response.streaming_content) == png()  # type: ignore[attr-defined]
    assert response["Content-Disposition"] == "attachment"
    assert "sandbox" in response["Content-Security-Policy"]
    assert Client().get(path[:-2] + "xx").status_code == 404


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (png(), "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01" + b"\0" * 64, "image/jpeg"),
        (b"GIF89a" + b"\0" * 32, "image/gif"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + b"0" * 64, "application/pdf"),
        ("Take 50 mg twice a day — después de comer".encode(), "text/plain"),
        (b"#!/bin/sh\nrm -rf /", None),
        (b"<html><body>", None),
        (b"  <svg>", None),
        (b"PK\x03\x04" + b"\0" * 64, None),
        (b"\x7fELF" + b"\0" * 64, None),
        (b"a\x00b", None),
    ],
)
def test_the_content_decides_the_type(content: bytes, expected: str | None) -> None:
    assert files.sniff(content) == expected
