"""Keeps encrypted text searchable by word: keyed numbers instead of words.

Each word becomes 64 bits of its HMAC, kept in an ``ArrayField(BigIntegerField())`` with a GIN
index beside the encrypted field:

    entry.words = index_words(body)
    Entry.objects.filter(words__contains=query_words("chest pain"))

Without the key nobody can tell which word a number is, nor try words out. What it does show is
which rows share words and how often a word occurs; docs/encryption-and-audit.md says so.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from django.conf import settings

#: Distinct words of one text that are indexed; what a very long text says after that is not found.
MOST_WORDS = 512
#: A longer "word" (a link, a code) counts by its beginning.
LONGEST_WORD = 64

_PLAIN_WORD = re.compile(r"[a-z0-9]+")
# Scripts that put no space between words: Thai to Myanmar, Khmer, kana, Han (with extensions).
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)


def index_words(text: str) -> list[int]:
    """The numbers to store beside a text: its distinct words, at most `MOST_WORDS`."""
    return _numbers(text, alone=True)[:MOST_WORDS]


def query_words(text: str) -> list[int]:
    """The numbers that a text must all have to contain the words of this query.

    An empty list means that there is no word to look for, not that everything matches.
    """
    return _numbers(text, alone=False)[:MOST_WORDS]


def _numbers(text: str, *, alone: bool) -> list[int]:
    # A dict keeps the order and drops repeats.
    return [_number(word) for word in dict.fromkeys(_words(text, alone=alone))]


def _number(word: str) -> int:
    digest = hmac.digest(settings.BLIND_INDEX_KEY, word.encode("utf-8", "replace"), hashlib.sha256)
    return int.from_bytes(digest[:8], "big", signed=True)


def _words(text: str, *, alone: bool) -> Iterator[str]:
    """Words in their normal form; pairs of neighbours where a script has no spaces.

    Args:
        text: anything.
        alone: also give each sign of an unspaced script alone, so that a query of one sign finds
            it. A query of several needs their pairs only.
    """
    for run in _runs(_plain(text)):
        at = 0
        for unspaced in _UNSPACED.finditer(run):
            yield from _short(run[at : unspaced.start()])
            signs = unspaced.group()
            if alone or len(signs) == 1:
                yield from signs
            yield from map("".join, pairwise(signs))
            at = unspaced.end()
        yield from _short(run[at:])


def _short(word: str) -> Iterator[str]:
    if word:
        yield word[:LONGEST_WORD]


def _plain(text: str) -> str:
    """Without case, accents, width and invisible characters (Unicode's caseless matching, D145)."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    # Format characters (soft hyphens, joiners, marks of direction) split no word.
    kept = (c for c in folded if not unicodedata.combining(c) and unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFC", "".join(kept))


def _runs(text: str) -> Iterator[str]:
    """What stands between characters that are neither letter, digit nor vowel sign."""
    if text.isascii():
        yield from _PLAIN_WORD.findall(text)
        return
    # Python's \w leaves out the vowel signs of Indic scripts, and would tear their words apart.
    spaced = (c if unicodedata.category(c)[0] in "LNM" else " " for c in text)
    yield from "".join(spaced).split()
