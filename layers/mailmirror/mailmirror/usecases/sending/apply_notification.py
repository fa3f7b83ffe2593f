"""Apply a notification of SES to its outbound."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from mailmirror.aws.ses import TAG, message_id
from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.identity import MessageKey, vertex
from mailmirror.domain.mailbox import AccountId, MailboxId, MailboxKey
from mailmirror.domain.outbound import Outbound, RecipientState
from mailmirror.domain.problems import Refused
from mailmirror.domain.replies import Reply, classify
from mailmirror.observing import logger
from mailmirror.runtime import Runtime
from mailmirror.usecases.sending.index_outbound import name_alias

_DELAYS = {
    "MailboxFull": DeliveryCode.MAILBOX_FULL,
    "SpamDetected": DeliveryCode.REFUSED_BY_POLICY,
    "RecipientServerError": DeliveryCode.SERVER_UNAVAILABLE,
    "IPFailure": DeliveryCode.REFUSED_BY_POLICY,
    "TransientCommunicationFailure": DeliveryCode.SERVER_UNAVAILABLE,
}
_SUBTYPES = {
    "Suppressed": DeliveryCode.SUPPRESSED,
    "OnAccountSuppressionList": DeliveryCode.SUPPRESSED,
    "MailboxFull": DeliveryCode.MAILBOX_FULL,
    "MessageTooLarge": DeliveryCode.MESSAGE_TOO_LARGE,
    "ContentRejected": DeliveryCode.REFUSED_BY_POLICY,
    "AttachmentRejected": DeliveryCode.REFUSED_BY_POLICY,
    "NoEmail": DeliveryCode.RECIPIENT_UNKNOWN,
}

News = tuple[list[str], RecipientState, DeliveryCode | None, str]
"""`(addresses, new state, error code or None, SMTP reply text)`"""


def apply_notification(notification: Mapping[str, object], runtime: Runtime) -> None:
    """Apply a notification; one that arrives twice or late changes nothing.

    A forged notification is counted and dropped, as is one that is not understood.

    Parameters:
        notification: SNS's, with its signature.
    """
    try:
        said = _object(runtime.notifications.message(notification))
    except Refused as refusal:
        logger.warning("refused", code=refusal.code.value, detail=refusal.detail)
        runtime.count(f"Refused_{refusal.code}")
        return
    mail = _mapping(said.get("mail"))
    place = _reference(mail)
    stored = place and runtime.outbounds.find(*place)
    if not stored:
        runtime.count("NotificationsOfNobody")
        return
    name_alias(
        stored.outbound,
        vertex(message_id(str(mail.get("messageId")), runtime.settings.aws_region)),
        runtime,
    )
    try:
        news = list(_news(said, mail))
    except (LookupError, TypeError, AttributeError):
        runtime.count("NotificationsNotUnderstood")
        return

    def after(one: Outbound) -> Outbound:
        for addresses, state, code, reply in news:
            one = one.reported(addresses, state, code, reply)
        return one

    was_lost = bool(stored.outbound.unknown)
    outbound = runtime.outbounds.change(stored, after).outbound
    if was_lost and outbound.accepted_by_server and not outbound.in_sent:
        runtime.outbounds.schedule(outbound.mailbox, outbound.id, runtime.now())  # for its copy
    runtime.count(f"Outbound_{outbound.state}")


def _news(said: Mapping[str, Any], mail: Mapping[str, Any]) -> Iterable[News]:
    kind = said.get("eventType") or said.get("notificationType")
    everybody = list(map(str, mail.get("destination", ())))
    match kind:
        case "Send":
            yield everybody, RecipientState.SENT, None, ""
        case "Delivery":
            delivery = said["delivery"]
            reply = Reply.parse(250, str(delivery.get("smtpResponse", ""))).text
            yield list(delivery["recipients"]), RecipientState.DELIVERED, None, reply
        case "DeliveryDelay":
            delay = said["deliveryDelay"]
            by_type = _DELAYS.get(delay.get("delayType", ""))
            for one in delay["delayedRecipients"]:
                said_by = _diagnostic(one)
                code = by_type or classify(said_by)
                yield [one["emailAddress"]], RecipientState.DELAYED, code, said_by.text
        case "Bounce":
            bounce = said["bounce"]
            by_type = _SUBTYPES.get(bounce.get("bounceSubType", ""))
            for one in bounce["bouncedRecipients"]:
                said_by = _diagnostic(one)
                code = by_type or classify(said_by)
                yield [one["emailAddress"]], RecipientState.BOUNCED, code, said_by.text
        case "Complaint":
            for one in said["complaint"]["complainedRecipients"]:
                complaint = DeliveryCode.COMPLAINT
                yield [one["emailAddress"]], RecipientState.COMPLAINED, complaint, ""
        case "Reject":
            reason = Reply.parse(0, str(said["reject"].get("reason", ""))).text
            refused = DeliveryCode.REFUSED_BY_POLICY
            yield everybody, RecipientState.FAILED, refused, reason


def _diagnostic(recipient: Mapping[str, Any]) -> Reply:
    """`smtp; 550 5.1.1 user unknown` (RFC 3464 2.3.6), and the status beside it."""
    text = str(recipient.get("diagnosticCode", "")).partition(";")[2].strip()
    code = int(text[:3]) if text[:3].isdecimal() else 0
    reply = Reply.parse(code, text[3:].lstrip(" -") if code else text)
    return reply if reply.enhanced else Reply(code, str(recipient.get("status", "")), reply.text)


def _reference(mail: Mapping[str, Any]) -> tuple[MailboxKey, MessageKey] | None:
    """The outbound that a notification's tag names."""
    tags = _mapping(mail.get("tags")).get(TAG) or [""]
    parts = str(tags[0]).split("_")
    if len(parts) != 4 or not all(parts) or not parts[2].isdecimal():
        return None
    account, mailbox, epoch, id = parts
    return MailboxKey(AccountId(account), MailboxId(mailbox), int(epoch)), MessageKey(id)


def _object(text: str) -> Mapping[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:  # SNS also confirms subscriptions, as plain text
        return {}
    return _mapping(said)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
