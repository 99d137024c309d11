"""The key ring: what it opens, what it refuses, and where its keys come from."""

from collections.abc import Iterator

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from hub.encryption.ring import DecryptionFailed, KeyRing, UnknownKey, key_id_of, ring

OLD, NEW = ("2025", b"o" * 32), ("2026", b"n" * 32)


@given(plain=st.binary(max_size=2_000), bound_to=st.binary(max_size=80))
def test_what_was_sealed_opens(plain: bytes, bound_to: bytes) -> None:
    keys = KeyRing([NEW, OLD])
    sealed = keys.seal(plain, bound_to)
    assert keys.open(sealed, bound_to) == plain
    assert key_id_of(sealed) == "2026"


def test_equal_texts_differ_when_sealed() -> None:
    keys = KeyRing([NEW])
    assert len({keys.seal(b"same", b"place") for _ in range(50)}) == 50


def test_old_keys_open_and_only_the_first_seals() -> None:
    sealed = KeyRing([OLD]).seal(b"text", b"place")
    both = KeyRing([NEW, OLD])
    assert both.open(sealed, b"place") == b"text"
    assert not both.is_current(sealed)
    assert both.is_current(both.seal(b"text", b"place"))


def test_a_missing_key_is_named() -> None:
    sealed = KeyRing([OLD]).seal(b"text", b"place")
    with pytest.raises(UnknownKey, match="2025"):
        KeyRing([NEW]).open(sealed, b"place")


def test_every_changed_byte_is_noticed() -> None:
    keys = KeyRing([NEW])
    sealed = keys.seal(b"take two pills", b"place")
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises((DecryptionFailed, UnknownKey)):
            keys.open(bytes(changed), b"place")


def test_every_cut_is_noticed() -> None:
    keys = KeyRing([NEW])
    sealed = keys.seal(b"take two pills", b"place")
    for length in range(len(sealed)):
        with pytest.raises(DecryptionFailed):
            keys.open(sealed[:length], b"place")


def test_another_place_does_not_open() -> None:
    keys = KeyRing([NEW])
    with pytest.raises(DecryptionFailed):
        keys.open(keys.seal(b"text", b"one row"), b"another row")


def test_a_ciphertext_cannot_be_passed_to_a_key_of_the_same_bytes() -> None:
    """The key id is authenticated, not merely looked up."""
    keys = KeyRing([("aa", b"x" * 32), ("bb", b"x" * 32)])
    sealed = keys.seal(b"text", b"place")
    with pytest.raises(DecryptionFailed):
        keys.open(sealed.replace(b"aa", b"bb", 1), b"place")


@pytest.mark.parametrize(
    "keys",
    [
        [],
        [("a", b"short")],
        [("a", b"1" * 32), ("a", b"2" * 32)],
        [("", b"1" * 32)],
        [("a b", b"1" * 32)],
        [("a" * 33, b"1" * 32)],
    ],
)
def test_a_ring_that_would_not_do_is_refused(keys: list[tuple[str, bytes]]) -> None:
    with pytest.raises(ImproperlyConfigured):
        KeyRing(keys)


def test_no_key_shows_in_its_repr() -> None:
    assert "nnn" not in repr(KeyRing([NEW]))


@pytest.fixture
def fresh_ring() -> Iterator[None]:
    yield
    ring.cache_clear()


def test_the_ring_follows_the_settings(settings, fresh_ring: None) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    assert ring().current_id == "2025"
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert ring().current_id == "2026"


def keys_of_a_service() -> list[tuple[str, bytes]]:
    return [("from-service", b"s" * 32)]


def test_keys_may_come_from_a_service(settings, fresh_ring: None) -> None:
    settings.KEY_RING_LOADER = f"{__name__}.keys_of_a_service"
    assert ring().current_id == "from-service"
