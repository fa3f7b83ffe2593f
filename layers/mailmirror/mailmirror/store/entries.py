"""Entries as items: in threads, and beside the copies that name their contents."""

from datetime import datetime

from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import AccountId, MailboxId, MailboxKey
from mailmirror.domain.message import Entry
from mailmirror.domain.threads import ThreadId
from mailmirror.store import keys
from mailmirror.store.keys import Key
from mailmirror.store.table import Item


def entry_item(key: Key, entry: Entry) -> Item:
    """An item that `read_entry` reads back."""
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
