"""The scripted SMTP server does what a test tells it to, and tells what it heard."""

import smtplib
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.servers.scripted_smtp import (
    DRIP,
    HANG_UP,
    KEYWORDS,
    SILENCE,
    Answer,
    InTurn,
    ScriptedSmtp,
    Slowly,
    oauth_refused,
    reply,
)

REP, KIM, LEE = "rep@us.example", "kim@x.example", "lee@x.example"
HELLO = b"Subject: hello\r\n\r\n.hello\r\n"


@contextmanager
def connected(server: ScriptedSmtp, seconds: float = 5) -> Iterator[smtplib.SMTP]:
    trust = ssl.create_default_context(cafile=str(server.authority))
    client = smtplib.SMTP_SSL(server.host, server.port, timeout=seconds, context=trust)
    try:
        yield client
    finally:
        client.close()


def test_what_no_script_names_is_taken_and_written_down() -> None:
    with ScriptedSmtp() as server, connected(server) as client:
        client.ehlo("us.example")
        client.login(REP, "secret")
        client.sendmail(REP, [KIM, LEE], HELLO, ["BODY=8BITMIME"])
        assert server.commands[0] == "ehlo us.example"
        assert [each.mechanism for each in server.sign_ins] == ["PLAIN"]
        assert server.sign_ins[0].responses == (f"\0{REP}\0secret",)
        assert server.sign_ins[0].over_tls
        (message,) = server.accepted
    assert (message.sender, message.recipients) == (REP, (KIM, LEE))
    assert "BODY=8BITMIME" in message.parameters
    assert message.raw == HELLO


def test_a_recipient_is_refused_by_address_and_not_of_the_envelope() -> None:
    refusal = reply(550, "5.1.1 no such user", "5.1.1 ask elsewhere")
    with ScriptedSmtp({f"RCPT <{KIM}>": [refusal]}) as server, connected(server) as client:
        assert client.sendmail(REP, [KIM, LEE], HELLO) == {
            KIM: (550, b"5.1.1 no such user\n5.1.1 ask elsewhere")
        }
        assert server.accepted[0].recipients == (LEE,)


def test_a_command_may_be_answered_otherwise_each_time() -> None:
    busy: list[Answer] = ["421 4.3.2 shutting down", HANG_UP]
    with ScriptedSmtp({".": InTurn([busy, ["250 2.0.0 taken"]])}) as server:
        with connected(server) as client, pytest.raises(smtplib.SMTPDataError, match="421"):
            client.sendmail(REP, [KIM], HELLO)
        for _ in range(2):
            with connected(server) as client:
                client.sendmail(REP, [KIM], HELLO)
        assert (len(server.messages), len(server.accepted)) == (3, 2)


@pytest.mark.parametrize("command", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("turn", [HANG_UP, SILENCE])
def test_a_server_goes_away_or_quiet_at_any_command(command: str, turn: Answer) -> None:
    with ScriptedSmtp({command: [turn]}) as server:
        with pytest.raises((smtplib.SMTPException, TimeoutError)), connected(server, 0.1) as client:
            client.sendmail(REP, [KIM], HELLO)
        assert len(server.messages) == (command == ".")
        assert server.accepted == []


def test_a_server_drips_for_ever() -> None:
    """A client that minds only how long it waits for each byte never gets away."""
    with ScriptedSmtp({"GREETING": [DRIP]}) as server:
        trust = ssl.create_default_context(cafile=str(server.authority))
        with (
            socket.create_connection((server.host, server.port)) as plain,
            trust.wrap_socket(plain, server_hostname=server.host) as client,
        ):
            assert b"".join(client.recv(1) for _ in range(5)) == b"22222"


def test_a_slow_reply_is_whole_in_the_end() -> None:
    began = time.monotonic()
    with ScriptedSmtp({"MAIL": [Slowly("250 2.1.0 OK", 0.2)]}) as server:
        with connected(server) as client:
            client.sendmail(REP, [KIM], HELLO)
        assert len(server.accepted) == 1
    assert time.monotonic() - began > 0.2


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_a_token_is_refused_by_a_challenge_that_wants_an_answer(mechanism: str) -> None:
    script = {f"AUTH {mechanism}": oauth_refused()}
    with ScriptedSmtp(script) as server, connected(server) as client:
        client.ehlo()
        said = f"user={REP}\x01auth=Bearer token\x01\x01"
        code, challenge = client.docmd("AUTH", f"{mechanism} {b64encode(said.encode()).decode()}")
        assert (code, challenge[:8]) == (334, b"eyJzdGF0")
        assert client.docmd("")[0] == 535
        assert client.docmd("NOOP")[0] == 250
        assert server.sign_ins[0].responses == (said, "")


def test_starttls_is_offered_without_a_sign_in_before_it() -> None:
    with ScriptedSmtp(tls=False) as server:
        with smtplib.SMTP(server.host, server.port) as client:
            client.ehlo()
            assert client.esmtp_features.keys() == {"pipelining", "starttls"}
            client.starttls(context=ssl.create_default_context(cafile=str(server.authority)))
            client.ehlo()
            assert client.esmtp_features["size"] == "20000000"
            client.user, client.password = REP, "secret"
            client.auth("LOGIN", client.auth_login, initial_response_ok=False)
        assert server.sign_ins[0].responses == (REP, "secret")
    with (
        ScriptedSmtp({"STARTTLS": ["454 4.7.0 not now"]}, tls=False) as server,
        smtplib.SMTP(server.host, server.port) as client,
        pytest.raises(smtplib.SMTPResponseException, match="454"),
    ):
        client.starttls()


def test_commands_written_together_are_seen_together() -> None:
    with ScriptedSmtp(keywords=[*KEYWORDS, "CHUNKING"]) as server, connected(server) as client:
        client.ehlo("us.example")
        assert client.has_extn("chunking")
        assert isinstance(client.sock, socket.socket)
        together = [f"MAIL FROM:<{REP}>", f"RCPT TO:<{KIM}>", "BDAT 2", "hiBDAT 4 LAST", "oh"]
        client.sock.sendall("\r\n".join([*together, ""]).encode())
        assert [client.getreply()[0] for _ in range(4)] == [250] * 4
        client.noop()
        assert [len(write) for write in server.writes] == [1, 4, 1]
        assert server.accepted[0].raw == b"hioh\r\n"


def test_greylisting_takes_a_pair_after_so_many_times() -> None:
    with ScriptedSmtp(greylist=2) as server, connected(server) as client:
        for _ in range(2):
            with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"4\.7\.1"):
                client.sendmail(REP, [KIM], HELLO)
        client.sendmail(REP, [KIM], HELLO)
        assert client.sendmail(REP, [KIM, LEE], HELLO).keys() == {LEE}
        assert len(server.accepted) == 2
