"""Attach a thread or a message to a deal, or detach it, as a person asks.

    deal, thread, message exist ─► the override is stored ─► the thread is associated again

A card applies the overrides on its deal as it is read, so a detach holds as soon as it is stored.
After a crash in between, the repeated request, or the thread's next message, associates it.
"""

from collections.abc import Iterable
from datetime import timedelta

from mailmirror.domain.deals import DealId, DealStatus
from mailmirror.domain.feed import OverrideGiven, Stamp
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import AccountId, MailboxKey
from mailmirror.domain.overrides import Override
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.threads import ThreadId
from mailmirror.runtime import Runtime
from mailmirror.store.overrides import PlacedOverride
from mailmirror.store.threads import Thread
from mailmirror.usecases.cards.acting_user import Viewer
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.threads.associate_threads import reassociate_thread

_LEAST_STEP = timedelta(microseconds=1)


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
    _check_deal(viewer.account, deal, runtime)
    message = MessageKey(message_id) if message_id else None
    thread = _thread(viewer.account, thread_id, message, viewer.keys, runtime)
    root, found = _read(viewer.account, thread, runtime)
    seen = {entry.message for entry in found.entries if entry.key in viewer.keys}
    if not seen:
        raise Refused(Code.THREAD_UNKNOWN)
    before = [one.stamp for one in found.overrides if (one.deal, one.message) == (deal, message)]
    at = max([runtime.now(), *(stamp.occurred_at + _LEAST_STEP for stamp in before)])
    override = Override(Stamp(at, f"api-{runtime.new_id()}"), deal, attached, viewer.user, message)
    return _give(viewer.account, PlacedOverride(root, override), runtime)


def apply_override(account: AccountId, given: OverrideGiven, runtime: Runtime) -> None:
    """Store the override of an event of the CRM.

    Raises:
        Refused: the deal, the thread, the message or the user is unknown, or the deal is deleted.
    """
    if not runtime.people.user_exists(account, given.user):
        raise Refused(Code.USER_UNKNOWN, "user_id")
    _check_deal(account, given.deal, runtime)
    mailboxes = sorted(runtime.mailboxes.list_all(account), key=lambda one: one.owner != given.user)
    message = MessageKey(given.message) if given.message else None
    thread = _thread(account, given.thread, message, (one.key for one in mailboxes), runtime)
    root, found = _read(account, thread, runtime)
    if not found.entries:
        raise Refused(Code.THREAD_UNKNOWN)
    override = Override(given.stamp, given.deal, given.attached, given.user, message)
    _give(account, PlacedOverride(root, override), runtime)


def _check_deal(account: AccountId, id: DealId, runtime: Runtime) -> None:
    deal = runtime.deals.find(account, id)
    if deal is None:
        raise Refused(Code.DEAL_UNKNOWN)
    if deal.latest.status is DealStatus.DELETED:
        raise Refused(Code.DEAL_DELETED)


def _thread(
    account: AccountId,
    thread_id: str | None,
    message: MessageKey | None,
    mailboxes: Iterable[MailboxKey],
    runtime: Runtime,
) -> ThreadId:
    """The thread that is named, or the thread of a message in these mailboxes."""
    if message is None:
        return ThreadId(thread_id or "")
    for key in mailboxes:
        if (kept := runtime.contents.find(key, message)) is not None:
            return kept[0].thread
    raise Refused(Code.MESSAGE_UNKNOWN)


def _read(account: AccountId, thread: ThreadId, runtime: Runtime) -> tuple[ThreadId, Thread]:
    root = runtime.threads.roots(account, [thread])[thread]
    return root, runtime.threads.read(account, root)


def _give(account: AccountId, placed: PlacedOverride, runtime: Runtime) -> PlacedOverride:
    found = runtime.accounts.find(account)
    if found is None:
        raise Refused(Code.NOT_FOUND, "account")
    runtime.overrides.put(account, placed)
    reassociate_thread(account, placed.thread, CrmView(found, runtime), runtime)
    runtime.count("OverridesGiven")
    return placed
