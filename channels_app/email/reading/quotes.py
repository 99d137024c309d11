"""What somebody newly wrote, apart from what they quoted and from their signature.

quotequail finds the lines that introduce a quotation or a forwarded mail. It was chosen in
November 2026 among the kept libraries: it knows the Spanish of Gmail, Apple and Outlook and takes
milliseconds for any text. mail-parser-reply 1.36 knows more languages, but its Spanish pattern
can't match, it drops the answers between quoted lines, takes "- aspirin" for a signature, and
needs 13 seconds for 20,000 characters; email-reply-parser 0.5 knows English only and is as slow.

What the library leaves open is decided here, and in doubt a line is shown: hiding what a patient
wrote is worse than showing a quotation. Answers between quoted lines stay; a forwarded mail
without a word of its own is shown as it is; a closing word and a name are no signature.
"""

import re
from dataclasses import dataclass

import quotequail

#: Only so many lines are looked at; what follows is shown as it is.
_MAX_LINES = 5_000
#: Longer lines introduce nothing, and cost the patterns their square.
_LONGEST_INTRODUCTION = 300
_MAX_INTRODUCTIONS = 50
_LONGEST_SIGNATURE = 15
#: Characters of a line below a rule of dashes; longer ones are sentences.
_LONGEST_LINE = 100

_LABEL = re.compile(
    r"[\s*_]*(?P<from>from|de|von|da|van|från|fra|od|от|发件人|差出人|보낸\s?사람|expéditeur|remitente)?"
    r"(?P<other>sent|date|to|cc|subject|reply-to|enviado( el)?|enviada( el)?|fecha|para|asunto"
    r"|envoyé"
    r"|à|objet|gesendet|datum|an|betreff|inviato|data|a|oggetto|enviada em|verzonden|aan|onderwerp"
    r"|skickat|till|ämne|sendt|til|emne|wysłano|do|temat|дата|кому|тема|发送时间|收件人|主题|件名|宛先)?"
    r"[\s*_]*[:：][\s*_]*\S?",
    re.IGNORECASE,
)
_FORWARDED = re.compile(
    r"[\s>*]*(-{2,}|_{2,}|={2,})?\s*(begin )?(forwarded message|forwarded by|fwd message"
    r"|mensaje reenviado"
    r"|inicio del mensaje reenviado|weitergeleitete nachricht|message transféré|messaggio inoltrato"
    r"|mensagem encaminhada|doorgestuurd bericht)\b.{0,80}$",
    re.IGNORECASE,
)
_ORIGINAL = re.compile(
    r"\s*[-_=*]{2,}\s*(original message|mensaje original|mensaje citado|ursprüngliche nachricht"
    r"|message d'origine|message original|messaggio originale|mensagem original"
    r"|oorspronkelijk bericht"
    r"|original appointment|reply message|cita original)\s*[-_=*]{2,}\s*$",
    re.IGNORECASE,
)
#: "… wrote:" in languages or shapes that quotequail does not know.
_WROTE = re.compile(
    r"\s*(?=.*(\d|@)).{0,250}\b(wrote|writes|said|escribió|escribio|ha escrito|escribía|a écrit"
    r"|schrieb"
    r"|ha scritto|escreveu|schreef|skrev|napisał(\(a\))?|napsal(\(a\))?|написал(\(а\))?|пишет"
    r"|va escriure"
    r"|kirjoitti|yazdı|写道|寫道|のメール)(?!\w).{0,100}[:：]\s*-*\s*$",
    re.IGNORECASE,
)
_BEGINS = re.compile(
    r"\s*(-{2,}\s*)?(on|el|le|am|il|em|op|den|dne|dnia|w dniu|at|quoting|mensaje de)\s",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\s*(\d|<|\"?\w[\w.'-]* )")
#: Gmail in some languages: "2026-03-04 10:00 GMT+01:00 Clinic <desk@clinic.example>:".
_DATED = re.compile(
    r"\s*\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\s.{1,150}<[^<>\s]{1,100}@[^<>\s]{1,100}>\s*[:：]?\s*$"
)
_QUOTED = re.compile(r"\s{0,3}>")
_MOBILE = re.compile(
    r"[\s>*_~-]*(sent (from|via|with|using) (my|the|a|an|yahoo|outlook|gmail|proton|samsung"
    r"|mail|aol|blackberry"
    r"|android|iphone|ipad|nine|spark|windows|mobile|airmail|front|tuta)\b"
    r"|get outlook for|sent from (\w+ ){0,3}(iphone|ipad|phone|android|mobile|device)"
    r"|enviado (desde|con|por|usando|vía) (mi|el|un|una|la|yahoo|outlook|gmail|samsung|proton"
    r"|correo|android|iphone"
    r"|dispositivo|windows|nine|móvil|movil)\b|(obtener|obtén|descargar|descarga"
    r"|consigue) outlook para"
    r"|envoyé (de|depuis) (mon|mon|ma|l'|yahoo|outlook)|von mein\w* \w+ gesendet|gesendet von"
    r"|inviato da"
    r"|enviado do meu|verzonden (van|vanaf)|skickat från|sendt fra|wysłane z|отправлено с)"
    r".{0,120}$",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(r"\s?(--|—|––|__)\s*$")
_RULE = re.compile(r"\s*[-_=*~#—–]{5,}\s*$")
_MANY_BLANKS = re.compile(r"\n{3,}")
_FORWARD_SUBJECT = re.compile(r"\s*(fwd?|rv|wg|tr|i|enc|reenv(ío)?|vs|doorst)\s*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Divided:
    """A text in three. Together they hold every line that is not blank."""

    written: str
    quoted: str
    signature: str


def divide(text: str, subject: str = "") -> Divided:
    """Part `text` into what was newly written, what is quoted, and the signature."""
    lines = text.split("\n")
    tail = lines[_MAX_LINES:]
    lines = [line.rstrip() for line in lines[:_MAX_LINES]]
    is_quoted = _quoted_lines(lines)
    written = [line for line, quoted in zip(lines, is_quoted, strict=True) if not quoted] + tail
    quoted = [line for line, quoted in zip(lines, is_quoted, strict=True) if quoted]
    if not any(line.strip() for line in written) and _is_forwarded(quoted, subject):
        return Divided(_joined(quoted), "", "")
    written, signature = _without_signature(written)
    return Divided(_joined(written), _joined(quoted), _joined(signature))


def _quoted_lines(lines: list[str]) -> list[bool]:
    """Of each line, whether it is quoted or introduces what is."""
    is_quoted = [bool(_QUOTED.match(line)) for line in lines]
    introduced = _introductions(lines)
    if sum(is_quoted) == 1 and not introduced:
        # A single `>` is an arrow, or "more than", as often as a quotation.
        is_quoted = [False] * len(lines)
    for start, stop in introduced:
        is_quoted[start:stop] = [True] * (stop - start)
        following = next((n for n in range(stop, len(lines)) if lines[n].strip()), len(lines))
        if following < len(lines) and not is_quoted[following]:
            # Quoted without marks: nothing tells where it ends, and programs put it last.
            is_quoted[start:] = [True] * (len(lines) - start)
            break
    end = _end_of_written(lines)
    is_quoted[end:] = [True] * (len(lines) - end)
    return is_quoted


def _introductions(lines: list[str]) -> list[tuple[int, int]]:
    """From where to where go lines such as "On …, … wrote:", wrapped or not."""
    short = [line if len(line) <= _LONGEST_INTRODUCTION else "" for line in lines]
    found: dict[int, int] = {}
    position = 0
    for _ in range(_MAX_INTRODUCTIONS):
        start = _introduced_at(short[position:], before=True)
        if start is None:
            break
        start += position
        last = _introduced_at(short[start : start + 3], before=False)
        position = start + (last or 0) + 1
        # Forwarded mail and rules are looked at below, with what stands around them.
        line = short[start]
        if not (_FORWARDED.match(line) or _RULE.match(line) or _QUOTED.match(line)):
            found[start] = position
    for number, line in enumerate(short):
        if line.rstrip(" -").endswith((":", "：")):
            begin = _start_of_introduction(short, number)
            if begin is not None:
                found.setdefault(begin, number + 1)
    return sorted(found.items())


def _introduced_at(lines: list[str], *, before: bool) -> int | None:
    """The number of the line where quotequail finds an introduction to begin, or to end."""
    if not lines:
        return None
    parts = quotequail.quote("\n".join(lines), limit=len(lines) + 1, quote_intro_line=before)
    if len(parts) == 1:
        return None
    # Cut before the line: nothing, or all lines above it; cut after it: it is the last one.
    above = parts[0][1]
    count = above.count("\n") + 1
    if before:
        return count if above or parts[1][1].count("\n") + 1 < len(lines) else 0
    return count - 1


def _start_of_introduction(lines: list[str], last: int) -> int | None:
    """Where the introduction begins that ends in the line `last`; None if it is none.

    Programs wrap it; of several beginnings the one with a word that begins such lines is right.
    """
    possible = None
    for start in range(last, max(-1, last - 4), -1):
        if not lines[start].strip() or _QUOTED.match(lines[start]):
            break
        whole = " ".join(line.strip() for line in lines[start : last + 1])
        if len(whole) > _LONGEST_INTRODUCTION:
            break
        if _DATED.match(whole):
            return start
        if _WROTE.match(whole):
            if _BEGINS.match(whole):
                return start
            if possible is None and _NAMED.match(whole):
                possible = start
    return possible


def _end_of_written(lines: list[str]) -> int:
    """Where a whole earlier mail with its headers begins; the number of lines if none does."""
    for number, line in enumerate(lines):
        bare = line.lstrip("> ")
        if len(line) > _LONGEST_INTRODUCTION or not bare:
            continue
        if _FORWARDED.match(bare) or _ORIGINAL.match(bare) or _is_header_block(lines, number):
            while number and (not lines[number - 1].strip() or _RULE.match(lines[number - 1])):
                number -= 1
            return number
    return len(lines)


def _is_header_block(lines: list[str], number: int) -> bool:
    """From, and one of Sent, Date, To and Subject close below it."""
    first = _LABEL.match(lines[number][:_LONGEST_INTRODUCTION])
    if not first or not first["from"] or first["other"]:
        return False
    others = 0
    for line in lines[number + 1 : number + 7]:
        if not line.strip():
            if others:
                break
            continue
        label = _LABEL.match(line[:_LONGEST_INTRODUCTION])
        others += bool(label and label["other"] and not label["from"])
    return others >= 2


def _is_forwarded(quoted: list[str], subject: str) -> bool:
    return bool(_FORWARD_SUBJECT.match(subject)) or any(
        _FORWARDED.match(line[:_LONGEST_INTRODUCTION]) for line in quoted[:20]
    )


def _without_signature(lines: list[str]) -> tuple[list[str], list[str]]:
    """Take a signature off the end, and the lines that telephones add."""
    filled = [number for number, line in enumerate(lines) if line.strip()]
    signature: list[str] = []
    # The first line of all is never one: then nothing would be left.
    for place in range(max(1, len(filled) - _LONGEST_SIGNATURE - 1), len(filled)):
        line, rest = lines[filled[place]], filled[place + 1 :]
        if _SIGNATURE.match(line) or (
            len(line) <= _LONGEST_INTRODUCTION
            and _RULE.match(line)
            and all(len(lines[number]) < _LONGEST_LINE for number in rest)
        ):
            signature = lines[filled[place] :]
            lines = lines[: filled[place]]
            filled = filled[:place]
            break
    mobile = [
        number
        for number in filled[-4:]
        if len(lines[number]) <= _LONGEST_INTRODUCTION and _MOBILE.match(lines[number])
    ]
    signature = [lines[number] for number in mobile] + signature
    return [line for number, line in enumerate(lines) if number not in mobile], signature


def _joined(lines: list[str]) -> str:
    return _MANY_BLANKS.sub("\n\n", "\n".join(lines)).strip("\n")
