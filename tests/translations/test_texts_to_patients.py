"""What the hub texts by itself is short: one text where the rule says so, in either language.

á, í, ó and ú are not in the GSM alphabet: a single one halves what a text holds. So our Spanish
avoids them here; é and ñ are in it.
"""

from datetime import UTC, datetime, time, timedelta

import pytest

from channels_app.simulator.segments import count_segments
from hub.conversations import wording
from hub.routing import after_hours
from hub.routing.models import OpeningHours
from patients.keywords import Keyword
from tests.factories import DepartmentFactory

LANGUAGES = ("en", "es")
NUMBER = "+15550100100"
#: Of a usual length, in letters of the GSM alphabet.
NAME = "Riverside Family Health Center"
LINK = f"https://hub.riverside-clinic.example/c/#{'x' * 24}"


@pytest.fixture(autouse=True)
def _name(settings) -> None:
    settings.ORGANISATION_NAME = NAME


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("word", list(Keyword))
def test_the_answer_to_a_keyword_is_one_text(word: Keyword, language: str) -> None:
    answer = wording.keyword_answer(word, language, NUMBER)
    assert answer.startswith(NAME) and count_segments(answer) == 1, len(answer)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_confirmation_of_a_stop_says_how_to_come_back_and_what_to_do_in_need(
    language: str,
) -> None:
    answer = wording.keyword_answer(Keyword.STOP, language, NUMBER)
    assert "START" in answer and "911" in answer


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_chat_link_is_one_text(language: str) -> None:
    assert count_segments(wording.chat_link(language, LINK)) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("hours_ahead", range(0, 24 * 7, 7))
def test_nobody_on_duty_is_one_text_whatever_the_day(hours_ahead: int) -> None:
    """Except for a Saturday in Spanish, which is written with an á."""
    department = DepartmentFactory(time_zone="America/New_York")
    at = datetime(2026, 11, 21, 5, 0, tzinfo=UTC) + timedelta(hours=hours_ahead)
    opens = (at + timedelta(hours=50)).weekday()
    OpeningHours.objects.create(
        department=department, weekday=opens, opens=time(12, 30), closes=time(18)
    )
    for language in LANGUAGES:
        when = after_hours.expected_in_words(department, at, language)
        answer = wording.nobody_on_duty(language, when)
        assert "911" in answer and "988" in answer and when in answer
        assert count_segments(answer) <= (1 if "á" not in answer else 3), answer


@pytest.mark.parametrize("when", ["", "tomorrow at 12:30 p.m."])
def test_both_languages_together_are_two_texts(when: str) -> None:
    """Who is not known gets both."""
    both = "\n".join(wording.nobody_on_duty(language, when) for language in LANGUAGES)
    assert count_segments(both) <= 2
