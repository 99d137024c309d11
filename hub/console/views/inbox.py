"""The lists: the inbox page, more rows of it, and its counts."""

from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from hub.audit.record import AuditAction, record
from hub.console.drawn import row_html
from hub.console.gate import for_staff, user_of
from hub.conversations import lists
from hub.staff.models import User


@require_GET
@for_staff
def inbox(request: HttpRequest) -> HttpResponse:
    """The page with a list and no conversation chosen."""
    context = list_context(request)
    return render(request, "console/inbox.html", context | {"pane": "list", "page": "inbox"})


@require_GET
@for_staff
def rows(request: HttpRequest) -> HttpResponse:
    """A list as a fragment: its first rows, or with `after` the next ones."""
    context = list_context(request, after=request.GET.get("after") or None)
    template = "more_rows" if request.GET.get("after") else "rows"
    return render(request, f"console/partials/{template}.html", context)


@require_GET
@for_staff
def counts(request: HttpRequest) -> HttpResponse:
    """The tabs with their counts."""
    user = user_of(request)
    counted = lists.counts(user)
    context = {"counts": counted, "chosen": chosen_list(request, counted)}
    return render(request, "console/partials/list_counts.html", context)


def list_context(request: HttpRequest, *, after: str | None = None) -> dict[str, Any]:
    """Return what the list's templates need, and leave the one audit row of a list page."""
    user = user_of(request)
    is_whole_page = after is None and request.headers.get("HX-Request") != "true"
    counted = lists.counts(user) if is_whole_page else None
    chosen = chosen_list(request, counted)
    departments = lists.departments_of(user)
    try:
        page = lists.page_of(chosen, user, after=after, departments=departments)
    except lists.BadCursor as error:
        raise BadRequest from error
    _record(user, chosen, page)
    context: dict[str, Any] = {
        "rows": [row_html(row) for row in page.rows],
        "next_page": page.after,
        "chosen": chosen,
    }
    if counted is not None:
        context |= {
            "counts": counted,
            "unread_mine": counted.mine_unread,
            "department_ids": departments,
        }
    return context


def chosen_list(request: HttpRequest, counted: lists.Counts | None = None) -> str:
    """Return the list that the address names; else one's own, or while that is empty the team's.

    `counted` saves asking for the counts, where they are known.
    """
    wanted = request.GET.get("list", "")
    if wanted in lists.NAMES:
        return wanted
    counted = counted or lists.counts(user_of(request))
    return "mine" if counted.mine else "team"


def _record(user: User, chosen: str, page: lists.Page) -> None:
    record(
        AuditAction.VIEW_LIST,
        actor=user,
        objects=[row.id for row in page.rows],
        kind="conversations.Conversation",
        detail={"list": chosen},
    )
