"""Hand a conversation, or many, to a person or to another department."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from hub.console.gate import for_staff, own, user_of
from hub.console.hands import departments, people_of
from hub.console.head import Head, head_of
from hub.console.views.status import answer
from hub.conversations import access
from hub.conversations.actions import holder
from hub.conversations.errors import NotAllowed
from hub.conversations.models import Conversation
from hub.staff.models import Department, User

MOST_AT_ONCE = 500


@require_http_methods(["GET", "POST"])
@for_staff
def assign(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Offer people and departments; then hand over to the chosen one."""
    found = own(request, uuid)
    user = user_of(request)
    if request.method == "GET":
        context = {
            "head": head_of(found),
            "people": people_of([found.department_id], me=user),
            "departments": departments(without=found.department_id),
            "may_queue": found.holder_id is not None,
        }
        return render(request, "console/dialogs/assign.html", context)
    before, department = found.holder_id, found.department
    expected = _number(request.POST.get("expected", "")) if "expected" in request.POST else before
    kind, _colon, key = request.POST.get("to", "").partition(":")
    undo: dict[str, Any] = {"do": "undo-assign", "holder": before}
    if kind == "department":
        to_department = _one(Department, key)
        holder.move_to_department(found, to_department, by=user, reason="moved")
        found.refresh_from_db()
        undo |= {"department": str(department.uuid)}
        words = _("Moved to %(name)s") % {"name": to_department.name}
        return _after_move(request, found, user, words, undo)
    if kind == "queue":
        holder.assign(found, None, by=user, expected_holder_id=expected, reason="returned")
        return answer(request, found, _("Back in the queue"), undo=undo, leaves=True)
    to = _one(User, key)
    holder.assign(found, to, by=user, expected_holder_id=expected)
    words = _("It is yours") if to == user else _("Given to %(name)s") % {"name": to.name}
    return answer(request, found, words, undo=undo, leaves=to != user)


@require_http_methods(["POST"])
@for_staff
def undo_assign(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Give it back to whoever had it, if nobody else has taken it since."""
    found = own(request, uuid)
    user = user_of(request)
    key = request.POST.get("department", "")
    if key and str(found.department.uuid) != key:
        holder.move_to_department(found, _one(Department, key), by=user, reason="undo")
        found.refresh_from_db()
    before = _number(request.POST.get("holder", ""))
    if before != found.holder_id:
        to = User.objects.filter(pk=before).first() if before else None
        holder.assign(found, to, by=user, expected_holder_id=found.holder_id, reason="undo")
    return answer(request, found, _("As it was"))


@require_http_methods(["GET", "POST"])
@for_staff
def reassign(request: HttpRequest) -> HttpResponse:
    """Show what a mass reassignment would do, then do it; what changed since is listed."""
    user = user_of(request)
    if not user.is_supervisor:
        raise NotAllowed
    wanted = _chosen(request)
    found = list(
        access.own(user)
        .select_related("patient", "department", "holder", "contact_point")
        .filter(uuid__in=wanted)
        .exclude(status=Conversation.Status.RESOLVED)
        .order_by("pk")[:MOST_AT_ONCE]
    )
    heads = {one.pk: head_of(one) for one in found}
    if request.method == "GET":
        return _preview(request, user, found, heads)
    kind, _colon, key = request.POST.get("to", "").partition(":")
    to = _one(User, key) if kind == "person" else None
    planned = [holder.Planned(one.pk, wanted[one.uuid]) for one in found]
    done = holder.reassign_many(planned, to, by=user)
    context = {
        "moved": ngettext("%d conversation moved", "%d conversations moved", len(done.moved))
        % len(done.moved),
        "to": to,
        "changed": [heads[pk] for pk in done.changed],
        "gone": len(wanted) - len(found),
    }
    return render(request, "console/dialogs/reassigned.html", context)


def _preview(
    request: HttpRequest, user: User, found: list[Conversation], heads: dict[int, Head]
) -> HttpResponse:
    context = {
        "heads": list(heads.values()),
        "count": len(heads),
        "people": people_of({one.department_id for one in found}, me=user),
    }
    return render(request, "console/dialogs/reassign.html", context)


def _after_move(
    request: HttpRequest, found: Conversation, user: User, words: str, undo: dict[str, Any]
) -> JsonResponse:
    """After a move the person may see nothing of it any more: then the page only hears it went."""
    if access.visible_to(user).filter(pk=found.pk).exists():
        back = undo if access.may_answer(user, found) else None
        return answer(request, found, words, undo=back, leaves=True)
    return JsonResponse({"toast": words, "undo": None, "leaves": True, "gone": True})


def _chosen(request: HttpRequest) -> dict[UUID, int | None]:
    """Return the chosen conversations and who held each when it was chosen."""
    source = request.GET if request.method == "GET" else request.POST
    chosen: dict[UUID, int | None] = {}
    for text in source.getlist("conversation")[:MOST_AT_ONCE]:
        key, _colon, held = text.partition(":")
        try:
            chosen[UUID(key)] = _number(held)
        except ValueError:
            continue  # not one of ours: it is simply not among the chosen
    return chosen


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _one(model: Any, key: str) -> Any:
    """Return the row that a choice names; anything else is refused as not allowed."""
    try:
        return model.objects.get(uuid=UUID(key))
    except (ValueError, model.DoesNotExist) as error:
        raise NotAllowed from error
