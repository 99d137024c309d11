"""Early pytest plugin: the environment and the servers that every test runs against.

Loaded by `addopts = -p tests.servers`, because pytest-django reads the settings before any
conftest.py. It gives each run a PostgreSQL and a Valkey of its own, in a folder that no other run
holds, so that runs and a demo stand side by side. With DATABASE_URL or REDIS_URL set, that server
is used instead (the role must be a superuser: the flush switches triggers off).

The servers stop with the run, however it ends: they have guards, as in the demo.
"""

import os
import secrets
from pathlib import Path

import pytest

from hub.launcher.servers import EmbeddedServers, FolderInUse, FolderLock

PROJECT = Path(__file__).resolve().parent.parent
RUNS_AT_ONCE = 32
"""How many runs may stand side by side before something must be wrong."""

# Keys for tests only, and not secret: 32 bytes each, in base64.
TEST_ENVIRONMENT = {
    "HUB_ENV": "test",
    # Tests run at any hour; those about the hours set them.
    "HUB_CALLS_FROM": "00:00",
    "HUB_CALLS_UNTIL": "24:00",
    "HUB_SECRET_KEY": "not-a-secret-only-for-tests-0123456789-0123456789-0123456789",
    "HUB_ENCRYPTION_KEYS": "test1:dGVzdC1lbmNyeXB0aW9uLWtleS0wMDAwMDAwMDAwMDE=",
    "HUB_BLIND_INDEX_KEY": "dGVzdC1ibGluZC1pbmRleC1rZXktMDAwMDAwMDAwMDE=",
    "HUB_AUDIT_KEY": "dGVzdC1hdWRpdC1rZXktMDAwMDAwMDAwMDAwMDAwMDE=",
    "HUB_PUBLIC_URL": "http://testserver",
    "HUB_ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    "TWILIO_BACKEND": "simulator",
    # Nobody listens there: a test that talks to the simulator starts one and names it.
    "TWILIO_API_BASE": "http://127.0.0.1:1",
    "TWILIO_ACCOUNT_SID": "AC00000000000000000000000000000001",
    "TWILIO_AUTH_TOKEN": "test-auth-token-0000000000000001",
    "TWILIO_AUTH_TOKEN_PREVIOUS": "",
    "TWILIO_API_KEY_SID": "SK00000000000000000000000000000001",
    "TWILIO_API_KEY_SECRET": "test-api-key-secret-000000000001",
    "TWILIO_TIMEOUT": "5",
    "DJANGO_SETTINGS_MODULE": "hub.settings",
}

_started: list[EmbeddedServers] = []
_slot_lock: list[FolderLock] = []


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Start what this process needs and put its addresses into the environment.

    Workers of xdist inherit the PostgreSQL; each has a database, a Valkey and a prefix of its own.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not worker:
        _prepare_run()
    folder = Path(os.environ["HUB_TEST_FOLDER"]) / (worker or "main")
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["HUB_DATA_DIR"] = str(folder)
    os.environ["HUB_MEDIA_DIR"] = str(folder / "media")
    name = f"{os.environ['HUB_TEST_RUN']}_{worker or 'main'}"
    os.environ["HUB_CHANNEL_PREFIX"] = f"test-{name}"
    os.environ["DATABASE_URL"] = with_database(os.environ["HUB_TEST_POSTGRES"], f"hub_test_{name}")
    if os.environ["HUB_TEST_OWN_VALKEY"]:
        valkey = EmbeddedServers(folder / "valkey", postgres=False, lock=False)
        valkey.start()
        _started.append(valkey)
        os.environ["REDIS_URL"] = valkey.redis_url


def pytest_unconfigure() -> None:
    """Stop what this process started."""
    while _started:
        _started.pop().stop()
    while _slot_lock:
        _slot_lock.pop().release()


def with_database(url: str, name: str) -> str:
    """Return the PostgreSQL address `url` with the database `name` in it."""
    base, mark, query = url.partition("?")
    return f"{base.rpartition('/')[0]}/{name}{mark}{query}"


def _prepare_run() -> None:
    """Take a free folder, start PostgreSQL in it unless one is named, and set the fixed values."""
    given_database = os.environ.get("DATABASE_URL", "")
    os.environ["HUB_TEST_OWN_VALKEY"] = "" if os.environ.get("REDIS_URL") else "yes"
    os.environ.update(TEST_ENVIRONMENT)
    os.environ["HUB_TEST_RUN"] = secrets.token_hex(4)
    # Python starts seconds later without its cache of compiled code, and tests start processes.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    slot = _take_slot()
    os.environ["HUB_TEST_FOLDER"] = str(slot)
    if not given_database:
        postgres = EmbeddedServers(slot, valkey=False, durable=False, lock=False)
        try:
            postgres.start()
        except Exception:
            # It runs without fsync, so a power cut may have broken it. Nothing in it matters.
            if postgres.postgres is None:
                raise
            postgres.postgres.forget()
            postgres.start()
        _started.append(postgres)
        given_database = postgres.database_url
    os.environ["HUB_TEST_POSTGRES"] = given_database


def _take_slot() -> Path:
    """Return the first run folder that nobody holds. Its template database is used again."""
    root = Path(os.environ.get("HUB_TEST_DATA_DIR") or PROJECT / ".cache" / "tests")
    for number in range(RUNS_AT_ONCE):
        slot = root / f"run-{number}"
        lock = FolderLock(slot)
        try:
            lock.take()
        except FolderInUse:
            continue
        _slot_lock.append(lock)
        return slot
    raise pytest.UsageError(f"{RUNS_AT_ONCE} test runs hold folders under {root}.")
