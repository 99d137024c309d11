"""One conversation: its page, older lines, and what a person does with it as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from hub.audit.record import AuditAction, record
from hub.console.drawn import entry_html, row_html
from hub.console.gate import for_staff, is_fragment, user_of, visible
from hub.console.head import head_of
from hub.console.panel import panel_of
from hub.console.routes import legs_of, routes_of
from hub.console.templatetags.console import day_of, label_of_day
from hub.console.views.inbox import list_context
from hub.console.who import candidates_of
from hub.conversations import timeline
from hub.conversations.models import Conversation, Draft
from hub.conversations.rows import rows_of
from hub.conversations.timeline import EntryLine
from hub.staff.models import User


@dataclass(frozen=True, slots=True)
class Placed:
    """A line with what stands around it: a day before it, the "new" rule, no name of its own."""

    line: EntryLine
    day: str
    is_first_unread: bool
    html: SafeString


@require_GET
@for_staff
def conversation(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The page of a conversation; for a script, the two panes that change."""
    found = visible(request, uuid)
    user = user_of(request)
    record(AuditAction.VIEW_CONVERSATION, actor=user, conversation=found, patient=found.patient_id)
    context = conversation_context(found, user)
    if is_fragment(request):
        return render(request, "console/partials/opened.html", context)
    context |= list_context(request) | {"pane": "conversation", "page": "inbox"}
    return render(request, "console/conversation.html", context)


@require_GET
@for_staff
def entries(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The lines before a number, for scrolling up."""
    found = visible(request, uuid)
    before = request.GET.get("before", "")
    if not before.isdecimal():
        return HttpResponse(status=400)
    page = timeline.page(found, before=int(before))
    _record_lines(request, found, page.lines)
    context = {
        "entries": placed(page.lines, None, user_of(request), head_of(found).who),
        "older_before": page.older_before,
    }
    return render(request, "console/partials/older.html", context)


@require_GET
@for_staff
def head(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The head alone, after something changed."""
    found = visible(request, uuid)
    _record_lines(request, found, ())
    return render(request, "console/partials/conversation_head.html", {"head": head_of(found)})


@require_GET
@for_staff
def changes(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """What changed since a revision: the page asks after it did something, socket or not."""
    found = visible(request, uuid)
    since = request.GET.get("since", "")
    if not since.isdecimal():
        return HttpResponse(status=400)
    return JsonResponse(changed(found, int(since), request))


def changed(found: Conversation, since: int, request: HttpRequest) -> dict[str, Any]:
    """Return the head and the lines that have a higher revision than `since`, as fragments."""
    found = Conversation.objects.select_related(
        "patient", "department", "holder", "contact_point"
    ).get(pk=found.pk)
    changes = timeline.changed_since(found.pk, since)
    _record_lines(request, found, changes.lines)
    user, shown = user_of(request), head_of(found)
    return {
        "revision": found.revision,
        "head": render_to_string("console/partials/conversation_head.html", {"head": shown}),
        "entries": [
            {
                "number": line.number,
                "revision": line.revision,
                "html": entry_html(line, viewer_id=user.pk, who=shown.who),
            }
            for line in changes.lines
        ],
        "row": row_html(rows_of([found.pk], user.pk)[found.pk]),
        "is_complete": changes.is_complete,
    }


def _record_lines(request: HttpRequest, found: Conversation, lines: Sequence[EntryLine]) -> None:
    """A piece of a conversation is a reading as the whole is: which lines, and of whom."""
    record(
        AuditAction.VIEW_CONVERSATION,
        actor=user_of(request),
        conversation=found,
        patient=found.patient_id,
        detail={"by": "script", "numbers": [line.number for line in lines]},
    )


def conversation_context(found: Conversation, user: User) -> dict[str, Any]:
    """Return what the panes of a conversation need."""
    level = "own" if is_own(found) else "read"
    page = timeline.page(found, user_id=user.pk)
    legs = legs_of(found) if level == "own" else []
    points = [leg.contact_point for leg in legs]
    pane, standings = panel_of(found, user, may_edit=level == "own", more=points)
    shown = head_of(found)
    context: dict[str, Any] = {
        "head": shown,
        "level": level,
        "held": _held(found, user),
        "entries": placed(page.lines, page.first_unread, user, shown.who),
        "older_before": page.older_before,
        "panel": pane,
    }
    if level == "own":
        draft = Draft.objects.filter(user=user, conversation=found).first()
        routes = routes_of(found, legs, standings)
        chosen = _chosen_route(routes, draft)
        context |= {
            "draft": draft,
            "routes": routes,
            "chosen_route": chosen,
            "chosen_leg": chosen.leg if chosen else None,
            "candidates": candidates_of(found),
        }
    return context


def is_own(found: Conversation) -> bool:
    """Whether the person may answer here, as `gate.visible` asked along with the conversation."""
    return str(found.level) == "own"  # type: ignore[attr-defined]


def placed(
    lines: Sequence[EntryLine], first_unread: int | None, user: User, who: str
) -> list[Placed]:
    """Draw each line, with what stands before it: a day, the "new" rule, the same author still."""
    result: list[Placed] = []
    before: EntryLine | None = None
    last_day: date | None = None
    for line in lines:
        day = day_of(line.at)
        is_unread = line.number == first_unread
        continued = day == last_day and not is_unread and _continues(before, line)
        result.append(
            Placed(
                line=line,
                day=label_of_day(day) if day != last_day else "",
                is_first_unread=is_unread,
                html=entry_html(line, viewer_id=user.pk, who=who, continued=continued),
            )
        )
        before, last_day = line, day
    return result


_GROUP_SECONDS = 300
"""Lines of one author closer than this share one name."""


def _continues(before: EntryLine | None, line: EntryLine) -> bool:
    return (
        before is not None
        and line.kind == before.kind == "message"
        and not line.is_masked
        and not before.is_masked
        and line.author_kind == before.author_kind
        and line.author_id == before.author_id
        and line.channel == before.channel
        and (line.at - before.at).total_seconds() < _GROUP_SECONDS
    )


def _held(found: Conversation, user: User) -> str:
    if found.holder_id is None:
        return "nobody"
    return "me" if found.holder_id == user.pk else "other"


def _chosen_route(routes: Sequence[Any], draft: Draft | None) -> Any:
    usable = [route for route in routes if route.is_usable]
    if draft is not None and draft.channel:
        usable.sort(key=lambda route: route.channel != draft.channel)
    return usable[0] if usable else None
