"""Recognises STOP, START and HELP, and their relatives in English and Spanish.

Sources: Twilio's default words (notes on Messaging, "opt-out keywords": STOP, STOPALL, UNSUBSCRIBE,
CANCEL, END, QUIT, REVOKE, OPTOUT; START, YES, UNSTOP; HELP, INFO); 47 CFR 64.1200(a)(10), which
presumes stop, quit, end, revoke, opt out, cancel and unsubscribe to be a revocation and asks to
honour any other reasonable way. So exact words are obeyed at once, and what merely reads like a
wish to be left alone is `suspected`: a person decides.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from patients import plain_words


class Keyword(StrEnum):
    """What a patient may say to the hub itself."""

    STOP = "stop"
    START = "start"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a message says to the hub."""

    #: To be obeyed at once; None when it is only suspected.
    keyword: Keyword | None
    #: The language of the word: "en" or "es"; the answer goes out in it.
    language: str
    #: It reads like a wish to be left alone: a person decides.
    suspected: bool = False
    #: An ordinary word too ("yes", "sí"): means START only where the address is stopped.
    only_if_stopped: bool = False
    #: Whether somebody should read it: the word also means something else to a clinic ("cancel",
    #: "baja"), or is a call for help, or is only suspected.
    needs_person: bool = False
    #: Twilio knows this very spelling, and answers and blocks by itself where that is switched on.
    known_to_provider: bool = False


# Written as plain_words.words() would give them.
_STOP = {
    "en": {
        "stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke", "optout",
        "opt out",
    },
    "es": {
        "alto", "parar", "pare", "paren", "baja", "dar de baja", "darme de baja", "cancelar",
        "cancele", "no mas", "nomas", "no mas mensajes", "no mas textos", "detener", "detenga",
        "detengan", "desuscribir", "desuscribirme", "anular suscripcion",
    },
}  # fmt: skip
_START = {
    "en": {"start", "unstop", "restart", "resume", "opt in", "optin"},
    "es": {"iniciar", "inicio", "comenzar", "empezar", "reanudar"},
}
# Also the most ordinary answers to a question of ours.
_YES = {"en": {"yes"}, "es": {"si", "alta"}}
_HELP = {
    "en": {"help", "info"},
    "es": {"ayuda", "informacion", "ayudame"},
}  # fmt: skip
# Obeyed, but told: they may be about an appointment or a blood pressure ("¿alta o baja?").
_ALSO_ORDINARY = {
    "cancel", "end", "quit", "alto", "baja", "cancelar", "cancele", "no mas", "nomas",
}  # fmt: skip

_TWILIO = {
    "stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout",
    "start", "yes", "unstop", "help", "info",
}  # fmt: skip


def recognise(text: str) -> Recognised | None:
    """Tell what `text` says to the hub, or None for an ordinary message.

    Case, accents, punctuation, emoji, invisible characters and repetition ("STOP STOP") make no
    difference; anything more than the words themselves does.
    """
    said = _once(plain_words.words(text))
    if not said:
        return None
    known = text.strip().casefold() in _TWILIO
    for language in ("en", "es"):
        if said in _STOP[language]:
            return Recognised(
                Keyword.STOP,
                language,
                needs_person=said in _ALSO_ORDINARY,
                known_to_provider=known,
            )
        if said in _START[language]:
            return Recognised(Keyword.START, language, known_to_provider=known)
        if said in _YES[language]:
            return Recognised(
                Keyword.START,
                language,
                only_if_stopped=True,
                needs_person=True,
                known_to_provider=known,
            )
        if said in _HELP[language]:
            return Recognised(Keyword.HELP, language, needs_person=True, known_to_provider=known)
    language = _suspected_in(said)
    if language:
        return Recognised(None, language, suspected=True, needs_person=True)
    return None


def _once(words: list[str]) -> str:
    """The words as one text; a phrase said again and again is said once."""
    for length in range(1, len(words) // 2 + 1):
        if len(words) % length == 0 and words[:length] * (len(words) // length) == words:
            return " ".join(words[:length])
    return " ".join(words)


# --- Near misses ----------------------------------------------------------------------------------

# With a stop word and nothing else: "please stop", "STOP now!!", "para ya por favor".
# fmt: off
_FILLERS = {
    "en": {
        "please", "pls", "plz", "now", "it", "this", "that", "thanks", "thank", "you", "thx", "ok",
        "okay", "just", "kindly", "all", "everything", "me", "us", "sir", "already", "immediately",
    },
    "es": {
        "por", "favor", "porfavor", "ya", "gracias", "ahora", "esto", "eso", "todo", "ok",
        "inmediatamente",
    },
}
_MISSPELLED = {
    "en": {
        "stopp", "sttop", "stoppp", "stpo", "sotp", "tsop", "stoop", "stip", "stope", "stops",
        "stopping", "unsubcribe", "unsuscribe", "unsubscibe", "unsubscribed", "unsubscribing",
        "cancell", "cancle", "cancelled", "canceled", "quitt", "optuot", "optoutt",
    },
    "es": {
        "parrar", "detenr", "deten", "cancela", "cancelen", "desuscribirse", "para", "basta",
    },
}
# fmt: on

_EN_SENDING = (
    r"(?:text(?:ing|s)?|messag(?:e|es|ing)|msgs?|call(?:s|ing)?|phon(?:e|ing)|contact(?:ing)?|"
    r"e ?mail(?:s|ing)?|send(?:ing)?|bother(?:ing)?|harass(?:ing)?|spam(?:ming)?|reminders?|"
    r"notifications?|alerts?)"
)
_ES_SENDING = (
    r"(?:mensajes?|textos?|sms|llamadas?|correos?|recordatorios?|avisos?|notificaciones|mensajitos)"
)
_SUSPECT = {
    "en": [
        rf"(?<!dont )(?<!not )(?<!cant )(?<!never )\b(?:stop|quit|cease)"
        rf"(?: (?:with|all|the|these|those|this|your|any|sending|me))* {_EN_SENDING}\b",
        rf"\b(?:dont|do not|never)(?: ever)? {_EN_SENDING}(?: me| us| my| this| here| anymore)",
        rf"\bno more (?:\w+ )?{_EN_SENDING}\b",
        rf"\b(?:dont|do not) (?:want|wish)(?: to (?:get|receive))?(?: any| your| these| more)*"
        rf" {_EN_SENDING}\b",
        r"\bunsubscribe\b",
        r"\bopt(?:ing)?(?: me)? out\b",
        r"\b(?:remove|take|delete) (?:me|my (?:number|phone|name|e ?mail))\b.*"
        r"\b(?:list|from|off|texts|system)\b",
        r"\b(?:remove|delete) my (?:number|phone)\b",
        r"\bleave me alone\b",
        r"\blose (?:my|this) number\b",
        r"\brevoke (?:my )?(?:consent|permission)\b",
        r"\bwrong (?:number|person)\b",
    ],
    "es": [
        r"\bno (?:me|nos) (?:escrib|mand|envi|llam|text|contact|molest|busqu|marqu)"
        r"(?:an|as|en|es|a|e|ie|ies|ien)\b",
        r"\b(?:deje(?:n|s)?|deja|pare(?:n|s)?|para|basta|dejar)(?: ya)? de "
        r"(?:escribir|mandar|enviar|llamar|molestar|textear|contactar)\w*",
        rf"\bno (?:quiero|deseo|queremos)(?: recibir)?(?: mas| sus| estos| esos| ningun)*"
        rf" {_ES_SENDING}\b",
        r"\bno (?:quiero|deseo) que me (?:escrib|mand|envi|llam|text|contact)\w+",
        rf"\b(?:no mas|basta de|ya no mas) {_ES_SENDING}\b",
        r"\b(?:quite|saque|borre|elimine|retire)n?me\b",
        r"\b(?:quit|sac|borr|elimin)(?:e|en|ar) mi (?:numero|nombre|telefono)\b",
        r"\b(?:dar|den|de|darse|dese)(?:me)? de baja\b",
        r"\bdejen?me en paz\b",
        r"\b(?:numero|persona) equivocad[oa]\b",
    ],
}
_PATTERNS = {
    language: re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
    for language, patterns in _SUSPECT.items()
}


def _suspected_in(said: str) -> str:
    """The language in which a message may be a wish to be left alone, or ""."""
    words = set(said.split())
    for language in ("en", "es"):
        stops = {word for word in _STOP[language] if " " not in word} | _MISSPELLED[language]
        meant = words & stops
        if meant and words <= stops | _FILLERS[language]:
            return language
        if _PATTERNS[language].search(said):
            return language
    return ""
