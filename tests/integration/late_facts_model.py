"""What a team's cards show, by the rules alone: mirrored = mail ⋈ people ⋈ rules.

It has no sync, no cursor and no log: each answer follows from what there is. A copy that has left
the server counts as long as something is stored of it: it was mirrored once, and not erased since.
"""

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from mailmirror.domain.address import Address
from mailmirror.domain.verdict import Headers, People, Rules, Verdict, judge

_ERASED_AFTER = timedelta(days=30)
_MARGIN = timedelta(days=2)
"""Between a change and the sync that hides by it, and between the end of 30 days and an erasure."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A message, by its number."""

    number: int
    sender: str
    recipients: tuple[str, ...]
    received_at: datetime
    replies_to: tuple[int, ...] = ()

    @property
    def participants(self) -> Set[Address]:
        return {Address(one) for one in (self.sender, *self.recipients)}


@dataclass(slots=True)
class HeldCopy:
    """A copy at a server."""

    mail: Mail
    mirrored: bool = False
    """Whether it was mirrored, and surely is not erased since."""
    may_be: bool = False
    """Whether it could have been mirrored, by what there was between two looks."""


@dataclass(slots=True)
class MailboxModel:
    email: str
    history_since: date
    folders: dict[str, dict[int, HeldCopy]]
    reads_all: bool = True
    left: list[tuple[str, HeldCopy]] = field(default_factory=list)
    """The copies that have left the server, by their folders."""
    blocked: set[str] = field(default_factory=set)
    """The contacts and addresses that its owner has blocked."""
    shown_at: dict[int, datetime] = field(default_factory=dict)
    """By numbers of messages, when they were last surely shown."""
    hidden_at: dict[int, datetime] = field(default_factory=dict)
    """By numbers of messages, since when they have surely been hidden, all the time: what takes a
    verdict away hides it at the next sync, which may be weeks later."""

    def reads(self, folder: str) -> bool:
        return self.reads_all or folder in ("INBOX", "Sent")

    def copies(self) -> Iterator[HeldCopy]:
        """The copies in the folders that are read."""
        for name, held in self.folders.items():
            if self.reads(name):
                yield from held.values()

    def stored(self) -> Iterator[HeldCopy]:
        """The copies that are at the server no more, in folders that are read."""
        return (copy for name, copy in self.left if self.reads(name))

    def leaves(self, folder: str, copy: HeldCopy) -> None:
        self.left.append((folder, copy))


@dataclass(slots=True)
class TeamModel:
    """An account."""

    team: set[str]
    mailboxes: Mapping[str, MailboxModel]
    """By their owners."""
    contacts: Mapping[str, Set[str]] = field(default_factory=dict)
    """The addresses of those who are persons by themselves."""
    person: Callable[[str], str | None] = field(default=lambda id: id)
    """Tells which person a contact is now."""
    max_recipients: int = 2
    joined: set[int] = field(default_factory=set)
    """The messages whose references count in threads: they were mirrored once."""
    may_have_joined: set[int] = field(default_factory=set)

    def verdict(self, mailbox: MailboxModel, mail: Mail) -> Verdict:
        known = {one for emails in self.contacts.values() for one in emails}
        blocked = {one for one in known if self._is_blocked(mailbox, one)}
        people = People(
            set(map(Address, self.team)), set(map(Address, known)), set(map(Address, blocked))
        )
        headers = Headers(mail.received_at, mail.participants, len(mail.recipients))
        return judge(headers, people, Rules(mailbox.history_since, self.max_recipients))

    def _is_blocked(self, mailbox: MailboxModel, address: str) -> bool:
        """Whether a mailbox's owner has blocked an address, or everyone who has it."""
        persons = {id for id, emails in self.contacts.items() if address in emails}
        return address in mailbox.blocked or persons <= set(map(self.person, mailbox.blocked))

    def is_mirrored(self, mailbox: MailboxModel, copy: HeldCopy) -> bool:
        return self.verdict(mailbox, copy.mail) is Verdict.MIRRORED

    def settle(self, now: datetime) -> None:
        """All that is to be mirrored is, and what was hidden for 30 days is erased."""
        for mailbox in self.mailboxes.values():
            for copy in mailbox.copies():
                if self.is_mirrored(mailbox, copy):
                    copy.mirrored = copy.may_be = True
                    self.joined.add(copy.mail.number)
                    self.may_have_joined.add(copy.mail.number)
            for number in self.mirrored(mailbox):
                mailbox.shown_at[number] = now
            shown = self._note_shown(mailbox)
            for _, copy in mailbox.left:
                shown_at = mailbox.shown_at.get(copy.mail.number)
                if shown_at is None or now > shown_at + _ERASED_AFTER - _MARGIN:
                    copy.mirrored = False
                if copy.mail.number not in shown:
                    hidden_at = mailbox.hidden_at.setdefault(copy.mail.number, now)
                    copy.may_be &= now <= hidden_at + _ERASED_AFTER + _MARGIN

    def before_change(self) -> None:
        """Note what a sync may have mirrored by now, before facts change."""
        for mailbox in self.mailboxes.values():
            self._note_shown(mailbox)
            for copy in mailbox.copies():
                if self.is_mirrored(mailbox, copy):
                    copy.may_be = True
                    self.may_have_joined.add(copy.mail.number)

    def _note_shown(self, mailbox: MailboxModel) -> Set[int]:
        """Note which messages may be shown now, and return them: they were not hidden all along."""
        shown = self.may_be_mirrored(mailbox)
        for number in shown:
            mailbox.hidden_at.pop(number, None)
        return shown

    def mirrored(self, mailbox: MailboxModel) -> Set[int]:
        """The numbers of the messages that a mailbox shows, once all has settled."""
        stored = (copy for copy in mailbox.stored() if copy.mirrored)
        return self._mirrored(mailbox, [*mailbox.copies(), *stored])

    def may_be_mirrored(self, mailbox: MailboxModel) -> Set[int]:
        """Those that it may show, as syncs may have come before or after changes."""
        stored = (copy for copy in mailbox.stored() if copy.may_be)
        return self._mirrored(mailbox, [*mailbox.copies(), *stored])

    def _mirrored(self, mailbox: MailboxModel, copies: list[HeldCopy]) -> Set[int]:
        return {copy.mail.number for copy in copies if self.is_mirrored(mailbox, copy)}

    def is_on_card(self, mail: Mail, contact: str) -> bool:
        return contact in self.persons(mail)

    def persons(self, mail: Mail) -> Set[str]:
        """The contacts who take part in a message."""
        return {
            contact
            for contact, emails in self.contacts.items()
            if not mail.participants.isdisjoint(emails - self.team)
        }
