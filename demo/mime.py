"""Messages as mail programs write them: the charsets, folds and boundaries that real mail has.

The standard library's `EmailMessage` writes every header in UTF-8. Japanese mail
still comes in ISO-2022-JP and Shift_JIS, so bytes are laid down here by hand, on the
older `Message`, which leaves alone what it is given.
"""

from base64 import b64encode, encodebytes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import Message
from email.utils import format_datetime, quote
from html import escape
from quopri import encodestring
from typing import Literal
from urllib.parse import quote as percent

Charset = Literal["us-ascii", "utf-8", "iso-2022-jp", "shift_jis"]

CRLF = policy.compat32.clone(linesep="\r\n", max_line_length=None, mangle_from_=False)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name and an address, as in From, To and Cc."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Attachment:
    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person wrote and to whom; `render` makes the bytes of it."""

    sender: Mailbox
    to: Sequence[Mailbox]
    subject: str
    text: str
    date: datetime
    message_id: str | None
    cc: Sequence[Mailbox] = ()
    bcc: Sequence[Mailbox] = ()
    references: Sequence[str] = ()
    html: str | None = None
    attachments: Sequence[Attachment] = ()
    charset: Charset = "utf-8"
    extra: Sequence[tuple[str, str]] = ()
    """Further header fields, already in ASCII."""


def render(draft: Draft) -> bytes:
    """The message in RFC 5322 form, with CRLF line ends."""
    message = _body(draft)
    envelope = Message(policy=CRLF)
    for name, value in _fields(draft):
        envelope[name] = value
    for name, value in message.items():
        envelope[name] = value
    envelope.set_payload(message.get_payload())
    return envelope.as_bytes(policy=CRLF)


def text_part(text: str, charset: Charset, subtype: str = "plain") -> Message:
    """A text in its charset: as it is where seven bits will do, else encoded for transfer."""
    part = Message(policy=CRLF)
    part["Content-Type"] = f'text/{subtype}; charset="{charset}"'
    encoded = text.replace("\n", "\r\n").encode(charset)
    if encoded.isascii():
        transfer, payload = "7bit", encoded
    elif charset == "utf-8" and sum(map(str.isascii, text)) > len(text) // 2:
        transfer, payload = "quoted-printable", encodestring(encoded)
    else:
        transfer, payload = "base64", encodebytes(encoded)
    part["Content-Transfer-Encoding"] = transfer
    part.set_payload(payload.decode("ascii"))
    return part


def multipart(subtype: str, boundary: str, parts: Iterable[Message]) -> Message:
    """`subtype` may carry parameters of its own, such as report-type."""
    whole = Message(policy=CRLF)
    whole["Content-Type"] = f'multipart/{subtype}; boundary="{boundary}"'
    whole.set_payload(list(parts))
    return whole


def attached(attachment: Attachment) -> Message:
    """An attachment in base64, its name by RFC 2231 where it is not ASCII."""
    part = Message(policy=CRLF)
    part["Content-Type"] = attachment.content_type
    part["Content-Disposition"] = f"attachment; {_filename(attachment.filename)}"
    part["Content-Transfer-Encoding"] = "base64"
    part.set_payload(encodebytes(attachment.content).decode("ascii"))
    return part


def quoted_html(paragraphs: Iterable[str], quoting: str, quoted: str) -> str:
    """An HTML reply over the text that it quotes, as Gmail nests it."""
    body = "".join(f"<p>{escape(line)}</p>" for line in paragraphs)
    under = escape(quoted).replace("\n", "<br>\n")
    return (
        f'<html><body><div dir="ltr">{body}</div><br>\n'
        f'<div class="gmail_quote"><div class="gmail_attr">{escape(quoting)}<br></div>\n'
        f'<blockquote class="gmail_quote" style="margin:0 0 0 .8ex;'
        f'border-left:1px solid #ccc;padding-left:1ex">{under}</blockquote></div></body></html>\n'
    )


def encoded_words(text: str, charset: Charset) -> str:
    """A header text, in RFC 2047 words of at most 75 characters where it is not ASCII."""
    if text.isascii():
        return text
    words: list[str] = []
    chunk = ""
    for character in text:
        # Each word is decoded alone, so that none may end within a character or, in
        # ISO-2022-JP, without having returned to ASCII: encode whole characters only.
        if len(_word(chunk + character, charset)) > 75:
            words.append(_word(chunk, charset))
            chunk = ""
        chunk += character
    words.append(_word(chunk, charset))
    return "\r\n ".join(words)


def _word(text: str, charset: Charset) -> str:
    return f"=?{charset.upper()}?B?{b64encode(text.encode(charset)).decode('ascii')}?="


def _fields(draft: Draft) -> Iterable[tuple[str, str]]:
    yield "Date", format_datetime(draft.date)
    yield "From", _mailboxes([draft.sender], draft.charset)
    for name, people in (("To", draft.to), ("Cc", draft.cc), ("Bcc", draft.bcc)):
        if people:
            yield name, _mailboxes(people, draft.charset)
    yield "Subject", encoded_words(draft.subject, draft.charset)
    if draft.message_id:
        yield "Message-ID", draft.message_id
    if draft.references:
        yield "In-Reply-To", draft.references[-1]
        yield "References", "\r\n ".join(draft.references)
    yield from draft.extra
    yield "MIME-Version", "1.0"


def _mailboxes(people: Iterable[Mailbox], charset: Charset) -> str:
    return ",\r\n ".join(_mailbox(person, charset) for person in people)


def _mailbox(person: Mailbox, charset: Charset) -> str:
    if not person.name:
        return person.address
    name = (
        f'"{quote(person.name)}"' if person.name.isascii() else encoded_words(person.name, charset)
    )
    return f"{name} <{person.address}>"


def _body(draft: Draft) -> Message:
    seed = (draft.message_id or draft.subject).strip("<>").partition("@")[0]
    boundary = "=_" + "".join(character for character in seed if character.isalnum())[:40]
    body = text_part(draft.text, draft.charset)
    if draft.html is not None:
        html = text_part(draft.html, draft.charset, "html")
        body = multipart("alternative", f"{boundary}.alt", [body, html])
    if draft.attachments:
        files = [attached(attachment) for attachment in draft.attachments]
        body = multipart("mixed", f"{boundary}.mix", [body, *files])
    return body


def _filename(name: str) -> str:
    if name.isascii():
        return f'filename="{name}"'
    encoded = percent(name, safe="")
    sections = [encoded[start : start + 60] for start in range(0, len(encoded), 60)]
    if len(sections) == 1:
        return f"filename*=UTF-8''{encoded}"
    # A name too long for one line goes in numbered sections (RFC 2231, section 3).
    return ";\r\n ".join(
        f"filename*{number}*={"UTF-8''" if number == 0 else ''}{section}"
        for number, section in enumerate(sections)
    )
