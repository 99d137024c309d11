"""STOP, START and HELP in English and Spanish: word × case × accents × decoration."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patients.keywords import Keyword, Recognised, recognise

# Written out here, not taken from the code: Twilio's defaults, the FCC's presumptive words, and the
# Spanish ones that the clinic promises.
STOP = {
    "en": ["stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke",
           "optout", "opt out", "opt-out"],
    "es": ["alto", "parar", "pare", "baja", "cancelar", "no más", "detener", "detenga",
           "darme de baja"],
}  # fmt: skip
START = {"en": ["start", "unstop"], "es": ["iniciar", "comenzar"]}
YES = {"en": ["yes"], "es": ["sí"]}
HELP = {"en": ["help", "info"], "es": ["ayuda", "información"]}
TWILIO = ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", "START",
          "YES", "UNSTOP", "HELP", "INFO"]  # fmt: skip
ALSO_ORDINARY = ["end", "cancel", "quit", "alto", "baja", "cancelar", "no más"]

WORDS = [
    (word, language, keyword)
    for keyword, words in (
        (Keyword.STOP, STOP), (Keyword.START, START), (Keyword.START, YES), (Keyword.HELP, HELP)
    )
    for language, spelled in words.items()
    for word in spelled
]  # fmt: skip


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def _fullwidth(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


spellings = st.sampled_from(
    [
        str.lower, str.upper, str.title, str.swapcase, _plain, _fullwidth,
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: unicodedata.normalize("NFC", text).upper(),
        lambda text: "".join(c.upper() if i % 2 else c for i, c in enumerate(text)),
        lambda text: text.replace(" ", "   "),
        lambda text: text.replace(" ", "\u00a0"),
        lambda text: text.replace(" ", "\n"),
        lambda text: f"{text} {text}",
    ]
)  # fmt: skip
INVISIBLE = ["\u200b", "\u200c", "\u200d", "\ufeff", "\u200e", "\u2060", "\u00ad"]
around = st.text(st.sampled_from([*" \t\n\r.,!?¡¿;:'\"«»()*_-~…🛑🙏👍", *INVISIBLE]), max_size=5)


@given(st.sampled_from(WORDS), spellings, around, around, st.sampled_from(["", *INVISIBLE]))
def test_every_word_is_known_in_every_dress(word, spell, before, after, hidden) -> None:
    text, language, keyword = word
    dressed = before + spell(text[:2] + hidden + text[2:]) + after
    said = recognise(dressed)
    assert said is not None, dressed
    assert (said.keyword, said.language, said.suspected) == (keyword, language, False)


@pytest.mark.parametrize("text", ["S.T.O.P.", "s t o p", "S-T-O-P"])
def test_letters_one_by_one_are_a_word(text: str) -> None:
    assert recognise(text) == Recognised(Keyword.STOP, "en")


@pytest.mark.parametrize("word", TWILIO)
def test_twilio_knows_exactly_its_own_words(word: str) -> None:
    assert recognise(word).known_to_provider
    assert recognise(f"  {word.lower()}\n").known_to_provider
    assert not recognise(f"{word}!").known_to_provider


@pytest.mark.parametrize("word", ["ALTO", "no más", "opt out", "Sí", "stop all"])
def test_what_twilio_does_not_know_the_hub_answers_itself(word: str) -> None:
    assert not recognise(word).known_to_provider


@pytest.mark.parametrize("word", ALSO_ORDINARY)
def test_ordinary_words_are_obeyed_and_told(word: str) -> None:
    said = recognise(word)
    assert said.keyword is Keyword.STOP
    assert said.needs_person


@pytest.mark.parametrize("word", ["STOP", "unsubscribe", "parar", "START"])
def test_plain_orders_need_nobody(word: str) -> None:
    assert not recognise(word).needs_person


@pytest.mark.parametrize("word", ["yes", "YES!", "si", "Sí", "SÍ."])
def test_yes_means_start_only_where_it_was_stopped(word: str) -> None:
    said = recognise(word)
    assert said.keyword is Keyword.START
    assert said.only_if_stopped
    assert said.needs_person


def test_start_means_start_anyhow() -> None:
    assert not recognise("start").only_if_stopped


@pytest.mark.parametrize("word", ["help", "AYUDA", "Help!!"])
def test_a_call_for_help_is_seen_by_somebody(word: str) -> None:
    assert recognise(word).needs_person


SUSPECTED = [
    ("please stop texting me", "en"),
    ("Please stop", "en"),
    ("STOP PLEASE", "en"),
    ("stop it now", "en"),
    ("Stopp", "en"),
    ("unsubcribe", "en"),
    ("stop sending me these reminders", "en"),
    ("Don't text me anymore", "en"),
    ("don’t contact me", "en"),
    ("do not call this number", "en"),
    ("I don't want any more messages", "en"),
    ("no more texts", "en"),
    ("take me off your list", "en"),
    ("remove my number", "en"),
    ("I would like to unsubscribe from this", "en"),
    ("I want to opt out of these", "en"),
    ("leave me alone", "en"),
    ("wrong number", "en"),
    ("I revoke my consent", "en"),
    ("no me escriban más", "es"),
    ("No me manden mensajes", "es"),
    ("ya no me llamen", "es"),
    ("No quiero recibir más mensajes", "es"),
    ("dejen de mandarme mensajes", "es"),
    ("paren de escribirme por favor", "es"),
    ("alto por favor", "es"),
    ("ya no más mensajes", "es"),
    ("quítenme de la lista", "es"),
    ("quiero darme de baja", "es"),
    ("déjenme en paz", "es"),
    ("número equivocado", "es"),
]


@pytest.mark.parametrize(("text", "language"), SUSPECTED)
def test_near_misses_go_to_a_person_and_are_not_obeyed(text: str, language: str) -> None:
    said = recognise(text)
    assert said == Recognised(None, language, suspected=True, needs_person=True)
    assert recognise(text.upper()) == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "\u200b",
        "👍",
        "Hello, I need a refill",
        "please stop by tomorrow",
        "should I stop taking the pill?",
        "I can't stop vomiting",
        "please don't stop texting me",
        "Can I cancel my appointment?",
        "I need to cancel on Friday",
        "yes please",
        "it hurts at the end of the day",
        "can you help me",
        "the pharmacy will call me",
        "the baby stops breathing at night",
        "no me llamaron ayer",
        "no me siento bien",
        "para el dolor",
        "mi presión está baja",
        "necesito ayuda con mi receta",
        "no más dolor que ayer",
        "quiero cancelar mi cita",
        "start date of the new medicine?",
    ],
)
def test_ordinary_messages_say_nothing_to_the_hub(text: str) -> None:
    assert recognise(text) is None


@given(st.text(max_size=200))
def test_any_text_is_understood_without_failing(text: str) -> None:
    said = recognise(text)
    assert said is None or said.suspected is (said.keyword is None)


@given(st.text("abcdefghij", min_size=3, max_size=20), st.sampled_from(WORDS))
def test_a_keyword_among_other_words_is_never_obeyed(other: str, word) -> None:
    said = recognise(f"{word[0]} {other}")
    assert said is None or said.keyword is None
