"""Sign in to a mailbox's servers with its stored credential.

A token that a server refuses before it expires is replaced once. A refusal that only a person can
solve is stored, and the service is not tried again for an hour.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from mailmirror.domain.mailbox import NEEDS_PERSON, Mailbox
from mailmirror.domain.oauth import Grant
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.connection import stage
from mailmirror.mail.imap.session import ImapSession
from mailmirror.mail.sasl import Login, PasswordLogin, TokenLogin
from mailmirror.mail.smtp.session import SubmissionSession
from mailmirror.runtime import Runtime
from mailmirror.store.accounts import Account
from mailmirror.store.credentials import Credential, StoredCredential
from mailmirror.usecases.mailboxes.access_tokens import fresh_grant


def login_of(username: str, credential: Credential) -> Login:
    if isinstance(credential, Grant):
        return TokenLogin(username, credential.access_token)
    return PasswordLogin(username, credential.password)


@contextmanager
def signed_in(mailbox: Mailbox, runtime: Runtime, seconds: float) -> Iterator[ImapSession]:
    """Sign in to a mailbox's IMAP server, for at most so many seconds.

    Raises:
        Refused: the stage that failed, by its code.
    """

    def open_session(login: Login) -> AbstractContextManager[ImapSession]:
        return ImapSession.sign_in(
            mailbox.imap, login, runtime.network_policy, seconds, mailbox.folder_rules
        )

    with stage("imap"), ExitStack() as stack:
        yield _entered(mailbox, "imap", open_session, stack, runtime)


@contextmanager
def signed_in_to_send(
    mailbox: Mailbox, runtime: Runtime, seconds: float
) -> Iterator[SubmissionSession]:
    """Sign in to a mailbox's submission server, for at most so many seconds.

    Raises:
        Refused: the stage that failed, by its code.
    """
    server = mailbox.smtp
    if server is None:
        raise Refused(Code.TRANSPORT_UNAVAILABLE, "the mailbox has no submission server")

    def open_session(login: Login) -> AbstractContextManager[SubmissionSession]:
        return SubmissionSession.sign_in(server, login, runtime.network_policy, seconds)

    with stage("smtp"), ExitStack() as stack:
        yield _entered(mailbox, "smtp", open_session, stack, runtime)


def _entered[S](
    mailbox: Mailbox,
    service: str,
    open_session: Callable[[Login], AbstractContextManager[S]],
    stack: ExitStack,
    runtime: Runtime,
) -> S:
    def enter(login: Login) -> S:
        return stack.enter_context(open_session(login))

    return presented(mailbox, service, enter, runtime)


def presented[S](
    mailbox: Mailbox, service: str, attempt: Callable[[Login], S], runtime: Runtime
) -> S:
    """Present a mailbox's stored credential to a service, and return what the attempt does.

    Parameters:
        service: `imap` or `smtp`.
        attempt: signs in; called once more where a token was refused before its time.

    Raises:
        Refused: why it cannot be presented, or the service refuses it.
    """
    account = runtime.accounts.find(mailbox.key.account)
    kept = account and runtime.credentials.get(account, mailbox.key, runtime.now())
    if not account or not kept:
        raise Refused(Code.SIGN_IN_FAILED, "no credential is kept")
    if service in kept.refusals:
        raise kept.refusals[service]
    stale = ""
    while True:
        kept = _usable(account, mailbox, kept, runtime, stale)
        try:
            return attempt(login_of(mailbox.username, kept.credential))
        except Refused as refusal:
            if (
                refusal.code is Code.TOKEN_REFUSED
                and isinstance(kept.credential, Grant)
                and not stale
            ):
                stale = kept.credential.access_token
                continue
            if refusal.code in NEEDS_PERSON:
                runtime.credentials.refuse(
                    mailbox.key, kept.version, service, refusal, runtime.now()
                )
            raise


def _usable(
    account: Account, mailbox: Mailbox, kept: StoredCredential, runtime: Runtime, stale: str
) -> StoredCredential:
    if not isinstance(kept.credential, Grant):
        return kept
    return fresh_grant(account, mailbox, kept, runtime, stale)
