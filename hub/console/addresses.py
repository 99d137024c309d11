"""Addresses as people read them."""

from django.utils.translation import gettext as _

from patients.models import ContactPoint
from patients.normal_form import display


def shown(point: ContactPoint) -> str:
    """The address as a person reads it; a chat visitor's key is nothing to read."""
    if point.system == ContactPoint.System.VISITOR:
        return _("Web visitor")
    return display(point)
