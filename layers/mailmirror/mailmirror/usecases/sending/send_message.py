"""Send one message, once, whatever crashes and however often it is asked for.

    lease ─► what an earlier attempt left in the balance is looked for in Sent: sent, or unknown
          ─► on its cards ─► handed over, each recipient's answer kept ─► one copy in Sent
          ─► the rest is due later, or nothing is

Everything before the last byte may be repeated. The outbound says `submitting` before that byte is
written, so whoever comes after a crash does not send again.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mailmirror.aws.queues import SendJob
from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.mailbox import Mailbox, MailboxStatus
from mailmirror.domain.message_token import FIELD, MessageToken
from mailmirror.domain.outbound import (
    GIVE_UP_AFTER,
    BeingSent,
    Lease,
    Outbound,
    OutboundState,
    RecipientState,
    Transport,
)
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.providers import sending_facts
from mailmirror.mail.mime.compose import bcc_value, with_field
from mailmirror.runtime import Runtime, log_failure
from mailmirror.store.accounts import Account
from mailmirror.store.outbounds import Stored
from mailmirror.store.table import ConditionFailed
from mailmirror.usecases.sending.append_sent_copy import append_sent_copy, lies_in_sent
from mailmirror.usecases.sending.index_outbound import index_on_cards, take_off_cards
from mailmirror.usecases.sending.submit_message import Attempt, submit_by_ses, submit_by_smtp

LEASE = timedelta(minutes=6)
"""Longer than the function lives: whoever finds it expired knows that the other has ended."""
_LATER = timedelta(minutes=5)
"""Until the copy in Sent is tried again."""
_COPY_FOR = timedelta(days=1)
_SLACK = timedelta(minutes=15)
"""Until the job of the last attempt comes, which is due within GIVE_UP_AFTER."""
_INDEX_ATTEMPTS = 3
"""Attempts that put a message on its cards before it is sent. One that cannot be is sent without;
a sync puts its copy in Sent on them."""


class _DraftLost(Exception):
    """The draft is not in the bucket any more."""


@dataclass(slots=True)
class Sending:
    """One attempt: what is stored, and the messages as they go and as they are kept."""

    stored: Stored
    mailbox: Mailbox
    account: Account
    token: str
    wire: bytes
    """With the token, and without Bcc."""
    runtime: Runtime

    @property
    def outbound(self) -> Outbound:
        return self.stored.outbound

    @property
    def kept(self) -> bytes:
        """As the sender's own mailbox has it: with Bcc."""
        bcc = bcc_value(self.outbound.bcc)
        return with_field("Bcc", bcc, self.wire) if bcc else self.wire


def send_message(job: SendJob, runtime: Runtime) -> None:
    """Bring a message as far as it can be brought now.

    Each of its conversations has a limit of its own; should the function end before they do, the
    lease expires and the next job goes on.
    """
    stored = runtime.outbounds.find(job.mailbox, job.id)
    if stored is None:
        runtime.outbounds.put_off(job.mailbox, job.id, None)
        return
    if stored.outbound.cancelled:
        _clear(stored, runtime)
        return
    if _is_done(stored.outbound):
        runtime.outbounds.put_off(job.mailbox, job.id, None)
        return
    next_at = stored.outbound.next_attempt_at
    if next_at is not None and runtime.now() < next_at:
        return  # the queue has brought it twice
    lease = Lease(runtime.new_id(), runtime.now() + LEASE)
    try:
        stored = runtime.outbounds.change(stored, lambda one: one.begun(lease, runtime.now()))
    except (BeingSent, ConditionFailed):
        runtime.count("SendLeaseHeld")
        return
    runtime.outbounds.put_off(job.mailbox, job.id, lease.until)
    try:
        stored = _attempt(stored, lease, runtime)
    except BeingSent:
        raise
    except Exception as error:
        # Not left to the queue, which would try as often for ever and say nothing.
        log_failure(error)
        stored = runtime.outbounds.change(stored, lambda one: _after_failure(one, lease, runtime))
    stored = runtime.outbounds.change(stored, lambda one: one.ended(lease))
    if stored.outbound.lease is None:
        _settle(stored.outbound, runtime)


def _after_failure(outbound: Outbound, lease: Lease, runtime: Runtime) -> Outbound:
    return outbound.failed_here(runtime.now()) if outbound.lease == lease else outbound


def _attempt(stored: Stored, lease: Lease, runtime: Runtime) -> Stored:
    outbound = stored.outbound
    if outbound.waiting and runtime.now() > outbound.date + GIVE_UP_AFTER + _SLACK:
        # Attempts that die without an answer, by memory or time, end here too.
        told = dict.fromkeys(outbound.waiting, (DeliveryCode.TIMED_OUT, ""))
        stored = runtime.outbounds.change(stored, lambda one: one.refused(told))
    try:
        sending = _sending(stored, runtime)
    except _DraftLost:
        told = dict.fromkeys(stored.outbound.waiting, (DeliveryCode.DRAFT_LOST, ""))
        return runtime.outbounds.change(
            stored, lambda one: replace(one.lost_sight().refused(told), in_sent=True)
        )
    if sending is None or sending.mailbox.status is not MailboxStatus.CONNECTED:
        refusals = dict.fromkeys(
            stored.outbound.waiting, (DeliveryCode.SIGN_IN_FAILED, "the mailbox is disconnected")
        )
        return runtime.outbounds.change(
            stored, lambda one: replace(one.lost_sight().refused(refusals), in_sent=True)
        )
    if sending.outbound.submitting or sending.outbound.unclear:
        _look_for_it(sending)
    if not sending.outbound.indexed and sending.outbound.attempts <= _INDEX_ATTEMPTS:
        _index(sending)
        _note(sending, lambda one: replace(one, indexed=True))
    if sending.outbound.waiting:
        attempt = Attempt(
            sending.stored, sending.mailbox, sending.account, sending.wire, runtime, lease
        )
        if sending.outbound.transport is Transport.SES:
            submit_by_ses(attempt)
        else:
            submit_by_smtp(attempt)
        sending.stored = attempt.stored
    if sending.outbound.has_left and not sending.outbound.in_sent:
        _put_into_sent(sending)
    return sending.stored


def _sending(stored: Stored, runtime: Runtime) -> Sending | None:
    """What a message needs to go on; None where its mailbox is there no more.

    Raises:
        _DraftLost: what is to be sent is there no more.
    """
    outbound = stored.outbound
    account = runtime.accounts.find(outbound.account)
    mailbox = runtime.mailboxes.find(outbound.account, outbound.mailbox.mailbox, consistent=True)
    if account is None or mailbox is None or mailbox.key != outbound.mailbox:
        return None
    token = MessageToken(outbound.id, outbound.vertex, outbound.date).sealed(
        runtime.vault.signature_key(account, runtime.now())
    )
    draft = runtime.objects.get_draft(outbound.mailbox, outbound.id)
    if draft is None:
        raise _DraftLost(outbound.id)
    return Sending(stored, mailbox, account, token, with_field(FIELD, token, draft), runtime)


def _index(sending: Sending) -> None:
    date = sending.outbound.date
    index_on_cards(sending.kept, sending.mailbox, sending.account, date, sending.runtime)


def _note(sending: Sending, change: Callable[[Outbound], Outbound]) -> None:
    sending.stored = sending.runtime.outbounds.change(sending.stored, change)


def _look_for_it(sending: Sending) -> None:
    """An attempt has ended between the last byte and the answer, or without one."""
    outbound = sending.outbound
    in_doubt = [*outbound.submitting, *outbound.unclear]
    found = False
    if outbound.transport is Transport.SMTP:  # SES files nothing; its notifications tell
        try:
            found = lies_in_sent(sending.token, sending.mailbox, outbound.date, sending.runtime)
        except Refused:
            found = False
    now = sending.runtime.now()
    if found:
        _note(
            sending,
            lambda one: replace(one.told(in_doubt, RecipientState.SENT), in_sent=True),
        )
    else:
        _note(sending, lambda one: one.lost_sight().looked_in_vain(now))


def _put_into_sent(sending: Sending) -> None:
    outbound, mailbox, runtime = sending.outbound, sending.mailbox, sending.runtime
    facts = sending_facts(mailbox.provider, mailbox.smtp)
    if outbound.transport is Transport.SMTP and facts.files_its_own:
        _note(sending, lambda one: replace(one, in_sent=True))
        return
    try:
        append_sent_copy(sending.kept, sending.token, mailbox, outbound.date, runtime)
    except Refused as refusal:
        runtime.count("SentCopiesFailed")
        # A mailbox that nobody can sign in to is told of elsewhere.
        late = runtime.now() - outbound.date > _COPY_FOR or refusal.code is Code.SENT_NOT_FOUND
        if not late:
            return
    _note(sending, lambda one: replace(one, in_sent=True))


def _settle(outbound: Outbound, runtime: Runtime) -> None:
    """Say when to look again, and forget the draft when nothing needs it any more."""
    if outbound.waiting or (outbound.unclear and outbound.next_attempt_at is not None):
        due_at: datetime | None = outbound.next_attempt_at or runtime.now() + _LATER
    elif outbound.has_left and not outbound.in_sent:
        due_at = runtime.now() + _LATER
    else:
        due_at = None
    if due_at is None and not outbound.unclear:
        runtime.objects.delete_draft(outbound.mailbox, outbound.id)
    runtime.outbounds.put_off(outbound.mailbox, outbound.id, due_at)
    runtime.count(f"Outbound_{outbound.state}")


def _is_done(outbound: Outbound) -> bool:
    """Whether no attempt could bring it further."""
    if outbound.waiting or outbound.submitting:
        return False
    if outbound.unclear:
        return outbound.next_attempt_at is None
    return outbound.in_sent or outbound.state is OutboundState.FAILED


def _clear(stored: Stored, runtime: Runtime) -> None:
    """A person has taken it back: nothing of it stays, as if no attempt had ever begun.

    What a crash has left half-way on the cards is put there whole first: only then is it known what
    is to be taken off.
    """
    if stored.outbound.attempts:
        try:
            sending = _sending(stored, runtime)
        except _DraftLost:
            sending = None
        if sending and runtime.now() <= stored.outbound.date + GIVE_UP_AFTER:
            # Should it fail, it is tried again later, for a day.
            runtime.outbounds.put_off(
                stored.outbound.mailbox, stored.outbound.id, runtime.now() + _LATER
            )
            _index(sending)
        take_off_cards(stored.outbound, runtime)
        stored = runtime.outbounds.change(
            stored, lambda one: replace(one, attempts=0, indexed=False)
        )
    outbound = stored.outbound
    runtime.objects.delete_draft(outbound.mailbox, outbound.id)
    runtime.outbounds.put_off(outbound.mailbox, outbound.id, None)
