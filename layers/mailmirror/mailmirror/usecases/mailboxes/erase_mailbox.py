"""Erase what a mailbox stores. Its epoch was raised before, so that no reader finds it."""

from dataclasses import replace
from datetime import datetime

from mailmirror.domain.mailbox import Mailbox
from mailmirror.runtime import Runtime
from mailmirror.store.sync_state import Lease
from mailmirror.usecases.threads.erase_entries import erase_entries

_BATCH_COPIES = 100


def erase_mailbox(
    mailbox: Mailbox, lease: Lease, stale_until: datetime | None, runtime: Runtime, until: datetime
) -> bool:
    """Erase the mailbox's own keys, and no other's, and then the mailbox.

    A copy is deleted last of what it names, so that a crash leaves nothing that cannot be found
    again. Threads keep their vertices: pairs of hashes, which outlive erasure.

    Parameters:
        stale_until: until when a sync that lost its lease may still be writing.

    Returns:
        False where a continuation has to do the rest.
    """
    key = replace(mailbox.key, epoch=mailbox.key.epoch - 1)
    while copies := runtime.contents.copies(key, _BATCH_COPIES):
        if runtime.now() >= until:
            runtime.sync_states.release(lease, first_sync_done=False)
            return False
        deals = erase_entries(key.account, [one.entry for one in copies], runtime)
        addresses = {address for one in copies for address in one.entry.participants}
        runtime.timelines.forget_mailbox(key, addresses, deals)
        for one in copies:
            runtime.contents.erase(key, one.entry.message)
        runtime.contents.erase_copies((one.place, one.entry) for one in copies)
    runtime.objects.erase_mail(key)
    runtime.ledgers.erase(key)
    runtime.folders.erase(key)
    runtime.contained.erase(key)
    nothing_is_sent = runtime.outbounds.erase(key, runtime.now())
    if not nothing_is_sent or (stale_until is not None and runtime.now() < stale_until):
        # A sender, or a sync that lost its lease, may still be writing: swept when it is due next.
        runtime.sync_states.release(lease, first_sync_done=False)
        return True
    runtime.mailboxes.forget(mailbox)
    runtime.count("MailboxesErased")
    return True
