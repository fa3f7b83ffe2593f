"""A message as a mailbox has entry it: what its entries in threads and timelines are made of.

Everything here follows from the message, its INTERNALDATE and its mailbox, so that whoever writes
an entry again, late or twice, writes the same.
"""

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime

from mailmirror.domain.address import Address
from mailmirror.domain.deals import MessageFact
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import AccountId, MailboxId, MailboxKey
from mailmirror.domain.threads import ThreadId
from mailmirror.store import keys
from mailmirror.store.keys import Key
from mailmirror.store.table import Item


@dataclass(frozen=True, slots=True)
class Entry:
    key: MailboxKey
    message: MessageKey
    sha256: str
    """Of the raw bytes: names the content."""
    thread: ThreadId
    """As `domain.threads.Joined.entry`."""
    instant: datetime
    date: datetime | None
    """What the Date field claims, where it can be read."""
    participants: Set[Address]

    @property
    def position(self) -> str:
        return keys.position(self.instant, self.message, self.sha256)

    @property
    def dated(self) -> bool:
        """Whether the instant is the message's own Date, so the same for all its copies."""
        return self.date == self.instant

    @property
    def fact(self) -> MessageFact:
        return MessageFact(self.message, self.instant, self.participants)


def entry_item(key: Key, entry: Entry) -> Item:
    """An item that `read_filed` reads back."""
    return {
        **key,
        "mailbox": entry.key.mailbox,
        "epoch": entry.key.epoch,
        "message": entry.message,
        "sha256": entry.sha256,
        "thread": entry.thread,
        "instant": keys.time_text(entry.instant),
        "date": keys.time_text(entry.date) if entry.date else None,
        "participants": set(entry.participants) or None,
    }


def read_entry(account: AccountId, item: Item) -> Entry:
    return Entry(
        key=MailboxKey(account, MailboxId(item["mailbox"]), int(item["epoch"])),
        message=MessageKey(item["message"]),
        sha256=item["sha256"],
        thread=ThreadId(item["thread"]),
        instant=datetime.fromisoformat(item["instant"]),
        date=datetime.fromisoformat(item["date"]) if "date" in item else None,
        participants=frozenset(item.get("participants", ())),
    )
