"""Messages and phones as the control API and the phone page show them."""

from __future__ import annotations

from typing import Any

from .store import Message, Phone, Store


def show_message(message: Message) -> dict[str, Any]:
    """A message as its phone shows it, with what became of it."""
    return {
        "sid": message.sid,
        "direction": "inbound" if message.inbound else "outbound",
        "phone": message.phone,
        "number": message.number,
        "channel": message.channel,
        "from": message.sender,
        "to": message.recipient,
        "body": message.shown_body,
        "media": [
            {
                "sid": media.sid,
                "content_type": media.content_type,
                "url": f"/simulator/media/{media.sid}",
                "bytes": len(media.content),
            }
            for media in message.media
        ],
        "status": message.status,
        "error_code": message.error_code,
        "handover": message.handover,
        "segments": message.segments,
        "on_screen": message.on_screen,
        "revision": message.revision,
        "at": (message.sent or message.created).isoformat(),
    }


def show_phone(store: Store, phone: Phone) -> dict[str, Any]:
    """A phone with the last line of its thread."""
    thread = store.thread(phone.e164)
    return {
        "e164": phone.e164,
        "label": phone.label,
        "on_desk": phone.on_desk,
        "messages": len(thread),
        "last": show_message(thread[-1]) if thread else None,
    }
