"""Tasks are JSON and hold ids only; whoever can write to the broker cannot run code (celery
CVE-2021-23727, channels CVE-2020-35681)."""

import base64
import json
import pickle
import time
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from hub.celery import app
from tests.hub_processes import HubProcesses


class Bomb:
    """Unpickled, it writes a file: proof that code ran."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.write_text, (self.path, "it ran"))


def _message(body: bytes, content_type: str, settings) -> str:
    tag = str(uuid4())
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": "binary",
            "content-type": content_type,
            "headers": {"task": "channels_app.tasks.sweep_receipts", "id": tag, "lang": "py"},
            "properties": {
                "correlation_id": tag,
                "delivery_mode": 2,
                "delivery_info": {"exchange": "", "routing_key": "celery"},
                "priority": 0,
                "body_encoding": "base64",
                "delivery_tag": tag,
            },
        }
    )


def test_the_application_accepts_json_alone() -> None:
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_serializer == "json" and app.conf.result_serializer == "json"
    assert app.conf.task_ignore_result, "results would lie in the broker"


def test_a_pickled_message_is_refused_by_a_running_worker(
    transactional_db: None, tmp_path: Path, settings
) -> None:
    hub = HubProcesses(tmp_path)
    mark, proof = tmp_path / "boom", tmp_path / "proof"
    queue = f"{settings.CHANNEL_PREFIX}:celery"
    server = redis.Redis.from_url(settings.REDIS_URL)
    try:
        hub.start("worker")
        bomb = pickle.dumps(((Bomb(mark),), {}, {}))
        server.lpush(queue, _message(bomb, "application/x-python-serialize", settings))
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and (
            server.llen(queue) or "ContentDisallowed" not in hub.log("worker").read_text()
        ):
            time.sleep(0.05)
        assert server.llen(queue) == 0, "the worker never took it"
        assert not mark.exists(), "the worker ran what was in the message"
        # It can fail: where pickle is accepted, the very same message would have run.
        pickle.loads(pickle.dumps(Bomb(proof)))  # noqa: S301
        assert proof.exists()
    finally:
        hub.stop()


@pytest.mark.parametrize("name", sorted(n for n in app.tasks if not n.startswith("celery.")))
def test_a_task_takes_ids_at_most(name: str) -> None:
    """A task's arguments lie in the broker in the clear: only ids may stand there."""
    import inspect

    for argument in inspect.signature(app.tasks[name].run).parameters.values():
        assert argument.annotation in ("int", int, "list[int]", list[int]), (
            f"{name}({argument}): arguments of tasks are ids"
        )
