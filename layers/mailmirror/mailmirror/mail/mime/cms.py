"""The content of S/MIME parts that are signed or compressed (RFC 5652, RFC 3274): no key is needed.

A signature is not verified: what is read is what mail programs show too, and a card says nothing of
who signed it.
"""

import zlib
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from mailmirror.domain.limits import MAX_CMS_DEPTH, MAX_CMS_ELEMENTS

_PKCS7 = bytes.fromhex("2a864886f70d0107")
"""1.2.840.113549.1.7, encoded."""
_SIGNED = _PKCS7 + b"\x02"
_SMIME = bytes.fromhex("2a864886f70d01091001")
"""1.2.840.113549.1.9.16.1, encoded."""
_COMPRESSED = _SMIME + b"\x09"
_NEED_A_KEY = {_PKCS7 + b"\x03", _PKCS7 + b"\x04", _PKCS7 + b"\x06", _SMIME + b"\x17"}

_HEAD_BYTES = 32
"""In which the kind of content is named, however lengths are written."""

_OCTET_STRING = 0x04
_CONSTRUCTED = 0x20


class NeedsKey(Exception):
    """A part is encrypted."""


class NothingInside(ValueError):
    """A part is whole and has no content: certificates, or a signature of what stands elsewhere."""


class _Element(NamedTuple):
    """An element of ASN.1 in BER (ITU-T X.690 8.1), and where its contents are."""

    tag: int
    start: int
    stop: int | None
    """None where two zero octets behind the last element in it say so."""


def encapsulated(data: bytes, most: int) -> bytes:
    """Return the MIME entity in a signed or compressed part.

    Parameters:
        most: bytes that are decompressed.

    Raises:
        NeedsKey: it is encrypted.
        NothingInside: its content is not in it.
        ValueError: it is nothing of these, or there is more of it.
    """
    try:
        return _encapsulated(_Elements(data), most)
    except (IndexError, StopIteration, ValueError, zlib.error) as error:
        if any(name in data[:_HEAD_BYTES] for name in _NEED_A_KEY):
            raise NeedsKey from error
        if isinstance(error, ValueError):
            raise
        raise ValueError("the structure is broken") from error


def _encapsulated(elements: "_Elements", most: int) -> bytes:
    kind, content = islice(elements.within(elements.at(0)), 2)
    name = elements.data[kind.start : kind.stop]
    if name in _NEED_A_KEY:
        raise NeedsKey
    if name not in (_SIGNED, _COMPRESSED):
        raise ValueError("another kind of content")
    # Of both the third field is the encapsulated content: its type, and the octets.
    fields = elements.within(next(elements.within(content)))
    _, *octets = islice(elements.within(next(islice(fields, 2, None))), 2)
    if not octets:
        raise NothingInside
    found = elements.octets(next(elements.within(octets[0])))
    if name == _COMPRESSED:
        decompressor = zlib.decompressobj()
        found = decompressor.decompress(found, most)
        if decompressor.unconsumed_tail:
            raise ValueError("too long")
    return found


class _Elements:
    """Reads elements, a bounded number of them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._left = MAX_CMS_ELEMENTS

    def at(self, position: int) -> _Element:
        """Return the element that begins at a position."""
        self._left -= 1
        if self._left < 0:
            raise ValueError("too many elements")
        tag, length, start = self.data[position], self.data[position + 1], position + 2
        if length == 0x80:
            if not tag & _CONSTRUCTED:
                raise ValueError("a primitive element without a length (X.690 8.1.3.2)")
            return _Element(tag, start, None)
        if length > 0x80:
            start += length & 0x7F
            length = int.from_bytes(self.data[position + 2 : start])
        if start + length > len(self.data):
            raise ValueError("an element is cut")
        return _Element(tag, start, start + length)

    def within(self, outer: _Element) -> Iterator[_Element]:
        """Yield the elements in another one."""
        position = outer.start
        while position < outer.stop if outer.stop is not None else self._goes_on(position):
            element = self.at(position)
            yield element
            position = self._end(element)

    def octets(self, element: _Element) -> bytes:
        """Return the octets of an octet string, which may come in pieces."""
        if element.tag == _OCTET_STRING:
            return self.data[element.start : element.stop]
        if element.tag != _OCTET_STRING | _CONSTRUCTED:
            raise ValueError("no octet string")
        pieces = list(self.within(element))
        if any(piece.tag != _OCTET_STRING for piece in pieces):
            raise ValueError("pieces of pieces")
        return b"".join(self.data[piece.start : piece.stop] for piece in pieces)

    def _goes_on(self, position: int) -> bool:
        return self.data[position : position + 2] != b"\0\0"

    def _end(self, element: _Element, depth: int = 0) -> int:
        if element.stop is not None:
            return element.stop
        if depth > MAX_CMS_DEPTH:
            raise ValueError("too deep")
        position = element.start
        while self._goes_on(position):
            position = self._end(self.at(position), depth + 1)
        return position + 2
