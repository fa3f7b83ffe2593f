"""Hand a message to a transport, and keep each recipient's answer."""

import smtplib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import batched

from mailmirror.aws.ses import MOST_RECIPIENTS, SesRefused, SesUnclear
from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.identity import vertex
from mailmirror.domain.mailbox import NEEDS_PERSON, Mailbox
from mailmirror.domain.outbound import Lease, Outbound, RecipientState
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.replies import Reply, classify
from mailmirror.mail.smtp.submission import Envelope, SubmissionResult, Unclear, submit_message
from mailmirror.runtime import Runtime
from mailmirror.store.accounts import Account
from mailmirror.store.outbounds import Stored
from mailmirror.usecases.mailboxes.read_mailbox import is_proven
from mailmirror.usecases.mailboxes.server_sign_in import signed_in_to_send
from mailmirror.usecases.sending.index_outbound import name_alias

SESSION_SECONDS = 150.0
"""How long a submission server may take: some look at a message for minutes before they answer."""

Refusals = Mapping[str, tuple[DeliveryCode, str]]


@dataclass(slots=True)
class Attempt:
    """One try at everybody who waits."""

    stored: Stored
    mailbox: Mailbox
    account: Account
    wire: bytes
    runtime: Runtime
    lease: Lease

    @property
    def outbound(self) -> Outbound:
        return self.stored.outbound

    def note_submitting(self, recipients: Sequence[str]) -> None:
        """Raises:
        BeingSent: another sends it now; the last byte must not be written.
        """
        self.stored = self.runtime.outbounds.change(
            self.stored, lambda one: one.begin_submission(recipients, self.lease)
        )

    def mark_unclear(self) -> None:
        now = self.runtime.now()
        self.stored = self.runtime.outbounds.change(
            self.stored, lambda one: one.lost_sight().looked_in_vain(now)
        )

    def mark_answers(self, taken: Mapping[str, str], later: Refusals, never: Refusals) -> None:
        """Keep what became of each recipient, in one write.

        Whoever has lost the lease may only say what a server took: the rest is another's by now.
        """
        now = self.runtime.now()

        def after(one: Outbound) -> Outbound:
            for address, reply in taken.items():
                one = one.told([address], RecipientState.SENT, None, reply)
            if one.lease is None or one.lease.token != self.lease.token:
                return one
            one = one.not_taken([*later, *never]).refused(never)
            return one.put_off(later, now) if later else one

        self.stored = self.runtime.outbounds.change(self.stored, after)

    def put_off(self, refusal: Refused) -> None:
        """The server could not be spoken to: everybody waits, or nobody does any more."""
        known = _BY_PROBLEM.get(refusal.code)
        final = refusal.code in NEEDS_PERSON or known is not None
        code = known or (DeliveryCode.SIGN_IN_FAILED if final else DeliveryCode.SERVER_UNAVAILABLE)
        told = dict.fromkeys(self.outbound.waiting, (code, f"{refusal.code}: {refusal.detail}"))
        self.mark_answers({}, {} if final else told, told if final else {})


_BY_PROBLEM = dict.fromkeys(
    (Code.TRANSPORT_UNAVAILABLE, Code.PROVIDER_NOT_CONFIGURED), DeliveryCode.SIGN_IN_FAILED
)
"""Final. `sign_in_unsupported` is not: the server was signed in to when the mailbox was connected,
and one that has lost its own authentication service offers no AUTH until that is back."""


def submit_by_smtp(attempt: Attempt) -> None:
    """Send through the mailbox's own submission server, in one session."""
    runtime, mailbox = attempt.runtime, attempt.mailbox
    envelope = Envelope(attempt.outbound.sender, attempt.outbound.waiting)
    try:
        with signed_in_to_send(mailbox, runtime, SESSION_SECONDS) as session:
            _note_that_it_works(mailbox, runtime)
            try:
                handed = submit_message(session, envelope, attempt.wire, attempt.note_submitting)
            except Unclear:
                attempt.mark_unclear()
                return
            except (OSError, smtplib.SMTPException, ValueError) as error:
                raise Refused(Code.CONNECTION_LOST, type(error).__name__) from error
            _keep(attempt, handed)
    except Refused as refusal:
        if refusal.code in NEEDS_PERSON:
            runtime.due.sending_refused(mailbox, refusal)
        if attempt.outbound.waiting:
            attempt.put_off(refusal)


def _note_that_it_works(mailbox: Mailbox, runtime: Runtime) -> None:
    entry = runtime.due.find(mailbox.key)
    if entry and entry.due.sending_error:
        runtime.due.sending_works(mailbox)


def _keep(attempt: Attempt, handed: SubmissionResult) -> None:
    attempt.mark_answers(
        {address: str(reply) for address, reply in handed.taken.items()},
        _told(handed.refused, transient=True),
        _told(handed.refused, transient=False),
    )


def _told(refused: Mapping[str, Reply], *, transient: bool) -> Refusals:
    return {
        address: (classify(reply), str(reply))
        for address, reply in refused.items()
        if reply.transient is transient
    }


def submit_by_ses(attempt: Attempt) -> None:
    """Send through SES, fifty recipients a call; each call's id is an alias of the one message."""
    runtime = attempt.runtime
    if not is_proven(attempt.mailbox, runtime):
        # It was when the message was accepted: the CRM has taken it from the user since.
        why = (DeliveryCode.SENDER_NOT_ALLOWED, Code.ADDRESS_UNPROVEN.value)
        attempt.mark_answers({}, {}, dict.fromkeys(attempt.outbound.waiting, why))
        return
    for some in batched(attempt.outbound.waiting, MOST_RECIPIENTS, strict=False):
        attempt.note_submitting(some)
        try:
            message_id = runtime.ses.send(attempt.outbound, some, attempt.wire)
        except SesUnclear:
            attempt.mark_unclear()
            continue
        except SesRefused as refused:
            told = dict.fromkeys(some, (refused.code, refused.reply))
            later = refused.transient
            attempt.mark_answers({}, told if later else {}, {} if later else told)
            if later:
                rest = dict.fromkeys(attempt.outbound.waiting, (refused.code, refused.reply))
                attempt.mark_answers({}, rest, {})
                return
            continue
        attempt.mark_answers(dict.fromkeys(some, message_id), {}, {})
        name_alias(attempt.outbound, vertex(message_id), runtime)
