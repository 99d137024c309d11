"""A change of keys: everything readable before, during and after, and nothing left behind."""

from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from hub.audit.models import AuditEvent
from hub.audit.record import AuditAction, record
from hub.audit.sealing import seal
from hub.audit.verification import verify
from hub.conversations.models import Attachment, Conversation, Entry
from hub.encryption import rotation
from hub.encryption.files import binding, storage
from patients.models import Consent, Patient
from tests.factories import (
    ConsentFactory,
    ContactPointFactory,
    DepartmentFactory,
    PatientFactory,
)

NEW = ("rotated", b"r" * 32)
CANARY = "canary allergic to penicillin"


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def rotate(**options: Any) -> tuple[str, str, int]:
    """What the command prints, what it complains of, and its exit code."""
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command("rotate_keys", stdout=out, stderr=err, **options)
    except CommandError as error:
        code = error.returncode
        err.write(str(error))
    return out.getvalue(), err.getvalue(), code


def rotate_and_disconnect() -> tuple[str, str, int]:
    """For a thread, which has a connection of its own."""
    try:
        return rotate()
    finally:
        connection.close()


def attachment_with(pieces: list[bytes]) -> Attachment:
    """An attachment of an entry, and its stored file."""
    conversation = Conversation.objects.create(
        department=DepartmentFactory(),
        contact_point=ContactPointFactory(),
        channel="sms",
        opened_at=timezone.now(),
        last_entry_at=timezone.now(),
    )
    entry = Entry.objects.create(
        conversation=conversation,
        number=1,
        revision=1,
        kind="message",
        author_kind="patient",
        body="see the picture",
        at=timezone.now(),
    )
    attachment = Attachment(entry=entry, state="stored", file_name="x-ray.png")
    attachment.storage_name = storage.save(pieces, binding(attachment, "storage_name"))
    attachment.save()
    return attachment


def new_key_first(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [NEW, *settings.ENCRYPTION_KEYS]


def only_new_key(settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [NEW]


def patients_by_key() -> dict[str, int]:
    return dict(rotation.rows_by_key(Patient, Patient._meta.get_field("alerts")))


def test_rows_are_readable_before_and_after_and_none_is_left(db: None, settings) -> None:
    pks = [
        PatientFactory(alerts=f"{CANARY} {n}", accessibility_needs="ramp" * (n % 2)).pk
        for n in range(7)
    ]
    old = settings.ENCRYPTION_KEYS[0][0]
    new_key_first(settings)
    assert [Patient.objects.get(pk=pk).alerts for pk in pks][6] == f"{CANARY} 6"
    out, _, code = rotate(check=True)
    assert code == 1
    assert f"patients.Patient.alerts: 7 rows under {old}  (old)" in out
    assert patients_by_key() == {old: 7}, "--check changes nothing"

    out, err, code = rotate()
    assert (err, code) == ("", 0)
    assert "patients.Patient: 7 rows re-encrypted" in out
    assert patients_by_key() == {"rotated": 7}
    assert rotate(check=True)[2] == 0

    only_new_key(settings)
    for n, pk in enumerate(pks):
        patient = Patient.objects.get(pk=pk)
        assert patient.alerts == f"{CANARY} {n}"
        assert patient.accessibility_needs == "ramp" * (n % 2)


def test_nothing_to_do_writes_nothing(db: None, settings) -> None:
    patient = PatientFactory(alerts=CANARY)
    before = Patient.objects.values_list("alerts", flat=True).get(pk=patient.pk).raw
    out, _, code = rotate()
    assert code == 0
    assert "patients.Patient: 0 rows re-encrypted" in out
    assert Patient.objects.values_list("alerts", flat=True).get(pk=patient.pk).raw == before


def test_many_batches_and_a_rotation_that_was_stopped(
    db: None, settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "ROWS_AT_ONCE", 3)
    PatientFactory.create_batch(20, alerts=CANARY)
    new_key_first(settings)
    fields = [Patient._meta.get_field("alerts"), Patient._meta.get_field("accessibility_needs")]

    class Stopped(Exception):
        pass

    seen: list[int] = []

    def stop_after_two(count: int) -> None:
        seen.append(count)
        if len(seen) == 2:
            raise Stopped

    with pytest.raises(Stopped):
        rotation.rotate_rows(Patient, fields, stop_after_two)
    assert patients_by_key()["rotated"] == 6
    outcome = rotation.rotate_rows(Patient, fields, seen.append)
    assert outcome.done == 14
    assert patients_by_key() == {"rotated": 20}
    assert {patient.alerts for patient in Patient.objects.all()} == {CANARY}


def test_the_audit_trail_takes_a_new_key_and_still_verifies(db: None, settings) -> None:
    for n in range(3):
        record(AuditAction.BREAK_GLASS, actor=None, patient=n, why=f"{CANARY} {n}")
    record(AuditAction.SIGN_IN, actor=None)
    seal()
    new_key_first(settings)
    out, _, code = rotate()
    assert code == 0
    assert "audit.AuditEvent: 3 rows re-encrypted" in out
    only_new_key(settings)
    assert verify().findings == []
    assert AuditEvent.objects.get(patient_id=2).why == f"{CANARY} 2"


def test_append_only_tables_take_a_new_key(db: None, settings) -> None:
    """Their triggers refuse every change but this one."""
    consent = ConsentFactory(evidence=CANARY)
    entry = attachment_with([b"x-ray"]).entry
    new_key_first(settings)
    out, err, code = rotate()
    assert (err, code) == ("", 0)
    assert "patients.Consent: 1 rows re-encrypted" in out
    assert "conversations.Entry: 1 rows re-encrypted" in out
    only_new_key(settings)
    assert Consent.objects.get(pk=consent.pk).evidence == CANARY
    assert Entry.objects.get(pk=entry.pk).body == "see the picture"


def test_files_take_the_new_key(db: None, settings) -> None:
    attachment = attachment_with([b"x-ray" * 50_000])
    new_key_first(settings)
    assert rotate(check=True)[2] == 1
    out, err, code = rotate()
    assert (err, code) == ("", 0)
    assert "conversations.Attachment.storage_name: 1 files re-encrypted" in out
    assert storage.key_id(attachment.storage_name) == "rotated"
    only_new_key(settings)
    again = Attachment.objects.get(pk=attachment.pk)
    with storage.open(again.storage_name, binding(again, "storage_name")) as file:
        assert file.read() == b"x-ray" * 50_000
    assert again.file_name == "x-ray.png"


def test_a_file_that_no_row_names_keeps_the_check_from_passing(db: None, settings) -> None:
    storage.save([b"orphan"], "nothing")
    new_key_first(settings)
    _, err, code = rotate()
    assert code == 1
    assert "1 still under other keys" in err


def test_what_cannot_be_read_is_named_and_the_rest_is_done(db: None, settings) -> None:
    good, bad = (PatientFactory(alerts=f"{CANARY} {n}") for n in range(2))
    attachment = attachment_with([b"x-ray"])
    storage.delete(attachment.storage_name)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE patients_patient SET alerts = (SELECT alerts FROM patients_patient "
            "WHERE id = %s) WHERE id = %s",
            [good.pk, bad.pk],
        )
    new_key_first(settings)
    _, err, code = rotate()
    assert code == 1
    assert f"patients.Patient {bad.pk}" in err
    assert f"conversations.Attachment {attachment.pk}" in err
    assert "canary" not in err
    assert patients_by_key()["rotated"] == 1


@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_holds_is_not_waited_for_and_not_overwritten(settings) -> None:
    free, held = (PatientFactory(alerts=f"{CANARY} {n}").pk for n in range(2))
    new_key_first(settings)
    with transaction.atomic():
        patient = Patient.objects.select_for_update().get(pk=held)
        with ThreadPoolExecutor(1) as elsewhere:
            _, err, code = elsewhere.submit(rotate_and_disconnect).result(30)
        assert code == 1
        assert "1 still under other keys" in err
        patient.alerts = "newer text"
        patient.save()
    assert rotate()[2] == 0
    only_new_key(settings)
    assert Patient.objects.get(pk=held).alerts == "newer text"
    assert Patient.objects.get(pk=free).alerts == f"{CANARY} 0"


def test_every_encrypted_table_can_be_rotated(db: None) -> None:
    """The names of columns and keys fit real SQL, for every model that there is."""
    tables = list(rotation.encrypted_models())
    assert {"audit.AuditEvent", "conversations.Entry", "patients.Patient"} <= {
        model._meta.label for model, _ in tables
    }
    for model, fields in tables:
        assert rotation.rotate_rows(model, fields, lambda count: None).unreadable == []
    assert get_user_model()._meta.label not in {model._meta.label for model, _ in tables}


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_and_a_pipe_does_not(db: None, settings) -> None:
    PatientFactory(alerts=CANARY)
    new_key_first(settings)
    out = Terminal()
    call_command("rotate_keys", stdout=out, no_color=True)
    assert "patients.Patient [##############################] 1/1" in out.getvalue()
    assert "\r" not in rotate()[0]
