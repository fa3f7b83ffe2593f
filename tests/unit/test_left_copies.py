"""What a scan of copies holds in memory of those that have left the server."""

import tracemalloc
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from mailmirror.domain.address import Address
from mailmirror.domain.containment import Place
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import AccountId, MailboxId, MailboxKey
from mailmirror.domain.message import Entry
from mailmirror.domain.threads import ThreadId
from mailmirror.domain.uids import UidSet
from mailmirror.store.contents import Copy
from mailmirror.usecases.sync.left_copies import LeftCopies, Presence

KEY = MailboxKey(AccountId("a"), MailboxId("m"))
MANY = 2_000
MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def copy(number: int, folder: str = "inbox") -> Copy:
    """With ten participants of its own, as an item is read: no string of it is another copy's."""
    digest = sha256(str(number).encode()).hexdigest()
    people = frozenset(Address(f"somebody{one}.{number}@customer.example") for one in range(10))
    entry = Entry(KEY, MessageKey(digest), digest[::-1], ThreadId(digest[1:]), MARCH, MARCH, people)
    return Copy(Place(folder, 1, number), entry, MARCH, 10, left_at=MARCH)


def held(left: LeftCopies, presence: Presence) -> float:
    """The bytes that a copy takes once it was added."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(MANY):
        left.add(copy(number), "", presence)
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return taken / MANY


def test_a_copy_that_has_left_takes_less_than_a_kilobyte() -> None:
    left = LeftCopies()
    assert held(left, Presence.REMOVED) < 900
    (first, *others) = left.leaving(MANY, MARCH + timedelta(days=2), lambda *_: UidSet())
    assert len(others) == 99
    assert first == [(Place("inbox", 1, 0), copy(0).entry.sha256)]


def test_a_copy_that_was_moved_takes_nothing_whichever_comes_first() -> None:
    left = LeftCopies()
    for number in range(MANY):
        left.add(copy(number, "filed"), "", Presence.MAY_BE)
    assert held(left, Presence.REMOVED) < 1
    other = LeftCopies()
    for number in range(MANY):
        other.add(copy(number), "", Presence.REMOVED)
    held(other, Presence.MAY_BE)
    assert not list(other.new())
