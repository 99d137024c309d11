"""The ring of keys under which everything that patients and staff say is encrypted.

A ciphertext is ``version | length of key id | key id | nonce | data and tag``. The key id is in the
clear, so that SQL can count what still lies under an old key; it is authenticated together with
what the caller binds the ciphertext to, so that it can neither be changed nor moved to another row.
"""

import os
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

VERSION = 1
KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")

#: What a loader returns: (key id, 32 bytes), the current key first.
Keys = Sequence[tuple[str, bytes]]


class EncryptionError(Exception):
    """Anything that keeps a ciphertext from being read or written."""


class DecryptionFailed(EncryptionError):
    """The ciphertext was changed, cut, or belongs to another row, field or file."""


class UnknownKey(EncryptionError):
    """The ciphertext names a key that the ring does not hold."""


def header_of(key_id: str) -> bytes:
    """The bytes with which every ciphertext under this key begins."""
    return bytes((VERSION, len(key_id))) + key_id.encode("ascii")


def key_id_of(sealed: bytes) -> str:
    """The id of the key that a ciphertext lies under.

    Raises:
        DecryptionFailed: the bytes are no ciphertext of ours.
    """
    if len(sealed) < 2 or sealed[0] != VERSION or len(sealed) < 2 + sealed[1]:
        raise DecryptionFailed("Not a ciphertext of this hub.")
    try:
        return sealed[2 : 2 + sealed[1]].decode("ascii")
    except UnicodeDecodeError as error:
        raise DecryptionFailed("Not a ciphertext of this hub.") from error


class KeyRing:
    """AES-256-GCM under the first key of the ring; reads what lies under any of them.

    Nonces are random (96 bits): one key is good for about four thousand million messages
    (NIST SP 800-38D, 8.3), after which it should be rotated.
    """

    def __init__(self, keys: Keys) -> None:
        if not keys:
            raise ImproperlyConfigured("The key ring is empty.")
        self._raw = dict(keys)
        if len(self._raw) != len(keys):
            raise ImproperlyConfigured("Two keys of the ring have the same id.")
        for key_id, key in keys:
            if not _KEY_ID.fullmatch(key_id):
                raise ImproperlyConfigured(
                    "A key id is 1 to 32 letters, digits, dots, dashes or underscores."
                )
            if len(key) != KEY_BYTES:
                raise ImproperlyConfigured(f"Key {key_id} is not {KEY_BYTES} bytes long.")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys}
        self.current_id = keys[0][0]
        self.current_header = header_of(self.current_id)

    def seal(self, plain: bytes, bound_to: bytes) -> bytes:
        """Encrypt under the current key.

        Args:
            plain: what to hide.
            bound_to: where it belongs; the same bytes are needed to open it.
        """
        nonce = os.urandom(NONCE_BYTES)
        header = self.current_header
        data = self._ciphers[self.current_id].encrypt(nonce, plain, header + bound_to)
        return header + nonce + data

    def open(self, sealed: bytes, bound_to: bytes) -> bytes:
        """Decrypt.

        Raises:
            UnknownKey: the ring does not hold its key.
            DecryptionFailed: it was changed, or bound to something else.
        """
        key_id = key_id_of(sealed)
        start = 2 + len(key_id)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise UnknownKey(f"No key {key_id!r} in the ring.")
        if len(sealed) < start + NONCE_BYTES + TAG_BYTES:
            raise DecryptionFailed("The ciphertext is too short.")
        nonce = sealed[start : start + NONCE_BYTES]
        try:
            return cipher.decrypt(nonce, sealed[start + NONCE_BYTES :], sealed[:start] + bound_to)
        except InvalidTag as error:
            raise DecryptionFailed(
                "The ciphertext was changed, or belongs to another place."
            ) from error

    def is_current(self, sealed: bytes) -> bool:
        """Whether a ciphertext lies under the first key."""
        return sealed.startswith(self.current_header)

    def derive(self, key_id: str, salt: bytes, purpose: bytes) -> bytes:
        """A key of its own for one file (HKDF-SHA256), so that its nonces may simply count.

        Raises:
            UnknownKey: the ring does not hold that key.
        """
        key = self._raw.get(key_id)
        if key is None:
            raise UnknownKey(f"No key {key_id!r} in the ring.")
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=purpose).derive(key)

    def __repr__(self) -> str:
        return f"<KeyRing of {len(self._raw)}, current {self.current_id!r}>"


def keys_from_settings() -> Keys:
    """The default loader: ``settings.ENCRYPTION_KEYS``, from the environment."""
    keys: Keys = settings.ENCRYPTION_KEYS
    return keys


@lru_cache(maxsize=1)
def ring() -> KeyRing:
    """The ring of this process.

    The hook for a key management service: ``settings.KEY_RING_LOADER`` may name (dotted path) a
    function without arguments that returns ``[(key id, 32 bytes), …]``, current first, for example
    by having the service unwrap data keys that are kept beside the database. It is asked once a
    process, when the first ciphertext is read or written.
    """
    path = getattr(settings, "KEY_RING_LOADER", "")
    loader: Callable[[], Keys] = import_string(path) if path else keys_from_settings
    return KeyRing(loader())


def _forget_ring(*, setting: str, **kwargs: Any) -> None:
    """Tests that override the keys get a new ring."""
    if setting in ("ENCRYPTION_KEYS", "KEY_RING_LOADER"):
        ring.cache_clear()


setting_changed.connect(_forget_ring, dispatch_uid="hub.encryption.ring")
