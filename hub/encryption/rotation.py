"""Finds what lies under old keys, and puts it under the current one.

What is done is told by the data itself (every ciphertext names its key), so a rotation that was
stopped goes on where it was, and one that ran to its end finds nothing more to do.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection, models, transaction
from django.db.backends.utils import CursorWrapper

from hub.encryption.fields import EncryptedField, Sealed
from hub.encryption.files import EncryptedFileStorage, NoSuchFile, binding, storage
from hub.encryption.ring import EncryptionError, ring

ROWS_AT_ONCE = 500
#: "on" in the transactions that re-encrypt, and only there: append-only tables let a change of
#: their encrypted columns, and of nothing else, through their triggers by it.
SETTING = "hub.reencrypting"
#: What rotation tells of its progress: how many more rows or files are done.
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Ciphertexts outside of encrypted fields and files, such as in another package's table.

    Attributes:
        label: what they are, for the operator.
        count: how many lie under each key.
        rotate: puts them under the current key and says how many it did.
    """

    label: str
    count: Callable[[], Counter[str]]
    rotate: Callable[[], int]


#: Rooms above add theirs when Django starts.
elsewhere: list[Elsewhere] = []


@dataclass(slots=True)
class Outcome:
    """What a rotation did.

    Attributes:
        done: rows or files put under the current key.
        unreadable: what could not be opened, as "model pk: why".
    """

    done: int = 0
    unreadable: list[str] = field(default_factory=list)


def encrypted_models() -> Iterator[tuple[type[models.Model], list[EncryptedField]]]:
    """Every table with encrypted fields, and these."""
    for model in apps.get_models():
        if model._meta.proxy or not model._meta.managed:
            continue
        fields = [f for f in model._meta.local_fields if isinstance(f, EncryptedField)]
        if fields:
            yield model, fields


def models_with_files() -> Iterator[tuple[type[models.Model], tuple[str, ...]]]:
    """Every model that names stored files, and the fields that do (``encrypted_files``)."""
    for model in apps.get_models():
        names = tuple(getattr(model, "encrypted_files", ()))
        if names and not model._meta.proxy:
            yield model, names


def rows_by_key(model: type[models.Model], column: EncryptedField) -> Counter[str]:
    """How many rows lie under each key; "(not a ciphertext)" for anything that is none."""
    name, table = _quoted(column.column), _quoted(model._meta.db_table)
    query = f"""
        SELECT CASE WHEN octet_length({name}) > 1 AND get_byte({name}, 0) = 1
                    THEN encode(substring({name} FROM 3 FOR get_byte({name}, 1)), 'escape')
                    ELSE '(not a ciphertext)' END AS key_id, count(*)
        FROM {table} WHERE octet_length({name}) > 0 GROUP BY key_id
    """  # noqa: S608  # names of our own tables, quoted
    with connection.cursor() as cursor:
        cursor.execute(query)
        return Counter(dict(cursor.fetchall()))


def files_by_key(files: EncryptedFileStorage = storage) -> Counter[str]:
    """How many files of the folder lie under each key, whether a row names them or not."""
    found: Counter[str] = Counter()
    for name in files.names():
        try:
            found[files.key_id(name)] += 1
        except NoSuchFile:
            continue  # deleted since the folder was listed
        except EncryptionError:
            found["(not a stored file)"] += 1
    return found


def rotate_rows(
    model: type[models.Model], fields: list[EncryptedField], progress: Progress
) -> Outcome:
    """Put every row of a table under the current key, in batches of `ROWS_AT_ONCE` by pk.

    Each batch is a short transaction that holds its rows, so that no newer text is overwritten by
    an older one. Rows that somebody holds are left for the next round: waiting for them could end
    in a deadlock.
    """
    outcome = Outcome()
    bad: set[object] = set()
    while True:
        done_before = outcome.done
        last: Any = None
        while (batch := _rotate_batch(model, fields, last, outcome, bad)) is not None:
            last, count = batch
            progress(count)
        if outcome.done == done_before:
            return outcome


def _rotate_batch(
    model: type[models.Model],
    fields: list[EncryptedField],
    after: Any,
    outcome: Outcome,
    bad: set[object],
) -> tuple[Any, int] | None:
    """Do the next rows after pk `after`; return the last pk and how many were done."""
    with transaction.atomic(), connection.cursor() as cursor:
        rows = _lock_stale_rows(cursor, model, fields, after)
        if not rows:
            return None
        fresh: list[tuple[object, list[bytes | None]]] = []
        for pk, row, *raws in rows:
            try:
                sealed = [_reseal(each, raw, row) for each, raw in zip(fields, raws, strict=True)]
            except EncryptionError as error:
                if pk not in bad:
                    bad.add(pk)
                    outcome.unreadable.append(f"{model._meta.label} {pk}: {error}")
            else:
                fresh.append((pk, sealed))
        if fresh:
            _write(cursor, model, fields, fresh)
        outcome.done += len(fresh)
        return rows[-1][0], len(fresh)


def _reseal(column: EncryptedField, raw: bytes | None, row: UUID) -> bytes | None:
    if not raw or ring().is_current(raw):
        return raw
    return column.reseal(Sealed(bytes(raw), column), row).raw


def _lock_stale_rows(
    cursor: CursorWrapper, model: type[models.Model], fields: list[EncryptedField], after: Any
) -> list[tuple[Any, ...]]:
    """The next rows of which a field lies under another key than the current, locked."""
    pk = _quoted(_pk_column(model))
    names = [_quoted(each.column) for each in fields]
    header = ring().current_header
    stale = " OR ".join(
        f"(octet_length({name}) > 0 AND substring({name} FROM 1 FOR {len(header)}) <> %s)"
        for name in names
    )
    query = f"""
        SELECT {pk}, {_quoted("uuid")}, {", ".join(names)} FROM {_quoted(model._meta.db_table)}
        WHERE ({stale}) {"" if after is None else f"AND {pk} > %s"}
        ORDER BY {pk} LIMIT {ROWS_AT_ONCE} FOR NO KEY UPDATE SKIP LOCKED
    """  # noqa: S608  # names of our own columns, quoted
    values: list[Any] = [header] * len(names)
    cursor.execute(query, values if after is None else [*values, after])
    return cursor.fetchall()


def _write(
    cursor: CursorWrapper,
    model: type[models.Model],
    fields: list[EncryptedField],
    fresh: list[tuple[object, list[bytes | None]]],
) -> None:
    """Write a batch by one statement."""
    pk_type = model._meta.pk.rel_db_type(connection)
    sets = ", ".join(f"{_quoted(each.column)} = fresh.v{n}" for n, each in enumerate(fields))
    arrays = ", ".join(["%s::bytea[]"] * len(fields))
    columns = ", ".join(f"v{n}" for n in range(len(fields)))
    query = f"""
        UPDATE {_quoted(model._meta.db_table)} AS row SET {sets}
        FROM unnest(%s::{pk_type}[], {arrays}) AS fresh (pk, {columns})
        WHERE row.{_quoted(_pk_column(model))} = fresh.pk
    """  # noqa: S608  # names of our own columns, quoted
    values = [[sealed[n] for _, sealed in fresh] for n in range(len(fields))]
    cursor.execute("SELECT set_config(%s, 'on', true)", [SETTING])
    cursor.execute(query, [[pk for pk, _ in fresh], *values])
    cursor.execute("SELECT set_config(%s, '', true)", [SETTING])


def rotate_files(
    model: type[models.Model],
    name_field: str,
    progress: Progress,
    files: EncryptedFileStorage = storage,
) -> Outcome:
    """Put every file that a field names under the current key, one by one.

    The row is held meanwhile: files are deleted after their row is, so that a file that is being
    deleted does not come back.
    """
    outcome = Outcome()
    named = model._base_manager.exclude(**{name_field: ""}).exclude(**{name_field: None})
    for pk, name in named.order_by("pk").values_list("pk", name_field).iterator(ROWS_AT_ONCE):
        try:
            if files.key_id(name) != ring().current_id:
                outcome.done += _rotate_file(model, pk, name_field, files)
        except (EncryptionError, NoSuchFile) as error:
            outcome.unreadable.append(f"{model._meta.label} {pk}: {error}")
        progress(1)
    return outcome


def _rotate_file(
    model: type[models.Model], pk: object, name_field: str, files: EncryptedFileStorage
) -> int:
    with transaction.atomic():
        row = (
            model._base_manager.select_for_update(no_key=True, of=("self",))
            .filter(pk=pk)
            .only("pk", "uuid", name_field)
            .first()
        )
        name = getattr(row, name_field, "")
        if row is None or not name:
            return 0  # deleted meanwhile
        return int(files.reseal(name, binding(row, name_field)))


def _pk_column(model: type[models.Model]) -> str | None:
    return model._meta.pk.column


def _quoted(name: str | None) -> str:
    """A column's or table's name for SQL; Django types a column as optional, for virtual fields."""
    if name is None:
        raise TypeError("A field without a column cannot be encrypted.")
    return connection.ops.quote_name(name)
