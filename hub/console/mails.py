"""A mail as it came: what was quoted, and its own look, safe to be shown."""

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from channels_app.email.models import MailMessage
from hub.conversations import access
from hub.conversations.models import Attachment
from hub.encryption.files import EncryptedFileStorage, binding
from hub.staff.models import User

#: Pictures of the mail itself are put into its page, up to so many bytes in all.
MOST_INLINE_BYTES = 4 * 1024 * 1024

_INLINE = re.compile(r'src="cid:([^"]{1,250})"')
_REMOTE = re.compile(r'\bdata-remote-src="(https?://[^"]*)"')


@dataclass(frozen=True, slots=True)
class Whole:
    """What the page of a mail shows."""

    uuid: UUID
    conversation: UUID
    subject: str
    text: str
    quoted: str
    at: datetime
    kind: str
    kind_label: str
    has_html: bool
    has_remote_images: bool


def readable(user: User, uuid: UUID) -> MailMessage | None:
    """Return the mail, if `user` may read the conversation that it stands in."""
    return (
        MailMessage.objects.select_related("entry__conversation")
        .filter(
            uuid=uuid,
            entry__erased_at=None,
            entry__moved_to=None,
            entry__conversation__in=access.visible_to(user).values("pk"),
        )
        .first()
    )


def whole(mail: MailMessage) -> Whole:
    """Return what the page of a mail shows."""
    assert mail.entry is not None
    return Whole(
        uuid=mail.uuid,
        conversation=mail.entry.conversation.uuid,
        subject=mail.subject,
        text=mail.entry.body,
        quoted=mail.quoted,
        at=mail.at,
        kind=mail.kind,
        kind_label=str(MailMessage.Kind(mail.kind).label),
        has_html=bool(mail.html),
        has_remote_images=mail.has_remote_images,
    )


def page_of(mail: MailMessage, *, with_remote_images: bool) -> str:
    """Return the mail's own HTML for a sandboxed frame; it was cleaned when it came.

    Pictures that came along are put in. Those that lie elsewhere tell their owner that the mail was
    opened, and by whom: they are left out until somebody asks for them.
    """
    html = _with_own_pictures(mail)
    if with_remote_images:
        html = _REMOTE.sub(r'src="\1"', html)
    head = '<meta charset="utf-8"><base target="_blank">'
    return f"<!doctype html><html><head>{head}</head><body>{html}</body></html>"


def _with_own_pictures(mail: MailMessage) -> str:
    inline = mail.inline
    if not inline or mail.entry is None:
        return mail.html
    named = {name for name in _INLINE.findall(mail.html) if name in inline}
    found = Attachment.objects.filter(
        uuid__in=[inline[name] for name in named],
        state=Attachment.State.STORED,
        content_type__startswith="image/",
        entry=mail.entry,
    )
    pictures: dict[str, str] = {}
    left = MOST_INLINE_BYTES
    for one in found:
        if one.size <= left:
            left -= one.size
            pictures[str(one.uuid)] = _as_data(one)

    def put(match: re.Match[str]) -> str:
        data = pictures.get(inline.get(match[1], ""))
        return f'src="{data}"' if data else ""

    return _INLINE.sub(put, mail.html)


def _as_data(attachment: Attachment) -> str:
    with EncryptedFileStorage().open(
        attachment.storage_name, binding(attachment, "storage_name")
    ) as file:
        return f"data:{attachment.content_type};base64,{base64.b64encode(file.read()).decode()}"
