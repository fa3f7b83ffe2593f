"""Accept a message to be sent: written, counted, kept, and queued.

    checked ─► written ─► draft in the bucket
                            └► outbound, counts, due entry, in one transaction ─► queue

Where the last step fails, the due entry brings the message to the queue a minute later.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

from botocore.exceptions import BotoCoreError, ClientError

from mailmirror.aws.queues import NotQueued, SendJob
from mailmirror.domain.address import normalise
from mailmirror.domain.identity import (
    message_key,
    normalise_message_id,
    vertex,
)
from mailmirror.domain.limits import (
    MAX_IDEMPOTENCY_KEY_CHARS,
    MAX_SENT_RECIPIENTS,
    MAX_SES_MESSAGE_BYTES,
)
from mailmirror.domain.mailbox import Mailbox, MailboxStatus
from mailmirror.domain.outbound import Outbound, Recipient, Transport
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.providers import SendingFacts, sending_facts
from mailmirror.mail.mime.compose import Draft, File, Named, compose
from mailmirror.observing import log_failure
from mailmirror.runtime import Runtime
from mailmirror.store.objects import TooLarge
from mailmirror.store.outbounds import Limit, Request
from mailmirror.store.table import ConditionFailed
from mailmirror.usecases.cards.acting_user import Viewer
from mailmirror.usecases.mailboxes.read_mailbox import is_proven
from mailmirror.usecases.sending.compose_message import Attached, Composition
from mailmirror.usecases.sending.reply import Parent, find_parent, thread_of
from mailmirror.usecases.sending.sending_limits import check_limits, limits_of

DUE_AFTER = timedelta(minutes=1)
"""Until the schedule queues an accepted message again, unless it was sent."""
_ATTEMPTS = 5


def accept_message(
    viewer: Viewer, composition: Composition, idempotency_key: str | None, runtime: Runtime
) -> Outbound:
    """Accept what the acting user has composed; the same key and body again is the same message.

    Raises:
        Refused: nothing is kept, and nothing will be sent.
    """
    request = _request(viewer, composition, idempotency_key)
    if request and (known := _answered(viewer, request, runtime)):
        return known
    mailbox = _own_mailbox(viewer, composition)
    account = runtime.accounts.find(viewer.account)
    if account is None:
        raise Refused(Code.NOT_FOUND, "account")
    recipients = composition.recipients
    most = min(account.max_recipients, MAX_SENT_RECIPIENTS)
    if len(recipients) > most:
        raise Refused(Code.TOO_MANY_RECIPIENTS, f"{len(recipients)} recipients", limit=most)
    transport = _transport(composition.transport, mailbox, runtime)
    facts = sending_facts(mailbox.provider, mailbox.smtp)
    now = runtime.now()
    limits = limits_of(account, facts, now)
    check_limits(mailbox, limits, now, runtime)
    draft = _draft(viewer, composition, transport, facts, runtime)
    parent = find_parent(viewer, composition.in_reply_to, runtime)
    written, outbound = _written(viewer, mailbox, transport, composition, draft, parent, runtime)
    most_bytes = MAX_SES_MESSAGE_BYTES if transport is Transport.SES else facts.message_bytes
    if len(written) > most_bytes:
        raise Refused(Code.MESSAGE_TOO_LARGE, f"{len(written)} bytes", limit=most_bytes)
    runtime.objects.put_draft(mailbox.key, outbound.id, written)
    return _keep(viewer, outbound, request, limits, runtime)


def _request(viewer: Viewer, composition: Composition, key: str | None) -> Request | None:
    if key is None:
        return None
    if not key.strip() or len(key) > MAX_IDEMPOTENCY_KEY_CHARS or not key.isprintable():
        expected = f"1 to {MAX_IDEMPOTENCY_KEY_CHARS} printable characters"
        raise Refused(Code.INVALID_FIELD, f"Idempotency-Key: {expected}")
    body = json.dumps(asdict(composition), sort_keys=True, ensure_ascii=True)
    return Request(viewer.user, _digest(key), _digest(body))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _answered(viewer: Viewer, request: Request, runtime: Runtime) -> Outbound | None:
    known = runtime.outbounds.answered(viewer.account, request.user, request.key)
    if known is None:
        return None
    if known.body != request.body:
        raise Refused(Code.IDEMPOTENCY_CONFLICT)
    stored = runtime.outbounds.find(known.mailbox, known.id)
    if stored is None:
        raise Refused(Code.NOT_FOUND, "the message was erased with its mailbox")
    return stored.outbound


def _own_mailbox(viewer: Viewer, composition: Composition) -> Mailbox:
    """The mailbox whose address the message is from."""
    address = normalise(composition.sender.address)
    for mailbox in viewer.mailboxes:
        if mailbox.email == address and mailbox.status is MailboxStatus.CONNECTED:
            return mailbox
    raise Refused(Code.FROM_NOT_YOURS, "from")


def _transport(wanted: str, mailbox: Mailbox, runtime: Runtime) -> Transport:
    has_ses = bool(runtime.settings.ses_configuration_set)
    if wanted == "ses" or (wanted == "auto" and mailbox.smtp is None):
        if not has_ses:
            raise Refused(Code.TRANSPORT_UNAVAILABLE, "ses")
        if not is_proven(mailbox, runtime):
            raise Refused(Code.ADDRESS_UNPROVEN, "from")
        return Transport.SES
    if mailbox.smtp is None:
        raise Refused(Code.TRANSPORT_UNAVAILABLE, "smtp")
    if wanted == "auto" and has_ses:
        entry = runtime.due.find(mailbox)
        if entry and entry.due.sending_error and is_proven(mailbox, runtime):
            return Transport.SES
    return Transport.SMTP


def _draft(
    viewer: Viewer,
    composition: Composition,
    transport: Transport,
    facts: SendingFacts,
    runtime: Runtime,
) -> list[File]:
    """Fetch the attachments; base64 takes four bytes for three, and line ends."""
    most = MAX_SES_MESSAGE_BYTES if transport is Transport.SES else facts.message_bytes
    left = most * 73 // 100
    files = []
    for index, one in enumerate(composition.attachments):
        file = _attachment(viewer, one, index, left, most, runtime)
        left -= len(file.data)
        files.append(file)
    return files


def _attachment(
    viewer: Viewer, one: Attached, index: int, left: int, most: int, runtime: Runtime
) -> File:
    try:
        data = runtime.objects.get_upload(viewer.account, one.upload, max(left, 0))
    except TooLarge as error:
        raise Refused(Code.MESSAGE_TOO_LARGE, f"attachments[{index}]", limit=most) from error
    if data is None:
        raise Refused(Code.UPLOAD_UNKNOWN, f"attachments[{index}].upload_id")
    return File(one.name, one.content_type, data)


def _written(
    viewer: Viewer,
    mailbox: Mailbox,
    transport: Transport,
    composition: Composition,
    files: Sequence[File],
    parent: Parent | None,
    runtime: Runtime,
) -> tuple[bytes, Outbound]:
    date = runtime.now().replace(microsecond=0)
    domain = composition.sender.address.rpartition("@")[2]
    message_id = f"{runtime.new_id()}@{domain}"
    name = composition.sender.name or runtime.people.user_name(viewer.account, viewer.user)
    draft = Draft(
        sender=Named(_one_line(name), composition.sender.address),
        to=composition.to,
        cc=composition.cc,
        subject=composition.subject,
        text=composition.text,
        html=composition.html,
        files=files,
        message_id=message_id,
        date=date,
        in_reply_to=parent.message_id if parent else None,
        references=parent.references if parent else (),
    )
    written = compose(draft)
    normalised = normalise_message_id(f"<{message_id}>") or message_id
    own = vertex(normalised)
    key = message_key(normalised, date)
    outbound = Outbound(
        account=viewer.account,
        id=key,
        mailbox=mailbox.key,
        user=viewer.user,
        transport=transport,
        sender=composition.sender.address,
        recipients=tuple(map(Recipient, composition.recipients)),
        thread=thread_of(viewer, own, parent, runtime),
        vertex=own,
        message_id=normalised,
        date=date,
        size=len(written),
        bcc=tuple(one.address for one in composition.bcc),
    )
    return written, outbound


def _one_line(name: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())


def _keep(
    viewer: Viewer,
    outbound: Outbound,
    request: Request | None,
    limits: Sequence[Limit],
    runtime: Runtime,
) -> Outbound:
    now = runtime.now()
    for _ in range(_ATTEMPTS):
        try:
            runtime.outbounds.create(outbound, request, limits, now + DUE_AFTER, now)
            break
        except ConditionFailed:
            # The key was taken meanwhile, or a limit reached, or two counted at the same moment.
            if request and (known := _answered(viewer, request, runtime)):
                return known
            mailbox = next(one for one in viewer.mailboxes if one.key == outbound.mailbox)
            check_limits(mailbox, limits, now, runtime)
    else:
        raise Refused(Code.MAILBOX_BUSY)
    try:
        runtime.send_queue.send([SendJob(outbound.mailbox, outbound.id)])
    except (NotQueued, ClientError, BotoCoreError) as error:
        log_failure(error)  # it is accepted, and due in a minute
    runtime.count("MessagesAccepted")
    return outbound
