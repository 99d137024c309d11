"""The demo's small clinic. Everybody is invented; the numbers are of the fictional 555-01xx."""

from dataclasses import dataclass
from datetime import date

NUMBER = "+15550100100"
CARDIOLOGY_NUMBER = "+15550100200"
SITE = "riverside"
NAME = "Riverside Clinic"
MAIL_ADDRESS = "front-desk@riverside.example"


@dataclass(frozen=True, slots=True)
class Person:
    """One of the staff."""

    name: str
    email: str
    role: str
    departments: tuple[str, ...]
    languages: tuple[str, ...] = ("en",)


@dataclass(frozen=True, slots=True)
class Cared:
    """One patient."""

    legal_name: str
    birth_date: date
    number: str
    preferred_name: str = ""
    pronouns: str = ""
    language: str = "en"
    interpreter: bool = False
    record_number: str = ""
    alerts: str = ""
    verified: bool = False


DEPARTMENTS = {
    "Front desk": False,
    "Cardiology": False,
    "Behavioral health": True,  # restricted: others see only that there was a contact
}

OPEN_ALWAYS = "Front desk"

STAFF = (
    Person("Lena Moreau", "lena@riverside.example", "agent", ("Front desk", "Cardiology")),
    Person("Kwame Boateng", "kwame@riverside.example", "agent", ("Front desk", "Cardiology")),
    Person("Tomás Prieto", "tomas@riverside.example", "agent", ("Front desk",), ("en", "es")),
    Person("Nadia Karim", "nadia@riverside.example", "agent", ("Behavioral health",)),
    Person(
        "Sam Whitfield",
        "sam@riverside.example",
        "supervisor",
        ("Front desk", "Cardiology", "Behavioral health"),
    ),
    Person("Ada Lindholm", "ada@riverside.example", "administrator", ()),
)

PATIENTS = (
    Cared(
        "Ana María Morales",
        date(1961, 3, 12),
        "+15550100142",
        preferred_name="Ana Morales",
        pronouns="she/her",
        language="es",
        interpreter=True,
        record_number="44-18-22",
        alerts="Speaks Spanish at home. Interpreter for medical advice.",
        verified=True,
    ),
    Cared("Benjamin Okafor", date(1984, 11, 2), "+15550100143", record_number="44-18-31"),
    Cared("Carmen Ibáñez", date(1990, 6, 21), "+15550100144", language="es", verified=True),
    Cared("Dev Raman", date(1977, 1, 30), "+15550100145", record_number="44-18-40", verified=True),
    Cared("Elena Quispe", date(1972, 9, 9), "+15550100146", language="es"),
    Cared("Grace Lindqvist-Baumgartner", date(1958, 4, 17), "+15550100147", verified=True),
    Cared("Hugo Petit", date(1995, 12, 5), "+15550100148"),
    Cared("Inés Duarte", date(1983, 2, 14), "+15550100149", language="es", verified=True),
    Cared("Josephine Hale", date(1999, 8, 28), "+15550100150", preferred_name="Jo Hale"),
    Cared("Rosa Delgado", date(1979, 5, 3), "+15550100152", language="es"),
    Cared("Mateo Delgado", date(2012, 10, 19), "+15550100152"),
)

#: Templates for WhatsApp that the simulated Twilio has, too: ContentSid, name, language, text.
TEMPLATES = (
    (
        "HX" + "a1" * 16,
        "Please write to us",
        "en",
        "Hello {{1}}, this is {{2}}. Please write to us here when you have a moment.",
    ),
    (
        "HX" + "b2" * 16,
        "Please write to us",
        "es",
        "Hola {{1}}, somos {{2}}. Escríbanos aquí cuando tenga un momento.",
    ),
)

CANNED = (
    ("hours", "Opening hours", "We are open Monday to Friday, 8 a.m. to 6 p.m.", "en"),
    ("hours", "Horario", "Abrimos de lunes a viernes, de 8 a. m. a 6 p. m.", "es"),
    (
        "dob",
        "Ask for the birth date",
        "May I ask for your date of birth, so that I can open your record?",
        "en",
    ),
    (
        "dob",
        "Pedir la fecha de nacimiento",
        "¿Me dice su fecha de nacimiento para abrir su expediente?",
        "es",
    ),
    (
        "refill",
        "Renewal taken",
        "I have sent your renewal to the nurse. You hear from us today.",
        "en",
    ),
    (
        "refill",
        "Renovación recibida",
        "Envié su renovación a la enfermera. Le escribimos hoy.",
        "es",
    ),
    (
        "911",
        "Emergency",
        "If this is an emergency, please call 911 now. In a crisis, call or text 988.",
        "en",
    ),
    (
        "911",
        "Emergencia",
        "Si es una emergencia, llame al 911 ahora. En una crisis, llame o escriba al 988.",
        "es",
    ),
    ("thanks", "Close kindly", "You are welcome. Write to us here any time.", "en"),
    ("thanks", "Despedida", "Con gusto. Escríbanos aquí cuando quiera.", "es"),
)

# What was said before the newcomer came: (number, who, words); "" is the patient.
STORIES = (
    (
        "+15550100145",
        (
            ("", "Is my lab order from Tuesday still good?"),
            ("Kwame Boateng", "It is, until the end of the month. The lab is open from 7 a.m."),
            ("", "Great, thank you!"),
        ),
        "answered",
    ),
    (
        "+15550100147",
        (
            ("", "Hello, I got a bill for my visit in August, but my insurance should cover it."),
            (
                "Tomás Prieto",
                "Thank you for telling us. I have asked billing and you hear from us on Friday.",
            ),
        ),
        "",
    ),
    (
        "+15550100142",
        (
            ("", "Buenos días, nadie me llamó el viernes."),
            ("Lena Moreau", "Buenos días, Ana. Perdone la espera, soy Lena. ¿En qué le ayudo?"),
            ("", "Se me acabó el metoprolol. ¿Pueden renovarlo hoy?"),
        ),
        "",
    ),
    ("+15550100199", (("", "hi, is this the number for appointments?"),), ""),
    ("+15550100152", (("", "Hola, ¿ya están los resultados?"),), ""),
)
