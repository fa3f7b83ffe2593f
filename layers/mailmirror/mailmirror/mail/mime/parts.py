"""The parts of a message (RFC 2046): slices of its bytes, and their decoded content.

Parts are slices of the raw message, so that an attached message comes out byte for byte as it was
sent; the standard library's parser would re-encode it, and nests one generator a level, which a
hostile message can exhaust.
"""

import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from mailmirror.domain.limits import (
    MAX_HEADER_BYTES,
    MAX_NESTED_PARTS,
    MAX_PART_HEADER_BYTES,
    MAX_PARTS,
    MAX_UNWRAPPED_BYTES,
    MAX_UNWRAPPED_PARTS,
)
from mailmirror.mail.mime import fields as header_fields
from mailmirror.mail.mime import uuencode
from mailmirror.mail.mime.fields import (
    Fields,
    decode_base64,
    end_of_fields,
    parameters,
    read_fields,
)

_AFTER_BOUNDARY = re.compile(rb"(--)?[ \t]*(?=\r*\n|\Z)")
_EOL = re.compile(rb"\r*\n|\Z")
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,80}/[a-z0-9!#$&^_.+-]{1,120}\Z")
_SHORT_TYPES = {"html": "text/html", "plain": "text/plain", "multipart": "multipart/mixed"}
"""What types without a slash mean."""
OCTETS = "application/octet-stream"
_NOT_LETTERS = re.compile(r"[^a-z0-9]")

_ENCODINGS = {
    "": "",
    "7bit": "",
    "8bit": "",
    "8bits": "",
    "binary": "",
    "plain": "",
    "none": "",
    "quotedprintable": "quoted-printable",
    "base64": "base64",
    "uuencode": "uuencode",
    "xuuencode": "uuencode",
    "uue": "uuencode",
    "xuue": "uuencode",
}
"""By the letters and digits of a Content-Transfer-Encoding."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part: a leaf with a body, or a multipart with children."""

    fields: Fields
    content_type: str
    """In lower case, as `text/plain`."""
    attributes: Mapping[str, str]
    """The parameters of the Content-Type, decoded, by names in lower case."""
    raw: bytes
    """The body as sent; of a multipart with children empty."""
    children: tuple["Part", ...] = ()

    @property
    def disposition(self) -> str:
        """Return `attachment`, `inline`, what else the field says, or ""."""
        return parameters(self.fields.first("content-disposition"))[0]

    def decoded(self) -> tuple[bytes, str | None]:
        """Return the body without its transfer encoding, and a warning where not all of it is."""
        written = parameters(self.fields.first("content-transfer-encoding"))[0]
        encoding = _ENCODINGS.get(_NOT_LETTERS.sub("", written))
        if encoding == "base64":
            data, whole = decode_base64(self.raw)
            return data, None if whole else "decoding_failed"
        if encoding == "quoted-printable":
            return binascii.a2b_qp(self.raw), None
        if encoding == "uuencode":
            return uuencode.decode(self.raw)
        return self.raw, "encoding_unknown" if encoding is None else None


@dataclass(slots=True)
class Reader:
    """Reads one message's parts, at most a thousand of them and fifty levels deep."""

    raw: bytes
    warnings: list[str] = field(default_factory=list)
    _count: int = 0
    _unwrapped: int = 0
    bytes_left: int = MAX_UNWRAPPED_BYTES
    """How many bytes may still be unwrapped, of all wrapped parts together."""

    def read(self) -> Part:
        """Return the message itself as a part."""
        end = end_of_fields(self.raw)
        fields = read_fields(self.raw[:end])
        if end > MAX_HEADER_BYTES or fields.cut:
            self.warn("headers_truncated")
        return self._part(fields, end, len(self.raw), "text/plain", 0)

    def may_unwrap(self) -> bool:
        """Count a wrapped part, before work is done on it; tell whether it is within the limit."""
        self._unwrapped += 1
        if self._unwrapped > MAX_UNWRAPPED_PARTS:
            self.warn("too_deep")
        return self._unwrapped <= MAX_UNWRAPPED_PARTS

    def unwrap(self, entity: bytes, depth: int) -> Part | None:
        """Return an entity that stood encoded in a part; None beyond the limit of bytes.

        Parameters:
            depth: of that part.
        """
        self.bytes_left -= len(entity)
        if self.bytes_left < 0:
            self.warn("too_deep")
            return None
        reader = Reader(entity, self.warnings, self._count)
        start, end = reader._body_start(0, len(entity)), len(entity)
        part = reader._part(read_fields(entity[:start]), start, end, "text/plain", depth + 1)
        self._count = reader._count
        return part

    def warn(self, code: str) -> None:
        """Add a warning, once."""
        if code not in self.warnings:
            self.warnings.append(code)

    def _part(self, fields: Fields, start: int, end: int, default: str, depth: int) -> Part:
        self._count += 1
        content_type, attributes = parameters(fields.first("content-type"))
        content_type = _type(content_type, default, depth)
        if content_type.startswith("multipart/"):
            children = self._children(content_type, attributes, start, end, depth)
            if children is not None:
                return Part(fields, content_type, attributes, b"", children)
            # Without its boundaries it is read as text.
            self.warn("boundary_missing")
            content_type = "text/plain"
        return Part(fields, content_type, attributes, self.raw[start:end])

    def _children(
        self, content_type: str, attributes: Mapping[str, str], start: int, end: int, depth: int
    ) -> tuple[Part, ...] | None:
        """Return the parts of a multipart body, None where it has no boundary."""
        if not self.raw[start:end].strip():
            return ()
        boundary = attributes.get("boundary", "").rstrip()
        slices: Sequence[_Slice] = ()
        for written in dict.fromkeys((boundary, boundary.strip("'"))):
            if written and not slices:
                slices = self._between(written.encode("utf-8"), start, end)
        if not slices:
            return None
        if depth >= MAX_NESTED_PARTS:
            self.warn("too_deep")
            return ()
        return tuple(self._parts(iter(slices), content_type, boundary, depth))

    def _parts(
        self, slices: Iterator["_Slice"], content_type: str, boundary: str, depth: int
    ) -> Iterator[Part]:
        """Yield the parts of a multipart.

        A multipart within it that has the same boundary, against the rules, seems to be empty: its
        parts are those that follow, up to a delimiter that closes it.
        """
        default = "message/rfc822" if content_type == "multipart/digest" else "text/plain"
        for one in slices:
            if self._count >= MAX_PARTS:
                self.warn("too_many_parts")
                return
            body_start = self._body_start(one.start, one.end)
            fields = read_fields(self.raw[one.start : body_start])
            part = self._part(fields, body_start, one.end, default, depth + 1)
            is_empty = part.content_type.startswith("multipart/") and not part.children
            if is_empty and part.attributes.get("boundary", "").rstrip() == boundary:
                if depth + 1 >= MAX_NESTED_PARTS:
                    self.warn("too_deep")
                    return
                inside = self._up_to_its_end(slices)
                children = self._parts(inside, part.content_type, boundary, depth + 1)
                part = replace(part, children=tuple(children))
            yield part

    @staticmethod
    def _up_to_its_end(slices: Iterator["_Slice"]) -> Iterator["_Slice"]:
        for one in slices:
            yield one
            if one.closed:
                return

    def _between(self, boundary: bytes, start: int, end: int) -> Sequence["_Slice"]:
        """Return what stands between a boundary's lines."""
        slices: list[_Slice] = []
        begun: int | None = None
        # The line's end before a boundary is the boundary's (RFC 2046 5.1.1), the one before the
        # first is that of the header block.
        for at, found in self._delimiters(b"\n--" + boundary, max(start - 1, 0), end):
            if begun is not None:
                eol = at - self.raw.endswith(b"\r", begun, at)
                slices.append(_Slice(begun, max(begun, eol), closed=bool(found[1])))
            if len(slices) > MAX_PARTS:
                return slices
            after = _EOL.match(self.raw, found.end(), end)
            begun = None if found[1] else after.end() if after else end
        if begun is not None:
            self.warn("body_truncated")
            slices.append(_Slice(begun, end))
        return slices

    def _delimiters(
        self, delimiter: bytes, start: int, end: int
    ) -> Iterator[tuple[int, re.Match[bytes]]]:
        """Yield where delimiters begin, and what follows the boundary.

        No expression is compiled for it: that takes as long as to read a small message.
        """
        at = self.raw.find(delimiter, start, end)
        while at >= 0:
            if found := _AFTER_BOUNDARY.match(self.raw, at + len(delimiter), end):
                yield at, found
            at = self.raw.find(delimiter, at + 1, end)

    def _body_start(self, start: int, end: int) -> int:
        """Return where a part's body begins: after its fields, even without an empty line."""
        position, previous = start, b""
        while position < min(end, start + MAX_PART_HEADER_BYTES):
            line_end = self.raw.find(b"\n", position, end) + 1 or end
            line = self.raw[position:line_end].rstrip(b"\r\n")
            if not line:
                return line_end
            folded = position > start and header_fields.continues(line, previous)
            if not folded and not header_fields.is_field_line(line):
                return position
            position, previous = line_end, line.rstrip()
        return position


class _Slice(NamedTuple):
    """Where a part of a multipart begins and ends, and whether the delimiter behind it closes."""

    start: int
    end: int
    closed: bool = False


def _type(written: str, default: str, depth: int) -> str:
    """The type that a Content-Type says, where it is broken the likeliest.

    A part of which not even a text's name is left is no text. A message of its own is: it has
    nothing else to show.
    """
    if _TYPE.match(written):
        return written
    if (short := _SHORT_TYPES.get(written)) is not None:
        return short
    return OCTETS if depth and written and not written.startswith("text") else default
