"""Events that Twilio posts about lines, rooms and recordings: stored, then worked on at once."""

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from channels_app import inbox
from channels_app.twilio.webhooks import fields_of, from_twilio
from hub.conversations.models import Channel


def _take(request: HttpRequest, what: str, key: str, *tokens: str) -> HttpResponse:
    """Store the event with the tokens of our address, and work on it."""
    fields = fields_of(request)
    for token in tokens:
        given = request.GET.get(token, "")
        try:
            fields[token] = str(UUID(given)) if given else ""
        except ValueError:
            return HttpResponse(token, status=400)
    inbox.work(
        inbox.accept(settings.TWILIO_ACCOUNT_SID, f"{Channel.VOICE}.{what}", key[:128], fields)
    )
    return HttpResponse(status=204)


def _numbered(request: HttpRequest, of: str) -> str:
    """Return the key of an event in a row of numbered ones; status first, should it lack one."""
    post = request.POST
    state = post.get("CallStatus") or post.get("StatusCallbackEvent", "")
    return f"{post.get(of, '')}:{post.get('SequenceNumber', '')}:{state}"


@from_twilio("CallSid", "CA")
def status(request: HttpRequest) -> HttpResponse:
    """What became of a patient's line."""
    return _take(request, "status", _numbered(request, "CallSid"), "c")


@from_twilio("CallSid", "CA")
def party(request: HttpRequest) -> HttpResponse:
    """What became of an agent's, a guest's or a supervisor's line."""
    if not request.GET.get("p"):
        return HttpResponse("p", status=400)
    return _take(request, "party", _numbered(request, "CallSid"), "p")


@from_twilio("ConferenceSid", "CF")
def conference(request: HttpRequest) -> HttpResponse:
    """Who came into a room, and who left."""
    if not request.GET.get("c"):
        return HttpResponse("c", status=400)
    return _take(request, "conference", _numbered(request, "ConferenceSid"), "c")


@from_twilio("RecordingSid", "RE")
def recording(request: HttpRequest) -> HttpResponse:
    """What became of a recording."""
    if not request.GET.get("r"):
        return HttpResponse("r", status=400)
    key = f"{request.POST['RecordingSid']}:{request.POST.get('RecordingStatus', '')}"
    return _take(request, "recording", key, "r")


@from_twilio("CallSid", "CA")
def machine(request: HttpRequest) -> HttpResponse:
    """Whether a person answered a call out, or a machine."""
    key = f"{request.POST['CallSid']}:{request.POST.get('AnsweredBy', '')}"
    return _take(request, "machine", key, "c")
