"""What goes out by mail: the headers that keep a thread together, and the words in two forms."""

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr

from django.utils.html import escape

from channels_app.email.models import Mailbox, MailMessage
from channels_app.email.reply_address import reply_address
from channels_app.secure.outgoing import words_of
from hub.conversations.models import Attachment, Delivery, Entry
from hub.encryption.files import EncryptedFileStorage, binding

#: So many of the thread's mails are named as references (RFC 5322, section 3.6.4).
MOST_REFERENCES = 20
_LONGEST_SUBJECT = 150


def message_id(delivery: Delivery) -> str:
    """Return the Message-ID of a delivery: the same each time, so that a second copy is known."""
    domain = delivery.hub_address.value.rpartition("@")[2]
    return f"<{delivery.uuid}@{domain}>"


def compose(delivery: Delivery, mailbox: Mailbox) -> EmailMessage:
    """Return the mail of a delivery.

    A person's answer and an automatic one differ in their headers: nobody's machine is to answer
    the latter (RFC 3834, section 5).
    """
    entry = delivery.entry
    assert entry is not None
    # Of a secure message the mail says only that it waits, and its subject nothing of it.
    outgoing = words_of(delivery)
    thread = _thread(entry)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = formataddr((mailbox.from_name, delivery.hub_address.value))
    mail["To"] = delivery.contact_point.value
    mail["Reply-To"] = formataddr(
        (mailbox.from_name, reply_address(delivery.hub_address.value, entry.conversation_id))
    )
    mail["Subject"] = outgoing.subject or _subject(thread, mailbox)
    mail["Date"] = format_datetime(entry.at)
    mail["Message-ID"] = message_id(delivery)
    named = [one.message_id for one in reversed(thread) if one.message_id]
    if named:
        mail["In-Reply-To"] = named[-1]
        mail["References"] = " ".join(named)
    if entry.author_kind == Entry.Author.AUTOMATIC:
        mail["Auto-Submitted"] = "auto-replied"
        mail["X-Auto-Response-Suppress"] = "All"
        mail["Precedence"] = "bulk"
    text = outgoing.body
    if mailbox.signature and entry.author_kind == Entry.Author.STAFF:
        text = f"{text}\n\n-- \n{mailbox.signature}"
    mail.set_content(text)
    mail.add_alternative(_html(text), subtype="html")
    for attachment in outgoing.attachments:
        _attach(mail, attachment)
    return mail


def _thread(entry: Entry) -> list[MailMessage]:
    """Return the mails before this one in its conversation, the youngest first."""
    before = MailMessage.objects.filter(
        conversation_id=entry.conversation_id, entry__number__lt=entry.number
    ).exclude(kind=MailMessage.Kind.BOUNCE)
    return list(before.order_by("-entry__number")[:MOST_REFERENCES])


def _subject(thread: list[MailMessage], mailbox: Mailbox) -> str:
    """Return the subject: the patient's own, or one that tells nothing of what it is about."""
    for one in thread:
        subject = " ".join(one.subject.split())
        if subject:
            begins = subject.lower().startswith("re:")
            return (subject if begins else f"Re: {subject}")[:_LONGEST_SUBJECT]
    return mailbox.from_name or mailbox.hub_address.label


def _html(text: str) -> str:
    paragraphs = "".join(
        f"<p>{'<br>'.join(escape(line) for line in part.splitlines())}</p>"
        for part in text.split("\n\n")
    )
    return (
        f'<!doctype html><html><head><meta charset="utf-8"></head><body>{paragraphs}</body></html>'
    )


def _attach(mail: EmailMessage, attachment: Attachment) -> None:
    with EncryptedFileStorage().open(
        attachment.storage_name, binding(attachment, "storage_name")
    ) as file:
        content = file.read()
    main, _slash, sub = (attachment.content_type or "application/octet-stream").partition("/")
    mail.add_attachment(content, maintype=main, subtype=sub, filename=attachment.file_name or None)
