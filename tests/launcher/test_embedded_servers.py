"""The embedded PostgreSQL and Valkey: they start whatever the last run left behind."""

import os
import shutil
import signal
import stat
import subprocess
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from hub.launcher.postgres import EmbeddedPostgres, WrongVersion
from hub.launcher.servers import EmbeddedServers, FolderInUse
from hub.launcher.system_user import PUBLIC_FOLDER, database_user, is_public
from tests.launcher.processes import living, wait_until


def servers(folder: Path) -> EmbeddedServers:
    return EmbeddedServers(folder, valkey=False, durable=False)


def start_and_stop(folder: Path) -> None:
    with servers(folder) as running, psycopg.connect(running.database_url) as database:
        database.execute("CREATE TABLE IF NOT EXISTS kept (id int)")


def lock_file(folder: Path) -> Path:
    return folder / "postgres" / "data" / "postmaster.pid"


def test_both_servers_answer_and_listen_on_no_port(folder: Path) -> None:
    with EmbeddedServers(folder, durable=False) as running:
        with psycopg.connect(running.database_url) as database:
            assert database.execute("SELECT current_database()").fetchone() == ("hub",)
        with redis.from_url(running.redis_url) as broker:
            assert broker.ping()
        for process in running.processes:
            connections = psutil.Process(process.pid).net_connections("inet")
            assert [c for c in connections if c.status == psutil.CONN_LISTEN] == []
        sockets = Path(running.redis_url.removeprefix("unix://")).parent
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700


def test_rows_survive_a_stop_and_a_crash(folder: Path) -> None:
    with EmbeddedServers(folder, valkey=False) as running:
        with psycopg.connect(running.database_url) as database:
            database.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(running.processes[0].pid, signal.SIGKILL)
        assert wait_until(lambda: not living([running.processes[0].pid]))
        assert lock_file(folder).exists()
    with (
        EmbeddedServers(folder, valkey=False) as running,
        psycopg.connect(running.database_url) as database,
    ):
        assert database.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_lock_file_with_the_number_of_another_process_is_no_obstacle(folder: Path) -> None:
    start_and_stop(folder)
    user = database_user()
    # Of the same user, or PostgreSQL itself would know that it is stale.
    rights = {"user": user.uid, "group": user.gid, "extra_groups": []} if user else {}
    stranger = subprocess.Popen(["sleep", "60"], cwd="/", **rights)
    try:
        lock_file(folder).write_text(f"{stranger.pid}\n{folder}\n")
        start_and_stop(folder)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("content", ["", "nonsense\n", "-5\n"])
def test_a_broken_lock_file_is_no_obstacle(folder: Path, content: str) -> None:
    start_and_stop(folder)
    lock_file(folder).write_text(content)
    start_and_stop(folder)


def test_a_server_that_nobody_remembers_is_ended_first(folder: Path) -> None:
    start_and_stop(folder)
    program = EmbeddedPostgres(folder, durable=False).program()
    user = program.run_as
    rights = {"user": user.uid, "group": user.gid, "extra_groups": []} if user else {}
    EmbeddedPostgres(folder, durable=False).prepare()
    orphan = subprocess.Popen(
        program.command, cwd=program.folder, stderr=subprocess.DEVNULL, **rights
    )
    assert wait_until(
        lambda: lock_file(folder).exists() and "ready" in lock_file(folder).read_text()
    )
    start_and_stop(folder)
    assert orphan.wait(timeout=5) == 0


def test_a_cluster_that_was_half_made_is_made_again(folder: Path) -> None:
    half = EmbeddedPostgres(folder, durable=False).home / "half-made"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    start_and_stop(folder)


def test_a_cluster_of_another_version_is_left_alone(folder: Path) -> None:
    start_and_stop(folder)
    version = folder / "postgres" / "data" / "PG_VERSION"
    version.write_text("9\n")
    with pytest.raises(WrongVersion, match="DATABASE_URL"):
        servers(folder).start()
    assert version.read_text() == "9\n"


def test_a_folder_serves_one_launcher_at_a_time(folder: Path) -> None:
    with EmbeddedServers(folder, postgres=False), pytest.raises(FolderInUse):
        EmbeddedServers(folder, postgres=False).start()
    EmbeddedServers(folder, postgres=False).start()


def test_nobodys_private_folder_is_opened_for_the_database(tmp_path: Path) -> None:
    assert not is_public(tmp_path)
    with servers(tmp_path) as running:
        assert running.postgres
        home = running.postgres.home
        # Root has to hand the data to another user, who cannot get into a private folder.
        assert home.is_relative_to(PUBLIC_FOLDER if os.geteuid() == 0 else tmp_path)
        with psycopg.connect(running.database_url) as database:
            assert database.execute("SELECT 1").fetchone() == (1,)
    assert not is_public(tmp_path)
    shutil.rmtree(home.parent)
