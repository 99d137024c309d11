"""Answers by mail through a real SMTP server: once, in the thread, and its failures told apart."""

from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from uuid import uuid4

import pytest
from django.utils import timezone

from channels_app import outbox
from channels_app.email.models import Mailbox, MailMessage
from channels_app.email.reply_address import conversation_of
from channels_app.email.taking import take
from hub.conversations.actions.send import Answer, send
from hub.conversations.models import ChannelPrivacy, Conversation, Delivery, Entry
from hub.staff.presence import open_tab
from patients.consent import is_stopped
from tests.email.conftest import ADDRESS, PATIENT, Post, a_mail
from tests.email.cutting import Wire
from tests.email.smtp import Smtp
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def smtp(post: Post) -> Iterator[Smtp]:
    server = Smtp()
    server.start()
    use(post, server.port)
    yield server
    server.stop()


def use(post: Post, port: int) -> None:
    post.mailbox.smtp_host, post.mailbox.smtp_port = "127.0.0.1", port
    post.mailbox.smtp_security = Mailbox.Security.NONE
    post.mailbox.save()


def answered(post: Post, text: str = "You get more tomorrow.") -> Delivery:
    """Return the delivery of an agent's answer to a patient's mail."""
    agent = UserFactory(departments=[post.department])
    open_tab(agent, "")
    mail = a_mail(Message_ID="<question@example.org>", References="<before@example.org>")
    take(mail.as_bytes(), post.address)
    conversation = Conversation.objects.get()
    leg = conversation.legs.get()
    entry = send(conversation, Answer(body=text, leg_id=leg.pk, intent=uuid4()), by=agent)
    return Delivery.objects.get(entry=entry)


def state(delivery: Delivery) -> tuple[str, str]:
    delivery.refresh_from_db()
    return delivery.state, delivery.error_code


def test_an_answer_stands_in_the_thread(post: Post, smtp: Smtp) -> None:
    delivery = answered(post)
    outbox.deliver(delivery.pk)
    assert state(delivery)[0] == "sent"
    [mail] = smtp.mails
    assert mail["To"] == PATIENT
    assert mail["From"] == f"Example Clinic <{ADDRESS}>"
    assert mail["Subject"] == "Re: My tablets"
    assert mail["In-Reply-To"] == "<question@example.org>"
    assert "<question@example.org>" in mail["References"]
    assert mail["Auto-Submitted"] is None
    reply_to = mail["Reply-To"].addresses[0].addr_spec
    assert conversation_of(ADDRESS, reply_to) == delivery.leg.conversation_id
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert text.startswith("You get more tomorrow.")
    assert "-- \nExample Clinic" in text.replace("\r\n", "\n")
    assert "<p>You get more tomorrow.</p>" in html
    # What they answer to it comes back into the conversation.
    back = a_mail("Thanks", Subject="AW: ?", In_Reply_To=str(mail["Message-ID"]))
    take(back.as_bytes(), post.address)
    assert Conversation.objects.count() == 1


def test_where_mail_is_not_plain_it_says_only_that_a_message_waits(post: Post, smtp: Smtp) -> None:
    ChannelPrivacy.objects.update(secure=True)
    outbox.deliver(answered(post, "Your quetiapine is ready").pk)
    [mail] = smtp.mails
    assert "quetiapine" not in mail.as_string()
    assert "tablets" not in mail["Subject"]
    assert "/s/#" in mail.get_body(("plain",)).get_content()


def test_what_somebody_writes_is_text_in_both_forms(post: Post, smtp: Smtp) -> None:
    outbox.deliver(answered(post, "a < b & <script>alert(1)</script>\n.\n..two").pk)
    [mail] = smtp.mails
    assert "a < b & <script>" in mail.get_body(("plain",)).get_content()
    assert "\n.\n..two" in mail.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert "<script>" not in mail.get_body(("html",)).get_content()


def test_an_automatic_answer_says_that_it_is_one(post: Post, smtp: Smtp) -> None:
    take(a_mail().as_bytes(), post.address)  # nobody is on duty
    delivery = Delivery.objects.get(entry__author_kind="automatic")
    outbox.deliver(delivery.pk)
    [mail] = smtp.mails
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["X-Auto-Response-Suppress"] == "All"
    # Their machine's answer to it asks nobody, and is not answered.
    away = a_mail("Away", Auto_Submitted="auto-replied", In_Reply_To=str(mail["Message-ID"]))
    take(away.as_bytes(), post.address)
    assert Entry.objects.filter(author_kind="automatic").count() == 1


@pytest.mark.parametrize(
    ("command", "answer", "wanted"),
    [
        ("RCPT", "550 5.1.1 no such user", ("failed", "550")),
        ("RCPT", "451 4.7.1 greylisted", ("ready", "451")),
        ("DATA", "554 5.7.1 refused", ("failed", "554")),
        ("DATA", "452 4.3.1 full", ("ready", "452")),
    ],
)
def test_refusals_are_final_and_delays_are_tried_again(
    post: Post, smtp: Smtp, command: str, answer: str, wanted: tuple[str, str]
) -> None:
    delivery = answered(post)
    smtp.answers[command] = answer
    outbox.deliver(delivery.pk)
    assert state(delivery) == wanted
    if wanted[0] == "ready":
        smtp.answers.clear()
        Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now())
        outbox.deliver(delivery.pk)
        assert state(delivery)[0] == "sent"
    assert len(smtp.mails) == (wanted[0] == "ready")


def test_a_cut_before_the_end_of_the_mail_is_tried_again(post: Post, smtp: Smtp) -> None:
    delivery = answered(post)
    wire = Wire(smtp.port)
    use(post, wire.port)
    wire.cut_after_client = b"RCPT TO"
    outbox.deliver(delivery.pk)
    assert state(delivery) == ("ready", "unreachable")
    wire.cut_after_client = None
    Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now())
    outbox.deliver(delivery.pk)
    assert state(delivery)[0] == "sent"
    assert len(smtp.mails) == 1
    wire.close()


def test_a_cut_after_the_mail_is_never_repeated_and_a_person_hears_of_it(
    post: Post, smtp: Smtp
) -> None:
    delivery = answered(post)
    wire = Wire(smtp.port)
    use(post, wire.port)
    wire.cut_after_client = b"\r\n.\r\n"
    outbox.deliver(delivery.pk)
    assert state(delivery)[0] == "unknown"
    wire.cut_after_client = None
    for _ in range(4):
        Delivery.objects.filter(pk=delivery.pk, state="unknown").update(
            next_attempt_at=timezone.now() - timedelta(seconds=1)
        )
        outbox.inquire(delivery.pk)
        outbox.deliver(delivery.pk)
    assert state(delivery) == ("failed", "no_answer")
    assert len(smtp.mails) <= 1
    assert Entry.objects.filter(kind=Entry.Kind.FAILED).count() == 1
    wire.close()


def bounce_of(message_id: str, status: str, *, feedback: bool = False) -> bytes:
    kind = "feedback-report" if feedback else "delivery-status"
    report = (
        f"Feedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\nOriginal-Rcpt-To: {PATIENT}\r\n"
        if feedback
        else "Reporting-MTA: dns; mx.example.org\r\n\r\n"
        f"Final-Recipient: rfc822; {PATIENT}\r\nAction: failed\r\nStatus: {status}\r\n"
    )
    return (
        "From: Mail Delivery System <MAILER-DAEMON@example.org>\r\n"
        f"To: {ADDRESS}\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        "Return-Path: <>\r\nMessage-ID: <dsn@example.org>\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type={kind}; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n"
        f"--b\r\nContent-Type: message/{kind}\r\n\r\n{report}\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\n"
        f"From: {ADDRESS}\r\nTo: {PATIENT}\r\nSubject: Re: My tablets\r\n"
        f"Message-ID: {message_id}\r\n\r\nYou get more tomorrow.\r\n--b--\r\n"
    ).encode()


def test_a_bounce_comes_back_onto_the_delivery(post: Post, smtp: Smtp) -> None:
    delivery = answered(post)
    outbox.deliver(delivery.pk)
    raw = bounce_of(str(smtp.mails[0]["Message-ID"]), "5.1.1")
    assert message_from_bytes(raw, policy=default).get_content_type() == "multipart/report"
    take(raw, post.address)
    assert state(delivery) == ("failed", "5.1.1")
    assert MailMessage.objects.filter(kind="bounce").count() == 1
    assert Entry.objects.filter(kind=Entry.Kind.FAILED).count() == 1


def test_a_delay_is_no_failure(post: Post, smtp: Smtp) -> None:
    delivery = answered(post)
    outbox.deliver(delivery.pk)
    raw = bounce_of(str(smtp.mails[0]["Message-ID"]), "4.4.7").replace(b"failed", b"delayed", 1)
    take(raw.replace(b"Action: failed", b"Action: delayed"), post.address)
    assert state(delivery)[0] == "sent"


def test_who_complains_is_written_to_no_more(post: Post, smtp: Smtp) -> None:
    delivery = answered(post)
    outbox.deliver(delivery.pk)
    take(bounce_of(str(smtp.mails[0]["Message-ID"]), "", feedback=True), post.address)
    assert is_stopped(delivery.contact_point_id, "email")
