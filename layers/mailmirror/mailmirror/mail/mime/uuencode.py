"""Uuencoded data: as a transfer encoding, and as files that stand in a text."""

import binascii
import re
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from mailmirror.domain.limits import (
    MAX_UNDECODABLE_LINES,
    MAX_UUENCODED_FILES,
    MAX_UUENCODED_LINES,
)

_ENCODED = re.compile(rb"^begin [0-7]{3,4}[^\n]*\n(.*?)(?:^end\s*?$|\Z)", re.DOTALL | re.MULTILINE)
_LINE = re.compile(rb"[^\r\n]+")
_FILE = re.compile(
    rb"^begin [0-7]{3,4} (?P<name>\S[^\r\n]{0,254}+)\r*+\n"
    rb"(?P<lines>(?:[ -`]{0,90}+\r*+\n)++)end[ \t\r]*+$\n?",
    re.MULTILINE,
)


class UuencodedFile(NamedTuple):
    name: bytes
    raw: bytes
    """From its `begin` to its `end`."""


def decode(raw: bytes) -> tuple[bytes, str | None]:
    """Return the decoded data, and a warning where not all of it can be."""
    found = _ENCODED.search(raw)
    if found is None:
        return raw, "decoding_failed" if raw.strip() else None
    decoded = bytearray()
    warning = None
    undecodable = 0
    # One line after the other: a list of them takes twenty times the bytes of short ones.
    for matched in islice(_LINE.finditer(raw, *found.span(1)), MAX_UUENCODED_LINES):
        line = matched.group()
        try:
            decoded += binascii.a2b_uu(line)
        except binascii.Error:
            # Some encoders pad a line with more than the count at its head says.
            length = (((line[0] - 32) & 63) * 4 + 5) // 3
            try:
                decoded += binascii.a2b_uu(line[:length])
            except binascii.Error:
                warning = "decoding_failed"
                undecodable += 1
                if undecodable > MAX_UNDECODABLE_LINES:
                    break
    return bytes(decoded), warning


def files_in(text: bytes) -> tuple[bytes, Sequence[UuencodedFile]]:
    """Return a text without the uuencoded files in it, and these, at most a hundred."""
    if b"begin " not in text:
        return text, ()
    kept, files, position = [], [], 0
    lines_left = MAX_UUENCODED_LINES
    for found in islice(_FILE.finditer(text), MAX_UUENCODED_FILES):
        lines_left -= found["lines"].count(b"\n")
        if lines_left < 0:
            break
        data, warning = decode(found.group())
        if data and warning is None and _is_whole(found["lines"]):
            kept.append(text[position : found.start()])
            files.append(UuencodedFile(found["name"].rstrip(), found.group()))
            position = found.end()
    return b"".join([*kept, text[position:]]), files


def _is_whole(lines: bytes) -> bool:
    """Tell whether each line has as many characters as the count at its head says, but for blanks
    at its end."""
    return all(
        len(line[0]) + 1 >= (((line[0][0] - 32) & 63) + 2) // 3 * 4
        for line in _LINE.finditer(lines)
    )
