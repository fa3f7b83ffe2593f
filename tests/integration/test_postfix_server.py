"""The Postfix that other tests send through does what those tests take for granted."""

import smtplib
import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.servers import postfix
from tests.servers.dovecot import Dovecot
from tests.servers.postfix import Postfix, PostfixMissing
from tests.servers.rewriting_smtp import RewritingSmtp

REP, BOSS, KIM, GONE = "rep@us.example", "boss@us.example", "Kim@customer.example", "gone@x.example"
SALES = "sales@us.example"
ZOE = "zoe@us.example"
USERS = {REP: 'se:cret "1"', BOSS: "other", ZOE: "パスワード"}
HELLO = b"From: rep@us.example\r\nMessage-ID: <1@us.example>\r\nSubject: hello\r\n\r\n.hello\r\n"


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with Dovecot(USERS) as running:
        yield running


@pytest.fixture
def server(dovecot: Dovecot) -> Iterator[Postfix]:
    refused = {GONE: "550 5.1.1 no such user"}
    with Postfix(dovecot, {SALES: REP}, refused, own_senders_only=True, size=100_000) as running:
        yield running


@contextmanager
def submission(server: Postfix, user: str | None = REP) -> Iterator[smtplib.SMTP]:
    trust = ssl.create_default_context(cafile=str(server.authority))
    with smtplib.SMTP(server.host, server.submission_port) as client:
        client.starttls(context=trust)
        client.ehlo()
        if user:
            client.login(user, USERS[user])
        yield client


@contextmanager
def world(server: Postfix) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP(server.host, server.port) as client:
        client.ehlo()
        yield client


def test_a_user_sends_to_the_world_and_each_delivery_is_counted(server: Postfix) -> None:
    with submission(server) as client:
        client.sendmail(REP, [KIM, "else@x.example"], HELLO)
        client.sendmail(REP, [KIM], HELLO)
    # The queue keeps no order.
    to_one, to_two = sorted(server.accepted(), key=lambda one: len(one.recipients))
    assert (to_one.sender, set(to_one.recipients)) == (REP, {KIM})
    assert (to_two.sender, set(to_two.recipients)) == (REP, {KIM, "else@x.example"})
    assert {to_one.message_id, to_two.message_id} == {"<1@us.example>"}
    assert [raw.endswith(b"\r\n\r\n.hello\r\n") for raw in server.received(KIM.lower())] == [
        True
    ] * 2
    assert len(server.received("else@x.example")) == 1


@pytest.mark.parametrize("user", [REP, ZOE])
def test_a_sign_in_is_dovecots(server: Postfix, user: str) -> None:
    trust = ssl.create_default_context(cafile=str(server.authority))
    with smtplib.SMTP_SSL(server.host, server.submissions_port, context=trust) as client:
        client.ehlo()
        assert set(client.esmtp_features["auth"].split()) == {"PLAIN", "LOGIN"}
        for password, reply in (("wrong", 535), (USERS[user], 235)):
            plain = b64encode(f"\0{user}\0{password}".encode()).decode("ascii")
            assert client.docmd(f"AUTH PLAIN {plain}")[0] == reply


def test_what_a_server_can_is_reported_before_and_after_tls(server: Postfix) -> None:
    with smtplib.SMTP(server.host, server.submission_port) as client:
        client.ehlo()
        assert "auth" not in client.esmtp_features
        assert client.docmd(f"MAIL FROM:<{REP}>")[0] == 530
    with submission(server, None) as client:
        told = client.esmtp_features
        assert told["size"] == "100000"
        assert told.keys() >= {"pipelining", "8bitmime", "smtputf8", "enhancedstatuscodes", "auth"}


def test_nobody_sends_without_a_sign_in_or_by_anothers_name(server: Postfix) -> None:
    with submission(server, None) as client:
        for sender, reply in ((KIM, 554), (REP, 553)):
            client.mail(sender)
            assert client.rcpt("else@x.example")[0] == reply
            client.rset()
    with submission(server) as client:
        for sender, reply in ((REP, 250), (SALES, 250), (BOSS, 553), ("else@x.example", 553)):
            client.mail(sender)
            assert client.rcpt(KIM)[0] == reply
            client.rset()
    assert server.accepted() == []


def test_what_the_world_sends_a_user_is_in_the_inbox_at_the_next_command(server: Postfix) -> None:
    with server.dovecot.session(BOSS) as client, world(server) as sender:
        for address in (BOSS, BOSS.upper()):
            known = client.select_folder("INBOX")[b"EXISTS"]
            sender.sendmail(KIM, [address, "else@x.example"], HELLO)
            server.await_received("else@x.example")
            server.accepted()
            assert (known + 1, b"EXISTS") in client.noop()[1]
        status = client.folder_status("INBOX", ["MESSAGES"])
        raw = client.fetch([known + 1], ["BODY.PEEK[]"])[known + 1][b"BODY[]"]
    assert status[b"MESSAGES"] == known + 1
    assert raw.startswith(b"Return-Path: <%b>\r\n" % KIM.encode())
    assert raw.endswith(HELLO)
    assert len(server.received(BOSS)) == 2
    assert server.received("nobody@x.example") == []


def test_an_alias_is_a_users(server: Postfix) -> None:
    with world(server) as client:
        client.sendmail(KIM, [SALES], HELLO)
    server.accepted()
    with server.dovecot.session(REP) as session:
        assert session.select_folder("INBOX")[b"EXISTS"] == 1
        session.delete_messages([1])
        session.expunge()


def test_a_refused_recipient_is_reported_back_to_the_sender(server: Postfix) -> None:
    with world(server) as client:
        client.sendmail(KIM, [GONE, "else@x.example"], HELLO)
    assert [set(each.recipients) for each in server.accepted()] == [{GONE, "else@x.example"}]
    (report,) = server.received(KIM)
    assert b"report-type=delivery-status" in report
    assert b"Status: 5.1.1" in report


def test_a_message_over_the_size_is_refused(server: Postfix) -> None:
    with submission(server) as client:
        assert client.docmd(f"MAIL FROM:<{REP}> SIZE=100001")[0] == 552
        client.rset()
        # Now without saying so first.
        del client.esmtp_features["size"]
        with pytest.raises(smtplib.SMTPDataError, match="552"):
            client.sendmail(REP, [KIM], HELLO + b"x" * 100_000)
    assert server.accepted() == []


def test_addresses_of_any_script_go_through(server: Postfix) -> None:
    with world(server) as client:
        client.sendmail("金@客.example", ["營@客.example"], HELLO, ["SMTPUTF8", "BODY=8BITMIME"])
    (sent,) = server.accepted()
    assert (sent.sender, sent.recipients) == ("金@客.example", ("營@客.example",))


def test_many_servers_run_at_once_and_leave_nothing_behind(dovecot: Dovecot) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(Postfix(dovecot)) for _ in range(3)]
        for server in servers:
            with submission(server) as client:
                client.sendmail(REP, [KIM], HELLO)
        assert [len(server.accepted()) for server in servers] == [1, 1, 1]
        folders = [server.authority.parent for server in servers]
    assert not any(folder.exists() for folder in folders)


def test_a_machine_without_postfix_says_what_to_install(
    dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(postfix, "_PATHS", str(tmp_path))
    with pytest.raises(PostfixMissing, match="apt-get install postfix"), Postfix(dovecot):
        pass


def test_a_server_between_puts_its_own_message_id_and_date(server: Postfix) -> None:
    with RewritingSmtp(server, "AKIA", "secret") as between:
        trust = ssl.create_default_context(cafile=str(between.authority))
        with smtplib.SMTP(between.host, between.port) as client:
            client.starttls(context=trust)
            client.ehlo()
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("AKIA", "wrong")
            client.login("AKIA", "secret")
            dated = b"Date: Sun, 1 Mar 2026 10:30:00 +0000\r\n" + HELLO
            for raw in (dated, b"Subject: bare\r\n\r\nbare\r\n"):
                client.sendmail(REP, [KIM], raw)
        first, second = between.rewritten
    sent = server.accepted()
    assert [each.message_id for each in sent] == [first.new_id, second.new_id]
    assert (first.original_id, second.original_id) == ("<1@us.example>", None)
    assert parsedate_to_datetime(sent[0].header("Date") or "") == first.date
    for each in sent:
        assert len(each.parsed.get_all("Message-ID", [])) == 1
        assert len(each.parsed.get_all("Date", [])) == 1
    assert sent[0].raw.endswith(b"Subject: hello\r\n\r\n.hello\r\n")
