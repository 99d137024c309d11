"""The searchable index: what finds what, and what the numbers give away."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.encryption.blind_index import MOST_WORDS, index_words, query_words

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=200)


def finds(query: str, text: str) -> bool:
    wanted = set(query_words(query))
    return bool(wanted) and wanted <= set(index_words(text))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("PAIN", "Chest pain since Monday."),
        ("pain chest", "Chest pain since Monday."),
        ("cafe", "Café"),
        ("Café", "CAFE"),
        ("cafe\u0301", "café"),
        ("strasse", "Straße"),
        ("ﬁne", "I am fine"),
        ("ＡＢＣ", "abc"),
        ("sí", "si"),
        ("don't", "I DON'T know"),
        ("555 0142", "call 555-0142 now"),
        ("pain", "pa\u00adin"),
        ("istanbul", "İSTANBUL"),
        ("боль", "Боль в груди"),
        ("πόνος", "ΠΟΝΟΣ"),
        ("مُحَمَّد", "محمد"),
        ("שלום", "שָׁלוֹם"),
        ("हिन्दी", "मैं हिन्दी बोलता हूँ"),
        ("胸痛", "我胸痛三天了"),
        ("痛", "我胸痛三天了"),
        ("胸", "我胸痛三天了"),
        ("痛い", "胸が痛いです"),
        ("가슴", "가슴 통증"),
        ("ปวดหัว", "ฉันปวดหัวมาก"),
        ("10mg 胸痛", "服用10mg胸痛"),
        ("𠮷野", "𠮷野家"),
    ],
)
def test_it_finds(query: str, text: str) -> None:
    assert finds(query, text)
    assert finds(unicodedata.normalize("NFD", query), unicodedata.normalize("NFC", text))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("pain fever", "Chest pain since Monday."),
        ("pai", "pain"),
        ("हिंसा", "हिन्दी"),
        ("痛胸", "我胸痛三天了"),
        ("", "anything"),
        ("?!", "anything?!"),
    ],
)
def test_it_does_not_find(query: str, text: str) -> None:
    assert not finds(query, text)


@given(text=ANY_TEXT)
def test_a_text_finds_itself(text: str) -> None:
    assert set(query_words(text)) <= set(index_words(text)) or len(index_words(text)) == MOST_WORDS


@given(text=ANY_TEXT)
def test_numbers_fit_the_column_and_do_not_repeat(text: str) -> None:
    numbers = index_words(text)
    assert len(numbers) == len(set(numbers)) <= MOST_WORDS
    assert all(-(2**63) <= number < 2**63 for number in numbers)


def test_a_very_long_text_is_capped() -> None:
    text = " ".join(f"word{n}" for n in range(5_000))
    assert len(index_words(text)) == MOST_WORDS
    assert len(index_words("same " * 5_000)) == 1
    assert len(index_words("x" * 100_000)) == 1


def test_another_key_gives_other_numbers(settings) -> None:
    before = set(index_words("chest pain"))
    settings.BLIND_INDEX_KEY = b"another key of thirty-two bytes!"
    assert before.isdisjoint(index_words("chest pain"))
