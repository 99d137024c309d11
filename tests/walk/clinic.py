"""The clinic that is walked through: everything that an address can name, and everybody who asks.

Cardiology is "home". Radiology knows the same patient (so home's people may read there), and so
does Behavioral Health, which is restricted (so they may not). Billing knows somebody else.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from channels_app.chat import sessions
from channels_app.chat.models import ChatSite
from channels_app.email.models import MailMessage
from channels_app.files import accept_bytes
from channels_app.voice import setting_up
from channels_app.voice.models import Call, MenuItem, Party
from hub.conversations.actions import addresses, calls, drafts, holder, identity, send
from hub.conversations.actions.receive import receive
from hub.conversations.models import (
    Attachment,
    Channel,
    Conversation,
    Draft,
    Entry,
    HubAddress,
    MessageTemplate,
)
from hub.routing.models import Offer, QueueEntry
from hub.staff import lock
from hub.staff.actions import invite
from hub.staff.models import Department, Invitation, User
from patients import contact_points
from patients.models import ContactPoint, Patient, RelatedPerson
from tests.factories import (
    ConsentFactory,
    DepartmentFactory,
    HubAddressFactory,
    LinkFactory,
    PatientFactory,
    RelatedPersonFactory,
    TemplateFactory,
    UserFactory,
    inbound,
)

DEPARTMENTS = ("home", "shared", "restricted", "foreign")
#: Words that stand in what is said and kept of patients; whoever is shown one has read it.
SECRET = "quetiapine"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
WAV = bytes.fromhex(
    "524946462800000057415645666d74201000000001000100401f0000803e0000"
    "0200100064617461040000000000ff7f"
)


@dataclass(frozen=True)
class Thread:
    """A conversation and all that hangs on it."""

    conversation: Conversation
    entry: Entry
    attachment: Attachment
    mail: MailMessage
    sound: Attachment
    draft: Draft
    related: RelatedPerson
    chat: Conversation
    chat_file: Attachment
    chat_token: str
    offer: Offer
    call: Call


@dataclass
class Clinic:
    """All of it. `people` by role; "anonymous" and "visitor" have no account."""

    departments: dict[str, Department] = field(default_factory=dict)
    threads: dict[str, Thread] = field(default_factory=dict)
    people: dict[str, User] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    invitation: Invitation | None = None
    choice: MenuItem | None = None
    whatsapp: HubAddress | None = None
    template: MessageTemplate | None = None
    sites: dict[str, ChatSite] = field(default_factory=dict)

    def client(self, role: str, **options: Any) -> Client:
        """Return a browser in which `role` is logged in."""
        client = Client(**options)
        if role in self.keys:
            client.cookies["sessionid"] = self.keys[role]
        return client


#: Who asks. Members: of home, of another department, of none.
ROLES = {
    "agent": ("agent", "home"),
    "agent_elsewhere": ("agent", "foreign"),
    "supervisor": ("supervisor", "home"),
    "supervisor_elsewhere": ("supervisor", "foreign"),
    "administrator": ("administrator", ""),
    "switched_off": ("agent", "home"),
    "locked": ("agent", "home"),
}


#: To whom the chat of a thread is offered; of the other threads to somebody who asks nothing.
OFFERED_TO = {"home": "agent", "foreign": "agent_elsewhere"}


def build() -> Clinic:
    """Make the clinic, by the product's own actions."""
    clinic = Clinic()
    for name in DEPARTMENTS:
        clinic.departments[name] = DepartmentFactory(
            name=f"Dept {name}", slug=name, restricted=name == "restricted"
        )
    patients = {"home": PatientFactory(legal_name=f"Home {SECRET}")}
    patients["shared"] = patients["restricted"] = patients["home"]
    patients["foreign"] = PatientFactory(legal_name=f"Foreign {SECRET}")
    writer = UserFactory(departments=list(clinic.departments.values()), name="Wanda Writer")
    clinic.people["writer"] = writer
    for number, name in enumerate(DEPARTMENTS):
        clinic.threads[name] = _thread(clinic, name, number, patients[name], writer)
    for role, (kind, department) in ROLES.items():
        person = UserFactory(
            name=f"Person {role}",
            role=kind,
            departments=[clinic.departments[department]] if department else [],
        )
        clinic.people[role] = person
        clinic.keys[role] = _log_in(person)
    for name, role in OFFERED_TO.items():
        offer = clinic.threads[name].offer
        offer.agent = clinic.people[role]
        offer.save(update_fields=["agent"])
    # An agent of home and one of another department are each on the phone with a patient.
    for role in ("agent", "agent_elsewhere"):
        call = clinic.threads[ROLES[role][1]].call
        Party.objects.create(
            call=call,
            kind=Party.Kind.AGENT,
            state=Party.State.JOINED,
            user=clinic.people[role],
            joined_at=call.started_at,
        )
    # After the log-in, as it happens: the cookie is still in the browser. Behind the product's
    # back, so that its sessions are not ended with it.
    User.objects.filter(pk=clinic.people["switched_off"].pk).update(is_active=False)
    session = clinic.client("locked").session
    lock.lock(session)
    session.save()
    invite(
        clinic.people["administrator"],
        email="new@example.org",
        name="Nora New",
        role="agent",
        departments=[clinic.departments["home"]],
    )
    clinic.invitation = Invitation.objects.get()
    home, administrator = clinic.departments["home"], clinic.people["administrator"]
    line = setting_up.add_line("+15550100109", home, by=administrator)
    choice = setting_up.Choice("1", "department", {"en": "the ward"}, department=home)
    clinic.choice = setting_up.add_choice(line, choice, by=administrator)
    clinic.whatsapp = addresses.add_meta_address(
        Channel.WHATSAPP, "+15550100109", label="", department=home, by=administrator
    )
    clinic.template = TemplateFactory()
    return clinic


def _log_in(person: User) -> str:
    client = Client()
    client.force_login(person)
    return client.cookies["sessionid"].value


def _thread(clinic: Clinic, name: str, number: int, patient: Patient, writer: User) -> Thread:
    department = clinic.departments[name]
    phone = f"+1555010020{number}"
    address = HubAddressFactory(value=f"+1555010010{number}", department=department)
    entry = receive(inbound(address, f"I take {SECRET}", phone)).entry
    conversation = entry.conversation
    point = ContactPoint.objects.get(value=phone)
    LinkFactory(contact_point=point, patient=patient)
    identity.identify_as(conversation, patient, by=writer)
    ConsentFactory(contact_point=point, channel="voice", source="staff", evidence="said so")
    conversation.refresh_from_db()
    leg = conversation.legs.get()
    answer = send.Answer(body=f"About the {SECRET}", leg_id=leg.pk, intent=uuid4())
    send.send(conversation, answer, by=writer)
    send.note(conversation, f"Note on {SECRET}", intent=uuid4(), by=writer)
    conversation.refresh_from_db()
    holder.assign(conversation, None, by=writer, expected_holder_id=writer.pk)
    receive(inbound(address, f"More {SECRET}", phone))
    conversation.refresh_from_db()
    drafts.save_draft(
        conversation,
        f"Draft on {SECRET}",
        is_note=False,
        channel="sms",
        seen_number=1,
        by=writer,
    )
    attachment = _attach(entry)
    site = ChatSite.objects.create(
        hub_address=HubAddress.objects.create(
            channel=Channel.CHAT, value=f"site-{name}", label=name, department=department
        ),
        key=f"site-{name}",
    )
    clinic.sites[name] = site
    started = sessions.start(site, language="en", said=sessions.Said())
    chat = sessions.write(started.session, f"chat {SECRET}", intent=uuid4())
    return Thread(
        conversation=conversation,
        entry=entry,
        attachment=attachment,
        mail=MailMessage.objects.create(
            direction="in",
            hub_address=address,
            conversation=conversation,
            entry=entry,
            id_digest=bytes(32),
            key=uuid4().bytes * 2,
            subject=f"About {SECRET}",
            html=f"<p>I take {SECRET}</p>",
            at=timezone.now(),
            received_at=timezone.now(),
        ),
        sound=_attach(entry, WAV, 1),
        draft=Draft.objects.get(conversation=conversation),
        related=RelatedPersonFactory(patient=patient, name=f"Rosa {SECRET}"),
        chat=chat.conversation,
        chat_file=_attach(chat),
        chat_token=started.token,
        offer=Offer.objects.create(
            queue_entry=QueueEntry.objects.get(conversation=chat.conversation, ended_at=None),
            agent=UserFactory(departments=[department]),
            channel="chat",
            fills=False,
            why=Offer.Why.IN_TURN,
            made_at=timezone.now(),
            until=timezone.now() + timedelta(minutes=5),
        ),
        call=_call(name, number, patient, department),
    )


def _call(name: str, number: int, patient: Patient, department: Department) -> Call:
    """A patient on the phone, with an interpreter."""
    line = HubAddressFactory(
        channel=Channel.VOICE, value=f"+1555010030{number}", department=department
    )
    point = LinkFactory(contact_point__value=f"+1555010040{number}", patient=patient).contact_point
    now = timezone.now()
    with transaction.atomic():
        contact_points.lock(point.pk)
        joined = calls.arrive(point, line.pk, at=now, what="arrived")
    call = Call.objects.create(
        sid=f"CA{number:032x}",
        direction=Call.Direction.INBOUND,
        state=Call.State.ROOM,
        conversation=joined.conversation,
        leg=joined.leg,
        contact_point=point,
        hub_address=line,
        started_at=now,
        answered_at=now,
        heard_at=now,
    )
    joined_now = {"call": call, "state": Party.State.JOINED, "joined_at": now}
    Party.objects.create(kind=Party.Kind.PATIENT, sid=call.sid, **joined_now)
    Party.objects.create(kind=Party.Kind.GUEST, number="+15550100500", **joined_now)
    return call


def _attach(entry: Entry, content: bytes = PNG, position: int = 0) -> Attachment:
    file = accept_bytes([content], f"{SECRET}.{position}")
    return Attachment.objects.create(
        uuid=file.uuid,
        entry=entry,
        position=position,
        state=Attachment.State.STORED,
        content_type=file.content_type,
        size=file.size,
        storage_name=file.storage_name,
        file_name=file.file_name,
    )


#: What reading may change: the audit trail, how far somebody has read, the session's own row.
WRITTEN_BY_READING = {
    "audit_auditevent",
    "audit_unsealedevent",
    "conversations_readmark",
    "staff_staffsession",
}


def writes() -> dict[str, int]:
    """Return how many rows of each table this transaction has inserted, changed and deleted.

    PostgreSQL counts itself, so that no way of writing goes unseen; what was rolled back counts.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables "
            "WHERE schemaname = 'public'"
        )
        return dict(cursor.fetchall())


def written(before: dict[str, int], after: dict[str, int]) -> set[str]:
    """Return the tables that were written to in between."""
    return {table for table, count in after.items() if count != before.get(table, 0)}


def no_such() -> UUID:
    """Return an id that nothing has."""
    return uuid4()
