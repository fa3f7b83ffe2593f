"""What a user blocks: mail of blocked persons alone is not mirrored from the user's mailboxes."""

from collections.abc import Callable

from mailmirror.aws.queues import SyncJob
from mailmirror.domain.blocks import Block, BlockKind, Blocks
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.mailbox import MailboxStatus
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime
from mailmirror.store.table import ConditionFailed
from mailmirror.usecases.cards.acting_user import Viewer

_ATTEMPTS = 5


def read_blocks(viewer: Viewer, runtime: Runtime) -> Blocks:
    """All that a user has blocked."""
    return runtime.blocks.read(viewer.account, viewer.user)


def add_block(viewer: Viewer, block: Block, runtime: Runtime) -> Blocks:
    """Block a person, an address or a domain. Mirrored mail is hidden by the next sync.

    Raises:
        Refused: there is no such lead or contact, or the user has too many blocks.
    """
    if block.kind in (BlockKind.LEAD, BlockKind.CONTACT):
        ref = PersonRef(PersonKind(block.kind.value), block.name)
        if runtime.people.find(viewer.account, ref) is None:
            raise Refused(Code.NOT_FOUND, str(ref))
    return _change(viewer, lambda blocks: blocks.adding(block, runtime.now()), runtime)


def remove_block(viewer: Viewer, id: str, runtime: Runtime) -> Blocks:
    """Remove a block; where there is none of this id, nothing changes."""
    return _change(viewer, lambda blocks: blocks.removing(id), runtime)


def _change(viewer: Viewer, change: Callable[[Blocks], Blocks], runtime: Runtime) -> Blocks:
    """Change blocks, and have the user's mailboxes judge old mail by them.

    Raises:
        Refused: others change them all the time.
    """
    for _ in range(_ATTEMPTS):
        before = runtime.blocks.read(viewer.account, viewer.user)
        after = change(before)
        try:
            if after != before:
                runtime.blocks.write(viewer.account, viewer.user, after)
        except ConditionFailed:
            continue
        _sync(viewer, runtime)
        return after
    raise Refused(Code.TOO_MANY_REQUESTS)


def _sync(viewer: Viewer, runtime: Runtime) -> None:
    """Queue a sync of the user's mailboxes: else the next poll does, within minutes."""
    connected = [one for one in viewer.mailboxes if one.status is MailboxStatus.CONNECTED]
    entries = runtime.due.find_many(connected)
    synced = (entries[one.key.mailbox] for one in connected if one.key.mailbox in entries)
    jobs = [
        SyncJob(viewer.account, entry.mailbox)
        for entry in synced
        if entry.synced and entry.due.paused_since is None
    ]
    if jobs:
        runtime.sync_queue.send(jobs)
