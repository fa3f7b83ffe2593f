"""Trying a submission server: signed in to and left, and never told a password in the clear."""

import hmac
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from mailmirror.domain import limits
from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.connection import NetworkPolicy
from mailmirror.mail.sasl import Login, PasswordLogin, TokenLogin
from mailmirror.mail.smtp.session import SubmissionSession
from tests.integration.office import loopback
from tests.servers.authority import Certified, certify
from tests.servers.hostile import (
    DRIP,
    HANG_UP,
    IMAP_GREETING,
    POP3_GREETING,
    SILENCE,
    SMTP_GREETING,
    Answer,
    Hostile,
)
from tests.servers.scripted_smtp import HANG_UP as END
from tests.servers.scripted_smtp import SILENCE as WAITING
from tests.servers.scripted_smtp import Answers, ScriptedSmtp, oauth_refused, reply

HOST = "127.0.0.1"
REP = "rep@us.example"
SECRET = "rep's secret"
SECONDS = 30.0


@dataclass(slots=True)
class Submission:
    """What a server heard."""

    port: int
    security: Security
    logins: list[LoginPassword] = field(default_factory=list)
    envelopes: list[object] = field(default_factory=list)

    async def handle_MAIL(self, *said: object) -> str:
        self.envelopes.append(said)
        return "250 OK"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def certified(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Certified:
    return certify(tmp_path_factory.mktemp("submission"), authority)


@pytest.fixture
def policy(certified: Certified) -> NetworkPolicy:
    return loopback(certified.authority)


@contextmanager
def running(
    certified: Certified,
    security: Security = Security.STARTTLS,
    password: str = SECRET,
    *,
    tls: bool = True,
    **options: Any,
) -> Iterator[Submission]:
    """A submission server that lets REP in."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certified.chain, certified.key)
    with socket.create_server((HOST, 0)) as free:
        submission = Submission(free.getsockname()[1], security)

    def authenticate(
        server: SMTP, session: object, envelope: object, mechanism: str, login: Any
    ) -> AuthResult:
        submission.logins.append(login)
        right = LoginPassword(REP.encode(), password.encode())
        return AuthResult(success=login == right, handled=False)

    if security is Security.TLS:
        options["ssl_context"] = context
    elif tls:
        options["tls_context"] = context
    controller = Controller(
        submission,
        HOST,
        submission.port,
        authenticator=authenticate,
        auth_require_tls=security is not Security.TLS,
        **options,
    )
    controller.start()
    try:
        yield submission
    finally:
        controller.stop()


def target(server: Submission | Hostile, host: str = "localhost") -> Server:
    if isinstance(server, Submission):
        return Server(host, server.port, server.security)
    return Server(host, server.port, Security.TLS if server.tls else Security.STARTTLS)


def told(
    server: Server, policy: NetworkPolicy, password: str = SECRET, seconds: float = SECONDS
) -> Code | None:
    """The code with which a sign-in is refused; None where it is not."""
    try:
        with SubmissionSession.sign_in(server, PasswordLogin(REP, password), policy, seconds):
            pass
    except Refused as refused:
        return refused.code
    return None


@pytest.mark.parametrize("security", Security)
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_server_is_signed_in_to_and_sent_nothing(
    certified: Certified, policy: NetworkPolicy, security: Security, host: str
) -> None:
    with running(certified, security) as server:
        assert told(target(server, host), policy) is None
        assert len(server.logins) == 1
        assert server.envelopes == []


@pytest.mark.parametrize(
    ("mechanism", "password"),
    [
        ("PLAIN", 'a "quoted" \\ word'),
        ("PLAIN", " blanks "),
        ("PLAIN", "パスワード—é"),
        # LOGIN was never given a character set.
        ("LOGIN", 'a "quoted" \\ word'),
        ("LOGIN", " blanks "),
    ],
)
def test_a_password_may_hold_anything(
    certified: Certified, policy: NetworkPolicy, mechanism: str, password: str
) -> None:
    other = {"PLAIN": "LOGIN", "LOGIN": "PLAIN"}[mechanism]
    with running(certified, password=password, auth_exclude_mechanism=[other]) as server:
        assert told(target(server), policy, password) is None


@pytest.mark.parametrize("security", Security)
def test_a_wrong_password_is_tried_once(
    certified: Certified, policy: NetworkPolicy, security: Security
) -> None:
    """Servers lock accounts after a few."""
    with running(certified, security) as server:
        assert told(target(server), policy, "wrong") is Code.SIGN_IN_FAILED
        assert len(server.logins) == 1


@pytest.mark.parametrize("security", Security)
def test_a_certificate_of_another_authority_is_refused(
    certified: Certified, security: Security, tmp_path: Path
) -> None:
    other = NetworkPolicy.make("127.0.0.0/8", certify(tmp_path).authority.read_text())
    with running(certified, security) as server:
        assert told(target(server), other) is Code.CERTIFICATE_INVALID
        assert server.logins == []


@pytest.mark.parametrize("security", Security)
def test_a_certificate_of_another_name_is_refused(
    certified: Certified, policy: NetworkPolicy, security: Security
) -> None:
    with running(certified, security) as server:
        assert told(target(server, "127.1"), policy) is Code.CERTIFICATE_INVALID
        assert server.logins == []


def test_a_server_without_sign_in_is_reported(certified: Certified, policy: NetworkPolicy) -> None:
    with running(certified, auth_exclude_mechanism=["PLAIN", "LOGIN"]) as server:
        assert told(target(server), policy) is Code.SIGN_IN_UNSUPPORTED


def test_a_server_without_starttls_gets_no_password(
    certified: Certified, policy: NetworkPolicy
) -> None:
    with running(certified, tls=False) as server:
        assert told(target(server), policy) is Code.STARTTLS_MISSING
        assert server.logins == []


def test_a_server_of_plain_text_is_no_tls(certified: Certified, policy: NetworkPolicy) -> None:
    with running(certified) as server:
        plain = Server("localhost", server.port, Security.TLS)
        assert told(plain, policy) is Code.TLS_FAILED
        assert server.logins == []


@pytest.mark.parametrize("how", [SILENCE, DRIP])
@pytest.mark.parametrize("tls", [True, False])
def test_a_server_that_keeps_us_waiting_is_ended(
    authority: trustme.CA, policy: NetworkPolicy, how: Answer, tls: bool
) -> None:
    began = time.monotonic()
    with Hostile(greeting=how, tls=tls, issuer=authority) as server:
        assert told(target(server), policy, seconds=1) is Code.CONNECT_TIMEOUT
        assert server.received == []
    assert time.monotonic() - began < 3


def test_a_tls_that_never_begins_is_ended(policy: NetworkPolicy) -> None:
    began = time.monotonic()
    with Hostile(greeting=SILENCE, tls=False) as server:
        waiting = Server(server.host, server.port, Security.TLS)
        assert told(waiting, policy, seconds=1) is Code.CONNECT_TIMEOUT
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "greeting", [IMAP_GREETING, POP3_GREETING, b"554 go away\r\n", b"\r\n", HANG_UP]
)
def test_another_protocol_is_reported(
    authority: trustme.CA, policy: NetworkPolicy, greeting: Answer
) -> None:
    with Hostile(greeting=greeting, issuer=authority) as server:
        assert told(target(server), policy) is Code.PROTOCOL_ERROR
        assert not any(SECRET.encode() in line for line in server.received)


def test_a_greeting_without_a_dialogue_is_reported(
    authority: trustme.CA, policy: NetworkPolicy
) -> None:
    with Hostile(greeting=SMTP_GREETING, issuer=authority) as server:
        assert told(target(server), policy) is Code.PROTOCOL_ERROR


def test_a_closed_port_is_reported(policy: NetworkPolicy) -> None:
    with socket.socket() as held:
        held.bind((HOST, 0))
        closed = Server(HOST, held.getsockname()[1], Security.TLS)
        assert told(closed, policy) is Code.CONNECT_REFUSED


def scripted(
    script: dict[str, Answers], login: Login | None = None, **options: Any
) -> tuple[Code | None, ScriptedSmtp]:
    """What a sign-in at a scripted server is told, and what the server heard."""
    refused, server = refusal(script, login, **options)
    return refused.code if refused else None, server


def refusal(
    script: dict[str, Answers], login: Login | None = None, **options: Any
) -> tuple[Refused | None, ScriptedSmtp]:
    """Why a sign-in at a scripted server is refused, and what the server heard."""
    with ScriptedSmtp(script, **options) as server:
        policy = loopback(server.authority)
        security = Security.TLS if server.tls else Security.STARTTLS
        target = Server("localhost", server.port, security)
        try:
            with SubmissionSession.sign_in(
                target, login or PasswordLogin(REP, SECRET), policy, SECONDS
            ):
                return None, server
        except Refused as refused:
            return refused, server


@pytest.mark.parametrize(
    ("at", "answers"),
    [
        ("GREETING", ["421 4.3.2 too many connections, try later"]),
        ("GREETING", ["421 4.3.2 too many connections, try later", END]),
        ("GREETING", ["451 later"]),
        ("GREETING", ["554 5.3.2 Server is temporarily unavailable, try again later"]),
        ("EHLO", ["421 4.7.0 try again later"]),
        ("EHLO", ["451 4.3.0 later"]),
        ("AUTH", ["421 4.7.0 try again later"]),
        ("AUTH", ["454 4.7.0 Temporary authentication failure"]),
        ("AUTH", ["535 5.7.0 Authentication failed: try again later"]),
        ("AUTH", ["535 4.7.0 Authentication failed"]),
    ],
)
def test_what_a_server_refuses_for_now_blames_neither_host_nor_password(
    at: str, answers: Answers
) -> None:
    code, server = scripted({at: answers})
    assert code is Code.SERVER_UNAVAILABLE
    assert not any(command.upper().startswith("HELO") for command in server.commands)
    assert len(server.sign_ins) <= 1


@pytest.mark.parametrize("answer", ["454 4.7.0 TLS not available", "421 4.3.2 shutting down"])
def test_a_starttls_refused_for_now_blames_no_certificate(answer: str) -> None:
    assert scripted({"STARTTLS": [answer]}, tls=False)[0] is Code.SERVER_UNAVAILABLE


@pytest.mark.parametrize("answer", ["501 5.5.4 no", "554 5.7.0 no"])
def test_a_starttls_refused_for_good_is_reported(answer: str) -> None:
    assert scripted({"STARTTLS": [answer]}, tls=False)[0] is Code.TLS_FAILED


@pytest.mark.parametrize("answer", ["500 5.5.1 what?", "502 5.5.1 not implemented"])
def test_helo_is_said_to_a_server_that_does_not_know_ehlo(answer: str) -> None:
    code, server = scripted({"EHLO": [answer]})
    assert code is Code.SIGN_IN_UNSUPPORTED
    assert [command.split()[0].upper() for command in server.commands] == ["EHLO", "HELO"]


@pytest.mark.parametrize("answer", ["550 5.7.1 go away", "504 5.5.4 no"])
def test_a_server_that_refuses_ehlo_for_good_gets_no_helo(answer: str) -> None:
    code, server = scripted({"EHLO": [answer]})
    assert code is Code.PROTOCOL_ERROR
    assert [command.split()[0].upper() for command in server.commands] == ["EHLO"]


@pytest.mark.parametrize("password", ["pässwort€", "パスワード"])
def test_a_password_goes_in_utf_8_whatever_the_mechanism(password: str) -> None:
    login = PasswordLogin(REP, password)
    code, server = scripted({}, login, keywords=("PIPELINING", "AUTH LOGIN CRAM-MD5"))
    assert code is None
    (sign_in,) = server.sign_ins
    assert (sign_in.mechanism, sign_in.responses) == ("LOGIN", (REP, password))
    code, server = scripted({}, login, keywords=("PIPELINING", "AUTH CRAM-MD5"))
    assert code is None
    (sign_in,) = server.sign_ins
    digest = hmac.new(password.encode(), b"", "md5").hexdigest()
    assert (sign_in.mechanism, sign_in.responses) == ("CRAM-MD5", (f"{REP} {digest}",))


@pytest.mark.parametrize(
    "answer",
    [
        "550 5.7.30 Basic authentication is not supported for Client Submission.",
        "530 5.7.57 Client not authenticated to send mail.",
        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
    ],
)
def test_sign_in_by_password_that_is_switched_off_asks_for_no_other_password(answer: str) -> None:
    assert scripted({"AUTH": [answer]})[0] is Code.SMTP_AUTH_DISABLED


@pytest.mark.parametrize(
    "answer",
    [
        "535 5.7.139 Authentication unsuccessful, the user credentials were incorrect.",
        "535 5.7.8 Username and Password not accepted",
        "534 5.7.9 Please log in with your web browser and then try again.",
        "535 5.7.3 Authentication unsuccessful",
    ],
)
def test_a_password_refused_for_good_is_reported(answer: str) -> None:
    assert scripted({"AUTH": [answer]})[0] is Code.SIGN_IN_FAILED


def test_a_token_refused_for_now_keeps_its_grant() -> None:
    refused = oauth_refused("535 5.7.0 Temporary failure, try again later")
    code, _ = scripted({"AUTH": refused}, TokenLogin(REP, "token"))
    assert code is Code.SERVER_UNAVAILABLE


@pytest.mark.parametrize(
    ("keywords", "script"),
    [
        (("SIZE 0", "AUTH PLAIN"), {}),
        (("SIZE", "AUTH=PLAIN LOGIN"), {}),
        (("AUTH PLAIN",), {"GREETING": [reply(220, "mx.x.example ESMTP", "no spam", "go")]}),
        (("AUTH PLAIN",), {"QUIT": [END]}),
    ],
)
def test_odd_replies_stop_no_sign_in(keywords: tuple[str, ...], script: dict[str, Answers]) -> None:
    assert scripted(script, keywords=keywords)[0] is None


@pytest.mark.exceeds("MAX_REPLY_LINES", "MAX_REPLY_LINE_BYTES")
def test_a_reply_of_too_many_or_too_long_lines_is_no_reply() -> None:
    lines = ["x"] * (limits.MAX_REPLY_LINES - 1)
    most = "x" * (limits.MAX_REPLY_LINE_BYTES - len("220 \r\n"))
    for texts, code in (
        ([*lines, "go"], None),
        ([*lines, "x", "go"], Code.PROTOCOL_ERROR),
        ([most], None),
        ([f"{most}x"], Code.PROTOCOL_ERROR),
    ):
        greeting: dict[str, Answers] = {"GREETING": [reply(220, *texts)]}
        assert scripted(greeting, keywords=("AUTH PLAIN",))[0] is code


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("421 4.7.0 try again later", Code.SERVER_UNAVAILABLE),
        ("535 5.7.8 Username and Password not accepted", Code.SIGN_IN_FAILED),
        ("535 5.7.3 Authentication unsuccessful", Code.SIGN_IN_FAILED),
        ("534 5.7.9 Application-specific password required.", Code.APP_PASSWORD_REQUIRED),
        ("535 5.7.139 Authentication unsuccessful, password expired.", Code.PASSWORD_EXPIRED),
        (
            "535 5.7.139 Authentication unsuccessful, user is locked by your organization's"
            " security defaults policy.",
            Code.SMTP_AUTH_DISABLED,
        ),
        (
            "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the"
            " Tenant.",
            Code.SMTP_AUTH_DISABLED,
        ),
        ("550 5.7.30 Basic authentication is not supported.", Code.SMTP_AUTH_DISABLED),
        ("530 5.7.57 Client not authenticated to send mail.", Code.SMTP_AUTH_DISABLED),
        ("535 5.7.1 Your account has been suspended", Code.USER_DISABLED),
        ("504 5.7.4 Unrecognized authentication type", Code.SIGN_IN_UNSUPPORTED),
        ("502 5.5.1 not implemented", Code.SIGN_IN_UNSUPPORTED),
    ],
)
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_a_refused_sign_in_has_a_code_and_the_servers_words_and_is_tried_once(
    answer: str, code: Code, mechanism: str
) -> None:
    refused, server = refusal({"AUTH": [answer]}, keywords=(f"AUTH {mechanism}",))
    assert refused is not None
    assert (refused.code, refused.detail) == (code, answer)
    auths = [command for command in server.commands if command.upper().startswith("AUTH")]
    assert len(auths) == 1


@pytest.mark.parametrize("answer", ["535 5.7.8 no", "550 5.7.30 no", "504 5.7.4 no"])
def test_after_a_refusal_no_second_mechanism_is_tried(answer: str) -> None:
    keywords = ("AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2",)
    _, server = refusal({"AUTH": [answer]}, keywords=keywords)
    auths = [command for command in server.commands if command.upper().startswith("AUTH")]
    assert len(auths) == 1


@pytest.mark.parametrize("at", ["GREETING", "EHLO"])
@pytest.mark.parametrize("answer", ["554 5.7.1 your network is not welcome", "550 5.7.1 go away"])
def test_a_server_that_refuses_for_good_is_quoted(at: str, answer: str) -> None:
    refused, _ = refusal({at: [answer]})
    assert refused is not None
    assert refused.code is Code.PROTOCOL_ERROR
    assert refused.detail.endswith(f": {answer}")


@pytest.mark.parametrize("at", ["EHLO", "AUTH"])
def test_a_server_that_hangs_up_blames_neither_host_nor_password(at: str) -> None:
    assert scripted({at: [END]})[0] is Code.CONNECTION_LOST


@pytest.mark.parametrize(
    "greeting", [IMAP_GREETING, POP3_GREETING, b"HTTP/1.1 400 Bad Request\r\n"]
)
def test_another_service_is_quoted(
    authority: trustme.CA, policy: NetworkPolicy, greeting: bytes
) -> None:
    login = PasswordLogin(REP, SECRET)
    with (
        Hostile(greeting=greeting, issuer=authority) as server,
        pytest.raises(Refused) as refused,
        SubmissionSession.sign_in(target(server), login, policy, SECONDS),
    ):
        pass
    assert refused.value.code is Code.PROTOCOL_ERROR
    assert refused.value.detail == f"no SMTP reply: {greeting.decode().strip()}"


def test_a_sign_in_that_is_not_answered_is_no_firewall(policy: NetworkPolicy) -> None:
    with ScriptedSmtp({"AUTH": [WAITING]}) as server:
        there = Server("localhost", server.port, Security.TLS)
        code = told(there, loopback(server.authority), seconds=1)
    assert code is Code.SIGN_IN_UNANSWERED


def test_a_server_that_repeats_the_password_does_not_give_it_away() -> None:
    refused, _ = refusal({"AUTH": [f"535 5.7.8 no such pair: {REP} {SECRET}"]})
    assert refused is not None
    assert refused.detail == f"535 5.7.8 no such pair: {REP} …"


def test_a_server_that_repeats_a_token_does_not_give_it_away() -> None:
    token = "ya29.a0AfH6SMBx-Zk_0123456789abcdefghijklmnopqrstuvwxyz"
    repeated = oauth_refused(f"535 5.7.8 not accepted: {token[:30]}", status=f"no {token}")
    refused, _ = refusal({"AUTH": repeated}, TokenLogin(REP, token))
    assert refused is not None
    assert refused.code is Code.TOKEN_REFUSED
    assert refused.detail == "status no …: 535 5.7.8 not accepted: …"
