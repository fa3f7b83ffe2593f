"""Submit a message to its transport, and store each recipient's reply."""

import smtplib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from itertools import batched

from mailmirror.aws.ses import MAX_RECIPIENTS_A_CALL, SesRefused, SesUnclear
from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.identity import vertex
from mailmirror.domain.mailbox import NEEDS_PERSON, Mailbox
from mailmirror.domain.outbound import Refusals
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.replies import Reply, classify
from mailmirror.mail.smtp.submission import Envelope, Unclear, submit_message
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.read_mailbox import is_proven
from mailmirror.usecases.mailboxes.server_sign_in import signed_in_to_send
from mailmirror.usecases.sending.answered_ids import answered_ids
from mailmirror.usecases.sending.attempt import Sending
from mailmirror.usecases.sending.index_outbound import name_alias

_SESSION_SECONDS = 150.0
"""How long a submission server may take: some scan a message for minutes before they reply."""
_FINAL = dict.fromkeys(
    (Code.TRANSPORT_UNAVAILABLE, Code.PROVIDER_NOT_CONFIGURED), DeliveryCode.SIGN_IN_FAILED
)
"""Problems that no later attempt overcomes. `sign_in_unsupported` is none of them: the server was
signed in to when the mailbox was connected, and offers no AUTH while its own authentication
service is down."""


def submit_by_smtp(sending: Sending) -> None:
    """Send through the mailbox's own submission server, in one session."""
    runtime, mailbox = sending.runtime, sending.mailbox
    envelope = Envelope(sending.outbound.sender, sending.outbound.waiting)
    try:
        with signed_in_to_send(mailbox, runtime, _SESSION_SECONDS) as session:
            _clear_sending_error(mailbox, runtime)
            try:
                result = submit_message(session, envelope, sending.wire, sending.begin_submission)
            except Unclear:
                sending.lose_outcome()
                return
            except (OSError, smtplib.SMTPException, ValueError) as error:
                raise Refused(Code.CONNECTION_LOST, type(error).__name__) from error
            shown = cache(session.redact)
            sending.store_replies(
                {address: shown(str(reply)) for address, reply in result.accepted.items()},
                deferred=_refusals(result.refused, shown, transient=True),
                refused=_refusals(result.refused, shown, transient=False),
            )
            _name_aliases(sending, {str(reply) for reply in result.accepted.values()})
    except Refused as refusal:
        if refusal.code in NEEDS_PERSON:
            runtime.due.sending_refused(mailbox, refusal)
        if sending.outbound.waiting:
            _store_refusal(sending, refusal)


def _name_aliases(sending: Sending, replies: Iterable[str]) -> None:
    host = sending.mailbox.smtp.host if sending.mailbox.smtp else ""
    for one in {id for reply in replies for id in answered_ids(reply, host)}:
        if one != sending.outbound.message_id:
            name_alias(sending.outbound, vertex(one), sending.runtime)


def _store_refusal(sending: Sending, refusal: Refused) -> None:
    """Store the failure of a session for every recipient that waits."""
    known = _FINAL.get(refusal.code)
    final = refusal.code in NEEDS_PERSON or known is not None
    code = known or (DeliveryCode.SIGN_IN_FAILED if final else DeliveryCode.SERVER_UNAVAILABLE)
    refusals = dict.fromkeys(sending.outbound.waiting, (code, f"{refusal.code}: {refusal.detail}"))
    sending.store_replies({}, {} if final else refusals, refusals if final else {})


def _clear_sending_error(mailbox: Mailbox, runtime: Runtime) -> None:
    entry = runtime.due.find(mailbox)
    if entry and entry.due.sending_error:
        runtime.due.sending_works(mailbox)


def _refusals(
    replies: Mapping[str, Reply], shown: Callable[[str], str], *, transient: bool
) -> Refusals:
    return {
        address: (classify(reply), shown(str(reply)))
        for address, reply in replies.items()
        if reply.transient is transient
    }


def submit_by_ses(sending: Sending) -> None:
    """Send through SES, fifty recipients a call; each call's id is an alias of the one message."""
    runtime = sending.runtime
    if not is_proven(sending.mailbox, runtime):
        # It was when the message was accepted: the CRM has taken the address from the user since.
        why = (DeliveryCode.SENDER_NOT_ALLOWED, Code.ADDRESS_UNPROVEN.value)
        sending.store_replies({}, {}, dict.fromkeys(sending.outbound.waiting, why))
        return
    for some in batched(sending.outbound.waiting, MAX_RECIPIENTS_A_CALL, strict=False):
        sending.begin_submission(some)
        try:
            message_id = runtime.ses.send(sending.outbound, some, sending.wire)
        except SesUnclear:
            sending.lose_outcome()
            continue
        except SesRefused as refused:
            why = (refused.code, refused.reply)
            if not refused.transient:
                sending.store_replies({}, {}, dict.fromkeys(some, why))
                continue
            sending.store_replies({}, dict.fromkeys(some, why), {})
            sending.store_replies({}, dict.fromkeys(sending.outbound.waiting, why), {})
            return
        sending.store_replies(dict.fromkeys(some, message_id), {}, {})
        name_alias(sending.outbound, vertex(message_id), runtime)
