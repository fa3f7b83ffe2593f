"""Prove that an address is a user's, by a code that is sent there.

asked ─► nobody else's ─► code kept as a digest, counted ─► sent
confirmed ─► try counted ─► digests compared ─► nobody else's still ─► proven
"""

import hmac
import secrets
import smtplib
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailmirror.aws.queues import MatchJob
from mailmirror.aws.ses import SesRefused, SesUnclear
from mailmirror.domain.address import Address
from mailmirror.domain.event_fields import is_id
from mailmirror.domain.mailbox import AccountId, Mailbox, MailboxStatus, UserId
from mailmirror.domain.ownership import CODE_DIGITS, Proof
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.words.code_mail import CODE_MAILS, CodeMail
from mailmirror.mail.mime.compose import Draft, Named, compose, with_field
from mailmirror.mail.smtp.submission import Envelope, Unclear, submit_message
from mailmirror.runtime import Runtime
from mailmirror.store.accounts import Account
from mailmirror.store.codes import CodeGone, TooManyCodes
from mailmirror.store.table import ConditionFailed
from mailmirror.usecases.mailboxes.connect_mailbox import check_address
from mailmirror.usecases.mailboxes.read_mailbox import is_proven
from mailmirror.usecases.mailboxes.server_sign_in import signed_in_to_send

_SESSION_SECONDS = 12.0
"""How long a submission server may take; whoever asked waits."""
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class AddressRequest:
    """A user's address to prove; its text form shows no code."""

    user: UserId
    address: Address
    code: str
    """Empty where one is asked for."""

    def __repr__(self) -> str:
        return f"AddressRequest({self.user!r})"


@dataclass(frozen=True, slots=True)
class Proving:
    """How far an address is proven."""

    address: Address
    proof: Proof | None
    """None where a code was sent that is waited for."""
    expires_at: datetime | None = None
    """Of the code."""


def send_code(id: AccountId, request: AddressRequest, runtime: Runtime) -> Proving:
    """Send a code to an address, unless it is proven already.

    Raises:
        Refused: the address is another's, nothing is there to send the code by, it could not be
            sent, or too many were.
    """
    account, known = _checked(id, request, runtime)
    if known:
        return Proving(request.address, known)
    sender = _sender(account, runtime)
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    try:
        digest = _digest(account, request, code, runtime)
        expires_at = runtime.codes.put(id, request.user, request.address, digest, runtime.now())
    except TooManyCodes as error:
        raise Refused(Code.PROOF_CODE_LIMIT, resets_at=_next_hour(runtime.now())) from error
    _send(sender, request.address, CODE_MAILS[account.language].naming(code), runtime)
    runtime.count("CodesSent")
    return Proving(request.address, None, expires_at)


def confirm_code(id: AccountId, request: AddressRequest, runtime: Runtime) -> Proving:
    """Take a code that was sent to an address: the address is the user's then.

    Raises:
        Refused: the code is wrong or gone, or the address has become another's.
    """
    account, known = _checked(id, request, runtime)
    if known:
        return Proving(request.address, known)
    try:
        tried = runtime.codes.take_try(id, request.user, request.address, runtime.now())
    except CodeGone as error:
        raise Refused(Code.PROOF_CODE_EXPIRED) from error
    digest = _digest(account, request, request.code, runtime)
    if not hmac.compare_digest(tried.digest, digest):
        raise Refused(Code.PROOF_CODE_WRONG, f"tries left: {tried.tries_left}")
    for _ in range(_ATTEMPTS):
        head = check_address(id, request.user, request.address, runtime)
        try:
            runtime.codes.confirm(id, request.user, request.address, runtime.now(), head)
        except ConditionFailed:
            continue  # events come in
        runtime.thread_queue.send([MatchJob(id)])  # the address is of the team now
        runtime.count("AddressesProven")
        return Proving(request.address, Proof.CODE)
    raise Refused(Code.MAILBOX_BUSY)


def _checked(
    id: AccountId, request: AddressRequest, runtime: Runtime
) -> tuple[Account, Proof | None]:
    """Return the account, and how the address is proven already."""
    account = runtime.accounts.find(id)
    if account is None:
        raise Refused(Code.NOT_FOUND, "account")
    if not is_id(request.user) or not runtime.people.user_exists(id, request.user):
        raise Refused(Code.USER_UNKNOWN, "user_id")
    check_address(id, request.user, request.address, runtime)
    claims = runtime.people.team(id).claims
    if request.address in claims.given.get(request.user, ()):
        return account, Proof.CRM
    if request.address in claims.confirmed.get(request.user, ()):
        return account, Proof.CODE
    return account, None


def _sender(account: Account, runtime: Runtime) -> Mailbox:
    """The mailbox that the administrator has named; it sends by its own server, else by SES."""
    named = account.codes_mailbox
    mailbox = named and runtime.mailboxes.find(account.id, named, consistent=True)
    if not mailbox or mailbox.status is not MailboxStatus.CONNECTED:
        raise Refused(Code.PROOF_SENDER_MISSING)
    by_ses = bool(runtime.settings.ses_configuration_set) and is_proven(mailbox, runtime)
    if mailbox.smtp is None and not by_ses:
        raise Refused(Code.PROOF_SENDER_MISSING)
    return mailbox


def _send(sender: Mailbox, to: Address, mail: CodeMail, runtime: Runtime) -> None:
    domain = sender.email.rpartition("@")[2]
    draft = Draft(
        sender=Named("Mailmirror", sender.email),
        to=[Named("", to)],
        cc=[],
        subject=mail.subject,
        text=mail.text,
        html=None,
        files=[],
        message_id=f"{runtime.new_id()}@{domain}",
        date=runtime.now().replace(microsecond=0),
    )
    raw = with_field("Auto-Submitted", "auto-generated", compose(draft))
    try:
        if sender.smtp is None:
            runtime.ses.send_notice(sender.email, to, raw)
            return
        with signed_in_to_send(sender, runtime, _SESSION_SECONDS) as session:
            handed = submit_message(session, Envelope(sender.email, [to]), raw, lambda _: None)
    except (SesUnclear, Unclear):
        return  # it may have been sent: the person looks
    except SesRefused as refused:
        raise Refused(Code.PROOF_CODE_NOT_SENT, refused.code.value) from refused
    except Refused as refused:
        raise Refused(Code.PROOF_CODE_NOT_SENT, refused.code.value) from refused
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise Refused(Code.PROOF_CODE_NOT_SENT, Code.CONNECTION_LOST.value) from error
    if handed.refused:
        raise Refused(Code.PROOF_CODE_NOT_SENT, str(handed.refused[to]))


def _digest(account: Account, request: AddressRequest, code: str, runtime: Runtime) -> str:
    """Keyed, for a million codes are hashed in a second."""
    key = runtime.vault.proof_key(account, runtime.now())
    text = f"{request.user}\n{request.address}\n{code}"
    return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()


def _next_hour(now: datetime) -> str:
    """When the count of codes begins anew, as `resets_at` says it."""
    hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return f"{hour:%Y-%m-%dT%H:%M:%SZ}"
