"""Is there anything to migrate? Asking Django takes seconds; comparing a hash does not.

The hash of what makes the schema is kept beside the cluster it is true of, and goes with it.
"""

import hashlib
import sys
from pathlib import Path

ROOMS = ("hub", "patients", "channels_app")


def fingerprint(project: Path) -> str:
    """Return a hash of all that decides what `migrate` does in `project`."""
    files = [project / "requirements.txt", project / "hub" / "settings.py"]
    for room in ROOMS:
        files += (project / room).rglob("migrations/*.py")
    digest = hashlib.sha256(sys.version.encode())
    for file in sorted(files):
        digest.update(str(file.relative_to(project)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


class Marks:
    """Small files that say what has been done to one database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, name: str, value: str) -> bool:
        """Whether `name` was last done at state `value`."""
        try:
            return (self._folder / f"{name}.mark").read_text() == value
        except FileNotFoundError:
            return False

    def set(self, name: str, value: str) -> None:
        """Remember that `name` was done at state `value`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"{name}.mark").write_text(value)
