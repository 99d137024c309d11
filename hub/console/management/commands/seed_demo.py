"""Seeds the demo's small clinic. Safe to run again: what is there already stays as it is."""

from argparse import ArgumentParser
from datetime import time
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from channels_app.chat.models import ChatSite
from channels_app.email.models import Mailbox
from hub.console import demo_clinic as clinic
from hub.console.demo_phone import seed_phone
from hub.console.models import CannedReply
from hub.conversations.actions import addresses, send, status, templates
from hub.conversations.actions.receive import receive
from hub.conversations.inbound import Inbound
from hub.conversations.models import Channel, Conversation, HubAddress
from hub.routing.models import OpeningHours
from hub.staff import presence
from hub.staff.models import Department, Membership, User
from patients import actions as patients
from patients import contact_points
from patients.models import ContactPoint, Patient


class Command(BaseCommand):
    """Seed staff, departments, patients and a few conversations of an invented clinic."""

    help = "Seed the demo's small clinic (never in production)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the password of the demo's people."""
        parser.add_argument("--password", default="riverside-demo-2026")

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed, unless it was done before."""
        if settings.IN_PRODUCTION:
            raise CommandError("The demo's people have known passwords: not in production.")
        if User.objects.filter(email=clinic.STAFF[0].email).exists():
            with transaction.atomic():
                phone_is_new = seed_phone()
            what = "has a telephone now" if phone_is_new else "is there already"
            self.stdout.write(f"The clinic {what}.")
            return
        with transaction.atomic():
            departments = _departments()
            people = _people(departments, options["password"])
            _addresses(departments)
            _whatsapp(departments["Front desk"], people["Ada Lindholm"])
            seed_phone()
            _canned_replies()
            for cared in clinic.PATIENTS:
                _patient(cared, people["Ada Lindholm"])
        # Somebody was there when these were written, so nobody was told that nobody is.
        tab = presence.open_tab(people["Sam Whitfield"], "")
        for number, lines, resolution in clinic.STORIES:
            _tell(number, lines, resolution, people)
        presence.close_tab(tab.uuid)
        self.stdout.write("Seeded the clinic.")


def _departments() -> dict[str, Department]:
    departments = {}
    for name, restricted in clinic.DEPARTMENTS.items():
        department = Department.objects.create(
            name=name, slug=slugify(name), restricted=restricted, time_zone=settings.TIME_ZONE
        )
        OpeningHours.objects.bulk_create(_hours_of(department))
        departments[name] = department
    return departments


def _hours_of(department: Department) -> list[OpeningHours]:
    """Return office hours; the front desk is open day and night, so that its phone can be tried."""
    if department.name == clinic.OPEN_ALWAYS:
        return [
            OpeningHours(department=department, weekday=day, opens=time(0), closes=time.max)
            for day in range(7)
        ]
    return [
        OpeningHours(department=department, weekday=day, opens=time(8), closes=time(18))
        for day in range(5)
    ]


def _people(departments: dict[str, Department], password: str) -> dict[str, User]:
    people = {}
    for person in clinic.STAFF:
        user = User.objects.create_user(
            person.email,
            password,
            name=person.name,
            role=person.role,
            languages=list(person.languages),
        )
        Membership.objects.bulk_create(
            Membership(user=user, department=departments[name]) for name in person.departments
        )
        people[person.name] = user
    return people


def _addresses(departments: dict[str, Department]) -> None:
    HubAddress.objects.create(
        channel=Channel.SMS,
        value=clinic.NUMBER,
        label="Main number",
        department=departments["Front desk"],
    )
    HubAddress.objects.create(
        channel=Channel.SMS,
        value=clinic.CARDIOLOGY_NUMBER,
        label="Cardiology",
        department=departments["Cardiology"],
    )
    mail = HubAddress.objects.create(
        channel=Channel.EMAIL,
        value=clinic.MAIL_ADDRESS,
        label="Mail to the front desk",
        department=departments["Front desk"],
    )
    # Without servers: old mail can be taken along, and nothing goes out.
    Mailbox.objects.create(hub_address=mail, from_name=clinic.NAME)
    chat = HubAddress.objects.create(
        channel=Channel.CHAT,
        value=clinic.SITE,
        label="Chat on the web site",
        department=departments["Front desk"],
    )
    origins = [settings.PUBLIC_URL]
    if settings.TWILIO_API_BASE:
        simulator = urlsplit(settings.TWILIO_API_BASE)
        origins.append(f"{simulator.scheme}://{simulator.netloc}")
    ChatSite.objects.create(
        hub_address=chat, key=clinic.SITE, allowed_origins=origins, text_number=clinic.NUMBER
    )


def _whatsapp(department: Department, by: User) -> None:
    """The clinic's administrator has decided for WhatsApp, and keeps two templates."""
    address = addresses.add_meta_address(
        Channel.WHATSAPP, clinic.NUMBER, label="WhatsApp", department=department, by=by
    )
    addresses.switch_address(address, on=True, by=by)
    for sid, name, language, preview in clinic.TEMPLATES:
        variables = ("first_name", "clinic_name")
        wanted = templates.Wanted(name, Channel.WHATSAPP, language, sid, preview, variables)
        templates.switch_template(templates.add_template(wanted, by=by), on=True, by=by)


def _canned_replies() -> None:
    CannedReply.objects.bulk_create(
        CannedReply(shortcut=shortcut, title=title, body=body, language=language)
        for shortcut, title, body, language in clinic.CANNED
    )


def _patient(cared: clinic.Cared, by: User) -> Patient:
    patient = patients.create_patient(
        by=by,
        legal_name=cared.legal_name,
        preferred_name=cared.preferred_name,
        pronouns=cared.pronouns,
        birth_date=cared.birth_date,
        language=cared.language,
        interpreter_needed=cared.interpreter,
        alerts=cared.alerts,
    )
    if cared.record_number:
        patients.add_identifier(patient, system="MRN", value=cared.record_number, by=by)
    point = contact_points.hold(ContactPoint.System.PHONE, cared.number)
    link = patients.link(point, patient=patient, by=by)
    if cared.verified:
        patients.verify_link(link, how="staff", by=by)
    patients.give_consent(
        point,
        channel=Channel.SMS,
        source="staff",
        evidence="Agreed at the front desk.",
        patient=patient,
        recorded_by=by,
    )
    return patient


def _tell(
    number: str,
    lines: tuple[tuple[str, str], ...],
    resolution: str,
    people: dict[str, User],
) -> None:
    address = HubAddress.objects.get(channel=Channel.SMS, value=clinic.NUMBER)
    conversation: Conversation | None = None
    for who, words in lines:
        if not who:
            conversation = receive(
                Inbound(
                    channel=Channel.SMS,
                    contact_system=ContactPoint.System.PHONE,
                    contact_value=number,
                    hub_address_id=address.pk,
                    text=words,
                    at=timezone.now(),
                )
            ).conversation
        elif conversation is not None:
            leg = conversation.legs.get()
            send.send(
                conversation,
                send.Answer(body=words, leg_id=leg.pk, intent=uuid4()),
                by=people[who],
            )
    if resolution and conversation is not None:
        conversation.refresh_from_db()
        status.resolve(conversation, resolution, by=conversation.holder or people["Sam Whitfield"])
