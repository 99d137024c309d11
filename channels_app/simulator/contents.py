"""Content templates: words kept at the provider, sent by ``ContentSid`` with variables."""

from __future__ import annotations

import json
import re

from .errors import TwilioError

#: Two that a clinic might have had approved; the demo's hub knows them too.
DEFAULTS = {
    "HX" + "a1" * 16: "Hello {{1}}, this is {{2}}. Please write to us here when you have a moment.",
    "HX" + "b2" * 16: "Hola {{1}}, somos {{2}}. Escríbanos aquí cuando tenga un momento.",
}

_PLACE = re.compile(r"\{\{(\d+)\}\}")


def read_variables(text: str) -> dict[str, str]:
    """``ContentVariables``, a JSON object of texts.

    Raises:
        TwilioError: 21656.
    """
    try:
        variables = json.loads(text or "{}")
    except ValueError:
        variables = None
    if not isinstance(variables, dict) or not all(isinstance(v, str) for v in variables.values()):
        raise TwilioError(21656, "The ContentVariables Parameter is invalid")
    return variables


def fill(body: str, variables: dict[str, str]) -> str:
    """The template's words with its places filled; what was not given stays as it is."""
    return _PLACE.sub(lambda found: variables.get(found[1], found[0]), body)


def fits(body: str, variables: dict[str, str]) -> bool:
    """Whether exactly the template's places were given."""
    return set(_PLACE.findall(body)) == set(variables)
