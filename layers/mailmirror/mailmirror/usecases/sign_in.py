"""Open a mailbox with the credential that is kept for it."""

from collections.abc import Iterator
from contextlib import contextmanager

from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.connection import stage
from mailmirror.mail.imap import ImapSession
from mailmirror.runtime import Runtime


@contextmanager
def signed_in(mailbox: Mailbox, runtime: Runtime, seconds: float) -> Iterator[ImapSession]:
    """Sign in to a mailbox's IMAP server, for at most so many seconds.

    Raises:
        Refused: the stage that failed, by its code.
    """
    account = runtime.accounts.find(mailbox.key.account)
    credential = account and runtime.credentials.get(account, mailbox.key, runtime.now())
    if not credential:
        raise Refused(Code.SIGN_IN_FAILED, "no credential is kept")
    with (
        stage("imap"),
        ImapSession.sign_in(
            mailbox.imap, mailbox.username, credential.password, runtime.reach, seconds
        ) as session,
    ):
        yield session
