"""What servers say when they do not take a message, what becomes of it, what a person is told."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.outbound import Outbound, OutboundState, RecipientState
from mailmirror.domain.words.delivery import DELIVERY_ERRORS
from mailmirror.runtime import Runtime
from mailmirror.usecases.sending.read_outbound import cancel_outbound
from tests.integration.interruptions import Killed
from tests.integration.office import KIM, LEE, REP, Clock, Office
from tests.integration.sending import (
    LONGEST_PAUSE,
    accept,
    connect_to_send,
    deliver_job,
    due,
    lying_in,
    now,
    settle,
    with_id,
)
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_smtp import (
    DRIP,
    HANG_UP,
    KEYWORDS,
    SILENCE,
    Answer,
    Answers,
    InTurn,
    ScriptedSmtp,
    reply,
)


def aws_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "GetObject")


SENT, BOUNCED, FAILED = OutboundState.SENT, OutboundState.BOUNCED, OutboundState.FAILED
SENDING, UNKNOWN = OutboundState.SENDING, OutboundState.UNKNOWN

FOR_GOOD: Mapping[str, tuple[str, str, DeliveryCode]] = {
    # Google
    "gmail: limit of the day": (
        "DATA",
        reply(
            550,
            "5.4.5 Daily user sending limit exceeded. For more information on Gmail",
            "5.4.5 sending limits go to",
            "5.4.5  https://support.google.com/a/answer/166852 d2e1a72fcca58 - gsmtp",
        ),
        DeliveryCode.SENDING_LIMIT_REACHED,
    ),
    "gmail: no such user": (
        "RCPT",
        reply(
            550,
            "5.1.1 The email account that you tried to reach does not exist. Please try",
            "5.1.1 double-checking the recipient's email address for typos or",
            "5.1.1 unnecessary spaces. Learn more at",
            "5.1.1  https://support.google.com/mail/?p=NoSuchUser d2e1a72fcca58 - gsmtp",
        ),
        DeliveryCode.RECIPIENT_UNKNOWN,
    ),
    "gmail: over quota": (
        "RCPT",
        reply(
            552,
            "5.2.2 The email account that you tried to reach is over quota. Please direct the",
            "5.2.2 recipient to https://support.google.com/mail/?p=OverQuotaPerm - gsmtp",
        ),
        DeliveryCode.MAILBOX_FULL,
    ),
    "gmail: too large": (
        ".",
        reply(
            552,
            "5.3.4 Your message exceeded Google's message size limits. Please visit",
            "5.3.4  https://support.google.com/mail/?p=MaxSizeError to view our size",
            "5.3.4 guidelines. d2e1a72fcca58 - gsmtp",
        ),
        DeliveryCode.MESSAGE_TOO_LARGE,
    ),
    "gmail: spam": (
        ".",
        reply(
            550,
            "5.7.1 [203.0.113.7      12] Our system has detected that this message is likely",
            "5.7.1 unsolicited mail. To reduce the amount of spam sent to Gmail, this message",
            "5.7.1 has been blocked. d2e1a72fcca58 - gsmtp",
        ),
        DeliveryCode.REFUSED_BY_POLICY,
    ),
    "gmail: attachment": (
        ".",
        reply(
            552,
            "5.7.0 This message was blocked because its content presents a potential",
            "5.7.0 security issue. d2e1a72fcca58 - gsmtp",
        ),
        DeliveryCode.REFUSED_BY_POLICY,
    ),
    # Microsoft
    "microsoft: another's address": (
        ".",
        "554 5.2.252 SendAsDenied; rep@us.example not allowed to send as boss@us.example; "
        "STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied",
        DeliveryCode.SENDER_NOT_ALLOWED,
    ),
    "microsoft: another's address, in the session": (
        "MAIL",
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        DeliveryCode.SENDER_NOT_ALLOWED,
    ),
    "microsoft: limit of the day": (
        ".",
        "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to "
        "process message due to a permanent exception with message The message can't be "
        "submitted because the sender's submission quota was exceeded.",
        DeliveryCode.SENDING_LIMIT_REACHED,
    ),
    "microsoft: no such recipient": (
        "RCPT",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient kim@customer.example not found by "
        "SMTP address lookup",
        DeliveryCode.RECIPIENT_UNKNOWN,
    ),
    "microsoft: suspicious tenant": (
        "RCPT",
        "550 5.7.501 Service unavailable. Spam abuse detected from IP range.",
        DeliveryCode.REFUSED_BY_POLICY,
    ),
    # Postfix
    "postfix: unknown user": (
        "RCPT",
        "550 5.1.1 <kim@customer.example>: Recipient address rejected: User unknown in local "
        "recipient table",
        DeliveryCode.RECIPIENT_UNKNOWN,
    ),
    "postfix: unknown domain": (
        "RCPT",
        "550 5.1.2 <kim@customer.example>: Recipient address rejected: Domain not found",
        DeliveryCode.DOMAIN_NOT_FOUND,
    ),
    "postfix: no route": (
        "RCPT",
        "550 5.4.4 <kim@customer.example>: Host or domain name not found. Name service error for "
        "name=customer.example type=A: Host not found",
        DeliveryCode.DOMAIN_NOT_FOUND,
    ),
    "postfix: another's address": (
        "RCPT",
        "553 5.7.1 <rep@us.example>: Sender address rejected: not owned by user rep@us.example",
        DeliveryCode.SENDER_NOT_ALLOWED,
    ),
    "postfix: too large": (
        ".",
        "552 5.3.4 Error: message file too big",
        DeliveryCode.MESSAGE_TOO_LARGE,
    ),
    "postfix: blocked": (
        "RCPT",
        "554 5.7.1 Service unavailable; Client host [203.0.113.7] blocked using "
        "zen.spamhaus.org; https://www.spamhaus.org/query/ip/203.0.113.7",
        DeliveryCode.REFUSED_BY_POLICY,
    ),
    # Exim
    "exim: unknown user": ("RCPT", "550 Unrouteable address", DeliveryCode.RECIPIENT_UNKNOWN),
    "exim: too large": (
        "MAIL",
        "552 Message size exceeds maximum permitted",
        DeliveryCode.MESSAGE_TOO_LARGE,
    ),
    "exim: relay": ("RCPT", "550 relay not permitted", DeliveryCode.REFUSED_BY_POLICY),
    "exim: spam": (
        ".",
        "550 This message scored 14.2 spam points.",
        DeliveryCode.REFUSED_BY_POLICY,
    ),
    # Others
    "a number alone": (".", "554 Transaction failed", DeliveryCode.UNKNOWN_FAILURE),
}
FOR_NOW: Mapping[str, tuple[str, str, DeliveryCode]] = {
    "gmail: over quota": (
        "RCPT",
        "452 4.2.2 The email account that you tried to reach is over quota. - gsmtp",
        DeliveryCode.MAILBOX_FULL,
    ),
    "gmail: too fast": (
        "RCPT",
        "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your "
        "IP address. To protect our users from spam, mail sent from your IP address has been "
        "temporarily rate limited. - gsmtp",
        DeliveryCode.SENDING_LIMIT_REACHED,
    ),
    "postgrey": (
        "RCPT",
        "450 4.2.0 <kim@customer.example>: Recipient address rejected: Greylisted, see "
        "http://postgrey.schweikert.ch/help/customer.example.html",
        DeliveryCode.GREYLISTED,
    ),
    "greylisting by number": (
        "RCPT",
        "451 4.7.1 Please try again later",
        DeliveryCode.GREYLISTED,
    ),
    "microsoft: busy": (
        "MAIL",
        "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
        DeliveryCode.SENDING_LIMIT_REACHED,
    ),
    "postfix: overloaded": (
        "MAIL",
        "452 4.3.1 Insufficient system storage",
        DeliveryCode.SERVER_UNAVAILABLE,
    ),
    "any: closing": (
        ".",
        "421 4.3.2 Service shutting down, closing transmission channel",
        DeliveryCode.SERVER_UNAVAILABLE,
    ),
    "exim: local problem": (
        ".",
        "451 Temporary local problem - please try later",
        DeliveryCode.SERVER_UNAVAILABLE,
    ),
}


def sending(office: Office, dovecot: Dovecot, server: ScriptedSmtp) -> None:
    connect_to_send(office, dovecot, server.port, server.authority, security="tls")


def said(one: Outbound, address: str = KIM) -> tuple[RecipientState, DeliveryCode | None]:
    (found,) = [each for each in one.recipients if each.address == address]
    return found.state, found.code


def test_what_refuses_for_good_is_final_at_once_and_kept_in_the_servers_words(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    script: dict[str, Answers] = {}
    with ScriptedSmtp(script) as server:
        sending(office, dovecot, server)
        found = {}
        for name, (command, words, _) in FOR_GOOD.items():
            script.clear()
            script[command] = [words]
            failed = deliver_job(accept(office), runtime)
            assert failed.state is FAILED, name
            first = words.partition("\r\n")[0].replace("-", " ", 1)
            assert failed.recipients[0].reply.startswith(" ".join(first.split())[:50]), name
            assert due(runtime) == [], name
            found[name] = failed.recipients[0].code
        assert found == {name: code for name, (_, _, code) in FOR_GOOD.items()}
        assert server.accepted == []


@pytest.mark.parametrize(
    ("answers", "shown", "code"),
    [
        (
            {"RCPT": ["550 5.1.1 User unknown (<password>)"]},
            "550 5.1.1 User unknown (…)",
            DeliveryCode.RECIPIENT_UNKNOWN,
        ),
        (
            {"MAIL": ["530 5.7.0 sign in again, not as <password>"]},
            "530 5.7.0 sign in again, not as …",
            DeliveryCode.SIGN_IN_FAILED,
        ),
        ({".": ["250 2.0.0 Ok: queued for <password>"]}, "250 2.0.0 Ok: queued for …", None),
    ],
)
def test_a_server_that_repeats_the_password_does_not_give_it_away(
    office: Office,
    dovecot: Dovecot,
    runtime: Runtime,
    answers: Mapping[str, Sequence[str]],
    shown: str,
    code: DeliveryCode | None,
) -> None:
    password = dovecot.users[REP]
    script: dict[str, Answers] = {}
    with ScriptedSmtp(script) as server:
        sending(office, dovecot, server)
        for command, replies in answers.items():
            script[command] = [one.replace("<password>", password) for one in replies]
        done = deliver_job(accept(office), runtime)
    assert (done.recipients[0].reply, done.recipients[0].code) == (shown, code)


def test_what_refuses_for_now_is_tried_again_and_says_why_it_waits(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock
) -> None:
    clock.advance(timedelta(days=-30))
    script: dict[str, Answers] = {}
    with ScriptedSmtp(script) as server:
        sending(office, dovecot, server)
        found = {}
        for name, (command, words, _) in FOR_NOW.items():
            script[command] = [words]
            waiting = deliver_job(accept(office), runtime)
            assert waiting.state is SENDING, name
            found[name] = waiting.recipients[0].code
            script.clear()
            settle(runtime, clock)
            assert now(waiting, runtime).state is SENT, name
        assert found == {name: code for name, (_, _, code) in FOR_NOW.items()}


def test_a_recipient_refused_keeps_no_other_from_the_message(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    with ScriptedSmtp({f"RCPT <{KIM}>": ["550 5.1.1 User unknown"]}) as server:
        sending(office, dovecot, server)
        done = deliver_job(accept(office, to=[KIM, LEE]), runtime)
        assert done.state is BOUNCED
        assert said(done) == (RecipientState.FAILED, DeliveryCode.RECIPIENT_UNKNOWN)
        assert said(done, LEE) == (RecipientState.SENT, None)
        assert [one.recipients for one in server.accepted] == [(LEE,)]
        assert with_id(lying_in(dovecot, REP, "Sent"), done.message_id) == 1


def test_who_has_got_it_does_not_get_it_again_when_another_is_tried_again(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock
) -> None:
    clock.advance(timedelta(days=-30))
    later = InTurn([["450 4.2.1 try later"], ["250 2.1.5 OK"]])
    with ScriptedSmtp({f"RCPT <{KIM}>": later}) as server:
        sending(office, dovecot, server)
        waiting = deliver_job(accept(office, to=[KIM, LEE]), runtime)
        assert waiting.state is SENDING
        settle(runtime, clock)
        done = now(waiting, runtime)
        assert done.state is SENT
        assert [one.recipients for one in server.accepted] == [(LEE,), (KIM,)]
        assert with_id(lying_in(dovecot, REP, "Sent"), done.message_id) == 1


def test_pauses_grow_and_after_a_day_nobody_tries_any_more(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock
) -> None:
    clock.advance(timedelta(days=-30))
    with ScriptedSmtp({"RCPT": ["451 4.3.0 try later"]}) as server:
        sending(office, dovecot, server)
        one = deliver_job(accept(office), runtime)
        pauses: list[timedelta] = []
        while one.next_attempt_at is not None:
            assert len(pauses) < 50
            pauses.append(one.next_attempt_at - runtime.now())
            before = len(server.commands)
            clock.advance(pauses[-1] - timedelta(seconds=1))
            assert deliver_job(one, runtime) == one
            assert len(server.commands) == before
            clock.advance(timedelta(seconds=2))
            one = deliver_job(one, runtime)
        minutes = [round(pause / timedelta(minutes=1)) for pause in pauses]
        assert minutes[:8] == [1, 2, 5, 10, 20, 40, 60, 60]
        assert minutes == sorted(minutes)
        assert timedelta(hours=23) < runtime.now() - one.date <= timedelta(days=1)
        assert one.state is FAILED
        assert said(one) == (RecipientState.FAILED, DeliveryCode.TIMED_OUT)
        assert one.recipients[0].reply == "451 4.3.0 try later"
        assert due(runtime, timedelta(days=10)) == []
        assert lying_in(dovecot, REP, "Sent") == []


def test_greylisting_is_survived(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock
) -> None:
    clock.advance(timedelta(days=-30))
    with ScriptedSmtp(greylist=2) as server:
        sending(office, dovecot, server)
        waiting = deliver_job(accept(office), runtime)
        assert said(waiting) == (RecipientState.WAITING, DeliveryCode.GREYLISTED)
        settle(runtime, clock)
        done = now(waiting, runtime)
        assert (done.state, done.attempts) == (SENT, 3)
        assert said(done) == (RecipientState.SENT, None)
        assert len(server.accepted) == 1


def test_a_server_that_hangs_up_as_it_refuses_has_refused(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    keywords = [one for one in KEYWORDS if one != "PIPELINING"]
    script: dict[str, Answers] = {"RCPT": ["550 5.1.1 User unknown", HANG_UP]}
    with ScriptedSmtp(script, keywords=keywords) as server:
        sending(office, dovecot, server)
        done = deliver_job(accept(office), runtime)
        assert (done.state, said(done)[1]) == (FAILED, DeliveryCode.RECIPIENT_UNKNOWN)


def test_a_password_that_was_changed_is_final_and_told_to_its_owner(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    script: dict[str, Answers] = {}
    with ScriptedSmtp(script) as server:
        sending(office, dovecot, server)
        script["AUTH"] = ["535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6"]
        failed = deliver_job(accept(office), runtime)
        assert (failed.state, said(failed)[1]) == (FAILED, DeliveryCode.SIGN_IN_FAILED)
        mailbox = runtime.mailboxes.find(failed.mailbox.account, failed.mailbox.mailbox)
        assert mailbox is not None
        entry = runtime.due.find(mailbox)
        assert entry is not None
        assert entry.due.sending_error == "sign_in_failed"


@pytest.mark.parametrize(
    ("at", "answers"),
    [
        ("GREETING", [HANG_UP]),
        ("GREETING", ["421 4.3.2 too many connections", HANG_UP]),
        ("GREETING", ["554 no"]),
        ("GREETING", ["451 4.3.2 try again later"]),
        ("EHLO", [HANG_UP]),
        ("EHLO", ["421 4.7.0 try again later"]),
        ("EHLO", ["421 4.7.0 try again later", HANG_UP]),
        ("EHLO", ["451 4.3.0 later"]),
        ("EHLO", [reply(250, "mx.x.example", "PIPELINING")]),
        ("AUTH", ["421 4.3.2 shutting down", HANG_UP]),
        ("AUTH", ["451 4.3.0 later"]),
        ("AUTH", ["535 5.7.0 Authentication failed, please try again later"]),
        ("AUTH", ["535 4.7.0 Authentication failed"]),
        ("AUTH", ["535 5.7.1 Too many login attempts"]),
        ("AUTH", ["535 Temporary authentication failure"]),
        ("AUTH", ["454 4.7.0 Temporary authentication failure"]),
        ("MAIL", [HANG_UP]),
        ("RCPT", [HANG_UP]),
        ("DATA", [HANG_UP]),
        ("DATA", ["I speak no SMTP"]),
        ("DATA", ["451 4.3.0 later"]),
    ],
)
def test_what_breaks_before_the_last_byte_is_tried_again(
    at: str,
    answers: list[Answer],
    office: Office,
    dovecot: Dovecot,
    runtime: Runtime,
    clock: Clock,
) -> None:
    clock.advance(timedelta(days=-30))
    script: dict[str, Answers] = {}
    with ScriptedSmtp(script) as server:
        sending(office, dovecot, server)
        script[at] = answers
        waiting = deliver_job(accept(office), runtime)
        assert said(waiting) == (RecipientState.WAITING, DeliveryCode.SERVER_UNAVAILABLE)
        del script[at]
        settle(runtime, clock)
        assert now(waiting, runtime).state is SENT
        assert len(server.accepted) == 1


@pytest.mark.parametrize(
    ("at", "answers"),
    [
        ("STARTTLS", ["454 4.7.0 TLS not available due to temporary reason"]),
        ("STARTTLS", ["421 4.3.2 shutting down", HANG_UP]),
        ("EHLO", [reply(250, "mx.x.example", "PIPELINING")]),
    ],
)
def test_a_starttls_that_is_not_to_be_had_is_tried_again(
    at: str,
    answers: list[Answer],
    office: Office,
    dovecot: Dovecot,
    runtime: Runtime,
    clock: Clock,
) -> None:
    clock.advance(timedelta(days=-30))
    script: dict[str, Answers] = {}
    with ScriptedSmtp(script, tls=False) as server:
        connect_to_send(office, dovecot, server.port, server.authority)
        script[at] = answers
        waiting = deliver_job(accept(office), runtime)
        assert said(waiting) == (RecipientState.WAITING, DeliveryCode.SERVER_UNAVAILABLE)
        assert all(sign_in.over_tls for sign_in in server.sign_ins)
        del script[at]
        settle(runtime, clock)
        assert now(waiting, runtime).state is SENT


def test_a_draft_that_is_gone_fails_at_once(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    with ScriptedSmtp() as server:
        sending(office, dovecot, server)
        outbound = accept(office)
        runtime.objects.delete_draft(outbound.mailbox, outbound.id)
        failed = deliver_job(outbound, runtime)
        assert (failed.state, said(failed)[1]) == (FAILED, DeliveryCode.DRAFT_LOST)
        assert due(runtime, timedelta(days=10)) == []
        assert server.accepted == []


def test_a_message_taken_back_whose_draft_is_gone_is_settled(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock
) -> None:
    clock.advance(timedelta(days=-30))
    with ScriptedSmtp({"MAIL": ["451 4.3.0 later"]}) as server:
        sending(office, dovecot, server)
        waiting = deliver_job(accept(office), runtime)
        runtime.objects.delete_draft(waiting.mailbox, waiting.id)
        cancel_outbound(office.viewer("rep"), waiting.id, runtime)
        settle(runtime, clock)
        assert office.card("rep", "kim") == []


@pytest.mark.parametrize("error", [ValueError(), aws_error("ThrottlingException"), Killed()])
def test_a_message_that_cannot_be_put_on_its_cards_is_sent_all_the_same(
    error: BaseException,
    office: Office,
    dovecot: Dovecot,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock.advance(timedelta(days=-30))
    monkeypatch.setattr(
        "mailmirror.usecases.sending.send_message.index_on_cards", Mock(side_effect=error)
    )
    with ScriptedSmtp() as server:
        sending(office, dovecot, server)
        outbound = accept(office)
        while now(outbound, runtime).state is not SENT:
            assert now(outbound, runtime).attempts < 5
            with suppress(Killed):
                deliver_job(outbound, runtime)
            clock.advance(timedelta(minutes=7))
        assert runtime.now() - outbound.date < timedelta(hours=1)
        assert len(server.accepted) == 1


@pytest.mark.long
@pytest.mark.parametrize("error", [aws_error("AccessDenied"), Killed()])
def test_what_fails_here_again_and_again_ends_within_a_day_and_says_so(
    error: BaseException,
    office: Office,
    dovecot: Dovecot,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock.advance(timedelta(days=-30))
    with ScriptedSmtp() as server:
        sending(office, dovecot, server)
        outbound = accept(office)
        monkeypatch.setattr(runtime.objects, "get_draft", Mock(side_effect=error))
        while due(runtime, timedelta(days=10)):
            clock.advance(timedelta(minutes=5))
            for one in due(runtime):
                with suppress(Killed):
                    deliver_job(one, runtime)
        failed = now(outbound, runtime)
        assert failed.state is FAILED
        assert said(failed)[1] in (DeliveryCode.INTERNAL_ERROR, DeliveryCode.TIMED_OUT)
        assert runtime.now() - failed.date < timedelta(days=1, hours=1)
        # A death takes the lease along, for six minutes; what is caught, growing pauses.
        assert failed.attempts < (300 if isinstance(error, Killed) else 40)
        assert server.accepted == []


@pytest.mark.parametrize("answers", [[HANG_UP], ["I speak no SMTP"], [SILENCE], [DRIP]])
def test_what_breaks_after_the_last_byte_is_never_sent_again(
    answers: list[Answer],
    office: Office,
    dovecot: Dovecot,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailmirror.usecases.sending.submit_message._SESSION_SECONDS", 2.0)
    clock.advance(timedelta(days=-30))
    with ScriptedSmtp({".": answers}) as server:
        sending(office, dovecot, server)
        unclear = deliver_job(accept(office), runtime)
        assert unclear.state is UNKNOWN
        assert said(unclear) == (RecipientState.UNKNOWN, DeliveryCode.OUTCOME_UNKNOWN)
        settle(runtime, clock)
        after = now(unclear, runtime)
        assert (after.state, after.sent_checks) == (UNKNOWN, 5)
        assert len(server.messages) == 1
        assert lying_in(dovecot, REP, "Sent") == []


def test_an_unclear_one_found_in_sent_later_was_sent(
    office: Office, dovecot: Dovecot, runtime: Runtime, clock: Clock
) -> None:
    clock.advance(timedelta(days=-30))
    with ScriptedSmtp({".": [HANG_UP]}) as server:
        sending(office, dovecot, server)
        unclear = deliver_job(accept(office), runtime)
        clock.advance(LONGEST_PAUSE)
        assert deliver_job(unclear, runtime).state is UNKNOWN
        dovecot.append(REP, "Sent", server.messages[0].raw, unclear.date)
        settle(runtime, clock)
        done = now(unclear, runtime)
        assert (done.state, said(done)) == (SENT, (RecipientState.SENT, None))
        assert len(server.messages) == 1
        assert with_id(lying_in(dovecot, REP, "Sent"), done.message_id) == 1


def test_a_message_over_the_servers_size_is_not_sent_to_it(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    with ScriptedSmtp(keywords=("SIZE 5000", "AUTH PLAIN")) as server:
        sending(office, dovecot, server)
        failed = deliver_job(accept(office, text="x" * 60 + "\n" + "long\n" * 1500), runtime)
        assert (failed.state, said(failed)[1]) == (FAILED, DeliveryCode.MESSAGE_TOO_LARGE)
        assert not [one for one in server.commands if one.startswith("MAIL")]
        assert deliver_job(accept(office), runtime).state is SENT
        assert server.accepted[0].parameters[0].startswith("SIZE=")


def test_commands_go_together_where_the_server_pipelines_and_one_by_one_elsewhere(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    together, apart = [], []
    with ScriptedSmtp() as server:
        sending(office, dovecot, server)
        assert deliver_job(accept(office, to=[KIM, LEE]), runtime).state is SENT
        together = [each for each in server.writes if any("RCPT" in one for one in each)]
    keywords = [one for one in KEYWORDS if one != "PIPELINING"]
    with ScriptedSmtp(keywords=keywords) as server:
        sending(office, dovecot, server)
        assert deliver_job(accept(office, to=[KIM, LEE]), runtime).state is SENT
        apart = [each for each in server.writes if any("RCPT" in one for one in each)]
    assert [len(each) for each in together] == [3]
    assert [len(each) for each in apart] == [1, 1]


def test_an_address_beyond_ascii_needs_smtputf8(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    abroad = "用户@customer.example"
    with ScriptedSmtp() as server:
        sending(office, dovecot, server)
        assert deliver_job(accept(office, to=[abroad]), runtime).state is SENT
        assert server.accepted[0].recipients == (abroad,)
        assert "SMTPUTF8" in server.accepted[0].parameters
    with ScriptedSmtp(keywords=("AUTH PLAIN", "8BITMIME")) as server:
        sending(office, dovecot, server)
        failed = deliver_job(accept(office, to=[abroad]), runtime)
        assert (failed.state, said(failed, abroad)[1]) == (FAILED, DeliveryCode.ADDRESS_UNSUPPORTED)


def test_a_lone_dot_does_not_end_a_message(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    text = "first\n.\n..two\n.RSET\n\n.\nlast\n"
    with ScriptedSmtp() as server:
        sending(office, dovecot, server)
        sent = deliver_job(accept(office, text=text), runtime)
        assert sent.state is SENT
        (message,) = server.accepted
        assert text.replace("\n", "\r\n").encode() in message.raw
        (kept,) = lying_in(dovecot, REP, "Sent")
        assert kept == message.raw


def test_each_code_that_smtp_gives_rise_to_was_met_here() -> None:
    met = {code for _, _, code in [*FOR_GOOD.values(), *FOR_NOW.values()]}
    met |= {
        DeliveryCode.TIMED_OUT,
        DeliveryCode.SIGN_IN_FAILED,
        DeliveryCode.ADDRESS_UNSUPPORTED,
        DeliveryCode.OUTCOME_UNKNOWN,
        DeliveryCode.DRAFT_LOST,
        DeliveryCode.INTERNAL_ERROR,
    }
    of_ses = {DeliveryCode.SUPPRESSED, DeliveryCode.SANDBOX, DeliveryCode.COMPLAINT}
    assert met == set(DeliveryCode) - of_ses
    assert set(DELIVERY_ERRORS) == set(DeliveryCode)
