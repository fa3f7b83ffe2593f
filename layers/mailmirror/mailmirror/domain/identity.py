"""Which message a copy is: the same answer for each of its copies, wherever they lie."""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import NewType

MessageKey = NewType("MessageKey", str)
"""A message within its account: 32 hexadecimal digits."""

Vertex = NewType("Vertex", str)
"""A Message-ID in the graph of threads: 32 hexadecimal digits."""

SentFields = NewType("SentFields", str)
"""From, Date, Subject and To of a message of the team: 32 hexadecimal digits."""

BELIEVABLE_LEAD = timedelta(days=1)
"""How far a Date may lie after the INTERNALDATE and still be believed."""

_BRACKETS = re.compile(r"<([^<>]+)>")
_COMMENT = re.compile(r"\([^()]*\)")
_BETWEEN = re.compile(r"[\s,;]+")


def normalise_message_id(field: str) -> str | None:
    """Return the Message-ID of a Message-ID field without brackets, or None where there is none.

    Only the right side is case-folded: left sides are opaque (RFC 5322 3.6.4) and do differ by
    case alone.
    """
    return next(iter(message_ids(field)), None)


def message_ids(field: str) -> list[str]:
    """Return the Message-IDs that an In-Reply-To or References field names, in their order."""
    return [_fold_domain(found) for found in written_ids(field)]


def written_ids(field: str) -> list[str]:
    """Return the Message-IDs that a field names, letter by letter.

    A reply names them so: other programs tell cases apart, on the right side too. Blanks within
    brackets come from folding, and comments say nothing. Without brackets, which some systems leave
    out, a field has ids where it has nothing else. What has no `@` is no id: programs write
    constants such as `<undefined>`, which would join the mail of strangers.
    """
    bracketed = _BRACKETS.findall(field)
    if bracketed:
        found = ("".join(_COMMENT.sub("", one).split()) for one in bracketed)
        return [one for one in found if _is_id(one)]
    bare = [one for one in _BETWEEN.split(field.strip("<> \t")) if one]
    return bare if all(map(_is_id, bare)) else []


def _is_id(text: str) -> bool:
    left, _, right = text.rpartition("@")
    return bool(left and right)


def message_key(
    message_id: str | None,
    date: datetime | None,
    *,
    sender: str = "",
    subject: str = "",
    recipients: str = "",
    text: str = "",
) -> MessageKey:
    """Return the key of a message: its Message-ID and the instant of its Date.

    Without a readable Date the Message-ID alone; without a Message-ID a hash over the rest.

    Parameters:
        message_id: normalised, without its angle brackets.
        date: the Date, where it can be read.
        sender, recipients: the addresses of From and To, joined by commas.
        text: decoded.
    """
    instant = date.astimezone(UTC).isoformat() if date else ""
    if message_id is not None:
        return MessageKey(_digest("id", message_id, instant))
    return MessageKey(_digest("fields", sender, instant, subject, recipients, _flat(text)))


def sent_fields(sender: str, date: datetime, subject: str, recipients: str) -> SentFields:
    """Return what copies of a message in sent mail and at its recipients have in common.

    Parameters:
        sender, recipients: the addresses of From and To, joined by commas.
    """
    instant = date.astimezone(UTC).isoformat()
    return SentFields(_digest("sent", sender, instant, " ".join(subject.split()), recipients))


def vertex(message_id: str) -> Vertex:
    """Return the vertex of a Message-ID."""
    return Vertex(_digest("vertex", message_id))


def instant(date: datetime | None, received_at: datetime) -> datetime:
    """Say where a copy stands in a timeline.

    The Date, where it parses and is at most a day after the INTERNALDATE; else the INTERNALDATE.
    An old Date is believed: imports reset INTERNALDATE.
    """
    if date is not None and date - received_at <= BELIEVABLE_LEAD:
        return date.astimezone(UTC)
    return received_at.astimezone(UTC)


def _fold_domain(message_id: str) -> str:
    left, at, right = message_id.rpartition("@")
    return f"{left}{at}{right.casefold()}"


def _flat(text: str) -> str:
    """Text without white space: servers re-fold, and turn line ends and trailing blanks."""
    return "".join(text.split())


def _digest(*parts: str) -> str:
    sized = b"".join(f"{len(data)}:".encode() + data for data in map(_bytes, parts))
    return hashlib.sha256(sized).hexdigest()[:32]


def _bytes(part: str) -> bytes:
    return part.encode("utf-8", "surrogatepass")
