"""One terminal for many processes: each line with the label of who wrote it, in its colour."""

import os
import re
import sys
import threading
from collections import deque
from collections.abc import Mapping
from typing import IO, TextIO

COLOURS = {
    "web": "36",
    "worker": "32",
    "beat": "34",
    "simulator": "35",
    "postgresql": "90",
    "valkey": "90",
    "launcher": "1",
}
# What the servers say at each start, which is of use only when they do not start.
HIDDEN: Mapping[str, re.Pattern[str]] = {
    "postgresql": re.compile(r"\] LOG:  "),
    "valkey": re.compile(r"overcommit|shutdown|bye bye"),
}
KEPT_LINES = 20
"""How many of each process's last lines are kept, hidden ones included."""


class Output:
    """Writes labelled lines. Safe to use from many threads."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._coloured = self._stream.isatty() and "NO_COLOR" not in os.environ
        self._lock = threading.Lock()
        self._recent: dict[str, deque[str]] = {}
        self._width = max(map(len, COLOURS))

    def say(self, text: str, label: str = "launcher") -> None:
        """Write `text`, each of its lines after `label`."""
        name = label.ljust(self._width)
        if self._coloured:
            name = f"\033[{COLOURS.get(label, '0')}m{name}\033[0m"
        lines = "".join(f"{name} | {line}\n" for line in text.splitlines() or [""])
        with self._lock:
            try:
                self._stream.write(lines)
                self._stream.flush()
            except (BrokenPipeError, ValueError):
                # Nobody reads any more; the processes' pipes must be emptied all the same.
                return

    def follow(self, label: str, pipe: IO[bytes]) -> None:
        """Write what comes out of `pipe`, in a thread that ends with it."""
        threading.Thread(target=self._read, args=(label, pipe), daemon=True).start()

    def recent(self, label: str) -> str:
        """Return the last lines of `label`."""
        return "\n".join(self._recent.get(label, ()))

    def _read(self, label: str, pipe: IO[bytes]) -> None:
        kept = self._recent.setdefault(label, deque(maxlen=KEPT_LINES))
        hidden = HIDDEN.get(label)
        with pipe:
            for raw in pipe:
                line = raw.decode(errors="replace").rstrip()
                kept.append(line)
                if not (hidden and hidden.search(line)):
                    self.say(line, label)
