"""Notices when a message sounds like an emergency, in English and Spanish.

A first, short list. It only ever raises a message's urgency and never lowers it: no match says
nothing about the patient. It is no triage: nothing is advised on it, a person looks sooner.

Sources of the signs: BE-FAST for stroke; American Heart Association for heart attack; CDC for
sepsis; 988 Suicide & Crisis Lifeline for talk of suicide.
"""

import re

from patients import plain_words

# What is urgent though it holds a "not" itself. Matched on plain words, one clause at a time.
_ALWAYS = [
    # Breath and consciousness
    r"(?:cant|cannot|can not|cnt|not able to|unable to|hard to|trouble|difficulty|struggling to)"
    r" (?:breathe?|breathing|brethe|get (?:my|any|enough) (?:breath|air))",
    r"(?:not|isnt|stopped|barely) (?:breathing|responding|waking)",
    r"(?:wont|doesnt|does not|cant|cannot) wake(?: \w+)? up",
    r"no (?:puedo|puede|podemos) respirar|no respira|(?:me|le) falta (?:el )?aire",
    r"no (?:despierta|responde|reacciona)",
    # Stroke
    r"(?:cant|cannot) (?:move|feel) (?:my|his|her|one|the) (?:\w+ )?(?:arm|leg|side|face)",
    r"no (?:puedo|puede) (?:mover|sentir|hablar)",
    # Suicide
    r"(?:dont|do not|no longer) want to (?:live|be alive|wake up)",
    r"no (?:quiero|deseo) (?:seguir )?(?:vivir|viviendo)|ya no quiero (?:vivir|estar)",
]
# What "no", "without", "denies" before it takes back.
_UNLESS_DENIED = [
    r"(?:chest|heart) (?:pains?|pressure|tight\w*)|pain in (?:my|the|his|her) chest",
    r"chest (?:hurts|is hurting|aches|feels (?:tight|heavy))",
    r"heart attack|(?:having|had|a) stroke|\bstroke\b|seizures?|convuls\w+",
    r"short(?:ness)? of breath|choking|turning blue|lips are blue",
    r"face (?:is )?droop\w*|slurr\w+|sudden(?:ly)? (?:numb\w*|weak\w*|confus\w*|blind\w*)",
    r"worst headache|passed out|unconscious|collapsed|fainted",
    r"(?:heavy|heavily|a lot of|wont stop|severe) bleeding|bleeding (?:a lot|heavily|badly|out)"
    r"|(?:vomiting|coughing up|throwing up) blood",
    r"overdos\w+|od ?ed|took (?:too many|all (?:of )?my|a whole) (?:\w+ )?(?:pills|tablets|bottle)",
    r"poison(?:ed|ing)|anaphyla\w+|throat (?:is )?(?:closing|swelling)|tongue (?:is )?swelling",
    r"suicid\w+|kill(?:ing)? my ?self|end(?:ing)? my life|want to die|wanna die|"
    r"hurt(?:ing)? my ?self|better off dead",
    r"call (?:911|an ambulance)|need an ambulance|\b911\b|emergency",
    # Spanish
    r"dolor(?:es)? (?:\w+ )?(?:de|en(?: el)?) (?:\w+ )?pecho|me duele (?:mucho )?el pecho"
    r"|presion en el pecho|(?:ataque|paro) (?:al corazon|cardiaco)|infarto",
    r"derrame(?: cerebral)?|cara (?:caida|torcida)|convulsi\w+",
    r"ahog(?:o|ando|andome)\b|asfixi\w+|labios (?:azules|morados)",
    r"desmay\w+|inconsciente|perdio el conocimiento",
    r"sangr(?:a|o|ando) mucho|mucha sangre|hemorragia|(?:vomit\w+|tos\w*) (?:\w+ )?sangre",
    r"sobredosis|tome (?:demasiadas|todas) (?:\w+ )?pastillas|envenen\w+|intoxic\w+",
    r"suicid\w+|matarme|quitarme la vida|quiero morir(?:me)?|me quiero morir|hacerme dano",
    r"(?:necesito|llamen?|manden) (?:a )?(?:una |la )?ambulancia|emergencia|auxilio|socorro",
]
# fmt: off
_DENIALS = frozenset({
    "no", "not", "dont", "doesnt", "didnt", "isnt", "wasnt", "havent", "hasnt", "never", "without",
    "denies", "deny", "denied", "neither", "nor", "ni", "sin", "nunca", "tampoco", "niega",
})
# fmt: on
# "No" reaches three words far: "no more chest pain", "I do not have any chest pain".
_REACH = 3
# A new clause takes no denial along: "No, chest pain!", "no fever but chest pain".
_CLAUSE = re.compile(r"[.,;:!?\n\r()¡¿]+|\b(?:but|and now|pero|y ahora|aunque)\b")
_SPACES = re.compile(r"[\W_]+")

_always = re.compile("|".join(rf"\b(?:{pattern})\b" for pattern in _ALWAYS))
_unless_denied = re.compile("|".join(rf"\b(?:{pattern})\b" for pattern in _UNLESS_DENIED))


def sounds_urgent(text: str) -> bool:
    """Tell whether a message sounds like an emergency and should be seen first.

    It may be wrong both ways: it errs towards True, and False must never be shown to anybody as
    "no emergency".
    """
    clauses = _CLAUSE.split(plain_words.plain(text))
    return any(_urgent(_SPACES.sub(" ", clause).strip()) for clause in clauses)


def _urgent(clause: str) -> bool:
    if _always.search(clause):
        return True
    return any(
        _DENIALS.isdisjoint(clause[: match.start()].split()[-_REACH:])
        for match in _unless_denied.finditer(clause)
    )
