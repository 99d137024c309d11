"""Model fields that are encrypted before they reach the database.

A ciphertext is bound to its model, its field and the row's ``uuid``: moved to another row or column
it does not open. It is decrypted when the attribute is first read, and is written back unchanged as
long as what it says is unchanged. What cannot be done without writing or comparing plaintext
(``update()``, ``bulk_update()``, filters) is refused with a clear error.

    class Note(models.Model):
        uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
        body = EncryptedTextField()

Rows read by ``values()`` have no instance: they give a `Sealed`, opened by
``sealed.reveal(row_uuid)``, which is also the cheapest way to read many rows.

The empty value (no text; for JSON, an object without members) is stored as zero bytes: it hides
nothing, and it lets ``AddField`` fill existing rows.
"""

import json
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import UUID

from django import forms
from django.core import checks
from django.core.exceptions import FieldDoesNotExist, FieldError, ValidationError
from django.db import models
from django.db.models.lookups import Exact, IsNull
from django.db.models.query_utils import DeferredAttribute
from django.utils.translation import gettext_lazy as _

from hub.encryption.ring import DecryptionFailed, EncryptionError, UnknownKey, ring

T = TypeVar("T")

if TYPE_CHECKING:

    class _Field(models.Field[T, T]):
        """`models.Field` takes type arguments only while types are checked."""
else:

    class _Field(models.Field):
        def __class_getitem__(cls, item: Any) -> type:
            return cls


class PlaintextRefused(EncryptionError, TypeError):
    """Somebody was about to write plaintext into an encrypted column."""


class EncryptedFieldLookup(FieldError):
    """Somebody filtered on an encrypted field; no database can do that."""


class Sealed:
    """A ciphertext as it came from the database, not yet opened."""

    __slots__ = ("field", "raw")

    def __init__(self, raw: bytes, field: "EncryptedField[Any]") -> None:
        self.raw = raw
        self.field = field

    def reveal(self, row: UUID) -> Any:
        """What it says, given the ``uuid`` of the row it was read from.

        Raises:
            DecryptionFailed: it was changed, or is another row's.
            UnknownKey: its key is not in the ring.
        """
        return self.field.decode(self.field.open(self.raw, row))

    def __repr__(self) -> str:
        return f"<sealed, {len(self.raw)} bytes>"


class _Opened(NamedTuple):
    """What an instance remembers of a ciphertext that it opened or wrote."""

    raw: bytes
    row: UUID
    plain: bytes

    def __repr__(self) -> str:
        return "<opened>"  # never what it says: this stands in tracebacks


class EncryptedAttribute(DeferredAttribute):
    """Holds a `Sealed` in the instance until somebody reads it, and the value from then on."""

    field: "EncryptedField[Any]"

    def __get__(self, instance: models.Model | None, cls: Any = None) -> Any:
        if instance is None:
            return self
        value = super().__get__(instance, cls)
        if type(value) is Sealed:
            value = self.field.reveal_in(instance, value)
        return value

    # Python asks a descriptor with __set__ before the instance's own attributes.
    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class EncryptedField(_Field[T]):
    """What the encrypted fields have in common. Use `EncryptedTextField` or `EncryptedJSONField`.

    Args:
        bound_as: "app.Model.field" to bind to instead of the real one; set it to the old name when
            a model or field is renamed, else its old ciphertexts no longer open.
    """

    descriptor_class = EncryptedAttribute
    #: The value that is stored as zero bytes, encoded.
    empty_plain = b""

    def __init__(self, *args: Any, bound_as: str = "", **kwargs: Any) -> None:
        self.bound_as = bound_as
        super().__init__(*args, **kwargs)

    # --- What the kinds of value differ in ---

    def encode(self, value: Any) -> bytes:
        """The value as bytes, ready to be encrypted. Raises PlaintextRefused for a wrong type."""
        raise NotImplementedError

    def decode(self, plain: bytes) -> Any:
        """The value back from what `encode` made."""
        raise NotImplementedError

    # --- Ciphertexts ---

    def binding(self, row: UUID) -> bytes:
        """The additional data: model, field and row."""
        return self._place + row.bytes

    def open(self, raw: bytes, row: UUID) -> bytes:
        """Decrypt the column's bytes of a row; still encoded."""
        return ring().open(raw, self.binding(row)) if raw else self.empty_plain

    def seal(self, value: Any, row: UUID) -> Sealed:
        """A value of a row as the ciphertext that ``update()`` accepts."""
        return Sealed(self._seal_plain(self.encode(value), row), self)

    def reseal(self, sealed: Sealed, row: UUID) -> Sealed:
        """The same, under the current key."""
        return Sealed(self._seal_plain(self.open(sealed.raw, row), row), self)

    def _seal_plain(self, plain: bytes, row: UUID) -> bytes:
        return b"" if plain == self.empty_plain else ring().seal(plain, self.binding(row))

    def _is_current(self, raw: bytes) -> bool:
        return not raw or ring().is_current(raw)

    def reveal_in(self, instance: models.Model, sealed: Sealed) -> Any:
        """Open a ciphertext inside its instance, and remember both sides of it."""
        row: UUID = instance.uuid  # type: ignore[attr-defined]  # a system check demands it
        plain = self.open(sealed.raw, row)
        value = self.decode(plain)
        instance.__dict__[self.attname] = value
        instance.__dict__[self._memory] = _Opened(sealed.raw, row, plain)
        return value

    # --- Django's side ---

    def contribute_to_class(
        self, cls: type[models.Model], name: str, private_only: bool = False
    ) -> None:
        super().contribute_to_class(cls, name, private_only)
        place = self.bound_as or f"{cls._meta.label}.{self.attname}"
        self._place = place.encode() + b"\0"
        self._memory = f"_{self.attname}_opened"

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        if self.bound_as:
            kwargs["bound_as"] = self.bound_as
        return name, path, args, kwargs

    def get_internal_type(self) -> str:
        return "BinaryField"

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        return [*super().check(**kwargs), *self._check_row_identity(), *self._check_no_index()]

    def _check_row_identity(self) -> list[checks.CheckMessage]:
        try:
            row = self.model._meta.get_field("uuid")
        except FieldDoesNotExist:
            row = None
        if isinstance(row, models.UUIDField) and (row.unique or row.primary_key):
            return []
        return [
            checks.Error(
                "A model with encrypted fields needs a unique UUIDField named uuid.",
                hint="uuid = UUIDField(default=uuid4, unique=True, editable=False)",
                obj=self,
                id="encryption.E001",
            )
        ]

    def _check_no_index(self) -> list[checks.CheckMessage]:
        if not (self.unique or getattr(self, "db_index", False)):
            return []
        return [
            checks.Error(
                "An encrypted field cannot be unique or indexed: equal values differ when "
                "encrypted.",
                obj=self,
                id="encryption.E002",
            )
        ]

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Sealed | None:
        return None if value is None else Sealed(bytes(value), self)

    def pre_save(self, model_instance: models.Model, add: bool) -> Sealed | None:
        """The ciphertext to write: the one that was read, if it still says the same."""
        data = model_instance.__dict__
        row: UUID = model_instance.uuid  # type: ignore[attr-defined]
        value = data.get(self.attname)
        if type(value) is Sealed:
            return self._kept(value, row)
        if value is None:
            value = getattr(model_instance, self.attname)
            if value is None:
                return None
        plain = self.encode(value)
        known: _Opened | None = data.get(self._memory)
        if known and known.row == row and known.plain == plain and self._is_current(known.raw):
            return Sealed(known.raw, self)
        raw = self._seal_plain(plain, row)
        data[self._memory] = _Opened(raw, row, plain)
        return Sealed(raw, self)

    def _kept(self, sealed: Sealed, row: UUID) -> Sealed:
        """A ciphertext that nobody read, checked to be this row's before it is written again.

        A copy of a row with a new uuid would otherwise be saved with text that never opens.
        """
        try:
            plain = self.open(sealed.raw, row)
        except UnknownKey:
            # Its key is gone or not yet here; the row's other columns may still be saved.
            return sealed
        except DecryptionFailed as error:
            raise DecryptionFailed(
                f"{self} would be saved with a ciphertext that is not this row's. To copy a row, "
                "read the field first, then give the copy its own uuid."
            ) from error
        return (
            sealed if self._is_current(sealed.raw) else Sealed(self._seal_plain(plain, row), self)
        )

    def get_prep_value(self, value: Any) -> Any:
        if value is None or type(value) is Sealed:
            return value
        # A migration that adds the column fills existing rows with the field's default.
        if value == b"" or self._is_empty(value):
            return Sealed(b"", self)
        raise PlaintextRefused(
            f"{self} is encrypted with its row: save() the instance instead of update(), "
            "bulk_update() or raw values."
        )

    def _is_empty(self, value: Any) -> bool:
        try:
            return self.encode(value) == self.empty_plain
        except PlaintextRefused:
            return False

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        value = value if prepared else self.get_prep_value(value)
        if value is None:
            return None
        if type(value) is not Sealed:
            raise PlaintextRefused(f"{self} takes ciphertext only.")
        return connection.Database.Binary(value.raw)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if hasattr(value, "as_sql"):
            raise PlaintextRefused(
                f"{self} cannot be set to an expression: the database would write plaintext."
            )
        return super().get_db_prep_save(value, connection)

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "isnull":
            return IsNull
        if lookup_name == "exact":
            return _NoneOnly
        raise EncryptedFieldLookup(
            f"{self} is encrypted and cannot be filtered by {lookup_name!r}; "
            "use the blind index (hub.encryption.blind_index)."
        )

    def value_to_string(self, obj: models.Model) -> str:
        raise PlaintextRefused(
            f"{self} is not written to fixtures, since they would hold plaintext. Use pg_dump."
        )


class _NoneOnly(Exact[Any] if TYPE_CHECKING else Exact):  # type: ignore[misc]
    """``filter(field=None)``, which Django turns into IS NULL; nothing else can be equal."""

    def get_prep_lookup(self) -> Any:
        if self.rhs is None:
            return None
        raise EncryptedFieldLookup(
            f"{self.lhs.output_field} is encrypted and cannot be compared; "
            "use the blind index (hub.encryption.blind_index)."
        )


class EncryptedTextField(EncryptedField[str]):
    """Text of any length and any Unicode, null bytes and lone surrogates included."""

    description = _("Encrypted text")

    def encode(self, value: Any) -> bytes:
        if not isinstance(value, str):
            raise PlaintextRefused(f"{self} takes text, not {type(value).__name__}.")
        return value.encode("utf-8", "surrogatepass")

    def decode(self, plain: bytes) -> str:
        return plain.decode("utf-8", "surrogatepass")

    def to_python(self, value: Any) -> Any:
        if value is None or isinstance(value, str | Sealed):
            return value
        return str(value)

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(
            **{
                "form_class": forms.CharField,
                "max_length": self.max_length,
                **({} if self.choices is not None else {"widget": forms.Textarea}),
                **kwargs,
            }
        )


class EncryptedJSONField(EncryptedField[Any]):
    """Any JSON value. Changes made inside it are seen and saved. None is stored as NULL."""

    description = _("Encrypted JSON")
    empty_strings_allowed = False
    empty_plain = b"{}"

    def encode(self, value: Any) -> bytes:
        try:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        except (TypeError, ValueError) as error:
            raise PlaintextRefused(f"{self} takes JSON: {type(error).__name__}.") from error
        return text.encode("utf-8", "surrogatepass")

    def decode(self, plain: bytes) -> Any:
        return json.loads(plain.decode("utf-8", "surrogatepass"))

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        super().validate(value, model_instance)
        try:
            self.encode(value)
        except PlaintextRefused as error:
            raise ValidationError(_("Value must be valid JSON."), code="invalid") from error

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": forms.JSONField, **kwargs})
