"""What happens before anything is started: keys, ports, and what the person chose."""

import os
import socket
import stat
from pathlib import Path

import pytest

from hub.launcher.demo import application_environment, choices
from hub.launcher.errors import CannotStart
from hub.launcher.keys import UnreadableKeys, demo_keys
from hub.launcher.ports import PortTaken, require_free
from hub.launcher.schema_state import Marks


def test_keys_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    keys = demo_keys(tmp_path)
    assert demo_keys(tmp_path) == keys
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_two_demos_have_different_keys(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    one, other = demo_keys(tmp_path), demo_keys(tmp_path / "other")
    assert [name for name in one if one[name] == other[name]] == []


def test_broken_keys_are_never_replaced(tmp_path: Path) -> None:
    demo_keys(tmp_path)
    (tmp_path / "secrets.json").write_text("{")
    with pytest.raises(UnreadableKeys, match="copy"):
        demo_keys(tmp_path)
    assert (tmp_path / "secrets.json").read_text() == "{"


def test_a_taken_port_is_named_with_who_has_it_and_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(PortTaken) as raised:
            require_free(port, "HUB_PORT")
        assert f"Port {port} is taken" in str(raised.value)
        assert f"process {os.getpid()}" in str(raised.value)
        assert f"HUB_PORT={port + 10} make demo" in str(raised.value)
    require_free(port, "HUB_PORT")


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(CannotStart, match="HUB_PORT"):
        choices({"HUB_PORT": port})


def test_what_the_person_set_wins_but_not_the_environments_kind(tmp_path: Path) -> None:
    given = {"HUB_DATA_DIR": str(tmp_path), "HUB_IDLE_MINUTES": "5", "HUB_ENV": "production"}
    made = application_environment(choices(given), "postgres://x/y", "redis://z", given)
    assert made["HUB_IDLE_MINUTES"] == "5"
    assert made["HUB_ENV"] == "demo"
    assert made["DATABASE_URL"] == "postgres://x/y"
    assert made["TWILIO_API_BASE"] == "http://127.0.0.1:8001"


def test_with_the_real_twilio_there_is_no_simulator(tmp_path: Path) -> None:
    given = {
        "HUB_DATA_DIR": str(tmp_path),
        "TWILIO_BACKEND": "live",
        "TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000009",
    }
    chosen = choices(given)
    made = application_environment(chosen, "postgres://x/y", "redis://z", given)
    assert not chosen.simulated
    assert "TWILIO_API_BASE" not in made
    assert made["TWILIO_ACCOUNT_SID"] == "AC00000000000000000000000000000009"


def test_a_mark_holds_for_one_state_only(tmp_path: Path) -> None:
    marks = Marks(tmp_path / "marks")
    assert not marks.has("migrated", "a")
    marks.set("migrated", "a")
    assert marks.has("migrated", "a")
    assert not marks.has("migrated", "b")
