"""Answers and notes over HTTP: one press is one message, and refusals say why."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from hub.audit.models import AuditEvent
from hub.console.models import CannedReply
from hub.conversations.actions import holder, status
from hub.conversations.models import Attachment, Conversation, Delivery, Entry
from hub.staff.models import User
from patients import actions as patients
from tests.console.conftest import Desk
from tests.factories import UserFactory

LogIn = Callable[[User], Client]
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
    b"\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xff\xff?\x00\x05\xfe\x02\xfe\xa75\x81\x84"
    b"\x00\x00\x00\x00IEND\xaeB`\x82"
)


def _answer(found: Conversation, **fields: Any) -> dict[str, Any]:
    leg = found.legs.order_by("-id").first()
    assert leg is not None
    return {"body": "On its way", "leg": leg.uuid, "intent": uuid4(), "seen": 99, **fields}


def test_an_answer_is_sent_and_claims_the_conversation(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive("Hello")
    browser = log_in(desk.agent)
    answer = browser.post(f"/console/c/{found.uuid}/send", _answer(found)).json()
    entry = found.entries.get(number=answer["number"])
    assert (entry.body, entry.author) == ("On its way", desk.agent)
    assert Delivery.objects.get(entry=entry).state == "ready"
    found.refresh_from_db()
    assert found.holder == desk.agent
    assert any("On its way" in line["html"] for line in answer["entries"])


def test_one_press_twice_is_one_message(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive("Hello")
    browser = log_in(desk.agent)
    said = _answer(found)
    first = browser.post(f"/console/c/{found.uuid}/send", said).json()
    again = browser.post(f"/console/c/{found.uuid}/send", said).json()
    assert first["number"] == again["number"]
    assert Delivery.objects.filter(entry__author=desk.agent).count() == 1


def test_words_are_sent_as_written(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive("Hello")
    text = "  مرحبا 😀\nsecond line  "
    browser = log_in(desk.agent)
    number = browser.post(f"/console/c/{found.uuid}/send", _answer(found, body=text)).json()
    assert found.entries.get(number=number["number"]).body == text


def test_an_answer_that_landed_meanwhile_is_asked_about(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive("Hello")
    found.refresh_from_db()
    seen = found.last_number
    log_in(desk.supervisor).post(f"/console/c/{found.uuid}/send", _answer(found))
    found.refresh_from_db()
    holder.assign(found, desk.agent, by=desk.supervisor, expected_holder_id=desk.supervisor.pk)
    browser = log_in(desk.agent)
    said = _answer(found, body="Mine", seen=seen)
    refusal = browser.post(f"/console/c/{found.uuid}/send", said)
    assert refusal.status_code == 409
    assert refusal.json()["code"] == "AnswerLanded"
    assert "Sam Whitfield" in refusal.json()["error"]
    assert browser.post(f"/console/c/{found.uuid}/send", said | {"seen": ""}).status_code == 200


@pytest.mark.parametrize("what", ["held", "resolved", "stopped", "empty", "too_long", "no_leg"])
def test_a_refusal_is_a_sentence_and_sends_nothing(desk: Desk, log_in: LogIn, what: str) -> None:
    found = desk.receive("Hello")
    said = _answer(found)
    if what == "held":
        holder.claim(found, desk.supervisor)
    elif what == "resolved":
        status.resolve(found, "answered", by=desk.supervisor)
    elif what == "stopped":
        patients.stop(found.contact_point, channel="sms", source="keyword", evidence="STOP")
    elif what == "empty":
        said["body"] = "   "
    elif what == "too_long":
        said["body"] = "x" * 1601
    else:
        said["leg"] = uuid4()
    before = Entry.objects.filter(author=desk.agent).count()
    answer = log_in(desk.agent).post(f"/console/c/{found.uuid}/send", said)
    assert answer.status_code == 409
    assert answer.json()["error"]
    assert Entry.objects.filter(author=desk.agent).count() == before


def test_a_leg_of_another_conversation_is_no_way_out(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive("Hello")
    other = desk.receive("Other", number="+15550100177")
    answer = log_in(desk.agent).post(
        f"/console/c/{found.uuid}/send", _answer(found, leg=other.legs.get().uuid)
    )
    assert answer.status_code == 409
    assert answer.json()["code"] == "ChannelClosed"


def test_a_note_is_never_delivered(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive("Hello")
    said = {"body": "He sounds tired", "intent": uuid4()}
    number = log_in(desk.agent).post(f"/console/c/{found.uuid}/note", said).json()["number"]
    note = found.entries.get(number=number)
    assert (note.kind, note.audience) == ("note", "staff")
    assert not note.deliveries.exists()


def test_a_file_goes_out_and_comes_back_only_to_who_may_read(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive("Hello")
    browser = log_in(desk.agent)
    file = SimpleUploadedFile("../../x-ray <1>.png", PNG, "text/html")
    said = _answer(found, body="", files=file)
    assert browser.post(f"/console/c/{found.uuid}/send", said).status_code == 200
    attachment = Attachment.objects.get()
    download = browser.get(f"/console/files/{attachment.uuid}")
    assert b"".join(download) == PNG
    assert download["Content-Type"] == "image/png"
    assert download["Content-Disposition"].startswith("attachment")
    assert download["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in download["Content-Security-Policy"]
    assert "no-store" in download["Cache-Control"]
    assert AuditEvent.objects.filter(action="download_attachment").count() == 1
    for stranger in (desk.outsider, UserFactory(administrator=True)):
        assert log_in(stranger).get(f"/console/files/{attachment.uuid}").status_code in (403, 404)
    Entry.objects.filter(attachments=attachment).update(erased_at="2026-01-01T00:00Z")
    assert browser.get(f"/console/files/{attachment.uuid}").status_code == 404


def test_a_file_that_may_not_pass_is_refused_with_why(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive("Hello")
    file = SimpleUploadedFile("page.png", b"<html><script>alert(1)</script></html>", "image/png")
    answer = log_in(desk.agent).post(f"/console/c/{found.uuid}/send", _answer(found, files=file))
    assert answer.status_code == 409
    assert "sent" in answer.json()["error"]
    assert not Attachment.objects.exists()


def test_ways_that_cannot_be_used_say_why(desk: Desk, log_in: LogIn) -> None:
    found = desk.receive("Hello")
    patients.stop(found.contact_point, channel="sms", source="keyword", evidence="STOP")
    page = log_in(desk.agent).get(f"/console/c/{found.uuid}/").content.decode()
    assert "(opted out)" in page
    assert "There is no open way to the patient now." in page


def test_ready_replies_come_in_the_patients_language_first(desk: Desk, log_in: LogIn) -> None:
    desk.patient.language = "es"
    desk.patient.save()
    found = desk.receive("Hola")
    for language in ("en", "es"):
        CannedReply.objects.create(
            shortcut="hours", title="Hours", body=f"body {language}", language=language
        )
    CannedReply.objects.create(shortcut="other", title="Else", body="x", language="en")
    answer = log_in(desk.agent).get(f"/console/c/{found.uuid}/canned?q=ho").json()
    assert [one["language"] for one in answer["replies"]] == ["es", "en"]
