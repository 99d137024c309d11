"""Everything that a run leaves behind, as bytes to look through."""

import base64
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import redis
from django.db import connection


class Listening:
    """All that is said to Valkey while it runs (MONITOR): task arguments, frames, cache keys."""

    def __init__(self, url: str) -> None:
        # However long nobody speaks: processes may take their time to start.
        self._server = redis.Redis.from_url(url, socket_timeout=None)
        self._heard: list[bytes] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> "Listening":
        self._monitor = self._server.monitor().__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.ping()  # one more command, so that the listener looks up
        self._thread.join(5)
        self._monitor.__exit__(None, None, None)

    def _listen(self) -> None:
        while not self._ended.is_set():
            said: Any = self._monitor.next_command()
            self._heard.append(said["command"].encode("utf-8", "surrogateescape"))

    @property
    def heard(self) -> bytes:
        return b"\n".join(self._heard)


def database() -> Iterator[tuple[str, bytes]]:
    """Yield each table as a dump would hold it, binary columns as the bytes that they are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, array_agg(column_name::text) FILTER (WHERE data_type = 'bytea') "
            "FROM information_schema.columns WHERE table_schema = 'public' GROUP BY table_name"
        )
        for table, binary in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM public."{table}" t')  # noqa: S608
            yield table, "\n".join(row for (row,) in cursor.fetchall()).encode()
            for column in binary or ():
                cursor.execute(f'SELECT "{column}" FROM public."{table}"')  # noqa: S608
                yield (
                    f"{table}.{column}",
                    b"\n".join(bytes(value) for (value,) in cursor.fetchall() if value),
                )


def valkey(url: str) -> bytes:
    """Return all keys and values."""
    server = redis.Redis.from_url(url)
    found = []
    for key in server.scan_iter():
        found.append(key)
        match server.type(key):
            case b"string":
                found.append(server.get(key) or b"")
            case b"list":
                found += server.lrange(key, 0, -1)
            case b"set":
                found += server.smembers(key)
            case b"hash":
                found += [part for pair in server.hgetall(key).items() for part in pair]
            case b"zset":
                found += server.zrange(key, 0, -1)
    return b"\n".join(found)


def folder(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each file's name and bytes."""
    for file in sorted(path.rglob("*")):
        if file.is_file():
            yield str(file), str(file.relative_to(path)).encode() + b"\n" + file.read_bytes()


def forms(word: str) -> list[bytes]:
    """Return how a word may stand in bytes: plain, in an address, escaped, in base64 and hex."""
    plain = word.encode()
    ways = {plain, quote(word).encode(), quote_plus(word).encode(), plain.hex().encode()}
    ways.add("".join(f"\\u{ord(c):04x}" for c in word).encode())
    for shift in range(3):
        # Base64 of the word at each place that it may begin at, without the blurred ends.
        text = base64.b64encode(b"\0" * shift + plain).rstrip(b"=")
        ways.add(text[(shift + 2) * 4 // 3 if shift else 0 : -2])
    return sorted(ways)


def holds(trace: bytes, word: str) -> bool:
    """Whether `word` stands in `trace` in any form, however it is written."""
    lower = trace.lower()
    return any(way in trace or way.lower() in lower for way in forms(word))
