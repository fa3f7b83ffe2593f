"""What a team's cards show, by the rules alone: mirrored = mail ⋈ people ⋈ rules.

It has no sync, no cursor and no log: each answer follows from what there is. What was mirrored once
stays, though its person, or its copy at the server, has gone since.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import date, datetime

from mailmirror.domain.address import Address
from mailmirror.domain.verdict import Headers, People, Rules, Verdict, judge


@dataclass(frozen=True, slots=True)
class Mail:
    """A message, by its number."""

    number: int
    sender: str
    recipients: tuple[str, ...]
    received_at: datetime

    @property
    def participants(self) -> Set[Address]:
        return {Address(one) for one in (self.sender, *self.recipients)}


@dataclass(slots=True)
class HeldCopy:
    """A copy at a server."""

    mail: Mail
    mirrored: bool = False
    """Whether it was mirrored under the present UIDVALIDITY."""
    may_be: bool = False
    """Whether it could have been, by what there was between two looks."""


@dataclass(slots=True)
class MailboxModel:
    email: str
    history_since: date
    folders: dict[str, dict[int, HeldCopy]]
    reads_all: bool = True
    mirrored: set[int] = field(default_factory=set)
    """Numbers of messages."""
    may_be: set[int] = field(default_factory=set)
    """Of those that were mirrored, or may have been."""

    def copies(self) -> Iterator[HeldCopy]:
        """The copies in the folders that are read."""
        for name, held in self.folders.items():
            if self.reads_all or name in ("INBOX", "Sent"):
                yield from held.values()


@dataclass(slots=True)
class TeamModel:
    """An account."""

    team: set[str]
    mailboxes: Mapping[str, MailboxModel]
    """By their owners."""
    contacts: dict[str, frozenset[str]] = field(default_factory=dict)
    max_recipients: int = 2

    def verdict(self, mailbox: MailboxModel, mail: Mail) -> Verdict:
        known = {one for emails in self.contacts.values() for one in emails}
        people = People(set(map(Address, self.team)), set(map(Address, known)))
        headers = Headers(mail.received_at, mail.participants, len(mail.recipients))
        return judge(headers, people, Rules(mailbox.history_since, self.max_recipients))

    def settle(self) -> None:
        """All that is to be mirrored is."""
        for mailbox in self.mailboxes.values():
            for copy in mailbox.copies():
                if self.verdict(mailbox, copy.mail) is Verdict.MIRRORED:
                    copy.mirrored = True
                    mailbox.mirrored.add(copy.mail.number)
                    mailbox.may_be.add(copy.mail.number)

    def before_change(self) -> None:
        """Note what a sync may have mirrored by now, before facts change."""
        for mailbox in self.mailboxes.values():
            for copy in mailbox.copies():
                if self.verdict(mailbox, copy.mail) is Verdict.MIRRORED:
                    copy.may_be = True
                    mailbox.may_be.add(copy.mail.number)

    def is_on_card(self, mail: Mail, contact: str) -> bool:
        emails = self.contacts.get(contact, frozenset()) - self.team
        return not mail.participants.isdisjoint(emails)
