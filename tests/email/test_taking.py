"""A mail finds its place: once, in the right conversation, and what is automatic asks nobody."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels_app.email.models import MailMessage
from channels_app.email.reply_address import conversation_of, reply_address
from channels_app.email.taking import take
from hub.conversations.models import Attachment, ContactEvent, Conversation, Entry
from hub.encryption.files import EncryptedFileStorage, binding
from hub.routing.models import QueueEntry
from tests.email.conftest import ADDRESS, PATIENT, Post, a_mail

pytestmark = pytest.mark.django_db


def only_conversation() -> Conversation:
    return Conversation.objects.get()


def test_a_mail_opens_a_conversation_that_waits(post: Post) -> None:
    taken = take(a_mail().as_bytes(), post.address)
    conversation = only_conversation()
    assert taken.outcome == "stored"
    assert taken.conversation == conversation.uuid
    assert conversation.department == post.department
    assert conversation.contact_point.value == PATIENT
    [entry] = conversation.entries.filter(kind=Entry.Kind.MESSAGE, author_kind="patient")
    assert entry.body == "My tablets\n\nI ran out of my tablets"
    assert entry.channel == "email"
    assert QueueEntry.objects.get().ended_at is None
    assert ContactEvent.objects.filter(kind="patient_message").count() == 1
    row = MailMessage.objects.get(direction="in")
    assert row.entry == entry
    with EncryptedFileStorage().open(row.raw_name, binding(row, "raw_name")) as file:
        assert b"I ran out of my tablets" in file.read()


def test_the_same_mail_again_is_one_entry(post: Post) -> None:
    mail = a_mail()
    first = take(mail.as_bytes(), post.address)
    copy = b"Received: from elsewhere by us; now\r\nDelivered-To: other@clinic.example\r\n"
    again = take(copy + mail.as_bytes(), post.address)
    assert again.outcome == "duplicate"
    assert again.conversation == first.conversation
    assert Entry.objects.filter(author_kind="patient").count() == 1


def test_another_mail_with_the_same_message_id_is_not_lost(post: Post) -> None:
    take(a_mail("One", Message_ID="<twice@example.org>").as_bytes(), post.address)
    take(a_mail("Two", Message_ID="<twice@example.org>").as_bytes(), post.address)
    assert Entry.objects.filter(author_kind="patient").count() == 2


def test_an_answer_to_the_signed_address_joins_its_conversation(post: Post) -> None:
    take(a_mail().as_bytes(), post.address)
    first = only_conversation()
    Conversation.objects.filter(pk=first.pk).update(status="resolved", resolved_at=timezone.now())
    first.legs.update(ended_at=timezone.now())
    to = reply_address(ADDRESS, first.pk)
    take(a_mail("Thank you", To=to, Subject="Re: My tablets").as_bytes(), post.address)
    assert only_conversation().status == "open"
    assert first.entries.filter(kind=Entry.Kind.MESSAGE).last().body == "Thank you"


def test_an_answer_goes_where_it_belongs_and_not_where_the_address_last_was(post: Post) -> None:
    first_mail = a_mail("One", Message_ID="<one@example.org>")
    take(first_mail.as_bytes(), post.address)
    first = only_conversation()
    other = Conversation.objects.create(
        department=post.department,
        channel="email",
        contact_point=first.contact_point,
        opened_at=timezone.now(),
        last_entry_at=timezone.now(),
    )
    first.legs.update(ended_at=timezone.now())
    other.legs.create(
        channel="email",
        contact_point=first.contact_point,
        hub_address=post.address,
        opened_at=timezone.now(),
    )
    take(
        a_mail("About the first", In_Reply_To="<one@example.org>", Subject="Re").as_bytes(),
        post.address,
    )
    assert first.entries.filter(author_kind="patient").count() == 2
    assert not other.entries.filter(author_kind="patient").exists()
    open_legs = first.contact_point.legs.filter(ended_at=None)
    assert [leg.conversation_id for leg in open_legs] == [first.pk]


def test_a_stranger_who_answers_a_thread_is_shown_nothing_of_it(post: Post) -> None:
    take(a_mail(Message_ID="<one@example.org>").as_bytes(), post.address)
    first = only_conversation()
    for stranger in (
        a_mail("I found this", From="eve@example.net", References="<one@example.org>"),
        a_mail("And this", From="eve@example.net", To=reply_address(ADDRESS, first.pk)),
    ):
        take(stranger.as_bytes(), post.address)
    assert first.entries.filter(author_kind="patient").count() == 1
    new = Conversation.objects.exclude(pk=first.pk).get()
    entries = new.entries.filter(author_kind="patient").order_by("number")
    assert [one.detail["refers_to"] for one in entries] == [str(first.uuid)] * 2


def test_a_forged_reply_address_names_nothing(post: Post) -> None:
    take(a_mail().as_bytes(), post.address)
    good = reply_address(ADDRESS, only_conversation().pk)
    assert conversation_of(ADDRESS, good.upper()) == only_conversation().pk
    for place in range(len(ADDRESS.split("@")[0]) + 3, good.index("@")):
        changed = "a" if good[place] != "a" else "b"
        forged = good[:place] + changed + good[place + 1 :]
        assert conversation_of(ADDRESS, forged) != only_conversation().pk
    assert conversation_of("other@clinic.example", good) is None
    assert conversation_of(ADDRESS, ADDRESS) is None


@pytest.mark.parametrize(
    "header",
    [{"Auto_Submitted": "auto-replied"}, {"List_Id": "<news.example.net>"}],
    ids=["auto-reply", "list"],
)
def test_what_is_automatic_is_on_record_and_asks_nobody(post: Post, header) -> None:
    take(a_mail("I am away", **header).as_bytes(), post.address)
    conversation = only_conversation()
    assert conversation.status == "resolved"
    assert not QueueEntry.objects.exists()
    assert not Entry.objects.filter(author_kind="automatic").exists(), "never answered"
    assert not ContactEvent.objects.filter(kind="patient_message").exists()
    assert conversation.last_message_number == 0, "no unread mark"


def test_an_automatic_answer_reopens_nothing(post: Post) -> None:
    take(a_mail(Message_ID="<one@example.org>").as_bytes(), post.address)
    first = only_conversation()
    QueueEntry.objects.all().delete()
    Conversation.objects.filter(pk=first.pk).update(status="resolved", resolved_at=timezone.now())
    away = a_mail("Away", Auto_Submitted="auto-replied", In_Reply_To="<one@example.org>")
    take(away.as_bytes(), post.address)
    assert only_conversation().status == "resolved"
    assert first.entries.filter(kind="message", author_kind="patient").count() == 2


def test_our_own_mail_that_comes_back_is_a_loop(post: Post) -> None:
    take(a_mail("Hello", From=ADDRESS).as_bytes(), post.address)
    assert not QueueEntry.objects.exists()


def test_a_mail_without_a_sender_is_stored_and_cannot_be_answered(post: Post) -> None:
    taken = take(a_mail(From="").as_bytes(), post.address)
    assert taken.outcome == "stored"
    assert only_conversation().contact_point.system == "visitor"


def test_files_come_along_and_what_may_not_pass_is_seen(post: Post) -> None:
    mail = a_mail()
    png = b"\x89PNG\r\n\x1a\n" + b"\0" * 32
    mail.add_attachment(png, maintype="image", subtype="png", filename="rash.png")
    program = b"MZ" + b"\0" * 64
    mail.add_attachment(program, maintype="application", subtype="x-exe", filename="a.exe")
    take(mail.as_bytes(), post.address)
    files = Attachment.objects.order_by("position")
    assert [(one.state, one.reason) for one in files] == [
        ("stored", ""),
        ("refused", "type_not_allowed"),
    ]
    assert files[1].file_name == "a.exe"


def test_what_cannot_be_read_is_on_record_with_its_bytes(post: Post) -> None:
    taken = take(b"", post.address)
    assert (taken.outcome, bool(taken.reason)) == ("refused", True)
    assert take(b"", post.address).outcome == "refused"
    assert MailMessage.objects.get().refused == taken.reason


def test_old_mail_is_on_record_and_no_more(post: Post) -> None:
    then = timezone.now() - timedelta(days=400)
    old = a_mail(Date=then.strftime("%a, %d %b %Y %H:%M:%S +0000"), Message_ID="<old@example.org>")
    taken = take(old.as_bytes(), post.address, historical=True)
    conversation = only_conversation()
    assert taken.outcome == "stored"
    assert (conversation.status, conversation.last_message_number) == ("resolved", 0)
    assert abs(conversation.entries.get().at - then) < timedelta(minutes=2)
    assert not QueueEntry.objects.exists()
    assert not ContactEvent.objects.exists()
    # What answers it stands with it, and does not open it again.
    answer = a_mail("Chest pain, help", In_Reply_To="<old@example.org>")
    take(answer.as_bytes(), post.address, historical=True)
    conversation = only_conversation()
    assert (conversation.status, conversation.priority) == ("resolved", 0)
    assert conversation.entries.count() == 2
    assert not ContactEvent.objects.exists()


def test_old_mail_does_not_stand_among_what_goes_on_now(post: Post) -> None:
    take(a_mail("Now").as_bytes(), post.address)
    live = only_conversation()
    revision = live.last_number
    take(a_mail("Then").as_bytes(), post.address, historical=True)
    live.refresh_from_db()
    assert (live.status, live.last_number) == ("open", revision)
    assert Conversation.objects.count() == 2
