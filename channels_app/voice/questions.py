"""Twilio's questions: what shall this line do next? The same step gets the same answer.

A question may come twice (its answer was lost, or a callback's retry overtook it). The document
that was given for a step is kept, so that the second asking has no second effect. If we cannot
answer, the caller still hears the emergency numbers and is forwarded (MODEL.md, Provider requests).
"""

from collections.abc import Callable

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from twilio.twiml.voice_response import VoiceResponse

from channels_app.twilio.webhooks import fields_of
from channels_app.voice import twiml
from channels_app.voice.models import Answer, Call, PhoneLine
from patients import contact_points

log = structlog.get_logger(__name__)

Fields = dict[str, str]
Work = Callable[[Call, Fields], VoiceResponse]


class UnknownCall(LookupError):
    """Twilio asks about a call that the hub never heard of."""


def answer_once(request: HttpRequest, step: str, work: Work) -> HttpResponse:
    """Answer from the document kept for `step` of this call, else by `work`, which is kept.

    `work` gets the call, locked with its contact point, inside the transaction that keeps the
    document: both happened, or neither.
    """

    def first_time(fields: Fields) -> str:
        return str(work(locked(fields["CallSid"]), fields))

    return keep(request, step, first_time)


def keep(request: HttpRequest, step: str, work: Callable[[Fields], str]) -> HttpResponse:
    """As `answer_once`, where there may be no call yet."""
    fields = fields_of(request)
    sid = fields["CallSid"]
    try:
        with transaction.atomic():
            _one_at_a_time(sid)
            kept = Answer.objects.filter(call_sid=sid, step=step).first()
            if kept is not None:
                return document(kept.body)
            body = work(fields)
            Answer.objects.create(call_sid=sid, step=step, body=body)
    except Exception:
        log.error("question_failed", step=step.partition(":")[0], exc_info=True)
        return sorry(fields)
    return document(body)


def answer_anew(request: HttpRequest, work: Work) -> HttpResponse:
    """Answer by `work`, which changes nothing, so that it may differ each time."""
    fields = fields_of(request)
    try:
        call = Call.objects.select_related("conversation").filter(sid=fields["CallSid"]).first()
        if call is None:
            raise UnknownCall
        return document(str(work(call, fields)))
    except Exception:
        log.error("question_failed", step="anew", exc_info=True)
        return sorry(fields)


def locked(sid: str) -> Call:
    """Return the call, locked, and its contact point before it (MODEL.md, Locks).

    Raises UnknownCall.
    """
    known = Call.objects.filter(sid=sid).values_list("pk", "contact_point_id").first()
    if known is None:
        raise UnknownCall
    return locked_by_id(*known)


def locked_by_id(call_id: int, contact_point_id: int | None = None) -> Call:
    """As `locked`, by our own id."""
    if contact_point_id is None:
        contact_point_id = Call.objects.values_list("contact_point_id", flat=True).get(pk=call_id)
    contact_points.lock(contact_point_id)
    return (
        # Not its key: routing writes parties of a call while it holds the conversation.
        Call.objects.select_for_update(of=("self",), no_key=True)
        .select_related("conversation", "leg", "hub_address")
        .get(pk=call_id)
    )


def document(body: str) -> HttpResponse:
    """Return TwiML as an answer."""
    return HttpResponse(body, content_type="text/xml")


def sorry(fields: Fields) -> HttpResponse:
    """Return the document for when we fail: the emergency numbers, and the line that still works.

    Which line that is comes from the settings, or from the database if it can be asked.
    """
    return document(str(twiml.fallback(_fallback_number(fields))))


def _fallback_number(fields: Fields) -> str:
    try:
        with transaction.atomic():
            line = PhoneLine.objects.filter(
                hub_address__channel="voice", hub_address__value=fields.get("To", "")
            ).first()
    except Exception:
        log.warning("fallback_number_unknown", exc_info=True)
        line = None
    return (line.fallback_number if line else "") or settings.VOICE_FALLBACK_NUMBER


def _one_at_a_time(sid: str) -> None:
    """Let a second asking about one call wait for the first; released at the end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [sid])
