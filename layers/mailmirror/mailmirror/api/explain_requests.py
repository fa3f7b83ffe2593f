"""Which message an explain is asked about."""

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from mailmirror.api.decoding import Strict
from mailmirror.api.fields import Email, Line, MailText
from mailmirror.domain.address import Address
from mailmirror.domain.identity import normalise_message_id
from mailmirror.domain.limits import MAX_EXPLAINED_SUBJECT_CHARS, MAX_PASTED_HEADER_CHARS
from mailmirror.domain.mail_search import Sought
from mailmirror.domain.problems import Code, Refused
from mailmirror.usecases.mailboxes.change_mailbox import EARLIEST_DAY


class MessageIdText(Line):
    """A Message-ID, with its angle brackets or without; normalised."""

    MAX_CHARS = 1_000

    @classmethod
    def checked(cls, text: str) -> "MessageIdText":
        id = normalise_message_id(super().checked(text))
        if id is None:
            raise ValueError("not a Message-ID")
        return cls(id)


class SoughtSubject(Line):
    """A subject, or a part of one."""

    MAX_CHARS = MAX_EXPLAINED_SUBJECT_CHARS


class HeaderText(MailText):
    """The headers of a message, as mail programs show them."""

    MIN_CHARS, MAX_CHARS = 1, MAX_PASTED_HEADER_CHARS


class ExplainQuery(Strict):
    """Which message is asked about."""

    message_id: Annotated[
        MessageIdText | None, Meta(description="Its Message-ID; then nothing else is given")
    ] = None
    from_: Annotated[Email | None, Meta(description="The address of its sender")] = msgspec.field(
        default=None, name="from"
    )
    subject: Annotated[SoughtSubject | None, Meta(description="Its subject, or a part")] = None
    since: Annotated[
        date | None, Meta(description="The first day on which it arrived; 1970-01-01 or later")
    ] = None

    def sought(self, today: date) -> Sought:
        """Raises:
        Refused: `invalid_field`; no message can be found by it.
        """
        if self.message_id is not None:
            if (self.from_, self.subject, self.since) != (None, None, None):
                raise Refused(Code.INVALID_FIELD, "message_id: without from, subject and since")
            return Sought(str(self.message_id))
        if self.from_ is None and not (self.subject and self.subject.strip()):
            raise Refused(Code.INVALID_FIELD, "query: message_id, or from or subject")
        if self.since is not None and not EARLIEST_DAY <= self.since <= today:
            raise Refused(Code.INVALID_FIELD, "since: a day from 1970-01-01 to today")
        return Sought(
            sender=Address(self.from_) if self.from_ else None,
            subject=self.subject or "",
            since=self.since,
        )


class ExplainBody(Strict):
    """The body of `POST /v1/mailboxes/{mailbox_id}/explain`."""

    headers: Annotated[
        HeaderText, Meta(description="The message's headers, as a mail program shows them")
    ]
