"""The demo clinic's telephone: what its two numbers say and offer."""

from dataclasses import dataclass, field

from channels_app.voice.models import MenuItem, PhoneLine, RecordingRule
from hub.console import demo_clinic as clinic
from hub.conversations.models import Channel, HubAddress
from hub.staff.models import Department

Words = dict[str, str]
Action = MenuItem.Action


@dataclass(frozen=True, slots=True)
class Choice:
    """One digit of the menu."""

    digit: str
    action: str
    label: Words
    spoken: dict[str, list[str]] = field(default_factory=dict)
    text: Words = field(default_factory=dict)
    department: str = ""
    below: tuple["Choice", ...] = ()


GREETING = {
    "en": "Welcome to Riverside Clinic.",
    "es": "Bienvenido a la Clínica Riverside.",
}
CLOSED = {
    "en": "Our office is closed right now. You can still leave a message.",
    "es": "Nuestra oficina está cerrada en este momento. Puede dejar un mensaje.",
}

MENU = (
    Choice(
        "1",
        Action.DEPARTMENT,
        {"en": "appointments and everything else", "es": "citas y todo lo demás"},
        {"en": ["appointment", "appointments", "front desk"], "es": ["cita", "citas"]},
        department="Front desk",
    ),
    Choice(
        "2",
        Action.DEPARTMENT,
        {"en": "the heart clinic", "es": "la clínica del corazón"},
        {"en": ["heart", "cardiology"], "es": ["corazón", "cardiología"]},
        department="Cardiology",
    ),
    Choice(
        "3",
        Action.MENU,
        {"en": "opening hours and directions", "es": "el horario y cómo llegar"},
        {"en": ["hours", "directions"], "es": ["horario"]},
        below=(
            Choice(
                "1",
                Action.ANNOUNCEMENT,
                {"en": "opening hours", "es": "el horario"},
                text={
                    "en": "The front desk is open day and night. The heart clinic is open Monday "
                    "to Friday, eight to six.",
                    "es": "La recepción está abierta día y noche. La clínica del corazón abre de "
                    "lunes a viernes, de ocho a seis.",
                },
            ),
            Choice(
                "2",
                Action.TEXT,
                {"en": "directions by text message", "es": "cómo llegar, por mensaje de texto"},
                text={
                    "en": "Riverside Clinic, 12 Example Street. Bus 4, stop Riverside. Parking is "
                    "behind the building.",
                    "es": "Clínica Riverside, 12 Example Street. Autobús 4, parada Riverside. "
                    "Estacionamiento detrás del edificio.",
                },
            ),
        ),
    ),
    Choice(
        "8",
        Action.VOICEMAIL,
        {"en": "leaving a message", "es": "dejar un mensaje"},
        {"en": ["message", "voicemail"], "es": ["mensaje"]},
        department="Front desk",
    ),
    Choice(
        "9",
        Action.CALLBACK,
        {"en": "a call back", "es": "que le devolvamos la llamada"},
        {"en": ["callback", "call me back"], "es": ["llámeme"]},
        department="Front desk",
    ),
)


def seed_phone() -> bool:
    """Give the demo's numbers a telephone, unless they have one; return whether that was done."""
    if HubAddress.objects.filter(channel=Channel.VOICE).exists():
        return False
    departments = {one.name: one for one in Department.objects.all()}
    main = _line(clinic.NUMBER, "Main number", departments["Front desk"])
    _add(main, MENU, None, departments)
    _line(clinic.CARDIOLOGY_NUMBER, "Cardiology", departments["Cardiology"])
    for name in ("Front desk", "Cardiology"):
        RecordingRule.objects.get_or_create(
            department=departments[name], defaults={"records": True, "jurisdiction": "NY"}
        )
    return True


def _line(number: str, label: str, department: Department) -> PhoneLine:
    address = HubAddress.objects.create(
        channel=Channel.VOICE, value=number, label=label, department=department
    )
    return PhoneLine.objects.create(
        hub_address=address,
        languages=["en", "es"],
        greeting=GREETING,
        closed_greeting=CLOSED,
    )


def _add(
    line: PhoneLine,
    choices: tuple[Choice, ...],
    parent: MenuItem | None,
    departments: dict[str, Department],
) -> None:
    for choice in choices:
        item = MenuItem.objects.create(
            line=line,
            parent=parent,
            digit=choice.digit,
            action=choice.action,
            label=choice.label,
            spoken=choice.spoken,
            text=choice.text,
            department=departments.get(choice.department),
        )
        _add(line, choice.below, item, departments)
