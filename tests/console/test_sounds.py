"""Sound in the timeline: who may hear it, from any place in it, and what the trail says of it."""

import re
from io import BytesIO
from wave import open as open_wave

import pytest
from django.test import Client
from django.urls import reverse

from channels_app.files import accept_bytes
from channels_app.voice.models import Call, Recording
from hub.audit.models import AuditEvent
from hub.console.views import sounds
from hub.conversations.models import Attachment
from tests.console.conftest import Desk

#: More than two pieces of an encrypted file, so that seeking crosses their borders.
FRAMES = 80_000


def wave() -> bytes:
    """A file of FRAMES samples, no two seconds of which are alike."""
    file = BytesIO()
    with open_wave(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(b"".join((n % 32_000).to_bytes(2, "little") for n in range(FRAMES)))
    return file.getvalue()


@pytest.fixture
def sound(desk: Desk) -> Attachment:
    entry = desk.receive("listen").entries.get(kind="message", author_kind="patient")
    file = accept_bytes([wave()], "message.wav")
    return Attachment.objects.create(
        uuid=file.uuid,
        entry=entry,
        state=Attachment.State.STORED,
        content_type=file.content_type,
        size=file.size,
        storage_name=file.storage_name,
        file_name=file.file_name,
    )


@pytest.fixture
def recording(sound: Attachment, monkeypatch: pytest.MonkeyPatch) -> Attachment:
    """The same, of a kind that is played for a reason only."""
    monkeypatch.setattr(sounds, "WITH_A_REASON", frozenset((sound.entry.kind,)))
    return sound


def url(name: str, sound: Attachment) -> str:
    return reverse(f"console:{name}", args=[sound.uuid])


def body(response) -> bytes:
    return b"".join(response.streaming_content)


def played() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action="play_recording").order_by("id"))


def test_a_sound_is_played_whole_and_inline(client: Client, desk: Desk, sound: Attachment) -> None:
    client.force_login(desk.agent)
    response = client.get(url("sound", sound))
    assert (response.status_code, response["Content-Type"]) == (200, "audio/x-wav")
    assert body(response) == wave()
    assert response["Accept-Ranges"] == "bytes"
    assert response["Content-Disposition"] == "inline"
    assert "sandbox" in response["Content-Security-Policy"]
    assert response["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-", "bytes=0-1", "bytes=65530-65545", "bytes=131000-", "bytes=-17", "bytes=9-9999999"],
)
def test_a_browser_seeks_in_it(client: Client, desk: Desk, sound: Attachment, asked: str) -> None:
    client.force_login(desk.agent)
    response = client.get(url("sound", sound), headers={"Range": asked})
    assert response.status_code == 206
    whole = wave()
    first, last, size = (
        int(n) for n in re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response["Content-Range"]).groups()
    )
    start, end = asked.removeprefix("bytes=").split("-")
    wanted = whole[-int(end) :] if not start else whole[int(start) : int(end) + 1 if end else None]
    assert size == len(whole)
    assert body(response) == wanted == whole[first : last + 1]
    assert int(response["Content-Length"]) == len(wanted)


@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes=9-3", "bytes=-0", "bytes=-"])
def test_a_range_beyond_it_is_refused(
    client: Client, desk: Desk, sound: Attachment, asked: str
) -> None:
    client.force_login(desk.agent)
    response = client.get(url("sound", sound), headers={"Range": asked})
    assert response.status_code == 416
    assert response["Content-Range"] == f"bytes */{len(wave())}"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "nonsense"])
def test_what_is_no_single_range_gets_the_whole(
    client: Client, desk: Desk, sound: Attachment, asked: str
) -> None:
    client.force_login(desk.agent)
    response = client.get(url("sound", sound), headers={"Range": asked})
    assert response.status_code == 200
    assert body(response) == wave()


def test_hearing_is_on_record_once_for_all_its_pieces(
    client: Client, desk: Desk, sound: Attachment
) -> None:
    client.force_login(desk.agent)
    for asked in ("bytes=0-9", "bytes=10-19", "bytes=20-29"):
        body(client.get(url("sound", sound), headers={"Range": asked}))
    [event] = played()
    assert event.actor == desk.agent
    assert event.conversation_id == sound.entry.conversation_id
    assert event.object_ids == [sound.pk]


def test_a_recording_is_not_played_before_a_reason(
    client: Client, desk: Desk, recording: Attachment
) -> None:
    client.force_login(desk.agent)
    assert client.get(url("sound", recording)).status_code == 403
    assert client.post(url("listen", recording), {"reason": ""}).status_code == 422
    assert client.post(url("listen", recording), {"reason": "curiosity"}).status_code == 422
    assert client.get(url("sound", recording)).status_code == 403
    assert not played()


def test_the_reason_stands_in_the_trail_and_opens_it_for_that_person_only(
    client: Client, desk: Desk, recording: Attachment
) -> None:
    client.force_login(desk.agent)
    said = {"reason": "complaint", "words": "Mrs Morales says she was cut off"}
    assert client.post(url("listen", recording), said).status_code == 204
    assert client.get(url("sound", recording)).status_code == 200
    [event] = played()
    assert event.detail == {"reason": "complaint"}
    assert event.why == said["words"]
    client.force_login(desk.supervisor)
    assert client.get(url("sound", recording)).status_code == 403


def test_the_reason_holds_for_a_while(
    client: Client, desk: Desk, recording: Attachment, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(desk.agent)
    client.post(url("listen", recording), {"reason": "care"})
    monkeypatch.setattr(sounds, "LISTENING", sounds.LISTENING * 0)
    assert client.get(url("sound", recording)).status_code == 403


def test_an_outsider_hears_nothing(client: Client, desk: Desk, sound: Attachment) -> None:
    client.force_login(desk.outsider)
    assert client.get(url("sound", sound)).status_code == 404
    assert client.post(url("listen", sound), {"reason": "care"}).status_code == 404
    rows = AuditEvent.objects.filter(actor=desk.outsider).exclude(action="sign_in")
    assert [row.action for row in rows] == ["denied", "denied"]


def test_what_is_no_sound_is_not_played(client: Client, desk: Desk, sound: Attachment) -> None:
    Attachment.objects.filter(pk=sound.pk).update(content_type="application/pdf")
    client.force_login(desk.agent)
    assert client.get(url("sound", sound)).status_code == 404


# --- What was written down ---


def written(sound: Attachment, text: str = "I need my refill.") -> None:
    """Have the sound be a recording whose words were written down."""
    leg = sound.entry.conversation.legs.get()
    call = Call.objects.create(
        direction="inbound",
        state="ended",
        conversation=sound.entry.conversation,
        leg=leg,
        contact_point_id=leg.contact_point_id,
        hub_address=leg.hub_address,
        started_at=sound.entry.at,
        heard_at=sound.entry.at,
        ended_at=sound.entry.at,
    )
    Recording.objects.create(
        call=call,
        kind="voicemail",
        state="complete",
        attachment=sound,
        transcript=text,
        transcribed_at=sound.entry.at,
        started_at=sound.entry.at,
        ended_at=sound.entry.at,
    )


def test_the_words_of_a_message_are_shown_and_that_is_on_record(
    client: Client, desk: Desk, sound: Attachment
) -> None:
    written(sound, "Refill <b>now</b>")
    client.force_login(desk.agent)
    page = client.get(url("transcript", sound))
    assert "Refill &lt;b&gt;now&lt;/b&gt;" in page.content.decode()
    assert page["Cache-Control"] == "private, no-store"
    [event] = played()
    assert (event.actor_id, event.object_ids) == (desk.agent.pk, [sound.pk])


def test_the_words_of_a_recording_need_the_same_reason(
    client: Client, desk: Desk, recording: Attachment
) -> None:
    written(recording)
    client.force_login(desk.agent)
    assert client.get(url("transcript", recording)).status_code == 403
    assert not played()
    client.post(url("listen", recording), {"reason": "care"})
    assert "refill" in client.get(url("transcript", recording)).content.decode()
    assert len(played()) == 1


def test_where_nothing_was_written_down_nothing_is_shown(
    client: Client, desk: Desk, sound: Attachment
) -> None:
    client.force_login(desk.agent)
    assert client.get(url("transcript", sound)).status_code == 204
