"""Music for those who wait: made here, so that it belongs to nobody and comes from our own host."""

import io
import math
import struct
import wave
from functools import cache

RATE = 8000  # samples a second, as a telephone carries
NOTE = 1.6  # seconds
#: Two quiet chords after one another, as frequencies in hertz.
CHORDS = (
    (220.0, 277.18, 329.63),
    (196.0, 246.94, 293.66),
    (174.61, 220.0, 261.63),
    (196.0, 246.94, 329.63),
)
ROUNDS = 3
LOUDNESS = 2200  # of 32,767


@cache
def wav() -> bytes:
    """Return some twenty seconds of calm chords as a WAV file, mono, 16 bit."""
    samples: list[int] = []
    length = int(RATE * NOTE)
    for chord in CHORDS * ROUNDS:
        for i in range(length):
            swell = math.sin(math.pi * i / length) ** 2
            tone = sum(math.sin(2 * math.pi * pitch * i / RATE) for pitch in chord)
            samples.append(int(LOUDNESS * swell * tone))
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return out.getvalue()
