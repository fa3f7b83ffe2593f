"""A session with an IMAP server: with a real one, and with those that mean no good."""

import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import repeat
from pathlib import Path

import pytest
import trustme

from mailmirror.domain.coverage_limits import Limit
from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.limits import MAX_FOLDER_NAME_BYTES, MAX_UID, MAX_UIDVALIDITY
from mailmirror.domain.mailbox import FolderRole, Security, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.mail.imap.fetch import FetchFailed
from mailmirror.mail.imap.fetched import RECEIVED_DATE_UNKNOWN, FetchedHeader
from mailmirror.mail.imap.opening import Status
from mailmirror.mail.imap.session import ImapSession
from mailmirror.mail.sasl import PasswordLogin
from tests.integration.office import loopback
from tests.servers.dovecot import LIKE_MICROSOFT, Dovecot, Folder
from tests.servers.hostile import (
    DRIP,
    HANG_UP,
    IMAP_GREETING,
    POP3_GREETING,
    SILENCE,
    SMTP_GREETING,
    START_TLS,
    Answer,
    Hostile,
)
from tests.servers.mailbox_server import MailboxServer
from tests.servers.mailbox_servers import StartServer

REP = "rep@us.example"
LOGINS = {
    REP: "rep's secret",
    "quotes@us.example": 'a "quoted" \\ word',
    "blank@us.example": " blanks  within and around ",
    "braces@us.example": "{5} (a) %s * ~ ]:",
    "japanese@us.example": "パスワード—é",
}
INBOX = FolderChoice("INBOX", FolderRole.INBOX)
TOKYO = timezone(timedelta(hours=9))
SEEN_AT = datetime(2026, 3, 9, tzinfo=UTC)
SECONDS = 60.0
DONE = b"<tag> OK done\r\n"

Act = Callable[[ImapSession], object]


def message(number: int) -> bytes:
    return (
        f"From: kim@customer.example\r\nTo: {REP}\r\nSubject: =?utf-8?q?caf=C3=A9?= {number}\r\n"
        f"Message-ID: <{number}@mail.example>\r\nX-Mailer: none\r\n\r\nnumber {number}\r\n"
    ).encode()


def received_at(number: int) -> datetime:
    return datetime(2026, 3, 1, 8, 30, tzinfo=TOKYO) + timedelta(hours=number)


@pytest.fixture(scope="module")
def imap_server(start_imap_server: StartServer) -> Iterator[MailboxServer]:
    with start_imap_server(LOGINS) as server:
        yield server


@pytest.fixture(scope="module")
def filled(imap_server: MailboxServer) -> MailboxServer:
    """With UIDs 1 to 12 in the inbox, but for 4 and 5."""
    numbered = [(message(number), received_at(number)) for number in range(1, 13)]
    imap_server.append_all(REP, "INBOX", numbered)
    imap_server.expunge(REP, "INBOX", [4, 5])
    return imap_server


def at(server: MailboxServer, security: Security = Security.TLS, host: str = "localhost") -> Server:
    port = server.imaps_port if security is Security.TLS else server.imap_port
    return Server(host, port, security)


def told(server: Server, username: str, password: str, trusted: Path) -> Code | None:
    """The code with which a sign-in is refused; None where it is not."""
    try:
        login = PasswordLogin(username, password)
        with ImapSession.sign_in(server, login, loopback(trusted), SECONDS) as session:
            assert session.folders()
    except Refused as refused:
        return refused.code
    return None


def opened(imap_server: MailboxServer) -> Iterator[ImapSession]:
    trust = loopback(imap_server.authority)
    login = PasswordLogin(REP, LOGINS[REP])
    with ImapSession.sign_in(at(imap_server), login, trust, SECONDS) as session:
        session.examine(INBOX)
        yield session


@pytest.fixture
def session(filled: MailboxServer) -> Iterator[ImapSession]:
    """In the inbox."""
    yield from opened(filled)


# Signing in


@pytest.mark.parametrize("security", Security)
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_each_kind_of_tls_lets_us_in(
    imap_server: MailboxServer, security: Security, host: str
) -> None:
    assert told(at(imap_server, security, host), REP, LOGINS[REP], imap_server.authority) is None


@pytest.mark.parametrize("security", Security)
def test_a_certificate_of_another_authority_is_refused(
    imap_server: MailboxServer, security: Security, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    code = told(at(imap_server, security), REP, LOGINS[REP], other)
    assert code is Code.CERTIFICATE_INVALID


@pytest.mark.parametrize("security", Security)
def test_a_certificate_of_another_name_is_refused(
    imap_server: MailboxServer, security: Security
) -> None:
    elsewhere = at(imap_server, security, "127.1")  # the certificate is of 127.0.0.1
    assert told(elsewhere, REP, LOGINS[REP], imap_server.authority) is Code.CERTIFICATE_INVALID


def test_a_port_without_tls_is_reported(imap_server: MailboxServer) -> None:
    plain = Server("localhost", imap_server.imap_port, Security.TLS)
    assert told(plain, REP, LOGINS[REP], imap_server.authority) is Code.TLS_FAILED


@pytest.mark.parametrize("username", LOGINS)
def test_a_password_may_hold_anything(imap_server: MailboxServer, username: str) -> None:
    assert told(at(imap_server), username, LOGINS[username], imap_server.authority) is None


@pytest.mark.parametrize("username", [REP, "nobody@us.example", 'x" "y'])
@pytest.mark.parametrize("password", ["wrong", 'wrong "', "違う"])
def test_a_wrong_login_is_reported(
    imap_server: MailboxServer, username: str, password: str
) -> None:
    code = told(at(imap_server), username, password, imap_server.authority)
    assert code is Code.SIGN_IN_FAILED


# What the server has


def test_a_folder_is_examined(filled: MailboxServer, session: ImapSession) -> None:
    state = filled.snapshot(REP)["INBOX"]
    assert session.examine(INBOX) == Status(state.uidvalidity, 13, 10)
    assert session.statuses([INBOX])[INBOX.name] == Status(state.uidvalidity, 13, 10)


@pytest.mark.parametrize(
    ("first", "last", "uids"),
    [
        (1, 12, "1:3,6:12"),
        (1, 4_294_967_295, "1:3,6:12"),
        (2, 6, "2:3,6"),
        (4, 5, ""),
        (12, 12, "12"),
        # A range beyond the last UID means the last one to a server (RFC 9051, seq-range).
        (13, 20, ""),
        (9, 8, ""),
    ],
)
def test_uids_are_listed_in_ranges(session: ImapSession, first: int, last: int, uids: str) -> None:
    assert session.listed(UidSet.span(first, last), 12) == UidSet.parse(uids)


def test_dates_are_those_of_receipt(session: ImapSession) -> None:
    dates = session.dates(UidSet.span(2, 6))
    assert dates == {uid: received_at(uid) for uid in (2, 3, 6)}
    assert {date.tzinfo is not None for date in dates.values()} == {True}


def test_headers_are_what_the_rules_need(session: ImapSession) -> None:
    headers = session.headers(UidSet.parse("1,3:7"), SEEN_AT)
    assert sorted(headers) == [1, 3, 6, 7]
    for uid, fetched in headers.items():
        assert (fetched.received_at, fetched.size) == (received_at(uid), len(message(uid)))
        lines = fetched.header.decode().splitlines()
        assert f"Message-ID: <{uid}@mail.example>" in lines
        assert f"Subject: =?utf-8?q?caf=C3=A9?= {uid}" in lines
        assert "number" not in fetched.header.decode()


def test_bodies_are_the_bytes_that_were_delivered(session: ImapSession) -> None:
    sizes = {uid: len(message(uid)) for uid in (1, 4, 7, 12, 99)}
    assert session.bodies(sizes) == {uid: message(uid) for uid in (1, 7, 12)}


def test_a_piece_of_a_body_can_be_had_alone(session: ImapSession) -> None:
    assert session.piece(7, 10, 30) == message(7)[10:40]
    assert session.piece(7, 0, 40) == message(7)[:40]
    assert session.piece(7, 0, 4_000) == message(7)
    assert session.piece(4, 0, 40) is None


def test_thousands_of_scattered_uids_are_asked_for_in_several_commands() -> None:
    uids = UidSet.of(range(1, 10_000, 2))
    with Dovecot({REP: LOGINS[REP]}) as server:
        server.append_all(REP, "INBOX", [(b"Subject: %d\r\n\r\n\r\n" % n, None) for n in range(50)])
        for session in opened(server):
            found = session.dates(uids)
            headers = session.headers(uids, SEEN_AT)
            assert session.dates(UidSet()) == {}
        commands = [line for line in server.commands() if " FETCH " in line]
    assert set(found) == set(headers) == set(range(1, 51, 2))
    assert len(commands) > 8
    assert max(len(line) for line in commands) < 8_000


def test_a_large_message_is_whole(start_imap_server: StartServer) -> None:
    large = b"Subject: large\r\n\r\n" + b"0123456789abcde\r\n" * 600_000
    with start_imap_server({REP: LOGINS[REP]}) as server:
        uid = server.append(REP, "INBOX", large)
        for session in opened(server):
            # Sizes may lie: Exchange's are estimates.
            assert session.bodies({uid: len(large) // 2 + 1}) == {uid: large}
            assert session.piece(uid, 0, 100_000) == large[:100_000]


@pytest.mark.parametrize("name", ["送信済み", "Éléments envoyés", "[Gmail]/Sent Mail"])
def test_a_folder_is_found_by_its_name_in_any_language(name: str) -> None:
    with Dovecot({REP: LOGINS[REP]}, [Folder(name)], LIKE_MICROSOFT) as server:
        server.append(REP, name, message(1), received_at(1))
        for session in opened(server):
            inbox, sent = session.folders()
            assert (inbox, sent) == (INBOX, FolderChoice(name, FolderRole.SENT))
            status = session.statuses([sent])[sent.name]
            assert status == session.examine(sent)
            assert status is not None
            assert (status.uidnext, status.messages) == (2, 1)
            assert session.bodies({1: 500}) == {1: message(1)}


@pytest.mark.parametrize("name", ["営業 & Verkauf", 'with "quotes" and \\', "a&b-c", "100%", "x*"])
def test_special_names_are_written_as_servers_write_them(
    imap_server: MailboxServer, name: str
) -> None:
    if refused := set(name) & set(imap_server.refused_in_names):
        pytest.skip(f"the server has no folders with {' '.join(refused)}")
    imap_server.create(REP, name)
    folder = FolderChoice(imap_server.named(name), FolderRole.SENT)
    for session in opened(imap_server):
        status = session.statuses([folder])[folder.name]
        assert status is not None
        assert status == session.examine(folder)


def test_a_folder_that_is_not_there_has_no_status(session: ImapSession) -> None:
    nowhere = FolderChoice("Nowhere", FolderRole.SENT)
    found = session.statuses([nowhere, INBOX])
    assert found["Nowhere"] is None
    assert found["INBOX"] is not None
    with pytest.raises(Refused):
        session.examine(nowhere)


def test_nothing_on_the_server_changes() -> None:
    with Dovecot({REP: LOGINS[REP]}) as server:
        server.append_all(REP, "INBOX", [(message(n), received_at(n)) for n in (1, 2, 3)])
        before, asked = server.snapshot(REP), len(server.commands())
        for session in opened(server):
            session.folders()
            session.statuses([INBOX])[INBOX.name]
            uids = session.listed(UidSet.span(1, 3), 3)
            session.dates(uids)
            session.headers(uids, SEEN_AT)
            session.bodies(dict.fromkeys(uids, 500))
            session.piece(1, 0, 20)
        ours = server.commands()[asked:]
        assert server.snapshot(REP) == before
    names = {line.split()[1].upper() for line in ours}
    known = {"ID", "CAPABILITY", "NAMESPACE", "LIST", "STATUS", "EXAMINE", "UID", "LOGOUT"}
    assert names <= known
    assert names >= {"LIST", "STATUS", "EXAMINE", "UID"}
    fetches = [line for line in ours if " FETCH " in line]
    assert len(fetches) == 5
    assert not any("BODY[" in line for line in fetches)


# Servers that mean no good


def refusal(
    act: Act,
    script: Mapping[str, Iterable[Answer]] | None = None,
    *,
    seconds: float = SECONDS,
    greeting: Answer = IMAP_GREETING,
    said: str = "",
) -> Code:
    """The code with which a session with a scripted server ends; `said` begins its detail."""
    with Hostile(script or {}, greeting) as server, pytest.raises(Refused) as refused:
        run(server, act, seconds)
    assert refused.value.detail.startswith(said)
    return refused.value.code


def run(
    server: Hostile,
    act: Act,
    seconds: float = SECONDS,
    username: str = "rep",
    password: str = "secret",
) -> object:
    """What a session with a scripted server brings."""
    security = Security.TLS if server.tls else Security.STARTTLS
    target = Server(server.host, server.port, security)
    trust = loopback(server.authority)
    login = PasswordLogin(username, password)
    with ImapSession.sign_in(target, login, trust, seconds) as session:
        session.examine(INBOX)
        return act(session)


def headers(session: ImapSession) -> object:
    return session.headers(UidSet.span(1, 3), SEEN_AT)


def bodies(session: ImapSession) -> object:
    return session.bodies(dict.fromkeys((1, 2, 3), 500))


def listing(session: ImapSession) -> object:
    return session.listed(UidSet.span(1, 3), 3)


def nothing(session: ImapSession) -> object:
    return None


@pytest.mark.parametrize(
    ("act", "command", "answers"),
    [
        (bodies, "UID FETCH", [b"* 1 FETCH (UID 1 BODY[] {10000000000}\r\n", SILENCE]),
        (headers, "UID FETCH", [b"* 1 FETCH (UID 1 BODY[] {999999999999999999999}\r\n", SILENCE]),
        (bodies, "UID FETCH", repeat(b"* 1 EXISTS\r\n" * 5_000)),
        (bodies, "UID FETCH", repeat(b"* 1 FETCH (UID 1 BODY[] {500}\r\n" + b"x" * 500 + b")\r\n")),
        (bodies, "UID FETCH", repeat(b"x" * 65_536)),
        (listing, "UID FETCH", repeat(b"* 1 FETCH (UID 1)\r\n" * 3_000)),
        (nothing, "EXAMINE", repeat(b"* OK [UIDVALIDITY 1] x\r\n" * 3_000)),
        (nothing, "LOGIN", repeat(b"* OK still thinking\r\n" * 3_000)),
        (nothing, "LOGIN", [b"* OK {10000000000}\r\n", SILENCE]),
    ],
    ids=[
        "large literal",
        "larger literal",
        "lines",
        "literals",
        "one line",
        "listing",
        "examine",
        "login",
        "literal at login",
    ],
)
@pytest.mark.exceeds("MAX_ANSWER_BYTES", "MAX_ANSWER_LINES", "MAX_MESSAGE_LINES")
def test_a_server_that_sends_without_end_is_not_listened_to(
    act: Act, command: str, answers: Iterable[Answer]
) -> None:
    """A bound ends it: the end of the session's time would have another code."""
    tracemalloc.start()
    try:
        code = refusal(act, {command: answers})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert code is Code.PROTOCOL_ERROR
    assert peak < 256 << 20


@pytest.mark.parametrize(
    "answer",
    [
        b"* 1 FETCH " + b"(" * 50_000 + b")" * 50_000 + b"\r\n",
        b"* 1 FETCH (UID 1 BODYSTRUCTURE " + b"(" * 5_000 + b"\r\n",
        b"* 1 FETCH (UID one INTERNALDATE x)\r\n",
        b"* 1 FETCH (UID 1 BODY[] {3}\r\nabc\r\n",
        b"* 1 FETCH\r\n",
    ],
)
def test_an_answer_that_cannot_be_read_is_a_protocol_error(answer: bytes) -> None:
    assert refusal(headers, {"UID FETCH": [answer, DONE]}) is Code.PROTOCOL_ERROR


@pytest.mark.parametrize(
    "answer",
    [b"hello\r\n", b"* x FETCH (UID 1)\r\n", b"* 1 FETCH (UID 1 BODY[] {-1}\r\n)\r\n"],
)
def test_a_line_of_no_protocol_ends_the_connection(answer: bytes) -> None:
    assert refusal(headers, {"UID FETCH": [answer, DONE]}) is Code.CONNECTION_LOST


def test_a_message_that_is_left_out_is_not_there() -> None:
    dated = b'* 2 FETCH (UID 2 INTERNALDATE "01-Mar-2026 08:30:00 +0000")\r\n'
    script: dict[str, list[Answer]] = {
        "UID FETCH": [
            b"* 1 FETCH (UID 1 FLAGS ())\r\n",
            dated,
            b'* 3 FETCH (UID 3 INTERNALDATE "99-Foo-2026 99:99:99 +9999")\r\n',
            b"<tag> OK some were gone\r\n",
        ]
    }
    with Hostile(script) as server:
        assert run(server, lambda session: session.dates(UidSet.span(1, 3))) == {
            2: datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
        }
        assert run(server, headers) == {}
        assert run(server, bodies) == {}
        assert run(server, lambda session: session.piece(1, 0, 100)) is None


def test_what_is_reported_unasked_is_passed_over() -> None:
    body = b"* 2 FETCH (UID 2 BODY[] {5}\r\nhello)\r\n"
    script: dict[str, list[Answer]] = {
        "UID FETCH": [
            b"* 3 EXPUNGE\r\n* 9 EXISTS\r\n* 1 FETCH (FLAGS (\\Seen) UID 1)\r\n",
            b"* 7 FETCH (UID 99 BODY[] {6}\r\nother!)\r\n* OK [ALERT] hello\r\n",
            body,
            b"* VANISHED 1:400\r\n* 2 FETCH (FLAGS (\\Seen) UID 2)\r\n",
            DONE,
        ],
    }
    with Hostile(script) as server:
        assert run(server, bodies) == {2: b"hello"}
        assert run(server, listing) == UidSet.of([1, 2])


@pytest.mark.parametrize("last", [[HANG_UP], [b"* BYE shutting down\r\n", HANG_UP]])
@pytest.mark.parametrize(
    ("command", "act"),
    [
        ("LOGIN", nothing),
        ("EXAMINE", nothing),
        ("UID FETCH", listing),
        ("UID FETCH", bodies),
        ("STATUS", lambda session: session.statuses([INBOX])[INBOX.name]),
        ("LIST", ImapSession.folders),
    ],
)
def test_a_server_that_goes_away_is_reported(command: str, act: Act, last: list[Answer]) -> None:
    assert refusal(act, {command: last}) is Code.CONNECTION_LOST


def test_a_server_that_goes_away_within_a_message_is_reported() -> None:
    cut = b"* 1 FETCH (UID 1 BODY[] {500}\r\nhel"
    assert refusal(bodies, {"UID FETCH": [cut, HANG_UP]}) is Code.CONNECTION_LOST


@pytest.mark.parametrize("how", [SILENCE, DRIP])
@pytest.mark.parametrize("at_stage", ["greeting", "CAPABILITY", "LOGIN", "EXAMINE", "UID FETCH"])
def test_a_server_that_keeps_us_waiting_is_ended(at_stage: str, how: Answer) -> None:
    began = time.monotonic()
    if at_stage == "greeting":
        code = refusal(nothing, seconds=1, greeting=how, said="connected, but ")
    else:
        code = refusal(bodies, {at_stage: [how]}, seconds=1)
    assert code is (Code.SIGN_IN_UNANSWERED if at_stage == "LOGIN" else Code.CONNECT_TIMEOUT)
    assert time.monotonic() - began < 3


def test_a_server_that_never_says_goodbye_holds_nobody_up() -> None:
    script: dict[str, list[Answer]] = {
        "UID FETCH": [b"* 2 FETCH (UID 2)\r\n", DONE],
        "LOGOUT": [SILENCE],
    }
    began = time.monotonic()
    with Hostile(script) as server:
        assert run(server, listing, seconds=1) == UidSet.of([2])
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    "greeting", [POP3_GREETING, SMTP_GREETING, b"HTTP/1.1 400 Bad\r\n", b"\r\n"]
)
def test_another_protocol_is_reported(greeting: bytes) -> None:
    assert refusal(nothing, greeting=greeting) is Code.PROTOCOL_ERROR


def test_a_server_that_turns_us_away_is_reported() -> None:
    turned_away: dict[str, list[Answer]] = {"LOGIN": [b"<tag> NO [UNAVAILABLE] try later\r\n"]}
    assert refusal(nothing, turned_away) is Code.SERVER_UNAVAILABLE
    refused: dict[str, list[Answer]] = {"LOGIN": [b"<tag> NO [AUTHENTICATIONFAILED] no\r\n"]}
    assert refusal(nothing, refused) is Code.SIGN_IN_FAILED


def said(
    script: Mapping[str, Iterable[Answer]] | None = None,
    greeting: Answer = IMAP_GREETING,
    act: Act = nothing,
) -> tuple[Code, str]:
    """The code and the detail with which a session ends."""
    with Hostile(script or {}, greeting) as server, pytest.raises(Refused) as refused:
        run(server, act)
    return refused.value.code, refused.value.detail


BUSY = (
    "[OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)",
    "[THROTTLED] slow down",
    "Server Unavailable. 15",
    "Maximum number of connections from user+IP exceeded",
    "[UNAVAILABLE] later",
    "[INUSE] in use",
    "[LIMIT] Rate limit hit.",
    "[ALERT] Too many simultaneous connections. (Failure)",
    "Request is throttled. Suggested Backoff Time: 92415 milliseconds",
    "The server is too busy, try again later",
    "[unavailable] in small letters",
)


@pytest.mark.parametrize(
    "words",
    [
        *BUSY,
        "[SERVERBUG] LOGIN Server error - Please try again later",
        "Temporary authentication failure. [mx:2026]",
        "Authentication rate limit from one source exceeded",
        "Too many failed logins, please retry in 5 minutes",
        "[ALERT] Account exceeded bandwidth limits. (Failure)",
        "Internal error",
    ],
)
@pytest.mark.parametrize("condition", ["NO", "BAD"])
@pytest.mark.parametrize("mechanism", ["LOGIN", "AUTHENTICATE"])
def test_a_busy_server_at_the_sign_in_blames_no_password(
    words: str, condition: str, mechanism: str
) -> None:
    answer = f"<tag> {condition} {words}\r\n".encode()
    script: dict[str, Iterable[Answer]] = {
        "CAPABILITY": can(b"AUTH=PLAIN" if mechanism == "AUTHENTICATE" else b"ID"),
        mechanism: [answer],
    }
    assert said(script) == (Code.SERVER_UNAVAILABLE, words)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("[AUTHENTICATIONFAILED] Invalid credentials", Code.SIGN_IN_FAILED),
        ("[AUTHORIZATIONFAILED] not yours", Code.SIGN_IN_FAILED),
        ("[AUTHENTICATIONFAILED] try again later", Code.SIGN_IN_FAILED),
        ("LOGIN failed.", Code.SIGN_IN_FAILED),
        ("[ALERT] Invalid credentials (Failure)", Code.SIGN_IN_FAILED),
        ("", Code.SIGN_IN_FAILED),
        ("[EXPIRED] bye", Code.PASSWORD_EXPIRED),
        ("Your password has expired.", Code.PASSWORD_EXPIRED),
        ("[CONTACTADMIN] ask them", Code.ADMINISTRATOR_NEEDED),
        ("[PRIVACYREQUIRED] no", Code.SIGN_IN_UNSUPPORTED),
        ("[ALERT] IMAP access is disabled for your domain.", Code.IMAP_DISABLED),
        ("[ALERT] Your account is not enabled for IMAP use. (Failure)", Code.IMAP_DISABLED),
        ("IMAP not enabled", Code.IMAP_DISABLED),
        ("[AUTHENTICATIONFAILED] Please enable IMAP in the settings", Code.IMAP_DISABLED),
        ("[ALERT] Application-specific password required", Code.APP_PASSWORD_REQUIRED),
        ("[AUTHENTICATIONFAILED] use an app password", Code.APP_PASSWORD_REQUIRED),
        ("Account disabled", Code.USER_DISABLED),
        ("[ALERT] Please log in via your web browser: https://x.example", Code.SERVER_ALERT),
        ("[WEBALERT https://x.example] Web login required.", Code.SERVER_ALERT),
    ],
)
def test_a_refused_sign_in_has_the_code_of_whom_can_mend_it(words: str, code: Code) -> None:
    answer = f"<tag> NO {words}\r\n".encode()
    assert said({"LOGIN": [answer]}) == (code, words)


def test_a_sign_in_that_a_server_does_not_understand_blames_no_password() -> None:
    assert said({"LOGIN": [b"<tag> BAD what?\r\n"]}) == (Code.PROTOCOL_ERROR, "what?")
    wrong: dict[str, list[Answer]] = {"LOGIN": [b"<tag> BAD Invalid user or password\r\n"]}
    assert said(wrong) == (Code.SIGN_IN_FAILED, "Invalid user or password")


def test_an_alert_before_a_bare_refusal_says_why() -> None:
    alert = b"* NO [WEBALERT https://x.example/a] Web login required.\r\n"
    code, detail = said({"LOGIN": [alert, b"<tag> NO LOGIN failed\r\n"]})
    assert code is Code.SERVER_ALERT
    assert detail == "[WEBALERT https://x.example/a] Web login required. / LOGIN failed"


def test_a_server_that_repeats_the_password_does_not_give_it_away() -> None:
    echoed = b'<tag> BAD unknown command: LOGIN "rep" "secret" (c2VjcmV0)\r\n'
    code, detail = said({"LOGIN": [echoed]})
    assert code is Code.PROTOCOL_ERROR
    assert detail == 'unknown command: LOGIN "rep" "…" (…)'


@pytest.mark.parametrize("password", ["x", "unavailable", "server"])
def test_a_password_that_is_a_word_of_the_servers_changes_no_code(password: str) -> None:
    script: dict[str, list[Answer]] = {"LOGIN": [b"<tag> NO server unavailable, max exceeded\r\n"]}
    with Hostile(script) as server, pytest.raises(Refused) as refused:
        run(server, nothing, password=password)
    assert refused.value.code is Code.SERVER_UNAVAILABLE
    words = " server unavailable, max exceeded".replace(f" {password}", " …").strip()
    assert refused.value.detail == words


EXCHANGE = b"* OK The Microsoft Exchange IMAP4 service is ready. [%s]\r\n"


def test_exchange_online_asks_for_sign_in_with_microsoft() -> None:
    refused: dict[str, list[Answer]] = {"LOGIN": [b"<tag> NO LOGIN failed.\r\n"]}
    online = EXCHANGE % b"QQBCAEMA"
    assert said(refused, online) == (Code.SIGN_IN_WITH_PROVIDER, "LOGIN failed.")
    own = b"* OK The Microsoft Exchange IMAP4 service is ready.\r\n"
    assert said(refused, own) == (Code.SIGN_IN_FAILED, "LOGIN failed.")
    busy: dict[str, list[Answer]] = {"LOGIN": [b"<tag> NO Server Unavailable. 15\r\n"]}
    assert said(busy, online) == (Code.SERVER_UNAVAILABLE, "Server Unavailable. 15")


@pytest.mark.parametrize(
    "words",
    ["Too many connections from your host", "Server shutting down", "[UNAVAILABLE] later", ""],
)
def test_a_bye_in_place_of_a_greeting_blames_neither_host_nor_port(words: str) -> None:
    greeting = f"* BYE {words}".rstrip().encode() + b"\r\n"
    assert said(greeting=greeting) == (Code.SERVER_UNAVAILABLE, words)


@pytest.mark.parametrize("words", BUSY)
@pytest.mark.parametrize("condition", ["NO", "BAD"])
@pytest.mark.parametrize(
    ("command", "act"),
    [
        ("EXAMINE", nothing),
        ("LIST", ImapSession.folders),
        ("STATUS", lambda session: session.statuses([INBOX])[INBOX.name]),
        ("UID FETCH", headers),
        ("UID FETCH", listing),
    ],
)
def test_a_busy_server_after_the_sign_in_is_unavailable(
    words: str, condition: str, command: str, act: Act
) -> None:
    answer = f"<tag> {condition} {words}\r\n".encode()
    assert said({command: [answer]}, act=act) == (Code.SERVER_UNAVAILABLE, words)


@pytest.mark.parametrize(
    "words",
    [
        "[SERVERBUG] UID FETCH Server error - Please try again later",
        "[CORRUPTION] message temporarily unavailable",
        "[CANNOT] no",
        "Command Error. 12",
    ],
)
def test_a_refusal_of_messages_is_not_taken_for_one_of_the_server(words: str) -> None:
    answer = f"<tag> NO {words}\r\n".encode()
    assert said({"UID FETCH": [answer]}, act=bodies) == (Code.PROTOCOL_ERROR, words)


@pytest.mark.parametrize(
    "words",
    ["User is authenticated but not connected.", "[ALERT] user is AUTHENTICATED but not connected"],
)
@pytest.mark.parametrize("condition", ["NO", "BAD"])
@pytest.mark.parametrize(
    ("command", "act"),
    [
        ("LOGIN", nothing),
        ("EXAMINE", nothing),
        ("LIST", ImapSession.folders),
        ("STATUS", lambda session: session.statuses([INBOX])[INBOX.name]),
        ("UID FETCH", headers),
    ],
)
def test_a_mailbox_that_exchange_does_not_open_blames_neither_password_nor_port(
    words: str, condition: str, command: str, act: Act
) -> None:
    answer = f"<tag> {condition} {words}\r\n".encode()
    assert said({command: [answer]}, act=act) == (Code.MAILBOX_NOT_OPENED, words)


def test_what_a_server_says_at_a_message_quotes_no_address() -> None:
    answer = b"<tag> NO cannot read mail of kim@customer.example\r\n"
    _, detail = said({"UID FETCH": [answer]}, act=bodies)
    assert detail == "cannot read mail of …@…"


@pytest.mark.parametrize("command", ["LOGIN", "EXAMINE", "UID FETCH"])
def test_a_server_that_goes_away_is_quoted(command: str) -> None:
    bye: list[Answer] = [b"* BYE Session expired, please login again.\r\n", HANG_UP]
    lost = (Code.CONNECTION_LOST, "Session expired, please login again.")
    assert said({command: bye}, act=bodies) == lost
    busy: list[Answer] = [b"* BYE [UNAVAILABLE] Too many connections\r\n", HANG_UP]
    unavailable = (Code.SERVER_UNAVAILABLE, "[UNAVAILABLE] Too many connections")
    assert said({command: busy}, act=bodies) == unavailable


@pytest.mark.parametrize(
    ("answer", "code", "detail"),
    [
        (HANG_UP, Code.CONNECTION_LOST, ""),
        (b"* BYE down for maintenance\r\n", Code.SERVER_UNAVAILABLE, "down for maintenance"),
        (b"<tag> BAD what?\r\n", Code.PROTOCOL_ERROR, "what?"),
        (
            b"* CAPABILITY SIEVE\r\n<tag> OK done\r\n",
            Code.PROTOCOL_ERROR,
            "no version of IMAP4: SIEVE",
        ),
    ],
)
def test_a_server_that_greets_and_tells_no_capabilities_is_not_said_not_to_greet(
    answer: Answer, code: Code, detail: str
) -> None:
    assert said({"CAPABILITY": [answer]}, b"* OK hi\r\n") == (code, detail)


@pytest.mark.parametrize(
    "greeting", [POP3_GREETING, SMTP_GREETING, b"HTTP/1.1 400 Bad Request\r\n"]
)
def test_another_service_is_quoted(greeting: bytes) -> None:
    words = greeting.decode().strip()
    assert said(greeting=greeting) == (Code.PROTOCOL_ERROR, f"no IMAP greeting: {words}")


def can(*names: bytes) -> list[Answer]:
    return [b"* CAPABILITY IMAP4rev1 " + b" ".join(names) + b"\r\n", DONE]


def test_a_server_without_logins_by_password_is_reported() -> None:
    greeting = b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2] ready\r\n"
    script = {"CAPABILITY": can(b"LOGINDISABLED", b"AUTH=XOAUTH2")}
    with Hostile(script, greeting) as server:
        with pytest.raises(Refused) as refused:
            run(server, nothing)
        assert not any(b"LOGIN" in line or b"AUTHENTICATE" in line for line in server.received)
    assert refused.value.code is Code.SIGN_IN_UNSUPPORTED


def test_a_login_without_sasl_is_quoted() -> None:
    with Hostile() as server:
        run(server, nothing, username='o"brien \\x', password='a "b" \\ c')
        (line,) = [line for line in server.received if b" LOGIN " in line]
    assert line.endswith(b'LOGIN "o\\"brien \\\\x" "a \\"b\\" \\\\ c"\r\n')


@pytest.mark.parametrize(
    "greeting",
    [
        IMAP_GREETING,
        b"* OK ready\r\n",
        b"* PREAUTH [CAPABILITY IMAP4rev1] welcome\r\n",
        b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] welcome\r\n",
    ],
)
def test_no_password_is_sent_without_tls(greeting: bytes) -> None:
    with Hostile(greeting=greeting, tls=False) as server:
        with pytest.raises(Refused) as refused:
            run(server, nothing)
        heard = b"".join(server.received)
    assert refused.value.code in (Code.STARTTLS_MISSING, Code.PROTOCOL_ERROR)
    assert b"secret" not in heard
    assert b"LOGIN" not in heard
    assert b"AUTHENTICATE" not in heard


class InTurn:
    """Answers a command otherwise each time that it comes."""

    def __init__(self, *turns: Iterable[Answer]) -> None:
        self._turns = iter(turns)

    def __iter__(self) -> Iterator[Answer]:
        return iter(next(self._turns))


def test_what_a_server_could_before_tls_is_asked_again_after_it() -> None:
    """Many let nobody in before TLS, and say so."""
    before, after = can(b"STARTTLS", b"LOGINDISABLED"), can(b"AUTH=XOAUTH2")
    script: dict[str, Iterable[Answer]] = {
        "STARTTLS": [DONE, START_TLS],
        "CAPABILITY": InTurn(before, *repeat(after, 9)),
        "UID FETCH": [b"* 3 FETCH (UID 3)\r\n", DONE],
    }
    with Hostile(script, b"* OK ready\r\n", tls=False) as server:
        assert run(server, listing) == UidSet.of([3])


def test_what_is_said_before_tls_does_not_count() -> None:
    """An answer put into the plain part (CVE-2021-38371 and its like) is not read as TLS's."""
    injected = b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\nA2 BAD injected\r\n"
    script: dict[str, Iterable[Answer]] = {
        "STARTTLS": [DONE + injected * 9, START_TLS],
        "CAPABILITY": InTurn(can(b"STARTTLS"), *repeat(can(), 9)),
        "UID FETCH": [b"* 3 FETCH (UID 3)\r\n", DONE],
    }
    with Hostile(script, b"* OK ready\r\n", tls=False) as server:
        try:
            found = run(server, listing)
        except Refused as refused:
            found = refused.code
    assert found in (UidSet.of([3]), Code.TLS_FAILED)


def test_capabilities_that_are_told_before_tls_are_forgotten() -> None:
    """RFC 9051 6.2.1: as they may have been put there by another."""
    told = b"* CAPABILITY IMAP4rev1 ID\r\n"
    script: dict[str, Iterable[Answer]] = {
        "STARTTLS": [told + DONE, START_TLS],
        "CAPABILITY": InTurn(can(b"STARTTLS"), *repeat(can(), 9)),
        "UID FETCH": [b"* 3 FETCH (UID 3)\r\n", DONE],
    }
    with Hostile(script, b"* OK ready\r\n", tls=False) as server:
        assert run(server, listing) == UidSet.of([3])
        assert not any(b" ID " in line for line in server.received)


@pytest.mark.parametrize("how", [SILENCE, DRIP])
def test_a_tls_that_never_begins_is_ended(how: Answer) -> None:
    script: dict[str, Iterable[Answer]] = {
        "STARTTLS": [DONE, how],
        "CAPABILITY": can(b"STARTTLS"),
    }
    began = time.monotonic()
    with Hostile(script, tls=False) as server, pytest.raises(Refused) as refused:
        run(server, nothing, seconds=1)
    assert refused.value.code in (Code.CONNECT_TIMEOUT, Code.TLS_FAILED)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b'* LIST () "/" "Br\xfcder"\r\n', "Brüder"),
        (b'* LIST () "/" "&AB"\r\n', "&AB"),
        (b'* LIST () "/" "&2AA-"\r\n', "&2AA-"),
        (b'* LIST () "/" "&&&&"\r\n', "&&&&"),
        (b"* LIST () NIL 2026\r\n", "2026"),
        (b'* LIST () "/" {4}\r\n2"26\r\n', '2"26'),
    ],
)
def test_a_folder_with_a_broken_name_is_read_and_asked_for_as_it_is_listed(
    line: bytes, name: str
) -> None:
    inbox = b'* LIST () "/" INBOX\r\n'
    told = b"* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 1] x\r\n* 0 EXISTS\r\n"
    with Hostile({"LIST": [line, inbox, line, DONE], "EXAMINE": [told + DONE]}) as server:

        def opened(session: ImapSession) -> Sequence[FolderChoice]:
            folders = session.folders()
            session.examine(folders[1])
            return folders

        assert run(server, opened) == [INBOX, FolderChoice(name, FolderRole.OTHER)]
        *_, asked = [one for one in server.received if b"EXAMINE" in one]
    written = line.rstrip().rpartition(b" ")[2].rpartition(b"\n")[2].strip(b'"')
    assert written.replace(b'"', b'\\"') in asked


def test_a_folder_without_a_name_is_none() -> None:
    with Hostile(
        {"LIST": [b'* LIST (\\Noselect) "" ""\r\n* LIST () "/" INBOX\r\n', DONE]}
    ) as server:
        assert run(server, ImapSession.folders) == [INBOX]
        assert run(server, _named) == (["INBOX"], False)


@pytest.mark.exceeds("MAX_FOLDER_NAME_BYTES")
def test_a_folder_with_an_endless_name_hides_no_other() -> None:
    """Its name is not normalised, which would take minutes for so many combining characters."""
    names = ("\u0301" * 60_000 + "\u0327" * 60_000, "x" * (MAX_FOLDER_NAME_BYTES + 1))
    for name in names:
        line = b'* LIST (\\Sent) "/" "' + name.encode() + b'"\r\n'
        with Hostile({"LIST": [line, b'* LIST () "/" INBOX\r\n', line, DONE]}) as server:
            assert run(server, ImapSession.folders) == [INBOX]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b'() "/" Clients ("CHILDINFO" ("SUBSCRIBED"))', "Clients"),
        (b'() "/" "Clients" ("OLDNAME" ("Customers"))', "Clients"),
        (b'() "/" All Clients', "All Clients"),
        (b'() "/" Clients"2026', 'Clients"2026'),
        (b'() "/" "Clients', "Clients"),
        (b'() "\\" "Clients\\2026"', "Clients\\2026"),
        (b'() "/" NIL', "NIL"),
        (b"() NIL 007", "007"),
        (b'() "/" "007"', "007"),
        (b'() "/" (Clients)', "(Clients)"),
        (b"() / Clients", "Clients"),
        (b"Clients", None),
        (b'(\\Noselect "/" Clients', None),
        (b'() "/"', None),
        (b'() "/" ""', None),
        (b'(\\HasNoChildren) NIL ""', None),
        (b'() "/" {0}\r\n', None),
        (b"(" * 3_000, None),
        (b'() "/" Clients ' + b"(" * 3_000, "Clients " + "(" * 3_000),
    ],
)
def test_a_line_of_list_that_breaks_the_rules_is_read_or_counted_and_hides_no_other(
    line: bytes, name: str | None
) -> None:
    inbox = b'* LIST () "/" INBOX\r\n'
    with Hostile({"LIST": [inbox, b"* LIST " + line + b"\r\n", inbox, DONE]}) as server:
        names = ["INBOX", *([name] if name is not None else [])]
        assert run(server, _named) == (names, name is None)


def _named(session: ImapSession) -> tuple[Sequence[str], bool]:
    names = [folder.name for folder in session.folders()]
    return names, Limit.FOLDER_UNREADABLE in session.limits([])


@pytest.mark.parametrize("command", ["NAMESPACE", "STATUS"])
def test_an_answer_that_is_nested_without_end_is_none(command: str) -> None:
    nested = [f"* {command} ".encode() + b"(" * 3_000 + b"\r\n", DONE]

    def found(session: ImapSession) -> object:
        return session.statuses(session.folders())

    script: dict[str, Iterable[Answer]] = {"CAPABILITY": can(b"NAMESPACE"), command: nested}
    with Hostile(script) as server:
        if command == "NAMESPACE":
            assert run(server, found) == {"INBOX": Status(1, 4, 3)}
        else:
            assert refusal(found, script) is Code.PROTOCOL_ERROR


def test_a_list_of_which_no_line_can_be_read_is_a_failure() -> None:
    assert refusal(ImapSession.folders, {"LIST": [b"* LIST Clients\r\n", DONE]}) is (
        Code.PROTOCOL_ERROR
    )


@pytest.mark.exceeds("MAX_DATES_BYTES")
def test_dates_without_end_are_not_listened_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailmirror.mail.imap.session.MAX_DATES_BYTES", 1_000)
    monkeypatch.setattr("mailmirror.mail.imap.client.MAX_ANSWER_BYTES", 10_000)
    date = b'* 1 FETCH (UID 1 INTERNALDATE "01-Mar-2026 10:00:00 +0000")\r\n'

    def dates(session: ImapSession) -> object:
        return session.dates(UidSet.span(1, 1_000))

    assert refusal(dates, {"UID FETCH": [date * 1_000, DONE]}) is Code.PROTOCOL_ERROR


@pytest.mark.exceeds("MAX_FAILED_MESSAGE_LINES")
def test_of_an_answer_that_failed_so_many_lines_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailmirror.mail.imap.fetch.MAX_FAILED_MESSAGE_LINES", 1)
    date = b'* %d FETCH (UID %d INTERNALDATE "01-Mar-2026 10:00:00 +0000")\r\n'
    answers: list[Answer] = [*(date % (n, n) for n in (1, 2, 3)), date % (3, 3), HANG_UP]

    def dates(session: ImapSession) -> object:
        with pytest.raises(FetchFailed) as failed:
            session.dates(UidSet.span(1, 2))
        return set(failed.value.answered)

    with Hostile({"UID FETCH": answers}) as server:
        assert run(server, dates) == {1, 2}
    with Hostile({"UID FETCH": [date % (3, 3), date % (3, 3), date % (1, 1), HANG_UP]}) as server:
        assert run(server, dates) == set()


@pytest.mark.exceeds("MAX_UID", "MAX_UIDVALIDITY")
@pytest.mark.parametrize(
    ("uidvalidity", "uidnext", "exists", "code"),
    [
        (MAX_UIDVALIDITY, MAX_UID, MAX_UID, None),
        (MAX_UIDVALIDITY + 1, 4, 3, Code.PROTOCOL_ERROR),
        (1, MAX_UID + 1, 3, Code.PROTOCOL_ERROR),
        (1, 4, MAX_UID + 1, Code.PROTOCOL_ERROR),
        (1, "9" * 5_000, 3, Code.PROTOCOL_ERROR),
        (1, 0, 0, None),
        (1, 0, 3, Code.PROTOCOL_ERROR),
        (1, -4, 3, Code.PROTOCOL_ERROR),
        (1, 4, -3, Code.PROTOCOL_ERROR),
        (-1, 4, 3, Code.PROTOCOL_ERROR),
    ],
)
def test_a_number_that_no_folder_can_have_is_a_protocol_error(
    uidvalidity: int, uidnext: int | str, exists: int, code: Code | None
) -> None:
    answer = (
        f"* {exists} EXISTS\r\n* OK [UIDVALIDITY {uidvalidity}] x\r\n* OK [UIDNEXT {uidnext}] x\r\n"
    )
    status = f'* STATUS "INBOX" (UIDVALIDITY {uidvalidity} UIDNEXT {uidnext} MESSAGES {exists})\r\n'
    script: dict[str, list[Answer]] = {
        "EXAMINE": [answer.encode(), DONE],
        "STATUS": [status.encode(), DONE],
    }
    if code is None:
        with Hostile(script) as server:
            run(server, nothing)
    else:
        assert refusal(nothing, script) is code


@pytest.mark.exceeds("MAX_LISTED_MESSAGES")
def test_a_list_is_bounded_however_many_messages_the_server_says_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailmirror.mail.imap.session.MAX_LISTED_MESSAGES", 1_000)
    monkeypatch.setattr("mailmirror.mail.imap.client.MAX_ANSWER_LINES", 100)

    def listed(session: ImapSession) -> object:
        return session.listed(UidSet.span(1, MAX_UID), MAX_UID)

    line = b"* 1 FETCH (UID 1)\r\n"
    with Hostile({"UID FETCH": [line * 4_000, DONE]}) as server:
        assert run(server, listed) == UidSet.of([1])
    assert refusal(listed, {"UID FETCH": [line * 5_000, DONE]}) is Code.PROTOCOL_ERROR


# Servers with habits of their own


def started(answers: Iterable[bytes], line: bytes) -> bool:
    return any(one.partition(b" ")[2].startswith(line) for one in answers)


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"ID", b"ID"), (b"", b"ID"), (b"ID", b"")],
    ids=["always", "after the sign-in", "before it"],
)
def test_a_server_that_offers_id_is_told_who_we_are(before: bytes, after: bytes) -> None:
    script: dict[str, Iterable[Answer]] = {
        "CAPABILITY": InTurn(can(before), *repeat(can(after), 9))
    }
    with Hostile(script) as server:
        run(server, nothing)
        names = [line.split()[1] for line in server.received]
    assert names.index(b"LOGIN") < names.index(b"ID") < names.index(b"EXAMINE")


def test_a_server_that_does_not_offer_id_is_not_told() -> None:
    with Hostile() as server:
        run(server, nothing)
        assert not started(server.received, b"ID")


@pytest.mark.parametrize("answer", [b"<tag> NO what?\r\n", b"<tag> BAD what?\r\n"])
def test_a_server_that_refuses_id_is_read_all_the_same(answer: bytes) -> None:
    script: dict[str, Iterable[Answer]] = {"CAPABILITY": can(b"ID"), "ID": [answer]}
    with Hostile(script) as server:
        run(server, nothing)
        assert started(server.received, b"ID")


def test_preauth_over_tls_needs_no_sign_in() -> None:
    with Hostile(greeting=b"* PREAUTH [CAPABILITY IMAP4rev1] welcome\r\n") as server:
        run(server, nothing)
        assert not started(server.received, b"LOGIN")
        assert not started(server.received, b"AUTHENTICATE")


def test_a_server_of_imap4rev2_alone_is_read() -> None:
    script: dict[str, Iterable[Answer]] = {
        "CAPABILITY": [b"* CAPABILITY IMAP4rev2\r\n", DONE],
        "UID SEARCH": [b'* ESEARCH (TAG "A9") UID ALL 3,7:8\r\n', DONE],
        "UID FETCH": [
            b"* 1 FETCH (UID 3 BODY[HEADER.FIELDS (X-A)] {8}\r\nX-A: a\r\n)\r\n",
            b"* 3 FETCH (UID 8 BODY[HEADER.FIELDS (X-A)] {8}\r\nX-A: b\r\n)\r\n",
            DONE,
        ],
    }
    with Hostile(script, b"* OK [CAPABILITY IMAP4rev2] ready\r\n") as server:
        since = date(2026, 3, 1)
        assert run(server, lambda session: session.values_since("X-A", since, 500)) == {"a", "b"}
        assert run(server, lambda session: session.values_since("X-A", since, 1)) == {"b"}


def test_of_endless_results_of_a_search_only_the_greatest_are_looked_at() -> None:
    script: dict[str, Iterable[Answer]] = {
        "UID SEARCH": [b"* ESEARCH UID ALL 1:4294967295\r\n", DONE]
    }
    with Hostile(script) as server:
        run(server, lambda session: session.values_since("X-A", date(2026, 3, 1), 2))
        (fetch,) = [line for line in server.received if b"FETCH" in line]
    assert b" 4294967294:4294967295 " in fetch


def test_results_of_a_search_over_several_lines_add_up() -> None:
    script: dict[str, Iterable[Answer]] = {
        "UID SEARCH": [
            b"* SEARCH 1 2 \r\n* SEARCH\r\n* 9 EXISTS\r\n* SEARCH 5 (MODSEQ 9)\r\n",
            DONE,
        ]
    }
    with Hostile(script) as server:
        run(server, lambda session: session.values_since("X-A", date(2026, 3, 1), 9))
        (fetch,) = [line for line in server.received if b"FETCH" in line]
    assert b" 1:2,5 " in fetch


@pytest.mark.parametrize("others", [[], ["Other"]])
def test_an_inbox_that_is_not_listed_is_there_all_the_same(others: list[str]) -> None:
    lines = b"".join(b'* LIST () "/" %s\r\n' % name.encode() for name in ["Sent", *others])
    found = [INBOX, FolderChoice("Sent", FolderRole.SENT)]
    found += [FolderChoice(name, FolderRole.OTHER) for name in others]
    with Hostile({"LIST": [lines, DONE]}) as server:
        assert run(server, ImapSession.folders) == found


@pytest.mark.parametrize("lines", [b"", b'* LIST (\\Noselect) "/" INBOX\r\n'])
def test_an_inbox_that_cannot_be_opened_is_reported(lines: bytes) -> None:
    assert refusal(ImapSession.folders, {"LIST": [lines + DONE]}) is Code.INBOX_NOT_FOUND


class Listing:
    """Tells SPECIAL-USE only where it is asked for, or refuses to be asked."""

    def __init__(self, server: list[Hostile], refuses: bool) -> None:
        self._server = server
        self._refuses = refuses

    def __iter__(self) -> Iterator[Answer]:
        asked = b"RETURN (SPECIAL-USE)" in self._server[0].received[-1]
        if asked and self._refuses:
            return iter([b"<tag> BAD what?\r\n"])
        flags = b"\\Sent" if asked else b""
        return iter([b'* LIST () "/" INBOX\r\n* LIST (%s) "/" Ausgang\r\n' % flags, DONE])


@pytest.mark.parametrize("refuses", [False, True])
def test_special_use_is_asked_for_where_it_is_offered(refuses: bool) -> None:
    servers: list[Hostile] = []
    listing = Listing(servers, refuses)
    script: dict[str, Iterable[Answer]] = {
        "CAPABILITY": can(b"SPECIAL-USE", b"LIST-EXTENDED"),
        "LIST": listing,
    }
    with Hostile(script) as server:
        servers.append(server)
        found = run(server, ImapSession.folders)
    role = FolderRole.OTHER if refuses else FolderRole.SENT
    assert found == [INBOX, FolderChoice("Ausgang", role)]


@pytest.mark.parametrize("name", ["送信済み", "Envoyés", "Отправленные"])
def test_a_name_in_raw_utf_8_is_read_and_written_so(name: str) -> None:
    lines = f'* LIST () "/" INBOX\r\n* LIST () "/" "{name}"\r\n'.encode()

    def opened(session: ImapSession) -> object:
        _, sent = session.folders()
        session.statuses([sent])[sent.name]
        session.examine(sent)
        return sent

    with Hostile({"LIST": [lines, DONE]}) as server:
        assert run(server, opened) == FolderChoice(name, FolderRole.SENT)
        written = [line for line in server.received if f'"{name}"'.encode() in line]
    assert [line.split()[1] for line in written] == [b"STATUS", b"EXAMINE"]


class Knowing:
    """Answers only a command that has some bytes in it."""

    def __init__(self, server: list[Hostile], known: bytes, answers: Iterable[Answer]) -> None:
        self._server, self._known, self._answers = server, known, answers

    def __iter__(self) -> Iterator[Answer]:
        if self._known in self._server[0].received[-1] or b"INBOX" in self._server[0].received[-1]:
            return iter(self._answers)
        return iter([b"<tag> NO [NONEXISTENT] none\r\n"])


def test_a_name_that_was_listed_in_another_session_is_tried_in_raw_utf_8() -> None:
    """A poll asks for STATUS without LIST."""
    servers: list[Hostile] = []
    sent = FolderChoice("Envoyés", FolderRole.SENT)
    opened = [b"* 0 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 4] x\r\n", DONE]
    status = [b"* STATUS x (MESSAGES 0 UIDNEXT 4 UIDVALIDITY 1)\r\n", DONE]
    script: dict[str, Iterable[Answer]] = {
        "STATUS": Knowing(servers, sent.name.encode(), status),
        "EXAMINE": Knowing(servers, sent.name.encode(), opened),
    }
    with Hostile(script) as server:
        servers.append(server)
        assert run(server, lambda session: session.statuses([sent])[sent.name]) == Status(1, 4, 0)
        assert run(server, lambda session: session.examine(sent)) == Status(1, 4, 0)


EXAMINED = b"* %d EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n"


@pytest.mark.parametrize("answer", [b"* STATUS INBOX (MESSAGES 3 UIDVALIDITY 1)\r\n", b""])
def test_without_uidnext_the_greatest_uid_tells(answer: bytes) -> None:
    script: dict[str, Iterable[Answer]] = {
        "EXAMINE": [EXAMINED % 3, DONE],
        "STATUS": [answer, DONE] if answer else [b"<tag> BAD no UIDNEXT\r\n"],
        "UID FETCH": [b"* 3 FETCH (UID 17)\r\n", DONE],
    }
    with Hostile(script) as server:
        assert run(server, lambda session: session.examine(INBOX)) == Status(1, 18, 3)
        if answer:
            told = run(server, lambda session: session.statuses([INBOX]))
            assert told == {"INBOX": Status(1, 18, 3)}
        assert any(b"UID FETCH * (UID)" in line for line in server.received)


def test_an_empty_folder_without_uidnext_begins_at_1() -> None:
    script: dict[str, Iterable[Answer]] = {
        "EXAMINE": [EXAMINED % 0, DONE],
        "STATUS": [b"* STATUS INBOX (MESSAGES 0 UIDVALIDITY 1)\r\n", DONE],
    }
    with Hostile(script) as server:
        assert run(server, lambda session: session.examine(INBOX)) == Status(1, 1, 0)


@pytest.mark.parametrize("answer", [b"<tag> OK\r\n", b"<tag> ok\r\n", b"<tag> ok done\r\n"])
def test_an_ok_without_text_or_in_small_letters_is_one(answer: bytes) -> None:
    script: dict[str, Iterable[Answer]] = {
        "LOGIN": [answer],
        "UID FETCH": [b"* 2 FETCH (UID 2)\r\n", answer],
    }
    with Hostile(script, b"* OK\r\n") as server:
        assert run(server, listing) == UidSet.of([2])


@pytest.mark.parametrize("announced", [b"{%d}", b"~{%d}", b"{%d+}", b"~{%d+}"])
def test_a_literal_of_any_kind_is_one(announced: bytes) -> None:
    raw = b"Subject: a\r\n\r\n\0 {3}\r\nand ~{4}\r\n"
    size = announced % len(raw)
    answer = [b"* 1 FETCH (UID 1 BODY[] " + size + b"\r\n" + raw + b")\r\n", DONE]
    with Hostile({"UID FETCH": answer}) as server:
        assert run(server, lambda session: session.bodies({1: 500})) == {1: raw}
        name = b'* LIST () "/" ' + announced % 4 + b"\r\nSent\r\n"
    with Hostile({"LIST": [b'* LIST () "/" INBOX\r\n', name, DONE]}) as server:
        assert run(server, ImapSession.folders) == [INBOX, FolderChoice("Sent", FolderRole.SENT)]


def test_a_refusal_without_text_is_one() -> None:
    assert refusal(nothing, {"LOGIN": [b"<tag> NO\r\n"]}) is Code.SIGN_IN_FAILED


@pytest.mark.parametrize("password", ["pässwort€", "パスワード"])
def test_a_password_beyond_ascii_goes_as_a_literal(password: str) -> None:
    secret = password.encode()
    with Hostile() as server:
        run(server, nothing, password=password)
        (line,) = [line for line in server.received if b" LOGIN " in line]
    assert line.endswith(b'LOGIN "rep" {%d}\r\n' % len(secret))


UNREADABLE_DATES = (
    b"INTERNALDATE NIL ",
    b"",
    b'INTERNALDATE "" ',
    b'INTERNALDATE "05-Mar-2026 09:00:00" ',
    b'INTERNALDATE "00-Jan-0000 00:00:00 +0000" ',
    b'INTERNALDATE "32-Mar-2026 09:00:00 +0000" ',
)


@pytest.mark.parametrize("unreadable", UNREADABLE_DATES)
@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Thu, 05 Mar 2026 09:00:00 +0100", datetime(2026, 3, 5, 8, tzinfo=UTC)),
        ("Thu, 05 Mar 2037 09:00:00 +0100", SEEN_AT),
        ("yesterday", SEEN_AT),
    ],
)
def test_a_copy_whose_internaldate_cannot_be_read_has_its_date(
    unreadable: bytes, date: str, expected: datetime
) -> None:
    header = f"From: kim@customer.example\r\nDate: {date}\r\n\r\n".encode()
    line = b"* 1 FETCH (UID 1 %sRFC822.SIZE NIL BODY[HEADER.FIELDS (DATE)] {%d}\r\n%s)\r\n"
    answer = line % (unreadable, len(header), header)
    with Hostile({"UID FETCH": [answer, DONE]}) as server:
        found = run(server, headers)
        started_at = run(server, lambda session: session.header_starts(1, SEEN_AT))
    assert found == {1: FetchedHeader(expected, 0, header, (RECEIVED_DATE_UNKNOWN,))}
    assert isinstance(started_at, dict)
    assert started_at[1].received_at == expected


@pytest.mark.parametrize("size", [b"NIL", b"-1", b"0", b"huge"])
def test_a_size_that_cannot_be_true_is_no_size(size: bytes) -> None:
    line = (
        b'* 1 FETCH (UID 1 INTERNALDATE "01-Mar-2026 08:30:00 +0000" RFC822.SIZE %s'
        b" BODY[HEADER.FIELDS (DATE)] {2}\r\n\r\n)\r\n"
    )
    with Hostile({"UID FETCH": [line % size, DONE]}) as server:
        found = run(server, headers)
    assert found == {1: FetchedHeader(datetime(2026, 3, 1, 8, 30, tzinfo=UTC), 0, b"\r\n")}
