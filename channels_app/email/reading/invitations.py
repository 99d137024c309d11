"""A calendar invitation in one readable line: what, when, where (RFC 5545)."""

import re

from channels_app.email.reading.headers import one_line

_UNFOLD = re.compile(r"\n[ \t]")
_PROPERTY = re.compile(r"([A-Za-z-]{1,40})((?:;[^:\n\"]*(?:\"[^\"\n]*\")?)*):(.*)")
_ZONE = re.compile(r"TZID=\"?([^\";:]{1,80})", re.IGNORECASE)
_WHEN = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d{0,2}(Z?))?")
_ESCAPED = re.compile(r"\\(.)")
_MOST_EVENTS = 10


def in_words(calendar: str) -> list[str]:
    """One line for each event of `calendar`; a cancelled one says so in iCalendar's own word."""
    calendar = _UNFOLD.sub("", calendar)
    method = ""
    events: list[str] = []
    properties: dict[str, tuple[str, str]] | None = None
    inside = 0
    for line in calendar.split("\n"):
        found = _PROPERTY.match(line[:2_000])
        if not found:
            continue
        name, parameters, value = found[1].upper(), found[2], found[3].strip()
        if name == "METHOD":
            method = value.upper()
        elif name == "BEGIN" and value.upper() == "VEVENT":
            properties, inside = {}, 0
        elif name == "BEGIN":
            inside += 1
        elif name == "END" and value.upper() == "VEVENT" and properties is not None:
            events.append(_line(properties, method))
            properties = None
            if len(events) == _MOST_EVENTS:
                break
        elif name == "END":
            inside = max(0, inside - 1)
        elif properties is not None and not inside:
            properties.setdefault(name, (parameters, value))
    return [event for event in events if event]


def _line(properties: dict[str, tuple[str, str]], method: str) -> str:
    def text(name: str) -> str:
        value = properties.get(name, ("", ""))[1]
        return one_line(_ESCAPED.sub(lambda m: " " if m[1] in "nN" else m[1], value), 300)

    start = _when(*properties.get("DTSTART", ("", "")))
    end = _when(*properties.get("DTEND", ("", "")))
    if start and end and start[:10] == end[:10]:
        end = end[11:]
    zone = _zone(*properties.get("DTSTART", ("", "")))
    when = " – ".join(part for part in (start, end) if part)
    status = method if method in ("CANCEL", "DECLINECOUNTER") else text("STATUS").upper()
    parts = (
        text("SUMMARY"),
        f"{when} ({zone})" if when and zone else when,
        text("LOCATION"),
        status if status.startswith("CANCEL") else "",
    )
    return " · ".join(part for part in parts if part)


def _when(parameters: str, value: str) -> str:
    found = _WHEN.match(value)
    if not found:
        return ""
    day = f"{found[1]}-{found[2]}-{found[3]}"
    return f"{day} {found[4]}:{found[5]}" if found[4] else day


def _zone(parameters: str, value: str) -> str:
    named = _ZONE.search(parameters)
    if named:
        return one_line(named[1])
    return "UTC" if value.endswith("Z") else ""
