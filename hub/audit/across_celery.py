"""Carries the request id from whoever starts a task to the audit rows the task writes.

Only the id travels: an address or a session has no place in the broker.
"""

from contextlib import ExitStack
from typing import Any

from celery.signals import before_task_publish, task_postrun, task_prerun

from hub.audit.origin import Origin, current_origin, safe_request_id, use_origin

_HEADER = "hub_request_id"
_STACK = "_hub_audit_origin"


def connect() -> None:
    """Listen to Celery's signals; safe to call twice."""
    before_task_publish.connect(_label, dispatch_uid="hub.audit.label")
    task_prerun.connect(_enter, dispatch_uid="hub.audit.enter")
    task_postrun.connect(_leave, dispatch_uid="hub.audit.leave")


def _label(*, headers: dict[str, Any] | None = None, **kwargs: Any) -> None:
    request_id = current_origin().request_id
    if headers is not None and request_id:
        headers[_HEADER] = request_id


def _enter(*, task: Any = None, task_id: str = "", **kwargs: Any) -> None:
    # A worker makes the message's headers attributes of the request; apply() leaves them apart.
    given = getattr(task.request, _HEADER, "") or (task.request.headers or {}).get(_HEADER)
    carried = safe_request_id(given)
    stack = ExitStack()
    stack.enter_context(use_origin(Origin(request_id=carried or safe_request_id(task_id))))
    setattr(task.request, _STACK, stack)


def _leave(*, task: Any = None, **kwargs: Any) -> None:
    stack: ExitStack | None = getattr(task.request, _STACK, None)
    if stack is not None:
        stack.close()
