"""Search words of names, so that a search by name needs no extension of PostgreSQL.

"María José O'Brien" becomes the words maria, jose, obrien; each is kept whole (marked with "=") and
as its beginnings, in an array with a GIN index. A search for "mar obr" then is one "contains".
"""

import unicodedata
from collections.abc import Iterable

WHOLE = "="
"""Marks a whole word among the beginnings, so that whole words can be ranked first."""

LONGEST_BEGINNING = 15
"""Longer beginnings of words are not indexed."""
_LONGEST_WORD = 39  # the column takes 40, with the mark

# Letters that have no accent to take off but are typed without by most.
_PLAIN = str.maketrans(
    {"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "\u0131": "i"}
)
# The typewriter's apostrophe, two quotation marks, the letter, and two accents used in its place.
_APOSTROPHES = dict.fromkeys(map(ord, "'\u2019\u2018\u02bc`\u00b4"))


def fold(text: str) -> str:
    """Return `text` without case and accents, the way two spellings of a name become one."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_PLAIN)


def words(text: str) -> list[str]:
    """Return the words of a name or of what was typed, folded, each once, in their order.

    An apostrophe joins ("O'Brien" is one word, typed with or without), all else that is no letter
    or digit separates.
    """
    joined = fold(text).translate(_APOSTROPHES)
    separated = "".join(c if c.isalnum() else " " for c in joined)
    return list(dict.fromkeys(word[:_LONGEST_WORD] for word in separated.split()))


def shortest_beginning(word: str) -> int:
    """Return how many signs of a word find it: one where a sign can be a name, of Latin letters
    two, since one finds half the clinic.
    """
    return 2 if word[0].isascii() else 1


def keys(names: Iterable[str]) -> list[str]:
    """Return what is indexed of a person's names: whole words, marked, and all beginnings."""
    found: set[str] = set()
    for name in names:
        for word in words(name):
            shortest = shortest_beginning(word)
            found.add(WHOLE + word)
            found.update(
                word[:length] for length in range(shortest, min(len(word), LONGEST_BEGINNING) + 1)
            )
            found.add(word)
    return sorted(found)
