"""Lists in pages, as the 2010 API gives them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from . import errors
from .rest import Call

LARGEST_PAGE = 1000
DEFAULT_PAGE = 50

Item = TypeVar("Item")


def page_of(
    call: Call, name: str, wanted: Sequence[Item], show: Callable[[Item], dict[str, Any]]
) -> Response:
    """Answer one page of a list: ``PageSize`` and ``Page`` of the query choose it."""
    size, page = _whole(call, "PageSize", DEFAULT_PAGE), _whole(call, "Page", 0)
    if not 1 <= size <= LARGEST_PAGE:
        raise errors.invalid_parameter("PageSize is between 1 and 1000")
    start = page * size
    shown = wanted[start : start + size]
    more = start + size < len(wanted)
    return JSONResponse(
        {
            name: [show(item) for item in shown],
            "page": page,
            "page_size": size,
            "start": start,
            "end": max(start, start + len(shown) - 1),
            "uri": _page_uri(call, page, size),
            "first_page_uri": _page_uri(call, 0, size),
            "next_page_uri": _page_uri(call, page + 1, size) if more else None,
            "previous_page_uri": _page_uri(call, page - 1, size) if page else None,
        }
    )


def _whole(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, str(default))
    if not text.isdecimal():
        raise errors.invalid_parameter(f"{name} is not a number")
    return int(text)


def _page_uri(call: Call, page: int, size: int) -> str:
    fields = {k: v for k, v in call.query.items() if k not in {"Page", "PageSize", "PageToken"}}
    fields |= {"PageSize": str(size), "Page": str(page)}
    return f"{call.request.url.path}?{urlencode(fields)}"
