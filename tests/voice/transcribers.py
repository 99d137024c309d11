"""Services that write down what is said, as an installation would bring one."""

from typing import BinaryIO

SAID = "I need my refill of levothyroxine before Friday"


class Writes:
    """Says always the same, and looks at what it is given."""

    def transcribe(self, sound: BinaryIO, language: str) -> str:
        """Return `SAID`."""
        head = sound.read(12)
        assert head[:4] == b"RIFF" and head[8:] == b"WAVE"
        return f"[{language}] {SAID}"


class Fails:
    """Breaks, and quotes the patient while doing so."""

    def transcribe(self, sound: BinaryIO, language: str) -> str:
        """Raise."""
        raise RuntimeError(SAID)
