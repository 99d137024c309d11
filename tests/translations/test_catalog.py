"""What patients read is there in Spanish, says the same, and is what the program loads."""

import re

import pytest
from django.utils import translation
from django.utils.translation import gettext

from tests.translations.catalog import (
    marked_in,
    read_mo,
    read_plurals,
    read_po,
    words_of_the_chat,
)

CALLBACK_PAGES = (
    "about",
    "code",
    "done",
    "frame",
    "none",
    "number",
    "over",
    "time",
    "too_often",
)
SECURE_PAGES = ("call_us", "frame", "left", "open", "over", "stopped", "thread")
#: Every file with sentences that a patient may read or hear.
PATIENTS_READ = (
    "hub/conversations/wording.py",
    "hub/routing/after_hours.py",
    "channels_app/files.py",
    "channels_app/chat/refusals.py",
    "channels_app/voice/words.py",
    "channels_app/secure/views.py",
    "channels_app/secure/wording.py",
    "hub/selfservice/views.py",
    "hub/selfservice/wishes.py",
    "templates/chat/app.html",
    *(f"templates/secure/{page}.html" for page in SECURE_PAGES),
    *(f"templates/selfservice/callback/{page}.html" for page in CALLBACK_PAGES),
)
PLACEHOLDER = re.compile(r"%\(\w+\)\w|%\.?\d*[a-z]\b|\{\w+\}")
#: What must stand in a translation as in the original, or somebody dials a wrong number.
NUMBER_TO_CALL = re.compile(r"911|988")


def test_the_compiled_catalogue_is_the_readable_one() -> None:
    catalog, _ = read_po()
    translated = {msgid: texts for msgid, texts in catalog.items() if all(texts)}
    assert read_mo() == translated, "run `make messages`"


def test_nothing_is_a_guess_of_the_tools() -> None:
    _, fuzzy = read_po()
    assert not fuzzy, "look these through, and take away the fuzzy mark"


@pytest.mark.parametrize("path", PATIENTS_READ)
def test_patients_read_it_in_spanish(path: str) -> None:
    marked = marked_in(path)
    assert marked, "this file says nothing any more"
    with translation.override("es"):
        same = {msgid for msgid in marked if gettext(msgid) == msgid} - {"Chat"}
    assert not same, "run `make messages` and translate these"


def test_every_sentence_of_the_catalogue_keeps_its_placeholders_and_numbers() -> None:
    catalog, _ = read_po()
    plurals = read_plurals()
    assert len(catalog) > 500 and plurals
    for msgid, texts in catalog.items():
        for form, text in enumerate(texts):
            if not text:
                continue
            # "Not reached" of one try, "not reached in 3 tries" of more.
            said = plurals[msgid] if form else msgid
            assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(said)), msgid
            assert set(NUMBER_TO_CALL.findall(text)) == set(NUMBER_TO_CALL.findall(said)), msgid
            assert text.endswith("\n") == said.endswith("\n"), msgid


def test_the_chat_app_says_everything_in_both_languages() -> None:
    words = words_of_the_chat()
    assert len(words["en"]) > 60
    assert list(words["en"]) == list(words["es"])
    for key, english in words["en"].items():
        spanish = words["es"][key]
        assert spanish.strip() and spanish != english, key
        assert sorted(PLACEHOLDER.findall(spanish)) == sorted(PLACEHOLDER.findall(english)), key
