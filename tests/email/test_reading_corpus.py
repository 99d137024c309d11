"""Every awkward mail is read, and what must come out of it comes out."""

from datetime import UTC, datetime

import pytest

from channels_app.email.reading import read
from tests.email.corpus import CORPUS, Awkward

NOW = datetime(2026, 3, 5, tzinfo=UTC)


@pytest.mark.parametrize("awkward", CORPUS, ids=lambda awkward: awkward.name)
def test_what_must_come_out_comes_out(awkward: Awkward) -> None:
    mail = read(awkward.raw, now=NOW)

    for name, expected in awkward.expected.items():
        found = getattr(mail, name)
        if callable(expected):
            assert expected(found), (name, found, mail.problems)
        else:
            assert found == expected, (name, mail.problems)


def test_the_corpus_is_large_and_names_each_mail_once() -> None:
    assert len(CORPUS) >= 60
    assert len({awkward.name for awkward in CORPUS}) == len(CORPUS)
