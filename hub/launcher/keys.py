"""The demo's secrets: made at the first start, kept in a file that its owner alone may read."""

import base64
import json
import os
import secrets
from pathlib import Path

from hub.launcher.errors import CannotStart


class UnreadableKeys(CannotStart):
    """The file of keys is broken. Making new ones would lose all that was encrypted."""


def demo_keys(folder: Path) -> dict[str, str]:
    """Return the environment variables that hold the secrets of the demo in `folder`.

    Raises UnreadableKeys rather than replacing keys without which the data are lost.
    """
    path = folder / "secrets.json"
    if not path.exists():
        _write(path, _new_keys())
    try:
        known = {str(name): str(value) for name, value in json.loads(path.read_text()).items()}
    except (ValueError, AttributeError) as error:
        raise UnreadableKeys(
            f"{path} is broken, and the data beside it cannot be read without it. "
            f"Put it back from a copy, or remove {folder} to begin anew."
        ) from error
    missing = {name: value for name, value in _new_keys().items() if name not in known}
    if missing:
        # Of an earlier version of the hub; what is there stays, or the data could not be read.
        known |= missing
        _write(path, known)
    return known


def _new_keys() -> dict[str, str]:
    def key() -> str:
        return base64.b64encode(secrets.token_bytes(32)).decode()

    return {
        "HUB_SECRET_KEY": secrets.token_urlsafe(64),
        "HUB_ENCRYPTION_KEYS": f"demo1:{key()}",
        "HUB_BLIND_INDEX_KEY": key(),
        "HUB_AUDIT_KEY": key(),
        "TWILIO_ACCOUNT_SID": f"AC{secrets.token_hex(16)}",
        "TWILIO_AUTH_TOKEN": secrets.token_hex(16),
        "TWILIO_API_KEY_SID": f"SK{secrets.token_hex(16)}",
        "TWILIO_API_KEY_SECRET": secrets.token_hex(16),
    }


def _write(path: Path, values: dict[str, str]) -> None:
    """Write the whole file or none of it, never readable by others."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(values, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
