"""A message as its bare words: accents and decoration do not hide what it says."""

import re
import unicodedata

_APOSTROPHES = re.compile("['\u2019\u2018\u02bc`\u00b4]")
_WORD = re.compile(r"\w+")


def plain(text: str) -> str:
    """Return `text` in lower case without accents and invisible characters, punctuation kept.

    Full-width and other compatibility letters become plain ones; "don't" becomes "dont".
    """
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    # Once more: case folding may compose or bring compatibility letters of its own.
    decomposed = unicodedata.normalize("NFKD", decomposed)
    visible = "".join(
        character
        for character in decomposed
        # M: accents; Cf: zero-width spaces, joiners, direction marks; Cs, Co: no characters at all
        if (kind := unicodedata.category(character))[0] != "M" and kind not in ("Cf", "Cs", "Co")
    )
    return _APOSTROPHES.sub("", visible)


def words(text: str) -> list[str]:
    """Return the words of `plain(text)`; letters spelled one by one ("S.T.O.P.") are one word."""
    found = _WORD.findall(plain(text).replace("_", " "))
    if len(found) > 2 and all(len(word) == 1 for word in found):
        return ["".join(found)]
    return found
