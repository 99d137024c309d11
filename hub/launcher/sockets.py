"""Where unix sockets live: short, lower-case paths, since both are limits of what reads them.

The kernel allows about 100 bytes for a socket's path, and URL parsers lower the case of a host,
which is where PostgreSQL's addresses carry it.
"""

import os
from hashlib import sha256
from pathlib import Path

from hub.launcher.errors import CannotStart
from hub.launcher.system_user import SystemUser, give

ROOM = Path("/tmp")


class UnsafeSocketFolder(CannotStart):
    """The folder for our sockets exists and belongs to somebody else."""


def socket_folder(data_folder: Path, kind: str, user: SystemUser | None) -> Path:
    """Make and return the private folder for the `kind` of sockets that belong to `data_folder`.

    Raises UnsafeSocketFolder if another user made it first.
    """
    name = sha256(f"{data_folder.absolute()}:{os.getuid()}".encode()).hexdigest()[:12]
    folder = ROOM / f"hub-{name}-{kind}"
    owner = user.uid if user else os.getuid()
    if folder.is_symlink() or (
        folder.exists() and folder.stat().st_uid not in (owner, os.getuid())
    ):
        raise UnsafeSocketFolder(f"{folder} belongs to another user; remove it and start again.")
    give(folder, user)
    return folder
