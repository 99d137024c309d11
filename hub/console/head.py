"""What stands at the head of a conversation: whose it is, where it runs, who has it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hub.console.addresses import shown
from hub.conversations.actions.status import Resolution
from hub.conversations.models import Channel, Conversation


@dataclass(frozen=True, slots=True)
class Head:
    """The same for everybody who may see it; what a person may do here the browser works out."""

    uuid: UUID
    revision: int
    who: str
    is_number: bool  # nobody known: `who` is an address
    identity: str
    identity_label: str
    channel: str
    channel_label: str
    department: str
    department_id: int
    status: str
    urgent: bool
    waiting_since: datetime | None
    snoozed_until: datetime | None
    resolved_at: datetime | None
    resolution: str
    holder_id: int | None
    holder_name: str
    last_number: int
    is_restricted: bool


def head_of(conversation: Conversation) -> Head:
    """Return the head; patient, department, holder and contact point are best selected along."""
    patient = conversation.patient
    holder = conversation.holder
    return Head(
        uuid=conversation.uuid,
        revision=conversation.revision,
        who=patient.name if patient else shown(conversation.contact_point),
        is_number=patient is None,
        identity=conversation.identity,
        identity_label=str(Conversation.Identity(conversation.identity).label),
        channel=conversation.channel,
        channel_label=str(Channel(conversation.channel).label),
        department=conversation.department.name,
        department_id=conversation.department_id,
        status=conversation.status,
        urgent=conversation.priority >= Conversation.Priority.URGENT,
        waiting_since=conversation.waiting_since,
        snoozed_until=conversation.snoozed_until,
        resolved_at=conversation.resolved_at,
        resolution=_resolution(conversation.resolution),
        holder_id=conversation.holder_id,
        holder_name=holder.name if holder else "",
        last_number=conversation.last_number,
        is_restricted=conversation.restricted_by_id is not None,
    )


def _resolution(code: str) -> str:
    return str(Resolution(code).label) if code in Resolution.values else ""
