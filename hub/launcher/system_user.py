"""Root's special case: PostgreSQL refuses to run as root, so its process runs as a system user.

That user must be able to reach the binaries and the data, which a private home or project folder
forbids. Opening other people's folders is not ours to do, so both move to a public one.
"""

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from hub.launcher.errors import CannotStart

PUBLIC_FOLDER = Path("/var/lib/patient-contact-hub")
CANDIDATES = ("postgres", "hub-postgres")


class NoSystemUser(CannotStart):
    """We are root, there is no user to run PostgreSQL as, and none could be made."""


@dataclass(frozen=True)
class SystemUser:
    """A user of this machine whose rights a child process takes on."""

    name: str
    uid: int
    gid: int


def database_user() -> SystemUser | None:
    """Return the user to run PostgreSQL as: None (ourselves) unless we are root.

    Raises NoSystemUser, with what to do instead.
    """
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        found = _look_up(name)
        if found:
            return found
    _create(CANDIDATES[-1])
    made = _look_up(CANDIDATES[-1])
    if made is None:
        raise NoSystemUser(
            "PostgreSQL does not run as root and no system user could be made for it. "
            "Run as an ordinary user, or set DATABASE_URL to a server of yours."
        )
    return made


def _look_up(name: str) -> SystemUser | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return SystemUser(name, entry.pw_uid, entry.pw_gid)


def _create(name: str) -> None:
    tool = shutil.which("useradd")
    if tool:
        subprocess.run(
            [tool, "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", name],
            check=False,
            capture_output=True,
        )


def is_public(folder: Path) -> bool:
    """Whether any user may pass through `folder` and everything above it."""
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    return all(step.stat().st_mode & stat.S_IXOTH for step in (existing, *existing.parents))


def public_home(folder: Path, user: SystemUser | None) -> Path:
    """Return where the data that belongs to `folder` may live, for `user` to reach it.

    That is the folder itself, except for root working in a private place.
    """
    if user is None or is_public(folder):
        return folder
    name = sha256(str(folder.absolute()).encode()).hexdigest()[:12]
    return PUBLIC_FOLDER / name


def give(folder: Path, user: SystemUser | None) -> None:
    """Make `folder`, for `user` alone (or for ourselves, if None)."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    if user:
        os.chown(folder, user.uid, user.gid)
