"""A mailbox at servers with habits of their own is connected, and all of its mail is mirrored."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import trustme

from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.connection import NetworkPolicy
from mailmirror.mail.imap.fetched import RECEIVED_DATE_UNKNOWN
from mailmirror.runtime import Runtime
from tests.integration.office import MARCH, REP, Office, letter, loopback, subjects
from tests.integration.test_containment import before, verdicts
from tests.servers.hostile import POP3_GREETING, SILENCE, SMTP_GREETING, Answer, Hostile
from tests.servers.mailbox_server import MailboxServer
from tests.servers.meddling import Meddling, Said

LOOPBACK = "127.0.0.0/8,::1/128"
LETTERS = [f"Letter {n}" for n in (5, 4, 3, 2, 1)]


def file_letters(imap_server: MailboxServer) -> None:
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 6)])


@dataclass(slots=True)
class WantingId:
    """Refuses EXAMINE and STATUS of a client that has not said who it is, as NetEase does."""

    proxy: list[Meddling] = field(default_factory=list)

    def __call__(self, said: Said) -> bytes:
        (proxy,) = self.proxy
        named = False
        for one in proxy.commands:
            if one.upper().startswith((b"LOGIN", b"AUTHENTICATE")):
                named = False
            named |= one.startswith(b"ID ")
        opens = said.command.upper().startswith((b"EXAMINE", b"STATUS"))
        if not opens or named:
            return said.answer
        tag = said.answer.partition(b" ")[0]
        return b"" if tag == b"*" else tag + b" NO Unsafe Login. Please contact help\r\n"


def test_a_server_that_wants_id_before_a_folder_is_opened_is_read(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    with imap_server.session(REP) as client:
        if not client.has_capability("ID"):
            pytest.skip("the server does not offer ID")
    file_letters(imap_server)
    wanting = WantingId()
    with before(imap_server, runtime, wanting) as server:
        wanting.proxy.append(server)
        office.sync(office.connect(server, "rep", REP))
    assert subjects(office.card("rep", "kim")) == LETTERS


def test_an_inbox_that_the_server_does_not_open_is_told_when_connecting(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    def refusing(said: Said) -> bytes:
        if not said.command.startswith(b"EXAMINE"):
            return said.answer
        tag = said.answer.partition(b" ")[0]
        return b"" if tag == b"*" else tag + b" NO Unsafe Login. Please contact help\r\n"

    with before(imap_server, runtime, refusing) as server, pytest.raises(Refused) as refused:
        office.connect(server, "rep", REP)
    assert refused.value.code is Code.INBOX_NOT_FOUND
    assert refused.value.detail == "imap: Unsafe Login. Please contact help"


@dataclass(frozen=True, slots=True)
class Users:
    """What Office wants to know of a server."""

    imaps_port: int
    users: dict[str, str]


def test_a_server_that_is_busy_at_the_inbox_is_not_connected_and_says_so(
    office: Office, runtime: Runtime
) -> None:
    script: dict[str, list[Answer]] = {"EXAMINE": [b"<tag> NO Server Unavailable. 15\r\n"]}
    with Hostile(script, issuer=trustme.CA()) as server:
        runtime.network_policy = loopback(server.authority)
        with pytest.raises(Refused) as refused:
            office.connect(Users(server.port, {REP: "secret"}), "rep", REP)
    assert refused.value.code is Code.SERVER_UNAVAILABLE


@pytest.mark.parametrize("command", ["LIST", "EXAMINE"])
def test_a_mailbox_that_exchange_does_not_open_is_not_connected_and_says_whom_to_ask(
    office: Office, runtime: Runtime, command: str
) -> None:
    words = b"User is authenticated but not connected."
    with Hostile({command: [b"<tag> BAD " + words + b"\r\n"]}, issuer=trustme.CA()) as server:
        runtime.network_policy = loopback(server.authority)
        with pytest.raises(Refused) as refused:
            office.connect(Users(server.port, {REP: "secret"}), "rep", REP)
    assert refused.value.code is Code.MAILBOX_NOT_OPENED
    assert refused.value.detail == f"imap: {words.decode()}"


@pytest.mark.parametrize(
    ("greeting", "code", "detail"),
    [
        (POP3_GREETING, Code.POP3_UNSUPPORTED, "POP3"),
        (SMTP_GREETING, Code.ANOTHER_SERVICE, "SMTP"),
        (b"220 (vsFTPd 3.0.3)\r\n", Code.ANOTHER_SERVICE, "FTP"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", Code.ANOTHER_SERVICE, "SSH"),
        (b"HTTP/1.1 400 Bad Request\r\n", Code.ANOTHER_SERVICE, "a web server"),
    ],
)
@pytest.mark.parametrize("tls", [True, False])
def test_another_service_at_the_port_is_named(
    office: Office, runtime: Runtime, greeting: bytes, code: Code, detail: str, tls: bool
) -> None:
    with Hostile(greeting=greeting, tls=tls, issuer=trustme.CA()) as server:
        runtime.network_policy = loopback(server.authority)
        with pytest.raises(Refused) as refused:
            office.connect(Users(server.port, {REP: "secret"}), "rep", REP)
    assert refused.value.code is code
    assert refused.value.detail == f"imap: {detail} at localhost:{server.port}"


@pytest.mark.parametrize("tls", [True, False])
def test_a_web_server_which_waits_for_a_request_is_named(
    office: Office, runtime: Runtime, monkeypatch: pytest.MonkeyPatch, tls: bool
) -> None:
    monkeypatch.setattr("mailmirror.usecases.mailboxes.connect_mailbox.IMAP_SECONDS", 1.0)
    script: dict[str, list[Answer]] = {"/": [b"HTTP/1.1 400 Bad Request\r\n"]}
    with Hostile(script, greeting=b"", tls=tls, issuer=trustme.CA()) as server:
        runtime.network_policy = loopback(server.authority)
        with pytest.raises(Refused) as refused:
            office.connect(Users(server.port, {REP: "secret"}), "rep", REP)
    assert refused.value.code is Code.ANOTHER_SERVICE
    assert refused.value.detail == f"imap: a web server at localhost:{server.port}"


def test_imap_at_the_port_of_the_submission_server_is_named(
    office: Office, imap_server: MailboxServer
) -> None:
    smtp = Server("localhost", imap_server.imaps_port, Security.TLS)
    with pytest.raises(Refused) as refused:
        office.connect(imap_server, "rep", REP, smtp)
    assert refused.value.code is Code.ANOTHER_SERVICE
    assert refused.value.detail == f"smtp: IMAP at localhost:{smtp.port}"


def test_a_port_of_imap_without_tls_asks_for_starttls(office: Office, runtime: Runtime) -> None:
    with Hostile(tls=False, issuer=trustme.CA()) as server:
        runtime.network_policy = loopback(server.authority)
        with pytest.raises(Refused) as refused:
            office.connect(Users(server.port, {REP: "secret"}), "rep", REP)
    assert refused.value.code is Code.TLS_FAILED


@pytest.mark.parametrize("issuer", [trustme.CA(), None])
@pytest.mark.parametrize("chosen", Security)
def test_a_server_that_begins_otherwise_than_chosen_is_named_with_how_it_begins(
    office: Office,
    runtime: Runtime,
    monkeypatch: pytest.MonkeyPatch,
    chosen: Security,
    issuer: trustme.CA | None,
) -> None:
    monkeypatch.setattr("mailmirror.usecases.mailboxes.connect_mailbox.IMAP_SECONDS", 1.0)
    with Hostile(tls=chosen is Security.STARTTLS, issuer=issuer) as server:
        trusted = server.authority.read_text() if issuer else None
        runtime.network_policy = NetworkPolicy.make(LOOPBACK, trusted)
        begun = time.monotonic()
        with pytest.raises(Refused) as refused:
            office.connect(Users(server.port, {REP: "secret"}), "rep", REP, security=chosen)
    begins = "without" if chosen is Security.TLS else "with"
    name = "IMAP" if issuer or begins == "without" else "the server"
    assert refused.value.code is Code.TLS_FAILED
    assert refused.value.detail == f"imap: {name} at localhost:{server.port} begins {begins} TLS"
    assert time.monotonic() - begun < 8


@pytest.mark.parametrize("chosen", Security)
def test_a_submission_server_that_begins_otherwise_than_chosen_is_named(
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    monkeypatch: pytest.MonkeyPatch,
    chosen: Security,
) -> None:
    monkeypatch.setattr("mailmirror.usecases.mailboxes.connect_mailbox.SMTP_SECONDS", 1.0)
    tls = chosen is Security.STARTTLS
    with Hostile(greeting=SMTP_GREETING, tls=tls, issuer=trustme.CA()) as server:
        both = imap_server.authority.read_text() + server.authority.read_text()
        runtime.network_policy = NetworkPolicy.make(LOOPBACK, both)
        smtp = Server("localhost", server.port, chosen)
        with pytest.raises(Refused) as refused:
            office.connect(imap_server, "rep", REP, smtp)
    assert refused.value.code is Code.TLS_FAILED
    begins = "with" if tls else "without"
    assert refused.value.detail == f"smtp: SMTP at localhost:{server.port} begins {begins} TLS"


def test_a_silent_server_is_asked_for_a_bounded_time(
    office: Office, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.usecases.mailboxes.connect_mailbox.IMAP_SECONDS", 1.0)
    with Hostile(greeting=SILENCE, tls=False, issuer=trustme.CA()) as server:
        runtime.network_policy = loopback(server.authority)
        begun = time.monotonic()
        users, chosen = Users(server.port, {REP: "secret"}), Security.STARTTLS
        with pytest.raises(Refused) as refused:
            office.connect(users, "rep", REP, security=chosen)
    assert refused.value.code is Code.CONNECT_TIMEOUT
    assert time.monotonic() - begun < 1 + 8 + 1


@pytest.mark.parametrize("port", [110, 995])
def test_a_port_of_pop3_for_the_submission_server_asks_for_that_servers_port(
    office: Office, imap_server: MailboxServer, port: int
) -> None:
    with pytest.raises(Refused) as refused:
        office.connect(imap_server, "rep", REP, Server("localhost", port, Security.TLS))
    assert refused.value.code is Code.ANOTHER_SERVICE
    assert refused.value.detail == f"smtp: POP3 at localhost:{port}"


@dataclass(slots=True)
class DelayingRefusals:
    """Refuses the first two passwords at once, and does not answer the third in time."""

    asked: int = 0

    def __iter__(self) -> Iterator[Answer]:
        self.asked += 1
        refusal: Answer = b"<tag> NO [AUTHENTICATIONFAILED] wrong\r\n"
        return iter([refusal if self.asked < 3 else SILENCE])


def test_the_third_wrong_password_at_a_server_that_delays_refusals_names_the_sign_in(
    office: Office, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.usecases.mailboxes.connect_mailbox.IMAP_SECONDS", 1.0)
    codes = []
    with Hostile({"LOGIN": DelayingRefusals()}, issuer=trustme.CA()) as server:
        runtime.network_policy = loopback(server.authority)
        for _ in range(3):
            with pytest.raises(Refused) as refused:
                office.connect(Users(server.port, {REP: "wrong"}), "rep", REP)
            codes.append(refused.value.code)
    assert codes == [Code.SIGN_IN_FAILED, Code.SIGN_IN_FAILED, Code.SIGN_IN_UNANSWERED]
    assert refused.value.detail == "imap: not done in 1 s"


@pytest.mark.parametrize(
    "date", [b"NIL", b'"05-Mar-2026 09:00:00"', b'"00-Jan-0000 00:00:00 +0000"', b""]
)
def test_a_message_without_a_readable_internaldate_is_mirrored_by_its_date(
    office: Office, imap_server: MailboxServer, runtime: Runtime, date: bytes
) -> None:
    file_letters(imap_server)
    dated = re.compile(rb' ?INTERNALDATE "[^"]*"')

    def undated(said: Said) -> bytes:
        if b"UID 3 " not in said.answer:
            return said.answer
        return dated.sub(b" INTERNALDATE " + date if date else b"", said.answer)

    with before(imap_server, runtime, undated) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
    assert verdicts(office, mailbox) == {"mirrored": 5}
    lines = office.card("rep", "kim")
    assert sorted(subjects(lines), reverse=True) == LETTERS
    warned = {one.summary.subject for one in lines if RECEIVED_DATE_UNKNOWN in one.summary.warnings}
    assert warned == {"Letter 3"}


def test_a_server_without_uidnext_is_read_and_its_news_are_found(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    def without(said: Said) -> bytes:
        if said.answer.startswith(b"* OK [UIDNEXT"):
            return b""
        return re.sub(rb" UIDNEXT [0-9]+", b"", said.answer)

    file_letters(imap_server)
    with before(imap_server, runtime, without) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        assert subjects(office.card("rep", "kim")) == LETTERS
        imap_server.append(REP, "INBOX", letter(6), MARCH)
        office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 6", *LETTERS]
