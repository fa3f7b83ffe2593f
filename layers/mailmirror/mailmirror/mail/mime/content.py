"""A message's content: its text, its HTML and its attachments."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import chain, islice
from typing import NamedTuple
from urllib.parse import unquote

from mailmirror.domain.limits import MAX_HTML_HEAD_BYTES, MAX_INLINE_PICTURES
from mailmirror.domain.message import Attachment
from mailmirror.mail.mime import charsets
from mailmirror.mail.mime.calendars import calendar_text
from mailmirror.mail.mime.cms import NeedsKey, NothingInside, encapsulated
from mailmirror.mail.mime.enriched import plain_of_enriched
from mailmirror.mail.mime.fields import decode_words, read_fields
from mailmirror.mail.mime.file_names import given_name, name_of, type_of
from mailmirror.mail.mime.flowed import unflowed
from mailmirror.mail.mime.headers import MessageHeaders, headers_of
from mailmirror.mail.mime.html import text_of
from mailmirror.mail.mime.html_limits import HTML_TRUNCATED, Budget
from mailmirror.mail.mime.parts import OCTETS, Part, Reader
from mailmirror.mail.mime.snippet import snippet_of
from mailmirror.mail.mime.tnef import mime_entity
from mailmirror.mail.mime.uuencode import files_in

PARSER_VERSION = 8
"""Raised with each change of the result for the same bytes."""

_TEXTS = ("text/plain", "text/html")
_ENRICHED = ("text/enriched", "text/richtext")
_OTHER_TEXTS = (*_ENRICHED, "text/markdown", "text/x-markdown", "text/x-web-markdown")
"""What is read where there is no other text."""
_CMS = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_TNEF = ("application/ms-tnef", "application/vnd.ms-tnef")
_ENCRYPTED = ("enveloped-data", "authenveloped-data")
"""Values of smime-type (RFC 8551 3.2.2)."""
_WRAPPED_NAMES = {"smime.p7m": _CMS[0], "winmail.dat": _TNEF[0]}
_MESSAGES = ("message/rfc822", "message/global")
_NEED_A_KEY = ("multipart/encrypted", "application/x-microsoft-rpmsg-message")
_PGP = "-----BEGIN PGP MESSAGE-----"
_INTRODUCING = ("from", "date", "subject")
"""The fields of an attached message that stand before its text."""
_CID = re.compile(r"""cid:([^"'\s>)]{1,500})""", re.IGNORECASE)
_META_CHARSET = re.compile(
    rb"""<meta[^>]{1,200}?charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE
)
_NOT_TEXT = [chr(code) for code in range(0x20) if chr(code) not in "\t\n\r"]


@dataclass(frozen=True, slots=True)
class Content:
    """A message, decoded."""

    headers: MessageHeaders
    text: str
    """With LF line ends; made from the HTML where there is no plain text."""
    html: str | None
    """As sent: it must be sanitised before it is shown."""
    attachments: tuple[Attachment, ...]
    warnings: tuple[str, ...]
    """Codes of what could not be read whole."""

    @property
    def snippet(self) -> str:
        """The beginning of the new text, without quotes, on one line of at most 200 characters."""
        return snippet_of(self.text)


def parse_message(raw: bytes) -> Content:
    """Parse a message. Of a broken body the readable part is returned, and a warning.

    Raises:
        UnreadableHeaders: the headers cannot be understood even leniently.
    """
    reader = Reader(raw)
    message = reader.read()
    headers = headers_of(message.fields)
    body = _read_body(reader, message)
    attachments = tuple(attachment for attachment, _ in body.attachments())
    text = body.text(body.passages)
    warnings = tuple(body.reader.warnings)
    return Content(headers, text, _html(body.passages), attachments, warnings)


def attachment_bytes(raw: bytes, index: int) -> tuple[Attachment, bytes]:
    """Cut an attachment out of a message, decoded.

    Raises:
        IndexError: the message has no such attachment.
    """
    if index < 0:
        raise IndexError(index)
    reader = Reader(raw)
    attachment, part = _read_body(reader, reader.read()).attachments()[index]
    return attachment, part.decoded()[0]


@dataclass(frozen=True, slots=True)
class _Passage:
    """A piece of the message's text: in plain, in HTML, or the same in both."""

    plain: str | None
    html: str | None


class _Attached(NamedTuple):
    """A part that is an attachment."""

    part: Part
    related: bool
    """Whether it stands in a multipart/related."""
    depth: int
    """How many parts it is within."""


@dataclass(slots=True)
class _Body:
    """Collects attachments and warnings on the walk over a message's parts."""

    reader: Reader
    passages: Sequence[_Passage] = ()
    attached: list[_Attached] = field(default_factory=list)
    has_text: bool = False
    wrapped: set[str] = field(default_factory=set)
    """The types of the parts that are, or should be, wrapped around others."""
    budget: Budget = field(default_factory=Budget)
    """What remains of the limits for the message's HTML."""

    def walk(self, part: Part, parent: str, depth: int = 0) -> list[_Passage]:
        """Return the passages of a part; attachments go to their list."""
        if part.content_type in _NEED_A_KEY:
            self.reader.warn("encrypted")
        if part.content_type == "multipart/alternative":
            return self._alternative(part, depth)
        if part.content_type.startswith("multipart/"):
            children = (self.walk(one, part.content_type, depth + 1) for one in part.children)
            return list(chain.from_iterable(children))
        if (wrapped := _wrapped_type(part)) and (inner := self._unwrapped(part, wrapped, depth)):
            return self.walk(inner, part.content_type, depth + 1)
        if not self._is_passage(part, parent):
            self.attached.append(_Attached(part, parent == "multipart/related", depth))
            return []
        self.has_text = True
        text = self._decode(part)
        if not text.strip():
            return []
        if text.lstrip().startswith(_PGP):
            self.reader.warn("encrypted")
        return [_Passage(None, text) if part.content_type == "text/html" else _Passage(text, None)]

    def attachments(self) -> list[tuple[Attachment, Part]]:
        """Return the attachments and the parts that hold them."""
        markup = "".join(passage.html or "" for passage in self.passages)
        shown = {unquote(cid[1]) for cid in islice(_CID.finditer(markup), MAX_INLINE_PICTURES)}
        listed = []
        for index, (part, related, _) in enumerate(self.attached):
            data, warning = part.decoded()
            if warning:
                self.reader.warn(warning)
            content_id = part.fields.first("content-id").strip("<> ") or None
            inline = content_id in shown or (related and part.disposition != "attachment")
            name = name_of(part, data, index)
            attachment = Attachment(index, name, part.content_type, len(data), content_id, inline)
            listed.append((attachment, part))
        return listed

    def _alternative(self, part: Part, depth: int) -> list[_Passage]:
        """Return one text in plain and in HTML.

        Where a kind occurs twice, against the rules, both are returned.
        """
        plain: list[_Passage] = []
        rich: list[_Passage] = []
        others: list[Part] = []
        """The same text for some other reader, as AMP or a watch."""
        for child in part.children:
            kind = child.content_type
            if kind.startswith("text/") and kind not in (*_TEXTS, "text/calendar"):
                others.append(child)
                continue
            passages = self.walk(child, part.content_type, depth + 1)
            if any(passage.html is not None for passage in passages):
                rich += passages
            elif passages:
                plain += passages
        if plain and rich:
            return [_Passage(self.text(plain), _html(rich))]
        if plain or rich:
            return plain or rich
        return [p for other in others for p in self.walk(other, part.content_type, depth + 1)]

    def _is_passage(self, part: Part, parent: str) -> bool:
        readable = part.content_type in _TEXTS or (
            part.content_type in _OTHER_TEXTS and not self.has_text
        )
        if not readable or part.disposition == "attachment":
            return False
        # A text with a file name was attached by its sender, unless the message has no other text.
        return not (self.has_text and given_name(part)) or parent == "multipart/alternative"

    def _unwrapped(self, part: Part, wrapped: str, depth: int) -> Part | None:
        """Return what a part is wrapped around; None where it stays an attachment."""
        self.wrapped.add(wrapped)
        if not self.reader.may_unwrap():
            return None
        data, _ = part.decoded()
        try:
            if wrapped in _CMS:
                return self.reader.unwrap(encapsulated(data, self.reader.bytes_left), depth)
            # Outlook mostly writes the text in plain before it.
            return self.reader.unwrap(mime_entity(data, with_text=not self.has_text), depth)
        except NeedsKey:
            self.reader.warn("encrypted")
        except NothingInside:
            pass
        except ValueError:
            if wrapped in _CMS:
                declared = part.attributes.get("smime-type", "").lower()
                self.reader.warn("encrypted" if declared in _ENCRYPTED else "decoding_failed")
        return None

    def _take_files(self, text: bytes) -> bytes:
        """Make attachments of the uuencoded files in a text, and return the rest."""
        rest, files = files_in(text)
        for file in files:
            name = charsets.decode(file.name, None)[0]
            head = b"Content-Transfer-Encoding: uuencode\r\n"
            head += b'Content-Disposition: attachment; filename="%b"\r\n' % file.name
            part = Part(read_fields(head), type_of(name), {}, file.raw)
            self.attached.append(_Attached(part, related=False, depth=0))
        return rest

    def _decode(self, part: Part) -> str:
        data, warning = part.decoded()
        if warning:
            self.reader.warn(warning)
        if part.content_type == "text/plain":
            data = self._take_files(data)
        charset = part.attributes.get("charset")
        if (
            not charset
            and part.content_type == "text/html"
            and (meta := _META_CHARSET.search(data[:MAX_HTML_HEAD_BYTES]))
        ):
            charset = meta[1].decode("ascii", "replace")
        text, clean = charsets.decode(data, charset)
        if not clean:
            known = not charset or charsets.is_known(charset)
            self.reader.warn("decoding_failed" if known else "charset_unknown")
        text = _clean(text)
        attributes = part.attributes
        if part.content_type == "text/plain" and attributes.get("format", "").lower() == "flowed":
            return unflowed(text, delsp=attributes.get("delsp", "").lower() == "yes")
        return plain_of_enriched(text) if part.content_type in _ENRICHED else text

    def instead_of_text(self) -> Sequence[_Passage]:
        """Name why there is no text, and return what can be read in its place."""
        for part, *_ in self.attached:
            if part.content_type == "text/calendar":
                self.reader.warn("calendar_only")
                method = part.attributes.get("method", "")
                return [_Passage(calendar_text(self._decode(part), method), None)]
        if not self.wrapped.isdisjoint(_TNEF):
            self.reader.warn("winmail_dat")
        enclosed = (one for one in self.attached if one.part.content_type in _MESSAGES)
        return next(filter(None, map(self._enclosed, enclosed)), [])

    def _enclosed(self, attached: _Attached) -> Sequence[_Passage]:
        """Return who wrote an attached message, when and about what, and its text, if it has any.

        The attached message stays an attachment, and its own attachments are in it.
        """
        if not self.reader.may_unwrap():
            return []
        message = self.reader.unwrap(attached.part.decoded()[0], attached.depth)
        if message is None:
            return []
        body = _Body(self.reader, budget=self.budget)
        passages = body.walk(message, attached.part.content_type, attached.depth + 1)
        if not (passages := passages or [*body.instead_of_text()]):
            return []
        said = ((name, decode_words(message.fields.first(name))) for name in _INTRODUCING)
        head = "\n".join(f"{name.capitalize()}: {value}" for name, value in said if value)
        return [_Passage(head, None), *passages] if head else passages

    def text(self, passages: Sequence[_Passage]) -> str:
        """Return the text of passages, made from their HTML where it is all they have."""
        texts = [
            text_of(passage.html or "", self.budget) if passage.plain is None else passage.plain
            for passage in passages
        ]
        if self.budget.exceeded:
            self.reader.warn(HTML_TRUNCATED)
        return "\n".join(text.strip("\n") for text in texts if text.strip())


def _read_body(reader: Reader, message: Part) -> _Body:
    body = _Body(reader)
    body.passages = body.walk(message, "message/rfc822") or body.instead_of_text()
    return body


def _wrapped_type(part: Part) -> str:
    """Return the type of a part that is wrapped around another entity, else ""."""
    if part.content_type in (*_CMS, *_TNEF):
        return part.content_type
    if part.content_type == OCTETS:
        return _WRAPPED_NAMES.get(given_name(part).lower(), "")
    return ""


def _clean(text: str) -> str:
    """Return a text with LF line ends and without control characters.

    `str.replace` takes a tenth of the time of a regular expression where each character matches.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for character in _NOT_TEXT:
        if character in text:
            text = text.replace(character, "")
    return text


def _html(passages: Sequence[_Passage]) -> str | None:
    """Return the HTML of all passages, with plain ones between, or None where none has any."""
    if all(passage.html is None for passage in passages):
        return None
    return "\n".join(
        f"<pre>{escape((passage.plain or '').strip())}</pre>"
        if passage.html is None
        else passage.html
        for passage in passages
    )
