"""Examine the folders of a mailbox: which there are, what they are for, and what they hold."""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from datetime import timedelta

from mailmirror.domain.coverage_limits import Limit
from mailmirror.domain.doctor import ServerStage
from mailmirror.domain.folder_choice import LeftOut
from mailmirror.domain.mailbox import FolderRules, FolderScope
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.server_causes import ServerCause
from mailmirror.mail.doctor.conversations import ImapConversation
from mailmirror.mail.doctor.notes import Notes
from mailmirror.mail.imap.session import ImapSession
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.choose_folders import NamedFolders
from mailmirror.usecases.mailboxes.connect_mailbox import open_inbox
from mailmirror.usecases.mailboxes.count_folders import PreviewedFolder, count_folders

RECENT = timedelta(days=30)
"""The newest messages are counted by themselves: a folder that gets no more shows in them."""
_COUNTS_PART = 0.4
"""Of the time that is left, for the counts of all folders together."""


@dataclass(slots=True)
class ExaminedFolder:
    counted: PreviewedFolder
    recent: int | None = None
    """Messages of the last 30 days; None where it is not known."""
    refusal: Refused | None = None
    """Why it cannot be opened."""


@dataclass(frozen=True, slots=True)
class ExaminedFolders:
    folders: Sequence[ExaminedFolder]
    """Those that are read first."""
    further: int
    limits: Set[Limit]


def asked_rules(
    folders: NamedFolders, sent_folders: Sequence[str] | None
) -> Callable[[ImapSession], FolderRules]:
    """Return what finds the server's names of the folders that a person names.

    It raises `folder_unknown`.
    """

    def rules(session: ImapSession) -> FolderRules:
        sent = session.named(sent_folders, beside_inbox=True) if sent_folders else ()
        match folders:
            case None:
                return FolderRules(sent_folders=sent)
            case FolderScope() as scope:
                return FolderRules(scope, sent)
            case names:
                return FolderRules(session.named(names), sent)

    return rules


@dataclass(slots=True)
class FolderExaminer:
    """Lists and counts folders; `found` has at any time what is known so far."""

    rules: Callable[[ImapSession], FolderRules]
    runtime: Runtime
    found: ExaminedFolders | None = field(init=False, default=None)

    def examine(self, conversation: ImapConversation, notes: Notes) -> None:
        """Note the stages of folders and quota.

        Raises:
            Refused: the session is lost, or the mailbox has no Inbox.
        """
        try:
            session = self._folders(conversation, notes)
        except Refused as refusal:
            if refusal.code is not Code.FOLDER_UNKNOWN:
                raise
            session = ImapSession(conversation.client, FolderRules())
        with notes.stage(ServerStage.QUOTA) as seen:
            storage = session.storage()
            seen.text = "the server does not say"
            if storage is not None:
                used, limit = storage
                seen.text = f"{used} of {limit} KB"
                seen.code = ServerCause.OVER_QUOTA if used >= limit else None

    def _folders(self, conversation: ImapConversation, notes: Notes) -> ImapSession:
        """Note the stage of folders.

        Raises:
            Refused: `folder_unknown`, of a folder that a person names; otherwise as `examine`.
        """
        with notes.stage(ServerStage.FOLDERS) as seen:
            unknown = None
            try:
                rules = self.rules(ImapSession(conversation.client))
            except Refused as refusal:
                if refusal.code is not Code.FOLDER_UNKNOWN:
                    raise
                unknown, rules = refusal, FolderRules()
            session = ImapSession(conversation.client, rules)
            until = self.runtime.now() + timedelta(seconds=notes.left * _COUNTS_PART)
            counted = count_folders(session, self.runtime.now, until)
            folders = [ExaminedFolder(one) for one in counted.folders]
            self.found = ExaminedFolders(folders, counted.further, counted.limits)
            open_inbox(session)
            if unknown is not None:
                raise unknown
            self._count_recent(session, folders, notes)
            read = [one for one in folders if one.counted.folder.left_out is None]
            seen.text = f"{len(folders) + counted.further} folders, {len(read)} of them are read"
            if not any(one.counted.folder.has_sent_mail for one in folders):
                seen.code = Code.SENT_NOT_FOUND
            elif refused := [one.refusal.code for one in read if one.refusal]:
                is_named = Code.FOLDER_UNKNOWN in refused
                seen.code = Code.FOLDER_UNKNOWN if is_named else Code.FOLDER_REFUSED
            return session

    def _count_recent(
        self, session: ImapSession, folders: Sequence[ExaminedFolder], notes: Notes
    ) -> None:
        """Open each folder and count what is new in it, while there is time for the rest."""
        since = (self.runtime.now() - RECENT).date()
        reserve = notes.left * _COUNTS_PART
        for one in folders:
            folder = one.counted.folder
            if folder.left_out is LeftOut.NOT_SELECTABLE:
                continue
            if notes.left < reserve:
                return
            try:
                status = session.examine(folder)
                one.recent = session.count_since(since) if status.messages else 0
            except Refused as refusal:
                if not session.alive:
                    raise
                one.refusal = refusal
