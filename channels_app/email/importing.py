"""Finds the messages in what a clinic brings along: raw messages, folders, mbox files, Maildirs."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: The line before each message of an mbox (RFC 4155): "From ", an address, and a date.
_FROM_LINE = re.compile(rb"From \S.*\d{4}\s*")
#: How mbox files of the "mboxrd" kind keep a line of the message that looks like one.
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
#: A Maildir's folder of what is only half written (cr.yp.to/proto/maildir.html).
_UNFINISHED = "tmp"


@dataclass(frozen=True, slots=True)
class Found:
    """One message.

    Attributes:
        name: the file's path; in an mbox with the number of the message behind "#", from 1 on.
        raw: the message as it lies there.
    """

    name: str
    raw: bytes


def count(paths: list[Path]) -> int:
    """Return how many messages there are, to say how far an import has come."""
    return sum(1 for _ in messages(paths))


def messages(paths: list[Path]) -> Iterator[Found]:
    """Yield the messages of files and folders in the order of their names.

    Raises FileNotFoundError for a path that is not there.
    """
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(path)
        for file in _files(path):
            yield from _in_file(file)


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for one in sorted(path.iterdir()):
        if one.name.startswith("."):
            # Maildir++ keeps its sub-folders in folders that begin with a dot; files are notes.
            if one.is_dir() and (one / "cur").is_dir():
                yield from _files(one)
        elif one.is_dir():
            if not (one.name == _UNFINISHED and (path / "cur").is_dir()):
                yield from _files(one)
        elif one.is_file():
            yield one


def _in_file(file: Path) -> Iterator[Found]:
    """Yield the messages of a file: one, or those of an mbox."""
    with file.open("rb") as lines:
        first = lines.readline()
        if not _FROM_LINE.fullmatch(first):
            yield Found(str(file), first + lines.read())
            return
        number, message, was_blank = 1, bytearray(), False
        for line in lines:
            if was_blank and _FROM_LINE.fullmatch(line):
                yield Found(f"{file}#{number}", _unquoted(message))
                number, message, was_blank = number + 1, bytearray(), False
                continue
            message += line
            was_blank = line in (b"\n", b"\r\n")
        yield Found(f"{file}#{number}", _unquoted(message))


def _unquoted(message: bytearray) -> bytes:
    return _QUOTED_FROM.sub(rb"\1", bytes(message))
