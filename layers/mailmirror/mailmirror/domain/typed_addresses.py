"""Addresses as people type them into a field of the CRM's.

    kim@x.example; lee@x.example     several, also by `,`, `、`, a line's end or blanks between them
    Larsen, Kim <kim@x.example>      with a name, whose comma parts nothing
    mailto:kim@x.example?subject=Hi  as a link (RFC 6068)
    kim@x.example (office)           with a remark

What does not have exactly one of these forms is left unread: a guess could be another address.
"""

import re
from typing import NamedTuple

from mailmirror.domain.address import Address, normalise, plain

_PIECE = re.compile(
    r"""(?: "[^"\r\n]*+"  |  <[^<>\r\n]*+>  |  \([^()\r\n]*+\)
         |  [,;] (?= [A-Za-z0-9.-]++ (?: [,;\s] | \Z ) )
         |  [^;,、\r\n] )++""",
    re.VERBOSE,
)
"""Not parted before what could be the rest of a domain: `kim@x.example,com` is no address."""
_REMARK = re.compile(r"\([^()]*+\)")
_ANGLE = re.compile(r"[^<>]*+<([^<>]*+)>\s*+(?:\([^()]*+\)\s*+)*+\Z")
_LINK = "mailto:"
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")


class Typed(NamedTuple):
    """What was read from a text."""

    addresses: tuple[Address, ...]
    unread: tuple[str, ...]
    """The pieces that are neither an address nor a name before one."""


NOTHING_TYPED = Typed((), ())


def read_typed(text: str) -> Typed:
    """Read the addresses in a text, in linear time."""
    addresses: list[Address] = []
    unread: list[str] = []
    names: list[str] = []
    for piece in _pieces(text):
        if "@" not in piece:
            names.append(piece)
            continue
        found = _addresses(piece)
        if not (found and "<" in piece):
            unread += names
        names = []
        addresses += found
        if not found:
            unread.append(piece)
    return Typed(tuple(addresses), (*unread, *names))


def _pieces(text: str) -> list[str]:
    found = (_without_link(piece.strip()) for piece in _PIECE.findall(plain(text)))
    return [piece for piece in found if piece]


def _addresses(piece: str) -> list[Address]:
    """The addresses of a piece; none where it is not understood as a whole."""
    angle = _ANGLE.match(piece)
    if angle is None and "<" not in piece:
        words = _REMARK.sub(" ", piece).split()
        if all("@" in word for word in words):
            found = [normalise(_without_link(word)) for word in words]
            return [one for one in found if one] if all(found) else []
    address = normalise(_without_link(angle[1].strip())) if angle else None
    return [address] if address else []


def _without_link(text: str) -> str:
    if text[: len(_LINK)].lower() != _LINK:
        return text
    # `a%40b` is cut at each escaped byte, which stands at every second place then.
    link = text[len(_LINK) :].partition("?")[0].encode("utf-8", "surrogatepass")
    parts = enumerate(_ESCAPED.split(link))
    written = b"".join(bytes.fromhex(one.decode()) if n % 2 else one for n, one in parts)
    return written.decode("utf-8", "replace")
