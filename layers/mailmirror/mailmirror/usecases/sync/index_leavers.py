"""Put mirrored mail on the timelines of addresses that have left the team.

An address of the team has no timeline, any other has one, whether a person has it or not. Where one
leaves, the messages that it takes part in are found by the mailbox's copies, which keep all
participants; the server is not asked.
"""

from collections.abc import Callable, Set
from datetime import datetime

from mailmirror.domain.address import Address
from mailmirror.domain.containment import Place
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.domain.message import Entry
from mailmirror.runtime import Runtime
from mailmirror.store.timelines import FURTHER
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.mail_server import OutOfTime
from mailmirror.usecases.threads.associate_threads import associate_threads
from mailmirror.usecases.threads.thread_writer import ThreadWriter

_BATCH = 100
"""Messages that are put at once."""
_READ = 2_000
"""Copies that are read before the place is stored where none of them is concerned."""


def index_leavers(
    key: MailboxKey,
    left: Set[Address],
    view: CrmView,
    runtime: Runtime,
    until: datetime,
    last: Place | None,
    done: Callable[[Place], None],
) -> None:
    """Put a mailbox's messages on timelines of addresses, and their threads on deals. Idempotent.

    Half a read unit for a dozen copies; a write unit a message and address.

    Parameters:
        left: addresses that have left the team.
        last: the copy up to which it is done.
        done: called with the copy up to which it is done then.

    Raises:
        OutOfTime: `until` has come.
    """
    outside = left - view.team
    if not outside:
        return
    some: list[Entry] = []
    for number, copy in enumerate(runtime.contents.copies_after(key, last), start=1):
        if copy.hidden_at is None and not copy.entry.participants.isdisjoint(outside):
            some.append(copy.entry)
        if len(some) == _BATCH or number % _READ == 0:
            _put(some, outside, view, runtime)
            done(copy.place)
            some = []
            if runtime.now() >= until:
                raise OutOfTime
    _put(some, outside, view, runtime)


def _put(some: list[Entry], left: Set[Address], view: CrmView, runtime: Runtime) -> None:
    if not some:
        return
    outside = left - view.team  # an address may have joined it again
    cards = [(entry, entry.participants & outside) for entry in some]
    key = some[0].key
    for address in {address for _, addresses in cards for address in addresses}:
        view.name_on_card(key, address)
    runtime.timelines.put(cards)
    writer = ThreadWriter.of(key.account, view, runtime)
    associate_threads([one for one in some if one.sha256 != FURTHER], writer)
