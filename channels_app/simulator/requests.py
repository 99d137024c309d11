"""What the control API reads of a request, and how it says no."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from .settings import E164

#: The largest upload (bytes) of one request: pictures.
LARGEST_REQUEST = 12 * 1024 * 1024


class Refused(Exception):
    """The control API cannot do what was asked; answered 400 or the given status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


async def fields_of(request: Request) -> dict[str, Any]:
    """The fields of a JSON body; none without a body.

    Raises:
        Refused: when it is too large or no JSON object.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_REQUEST:
            raise Refused("too large", 413)
    if not body:
        return {}
    try:
        fields = json.loads(bytes(body))
    except ValueError:
        raise Refused("the body is JSON") from None
    if not isinstance(fields, dict):
        raise Refused("the body is a JSON object")
    return fields


def e164_of(text: Any) -> str:
    """A phone number.

    Raises:
        Refused: when it is none.
    """
    if not isinstance(text, str) or not E164.fullmatch(text):
        raise Refused("a number in E.164 form is needed, such as +15550100142")
    return text
