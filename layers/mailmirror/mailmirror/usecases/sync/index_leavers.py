"""Put mirrored mail on the timelines of addresses that have left the team.

An address of the team has no timeline, any other has one, whether a person has it or not. Where one
leaves, the messages that it takes part in are found by the mailbox's copies, which keep all
participants; the server is not asked.
"""

from collections.abc import Set
from datetime import datetime
from itertools import batched

from mailmirror.domain.address import Address
from mailmirror.domain.mailbox import MailboxKey
from mailmirror.runtime import Runtime
from mailmirror.store.timelines import FURTHER
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.mail_server import OutOfTime
from mailmirror.usecases.threads.associate_threads import associate_threads
from mailmirror.usecases.threads.thread_writer import ThreadWriter

_BATCH = 100


def index_leavers(
    key: MailboxKey, left: Set[Address], view: CrmView, runtime: Runtime, until: datetime
) -> None:
    """Put a mailbox's messages on timelines of addresses, and their threads on deals. Idempotent.

    Half a read unit for a dozen copies; a write unit a message and address.

    Parameters:
        left: addresses that have left the team.

    Raises:
        OutOfTime: `until` has come.
    """
    outside = left - view.team
    if not outside:
        return
    writer = ThreadWriter.of(key.account, view, runtime)
    named = (one for one in runtime.contents.all_copies(key) if one.participants & outside)
    for some in batched(named, _BATCH, strict=False):
        if runtime.now() >= until:
            raise OutOfTime
        cards = [(entry, entry.participants & outside) for entry in some]
        for address in {address for _, addresses in cards for address in addresses}:
            view.name_on_card(key, address)
        runtime.timelines.put(cards)
        associate_threads([one for one in some if one.sha256 != FURTHER], writer)
