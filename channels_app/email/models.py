"""Our mailboxes, and each mail that came to them or went out."""

from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from hub.encryption.fields import EncryptedJSONField, EncryptedTextField


class Mailbox(models.Model):
    """How the mail of one of our addresses is fetched and sent.

    A password, or an OAuth2 refresh token with the client it was given to (RFC 6749, section 6).
    """

    class Security(models.TextChoices):
        TLS = "tls", _("TLS from the start")
        STARTTLS = "starttls", _("STARTTLS")
        NONE = "none", _("None (only on this machine)")

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    hub_address = models.OneToOneField(
        "conversations.HubAddress", on_delete=models.PROTECT, related_name="mailbox"
    )
    from_name = models.CharField(max_length=80, blank=True)
    signature = models.TextField(blank=True)
    imap_host = models.CharField(max_length=253, blank=True)
    imap_port = models.PositiveIntegerField(default=993)
    imap_security = models.CharField(max_length=8, choices=Security.choices, default=Security.TLS)
    imap_folder = models.CharField(max_length=120, default="INBOX")
    smtp_host = models.CharField(max_length=253, blank=True)
    smtp_port = models.PositiveIntegerField(default=465)
    smtp_security = models.CharField(max_length=8, choices=Security.choices, default=Security.TLS)
    user = models.CharField(max_length=254, blank=True)
    password = EncryptedTextField(blank=True, default="")
    oauth_token_url = models.URLField(blank=True)
    oauth_client_id = models.CharField(max_length=254, blank=True)
    oauth_client_secret = EncryptedTextField(blank=True, default="")
    oauth_refresh_token = EncryptedTextField(blank=True, default="")
    is_on = models.BooleanField(default=True)
    # How far the folder was read: UIDs grow within one UIDVALIDITY (RFC 3501, section 2.3.1.1).
    uid_validity = models.BigIntegerField(null=True, blank=True)
    last_uid = models.BigIntegerField(default=0)
    fetched_at = models.DateTimeField(null=True, blank=True)
    # Why the last try did not work: a code, no words of the server.
    failure = models.CharField(max_length=32, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(imap_security="none") | Q(imap_host__in=["", "127.0.0.1", "::1"]),
                name="imap_in_the_clear_on_this_machine_only",
                violation_error_message=_("Without TLS mail is fetched on this machine only."),
            ),
            models.CheckConstraint(
                condition=~Q(smtp_security="none") | Q(smtp_host__in=["", "127.0.0.1", "::1"]),
                name="smtp_in_the_clear_on_this_machine_only",
                violation_error_message=_("Without TLS mail is sent on this machine only."),
            ),
        ]

    def __str__(self) -> str:
        return f"mailbox {self.pk}"


class MailMessage(models.Model):
    """One mail: what its line in the timeline does not hold, and by what others answer it."""

    encrypted_files = ("raw_name",)

    class Direction(models.TextChoices):
        IN = "in"
        OUT = "out"

    class Kind(models.TextChoices):
        MESSAGE = "message", _("Message")
        AUTO_REPLY = "auto_reply", _("Automatic reply")
        BOUNCE = "bounce", _("Could not be delivered")
        LIST = "list", _("Mailing list")

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    direction = models.CharField(max_length=3, choices=Direction.choices)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.MESSAGE)
    hub_address = models.ForeignKey(
        "conversations.HubAddress", on_delete=models.PROTECT, related_name="+"
    )
    conversation = models.ForeignKey(
        "conversations.Conversation",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="mails",
    )
    entry = models.OneToOneField(
        "conversations.Entry", null=True, blank=True, on_delete=models.PROTECT, related_name="mail"
    )
    # The SHA-256 of its Message-ID: it names a machine and, with some programs, a person.
    id_digest = models.BinaryField(max_length=32)
    # The same mail, however often and by whichever way it comes.
    key = models.BinaryField(max_length=32)
    message_id = EncryptedTextField(blank=True, default="")
    subject = EncryptedTextField(blank=True, default="")
    quoted = EncryptedTextField(blank=True, default="")
    html = EncryptedTextField(blank=True, default="")
    # By the Content-ID that the HTML names a picture with: which attachment it is.
    inline = EncryptedJSONField(blank=True, default=dict)
    has_remote_images = models.BooleanField(default=False)
    raw_name = models.CharField(max_length=32, blank=True)
    historical = models.BooleanField(default=False)
    # Why it is on record but in no conversation: a code.
    refused = models.CharField(max_length=32, blank=True)
    at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key"], name="one_mail_a_key"),
            models.CheckConstraint(
                condition=Q(refused="", conversation__isnull=False) | ~Q(refused=""),
                name="mail_is_in_a_conversation_or_refused",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["id_digest"], name="mail_by_message_id"),
        ]

    def __str__(self) -> str:
        return f"mail {self.pk}"
