"""Accept what one is offered, or let the next person have it."""

from dataclasses import asdict
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from hub.audit.record import AuditAction, record
from hub.console.gate import for_staff, user_of
from hub.console.offers import cards_of, note_shown
from hub.console.templatetags.console import conversation_path
from hub.routing import offers
from hub.routing.errors import NoSuchOffer
from hub.routing.models import Offer
from hub.staff.models import User


@require_GET
@for_staff
def mine(request: HttpRequest) -> HttpResponse:
    """What the person is being offered now: for a page that was just loaded."""
    user = user_of(request)
    cards = cards_of(user, translation.get_language())
    note_shown(user, cards)
    return JsonResponse({"offers": [asdict(card) for card in cards]})


@require_POST
@for_staff
def accept(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Take what one was offered; whoever is too late is told so."""
    offer = _answer(offers.accept, request, uuid)
    conversation = offer.queue_entry.conversation
    return JsonResponse(
        {
            "conversation": str(conversation.uuid),
            "path": conversation_path(conversation.uuid),
            "toast": _("It is yours"),
        }
    )


@require_POST
@for_staff
def refuse(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Not now: the next person is asked."""
    _answer(offers.refuse, request, uuid)
    return HttpResponse(status=204)


class _Deed(Protocol):
    def __call__(self, offer: Offer | UUID, user: User, *, at: datetime) -> Offer: ...


def _answer(deed: _Deed, request: HttpRequest, uuid: UUID) -> Offer:
    """Answer the offer; an unknown one, or somebody else's, is not there, and that is on record."""
    try:
        return deed(uuid, user_of(request), at=timezone.now())
    except NoSuchOffer as error:
        record(AuditAction.DENIED, actor=user_of(request), detail={"offer": str(uuid)})
        raise Http404 from error
