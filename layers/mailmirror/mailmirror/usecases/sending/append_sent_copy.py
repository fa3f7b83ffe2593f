"""Append a copy of what was sent to the mailbox's folder of sent mail, once."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mailmirror.domain.folder_choice import FolderChoice, LeftOut
from mailmirror.domain.mailbox import FolderRole, Mailbox
from mailmirror.domain.message_token import FIELD
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.imap.session import ImapSession
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.server_sign_in import signed_in

SESSION_SECONDS = 60.0
_MAX_SEARCHED = 500
_SINCE_MARGIN = timedelta(days=1)
"""SEARCH SINCE goes by days, in a zone of the server's."""


def append_sent_copy(
    raw: bytes, token: str, mailbox: Mailbox, date: datetime, runtime: Runtime
) -> None:
    """Append a copy, unless a folder of sent mail has one with this token.

    Raises:
        Refused: the server cannot be asked, or has no folder of sent mail (`sent_not_found`).
    """
    with signed_in(mailbox, runtime, SESSION_SECONDS) as session:
        folders = _sent(session)
        if not any(_lies_in(session, folder, token, date) for folder in folders):
            session.append(folders[0], raw, date)


def lies_in_sent(token: str, mailbox: Mailbox, date: datetime, runtime: Runtime) -> bool:
    """Whether a folder of sent mail has a message with this token.

    Raises:
        Refused: the server cannot be asked, or has no folder of sent mail.
    """
    with signed_in(mailbox, runtime, SESSION_SECONDS) as session:
        return any(_lies_in(session, folder, token, date) for folder in _sent(session))


def _sent(session: ImapSession) -> Sequence[FolderChoice]:
    """The folders of sent mail; a copy is appended to the first."""
    found = [
        folder
        for folder in session.choices()
        if folder.role is FolderRole.SENT and folder.left_out is not LeftOut.NOT_SELECTABLE
    ]
    if not found:
        raise Refused(Code.SENT_NOT_FOUND)
    return found


def _lies_in(session: ImapSession, folder: FolderChoice, token: str, date: datetime) -> bool:
    """By the header of each recent message: SEARCH HEADER of some servers misses mail."""
    session.examine(folder)
    return token in session.values_since(FIELD, (date - _SINCE_MARGIN).date(), _MAX_SEARCHED)
