"""Which conversation a mail answers: by the signed reply address, else by the mail it refers to.

Never by its subject. Who answers must belong to the conversation: in health care a wrong thread is
a disclosure. Otherwise it is a contact of its own, with a pointer to what it refers to.
"""

import hashlib
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from channels_app.email.models import MailMessage
from channels_app.email.reading import Mail
from channels_app.email.reply_address import conversation_of
from hub.conversations.models import Conversation
from patients.models import ContactPoint, ContactPointLink
from patients.survivors import record_ids

#: So many of the mails that one refers to are looked up, the nearest first.
MOST_REFERENCES = 50


@dataclass(frozen=True, slots=True)
class Thread:
    """What a mail answers.

    Attributes:
        conversation_id: the conversation that its sender belongs to.
        pointer_id: one that it refers to, although its sender does not belong to it, or it is over.
    """

    conversation_id: int | None = None
    pointer_id: int | None = None


def digest(message_id: str) -> bytes:
    """Return by what a Message-ID is found."""
    return hashlib.sha256(message_id.encode("utf-8", "replace")).digest()


def thread_of(
    mail: Mail, mailbox: str, sender: ContactPoint, *, historical: bool = False
) -> Thread:
    """Return what `mail`, which came to `mailbox`, answers.

    What was resolved longer ago than the reopening window is answered in a contact of its own.

    Args:
        mail: the mail.
        mailbox: our address, in normal form.
        sender: the address that it came from, locked.
        historical: from before the hub: it stands with what it answers, however long that is over.
    """
    found = _by_address(mail, mailbox) or _by_reference(mail)
    if found is None:
        return Thread()
    conversation = Conversation.objects.filter(pk=found).first()
    if conversation is None:
        return Thread()
    if _belongs(sender, conversation) and (historical or not _is_over(conversation)):
        return Thread(conversation_id=conversation.pk)
    return Thread(pointer_id=conversation.pk)


def _by_address(mail: Mail, mailbox: str) -> int | None:
    for address in (*mail.delivered_to, *mail.to, *mail.cc):
        found = conversation_of(mailbox, address)
        if found is not None:
            return found
    return None


def _by_reference(mail: Mail) -> int | None:
    """Return the conversation of the nearest mail it refers to that we sent or got."""
    named = list(dict.fromkeys((*mail.in_reply_to, *reversed(mail.references))))
    digests = [digest(one) for one in named[:MOST_REFERENCES]]
    if not digests:
        return None
    known: dict[bytes, int] = {}
    rows = MailMessage.objects.filter(id_digest__in=digests, conversation__isnull=False).order_by(
        "-id"
    )
    for row_digest, conversation_id in rows.values_list("id_digest", "conversation_id"):
        # A Message-ID that two mails have tells nothing certain: the first of them counts.
        known[bytes(row_digest)] = conversation_id
    return next((known[one] for one in digests if one in known), None)


def _is_over(conversation: Conversation) -> bool:
    """Whether it was resolved, and longer ago than it may be reopened."""
    return conversation.status == Conversation.Status.RESOLVED and (
        conversation.resolved_at is None
        or timezone.now() - conversation.resolved_at > settings.REOPENING_WINDOW
    )


def _belongs(sender: ContactPoint, conversation: Conversation) -> bool:
    """Whether an address takes part in a conversation, or is a verified one of its patient."""
    if conversation.legs.filter(contact_point=sender).exists():
        return True
    if conversation.patient_id is None:
        return False
    return ContactPointLink.objects.filter(
        contact_point=sender,
        patient_id__in=record_ids(conversation.patient_id),
        verified_at__isnull=False,
        until__isnull=True,
    ).exists()
