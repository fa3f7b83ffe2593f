"""Read what a person wants to send: every field checked, nothing kept yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailmirror.domain.address import as_written
from mailmirror.domain.feed import is_id
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.mime.compose import Named

MOST_ATTACHMENTS = 50
_LONGEST_SUBJECT = 500
_LONGEST_NAME = 200
_LONGEST_TEXT = 5 << 20
_TRANSPORTS = ("auto", "smtp", "ses")
_FIELDS = frozenset({"from", "to", "cc", "bcc", "subject", "text", "html", "attachments"})
_CHOICES = frozenset({"in_reply_to", "transport"})


@dataclass(frozen=True, slots=True)
class Attached:
    """An upload, and how it is to be called."""

    upload: str
    name: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Composition:
    """The body of `POST /v1/messages`. Its text form shows none of it."""

    sender: Named
    to: Sequence[Named]
    cc: Sequence[Named]
    bcc: Sequence[Named]
    subject: str
    text: str | None
    html: str | None
    attachments: Sequence[Attached]
    in_reply_to: str | None
    transport: str

    def __repr__(self) -> str:
        return "Composition(…)"

    @property
    def recipients(self) -> list[str]:
        """Everybody once, as addresses are compared."""
        everybody = (*self.to, *self.cc, *self.bcc)
        return list({one.address.casefold(): one.address for one in everybody}.values())

    @classmethod
    def parse(cls, raw: object) -> "Composition":
        """Read the body.

        Raises:
            Refused: a field is missing or wrong; the detail names it.
        """
        if not isinstance(raw, dict):
            raise Refused(Code.MALFORMED_JSON, "not an object")
        # What is not understood could be why it must not be sent now.
        _check_names(raw, _FIELDS | _CHOICES)
        if raw.get("from") is None:
            raise Refused(Code.MISSING_FIELD, "from")
        found = cls(
            sender=_named(raw["from"], "from"),
            to=_several(raw, "to"),
            cc=_several(raw, "cc"),
            bcc=_several(raw, "bcc"),
            subject=_line(raw.get("subject"), "subject", _LONGEST_SUBJECT),
            text=_text(raw, "text"),
            html=_text(raw, "html"),
            attachments=_attachments(raw.get("attachments")),
            in_reply_to=_line(raw.get("in_reply_to"), "in_reply_to", 64) or None,
            transport=_line(raw.get("transport"), "transport", 8) or "auto",
        )
        if found.text is None and found.html is None:
            raise Refused(Code.MISSING_FIELD, "text or html")
        if found.transport not in _TRANSPORTS:
            raise Refused(Code.INVALID_FIELD, f"transport: one of {', '.join(_TRANSPORTS)}")
        if not found.recipients:
            raise Refused(Code.NO_RECIPIENT)
        return found


def _check_names(raw: Mapping[str, object], known: frozenset[str], within: str = "") -> None:
    for name in sorted(raw.keys() - known):
        raise Refused(Code.INVALID_FIELD, f"{within}{name[:40]!r}: no such field")


def _several(raw: Mapping[str, object], field: str) -> Sequence[Named]:
    value = raw.get(field)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Refused(Code.INVALID_FIELD, f"{field}: not a list")
    return [_named(one, f"{field}[{index}]") for index, one in enumerate(value)]


def _named(value: object, field: str) -> Named:
    """An address, or `{"address", "name"}`."""
    fields = value if isinstance(value, dict) else {"address": value}
    _check_names(fields, frozenset({"address", "name"}), f"{field}: ")
    name = _line(fields.get("name"), f"{field}.name", _LONGEST_NAME)
    text = fields.get("address")
    if not isinstance(text, str) or not text.isprintable() or (address := as_written(text)) is None:
        raise Refused(Code.INVALID_EMAIL, field)
    return Named(name, address)


def _line(value: object, field: str, longest: int) -> str:
    """Text on one line: what would begin another header field is refused, not mended."""
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest or not _is_visible(value):
        raise Refused(Code.INVALID_FIELD, f"{field}: one line of at most {longest} characters")
    return value


def _is_visible(text: str) -> bool:
    return all(c.isprintable() or c in "\u3000\u00a0\u200d" for c in text)


def _text(raw: Mapping[str, object], field: str) -> str | None:
    value = raw.get(field)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise Refused(Code.INVALID_FIELD, f"{field}: text of at most {_LONGEST_TEXT} characters")
    if any("\ud800" <= c <= "\udfff" or c == "\0" for c in value):
        raise Refused(Code.INVALID_FIELD, f"{field}: characters that no mail can hold")
    return value


def _attachments(value: object) -> Sequence[Attached]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > MOST_ATTACHMENTS:
        raise Refused(Code.INVALID_FIELD, f"attachments: a list of at most {MOST_ATTACHMENTS}")
    return [_attached(one, f"attachments[{index}]") for index, one in enumerate(value)]


def _attached(value: object, field: str) -> Attached:
    if not isinstance(value, dict):
        raise Refused(Code.INVALID_FIELD, f"{field}: not an object")
    _check_names(value, frozenset({"upload_id", "name", "content_type"}), f"{field}: ")
    upload = _line(value.get("upload_id"), f"{field}.upload_id", 64)
    if not is_id(upload):
        raise Refused(Code.UPLOAD_UNKNOWN, f"{field}.upload_id")
    name = _line(value.get("name"), f"{field}.name", _LONGEST_NAME).strip()
    if not name:
        raise Refused(Code.MISSING_FIELD, f"{field}.name")
    return Attached(upload, name, content_type(value.get("content_type"), f"{field}.content_type"))


def content_type(value: object, field: str) -> str:
    """A media type without parameters (RFC 6838 4.2).

    Raises:
        Refused: it is none.
    """
    text = _line(value, field, 100).strip().lower() or "application/octet-stream"
    main, slash, sub = text.partition("/")
    if not slash or not all(part and _is_token(part) for part in (main, sub)):
        raise Refused(Code.INVALID_FIELD, f"{field}: a media type such as application/pdf")
    return text


def _is_token(text: str) -> bool:
    return text.isascii() and all(c.isalnum() or c in "!#$&-^_.+" for c in text)
