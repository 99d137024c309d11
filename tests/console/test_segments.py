"""The browser counts a text as the carrier does: held against the simulator's own count."""

import json
import subprocess
from pathlib import Path

import pytest

from channels_app.simulator.segments import count_segments

MODULE = Path(__file__).parents[2] / "static" / "js" / "console" / "segments.js"
TEXTS = [
    "",
    "a",
    "a" * 160,
    "a" * 161,
    "a" * 306,
    "a" * 307,
    "€" * 80,
    "€" * 81,
    "a" * 152 + "€" + "b" * 10,  # the escape and its sign stay together
    "[]{}|~^\\",
    "é" * 160,
    "á",
    "á" * 70,
    "á" * 71,
    "x" * 66 + "😀" + "y" * 10,  # so do the two halves of an emoji
    "預約可以改到下星期二嗎" * 7,
    "line\nline\r\n" * 16,
    "Çç",
]


@pytest.fixture(scope="module")
def counted() -> list[dict[str, int]]:
    script = (
        f"import {{ count }} from {json.dumps(MODULE.as_uri())};"
        "let text = ''; process.stdin.on('data', (part) => { text += part; });"
        "process.stdin.on('end', () => "
        "console.log(JSON.stringify(JSON.parse(text).map((one) => count(one)))));"
    )
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", script],
        input=json.dumps(TEXTS),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("index", range(1, len(TEXTS)))
def test_as_many_parts_as_the_carrier_bills(counted: list[dict[str, int]], index: int) -> None:
    assert counted[index]["segments"] == count_segments(TEXTS[index]), TEXTS[index][:20]


def test_nothing_is_no_part(counted: list[dict[str, int]]) -> None:
    assert counted[0] == {"encoding": "GSM-7", "units": 0, "segments": 0}


def test_signs_of_the_extension_table_take_two_places(counted: list[dict[str, int]]) -> None:
    assert counted[TEXTS.index("[]{}|~^\\")]["units"] == 16
    assert counted[TEXTS.index("á")]["encoding"] == "UCS-2"
