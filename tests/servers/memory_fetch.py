"""What a scripted IMAP server answers to FETCH of one message."""

import re
from collections.abc import Callable, Iterable, Sequence

from tests.servers.memory_mail import Letter

_FIELDS = re.compile(
    r"BODY\.PEEK\[HEADER\.FIELDS \(([^)]*)\)\](?:<([0-9]+)\.([0-9]+)>)?", re.IGNORECASE
)
_BODY = re.compile(r"BODY\.PEEK\[\](?:<([0-9]+)\.([0-9]+)>)?", re.IGNORECASE)


def numbers(text: str, last: int) -> "Numbers":
    """Read a sequence-set."""
    ranges = []
    for one in text.split(","):
        ends = [last if end == "*" else int(end) for end in one.split(":")]
        ranges.append((min(ends), max(ends)))
    return Numbers(ranges)


class Numbers:
    """A sequence-set."""

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        self._ranges = list(ranges)

    def __contains__(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self._ranges)


def fetched(
    uid: int, letter: Letter, asked: Sequence[str], labels: Callable[[Letter], bytes]
) -> bytes:
    """The items that are asked for, and the UID."""
    parts = [b"UID %d" % uid]
    for item in asked:
        if item.upper() == "FLAGS":
            parts.append(f"FLAGS ({' '.join(sorted(letter.flags))})".encode())
        elif item.upper() == "INTERNALDATE":
            date = letter.received_at.strftime("%d-%b-%Y %H:%M:%S +0000")
            parts.append(f'INTERNALDATE "{date}"'.encode())
        elif item.upper() == "RFC822.SIZE":
            parts.append(b"RFC822.SIZE %d" % len(letter.raw))
        elif item.upper() == "X-GM-LABELS":
            parts.append(b"X-GM-LABELS " + labels(letter))
        elif found := _FIELDS.fullmatch(item):
            parts.append(_fields(letter.raw, found))
        elif found := _BODY.fullmatch(item):
            start = f"<{found[1]}>" if found[1] else ""
            parts.append(
                f"BODY[]{start} ".encode() + _literal(_part(letter.raw, found[1], found[2]))
            )
    return b" ".join(parts)


def _fields(raw: bytes, asked: re.Match[str]) -> bytes:
    names = {one.upper().encode() for one in asked[1].split()}
    header = raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0] + b"\n"
    fields = re.findall(rb"([^\s:]+)(:[^\n]*\n(?:[ \t][^\n]*\n)*)", header)
    kept = b"".join(name + rest for name, rest in fields if name.upper() in names) + b"\n"
    start = f"<{asked[2]}>" if asked[2] else ""
    told = f"BODY[HEADER.FIELDS ({asked[1]})]{start} ".encode()
    return told + _literal(_part(kept.replace(b"\n", b"\r\n"), asked[2], asked[3]))


def _part(text: bytes, start: str | None, length: str | None) -> bytes:
    return text[int(start) : int(start) + int(length)] if start and length else text


def _literal(text: bytes) -> bytes:
    return b"{%d}\r\n" % len(text) + text
