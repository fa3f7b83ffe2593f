"""The thread that a request or an event names, by its id or by a message of it."""

from collections.abc import Iterable

from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import AccountId, MailboxKey
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.threads import ThreadId
from mailmirror.runtime import Runtime


def named_thread(
    account: AccountId,
    thread_id: str | None,
    message: MessageKey | None,
    mailboxes: Iterable[MailboxKey],
    runtime: Runtime,
) -> ThreadId:
    """The thread that is named, or the thread of a message in these mailboxes.

    Raises:
        Refused: `message_unknown`; none of the mailboxes has the message.
    """
    if message is None:
        return ThreadId(thread_id or "")
    for key in mailboxes:
        if (kept := runtime.contents.find(key, message)) is not None:
            return kept[0].thread
    raise Refused(Code.MESSAGE_UNKNOWN)
