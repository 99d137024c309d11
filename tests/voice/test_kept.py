"""Sound that lies here: written down if that is wanted, deleted when its time is over."""

import io
import wave
from datetime import timedelta

import pytest
from django.utils import timezone

from channels_app.files import FileRefused, accept_bytes, accept_stream
from channels_app.voice import retention, transcribing
from channels_app.voice.models import Recording, RecordingRule
from hub.audit.models import AuditEvent
from hub.conversations.models import Attachment, Conversation
from hub.encryption.files import EncryptedFileStorage
from tests.voice.test_recorded import leaving_a_message, tell
from tests.voice.transcribers import SAID

pytestmark = pytest.mark.django_db


def sound(seconds: int = 1) -> bytes:
    """A WAV file of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(16_000 * seconds))
    return file.getvalue()


@pytest.fixture
def message(phone) -> Recording:
    """A message that lies here."""
    line, _call, message = leaving_a_message(phone)
    tell(line, message, "completed")
    message.refresh_from_db()
    stored = accept_bytes([sound()], "", uuid=message.attachment.uuid)
    Attachment.objects.filter(pk=message.attachment_id).update(
        state="stored", storage_name=stored.storage_name, size=stored.size
    )
    message.refresh_from_db()
    return message


# --- Retention ----------------------------------------------------------------------------------


def test_sound_goes_when_its_time_is_over_and_not_before(phone, message) -> None:
    RecordingRule.objects.create(department=phone.department, keep_days=30)
    storage, name = EncryptedFileStorage(), message.attachment.storage_name
    message.transcript = SAID
    message.save()
    before = Conversation.objects.get().revision
    assert retention.delete_old_sound(message.started_at + timedelta(days=30)) == 0
    assert storage.exists(name)
    later = message.started_at + timedelta(days=30, seconds=1)
    assert retention.delete_old_sound(later) == 1
    assert not storage.exists(name)
    message.refresh_from_db()
    assert message.transcript == ""
    file = message.attachment
    assert (file.state, file.reason, file.storage_name) == ("refused", "kept_long_enough", "")
    # Its line stays, and open consoles draw it anew.
    assert message.call.conversation.entries.filter(kind="voicemail").exists()
    assert Conversation.objects.get().revision > before
    event = AuditEvent.objects.get(action="erase")
    assert (event.object_ids, event.actor_id) == ([file.pk], None)
    assert event.conversation_id == message.call.conversation_id
    assert event.detail == {"reason": "kept_long_enough"}
    assert retention.delete_old_sound(later) == 0


def test_where_no_rule_was_made_six_years_hold(phone, message) -> None:
    assert retention.delete_old_sound(message.started_at + timedelta(days=2189)) == 0
    assert retention.delete_old_sound(message.started_at + timedelta(days=2191)) == 1


def test_a_file_that_is_gone_already_keeps_nothing_from_being_settled(phone, message) -> None:
    """As after a crash between the file and the row."""
    EncryptedFileStorage().delete(message.attachment.storage_name)
    assert retention.delete_old_sound(message.started_at + timedelta(days=2191)) == 1


# --- Transcripts --------------------------------------------------------------------------------


@pytest.fixture
def writes(settings, phone) -> None:
    settings.TRANSCRIBER = "tests.voice.transcribers.Writes"
    RecordingRule.objects.create(department=phone.department, transcribes=True)


def test_nothing_is_written_down_where_nothing_is_there_to_do_it(phone, message) -> None:
    RecordingRule.objects.create(department=phone.department, transcribes=True)
    assert not transcribing.want(message.attachment)
    assert transcribing.due() == []


def test_nothing_is_written_down_that_the_department_does_not_want(
    phone, settings, message
) -> None:
    settings.TRANSCRIBER = "tests.voice.transcribers.Writes"
    assert not transcribing.want(message.attachment)


def test_what_is_said_is_written_down_once_and_stands_there_encrypted(writes, message) -> None:
    assert transcribing.want(message.attachment)
    assert transcribing.due() == [message.pk]
    before = Conversation.objects.get().revision
    assert transcribing.transcribe(message.pk)
    assert not transcribing.transcribe(message.pk)
    message.refresh_from_db()
    assert message.transcript == f"[en] {SAID}"
    assert message.transcribed_at is not None
    assert transcribing.due() == []
    assert Conversation.objects.get().revision > before
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT transcript FROM voice_recording WHERE id = %s", [message.pk])
        assert SAID.encode() not in bytes(cursor.fetchone()[0])


def test_a_service_that_fails_is_tried_three_times_and_quoted_nowhere(
    phone, settings, message, caplog, capfd
) -> None:
    settings.TRANSCRIBER = "tests.voice.transcribers.Fails"
    RecordingRule.objects.create(department=phone.department, transcribes=True)
    transcribing.want(message.attachment)
    now = timezone.now()
    for _ in range(5):
        now += timedelta(hours=1)
        for pk in transcribing.due(now):
            assert not transcribing.transcribe(pk, now)
    message.refresh_from_db()
    assert (message.transcription_tries, message.transcript) == (3, "")
    said = caplog.text + "".join(capfd.readouterr())
    assert "not_transcribed" in said and "RuntimeError" in said
    assert "levothyroxine" not in said


def test_while_one_worker_writes_no_other_does_and_a_dead_one_is_replaced(writes, message) -> None:
    transcribing.want(message.attachment)
    now = timezone.now()
    Recording.objects.update(transcribe_after=now + transcribing.LEASE)  # as a worker claims it
    assert transcribing.due(now) == []
    assert transcribing.due(now + transcribing.LEASE) == [message.pk]


def test_words_of_a_sound_that_was_deleted_meanwhile_are_not_kept(writes, message) -> None:
    transcribing.want(message.attachment)
    assert retention.delete_old_sound(message.started_at + timedelta(days=2191)) == 1
    assert not transcribing.transcribe(message.pk, timezone.now() + timedelta(days=1))
    message.refresh_from_db()
    assert message.transcript == "" and message.transcribed_at is None


# --- Large files --------------------------------------------------------------------------------


def test_a_large_file_is_encrypted_as_it_comes_and_nothing_of_a_refused_one_stays(
    phone, message
) -> None:
    storage = EncryptedFileStorage()
    pieces = [sound(4)[start : start + 1000] for start in range(0, 64_044, 1000)]
    stored = accept_stream(iter(pieces), message.attachment.uuid, limit=64_044)
    assert (stored.size, stored.content_type) == (64_044, "audio/x-wav")
    assert storage.size(stored.storage_name) == 64_044
    names = set(storage.names())
    for chunks, code in (
        (iter(pieces), "too_large"),
        (iter([]), "empty"),
        (iter([b"<html>" * 300]), "type_not_allowed"),
    ):
        with pytest.raises(FileRefused) as refused:
            accept_stream(chunks, message.attachment.uuid, limit=64_043)
        assert refused.value.code == code
    assert set(storage.names()) == names
    assert not list(storage.root.glob("??/??/*.part*"))
