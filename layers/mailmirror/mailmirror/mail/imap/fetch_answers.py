"""What the answers to FETCH say: UIDs, dates, header fields, bodies.

Each function takes the lines of an answer as imaplib keeps them: bytes, and pairs of a line with
the literal that it announces.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from imapclient.response_parser import parse_fetch_response

from mailmirror.domain.limits import MAX_FIELD_BYTES
from mailmirror.domain.mailbox import FolderRole
from mailmirror.mail.imap.fetched import FetchedHeader

_UID = re.compile(rb"\bUID ([0-9]{1,10})\b")
_LABELS = b"X-GM-LABELS"
_DRAFT = frozenset({b"\\draft", b"\\drafts"})
_ROLES = {b"\\sent": FolderRole.SENT, b"\\inbox": FolderRole.INBOX}
"""A message to oneself has both labels; that it was sent is what strangers cannot feign."""
START_BYTES = MAX_FIELD_BYTES + len(b"\r\n") + 1
"""Of a field that is fetched by itself: an empty line follows it."""


def listed(lines: list[Any]) -> dict[int, None]:
    """Read the UIDs alone, twenty times as fast as by a parser of whole answers."""
    found = (_UID.search(line) for line in lines if isinstance(line, bytes))
    return {int(uid[1]): None for uid in found if uid}


def _parsed(lines: list[Any]) -> Iterator[tuple[int, Mapping[bytes, Any]]]:
    answer = parse_fetch_response(lines, normalise_times=False, uid_is_key=True)
    return ((int(uid), items) for uid, items in answer.items())


def dates(lines: list[Any]) -> dict[int, datetime]:
    """Read INTERNALDATE, where it can be read."""
    return {
        uid: received for uid, items in _parsed(lines) if (received := _received(items)) is not None
    }


def headers(seen_at: datetime) -> Callable[[list[Any]], dict[int, FetchedHeader]]:
    """Return what reads FLAGS, INTERNALDATE, RFC822.SIZE, header fields and Gmail's labels.

    Parameters:
        seen_at: when a copy arrived of which neither INTERNALDATE nor Date can be read.
    """

    def read(lines: list[Any]) -> dict[int, FetchedHeader]:
        return {
            uid: _labelled(
                FetchedHeader.dated(_received(items), _size(items), header, seen_at), items
            )
            for uid, items in _parsed(lines)
            if (header := joined(_literals(items, b"BODY[HEADER.FIELDS"))) is not None
        }

    return read


def header_blocks(lines: list[Any]) -> dict[int, bytes]:
    """Read whole header blocks."""
    return {
        uid: found[0]
        for uid, items in _parsed(lines)
        if (found := _literals(items, b"BODY[HEADER]"))
    }


def bodies(lines: list[Any]) -> dict[int, bytes]:
    """Read whole messages, or the piece of one."""
    return {
        uid: found[0] for uid, items in _parsed(lines) if (found := _literals(items, b"BODY[]"))
    }


def field_values(lines: list[Any]) -> dict[int, str]:
    """Read the value of the one header field that was asked for."""
    return {
        uid: fields[0].partition(b":")[2].strip().decode("ascii", "replace")
        for uid, items in _parsed(lines)
        if (fields := _literals(items, b"BODY[HEADER.FIELDS"))
    }


def joined(fields: list[bytes]) -> bytes | None:
    """Make one header block of several: each part ends with an empty line (RFC 9051 6.4.5.1)."""
    if len(fields) < 2:
        return fields[0] if fields else None
    return b"\r\n".join([*filter(None, map(_start, fields)), b"", b""])


def _start(field: bytes) -> bytes:
    """The beginning of a field, without the empty line after it.

    Where the end is not there, blanks make it longer than what is read of a field.
    """
    lines = field.strip(b"\r\n")
    is_cut = len(field) >= START_BYTES or (lines and not field.endswith(b"\n"))
    return lines.ljust(MAX_FIELD_BYTES + 1) if is_cut else lines


def _received(items: Mapping[bytes, Any]) -> datetime | None:
    received = items.get(b"INTERNALDATE")
    return received if isinstance(received, datetime) and received.tzinfo is not None else None


def _labelled(one: FetchedHeader, items: Mapping[bytes, Any]) -> FetchedHeader:
    """With what its flags and Gmail's labels say (X-GM-EXT-1)."""
    labels = _words(items.get(_LABELS))
    role = None
    if _LABELS in items:
        role = next((role for label, role in _ROLES.items() if label in labels), FolderRole.OTHER)
    is_draft = not labels.isdisjoint(_DRAFT) or b"\\draft" in _words(items.get(b"FLAGS"))
    return replace(one, is_draft=is_draft, role=role)


def _words(value: object) -> frozenset[bytes]:
    """Flags or labels without case; of a label that is a number nothing is asked."""
    found = value if isinstance(value, tuple) else ()
    return frozenset(one.lower() for one in found if isinstance(one, bytes))


def _size(items: Mapping[bytes, Any]) -> int:
    """RFC822.SIZE, which is a hint; 0 where the server does not return it."""
    size = items.get(b"RFC822.SIZE")
    return size if isinstance(size, int) and size > 0 else 0


def _literals(items: Mapping[bytes, Any], prefix: bytes) -> list[bytes]:
    return [
        value
        for name, value in items.items()
        if name.upper().startswith(prefix) and isinstance(value, bytes)
    ]
