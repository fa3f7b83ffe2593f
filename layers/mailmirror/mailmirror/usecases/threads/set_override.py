"""Attach a thread or a message to a deal, or detach it, as a person asks.

    deal, thread, message exist ─► override and announcement, in one transaction ─► entries indexed

A card reads the roots of its threads, so an override holds as soon as it is stored. The entries of
a long thread are indexed by a queue's job, and so are those of which a crash left the rest: the
transaction schedules the thread.
"""

from dataclasses import dataclass
from datetime import timedelta

from mailmirror.aws.queues import ThreadJob
from mailmirror.domain.deals import DealId
from mailmirror.domain.feed import OverrideGiven
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.limits import MAX_OVERRIDES
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.overrides import Override
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.stamp import Stamp
from mailmirror.domain.threads import ThreadId
from mailmirror.runtime import Runtime
from mailmirror.store.overrides import override_item
from mailmirror.usecases.cards.acting_user import Viewer
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.threads.existing_deal import existing_deal
from mailmirror.usecases.threads.named_thread import named_thread
from mailmirror.usecases.threads.thread_writer import Contended, ThreadWriter

_LEAST_STEP = timedelta(microseconds=1)
_MAX_RUN = timedelta(minutes=1)
"""The longest time that the functions run that give overrides."""
_ATTEMPTS = 50
MAX_INDEXED_AT_ONCE = 500
"""Entries that are indexed before the answer; those of a longer thread are left to the queue."""


@dataclass(frozen=True, slots=True)
class PlacedOverride:
    """An override, and the id of its thread when it was made."""

    thread: ThreadId
    override: Override


def set_override(
    viewer: Viewer,
    deal: DealId,
    thread_id: str | None,
    message_id: str | None,
    runtime: Runtime,
    *,
    attached: bool,
) -> PlacedOverride:
    """Attach or detach what the acting user sees; later than every earlier override on it.

    Parameters:
        thread_id: of the thread, where it is the whole thread.
        message_id: of the one message, where it is one.

    Raises:
        Refused: the deal is unknown or deleted, or the user sees no such thread or message.
    """
    existing_deal(viewer.account, deal, runtime)
    message = MessageKey(message_id) if message_id else None
    thread = named_thread(viewer.account, thread_id, message, viewer.keys, runtime)
    root = runtime.roots.read(viewer.account, thread)
    entries = runtime.threads.entries(viewer.account, root.threads)
    if not any(entry.key in viewer.keys for entry in entries):
        raise Refused(Code.THREAD_UNKNOWN)
    before = [one.stamp for one in root.overrides if (one.deal, one.message) == (deal, message)]
    at = max([runtime.now(), *(stamp.occurred_at + _LEAST_STEP for stamp in before)])
    override = Override(Stamp(at, f"api-{runtime.new_id()}"), deal, attached, viewer.user, message)
    return give_override(viewer.account, root.thread, override, runtime)


def apply_override(account: AccountId, given: OverrideGiven, runtime: Runtime) -> None:
    """Store the override of an event of the CRM.

    Raises:
        Refused: the deal, the thread, the message or the user is unknown, or the deal is deleted.
    """
    if not runtime.people.user_exists(account, given.user):
        raise Refused(Code.USER_UNKNOWN, "user_id")
    existing_deal(account, given.deal, runtime)
    mailboxes = sorted(runtime.mailboxes.list_all(account), key=lambda one: one.owner != given.user)
    message = MessageKey(given.message) if given.message else None
    thread = named_thread(account, given.thread, message, (one.key for one in mailboxes), runtime)
    root = runtime.roots.read(account, thread)
    if not any(True for _ in runtime.threads.entries(account, root.threads)):
        raise Refused(Code.THREAD_UNKNOWN)
    override = Override(given.stamp, given.deal, given.attached, given.user, message)
    override = runtime.overrides.as_first_given(account, root.threads, override)
    give_override(account, root.thread, override, runtime)


def give_override(
    account: AccountId, thread: ThreadId, override: Override, runtime: Runtime
) -> PlacedOverride:
    """Store an override with what it announces, and index what that is.

    Raises:
        Refused: the account is gone, or its thread has too many overrides.
    """
    found = runtime.accounts.find(account)
    if found is None:
        raise Refused(Code.NOT_FOUND, "account")
    writer = ThreadWriter.of(account, CrmView(found, runtime), runtime, _MAX_RUN)
    for _ in range(_ATTEMPTS):
        root = runtime.roots.read(account, thread)
        after = root.overridden(override, writer.run)
        if override.message and len(after.overrides) > max(MAX_OVERRIDES, len(root.overrides)):
            raise Refused(Code.TOO_MANY_OVERRIDES, limit=MAX_OVERRIDES)
        if writer.write(root, after, [override_item(account, root.thread, override)]):
            break
    else:
        raise Contended(thread)
    tokens = after.pending - root.pending
    if tokens and not writer.complete(after.thread, tokens, MAX_INDEXED_AT_ONCE):
        runtime.thread_queue.send([ThreadJob(account, after.thread, (writer.run.id,))])
    runtime.count("OverridesGiven")
    return PlacedOverride(root.thread, override)
