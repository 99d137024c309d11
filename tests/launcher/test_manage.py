"""Management commands run with the demo's environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub.launcher.errors import CannotStart
from hub.launcher.keys import demo_keys
from hub.launcher.manage import manage


def test_without_a_demo_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="make demo"):
        manage({"HUB_DATA_DIR": str(tmp_path)}, ["check"])


def test_a_command_sees_the_demos_settings_and_its_exit_code_comes_back(tmp_path: Path) -> None:
    keys = demo_keys(tmp_path)
    environment = {
        "PATH": os.environ["PATH"],
        "HUB_DATA_DIR": str(tmp_path),
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "REDIS_URL": os.environ["REDIS_URL"],
    }
    shown = subprocess.run(
        [sys.executable, "-m", "hub.launcher", "manage", "diffsettings", "--all"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert shown.returncode == 0, shown.stderr
    assert "HUB_ENV = 'demo'" in shown.stdout
    assert keys["TWILIO_ACCOUNT_SID"] in shown.stdout
    assert manage(environment, ["no_such_command"]) != 0
