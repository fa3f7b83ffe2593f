"""What SES says of a message moves it, in whatever order it comes and however often."""

import json
from collections.abc import Mapping
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from mailmirror.aws.notifications import Notifications
from mailmirror.aws.ses import TAG, message_id, reference
from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.identity import vertex
from mailmirror.domain.outbound import Outbound, OutboundState, RecipientState, Transport
from mailmirror.runtime import Runtime
from mailmirror.usecases.sending.apply_notification import apply_notification
from tests.integration.office import KIM, LEE, REP, Office
from tests.integration.sending import accept, connect_to_send, deliver_job, now
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_smtp import ScriptedSmtp

TOPIC = "arn:aws:sns:us-east-1:123456789012:mailmirror-FeedbackTopic"
SES_ID = "0100018df8c2b6a4-6c1b0a6e-2f0e-4f3f-9d0e-1c2b3a4d5e6f-000000"
SENT, DELAYED, DELIVERED = RecipientState.SENT, RecipientState.DELAYED, RecipientState.DELIVERED
BOUNCED, COMPLAINED, FAILED = (
    RecipientState.BOUNCED,
    RecipientState.COMPLAINED,
    RecipientState.FAILED,
)


def tell(text: str, runtime: Runtime, topic: str = TOPIC) -> None:
    apply_notification({"TopicArn": topic, "Message": text}, runtime)


@pytest.fixture(autouse=True)
def _topic(runtime: Runtime) -> None:
    """An emulator's: not signed."""
    runtime.notifications = Notifications(TOPIC, signed=False, region="us-east-1")


@pytest.fixture
def outbound(office: Office, dovecot: Dovecot) -> Outbound:
    """To KIM and LEE: accepted, on its way."""
    with ScriptedSmtp() as server:
        connect_to_send(office, dovecot, server.port, server.authority, security="tls")
    return accept(office, to=[KIM, LEE])


def event(outbound: Outbound, kind: str, **details: Any) -> str:
    """As a configuration set publishes it (Amazon SES, "Event data")."""
    field = kind[0].lower() + kind[1:]
    said: dict[str, Any] = {
        "eventType": kind,
        "mail": {
            "timestamp": "2026-03-01T09:30:00.000Z",
            "source": REP,
            "sourceArn": "arn:aws:ses:us-east-1:123456789012:identity/us.example",
            "sendingAccountId": "123456789012",
            "messageId": SES_ID,
            "destination": [KIM, LEE],
            "headersTruncated": False,
            "headers": [{"name": "From", "value": REP}, {"name": "To", "value": KIM}],
            "commonHeaders": {"from": [REP], "to": [KIM], "messageId": SES_ID, "subject": "Hello"},
            "tags": {
                "ses:operation": ["SendEmail"],
                "ses:configuration-set": ["mailmirror"],
                "ses:source-ip": ["192.0.2.1"],
                "ses:from-domain": ["us.example"],
                "ses:caller-identity": ["mailmirror-SendFunction"],
                TAG: [reference(outbound)],
            },
        },
    }
    if details or kind == "Send":
        said[field] = details
    return json.dumps(said)


def sent(outbound: Outbound) -> str:
    return event(outbound, "Send")


def delivery(outbound: Outbound, *recipients: str) -> str:
    return event(
        outbound,
        "Delivery",
        timestamp="2026-03-01T09:30:01.000Z",
        processingTimeMillis=546,
        recipients=list(recipients),
        smtpResponse="250 2.6.0 <1@us.example> [InternalId=1] Queued mail for delivery",
        reportingMTA="a8-53.smtp-out.amazonses.com",
    )


def bounce(outbound: Outbound, type: str, subtype: str, status: str, diagnostic: str | None) -> str:
    bounced = {"emailAddress": KIM, "action": "failed", "status": status}
    if diagnostic is not None:
        bounced["diagnosticCode"] = diagnostic
    return event(
        outbound,
        "Bounce",
        feedbackId="0100018df8c2b6a4-11111111-2222-3333-4444-555555555555-000000",
        bounceType=type,
        bounceSubType=subtype,
        bouncedRecipients=[bounced],
        timestamp="2026-03-01T09:30:02.000Z",
        reportingMTA="dsn; a8-53.smtp-out.amazonses.com",
    )


def delay(outbound: Outbound, type: str, diagnostic: str) -> str:
    return event(
        outbound,
        "DeliveryDelay",
        timestamp="2026-03-01T09:40:00.000Z",
        delayType=type,
        expirationTime="2026-03-01T23:30:00.000Z",
        delayedRecipients=[{"emailAddress": KIM, "status": "4.4.1", "diagnosticCode": diagnostic}],
    )


def complaint(outbound: Outbound) -> str:
    return event(
        outbound,
        "Complaint",
        feedbackId="0100018df8c2b6a4-22222222-2222-3333-4444-555555555555-000000",
        complaintSubType=None,
        complainedRecipients=[{"emailAddress": KIM}],
        timestamp="2026-03-02T09:30:00.000Z",
        userAgent="Yahoo!-Mail-Feedback/2.0",
        complaintFeedbackType="abuse",
        arrivalDate="2026-03-02T09:29:00.000Z",
    )


def told(one: Outbound, address: str = KIM) -> tuple[RecipientState, DeliveryCode | None]:
    (found,) = [each for each in one.recipients if each.address == address]
    return found.state, found.code


def after(outbound: Outbound, runtime: Runtime, *events: str) -> Outbound:
    for each in events:
        tell(each, runtime)
    return now(outbound, runtime)


def test_send_says_that_ses_has_taken_it_for_all(outbound: Outbound, runtime: Runtime) -> None:
    assert after(outbound, runtime, sent(outbound)).state is OutboundState.SENT


def test_delivery_concerns_those_whom_it_names(outbound: Outbound, runtime: Runtime) -> None:
    one = after(outbound, runtime, sent(outbound), delivery(outbound, KIM.upper()))
    assert (told(one)[0], told(one, LEE)[0]) == (DELIVERED, SENT)
    assert one.recipients[0].reply.startswith("250 2.6.0")
    assert after(outbound, runtime, delivery(outbound, LEE)).state is OutboundState.DELIVERED


@pytest.mark.parametrize(
    ("type", "subtype", "status", "diagnostic", "code"),
    [
        (
            "Permanent",
            "General",
            "5.1.1",
            "smtp; 550 5.1.1 <kim@customer.example>: user unknown",
            DeliveryCode.RECIPIENT_UNKNOWN,
        ),
        ("Permanent", "NoEmail", "5.1.1", None, DeliveryCode.RECIPIENT_UNKNOWN),
        (
            "Permanent",
            "Suppressed",
            "5.1.1",
            "Amazon SES has suppressed sending to this address because it has a recent history of "
            "bouncing as an invalid address.",
            DeliveryCode.SUPPRESSED,
        ),
        (
            "Permanent",
            "OnAccountSuppressionList",
            "5.1.1",
            "Amazon SES did not send the message to this address because it is on the suppression "
            "list for your account.",
            DeliveryCode.SUPPRESSED,
        ),
        (
            "Transient",
            "MailboxFull",
            "4.2.2",
            "smtp; 552 5.2.2 mailbox full",
            DeliveryCode.MAILBOX_FULL,
        ),
        ("Transient", "MessageTooLarge", "5.3.4", None, DeliveryCode.MESSAGE_TOO_LARGE),
        ("Transient", "ContentRejected", "5.7.1", None, DeliveryCode.REFUSED_BY_POLICY),
        (
            "Transient",
            "General",
            "4.4.7",
            "smtp; 554 4.4.7 Message expired: unable to deliver in 840 minutes.<421 4.4.1 "
            "Unable to connect to remote host>",
            DeliveryCode.TIMED_OUT,
        ),
        ("Undetermined", "Undetermined", "5.0.0", None, DeliveryCode.UNKNOWN_FAILURE),
    ],
)
def test_a_bounce_is_one_by_its_kind_or_by_the_servers_words(
    type: str,
    subtype: str,
    status: str,
    diagnostic: str | None,
    code: DeliveryCode,
    outbound: Outbound,
    runtime: Runtime,
) -> None:
    said = bounce(outbound, type, subtype, status, diagnostic)
    one = after(outbound, runtime, sent(outbound), said)
    assert told(one) == (BOUNCED, code)
    assert told(one, LEE) == (SENT, None)
    assert one.state is OutboundState.BOUNCED


def test_a_complaint_leaves_a_message_delivered_and_says_who_complained(
    outbound: Outbound, runtime: Runtime
) -> None:
    one = after(outbound, runtime, delivery(outbound, KIM, LEE), complaint(outbound))
    assert told(one) == (COMPLAINED, DeliveryCode.COMPLAINT)
    assert one.state is OutboundState.DELIVERED


def test_a_delay_ends_with_the_delivery(outbound: Outbound, runtime: Runtime) -> None:
    said = delay(outbound, "TransientCommunicationFailure", "smtp; 421 4.4.1 Unable to connect")
    one = after(outbound, runtime, sent(outbound), said)
    assert told(one) == (DELAYED, DeliveryCode.SERVER_UNAVAILABLE)
    assert one.state is OutboundState.DELAYED
    one = after(outbound, runtime, delivery(outbound, KIM))
    assert told(one) == (DELIVERED, None)


def test_a_reject_is_for_everybody(outbound: Outbound, runtime: Runtime) -> None:
    one = after(outbound, runtime, sent(outbound), event(outbound, "Reject", reason="Bad content"))
    assert told(one) == told(one, LEE) == (FAILED, DeliveryCode.REFUSED_BY_POLICY)
    assert (one.state, one.recipients[0].reply) == (OutboundState.FAILED, "Bad content")


def test_the_order_of_notifications_and_their_repetition_never_matter(
    office: Office, outbound: Outbound, runtime: Runtime
) -> None:
    ends = set()
    for order in permutations(range(4)):
        one = accept(office, to=[KIM, LEE], transport="auto")
        runtime.now = _later(runtime)
        said = [
            sent(one),
            delay(one, "MailboxFull", "smtp; 452 4.2.2 mailbox full"),
            delivery(one, KIM, LEE),
            complaint(one),
        ]
        done = after(one, runtime, *(said[each] for each in (*order, *order)))
        ends.add(tuple((each.state, each.code, each.reply) for each in done.recipients))
    assert len(ends) == 1


def _later(runtime: Runtime) -> Any:
    at = runtime.now() + timedelta(minutes=1)
    return lambda: at


def test_an_answer_that_never_came_is_known_by_the_notification(
    outbound: Outbound, runtime: Runtime
) -> None:
    stored = runtime.outbounds.find(outbound.mailbox, outbound.id)
    assert stored is not None
    handed = runtime.outbounds.change(stored, _lost)
    assert handed.outbound.state is OutboundState.UNKNOWN
    one = after(outbound, runtime, sent(outbound))
    assert told(one) == (SENT, None)
    assert one.waiting == []


def _lost(one: Outbound) -> Outbound:
    waiting = one.reported([KIM, LEE], RecipientState.SUBMITTING)
    return waiting.outcome_unknown()


def test_the_id_that_ses_gave_is_an_alias_from_the_first_notification_on(
    outbound: Outbound, runtime: Runtime
) -> None:
    alias = vertex(message_id(SES_ID, runtime.settings.aws_region))
    tell(delivery(outbound, KIM), runtime)
    graph = runtime.threads.graph(outbound.account, [alias, outbound.vertex])
    known = graph.alias(alias)
    assert known is not None
    assert known.message == outbound.id
    assert graph.thread_of(alias) == graph.thread_of(outbound.vertex)


def test_another_topics_news_are_counted_and_passed(outbound: Outbound, runtime: Runtime) -> None:
    tell(sent(outbound), runtime, TOPIC + "x")
    assert now(outbound, runtime) == outbound


def _changed(text: str, change: Mapping[str, Any]) -> str:
    return json.dumps(json.loads(text) | change)


@pytest.mark.parametrize(
    "change",
    [
        {"mail": None},
        {"mail": "x"},
        {"mail": {"messageId": SES_ID}},
        {"mail": {"messageId": SES_ID, "tags": None}},
        {"mail": {"messageId": SES_ID, "tags": {TAG: "x"}}},
        {"mail": {"messageId": SES_ID, "tags": {TAG: []}}},
        {"mail": {"messageId": SES_ID, "tags": {TAG: ["a_b_c"]}}},
        {"mail": {"messageId": SES_ID, "tags": {TAG: ["a_b_x_d"]}}},
        {"mail": {"messageId": SES_ID, "tags": {TAG: ["a_b_²_d"]}}},
        {"mail": {"messageId": SES_ID, "tags": {TAG: [f"a_b_0_{'1' * 32}"]}}},
        {"mail": {"messageId": SES_ID, "tags": {TAG: ["a#x_b_0_"]}}},
    ],
)
def test_what_names_no_message_of_ours_is_passed(
    change: Mapping[str, Any], outbound: Outbound, runtime: Runtime
) -> None:
    tell(_changed(sent(outbound), change), runtime)
    assert now(outbound, runtime) == outbound


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Successfully validated SNS topic for Amazon SES event publishing.",
        "{",
        "[]",
        "null",
        "7",
        '"x"',
    ],
)
def test_what_is_no_notification_is_passed(text: str, runtime: Runtime) -> None:
    tell(text, runtime)


@pytest.mark.parametrize("kind", ["Open", "Click", "Rendering Failure", "Subscription", ""])
def test_a_kind_of_which_we_know_nothing_changes_nothing(
    kind: str, outbound: Outbound, runtime: Runtime
) -> None:
    tell(_changed(sent(outbound), {"eventType": kind}), runtime)
    assert now(outbound, runtime) == outbound


@pytest.mark.parametrize("kind", ["Delivery", "Bounce", "Complaint", "DeliveryDelay", "Reject"])
def test_a_notification_that_lacks_what_it_tells_changes_nothing(
    kind: str, outbound: Outbound, runtime: Runtime
) -> None:
    tell(_changed(sent(outbound), {"eventType": kind}), runtime)
    assert now(outbound, runtime) == outbound


def test_news_of_a_message_sent_by_smtp_do_not_keep_it_from_its_others(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    with ScriptedSmtp() as server:
        connect_to_send(office, dovecot, server.port, server.authority, security="tls")
        one = accept(office, to=[KIM, LEE])
        assert one.transport is Transport.SMTP
        tell(delivery(one, KIM), runtime)
        deliver_job(one, runtime)
        assert [each.recipients for each in server.accepted] == [(LEE,)]
