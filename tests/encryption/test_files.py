"""Stored files: whole or not at all, bound to their row, readable from anywhere in them."""

import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from hub.encryption.files import CHUNK_BYTES, EncryptedFileStorage, NoSuchFile
from hub.encryption.ring import DecryptionFailed, UnknownKey, ring

ROW = "conversations.Attachment.storage_name:one"
SEALED_CHUNK = CHUNK_BYTES + 16
CANARY = b"canary-recording-4711"
# Around every boundary of a chunk: that is where the last one is told from the others.
SIZES = [0, 1, 15, 16, 17] + [n * CHUNK_BYTES + d for n in (1, 2) for d in (-17, -16, -1, 0, 1, 16)]
in_one_folder = hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def files(tmp_path: Path) -> EncryptedFileStorage:
    return EncryptedFileStorage(tmp_path / "sealed")


def content(size: int) -> bytes:
    return Random(size).randbytes(size)


def on_disk(files: EncryptedFileStorage, name: str) -> Path:
    return files.root / name[:2] / name[2:4] / name


def chunks(sealed: bytes, header: int) -> list[bytes]:
    return [sealed[at : at + SEALED_CHUNK] for at in range(header, len(sealed), SEALED_CHUNK)]


def header_bytes() -> int:
    return 8 + 1 + len(ring().current_id) + 32


def read(files: EncryptedFileStorage, name: str, bound_to: str = ROW) -> bytes:
    with files.open(name, bound_to) as file:
        return file.read()


@pytest.mark.parametrize("size", SIZES)
def test_what_was_saved_is_read(files: EncryptedFileStorage, size: int) -> None:
    data = content(size)
    name = files.save([data], ROW)
    assert read(files, name) == data
    assert files.size(name) == size
    from_file = files.save(io.BytesIO(data), ROW)
    assert read(files, from_file) == data
    assert from_file != name


@in_one_folder
@given(pieces=st.lists(st.binary(max_size=CHUNK_BYTES * 2), max_size=4))
def test_pieces_of_any_size_make_one_file(files: EncryptedFileStorage, pieces: list[bytes]) -> None:
    name = files.save(iter(pieces), ROW)
    assert read(files, name) == b"".join(pieces)


@in_one_folder
@given(
    size=st.integers(0, 3 * CHUNK_BYTES),
    moves=st.lists(
        st.tuples(st.sampled_from([os.SEEK_SET, os.SEEK_CUR, os.SEEK_END]),
                  st.integers(-4 * CHUNK_BYTES, 4 * CHUNK_BYTES), st.integers(0, 2 * CHUNK_BYTES)),
        max_size=12,
    ),
)  # fmt: skip
def test_a_player_may_seek_as_in_a_plain_file(
    files: EncryptedFileStorage, size: int, moves: list[tuple[int, int, int]]
) -> None:
    plain = io.BytesIO(content(size))
    with files.open(files.save([content(size)], ROW), ROW) as file:
        for whence, offset, length in moves:
            base = {os.SEEK_SET: 0, os.SEEK_CUR: plain.tell(), os.SEEK_END: size}[whence]
            if base + offset < 0:
                with pytest.raises((ValueError, OSError)):
                    file.seek(offset, whence)
                continue
            # BytesIO takes no negative offset from the current place's end; the sum is the same.
            assert file.seek(offset, whence) == plain.seek(base + offset)
            assert file.read(length) == plain.read(length)
            assert file.tell() == plain.tell()


def test_the_folder_shows_nothing(files: EncryptedFileStorage) -> None:
    name = files.save([CANARY * 10_000], ROW)
    sealed = on_disk(files, name).read_bytes()
    assert b"canary" not in sealed
    # Equal chunks differ: each has its own nonce.
    parts = chunks(sealed, header_bytes())
    assert len(set(parts)) == len(parts) > 3
    assert files.save([CANARY], ROW) != files.save([CANARY], ROW)


def test_only_our_own_user_may_read(files: EncryptedFileStorage) -> None:
    path = on_disk(files, files.save([CANARY], ROW))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def damaged(sealed: bytes) -> Iterator[tuple[str, bytes]]:
    """Every way to harm a file of three chunks and a half."""
    start = header_bytes()
    head, parts = sealed[:start], chunks(sealed, start)
    assert len(parts) == 4
    yield "last chunk cut off", head + b"".join(parts[:3])
    yield "last two chunks cut off", head + b"".join(parts[:2])
    yield "one byte cut off", sealed[:-1]
    yield "all but the header cut off", head
    yield "cut inside the header", sealed[: start - 1]
    yield "empty", b""
    yield "chunks exchanged", head + parts[1] + parts[0] + parts[2] + parts[3]
    yield "chunk left out", head + parts[0] + parts[2] + parts[3]
    yield "chunk twice", head + parts[0] + parts[0] + parts[2] + parts[3]
    yield "chunk added", head + b"".join(parts[:3]) + parts[2] + parts[3]
    yield "last chunk twice", sealed + parts[3]
    yield "bytes added", sealed + b"\0" * 20
    yield "first chunk as the last", head + parts[1] + parts[2] + parts[0]
    for at in (0, 8, 9, start - 1, start, start + SEALED_CHUNK - 1, len(sealed) - 1):
        yield f"byte {at} changed", sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]


def test_no_damage_goes_unnoticed(files: EncryptedFileStorage) -> None:
    data = content(3 * CHUNK_BYTES + 500)
    name = files.save([data], ROW)
    path = on_disk(files, name)
    whole = path.read_bytes()

    def opens(harmed: bytes) -> bool:
        path.write_bytes(harmed)
        try:
            read(files, name)
        except (DecryptionFailed, UnknownKey):
            return False
        return True

    assert [what for what, harmed in damaged(whole) if opens(harmed)] == []
    path.write_bytes(whole)
    assert read(files, name) == data


def test_a_cut_is_noticed_before_the_first_byte_is_given(files: EncryptedFileStorage) -> None:
    name = files.save([content(2 * CHUNK_BYTES)], ROW)
    path = on_disk(files, name)
    path.write_bytes(path.read_bytes()[:-SEALED_CHUNK])
    with pytest.raises(DecryptionFailed):
        files.open(name, ROW)


def test_chunks_of_another_file_do_not_fit(files: EncryptedFileStorage) -> None:
    """Same row, same key, same place in the file: still another file."""
    one, two = (files.save([content(2 * CHUNK_BYTES)], ROW) for _ in range(2))
    sealed_one, sealed_two = (on_disk(files, name).read_bytes() for name in (one, two))
    start = header_bytes()
    on_disk(files, one).write_bytes(
        sealed_one[: start + SEALED_CHUNK] + sealed_two[start + SEALED_CHUNK :]
    )
    with pytest.raises(DecryptionFailed):
        files.open(one, ROW)


def test_a_file_of_another_row_does_not_open(files: EncryptedFileStorage) -> None:
    name = files.save([CANARY], ROW)
    with pytest.raises(DecryptionFailed):
        files.open(name, ROW.replace("one", "two"))
    with pytest.raises(DecryptionFailed):
        files.open(name, "")


@pytest.mark.parametrize(
    "name",
    ["../../../etc/passwd", "/etc/passwd", "", "a" * 31, "a" * 33, "A" * 32, "a" * 32 + "\n", "."],
)
def test_no_name_leads_out_of_the_folder(files: EncryptedFileStorage, name: str) -> None:
    with pytest.raises(NoSuchFile):
        files.open(name, ROW)
    with pytest.raises(NoSuchFile):
        files.delete(name)


def test_delete_and_exists(files: EncryptedFileStorage) -> None:
    name = files.save([CANARY], ROW)
    assert files.exists(name)
    assert list(files.names()) == [name]
    files.delete(name)
    files.delete(name)
    assert not files.exists(name)
    with pytest.raises(NoSuchFile):
        files.open(name, ROW)


def test_a_writer_that_fails_leaves_nothing(files: EncryptedFileStorage) -> None:
    def broken() -> Iterator[bytes]:
        yield CANARY * 10_000
        raise ConnectionResetError("the provider hung up")

    with pytest.raises(ConnectionResetError):
        files.save(broken(), ROW)
    assert [path for path in files.root.rglob("*") if path.is_file()] == []


def test_what_a_crash_left_is_swept_and_finished_files_stay(files: EncryptedFileStorage) -> None:
    name = files.save([CANARY], ROW)
    old, young = (on_disk(files, name).with_name(f"{n}.part") for n in ("old", "young"))
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    assert files.sweep_unfinished() == 1
    assert not old.exists()
    assert young.exists()
    assert files.exists(name)


def test_reseal_changes_the_key_and_nothing_else(files: EncryptedFileStorage, settings) -> None:
    old = settings.ENCRYPTION_KEYS[0]
    data = content(2 * CHUNK_BYTES + 7)
    name = files.save([data], ROW)
    assert not files.reseal(name, ROW)
    reader = files.open(name, ROW)
    settings.ENCRYPTION_KEYS = [("newer", b"n" * 32), old]
    assert files.key_id(name) == old[0]
    assert files.reseal(name, ROW)
    assert files.key_id(name) == "newer"
    assert reader.read() == data, "who was reading reads on"
    reader.close()
    settings.ENCRYPTION_KEYS = [("newer", b"n" * 32)]
    assert read(files, name) == data


def test_reseal_of_a_damaged_file_keeps_it_as_it_is(files: EncryptedFileStorage, settings) -> None:
    old = settings.ENCRYPTION_KEYS[0]
    name = files.save([content(2 * CHUNK_BYTES)], ROW)
    path = on_disk(files, name)
    harmed = bytearray(path.read_bytes())
    harmed[200] ^= 1
    path.write_bytes(harmed)
    settings.ENCRYPTION_KEYS = [("newer", b"n" * 32), old]
    with pytest.raises(DecryptionFailed):
        files.reseal(name, ROW)
    assert path.read_bytes() == harmed
    assert not list(files.root.rglob("*.part"))


def test_an_unknown_key_is_named(files: EncryptedFileStorage, settings) -> None:
    old = settings.ENCRYPTION_KEYS[0][0]
    name = files.save([CANARY], ROW)
    settings.ENCRYPTION_KEYS = [("newer", b"n" * 32)]
    with pytest.raises(UnknownKey, match=old):
        files.open(name, ROW)
