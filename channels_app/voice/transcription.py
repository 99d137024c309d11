"""What writes a recording down: the installation's choice, behind one method.

The hub brings none. A class of yours is named by HUB_TRANSCRIBER; it gets the plain sound, so it
must run where you may send that to: on your own machines, or under a business associate agreement.
"""

from functools import cache
from typing import BinaryIO, Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string


class Transcriber(Protocol):
    """Writes sound down. Made once a process, without arguments; used by several threads."""

    def transcribe(self, sound: BinaryIO, language: str) -> str:
        """Return what is said.

        Args:
            sound: a WAV file, to be read and sought in; two channels where a call was recorded,
                the patient on the first. It exists in memory alone: do not write it to a disk.
            language: what is spoken, "en" or "es".

        Whatever this raises is noted by its type alone, and tried again twice.
        """


def transcriber() -> Transcriber | None:
    """Return the configured one; None where there is none. Raises ImproperlyConfigured."""
    return _made(settings.TRANSCRIBER) if settings.TRANSCRIBER else None


@cache
def _made(path: str) -> Transcriber:
    try:
        made: Transcriber = import_string(path)()
    except ImportError as error:
        raise ImproperlyConfigured("HUB_TRANSCRIBER names no class that can be loaded.") from error
    return made
