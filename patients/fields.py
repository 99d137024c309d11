"""A field and an expression for searching: names by their words, record numbers without dashes."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Upper

from patients import name_words


class BareIdentifier(models.Func):
    """A record number in capitals without dashes and spaces."""

    function = "regexp_replace"
    template = "%(function)s(%(expressions)s, '[^A-Z0-9]', '', 'g')"
    arity = 1
    output_field = models.TextField()

    def __init__(self, value: Any, **extra: Any) -> None:
        super().__init__(value if isinstance(value, Upper) else Upper(value), **extra)


class NameWordsField(ArrayField):
    """Search words of other fields of the row, computed whenever the row is written.

    `save(update_fields=…)` with a name must name this field too; `update()` does not compute.

    Args:
        of: names of the fields that hold the names.
    """

    def __init__(self, *, of: tuple[str, ...] = (), **kwargs: Any) -> None:
        self.of = tuple(of)
        kwargs["base_field"] = models.CharField(max_length=40)
        kwargs["default"] = list
        kwargs["editable"] = False
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        """Return what a migration must say."""
        name, path, args, kwargs = super().deconstruct()
        for fixed in ("base_field", "default", "editable"):
            kwargs.pop(fixed, None)
        kwargs["of"] = self.of
        return name, path, args, kwargs

    def pre_save(self, model_instance: models.Model, add: bool) -> list[str]:
        """Compute the words from the names that are about to be written."""
        found = name_words.keys(getattr(model_instance, name) for name in self.of)
        setattr(model_instance, self.attname, found)
        return found
