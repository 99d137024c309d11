"""The notice that a message waits, in the patient's language: no word of the message is in it."""

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _


def message_waits(language: str, url: str) -> str:
    """Return the notice that carries the link. Short: a text is 160 characters."""
    with translation.override(language):
        return _("%(name)s: a message waits for you. Read it here: %(url)s") % {
            "name": settings.ORGANISATION_NAME,
            "url": url,
        }


def message_waits_subject(language: str) -> str:
    """Return the subject of a mail with that notice."""
    with translation.override(language):
        return _("A message from %(name)s waits for you") % {"name": settings.ORGANISATION_NAME}
