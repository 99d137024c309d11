"""The processes of the hub itself, as the demo runs them."""

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from hub.launcher.guarded import Program
from hub.launcher.ports import HOST

WORKER_THREADS = 8
# Connections to the database: the sum must stay well below the server's 100.
WEB_POOL = 30
WORKER_POOL = WORKER_THREADS + 2


def web(listener: socket.socket, environment: Mapping[str, str], project: Path) -> Program:
    """Return the web process: one, since the sockets' fan-out is per process.

    It serves `listener`, which outlives it: a caller's line waits for the next document while the
    process is started anew, and would be lost if it were refused.
    """
    application = ["hub.asgi:application", "--lifespan", "off"]
    own = {"HUB_DATABASE_POOL": str(WEB_POOL), **environment}
    served = ["--fd", str(listener.fileno())]
    command = [sys.executable, "-m", "uvicorn", *served, *_OPTIONS, *application]
    return Program("web", command, own, project, listener=listener.fileno())


def worker(environment: Mapping[str, str], project: Path) -> Program:
    """Return the Celery worker. Threads: its tasks wait for providers, and a fork breaks pools."""
    options = ["--pool", "threads", "--concurrency", str(WORKER_THREADS), "--loglevel", "INFO"]
    alone = ["--without-gossip", "--without-mingle"]
    own = {"HUB_DATABASE_POOL": str(WORKER_POOL), **environment}
    if os.geteuid() == 0:
        # Celery's page-long warning is about pickled tasks, which the settings forbid.
        own["PYTHONWARNINGS"] = "ignore:You're running the worker with superuser"
    return Program("worker", [*_celery("worker"), *options, *alone], own, project)


def beat(folder: Path, environment: Mapping[str, str], project: Path) -> Program:
    """Return the clock that sends the periodic tasks; its notes are kept in `folder`."""
    files = ["--pidfile=", "--schedule", str(folder / "beat-schedule")]
    return Program(
        "beat", [*_celery("beat"), "--loglevel", "WARNING", *files], environment, project
    )


def simulator(port: int, environment: Mapping[str, str], project: Path) -> Program:
    """Return the simulated Twilio, with the patients' phone page."""
    return Program(
        "simulator", [*_uvicorn(port), "channels_app.simulator.app:app"], environment, project
    )


def manage(environment: Mapping[str, str], project: Path, *command: str) -> Program:
    """Return a management command."""
    return Program(command[0], [sys.executable, "manage.py", *command], environment, project)


_OPTIONS = (
    # A websocket that stays open must not hold up the stop.
    *("--timeout-graceful-shutdown", "3", "--no-access-log", "--log-level", "warning"),
    # No frame of ours is larger; uvicorn would read 16 MB before anybody looks at it.
    *("--ws-max-size", "65536"),
)


def _uvicorn(port: int) -> list[str]:
    return [sys.executable, "-m", "uvicorn", "--host", HOST, "--port", str(port), *_OPTIONS]


def _celery(command: str) -> list[str]:
    return [sys.executable, "-m", "celery", "--quiet", "-A", "hub", command]
