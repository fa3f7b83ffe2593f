"""Transports put a Message-ID and a Date of their own on what is sent: it is one message still."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes
from email.utils import format_datetime

import pytest

from mailmirror.aws.ses import message_id
from mailmirror.domain.identity import vertex
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.message_token import FIELD, MessageToken
from mailmirror.domain.outbound import Outbound
from mailmirror.runtime import Runtime
from mailmirror.usecases.sending.index_outbound import name_alias
from tests.integration.office import BOSS, KIM, MARCH, REP, Clock, Office, letter, subjects
from tests.integration.sending import accept, connect_to_send, deliver_job, lying_in
from tests.servers.dovecot import Dovecot
from tests.servers.postfix import Postfix
from tests.servers.rewriting_smtp import RewritingSmtp


@pytest.fixture
def relay(dovecot: Dovecot) -> Iterator[Postfix]:
    with Postfix(dovecot) as server:
        yield server


@pytest.fixture
def rewriting(relay: Postfix, dovecot: Dovecot) -> Iterator[RewritingSmtp]:
    with RewritingSmtp(relay, REP, dovecot.users[REP]) as server:
        yield server


@pytest.fixture
def mailbox(office: Office, dovecot: Dovecot, rewriting: RewritingSmtp, clock: Clock) -> Mailbox:
    """REP's, whose submission server rewrites; an hour ago, so that its Date is another."""
    clock.advance(timedelta(hours=-1))
    return connect_to_send(office, dovecot, rewriting.port, rewriting.authority)


def answer(office: Office, to: str) -> bytes:
    """A customer's reply that names one id only."""
    date = format_datetime(office.runtime.now() + timedelta(minutes=1))
    return (
        f"From: {KIM}\r\nTo: {REP}\r\nSubject: Re: Hello\r\nMessage-ID: <re@x.example>\r\n"
        f"Date: {date}\r\nIn-Reply-To: {to}\r\nReferences: {to}\r\n\r\nYes\r\n"
    ).encode()


def forged(token: str, number: int = 7) -> bytes:
    return f"{FIELD}: {token}\r\n".encode() + letter(number)


def under(id: str, date: datetime, sender: str = REP, token: str = "", to: str = KIM) -> bytes:
    """A message with a Message-ID, a Date, a From and a token of whoever's choice."""
    field = f"{FIELD}: {token}\r\n" if token else ""
    return (
        f"{field}From: {sender}\r\nTo: {to}\r\nSubject: Another\r\nMessage-ID: <{id}>\r\n"
        f"Date: {format_datetime(date)}\r\n\r\nQuite another text.\r\n"
    ).encode()


def token_of(dovecot: Dovecot) -> str:
    (kept,) = lying_in(dovecot, REP, "Sent")
    return str(message_from_bytes(kept)[FIELD])


def test_the_copies_of_sender_and_team_mate_are_one_message_at_one_instant(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, relay: Postfix, rewriting: RewritingSmtp
) -> None:
    sent = deliver_job(accept(office, cc=[BOSS]), office.runtime)
    (told,) = rewriting.rewritten
    assert told.original_id == f"<{sent.message_id}>"
    (received,) = relay.await_received(BOSS)
    assert told.new_id.encode() in received
    assert told.date - sent.date > timedelta(minutes=50)
    boss = office.connect(dovecot, "boss", BOSS)
    for one in (mailbox, boss):
        office.sync(one)
    (mine,), (theirs,) = office.card("rep", "kim"), office.card("boss", "kim")
    assert mine.summary.message == theirs.summary.message == sent.id
    assert mine.instant == theirs.instant == sent.date
    assert mine.thread == theirs.thread == sent.thread
    assert not mine.summary.warnings
    assert not theirs.summary.warnings


def test_a_copy_that_came_before_the_sender_was_synced_is_that_message_too(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, relay: Postfix
) -> None:
    """REP's own INBOX has it, by a list or a Cc to oneself: still one line."""
    sent = deliver_job(accept(office, cc=[REP]), office.runtime)
    relay.await_received(REP)
    office.sync(mailbox)
    (line,) = office.card("rep", "kim")
    assert (line.summary.message, line.instant) == (sent.id, sent.date)


def test_a_reply_to_the_rewritten_id_joins_once_a_copy_with_a_token_was_synced(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, relay: Postfix, rewriting: RewritingSmtp
) -> None:
    rewriting.tells_id = False
    office.tell("deal.upserted", id="d1", name="Deal", status="open", contact_ids=["kim"])
    sent = deliver_job(accept(office, cc=[BOSS]), office.runtime)
    relay.await_received(BOSS)
    office.sync(office.connect(dovecot, "boss", BOSS))
    dovecot.deliver(REP, answer(office, rewriting.rewritten[0].new_id))
    office.sync(mailbox)
    card = office.card("rep", "kim")
    assert subjects(card) == ["Re: Hello", "Hello"]
    assert {line.thread for line in card} == {sent.thread}
    assert subjects(office.deal("rep", "d1")) == ["Re: Hello", "Hello"]


def test_a_reply_that_was_synced_before_any_copy_with_a_token_joins_when_one_is(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, relay: Postfix, rewriting: RewritingSmtp
) -> None:
    rewriting.tells_id = False
    deliver_job(accept(office, cc=[BOSS]), office.runtime)
    relay.await_received(BOSS)
    dovecot.deliver(REP, answer(office, rewriting.rewritten[0].new_id))
    office.sync(mailbox)
    assert len({line.thread for line in office.card("rep", "kim")}) == 2
    office.sync(office.connect(dovecot, "boss", BOSS))
    assert len({line.thread for line in office.card("rep", "kim")}) == 1


def test_a_token_that_was_tampered_with_changes_nothing(
    office: Office, dovecot: Dovecot, mailbox: Mailbox
) -> None:
    sent = deliver_job(accept(office), office.runtime)
    token = token_of(dovecot)
    other = "A" if token[10] != "A" else "B"
    dovecot.append(REP, "INBOX", forged(token[:10] + other + token[11:]), MARCH)
    office.sync(mailbox)
    card = office.card("rep", "kim")
    assert subjects(card) == ["Hello", "Letter 7"]
    assert card[1].summary.message != sent.id
    assert card[1].thread != card[0].thread


def test_another_accounts_token_changes_nothing(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, runtime: Runtime
) -> None:
    sent = deliver_job(accept(office), runtime)
    other = runtime.accounts.find(Office(runtime).account)
    assert other is not None
    key = runtime.vault.signature_key(other, runtime.now())
    token = MessageToken(sent.id, sent.vertex, sent.date).sealed(key)
    assert token != token_of(dovecot)
    dovecot.append(REP, "INBOX", forged(token), MARCH)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Hello", "Letter 7"]


def test_a_customers_mail_that_bears_our_token_hides_neither_itself_nor_ours(
    office: Office, dovecot: Dovecot, mailbox: Mailbox
) -> None:
    """As some programs write, to which a received message was given to begin a new one with."""
    sent = deliver_job(accept(office), office.runtime)
    for number in (7, 8):
        dovecot.append(REP, "INBOX", forged(token_of(dovecot), number), MARCH)
    office.sync(mailbox)
    card = office.card("rep", "kim")
    assert subjects(card) == ["Hello", "Letter 8", "Letter 7"]
    assert card[0].summary.message == sent.id


def test_a_reply_to_an_id_that_the_server_told_joins_before_any_copy_was_synced(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, rewriting: RewritingSmtp
) -> None:
    sent = deliver_job(accept(office), office.runtime)
    dovecot.deliver(REP, answer(office, rewriting.rewritten[0].new_id))
    office.sync(mailbox)
    assert {line.thread for line in office.card("rep", "kim")} == {sent.thread}


@pytest.mark.parametrize("region", ["us-east-1", "ap-northeast-1"])
def test_a_reply_to_an_id_of_ses_joins(
    region: str, office: Office, dovecot: Dovecot, mailbox: Mailbox, runtime: Runtime
) -> None:
    sent: Outbound = deliver_job(accept(office), runtime)
    id = message_id("0100018d0000-11111111-2222-3333-4444-555555555555-000000", region)
    assert id.endswith(
        "@email.amazonses.com" if region == "us-east-1" else f"@{region}.amazonses.com"
    )
    for _ in range(2):
        name_alias(sent, vertex(id), runtime)
    dovecot.deliver(REP, answer(office, f"<{id}>"))
    office.sync(mailbox)
    card = office.card("rep", "kim")
    assert subjects(card) == ["Re: Hello", "Hello"]
    assert {line.thread for line in card} == {sent.thread}


def test_a_copy_under_an_alias_is_the_message_even_where_its_token_was_lost(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, runtime: Runtime
) -> None:
    sent = deliver_job(accept(office), runtime)
    name_alias(sent, vertex("ses@email.amazonses.com"), runtime)
    bare = (
        f"From: {REP}\r\nTo: {KIM}\r\nSubject: Hello\r\nMessage-ID: <ses@email.amazonses.com>\r\n"
        f"Date: {format_datetime(sent.date + timedelta(minutes=3))}\r\n\r\nShall we talk?\r\n"
    )
    dovecot.append(REP, "Sent", bare.encode(), sent.date)
    office.sync(mailbox)
    (line,) = office.card("rep", "kim")
    assert (line.summary.message, line.instant) == (sent.id, sent.date)


NEAR = timedelta(minutes=3)
ALIAS = "ses@email.amazonses.com"


def test_a_strangers_mail_with_a_forged_from_and_our_token_is_a_message_of_its_own(
    office: Office, dovecot: Dovecot, mailbox: Mailbox
) -> None:
    sent = deliver_job(accept(office), office.runtime)
    raw = under("forged@x.example", sent.date + NEAR, token=token_of(dovecot))
    dovecot.append(REP, "INBOX", raw, sent.date + NEAR)
    office.sync(mailbox)
    card = office.card("rep", "kim")
    assert subjects(card) == ["Another", "Hello"]
    assert card[0].summary.message != card[1].summary.message == sent.id


def test_our_token_under_a_customers_message_id_does_not_make_their_mail_vanish(
    office: Office, dovecot: Dovecot, mailbox: Mailbox
) -> None:
    sent = deliver_job(accept(office), office.runtime)
    raw = under("7@mail.example", sent.date + NEAR, token=token_of(dovecot))
    dovecot.append(REP, "INBOX", raw, sent.date + NEAR)
    office.sync(mailbox)
    dovecot.append(REP, "INBOX", letter(7), MARCH)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Another", "Hello", "Letter 7"]


@pytest.mark.parametrize(
    ("sender", "later"), [(KIM, NEAR), (REP, timedelta(days=3)), (REP, -timedelta(days=1))]
)
def test_mail_of_others_or_of_another_day_under_an_alias_is_a_message_of_its_own(
    sender: str, later: timedelta, office: Office, dovecot: Dovecot, mailbox: Mailbox
) -> None:
    sent = deliver_job(accept(office), office.runtime)
    name_alias(sent, vertex(ALIAS), office.runtime)
    raw = under(ALIAS, sent.date + later, sender, to=f"{REP}, {KIM}")
    dovecot.append(REP, "INBOX", raw, sent.date + later)
    office.sync(mailbox)
    card = office.card("rep", "kim")
    assert sorted(subjects(card)) == ["Another", "Hello"]
    assert len({line.thread for line in card}) == 1


def test_a_copy_in_sent_with_our_token_is_the_message_under_any_message_id(
    office: Office, dovecot: Dovecot, mailbox: Mailbox
) -> None:
    """As a server writes that puts its own Message-ID, does not tell it, and saves to Sent."""
    sent = deliver_job(accept(office), office.runtime)
    raw = under("its-own@x.example", sent.date + NEAR, token=token_of(dovecot))
    dovecot.append(REP, "Sent", raw, sent.date + NEAR)
    office.sync(mailbox)
    (line,) = office.card("rep", "kim")
    assert (line.summary.message, line.instant) == (sent.id, sent.date)


def test_a_message_begun_from_a_sent_one_days_later_is_a_message_of_its_own(
    office: Office, dovecot: Dovecot, mailbox: Mailbox
) -> None:
    """As by "edit as new", which copies fields that it does not know."""
    sent = deliver_job(accept(office), office.runtime)
    later = sent.date + timedelta(days=2)
    raw = under("new@us.example", later, token=token_of(dovecot))
    dovecot.append(REP, "Sent", raw, later)
    office.sync(mailbox)
    card = office.card("rep", "kim")
    assert sorted(subjects(card)) == ["Another", "Hello"]
    assert len({line.thread for line in card}) == 2
