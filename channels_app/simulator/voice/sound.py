"""Sound files made on the spot: a quiet tone as WAV, silence as MP3."""

from __future__ import annotations

import array
import math
import struct
import sys
from functools import cache

RATE = 8000
LONGEST = 60.0
#: The tone of each channel (Hz); whole periods fit into a tenth of a second.
_TONES = (220, 330)
_LOUDNESS = 1200

#: MPEG-2 layer III, 8 kbit/s, 16 kHz, mono: 36 bytes for 36 ms; all zero inside is silence.
_FRAME = bytes((0xFF, 0xF3, 0x18, 0xC4)) + bytes(32)
_FRAME_SECONDS = 0.036


def wav(seconds: float, channels: int) -> bytes:
    """PCM, 8 kHz, 16 bits, ``seconds`` long (60 at most), each channel with a tone of its own."""
    frames = round(min(seconds, LONGEST) * RATE)
    period = _period(channels)
    whole, rest = divmod(frames * channels * 2, len(period))
    data = period * whole + period[:rest]
    block = channels * 2
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + len(data), b"WAVE"),
        *(b"fmt ", 16, 1, channels, RATE, RATE * block, block, 16),
        *(b"data", len(data)),
    )
    return header + data


def mp3(seconds: float) -> bytes:
    """A valid MP3 of silence, ``seconds`` long (60 at most)."""
    return _FRAME * max(1, round(min(seconds, LONGEST) / _FRAME_SECONDS))


@cache
def _period(channels: int) -> bytes:
    samples = array.array("h")
    for index in range(RATE // 10):
        for tone in _TONES[:channels]:
            samples.append(round(_LOUDNESS * math.sin(2 * math.pi * tone * index / RATE)))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()
