"""The text of a calendar (RFC 5545), for messages that have no other."""

import re

from mailmirror.domain.limits import MAX_CALENDAR_CHARS

_BEGINS = re.compile(r"^BEGIN:V(?:EVENT|TODO)$", re.MULTILINE)
_FOLD = re.compile(r"\n[ \t]")
_SHOWN = ("SUMMARY", "DTSTART", "DTEND", "LOCATION", "DESCRIPTION")
_TIMES = {"DTSTART", "DTEND"}
_TIME = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(?:\d{2})?(Z?))?\Z")
_ZONE = re.compile(r";TZID=\"?([^\";:]{1,100})", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)")


def calendar_text(text: str) -> str:
    """Return what the first event or task is about, when and where; "" where none can be read.

    Parameters:
        text: the calendar, with LF line ends.
    """
    unfolded = _FOLD.sub("", text[:MAX_CALENDAR_CHARS])
    begun = _BEGINS.search(unfolded)
    rest = unfolded[begun.end() :] if begun else ""
    found: dict[str, str] = {}
    for line in rest.partition("\nEND:V")[0].split("\n"):
        head, colon, value = line.partition(":")
        name = head.partition(";")[0].upper()
        if colon and name in _SHOWN and name not in found:
            found[name] = _time(head, value) if name in _TIMES else _unescaped(value)
    times = " – ".join(filter(None, (found.pop("DTSTART", ""), found.pop("DTEND", ""))))
    shown = (found.get("SUMMARY"), times, found.get("LOCATION"), found.get("DESCRIPTION"))
    return "\n".join(one for one in shown if one)


def _time(head: str, value: str) -> str:
    read = _TIME.match(value.strip())
    if read is None:
        return ""
    year, month, day, hour, minute, utc = read.groups()
    zone = _ZONE.search(head)
    named = "UTC" if utc else zone[1] if zone else ""
    clock = f"{hour}:{minute} {named}" if hour else ""
    return f"{year}-{month}-{day} {clock}".strip()


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(lambda one: "\n" if one[1] in "nN" else one[1], value).strip()
