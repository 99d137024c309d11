"""Stores attachments and recordings as encrypted files that can be read from any place in them.

A file is a header (mark, key id, salt) and chunks of 64 KiB, each with its tag. The file's own key
is derived from the ring's by the salt; the nonce of a chunk is its number and whether it is the
last (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár). So a chunk that is
changed, moved, left out, added or taken from another file does not open, nor does a file that
lies under another row's name.

A model that names stored files says so, which is how ``rotate_keys`` finds them:

    class Attachment(models.Model):
        encrypted_files = ("storage_name",)
        uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
        storage_name = models.CharField(max_length=32)

    attachment.storage_name = storage.save(upload.chunks(), binding(attachment, "storage_name"))
    storage.open(attachment.storage_name, binding(attachment, "storage_name"))

Delete the file only after the deletion of its row was committed.
"""

import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import models

from hub.encryption.ring import TAG_BYTES, DecryptionFailed, KeyRing, ring

CHUNK_BYTES = 64 * 1024
SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES
_MARK = b"HUBFILE\x01"
_SALT_BYTES = 32
_LONGEST_HEADER = len(_MARK) + 1 + 255 + _SALT_BYTES
_NAME = re.compile(r"[0-9a-f]{32}")
_UNFINISHED = ".part"


class NoSuchFile(FileNotFoundError):
    """There is no stored file of that name."""


def binding(row: models.Model, field: str) -> str:
    """What a file named by `field` of `row` is bound to: that field of that row."""
    return f"{row._meta.label}.{field}:{row.uuid}"  # type: ignore[attr-defined]


class _Header(NamedTuple):
    """What stands in the clear before the chunks."""

    key_id: str
    salt: bytes

    def to_bytes(self) -> bytes:
        return _MARK + bytes((len(self.key_id),)) + self.key_id.encode("ascii") + self.salt

    @classmethod
    def read(cls, file: BinaryIO) -> "_Header":
        start = file.read(_LONGEST_HEADER)
        at = len(_MARK) + 1
        if not start.startswith(_MARK) or len(start) < at:
            raise DecryptionFailed("Not a stored file of this hub.")
        end = at + start[at - 1]
        header = cls(start[at:end].decode("ascii", "replace"), start[end : end + _SALT_BYTES])
        if len(header.salt) != _SALT_BYTES:
            raise DecryptionFailed("The stored file is cut off.")
        file.seek(end + _SALT_BYTES)
        return header

    def cipher(self, keys: KeyRing) -> AESGCM:
        return AESGCM(keys.derive(self.key_id, self.salt, b"hub.encryption.file/1"))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes((last,))


class _Writer:
    """Encrypts what it is given into an open file, always one chunk behind: the last is marked."""

    def __init__(self, file: BinaryIO, bound_to: str, keys: KeyRing) -> None:
        header = _Header(keys.current_id, os.urandom(_SALT_BYTES))
        self._file = file
        self._cipher = header.cipher(keys)
        self._bound_to = bound_to.encode() + b"\0" + header.to_bytes()
        self._waiting = bytearray()
        self._number = 0
        file.write(header.to_bytes())

    def write(self, data: bytes) -> None:
        """Take the next bytes, any number of them."""
        self._waiting += data
        while len(self._waiting) > CHUNK_BYTES:
            self._put(bytes(self._waiting[:CHUNK_BYTES]), last=False)
            del self._waiting[:CHUNK_BYTES]

    def finish(self) -> None:
        """Write what is left as the last chunk."""
        self._put(bytes(self._waiting), last=True)

    def _put(self, chunk: bytes, *, last: bool) -> None:
        nonce = _nonce(self._number, last)
        self._file.write(self._cipher.encrypt(nonce, chunk, self._bound_to))
        self._number += 1


class _Reader(RawIOBase):
    """The plain bytes of a stored file. Its length is proved before the first byte is given."""

    def __init__(self, file: BinaryIO, bound_to: str, keys: KeyRing) -> None:
        super().__init__()
        self._file = file
        header = _Header.read(file)
        self._start = file.tell()
        self._cipher = header.cipher(keys)
        self._bound_to = bound_to.encode() + b"\0" + header.to_bytes()
        sealed = os.fstat(file.fileno()).st_size - self._start
        self._chunks = -(-sealed // SEALED_CHUNK_BYTES)
        self._size = sealed - self._chunks * TAG_BYTES
        self._at = 0
        self._loaded = -1
        self._chunk = b""
        if sealed < TAG_BYTES:
            raise DecryptionFailed("The stored file is cut off.")
        self._load(self._chunks - 1)

    def _load(self, number: int) -> None:
        if number == self._loaded:
            return
        self._file.seek(self._start + number * SEALED_CHUNK_BYTES)
        sealed = self._file.read(SEALED_CHUNK_BYTES)
        nonce = _nonce(number, last=number == self._chunks - 1)
        try:
            self._chunk = self._cipher.decrypt(nonce, sealed, self._bound_to)
        except (InvalidTag, ValueError) as error:
            raise DecryptionFailed(
                "The stored file was changed or cut, or belongs to another row."
            ) from error
        self._loaded = number

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._size:
            return 0
        number, offset = divmod(self._at, CHUNK_BYTES)
        self._load(number)
        piece = self._chunk[offset : offset + len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("A place before the beginning.")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()


class EncryptedFileStorage:
    """Files under random names in a folder that no web server serves.

    Args:
        root: the folder; by default ``sealed`` under ``settings.MEDIA_ROOT``.
    """

    def __init__(self, root: Path | None = None) -> None:
        self._root = root

    @property
    def root(self) -> Path:
        """The folder of all files."""
        return self._root or Path(settings.MEDIA_ROOT) / "sealed"

    def save(self, content: Iterable[bytes] | BinaryIO, bound_to: str) -> str:
        """Store the content and return the random name it now has.

        Args:
            content: an open binary file, or its bytes piece by piece.
            bound_to: where it belongs, see `binding`; the same is needed to open it.
        """
        name = secrets.token_hex(16)
        self._write(name, _pieces(content), bound_to)
        return name

    def open(self, name: str, bound_to: str) -> BinaryIO:
        """A file's plain bytes, to be read and sought in.

        Raises:
            NoSuchFile: there is none of that name.
            DecryptionFailed: it was changed or cut, or is bound to something else; raised here
                for its length, and on reading for the chunk concerned.
            UnknownKey: its key is not in the ring.
        """
        file = self._open_sealed(name)
        try:
            reader = _Reader(file, bound_to, ring())
        except BaseException:
            file.close()
            raise
        return cast("BinaryIO", BufferedReader(reader, CHUNK_BYTES))

    def size(self, name: str) -> int:
        """The number of plain bytes, by the length of the file; not proved, as `open` does."""
        with self._open_sealed(name) as file:
            _Header.read(file)
            sealed = os.fstat(file.fileno()).st_size - file.tell()
        return max(0, sealed + (-sealed // SEALED_CHUNK_BYTES) * TAG_BYTES)

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        return self._path(name).is_file()

    def delete(self, name: str) -> None:
        """Remove a file; one that is gone already is no error."""
        self._path(name).unlink(missing_ok=True)

    def key_id(self, name: str) -> str:
        """The id of the key that a file lies under."""
        with self._open_sealed(name) as file:
            return _Header.read(file).key_id

    def reseal(self, name: str, bound_to: str) -> bool:
        """Put a file under the current key, in place; who reads it now reads on undisturbed.

        Returns:
            False if it lay there already.
        """
        if self.key_id(name) == ring().current_id:
            return False
        with self.open(name, bound_to) as plain:
            self._write(name, _pieces(plain), bound_to)
        return True

    def names(self) -> Iterator[str]:
        """All files, in no order."""
        for path in self.root.glob("??/??/*"):
            if _NAME.fullmatch(path.name):
                yield path.name

    def sweep_unfinished(self, older_than_seconds: float = 24 * 3600) -> int:
        """Remove what a crash left half written; return how many."""
        limit = time.time() - older_than_seconds
        old = [
            path for path in self.root.glob(f"??/??/*{_UNFINISHED}") if path.stat().st_mtime < limit
        ]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise NoSuchFile("Not a name that this storage gives.")
        return self.root / name[:2] / name[2:4] / name

    def _open_sealed(self, name: str) -> BinaryIO:
        try:
            return self._path(name).open("rb")
        except FileNotFoundError as error:
            raise NoSuchFile("There is no stored file of that name.") from error

    def _write(self, name: str, pieces: Iterator[bytes], bound_to: str) -> None:
        """Write beside the place and rename: at every moment there is a whole file, or none."""
        with _unfinished(self._path(name)) as file:
            writer = _Writer(file, bound_to, ring())
            for piece in pieces:
                writer.write(piece)
            writer.finish()


@contextmanager
def _unfinished(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its place at `path`, safe on the disk, if the block ends well."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp: readable by our own user only.
    handle, part = tempfile.mkstemp(suffix=_UNFINISHED, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _pieces(content: Iterable[bytes] | BinaryIO) -> Iterator[bytes]:
    if hasattr(content, "read"):
        while piece := content.read(CHUNK_BYTES):
            yield piece
    else:
        yield from content


storage = EncryptedFileStorage()
"""The storage of the product; follows ``settings.MEDIA_ROOT``."""
