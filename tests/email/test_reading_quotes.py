"""What was newly written, apart from quotations and signatures, as real programs write them."""

import pytest

from channels_app.email.reading.quotes import divide

GMAIL_EN = "On Wed, Mar 4, 2026 at 10:00 AM Clinic <desk@clinic.example> wrote:"
GMAIL_ES = "El mié, 4 mar 2026 a las 10:00, Clínica (<desk@clinic.example>) escribió:"
QUOTED = "\n\n> Is Tuesday all right?\n>\n> The clinic\n"
OUTLOOK_EN = (
    "From: Clinic <desk@clinic.example>\nSent: Wednesday, March 4, 2026 10:00 AM\n"
    "To: Ana <ana@example.org>\nSubject: Visit\n\nIs Tuesday all right?\n"
)
OUTLOOK_ES = (
    "De: Clínica <desk@clinic.example>\nEnviado el: miércoles, 4 de marzo de 2026 10:00\n"
    "Para: Ana <ana@example.org>\nAsunto: Cita\n\n¿Le va bien el martes?\n"
)


@pytest.mark.parametrize(
    "below",
    [
        GMAIL_EN + QUOTED,
        GMAIL_ES + QUOTED,
        # Wrapped in the middle, as Gmail does.
        GMAIL_EN.replace("Clinic <", "Clinic <\n") + QUOTED,
        GMAIL_ES.replace("(<", "(<\n") + QUOTED,
        GMAIL_EN.replace("Clinic <", "The Clinic of\nthe Family and of Friends <\n") + QUOTED,
        # Apple.
        "> On Mar 4, 2026, at 10:00 AM, Clinic <desk@clinic.example> wrote:\n> \n> Tuesday?\n",
        "> El 4 mar 2026, a las 10:00, Clínica <desk@clinic.example> escribió:\n> \n> ¿Martes?\n",
        # Without any mark before the quoted lines.
        GMAIL_EN + "\n\nIs Tuesday all right?\nThe clinic",
        GMAIL_ES + "\n\n¿Le va bien el martes?",
        # Outlook.
        OUTLOOK_EN,
        OUTLOOK_ES,
        "________________________________\n" + OUTLOOK_EN,
        "________________________________\n" + OUTLOOK_ES,
        "-----Original Message-----\n" + OUTLOOK_EN,
        "-----Mensaje original-----\n" + OUTLOOK_ES,
        OUTLOOK_EN.replace("From:", "*From:*").replace("Sent:", "*Sent:*"),
        OUTLOOK_ES.replace("Enviado el:", "Fecha:"),
        # Others.
        "Am 04.03.2026 um 10:00 schrieb Clinic:" + QUOTED,
        "Le mer. 4 mars 2026 à 10:00, Clinic <desk@clinic.example> a écrit :" + QUOTED,
        "2026-03-04 10:00 GMT+01:00 Clinic <desk@clinic.example>:" + QUOTED,
        "> Is Tuesday all right?\n> The clinic\n",
        "---------- Forwarded message ----------\n" + OUTLOOK_EN,
        "---------- Mensaje reenviado ----------\n" + OUTLOOK_ES,
    ],
)
def test_a_quotation_below_is_apart(below: str) -> None:
    divided = divide(f"Yes, Tuesday.\n\nThank you,\nAna\n\n{below}")

    assert divided.written == "Yes, Tuesday.\n\nThank you,\nAna"
    assert divided.quoted and divided.signature == ""


def test_answers_between_quoted_lines_stay() -> None:
    divided = divide(f"{GMAIL_EN}\n> When?\n\nTuesday.\n\n> Which arm?\n\nThe left one.\n")

    assert divided.written == "Tuesday.\n\nThe left one."
    assert divided.quoted == f"{GMAIL_EN}\n> When?\n> Which arm?"


def test_an_answer_below_the_quotation_stays() -> None:
    assert divide(f"{GMAIL_ES}{QUOTED}\nSí, el martes.").written == "Sí, el martes."


@pytest.mark.parametrize(
    "text",
    [
        "My medicines:\n- aspirin\n- insulin",
        "Thanks, I will come.\nThe pain is worse since yesterday.",
        "Temperature:\n> 38.5 since yesterday",
        "The doctor said:\nrest, and drink a lot",
        "From Monday on I am away.\nTo be honest, I am afraid.",
        "Date: Monday\nTime: ten\nPlace: at home",
        "Day 1: fine\n-----\n" + "Day 2: a long sentence about how I felt.\n" * 20 + "End",
        "El médico me escribió una receta: ¿puedo recogerla?",
        "Sent my daughter to you yesterday.",
        "--\nAna",
    ],
)
def test_what_a_patient_wrote_is_never_hidden(text: str) -> None:
    divided = divide(text)

    assert divided.written == text
    assert (divided.quoted, divided.signature) == ("", "")


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone",
        "Enviado desde mi iPhone",
        "Enviado desde mi Samsung Galaxy",
        "Get Outlook for iOS",
        "Get Outlook for Android <https://aka.ms/x>",
        "Obtener Outlook para iOS",
        "Sent from Yahoo Mail on Android",
        "Enviado desde Yahoo Mail con Android",
        "Sent from Outlook",
        "-- \nAna Muñoz\n+34 600 000 000",
        "--\nAna Muñoz",
        "____________________\nAna Muñoz\nTeacher",
    ],
)
def test_a_signature_is_apart(line: str) -> None:
    divided = divide(f"Yes, Tuesday.\n\n{line}\n\n{GMAIL_EN}{QUOTED}")

    assert divided.written == "Yes, Tuesday."
    assert divided.signature == line.replace("-- \n", "--\n")
    assert divided.quoted.startswith(GMAIL_EN)


def test_a_forwarded_mail_without_a_word_is_shown_as_it_is() -> None:
    forwarded = f"---------- Forwarded message ---------\n{OUTLOOK_EN}".strip()

    assert divide(forwarded).written == forwarded
    assert divide(OUTLOOK_EN.strip(), "Fwd: Visit").written == OUTLOOK_EN.strip()
    assert divide(OUTLOOK_EN.strip(), "RE: Visit").written == ""


def test_no_line_is_lost() -> None:
    text = f"Yes.\n\nSent from my iPhone\n\n{GMAIL_EN}{QUOTED}"
    divided = divide(text)

    together = f"{divided.written}\n{divided.quoted}\n{divided.signature}"
    assert sorted(filter(None, together.split("\n"))) == sorted(filter(None, text.split("\n")))
