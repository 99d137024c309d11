"""Web sites that may carry the chat."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import transaction

from channels_app.chat.models import ChatSite
from channels_app.chat.origins import is_origin
from hub.conversations.actions.addresses import add_address, our_number
from hub.conversations.models import Channel
from hub.staff.models import Department


class NotASiteKey(ValueError):
    """A key is made of letters, digits, hyphens and underscores."""


class NotAnOrigin(ValueError):
    """An origin is a scheme and a host, such as https://www.clinic.example, and no more."""


@transaction.atomic
def add_site(
    key: str, *, label: str, department: Department, origins: list[str], text_number: str = ""
) -> ChatSite:
    """Return a new site.

    Args:
        key: what the script tag names it by; also in the address of its page.
        label: what staff read.
        department: who gets its chats.
        origins: the pages that may carry the widget; none: only the hub's own page.
        text_number: one of our numbers, offered to visitors while nobody is on duty.

    Raises:
        NotASiteKey, NotAnOrigin, AddressTaken, NotOurNumber, NotAnAddress.
    """
    try:
        validate_slug(key)
    except ValidationError as error:
        raise NotASiteKey from error
    origins = [origin.strip().lower().rstrip("/") for origin in origins]
    if not all(is_origin(origin) for origin in origins):
        raise NotAnOrigin
    number = our_number(text_number).value if text_number else ""
    address = add_address(Channel.CHAT, key, label, department)
    return ChatSite.objects.create(
        hub_address=address, key=key, allowed_origins=origins, text_number=number
    )
