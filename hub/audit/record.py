"""Writes the audit trail: one INSERT, in the transaction of what it tells about.

    record(AuditAction.VIEW_CONVERSATION, actor=user, conversation=conversation, patient=patient)
    record(AuditAction.VIEW_LIST, actor=user, objects=page, detail={"list": "mine"})
    record(AuditAction.LEAVE_CONVERSATION, actor=user, conversation=c, detail={"last_number": 41})

Where the request came from is known from `hub.audit.origin`. If the row cannot be written, the
error is the caller's: nobody reads patient data unrecorded.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models

from hub.audit.action_codes import AuditAction
from hub.audit.canonical import event_mac
from hub.audit.models import AuditEvent
from hub.audit.origin import Origin, current_origin

__all__ = ["AuditAction", "DetailNotIds", "Origin", "record"]

_CODE = re.compile(r"[A-Za-z0-9_.:/-]{0,64}")


class DetailNotIds(ValueError):
    """`detail` held something other than ids, numbers, flags and short codes."""


class MixedObjects(ValueError):
    """`objects` were not all of one kind, or were bare ids without `kind`."""


class Identified(Protocol):
    """A saved row, or anything else with a numeric primary key."""

    @property
    def pk(self) -> Any:
        """Its primary key."""


Actor = AbstractBaseUser | AnonymousUser | int | None


def record(
    action: AuditAction,
    *,
    actor: Actor,
    patient: Identified | int | None = None,
    conversation: Identified | int | None = None,
    objects: Iterable[models.Model | int] = (),
    kind: str = "",
    why: str = "",
    detail: Mapping[str, Any] | None = None,
    origin: Origin | None = None,
) -> AuditEvent:
    """Write one row.

    Args:
        action: what was done.
        actor: who did it, as a user or their id; None or an anonymous user for nobody known.
        patient: whose data it was (the row or its id).
        conversation: in which conversation (the row or its id).
        objects: the other rows concerned, all of one model; for a list page all that it showed.
        kind: "app.Model" of `objects`, needed where they are bare ids.
        why: a reason in somebody's own words; stored encrypted.
        detail: ids, numbers, flags and short codes, never words about a person.
        origin: where it came from, if not from the current request.

    Raises:
        DetailNotIds: `detail` holds text that is not a short code.
        MixedObjects: `objects` are of several models, or bare ids without `kind`.
    """
    origin = origin or current_origin()
    kind, ids = _objects(objects, kind)
    event = AuditEvent(
        actor_id=_pk(None if isinstance(actor, AnonymousUser) else actor),
        action=AuditAction(action).value,
        object_kind=kind,
        object_ids=ids,
        patient_id=_pk(patient),
        conversation_id=_pk(conversation),
        ip=origin.ip,
        request_id=origin.request_id,
        session=origin.session,
        why=why,
        detail=_ids_only(dict(detail or {})),
    )
    event.hmac = event_mac(event)
    event.save(force_insert=True)
    return event


def _pk(of: Identified | int | None) -> int | None:
    if of is None or isinstance(of, int):
        return of
    return int(of.pk)


def _objects(objects: Iterable[models.Model | int], kind: str) -> tuple[str, list[int]]:
    ids: list[int] = []
    kinds = {kind} if kind else set()
    for each in objects:
        if isinstance(each, models.Model):
            kinds.add(each._meta.label)
            ids.append(int(each.pk))
        else:
            ids.append(each)
    if len(kinds) > 1 or (ids and not kinds):
        raise MixedObjects(f"Objects of one kind are needed, not {sorted(kinds)}.")
    return (kinds.pop() if kinds else ""), ids


def _ids_only(value: Any) -> Any:
    """The same value with UUIDs as text, if it holds ids, numbers, flags and codes only."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, str) and _CODE.fullmatch(value):
        return str(value)
    if isinstance(value, list | tuple):
        return [_ids_only(each) for each in value]
    if isinstance(value, dict):
        return {_ids_only(str(key)): _ids_only(each) for key, each in value.items()}
    raise DetailNotIds(f"Audit details are ids and short codes, not {type(value).__name__}.")
