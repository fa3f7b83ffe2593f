"""Put threads on the deals for which their messages vote.

A thread is filed by whoever adds a message to it, and two mailboxes may do so in the same second.
Each first adds its own entries, then reads the whole thread, consistently: so of two, the later
reader sees both. Where the deals come out otherwise than filed, all entries are filed anew, the
outcome is kept on the condition that nobody else kept one meanwhile, and the thread is read
again, for an entry that came in between; only then it is settled. A crash leaves it unsettled,
and the repeated batch files it whole.
"""

from collections.abc import Sequence

from mailmirror.domain.deals import DealId, associate
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.threads import ThreadId
from mailmirror.runtime import Runtime
from mailmirror.store.filed import Filed
from mailmirror.store.table import ConditionFailed
from mailmirror.usecases.crm import CrmView


def file_threads(
    account: AccountId, added: Sequence[Filed], view: CrmView, runtime: Runtime
) -> None:
    """Add messages to their threads, and file the threads on their deals."""
    runtime.threads.add(added)
    roots = runtime.threads.roots(account, {filed.thread for filed in added})
    by_root: dict[ThreadId, list[Filed]] = {}
    for filed in added:
        by_root.setdefault(roots[filed.thread], []).append(filed)
    for root, mine in by_root.items():
        _settle(account, root, mine, view, runtime)


def _settle(
    account: AccountId, root: ThreadId, mine: Sequence[Filed], view: CrmView, runtime: Runtime
) -> None:
    done: set[tuple[Filed, DealId]] = set()
    while True:
        association, entries = runtime.threads.read(account, root)
        addresses = {address for entry in entries for address in entry.participants}
        deals = associate((entry.fact for entry in entries), view.crm(addresses))
        if association.settled and association.deals == deals:
            runtime.timelines.file_on_deals(mine, on=deals)
            return
        for deal in deals:
            unfiled = [entry for entry in entries if (entry, deal) not in done]
            runtime.timelines.file_on_deals(unfiled, on=[deal])
            done |= {(entry, deal) for entry in unfiled}
        runtime.timelines.file_on_deals(entries, on=(), off=association.ever - deals)
        try:
            settled = association.deals == deals
            runtime.threads.associate(account, root, deals, association.version, settled=settled)
        except ConditionFailed:
            root = runtime.threads.roots(account, [root])[root]
            continue
        if settled:
            return
