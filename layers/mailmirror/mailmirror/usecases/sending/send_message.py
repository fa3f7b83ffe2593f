"""Send one message, once, whatever crashes and however often it is asked for.

    attempt begins ─► the outcome of an earlier attempt is searched for in Sent: sent, or unknown
          ─► indexed on its cards ─► submitted, each recipient's reply stored ─► one copy in Sent
          ─► the next job is scheduled, or nothing is left to do

Everything before the last byte may be repeated. `submitting` is stored before that byte is
written, so a function that comes after a crash does not send again.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from mailmirror.aws.queues import SendJob
from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.mailbox import MailboxStatus
from mailmirror.domain.message_token import FIELD, MessageToken
from mailmirror.domain.outbound import (
    GIVE_UP_AFTER,
    Attempt,
    BeingSent,
    Outbound,
    OutboundState,
    RecipientState,
    Transport,
)
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.providers import sending_facts
from mailmirror.mail.mime.compose import with_field
from mailmirror.observing import log_failure
from mailmirror.runtime import Runtime
from mailmirror.store.outbounds import Stored
from mailmirror.store.table import ConditionFailed
from mailmirror.usecases.sending.append_sent_copy import append_sent_copy, lies_in_sent
from mailmirror.usecases.sending.attempt import Sending
from mailmirror.usecases.sending.index_outbound import index_on_cards, take_off_cards
from mailmirror.usecases.sending.submit_message import submit_by_ses, submit_by_smtp

ATTEMPT_LIFETIME = timedelta(minutes=6)
"""Longer than the function lives: an attempt that has expired has ended."""
_COPY_RETRY = timedelta(minutes=5)
"""Until the copy in Sent is tried again."""
_COPY_TRIED_FOR = timedelta(days=1)
_LAST_ATTEMPT_MARGIN = timedelta(minutes=15)
"""Until the job of the last attempt comes, which is due within GIVE_UP_AFTER."""
_INDEX_ATTEMPTS = 3
"""Attempts that put a message on its cards before it is sent. One that cannot be is sent without;
a sync of its copy in Sent puts it there."""


class _DraftLost(Exception):
    """The draft is not in the bucket any more."""


def send_message(job: SendJob, runtime: Runtime) -> None:
    """Send a message to every recipient that it can be sent to now.

    Each conversation has a time limit; where the function ends before, the attempt expires and the
    next job goes on.
    """
    stored = runtime.outbounds.find(job.mailbox, job.id)
    if stored is None:
        runtime.outbounds.schedule(job.mailbox, job.id, None)
        return
    if stored.outbound.cancelled:
        _clear(stored, runtime)
        return
    if _is_done(stored.outbound):
        runtime.outbounds.schedule(job.mailbox, job.id, None)
        return
    next_at = stored.outbound.next_attempt_at
    if next_at is not None and runtime.now() < next_at:
        return  # the queue has brought it twice
    attempt = Attempt(runtime.new_id(), runtime.now() + ATTEMPT_LIFETIME)
    try:
        stored = runtime.outbounds.change(stored, lambda one: one.begun(attempt, runtime.now()))
    except (BeingSent, ConditionFailed):
        runtime.count("SendLeaseHeld")
        return
    runtime.outbounds.schedule(job.mailbox, job.id, attempt.until)
    try:
        stored = _run(stored, attempt, runtime)
    except BeingSent:
        raise
    except Exception as error:
        # Not left to the queue, which would repeat it without any backoff or end.
        log_failure(error)
        stored = runtime.outbounds.change(stored, lambda one: _after_failure(one, attempt, runtime))
    stored = runtime.outbounds.change(stored, lambda one: one.ended(attempt))
    if stored.outbound.attempt is None:
        _schedule(stored.outbound, runtime)


def _after_failure(outbound: Outbound, attempt: Attempt, runtime: Runtime) -> Outbound:
    return outbound.failed_here(runtime.now()) if outbound.attempt == attempt else outbound


def _run(stored: Stored, attempt: Attempt, runtime: Runtime) -> Stored:
    outbound = stored.outbound
    if outbound.waiting and runtime.now() > outbound.date + GIVE_UP_AFTER + _LAST_ATTEMPT_MARGIN:
        # Attempts that end without a reply, by memory or time, end here too.
        late = dict.fromkeys(outbound.waiting, (DeliveryCode.TIMED_OUT, ""))
        stored = runtime.outbounds.change(stored, lambda one: one.refused(late))
    try:
        sending = _sending(stored, attempt, runtime)
    except _DraftLost:
        lost = dict.fromkeys(stored.outbound.waiting, (DeliveryCode.DRAFT_LOST, ""))
        return runtime.outbounds.change(
            stored, lambda one: replace(one.outcome_unknown().refused(lost), in_sent=True)
        )
    if sending is None or sending.mailbox.status is not MailboxStatus.CONNECTED:
        refusals = dict.fromkeys(
            stored.outbound.waiting, (DeliveryCode.SIGN_IN_FAILED, "the mailbox is disconnected")
        )
        return runtime.outbounds.change(
            stored, lambda one: replace(one.outcome_unknown().refused(refusals), in_sent=True)
        )
    if sending.outbound.submitting or sending.outbound.unknown:
        _search_sent(sending)
    if not sending.outbound.indexed and sending.outbound.attempts <= _INDEX_ATTEMPTS:
        _index(sending)
        sending.store(lambda one: replace(one, indexed=True))
    if sending.outbound.waiting:
        if sending.outbound.transport is Transport.SES:
            submit_by_ses(sending)
        else:
            submit_by_smtp(sending)
    if sending.outbound.accepted_by_server and not sending.outbound.in_sent:
        _append_to_sent(sending)
    return sending.stored


def _sending(stored: Stored, attempt: Attempt, runtime: Runtime) -> Sending | None:
    """What an attempt needs; None where the mailbox is gone.

    Raises:
        _DraftLost: the draft is gone.
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
    wire = with_field(FIELD, token, draft)
    return Sending(stored, attempt, mailbox, account, token, wire, runtime)


def _index(sending: Sending) -> None:
    date = sending.outbound.date
    index_on_cards(sending.sent_copy, sending.mailbox, sending.account, date, sending.runtime)


def _search_sent(sending: Sending) -> None:
    """Search Sent for a message whose earlier attempt ended without a reply."""
    outbound = sending.outbound
    in_doubt = [*outbound.submitting, *outbound.unknown]
    found = False
    if outbound.transport is Transport.SMTP:  # SES saves no copy; its notifications say
        try:
            found = lies_in_sent(sending.token, sending.mailbox, outbound.date, sending.runtime)
        except Refused:
            found = False
    now = sending.runtime.now()
    if found:
        sending.store(
            lambda one: replace(one.reported(in_doubt, RecipientState.SENT), in_sent=True)
        )
    else:
        sending.store(lambda one: one.outcome_unknown().not_found_in_sent(now))


def _append_to_sent(sending: Sending) -> None:
    outbound, mailbox, runtime = sending.outbound, sending.mailbox, sending.runtime
    facts = sending_facts(mailbox.provider, mailbox.smtp)
    if outbound.transport is Transport.SMTP and facts.saves_to_sent:
        sending.store(lambda one: replace(one, in_sent=True))
        return
    try:
        append_sent_copy(sending.sent_copy, sending.token, mailbox, outbound.date, runtime)
    except Refused as refusal:
        runtime.count("SentCopiesFailed")
        # A mailbox that cannot be signed in to has an error of its own.
        late = (
            runtime.now() - outbound.date > _COPY_TRIED_FOR or refusal.code is Code.SENT_NOT_FOUND
        )
        if not late:
            return
    sending.store(lambda one: replace(one, in_sent=True))


def _schedule(outbound: Outbound, runtime: Runtime) -> None:
    """Schedule the next job, and delete the draft where none needs it any more."""
    if outbound.waiting or (outbound.unknown and outbound.next_attempt_at is not None):
        due_at: datetime | None = outbound.next_attempt_at or runtime.now() + _COPY_RETRY
    elif outbound.accepted_by_server and not outbound.in_sent:
        due_at = runtime.now() + _COPY_RETRY
    else:
        due_at = None
    if due_at is None and not outbound.unknown:
        runtime.objects.delete_draft(outbound.mailbox, outbound.id)
    runtime.outbounds.schedule(outbound.mailbox, outbound.id, due_at)
    runtime.count(f"Outbound_{outbound.state}")


def _is_done(outbound: Outbound) -> bool:
    """Whether no further attempt could change its state."""
    if outbound.waiting or outbound.submitting:
        return False
    if outbound.unknown:
        return outbound.next_attempt_at is None
    return outbound.in_sent or outbound.state is OutboundState.FAILED


def _clear(stored: Stored, runtime: Runtime) -> None:
    """Erase a message that its author has cancelled, as if no attempt had begun.

    Where a crash may have left it on some of its cards, it is indexed on all of them first: only
    then is it known what has to be deleted.
    """
    if stored.outbound.attempts:
        try:
            sending = _sending(stored, Attempt("", runtime.now()), runtime)
        except _DraftLost:
            sending = None
        if sending and runtime.now() <= stored.outbound.date + GIVE_UP_AFTER:
            # Where this fails, it is tried again later, for a day.
            runtime.outbounds.schedule(
                stored.outbound.mailbox, stored.outbound.id, runtime.now() + _COPY_RETRY
            )
            _index(sending)
        take_off_cards(stored.outbound, runtime)
        stored = runtime.outbounds.change(stored, lambda one: replace(one, indexed=False))
    outbound = stored.outbound
    runtime.objects.delete_draft(outbound.mailbox, outbound.id)
    runtime.outbounds.schedule(outbound.mailbox, outbound.id, None)
