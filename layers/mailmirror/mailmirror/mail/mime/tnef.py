"""Microsoft's `winmail.dat` (MS-OXTNEF): its text and its attachments, as a MIME entity."""

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from mailmirror.domain.limits import MAX_TNEF_ELEMENTS
from mailmirror.mail.mime.compressed_rtf import decompress

_SIGNATURE = b"\x78\x9f\x3e\x22"
_HEADER_BYTES = 6
_ATTRIBUTE = struct.Struct("<BII")
_CHECKSUM_BYTES = 2

_CODE_PAGE = 0x00069007
_MESSAGE_PROPERTIES = 0x00069003
_BODY = 0x0002800C
_ATTACHMENT_BEGINS = 0x00069002
_ATTACHMENT_DATA = 0x0006800F
_ATTACHMENT_TITLE = 0x00018010
_ATTACHMENT_PROPERTIES = 0x00069005

_FIXED_BYTES = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 10: 4, 11: 4, 20: 8, 64: 8, 72: 16}
"""The octets of a property's value, with their padding, by its type (MS-OXTNEF 2.1.3.4)."""
_TEXT, _UNICODE, _BINARY, _OBJECT = 30, 31, 258, 13
_MANY = 0x1000
_FIRST_NAMED = 0x8000

_PLAIN, _RTF, _HTML, _HTML_CODE_PAGE = 0x1000, 0x1009, 0x1013, 0x3FDE
_DATA, _SHORT_NAME, _LONG_NAME, _TYPE, _CONTENT_ID = 0x3701, 0x3704, 0x3707, 0x370E, 0x3712
_INTERFACE_BYTES = 16
"""Before an embedded object's bytes."""


class _Value(NamedTuple):
    type: int
    data: bytes


@dataclass(slots=True)
class _Attachment:
    title: bytes = b""
    data: bytes = b""
    properties: Mapping[int, _Value] = field(default_factory=dict)


@dataclass(slots=True)
class _Message:
    code_page: str = "cp1252"
    body: bytes = b""
    properties: Mapping[int, _Value] = field(default_factory=dict)
    attachments: list[_Attachment] = field(default_factory=list)


def mime_entity(data: bytes, *, with_text: bool) -> bytes:
    """Return a multipart/mixed entity of the text and the attachments.

    Of a file that is cut, what is whole.

    Parameters:
        with_text: whether the message has no other text.

    Raises:
        ValueError: it is not in this format, or nothing of these is in it.
    """
    if not data.startswith(_SIGNATURE):
        raise ValueError("no signature of TNEF")
    message = _read(data)
    parts = [_attached(one, message) for one in message.attachments]
    if with_text:
        parts[:0] = _texts(message)
    if not parts:
        raise ValueError("neither text nor attachments")
    boundary = hashlib.sha256(data).hexdigest()
    head = f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n"
    body = b"".join(f"--{boundary}\r\n".encode() + part + b"\r\n" for part in parts)
    return head.encode() + body + f"--{boundary}--\r\n".encode()


def _read(data: bytes) -> _Message:
    message = _Message()
    for name, value in _attributes(data):
        if name == _CODE_PAGE and len(value) >= 4:
            message.code_page = f"cp{int.from_bytes(value[:4], 'little')}"
        elif name == _BODY:
            message.body = value
        elif name == _MESSAGE_PROPERTIES:
            message.properties = dict(_properties(value))
        elif name == _ATTACHMENT_BEGINS:
            message.attachments.append(_Attachment())
        elif message.attachments:
            attachment = message.attachments[-1]
            if name == _ATTACHMENT_TITLE:
                attachment.title = value
            elif name == _ATTACHMENT_DATA:
                attachment.data = value
            elif name == _ATTACHMENT_PROPERTIES:
                attachment.properties = dict(_properties(value))
    return message


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = _HEADER_BYTES
    for _ in range(MAX_TNEF_ELEMENTS):
        if position + _ATTRIBUTE.size > len(data):
            return
        _, name, length = _ATTRIBUTE.unpack_from(data, position)
        position += _ATTRIBUTE.size
        if position + length > len(data):
            return
        yield name, data[position : position + length]
        position += length + _CHECKSUM_BYTES


def _properties(data: bytes) -> Iterator[tuple[int, _Value]]:
    """Yield MAPI properties by their ids; the first value of those that have several."""
    reader = _Properties(data)
    try:
        for _ in range(min(reader.number(), MAX_TNEF_ELEMENTS)):
            yield reader.property()
    except (ValueError, struct.error):
        return  # the rest cannot be found without the length of this one


class _Properties:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def number(self) -> int:
        return int.from_bytes(self._take(4), "little")

    def property(self) -> tuple[int, _Value]:
        kind, id = struct.unpack("<HH", self._take(4))
        if id >= _FIRST_NAMED:
            self._take(_INTERFACE_BYTES)
            if self.number():
                self._padded(self.number())
            else:
                self._take(4)
        base = kind & ~_MANY
        varies = base not in _FIXED_BYTES
        if varies and base not in (_TEXT, _UNICODE, _BINARY, _OBJECT):
            raise ValueError("an unknown type")
        count = self.number() if varies or kind & _MANY else 1
        first = b""
        for n in range(count):
            value = self._padded(self.number()) if varies else self._take(_FIXED_BYTES[base])
            first = first if n else value
        return id, _Value(base, first)

    def _padded(self, length: int) -> bytes:
        value = self._take(length)
        self._position += -length % 4
        return value

    def _take(self, length: int) -> bytes:
        value = self._data[self._position : self._position + length]
        if len(value) < length:
            raise ValueError("cut")
        self._position += length
        return value


def _texts(message: _Message) -> Iterator[bytes]:
    """Yield the message's text as a part: its HTML, else the plain one, else RTF."""
    properties = message.properties
    html, plain = properties.get(_HTML), properties.get(_PLAIN)
    if html is not None and html.data.strip(b"\0"):
        page = properties.get(_HTML_CODE_PAGE)
        charset = f"cp{int.from_bytes(page.data[:4], 'little')}" if page else message.code_page
        yield _text("html", charset, html)
    elif plain is not None and plain.data.strip(b"\0"):
        yield _text("plain", message.code_page, plain)
    elif message.body.strip(b"\0"):
        yield _text("plain", message.code_page, _Value(_TEXT, message.body))
    elif rtf := properties.get(_RTF):
        try:
            yield b"Content-Type: text/rtf\r\n\r\n" + decompress(rtf.data)
        except ValueError:
            return


def _text(kind: str, charset: str, value: _Value) -> bytes:
    if value.type == _UNICODE:
        value, charset = _Value(_TEXT, _decoded(value, "").encode()), "utf-8"
    charset = {"cp65001": "utf-8", "cp20127": "us-ascii"}.get(charset, charset)
    head = f"Content-Type: text/{kind}; charset={charset}\r\n\r\n"
    return head.encode() + value.data.rstrip(b"\0")


def _attached(one: _Attachment, message: _Message) -> bytes:
    """An attachment as a part; a message that is embedded is again in this format."""
    properties = one.properties
    named = (properties.get(_LONG_NAME), properties.get(_SHORT_NAME), _Value(_TEXT, one.title))
    names = (_decoded(value, message.code_page) for value in named if value is not None)
    name = next(filter(None, names), "")
    kind = _ascii(properties.get(_TYPE)) or "application/octet-stream"
    data = one.data
    embedded = properties.get(_DATA)
    if embedded is not None and not data:
        data = embedded.data[_INTERFACE_BYTES if embedded.type == _OBJECT else 0 :]
        kind = "application/ms-tnef" if data.startswith(_SIGNATURE) else kind
    lines = [f"Content-Type: {kind}", "Content-Transfer-Encoding: binary"]
    lines.append(f'Content-Disposition: attachment; filename="{_quotable(name)}"')
    if id := _ascii(properties.get(_CONTENT_ID)):
        lines.append(f"Content-ID: <{id}>")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "replace") + data


def _quotable(name: str) -> str:
    return "".join(letter for letter in name if letter.isprintable() and letter not in '"\\')


def _ascii(value: _Value | None) -> str:
    """A value that stands in a field: printable ASCII without blanks, else nothing."""
    text = _decoded(value, "ascii") if value else ""
    return text if text.isascii() and text.isprintable() and " " not in text else ""


def _decoded(value: _Value, charset: str) -> str:
    if value.type == _UNICODE:
        return value.data.decode("utf-16-le", "replace").partition("\0")[0]
    data = value.data.partition(b"\0")[0]
    try:
        return data.decode(charset, "replace")
    except LookupError:
        return data.decode("cp1252", "replace")
