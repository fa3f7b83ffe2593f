"""Overrides, never deleted: what was said of a deal, by whom and when.

What counts of them stands at the root of their thread (`store.roots`).
"""

from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.overrides import Override
from mailmirror.domain.threads import ThreadId
from mailmirror.store import keys
from mailmirror.store.table import Put


def override_item(account: AccountId, thread: ThreadId, override: Override) -> Put:
    """What stores an override in the partition of its deal. Idempotent.

    Parameters:
        thread: the id that its thread has when it is given.
    """
    said = "attached" if override.attached else "detached"
    target = override.message or thread
    return Put(
        {
            **keys.deal_override(account, override.deal, target, override.stamp, said),
            "thread": thread,
            "stamp": str(override.stamp),
            "deal": override.deal,
            "attached": override.attached,
            "user": override.user,
            "message": override.message,
        }
    )
