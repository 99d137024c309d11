"""Which calls somebody may steer from the console: those they are in, or supervise."""

from typing import NoReturn
from uuid import UUID

from django.http import Http404, HttpRequest

from channels_app.voice.models import Call, Party
from hub.audit.record import AuditAction, record
from hub.console.gate import user_of
from hub.conversations import access


def my_call(request: HttpRequest, call: UUID) -> UUID:
    """Return the call if the person is in it, or was; else 404, and a row of the refusal.

    Whoever was in it a moment ago is told so by the action that they ask for.
    """
    if not Party.objects.filter(call__uuid=call, user=user_of(request)).exists():
        _refuse(request, call)
    return call


def supervised_call(request: HttpRequest, call: UUID) -> UUID:
    """Return the call if the person supervises its department; else 404, and a row of it."""
    user = user_of(request)
    theirs = Call.objects.filter(uuid=call, conversation__in=access.own(user).values("pk"))
    if not user.is_supervisor or not theirs.exists():
        _refuse(request, call)
    return call


def _refuse(request: HttpRequest, call: UUID) -> NoReturn:
    record(AuditAction.DENIED, actor=user_of(request), detail={"call": str(call)})
    raise Http404
