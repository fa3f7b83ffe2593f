"""Which folders of a mailbox are read, as its owner says."""

from collections.abc import Sequence
from dataclasses import replace

from mailmirror.aws.queues import SyncJob
from mailmirror.domain.mailbox import FolderScope, Mailbox
from mailmirror.mail.imap.session import ImapSession
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.server_sign_in import signed_in

_SECONDS = 15.0
"""How long the server has to answer: a person waits."""

type NamedFolders = FolderScope | Sequence[str] | None
"""A scope, or names as a person sees them; None: as before."""


def choose_folders(
    mailbox: Mailbox, folders: NamedFolders, sent_folders: Sequence[str] | None, runtime: Runtime
) -> None:
    """Change which folders are read, and queue a sync that reads those that are new.

    That sync hides what was mirrored from folders that are not read any more. Until it is done,
    cards say that news is waiting.

    Raises:
        Refused: the server cannot be asked, has no such folder, or the mailbox was disconnected.
    """
    with signed_in(mailbox, runtime, _SECONDS) as session:
        changed = with_folders(mailbox, folders, sent_folders, session)
    if changed.folder_rules == mailbox.folder_rules:
        return
    runtime.mailboxes.set_folders(changed)
    runtime.due.begin_again(changed)
    runtime.first_sync_queue.send([SyncJob(mailbox.key.account, mailbox.key.mailbox)])


def with_folders(
    mailbox: Mailbox,
    folders: NamedFolders,
    sent_folders: Sequence[str] | None,
    session: ImapSession,
) -> Mailbox:
    """The mailbox with the server's names of the folders that a person names.

    Raises:
        Refused: `folder_unknown`.
    """
    if sent_folders is not None:
        names = sent_folders and session.named(sent_folders, beside_inbox=True)
        mailbox = replace(mailbox, sent_folders=tuple(names))
    match folders:
        case None:
            return mailbox
        case FolderScope() as scope:
            return replace(mailbox, folders=scope)
        case names:
            return replace(mailbox, folders=session.named(names))
