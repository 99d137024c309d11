"""A management command with the demo's own environment, beside the running demo."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from hub.launcher.demo import PROJECT, application_environment, choices
from hub.launcher.errors import CannotStart
from hub.launcher.guarded import child_environment
from hub.launcher.postgres import EmbeddedPostgres
from hub.launcher.valkey import EmbeddedValkey


def manage(environment: Mapping[str, str], command: Sequence[str]) -> int:
    """Run `manage.py` with `command`; return its exit code.

    The servers are the demo's and must be running. Raises CannotStart where no demo was yet.
    """
    chosen = choices(environment)
    if not (chosen.folder / "secrets.json").exists():
        raise CannotStart(f"There is no demo with its data in {chosen.folder}: `make demo` first.")
    database_url = chosen.database_url or EmbeddedPostgres(chosen.folder).url()
    redis_url = chosen.redis_url or EmbeddedValkey(chosen.folder).url
    own = application_environment(chosen, database_url, redis_url, environment)
    program = [sys.executable, "manage.py", *command]
    path = {"PATH": os.environ.get("PATH", "")}
    return subprocess.run(program, cwd=PROJECT, env=child_environment(path | own)).returncode
