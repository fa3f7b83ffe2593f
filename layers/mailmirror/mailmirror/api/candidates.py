"""Candidates: correspondents of a user's unmatched mail, who may become leads or contacts."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from mailmirror.api.decoding import Strict
from mailmirror.api.fields import Line
from mailmirror.api.mailboxes import MailboxError, mailbox_error
from mailmirror.api.times import utc
from mailmirror.domain.candidates import Candidate as Found
from mailmirror.domain.limits import MAX_CANDIDATES
from mailmirror.domain.words.explanation import Language

if TYPE_CHECKING:  # what speaks IMAP is loaded by `probe` alone
    from mailmirror.usecases.mailboxes.list_candidates import Candidates, FromMailbox


class Candidate(Struct, frozen=True):
    address: str
    name: str
    """As the newest message with one has it; "" where none has."""
    written_to: int
    """How many messages of the team name it."""
    received: int
    """How many other messages name it."""
    last_at: datetime
    """INTERNALDATE of the newest of them."""

    @classmethod
    def of(cls, one: Found) -> "Candidate":
        return cls(one.address, one.name, one.written_to, one.received, utc(one.last_at))


class ReadMailbox(Struct, frozen=True):
    mailbox_id: str
    complete: bool
    """Whether all its unmatched mail since then was read."""
    error: MailboxError | None
    """Why it could not be read; null where it could."""

    @classmethod
    def of(cls, one: "FromMailbox", language: Language) -> "ReadMailbox":
        error = mailbox_error(one.failed.code, one.failed.detail, language) if one.failed else None
        return cls(one.mailbox.key.mailbox, one.complete, error)


class CandidatesJob(Strict):
    """What `probe` is asked: the user that the path names."""

    user_id: Line


class CandidateList(Struct, frozen=True):
    since: datetime
    """From which INTERNALDATE on mail was read."""
    candidates: Sequence[Candidate]
    """Those that the team has written to come first, and of both parts the newest."""
    further: int
    """How many are not named."""
    mailboxes: Sequence[ReadMailbox]

    @classmethod
    def of(cls, found: "Candidates", language: Language) -> "CandidateList":
        named = found.candidates[:MAX_CANDIDATES]
        return cls(
            since=utc(found.since),
            candidates=[Candidate.of(one) for one in named],
            further=len(found.candidates) - len(named),
            mailboxes=[ReadMailbox.of(one, language) for one in found.mailboxes],
        )
