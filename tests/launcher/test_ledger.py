"""The ledger ends strays, and only those."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hub.launcher.ledger import Ledger
from tests.launcher.processes import living


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_a_stray_of_an_earlier_run_is_ended(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    Ledger(tmp_path / "rows.json").add("web", [sleeper.pid])
    assert Ledger(tmp_path / "rows.json").sweep() == ["web"]
    assert living([sleeper.pid]) == []
    assert Ledger(tmp_path / "rows.json").sweep() == []


def test_a_process_that_only_has_the_same_number_is_spared(
    tmp_path: Path, sleeper: subprocess.Popen[bytes]
) -> None:
    created = psutil.Process(sleeper.pid).create_time()
    (tmp_path / "rows.json").write_text(json.dumps({"web": [[sleeper.pid, created - 60]]}))
    assert Ledger(tmp_path / "rows.json").sweep() == []
    assert living([sleeper.pid]) == [sleeper.pid]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"web": 3}', '{"web": [[1]]}'])
def test_a_broken_ledger_is_an_empty_one(tmp_path: Path, content: str) -> None:
    (tmp_path / "rows.json").write_text(content)
    assert Ledger(tmp_path / "rows.json").sweep() == []
