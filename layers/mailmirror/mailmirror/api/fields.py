"""Kinds of text in requests."""

import re
from collections.abc import Mapping
from typing import ClassVar, Self

from mailmirror.api.decoding import Field
from mailmirror.domain.address import normalise, normalise_domain
from mailmirror.domain.event_fields import is_id
from mailmirror.domain.limits import MAX_TEXT_CHARS
from mailmirror.domain.ownership import CODE_DIGITS
from mailmirror.domain.problems import Code

_HOST = re.compile(r"[\w.:-]+")
_VISIBLE = "\u3000\u00a0\u200d"
"""Spaces and a joiner that people write and `isprintable` refuses."""


class Printable(Field):
    """Ids, user names and passwords."""

    @classmethod
    def checked(cls, text: str) -> Self:
        if not text.isprintable():
            raise ValueError("not printable text")
        return cls(text)


class Line(Field):
    """Text on one line: a character that could begin another header field is refused."""

    @classmethod
    def checked(cls, text: str) -> Self:
        if not all(c.isprintable() or c in _VISIBLE for c in text):
            raise ValueError("not printable text on one line")
        return cls(text)


class FolderName(Line):
    """The name of a mail folder, as a mail program shows it."""

    MAX_CHARS, PLURAL = 255, "names"


class Host(Line):
    """The name or address of a server, without a scheme; trailing dots are removed."""

    MAX_CHARS = 253

    @classmethod
    def checked(cls, text: str) -> Self:
        text = text.strip().rstrip(".")
        if not _HOST.fullmatch(text):
            raise ValueError("not a host's name or address")
        return cls(text)


class Email(Line):
    """An address, in the form in which addresses are compared."""

    SCHEMA: ClassVar[Mapping[str, object]] = {"format": "email"}

    @classmethod
    def checked(cls, text: str) -> Self:
        address = normalise(super().checked(text))
        if address is None:
            raise ValueError(Code.INVALID_EMAIL.value)
        return cls(address)


class DomainName(Line):
    """The domain of addresses, in the form in which domains are compared."""

    MAX_CHARS = 255
    SCHEMA: ClassVar[Mapping[str, object]] = {"examples": ["customer.example"]}

    @classmethod
    def checked(cls, text: str) -> Self:
        domain = normalise_domain(super().checked(text))
        if domain is None:
            raise ValueError("not the domain of an address")
        return cls(domain)


class CrmId(Line):
    """An id of the CRM's."""

    @classmethod
    def checked(cls, text: str) -> Self:
        if not is_id(text):
            raise ValueError("not an id")
        return cls(text)


class OptionalEmail(Email):
    """An address, or empty where there is none."""

    MIN_CHARS = 0

    @classmethod
    def checked(cls, text: str) -> Self:
        return super().checked(text) if text else cls(text)


class Subject(Line):
    MIN_CHARS, MAX_CHARS = 0, 500


class Name(Line):
    """The name of a person; may be empty."""

    MIN_CHARS, MAX_CHARS = 0, 200


class FileName(Line):
    MAX_CHARS = 200


class Url(Line):
    MIN_CHARS, MAX_CHARS = 0, 2_000


class Id(Line):
    """An id that this API has given; empty where there is none."""

    MIN_CHARS, MAX_CHARS = 0, 64


class MediaType(Line):
    """A media type without parameters (RFC 6838 4.2), in lower case."""

    MIN_CHARS, MAX_CHARS = 0, 100
    SCHEMA: ClassVar[Mapping[str, object]] = {"examples": ["application/pdf"]}

    @classmethod
    def checked(cls, text: str) -> Self:
        text = super().checked(text).strip().lower() or "application/octet-stream"
        main, slash, sub = text.partition("/")
        if not slash or not all(part and _is_token(part) for part in (main, sub)):
            raise ValueError("not a media type such as application/pdf")
        return cls(text)


class MailText(Field):
    """Text of any length and form that mail can hold."""

    MIN_CHARS, MAX_CHARS = 0, MAX_TEXT_CHARS

    @classmethod
    def checked(cls, text: str) -> Self:
        if any("\ud800" <= c <= "\udfff" or c == "\0" for c in text):
            raise ValueError("characters that no mail can hold")
        return cls(text)


class ProofCode(Line):
    """The digits of a code. A JSON number is none: it would lose zeros at the beginning."""

    MAX_CHARS = 20
    SCHEMA: ClassVar[Mapping[str, object]] = {"pattern": f"^[0-9]{{{CODE_DIGITS}}}$"}

    @classmethod
    def checked(cls, text: str) -> Self:
        text = text.strip()
        if len(text) != CODE_DIGITS or not text.isascii() or not text.isdecimal():
            raise ValueError(f"not {CODE_DIGITS} digits")
        return cls(text)


class OauthProvider(Line):
    """A provider that signs people in."""

    SCHEMA: ClassVar[Mapping[str, object]] = {"enum": ["google", "microsoft"]}

    @classmethod
    def checked(cls, text: str) -> Self:
        if text not in ("google", "microsoft"):
            raise ValueError(Code.PROVIDER_UNSUPPORTED.value)
        return cls(text)


class PasswordProvider(Line):
    """A provider whose mailboxes are connected with a password."""

    SCHEMA: ClassVar[Mapping[str, object]] = {"enum": ["imap"]}

    @classmethod
    def checked(cls, text: str) -> Self:
        if text in ("pop3", "pop"):
            raise ValueError(Code.POP3_UNSUPPORTED.value)
        if text in ("google", "microsoft"):
            raise ValueError(Code.PROVIDER_SIGNS_IN.value)
        if text != "imap":
            raise ValueError(Code.PROVIDER_UNSUPPORTED.value)
        return cls(text)


def _is_token(text: str) -> bool:
    return text.isascii() and all(c.isalnum() or c in "!#$&-^_.+" for c in text)
