"""One message, whole."""

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import asdict

from mailmirror.api.associations import PlacedMessage
from mailmirror.api.cards import ListedAttachment, ListedMessage, Participant
from mailmirror.api.decoding import Strict
from mailmirror.domain.limits import MAX_SHOWN_CHARS, MAX_SHOWN_HEADER_CHARS, MAX_SHOWN_HEADERS
from mailmirror.domain.message import Attachment as Part
from mailmirror.domain.words.explanation import Language
from mailmirror.usecases.cards.read_message import WholeMessage

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class VersionQuery(Strict):
    version: Annotated[
        Sha256 | None, Meta(description="`id` of one of the message's `versions`")
    ] = None
    """Without it, the version that is shown."""


class Header(Struct, frozen=True):
    name: str
    value: str


class Attachment(ListedAttachment, frozen=True):
    n: int
    """From 0; names it in `…/attachments/{n}`."""
    content_id: str | None
    inline: bool

    @classmethod
    def of(cls, one: Part) -> "Attachment":
        return cls(
            name=one.name,
            content_type=one.content_type,
            size=one.size,
            n=one.index,
            content_id=one.content_id,
            inline=one.inline,
        )


class Message(PlacedMessage, frozen=True):
    """A message as in a list, with its contents."""

    attachments: Sequence[Attachment]
    headers: Sequence[Header]
    text: str
    html: str | None

    @classmethod
    def whole(cls, message: WholeMessage, language: Language) -> "Message":
        content, headers = message.content, message.content.headers
        cut = max(len(content.text), len(content.html or "")) > MAX_SHOWN_CHARS
        shown = asdict(ListedMessage.of(message.line)) | {
            "attachments": [Attachment.of(one) for one in message.attachments],
            "subject": headers.subject,
            "to": [Participant.of(recipient) for recipient in headers.to],
            "cc": [Participant.of(recipient) for recipient in headers.cc],
            "warnings": [*message.warnings, *(["truncated"] if cut else [])],
        }
        return cls(
            **shown,
            headers=[
                Header(name, value[:MAX_SHOWN_HEADER_CHARS])
                for name, value in message.header_fields[:MAX_SHOWN_HEADERS]
            ],
            text=content.text[:MAX_SHOWN_CHARS],
            html=message.html,
            **cls.place(message.place, language),
        )
