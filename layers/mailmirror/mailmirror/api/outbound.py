"""Sending: a message that is composed, and what becomes of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from mailmirror.api.decoding import Strict, joined
from mailmirror.api.fields import FileName, Id, MailText, MediaType, Name, Subject
from mailmirror.api.times import utc
from mailmirror.domain.address import as_written
from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.event_fields import is_id
from mailmirror.domain.limits import MAX_ATTACHMENTS
from mailmirror.domain.outbound import Outbound as Sent
from mailmirror.domain.outbound import OutboundState, RecipientState, Transport
from mailmirror.domain.outbound import Recipient as SentTo
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.words.delivery import DELIVERY_ERRORS
from mailmirror.domain.words.explanation import Language
from mailmirror.mail.mime.compose import Named
from mailmirror.usecases.sending.compose_message import Attached, Composition

_RECIPIENT_STATES = [*(state.value for state in RecipientState), OutboundState.CANCELLED.value]


class PersonBody(Strict):
    address: str
    name: Name | None = None

    def named(self, path: str) -> Named:
        return Named(self.name or "", _address(self.address, joined(path, "address")))


class AttachmentBody(Strict):
    upload_id: Id
    name: FileName
    content_type: MediaType | None = None

    def attached(self, path: str) -> Attached:
        if not is_id(self.upload_id):
            raise Refused(Code.UPLOAD_UNKNOWN, joined(path, "upload_id"))
        name = self.name.strip()
        if not name:
            raise Refused(Code.MISSING_FIELD, joined(path, "name"))
        return Attached(self.upload_id, name, self.content_type or "application/octet-stream")


class ComposeBody(Strict, rename={"from_": "from"}):
    """The body of `POST /v1/messages`. An address is text, or an object with a name."""

    from_: str | PersonBody
    to: Sequence[str | PersonBody] | None = None
    cc: Sequence[str | PersonBody] | None = None
    bcc: Sequence[str | PersonBody] | None = None
    subject: Subject | None = None
    text: MailText | None = None
    html: MailText | None = None
    attachments: Annotated[Sequence[AttachmentBody], Meta(max_length=MAX_ATTACHMENTS)] | None = None
    in_reply_to: Id | None = None
    transport: Literal["auto", "smtp", "ses", ""] | None = None

    def composition(self) -> Composition:
        """What the use case sends.

        Raises:
            Refused: an address is none, or a recipient, text or upload is missing.
        """
        if self.text is None and self.html is None:
            raise Refused(Code.MISSING_FIELD, "text or html")
        found = Composition(
            sender=_named(self.from_, "from"),
            to=_everybody(self.to, "to"),
            cc=_everybody(self.cc, "cc"),
            bcc=_everybody(self.bcc, "bcc"),
            subject=self.subject or "",
            text=self.text,
            html=self.html,
            attachments=[
                one.attached(f"attachments[{index}]")
                for index, one in enumerate(self.attachments or ())
            ],
            in_reply_to=self.in_reply_to or None,
            transport=self.transport or "auto",
        )
        if not found.recipients:
            raise Refused(Code.NO_RECIPIENT)
        return found


class DeliveryError(Struct, frozen=True):
    code: DeliveryCode
    reason: str
    remedy: str
    reply: str | None
    """The server's own words."""

    @classmethod
    def of(cls, recipient: SentTo, language: Language) -> "DeliveryError | None":
        if recipient.code is None:
            return None
        words = DELIVERY_ERRORS[recipient.code][language]
        return cls(recipient.code, words.reason, words.remedy, recipient.reply or None)


class Recipient(Struct, frozen=True):
    address: str
    state: Annotated[str, Meta(extra_json_schema={"enum": _RECIPIENT_STATES})]
    error: DeliveryError | None

    @classmethod
    def of(cls, one: SentTo, cancelled: bool, language: Language) -> "Recipient":
        if cancelled:
            return cls(one.address, OutboundState.CANCELLED.value, None)
        return cls(one.address, one.state.value, DeliveryError.of(one, language))


class Outbound(Struct, frozen=True, rename={"from_": "from"}):
    """A message being sent: its state, and each recipient's."""

    id: str
    message_id: str
    """The same: the message's id on cards."""
    thread_id: str
    internet_message_id: str
    state: OutboundState
    transport: Transport
    from_: str
    mailbox_id: str
    accepted_at: datetime
    attempts: int
    next_attempt_at: datetime | None
    error: DeliveryError | None
    """That of the first recipient who has one."""
    recipients: Sequence[Recipient]

    @classmethod
    def of(cls, one: Sent, language: Language = Language.EN) -> "Outbound":
        recipients = [Recipient.of(each, one.cancelled, language) for each in one.recipients]
        return cls(
            id=one.id,
            message_id=one.id,
            thread_id=one.thread,
            internet_message_id=one.message_id,
            state=one.state,
            transport=one.transport,
            from_=one.sender,
            mailbox_id=one.mailbox.mailbox,
            accepted_at=utc(one.date),
            attempts=one.attempts,
            next_attempt_at=utc(one.next_attempt_at),
            error=next((each.error for each in recipients if each.error), None),
            recipients=recipients,
        )


def _everybody(people: Sequence[str | PersonBody] | None, path: str) -> Sequence[Named]:
    return [_named(one, f"{path}[{index}]") for index, one in enumerate(people or ())]


def _named(one: str | PersonBody, path: str) -> Named:
    return Named("", _address(one, path)) if isinstance(one, str) else one.named(path)


def _address(text: str, path: str) -> str:
    address = as_written(text) if text.isprintable() else None
    if address is None:
        raise Refused(Code.INVALID_EMAIL, path)
    return address
