"""The encrypted fields against a real table: what gets in, what comes out, what is refused."""

# tables of tests are never printed

import copy
import pickle
from time import perf_counter
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.core import checks, serializers
from django.db import connection, models, transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Concat
from django.test.utils import CaptureQueriesContext, isolate_apps
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from hub.audit.models import AuditEvent
from hub.audit.record import AuditAction, record
from hub.encryption.fields import (
    EncryptedFieldLookup,
    EncryptedJSONField,
    EncryptedTextField,
    PlaintextRefused,
    Sealed,
)
from hub.encryption.ring import DecryptionFailed, UnknownKey, key_id_of

CANARY = "canary-Zwölf-Kröten-7391"
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=300)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
in_one_table = hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def raw(table: type[models.Model], pk: int, column: str = "body") -> bytes:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table._meta.db_table} WHERE id = %s", [pk])  # noqa: S608
        return bytes(cursor.fetchone()[0])


def put_raw(table: type[models.Model], pk: int, column: str, value: bytes) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table._meta.db_table} SET {column} = %s WHERE id = %s",  # noqa: S608
            [value, pk],
        )


@in_one_table
@given(text=ANY_TEXT)
def test_any_text_survives(tables: SimpleNamespace, text: str) -> None:
    note = tables.Note.objects.create(body=text, extra=text)
    read = tables.Note.objects.get(pk=note.pk)
    assert read.body == text
    assert read.extra == text


@in_one_table
@given(value=JSON.filter(lambda value: value is not None))
def test_any_json_survives(tables: SimpleNamespace, value: Any) -> None:
    note = tables.Note.objects.create(data=value)
    assert tables.Note.objects.get(pk=note.pk).data == value


@pytest.mark.parametrize(
    "text",
    ["\x00", "a\x00b", "\ud800 lone", "👩🏽‍⚕️ \u202eright to left", "é" * 100_000, " ", "\\x00"],
)
def test_hard_texts_survive(tables: SimpleNamespace, text: str) -> None:
    note = tables.Note.objects.create(body=text)
    assert tables.Note.objects.get(pk=note.pk).body == text


def test_the_table_shows_nothing_of_it(tables: SimpleNamespace) -> None:
    tables.Note.objects.create(body=CANARY, extra=CANARY, data={CANARY: CANARY})
    tables.Note.objects.bulk_create([tables.Note(body=f"{CANARY} {n}") for n in range(3)])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT body, extra, data, n::text FROM encryption_note n WHERE true ORDER BY id"
        )
        rows = cursor.fetchall()
    assert len(rows) == 4
    for row in rows:
        seen = b"".join(bytes(cell) for cell in row[:3] if cell) + row[3].encode()
        assert b"canary" not in seen
        assert CANARY.encode().hex().encode() not in seen
        assert b"7391" not in seen


def test_null_and_empty_are_kept_apart(tables: SimpleNamespace) -> None:
    note = tables.Note.objects.create(body="", extra=None, data={})
    read = tables.Note.objects.get(pk=note.pk)
    assert (read.body, read.extra, read.data) == ("", None, {})
    assert tables.Note.objects.filter(extra=None).count() == 1
    assert tables.Note.objects.filter(extra__isnull=True).count() == 1
    read.extra = ""
    read.save()
    assert tables.Note.objects.get(pk=note.pk).extra == ""
    assert tables.Note.objects.filter(extra__isnull=True).count() == 0
    read.extra = None
    read.save()
    assert tables.Note.objects.get(pk=note.pk).extra is None


def test_saving_what_was_not_changed_keeps_the_ciphertext(tables: SimpleNamespace) -> None:
    note = tables.Note.objects.create(body=CANARY, data={"a": 1})
    before = raw(tables.Note, note.pk), raw(tables.Note, note.pk, "data")

    untouched = tables.Note.objects.get(pk=note.pk)
    untouched.title = "new"
    untouched.save()
    read = tables.Note.objects.get(pk=note.pk)
    assert (read.body, read.data) == (CANARY, {"a": 1})
    read.body = str(CANARY)
    read.save()
    note.save()
    assert (raw(tables.Note, note.pk), raw(tables.Note, note.pk, "data")) == before

    read.body = "other"
    read.save(update_fields=["body"])
    assert raw(tables.Note, note.pk) != before[0]
    assert raw(tables.Note, note.pk, "data") == before[1]
    assert tables.Note.objects.get(pk=note.pk).body == "other"


def test_a_change_inside_json_is_seen(tables: SimpleNamespace) -> None:
    note = tables.Note.objects.create(data={"steps": [1]})
    read = tables.Note.objects.get(pk=note.pk)
    read.data["steps"].append(2)
    read.save()
    assert tables.Note.objects.get(pk=note.pk).data == {"steps": [1, 2]}


def test_update_fields_leaves_others_alone(tables: SimpleNamespace) -> None:
    note = tables.Note.objects.create(body="first", extra="kept")
    note.body, note.extra = "second", "not saved"
    note.save(update_fields=["body"])
    read = tables.Note.objects.get(pk=note.pk)
    assert (read.body, read.extra) == ("second", "kept")


def test_deferred_only_refresh_and_related(tables: SimpleNamespace) -> None:
    note = tables.Note.objects.create(body=CANARY, extra="more")
    tables.Mark.objects.create(note=note)
    assert tables.Note.objects.only("id").get(pk=note.pk).body == CANARY
    assert tables.Note.objects.only("body").get(pk=note.pk).body == CANARY
    deferred = tables.Note.objects.defer("body").get(pk=note.pk)
    assert "body" in deferred.get_deferred_fields()
    deferred.title = "saved without it"
    deferred.save()
    assert deferred.body == CANARY
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert tables.Mark.objects.select_related("note").get().note.body == CANARY
    assert len(queries) == 1
    read = tables.Note.objects.get(pk=note.pk)
    read.body = "never saved"
    read.refresh_from_db()
    assert read.body == CANARY
    read.refresh_from_db(fields=["extra"])
    assert read.extra == "more"


def test_get_or_create_and_update_or_create(tables: SimpleNamespace) -> None:
    row = uuid4()
    tables.Note.objects.get_or_create(uuid=row, defaults={"body": "one"})
    note, _ = tables.Note.objects.update_or_create(uuid=row, defaults={"body": "two"})
    assert tables.Note.objects.get(pk=note.pk).body == "two"


def test_values_give_what_can_be_opened_with_the_row(tables: SimpleNamespace) -> None:
    tables.Note.objects.create(body=CANARY, data={"n": 1})
    row, body, data = tables.Note.objects.values_list("uuid", "body", "data").get()
    assert isinstance(body, Sealed)
    assert CANARY not in f"{body}{body!r}"
    assert body.reveal(row) == CANARY
    assert data.reveal(row) == {"n": 1}
    with pytest.raises(DecryptionFailed):
        body.reveal(uuid4())


REFUSED_WRITES = {
    "update": lambda notes, note: notes.update(body="plain"),
    "update with bytes": lambda notes, note: notes.update(body=b"plain"),
    "update by value": lambda notes, note: notes.update(body=Value("plain")),
    "update by typed value": lambda notes, note: notes.update(
        body=Value("plain", output_field=models.BinaryField())
    ),
    "update by column": lambda notes, note: notes.update(body=F("title")),
    "update by another encrypted column": lambda notes, note: notes.update(body=F("extra")),
    "update by expression": lambda notes, note: notes.update(
        body=Concat(Value("pl"), Value("ain"))
    ),
    "update by case": lambda notes, note: notes.update(
        body=Case(When(pk=1, then=Value("plain")), default=Value("plain"))
    ),
    "update json": lambda notes, note: notes.update(data={"plain": 1}),
    "bulk_update": lambda notes, note: notes.bulk_update([note], ["body"]),
    "save an expression": lambda notes, note: notes.create(body=Value("plain")),
    "save bytes": lambda notes, note: notes.create(body=b"plain"),
    "save what is no json": lambda notes, note: notes.create(data={"a": object()}),
}


@pytest.mark.parametrize("way", REFUSED_WRITES)
def test_no_way_to_write_plaintext(tables: SimpleNamespace, way: str) -> None:
    note = tables.Note.objects.create(body="kept", title="plain", data={"kept": 1})
    note.body = "plain"
    with pytest.raises(PlaintextRefused), transaction.atomic():
        REFUSED_WRITES[way](tables.Note.objects, note)
    kept = tables.Note.objects.get()
    assert (kept.body, kept.data) == ("kept", {"kept": 1})


@pytest.mark.parametrize(
    "condition",
    [
        {"body": "plain"},
        {"body__exact": "plain"},
        {"body__in": ["plain"]},
        {"body__contains": "pl"},
        {"body__icontains": "pl"},
        {"body__startswith": "pl"},
        {"body__gt": "a"},
        {"body": F("title")},
        {"data__key": "x"},
        {"data": {"a": 1}},
    ],
)
def test_filtering_is_refused(tables: SimpleNamespace, condition: dict[str, Any]) -> None:
    with pytest.raises(EncryptedFieldLookup, match="blind index"):
        tables.Note.objects.filter(**condition)
    with pytest.raises(EncryptedFieldLookup):
        tables.Note.objects.exclude(**condition)


def test_a_ciphertext_of_another_row_does_not_open(tables: SimpleNamespace) -> None:
    one = tables.Note.objects.create(body="about Ada")
    two = tables.Note.objects.create(body="about Grace")
    put_raw(tables.Note, two.pk, "body", raw(tables.Note, one.pk))
    with pytest.raises(DecryptionFailed):
        tables.Note.objects.get(pk=two.pk).body  # noqa: B018
    assert tables.Note.objects.get(pk=one.pk).body == "about Ada"


def test_a_ciphertext_of_another_field_does_not_open(tables: SimpleNamespace) -> None:
    note = tables.Note.objects.create(body="for staff", extra="for the patient")
    put_raw(tables.Note, note.pk, "extra", raw(tables.Note, note.pk, "body"))
    read = tables.Note.objects.get(pk=note.pk)
    assert read.body == "for staff"
    with pytest.raises(DecryptionFailed):
        read.extra  # noqa: B018


def test_a_copy_with_a_new_uuid_is_sealed_anew_or_refused(tables: SimpleNamespace) -> None:
    source = tables.Note.objects.create(body=CANARY)

    read = tables.Note.objects.get(pk=source.pk)
    assert read.body == CANARY
    read.pk, read.uuid, read._state.adding = None, uuid4(), True
    read.save()
    assert tables.Note.objects.get(pk=read.pk).body == CANARY

    unread = tables.Note.objects.get(pk=source.pk)
    unread.pk, unread.uuid, unread._state.adding = None, uuid4(), True
    with pytest.raises(DecryptionFailed, match="copy a row"), transaction.atomic():
        unread.save()
    assert tables.Note.objects.count() == 2


def test_saving_moves_a_row_to_the_current_key(tables: SimpleNamespace, settings) -> None:
    old = settings.ENCRYPTION_KEYS[0]
    note = tables.Note.objects.create(body=CANARY)
    read = tables.Note.objects.get(pk=note.pk)
    settings.ENCRYPTION_KEYS = [("newer", b"n" * 32), old]
    tables.Note.objects.get(pk=note.pk).save()
    assert key_id_of(raw(tables.Note, note.pk)) == "newer"
    # Somebody who read the row before the rotation must not bring the old key back.
    read.save()
    assert key_id_of(raw(tables.Note, note.pk)) == "newer"
    settings.ENCRYPTION_KEYS = [("newer", b"n" * 32)]
    assert tables.Note.objects.get(pk=note.pk).body == CANARY


def test_without_its_key_a_row_can_be_saved_but_not_read(tables: SimpleNamespace, settings) -> None:
    note = tables.Note.objects.create(body=CANARY)
    before = raw(tables.Note, note.pk)
    settings.ENCRYPTION_KEYS = [("newer", b"n" * 32)]
    locked = tables.Note.objects.get(pk=note.pk)
    locked.title = "closed"
    locked.save()
    assert raw(tables.Note, note.pk) == before
    with pytest.raises(UnknownKey):
        locked.body  # noqa: B018


def test_fixtures_are_refused(tables: SimpleNamespace) -> None:
    tables.Note.objects.create(body=CANARY)
    with pytest.raises(PlaintextRefused, match="pg_dump"):
        serializers.serialize("json", tables.Note.objects.all())


def test_copies_of_an_instance_keep_their_text(db: None) -> None:
    event = record(AuditAction.BREAK_GLASS, actor=None, why=CANARY)
    read = AuditEvent.objects.get(pk=event.pk)
    pickled = pickle.dumps(read)
    assert b"canary" not in pickled
    assert pickle.loads(pickled).why == CANARY  # noqa: S301  # our own bytes
    assert copy.deepcopy(read).why == CANARY
    assert copy.copy(read).why == CANARY


def test_nothing_shows_in_a_traceback(tables: SimpleNamespace) -> None:
    note = tables.Note.objects.create(body=CANARY)
    memories = [repr(value) for key, value in note.__dict__.items() if key.endswith("_opened")]
    assert memories
    assert not any("canary" in each for each in memories)


def test_fifty_bodies_open_in_a_blink(tables: SimpleNamespace) -> None:
    tables.Note.objects.bulk_create([tables.Note(body=CANARY * 12) for _ in range(50)])
    best = 1.0
    for _ in range(5):
        rows = list(tables.Note.objects.all())
        start = perf_counter()
        assert all(len(row.body) > 200 for row in rows)
        best = min(best, perf_counter() - start)
    # Measured: 0.16 ms. The bound only tells "AES" from "a key derivation each time".
    assert best < 0.005


def test_a_column_can_be_added_to_a_table_with_rows(tables: SimpleNamespace) -> None:
    note = tables.Note.objects.create(body=CANARY)
    for name, column, empty in (
        ("later", EncryptedTextField(blank=True, default=""), ""),
        ("facts", EncryptedJSONField(default=dict), {}),
    ):
        column.contribute_to_class(tables.Note, name)
        with connection.schema_editor() as editor:
            editor.add_field(tables.Note, column)
        assert getattr(tables.Note.objects.get(pk=note.pk), name) == empty
    assert tables.Note.objects.get(pk=note.pk).body == CANARY


def test_migrations_can_write_the_field() -> None:
    column = EncryptedTextField(blank=True, default="", bound_as="old.Model.body")
    column.set_attributes_from_name("body")
    _, path, args, kwargs = column.deconstruct()
    assert path == "hub.encryption.fields.EncryptedTextField"
    assert kwargs == {"blank": True, "default": "", "bound_as": "old.Model.body"}
    again = EncryptedTextField(*args, **kwargs)
    assert again.bound_as == "old.Model.body"
    assert "bound_as" not in EncryptedTextField().deconstruct()[3]


@isolate_apps("hub.encryption")
def test_a_renamed_model_still_opens_by_its_old_name() -> None:
    class Before(models.Model):
        uuid = models.UUIDField(default=uuid4, unique=True)
        body = EncryptedTextField()

        class Meta:
            app_label = "encryption"

    class After(models.Model):
        uuid = models.UUIDField(default=uuid4, unique=True)
        text = EncryptedTextField(bound_as="encryption.Before.body")
        stray = EncryptedTextField()

        class Meta:
            app_label = "encryption"

    row = uuid4()
    sealed = Before._meta.get_field("body").seal(CANARY, row)
    assert Sealed(sealed.raw, After._meta.get_field("text")).reveal(row) == CANARY
    with pytest.raises(DecryptionFailed):
        Sealed(sealed.raw, After._meta.get_field("stray")).reveal(row)


@isolate_apps("hub.encryption")
def test_a_model_that_could_not_bind_its_rows_fails_the_system_check() -> None:
    class Loose(models.Model):
        body = EncryptedTextField(unique=True)

        class Meta:
            app_label = "encryption"

    found = {error.id for error in Loose.check() if isinstance(error, checks.Error)}
    assert found == {"encryption.E001", "encryption.E002"}


def test_forms_take_text_and_json(tables: SimpleNamespace) -> None:
    from django.forms import modelform_factory

    form = modelform_factory(tables.Note, fields=["body", "data"])(
        {"body": "typed", "data": '{"a": [1]}'}
    )
    assert form.is_valid(), form.errors
    note = form.save()
    read = tables.Note.objects.get(pk=note.pk)
    assert (read.body, read.data) == ("typed", {"a": [1]})
