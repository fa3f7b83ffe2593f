"""The message that an explain is asked about, and what a search of its mailbox has found."""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from mailmirror.domain.address import Address
from mailmirror.domain.folder_choice import FolderChoice, LeftOut
from mailmirror.domain.identity import MessageKey, message_key
from mailmirror.domain.mailbox import FolderRole
from mailmirror.domain.message import Participant
from mailmirror.domain.problems import Code
from mailmirror.domain.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Sought:
    """What is known of the message. What is not given holds of every message."""

    message_id: str | None = None
    """Normalised, without its angle brackets."""
    sender: Address | None = None
    subject: str = ""
    """All of it, or a part."""
    since: date | None = None
    """The first day of INTERNALDATE."""
    date: datetime | None = None
    """What the Date field says; mail programs show it to the minute."""

    def is_found(
        self,
        message_id: str | None,
        senders: Collection[Address],
        subject: str,
        date: datetime | None,
    ) -> bool:
        """Tell by its headers whether a message is the one that is sought.

        SEARCH compares parts of fields, and some servers words or encoded text.

        Parameters:
            senders: of From, Sender, and of the fields in which lists name who wrote it.
        """
        if self.message_id is not None:
            return message_id == self.message_id
        return (
            (self.sender is None or self.sender in senders)
            and _compared(self.subject) in _compared(subject)
            and (self.date is None or (date is not None and _is_near(self.date, date)))
        )

    def is_received_in_time(self, received_at: datetime) -> bool:
        """Tell by its INTERNALDATE; SINCE disregards its zone, hence the day more."""
        if self.since is None:
            return True
        return received_at.astimezone(UTC).date() >= self.since - timedelta(days=1)


def _is_near(one: datetime, other: datetime) -> bool:
    return abs(one - other) < timedelta(minutes=1)


def _compared(subject: str) -> str:
    """A subject as it is compared: full width and half width, case and blanks are the same."""
    return " ".join(unicodedata.normalize("NFKC", subject).casefold().split())


@dataclass(frozen=True, slots=True)
class FoundHeader:
    """What the header of a copy says."""

    message_id: str | None
    sender: Participant | None
    """The first of From."""
    subject: str
    """Its beginning."""
    date: datetime | None
    outsiders: Sequence[Address]
    """The participants that are not of the team, the first ones."""
    recipients_needed: int | None
    """What `max_recipients` would have to be; None where no limit would be high enough."""


@dataclass(frozen=True, slots=True)
class FoundCopy:
    """A copy that was found at the server."""

    folder: FolderChoice
    folder_id: str
    """As in keys."""
    uidvalidity: int
    uid: int
    received_at: datetime | None
    """INTERNALDATE; None where the server does not return the message."""
    obstacles: Sequence[Verdict]
    """Each verdict that keeps it from being mirrored, judged now, in the order of the rules."""
    header: FoundHeader | None
    """None where the server does not return the message."""

    @property
    def verdict(self) -> Verdict:
        """The one that a sync gives now."""
        return self.obstacles[0] if self.obstacles else Verdict.MIRRORED

    @property
    def identity(self) -> MessageKey | None:
        """The message that it is by its own header; None where that does not tell."""
        if self.header is None:
            return None
        one = self.header
        sender = one.sender.address if one.sender else ""
        return message_key(one.message_id, one.date, sender=sender, subject=one.subject)


@dataclass(frozen=True, slots=True)
class FailedSearch:
    """A folder that could not be searched, and why."""

    folder: FolderChoice
    code: Code
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LiveSearch:
    """What a search of a mailbox at its server has found."""

    copies: Sequence[FoundCopy] = ()
    """The newest first."""
    further: bool = False
    """Whether more than these match, or may."""
    failed: Sequence[FailedSearch] = ()
    not_reached: Sequence[FolderChoice] = ()
    """Folders that were not searched to their end."""
    read: Sequence[str] = ()
    """The names of the folders that are read."""
    other_folders: int = 0
    """Folders of other users, or shared by several, which are not searched."""

    @property
    def complete(self) -> bool:
        """Whether a message that was not found is in no folder of the user's.

        The labels of a Gmail whose All Mail was searched hold nothing else.
        """
        unsearched = [*(one.folder for one in self.failed), *self.not_reached]
        return all(one.left_out in _SHOWN_ELSEWHERE for one in unsearched)


_SHOWN_ELSEWHERE = (LeftOut.COLLECTION, LeftOut.IN_ALL_MAIL)
"""Of folders that show messages of other folders."""
_NOT_SEARCHED = (LeftOut.NOT_SELECTABLE, LeftOut.OTHER_NAMESPACE)
_WHATEVER_SETTING = (
    *(LeftOut.TRASH, LeftOut.JUNK, LeftOut.DRAFTS, LeftOut.OUTBOX, LeftOut.NO_MAIL),
    LeftOut.OTHER_NAMESPACE,
)
_LAST = len(LeftOut)
_SEARCH_ORDER = {LeftOut.TRASH: 1, LeftOut.JUNK: 2} | dict.fromkeys(_SHOWN_ELSEWHERE, _LAST)


def search_order(
    folders: Sequence[FolderChoice], by_default: Sequence[FolderChoice]
) -> Sequence[FolderChoice]:
    """The folders that are searched: those that are read first, of these Inbox, `\\All` and Sent.

    Folders of other namespaces are another user's. Where a setting names the folders that are
    read, a Trash that it does not name is still a Trash.

    Parameters:
        by_default: the same folders without that setting.
    """
    uses = {one.name: one.left_out for one in by_default}
    own = [
        replace(one, left_out=uses[one.name])
        if one.left_out is LeftOut.SETTING and uses.get(one.name) in _WHATEVER_SETTING
        else one
        for one in folders
    ]
    return sorted((one for one in own if one.left_out not in _NOT_SEARCHED), key=_search_rank)


def _search_rank(folder: FolderChoice) -> tuple[int, int]:
    by_role = {FolderRole.INBOX: 0, FolderRole.ALL: 1, FolderRole.SENT: 2}.get(folder.role, 3)
    if folder.left_out is None:
        return 0, by_role
    return _SEARCH_ORDER.get(folder.left_out, 3), by_role
