"""The text of a calendar (RFC 5545), for messages that have no other."""

import re

from mailmirror.domain.limits import MAX_CALENDAR_CHARS
from mailmirror.domain.words.calendar import ANSWERS, CANCELLED, PROPOSED

_BEGINS = re.compile(r"^BEGIN:V(?:EVENT|TODO)$", re.MULTILINE)
_METHOD = re.compile(r"^METHOD[ \t]*+(?:;[^:\n]*+)?:[ \t]*+([A-Z]++)", re.MULTILINE | re.IGNORECASE)
_ANSWER = re.compile(r";PARTSTAT=\"?([A-Z-]{1,30})", re.IGNORECASE)
_FIELD = re.compile(r"(?:[^\":]++|\"[^\"]*+\")++(?=:)")
"""A name with its parameters, whose quoted values may have colons (RFC 5545 3.1)."""
_FOLD = re.compile(r"\n[ \t]")
_READ = ("SUMMARY", "DTSTART", "DTEND", "LOCATION", "DESCRIPTION", "STATUS")
_TIMES = {"DTSTART", "DTEND"}
_TIME = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(?:\d{2})?(Z?))?\Z")
_ZONE = re.compile(r";TZID=\"?([^\";:]{1,100})", re.IGNORECASE)
_ESCAPED = re.compile(r"\\(.)")


def calendar_text(text: str, method: str = "") -> str:
    """Return what the first event or task is about, when and where; "" where none can be read.

    Before it stands that it is cancelled, or what is answered to it.

    Parameters:
        text: the calendar, with LF line ends.
        method: what the message says of it (RFC 6047), where the calendar has no METHOD.
    """
    unfolded = _FOLD.sub("", text[:MAX_CALENDAR_CHARS])
    begun = _BEGINS.search(unfolded)
    head, rest = (unfolded[: begun.start()], unfolded[begun.end() :]) if begun else ("", "")
    found: dict[str, str] = {}
    answer = ""
    for line in rest.partition("\nEND:V")[0].split("\n"):
        if (named := _FIELD.match(line)) is None:
            continue
        field, value = named[0], line[named.end() + 1 :]
        name = field.partition(";")[0].upper()
        if name in _READ and name not in found:
            found[name] = _time(field, value) if name in _TIMES else _unescaped(value)
        elif name == "ATTENDEE" and not answer and (given := _ANSWER.search(field)):
            answer = given[1].upper()
    if not any(found.values()):
        return ""
    said = _METHOD.search(head)
    outcome = _outcome((said[1] if said else method).upper(), found.pop("STATUS", ""), answer)
    times = " – ".join(filter(None, (found.pop("DTSTART", ""), found.pop("DTEND", ""))))
    shown = (outcome, found.get("SUMMARY"), times, found.get("LOCATION"), found.get("DESCRIPTION"))
    return "\n".join(one for one in shown if one)


def _outcome(method: str, status: str, answer: str) -> str:
    """What became of the event; "" where it is only announced."""
    if method == "CANCEL" or status.upper() == "CANCELLED":
        return CANCELLED
    if method == "REPLY":
        return ANSWERS.get(answer, "")
    return PROPOSED if method == "COUNTER" else ""


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
