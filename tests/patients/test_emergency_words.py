"""What sounds like an emergency; it only ever raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients.emergency_words import sounds_urgent

URGENT = [
    "I have chest pain",
    "My chest hurts and my arm is numb",
    "CHEST PAIN!!",
    "pressure... chest pressure",
    "I can't breathe",
    "i cant breath",
    "hard to breathe since this morning",
    "he isn't breathing",
    "She won't wake up",
    "I think my mother is having a stroke",
    "his face is drooping",
    "her speech is slurred",
    "I can't move my left arm",
    "he passed out",
    "she collapsed",
    "he had a seizure",
    "bleeding a lot",
    "I am vomiting blood",
    "I took too many pills",
    "overdose",
    "my throat is closing",
    "I want to die",
    "I don't want to live anymore",
    "thinking about killing myself",
    "I am suicidal",
    "should I call 911?",
    "No, chest pain!",
    "no fever but chest pain",
    "Not sure what to do. Chest pain.",
    "me duele el pecho",
    "Me duele mucho el pecho",
    "tengo dolor fuerte en el pecho",
    "dolor de pecho",
    "no puedo respirar",
    "No respira",
    "le falta el aire",
    "mi papá no despierta",
    "tiene la cara torcida",
    "se desmayó",
    "está convulsionando",
    "está sangrando mucho",
    "tomé demasiadas pastillas",
    "ya no quiero vivir",
    "quiero morirme",
    "quiero matarme",
    "pienso en el suicidio",
    "es una emergencia",
    "¡AUXILIO!",
    "no tengo fiebre pero me duele el pecho",
]
CALM = [
    "",
    "👍",
    "I need a refill",
    "What are your hours?",
    "no chest pain",
    "I do not have chest pain",
    "I don't have any chest pain",
    "no more chest pain, thank you",
    "denies chest pain",
    "without shortness of breath",
    "sin dolor en el pecho",
    "no me duele el pecho",
    "no tengo dolor de pecho",
    "breathing exercises went well",
    "my appointment about my heart",
    "gracias",
    "necesito una cita",
    "I live on Chestnut street",
]


@pytest.mark.parametrize("text", URGENT)
@pytest.mark.parametrize("spell", [str, str.upper, lambda text: f"Hello.\n{text}\nThanks"])
def test_emergencies_are_noticed(text: str, spell) -> None:
    assert sounds_urgent(spell(text))


@pytest.mark.parametrize("text", CALM)
def test_ordinary_and_denied_ones_are_not(text: str) -> None:
    assert not sounds_urgent(text)


@given(st.text(max_size=100), st.sampled_from(URGENT), st.text(max_size=100))
def test_what_else_is_said_hides_no_emergency(before: str, urgent: str, after: str) -> None:
    assert sounds_urgent(f"{before}. {urgent}. {after}")
