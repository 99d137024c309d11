"""Names as people type them, brought into one line."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


def one_line(text: str) -> str:
    """Return a name as one line with single spaces."""
    return " ".join(text.split())


def required_line(text: str) -> str:
    """Return a name as one line; raise ValidationError for one of blanks."""
    line = one_line(text)
    if not line:
        raise ValidationError(_("Enter a name."), code="required")
    return line
