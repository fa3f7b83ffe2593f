"""Header fields: their lines, their words (RFC 2047) and their parameters (RFC 2231)."""

import binascii
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from urllib.parse import unquote_to_bytes

from mailmirror.domain.limits import (
    MAX_BASE64_STREAMS,
    MAX_FIELD_BYTES,
    MAX_HEADER_BYTES,
    MAX_PARAMETERS,
    MAX_PARAMETERS_CHARS,
)
from mailmirror.mail.mime import charsets

_FIELD_THAT_MATTERS = re.compile(
    rb"^(from|sender|reply-to|to|cc|bcc|date|subject|message-id|in-reply-to|references"
    rb"|content-type|content-transfer-encoding|auto-submitted|list-id|x-original-from"
    rb"|x-original-sender|x-mailmirror-id)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_FIELD_NAME = re.compile(rb"[!-9;-~]{1,200}[ \t]*:")
_END_OF_FIELD = re.compile(rb"\n(?=[!-9;-~]{1,200}[ \t]*:)")
_END_OF_BLOCK = re.compile(rb"\n\r*\n")


_BEYOND_ASCII = bytes(range(0x80, 0x100))

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_FOOTER = re.compile(rb"=[ \t]*\r*\n(?![ \t\r\n]*[A-Za-z0-9+/]+={0,2}[ \t]*\r*(?:\n|\Z))\s*\S")
"""The end of base64, by its padding, before a line that is none."""
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:(.*)", re.DOTALL)
_PARAMETER_LINE = re.compile(rb"[A-Za-z0-9*_-]{1,40}=")
_WORD_START = r"=\?[^?\s]{1,80}\?[bBqQ]\?"
_WORD_TEXT = r"(?:[^?=]++|=(?!\?(?!=))|\?(?!=))*+"
"""Up to `?=`. A question mark is written as it is by some, but no word begins within a word.

Possessive, so that no character is read twice where a word has no end.
"""
WORD = rf"{_WORD_START}{_WORD_TEXT}\?="
"""A word of RFC 2047, for regular expressions."""
_WORD = re.compile(rf"=\?([^?\s]{{1,80}})\?([bBqQ])\?({_WORD_TEXT})\?=")
_BETWEEN_WORDS = re.compile(rf"(\?=)[ \t]+(?={WORD})")
_RAW_WORD = re.compile(rb"=\?([^?\s]{1,80})\?([bBqQ])\?([^?]*)\?=")
_UTF_7 = {"utf-7", "utf7", "unicode-1-1-utf-7"}
_KNOWN = r"boundary|charset|delsp|filename|format|method|name|protocol|report-type|type"
"""Parameters that are found without a semicolon before them."""
_PARAMETER = re.compile(
    rf"""(?:;\s*([^\s;="]+)|[\s,]({_KNOWN}))\s*=\s*
        ("(?:\\.|[^"\\])*"|(?:(?![\s,](?:{_KNOWN})\s*=)[^;])*)""",
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
_END_OF_TOKEN = re.compile(rf"[;,]|\s(?=(?:{_KNOWN})\s*=)", re.IGNORECASE)
_SLASH = re.compile(r"\s*/\s*")
_FILE_NAMES = {"filename", "name"}
_LAST_COMMENT = re.compile(r"\s+\([^()]*\)\Z")
_CONTINUED = re.compile(r"([^*]+)(?:\*([0-9]{1,3}))?(\*)?\Z")
_QUOTED_PAIR = re.compile(r'\\(["\\])')
_COMMENT = re.compile(r"\([^()]*\)")


@dataclass(frozen=True, slots=True)
class Field:
    """One field, unfolded: its name in lower case, its value with RFC 2047 words not decoded."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one header block, in their order."""

    all: tuple[Field, ...]
    cut: frozenset[str] = frozenset()
    """The names of the fields of which only the beginning is read; the last value of each may end
    within a word."""

    def first(self, name: str) -> str:
        """Return the first value of a field that is not empty; "" where there is none."""
        return next((field.value for field in self.all if field.name == name and field.value), "")

    def every(self, name: str) -> list[str]:
        """Return the values of a field that occurs repeatedly, with or against the rules."""
        return [field.value for field in self.all if field.name == name and field.value]


def read_fields(block: bytes) -> Fields:
    """Read a header block, which ends at its first empty line; lines that are no field are skipped.

    Of a block over MAX_HEADER_BYTES the beginning is read, and each field that the rules need and
    that begins beyond it: a long References before From must not hide the sender. Of the fields of
    one name together the first MAX_FIELD_BYTES are read, as by `ImapSession.header_starts`: so the
    result is the same, however the block was fetched.
    """
    cut = set[str]()
    raw = list(_unfold(_lines(_shortened(block[: end_of_fields(block)])), cut))
    declared = next((value for name, value in raw if name == "content-type"), b"")
    charset = parameters(declared.decode("latin-1"))[1].get("charset")
    return Fields(
        tuple(Field(name, _decoded(value, charset)) for name, value in raw),
        frozenset(cut),
    )


def end_of_fields(block: bytes) -> int:
    """Return where a message's header block ends, with the empty line behind it."""
    ended = _END_OF_BLOCK.search(block, len(block) - len(block.lstrip(b"\r\n")))
    return ended.end() if ended else len(block)


def _decoded(value: bytes, charset: str | None) -> str:
    if not value.isascii():
        value = _RAW_WORD.sub(_ascii_word, value)
    return charsets.decode_field(value, charset).strip()


def _ascii_word(word: re.Match[bytes]) -> bytes:
    """A word of RFC 2047 whose text has bytes beyond ASCII, with these written by their numbers.

    They are of the word's charset, but where they are UTF-8.
    """
    charset, encoding, text = word.groups()
    if text.isascii() or encoding in b"bB":
        return word[0]
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        charset = b"utf-8"
    written = b"".join(b"=%02X" % byte if byte > 0x7F else bytes([byte]) for byte in text)
    return b"=?%s?Q?%s?=" % (charset, written)


def is_field_line(line: bytes) -> bool:
    """Tell whether a line begins a header field."""
    return _FIELD.match(line) is not None


def continues(line: bytes, previous: bytes) -> bool:
    """Tell whether a line belongs to the field above: indented, or a parameter that should be."""
    return line[:1] in b" \t" or (
        previous.endswith(b";") and _PARAMETER_LINE.match(line) is not None
    )


def decode_words(text: str) -> str:
    """Decode the RFC 2047 words in a text, and fold its control characters to blanks.

    Words side by side are joined before they are decoded, for some systems cut a character in
    two; so are words without padding, in unknown charsets or within quotes read as far as may be.
    """
    joined = _BETWEEN_WORDS.sub(r"\1", text)
    decoded: list[str] = []
    pending, pending_charset, position = bytearray(), "", 0
    for word in _WORD.finditer(joined):
        charset, encoding, data = word.groups()
        adjacent = word.start() == position and position > 0
        if pending and not (adjacent and charset.lower() == pending_charset):
            decoded.append(_word_text(bytes(pending), pending_charset))
            pending.clear()
        decoded.append(joined[position : word.start()])
        pending += _word_bytes(encoding, data)
        pending_charset, position = charset.lower(), word.end()
    if pending:
        decoded.append(_word_text(bytes(pending), pending_charset))
    decoded.append(joined[position:])
    return printable("".join(decoded))


def printable(text: str) -> str:
    """Return a text on one line: control characters become blanks, and its ends are stripped."""
    if text.isprintable():  # nearly always
        return text.strip()
    return "".join(
        " " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text
    ).strip()


@lru_cache(512)  # the same few values stand in most messages, and each is asked for several times
def parameters(value: str) -> tuple[str, Mapping[str, str]]:
    """Return a field's first token, in lower case, and its parameters by name in lower case.

    Values come decoded, whether written as RFC 2231 says, as RFC 2047 forbids, or in 8 bits.
    """
    if len(value) > MAX_PARAMETERS_CHARS:
        value = value[:MAX_PARAMETERS_CHARS].rpartition(";")[0]
    plain: dict[str, str] = {}
    extended: dict[str, dict[int, tuple[str, bool]]] = {}
    for found in islice(_PARAMETER.finditer(value), MAX_PARAMETERS):
        after_semicolon, known, written = found.groups()
        continued = _CONTINUED.match((after_semicolon or known).lower())
        if continued is None:
            continue
        base, number, encoded = continued.groups()
        if number is None and encoded is None:
            text = _unquote(written if base in _FILE_NAMES else _LAST_COMMENT.sub("", written))
            plain.setdefault(base, decode_words(text))
        else:
            pieces = extended.setdefault(base, {})
            pieces.setdefault(int(number or 0), (_unquote(written), encoded is not None))
    token = _COMMENT.sub("", _END_OF_TOKEN.split(value, maxsplit=1)[0]).strip().lower()
    joined = {name: _join(pieces) for name, pieces in extended.items()}
    return _SLASH.sub("/", token), plain | joined


def decode_base64(data: bytes) -> tuple[bytes, bool]:
    """Decode base64 that may lack padding or be cut, and tell whether it was whole.

    Streams that were glued together, each with its own padding, are all read. Text behind the end,
    as a list's footer, is not.
    """
    footer = _FOOTER.search(data) if data.translate(None, _BASE64 + b"\r\n") else None
    if footer:
        return decode_base64(data[: footer.start() + 1])[0], False
    runs = data.translate(None, _NOT_BASE64).rstrip(b"=").split(b"=", MAX_BASE64_STREAMS)
    whole = len(runs) <= MAX_BASE64_STREAMS
    decoded = bytearray()
    for run in filter(None, runs[:MAX_BASE64_STREAMS]):
        if len(run) % 4 == 1:
            whole, run = False, run[:-1]
        decoded += binascii.a2b_base64(run + b"=" * (-len(run) % 4))
    return bytes(decoded), whole


def _lines(block: bytes) -> Iterator[bytes]:
    """The lines of a header block, without their LF. A bare CR ends none: that could hide a field
    from others."""
    begun = False
    for line in block.split(b"\n"):
        if line.rstrip(b"\r"):
            begun = True
            yield line
        elif begun:
            return


def _shortened(block: bytes) -> bytes:
    if len(block) <= MAX_HEADER_BYTES:
        return block
    end = len(block)
    beginning = _last_field(block, MAX_HEADER_BYTES)
    kept = [block[:beginning]]
    taken = Counter[bytes]()
    for field in _FIELD_THAT_MATTERS.finditer(block, beginning, end):
        name = field[1].lower()
        if taken[name] <= MAX_FIELD_BYTES:
            most = min(end, field.start() + MAX_FIELD_BYTES + 1)
            ended = _END_OF_FIELD.search(block, field.end(), most)
            part = block[field.start() : ended.start() if ended else most]
            taken[name] += len(part) + 1
            # It may end after a line's end: with another, it would end the block.
            kept.append(part.rstrip(b"\r\n").ljust(len(part)) + b"\n")
    return b"".join(kept)


def _last_field(block: bytes, end: int) -> int:
    """Return where the last field that begins before `end` does."""
    at = block.rfind(b"\n", 0, end)
    while at >= 0 and not _FIELD_NAME.match(block, at + 1):
        at = block.rfind(b"\n", 0, at)
    return at + 1


def _unfold(lines: Iterator[bytes], cut: set[str]) -> Iterator[tuple[str, bytes]]:
    """Yield each field's name and value.

    Parameters:
        cut: gains the names of which more than MAX_FIELD_BYTES come.
    """
    name, pieces = "", [b""]
    taken = Counter[str]()
    for line in lines:
        if continues(line.rstrip(b"\r"), pieces[-1]):
            value = line
        else:
            field = _FIELD.match(line)
            if field is None and b":" not in line:
                # Garbage, or a line without its indent: later lines may belong to the field above.
                continue
            if name and (any(pieces) or name not in cut):
                yield name, b" ".join(filter(None, pieces))
            name, pieces = "", [b""]
            if field is None:
                continue
            name, value = field[1].decode("ascii").lower(), field[2]
        taken[name] += len(line) + 1
        if name and taken[name] > MAX_FIELD_BYTES:
            cut.add(name)
            beyond = min(len(line), taken[name] - 1 - MAX_FIELD_BYTES)
            if beyond > 0:
                # Not within a character: the charset of the whole field would be guessed by it.
                value = value[: max(0, len(value) - beyond)].rstrip(_BEYOND_ASCII)
        pieces.append(value.strip())
    if name and (any(pieces) or name not in cut):
        yield name, b" ".join(filter(None, pieces))


def _word_bytes(encoding: str, data: str) -> bytes:
    octets = data.encode("utf-8")
    if encoding in "bB":
        return decode_base64(octets)[0]
    return binascii.a2b_qp(octets, header=True)


def _word_text(data: bytes, charset: str) -> str:
    """The text of words. UTF-7, which hides markup from filters in a body, is harmless here."""
    if charset.partition("*")[0] in _UTF_7:
        return data.decode("utf-7", "replace")
    return charsets.decode(data, charset)[0]


def _unquote(written: str) -> str:
    written = written.strip()
    if len(written) > 1 and written[0] == written[-1] == '"':
        return _QUOTED_PAIR.sub(r"\1", written[1:-1])
    return written.strip('"')


def _join(pieces: Mapping[int, tuple[str, bool]]) -> str:
    """Join the numbered pieces of one parameter, and decode them (RFC 2231 3 and 4).

    Words of RFC 2047, which do not belong there, may be cut by the end of a piece.
    """
    if not any(encoded for _, encoded in pieces.values()):
        return decode_words("".join(pieces[number][0] for number in sorted(pieces)))
    charset: str | None = None
    data = b""
    for number in sorted(pieces):
        text, encoded = pieces[number]
        if encoded:
            if number == min(pieces) and text.count("'") >= 2:
                charset, _, text = text.split("'", 2)
            data += unquote_to_bytes(text)
        else:
            data += (decode_words(text) if "=?" in text else text).encode("utf-8")
    return printable(charsets.decode(data, charset or None)[0])
