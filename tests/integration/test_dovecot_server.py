"""The servers that other tests stand on do what those tests take for granted."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from imaplib import IMAP4
from pathlib import Path

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from tests.servers import dovecot
from tests.servers.dovecot import LIKE_MICROSOFT, Dovecot, DovecotMissing, Folder
from tests.servers.hostile import HANG_UP, POP3_GREETING, SILENCE, Answer, Hostile

REP, BOSS = "rep@us.example", "boss@us.example"
USERS = {REP: 'se:cret "1"', BOSS: "other"}
HELLO = b"From: kim@customer.example\r\nSubject: hello\r\n\r\nhello\r\n"
MARCH = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[Dovecot]:
    with Dovecot(USERS) as running:
        yield running


def test_a_message_is_kept_with_its_date_and_flags(server: Dovecot) -> None:
    uid = server.append(REP, "INBOX", HELLO, MARCH, ["\\Seen"])
    state = server.snapshot(REP)["INBOX"]
    assert state.messages[uid].received_at == MARCH
    assert state.messages[uid].flags == {"\\Seen", "\\Recent"}
    assert state.messages[uid].size == len(HELLO)
    assert server.snapshot(BOSS)["INBOX"].messages == {}


@pytest.mark.parametrize("folder", ["INBOX", "Customers/A"])
def test_a_folder_is_filled_under_given_uids(server: Dovecot, folder: str) -> None:
    if folder != "INBOX":
        server.create(REP, folder)
    later = MARCH + timedelta(hours=1)
    server.fill(REP, folder, {3: (HELLO, MARCH), 7: (HELLO.replace(b"\r", b""), later)})
    messages = server.snapshot(REP)[folder].messages
    assert {uid: one.received_at for uid, one in messages.items()} == {3: MARCH, 7: later}
    assert {one.size for one in messages.values()} == {len(HELLO)}
    assert server.append(REP, folder, HELLO) == 8


def test_literals_are_told_by_the_item_that_was_asked_for(server: Dovecot) -> None:
    server.append_all(REP, "INBOX", [(HELLO, MARCH)] * 2)
    with server.session(REP) as client:
        client.select_folder("INBOX", readonly=True)
        client.fetch([1, 2], ["BODY.PEEK[]"])
        client.fetch([1], ["BODY.PEEK[]<0.5>", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"])
    assert server.literals() == {
        "BODY[]": [len(HELLO), len(HELLO), 5],
        "BODY[HEADER.FIELDS]": [len(b"Subject: hello\r\n\r\n")],
    }


def test_a_snapshot_changes_nothing_that_a_snapshot_shows(server: Dovecot) -> None:
    server.append_all(REP, "INBOX", [(HELLO, MARCH)] * 3)
    assert server.snapshot(REP) == server.snapshot(REP)


@pytest.mark.parametrize("change", ["select", "body", "flag", "subscribe", "append", "create"])
def test_a_snapshot_shows_whatever_a_client_leaves_behind(server: Dovecot, change: str) -> None:
    server.append_all(REP, "INBOX", [(HELLO, MARCH)] * 2)
    before = server.snapshot(REP)
    with server.session(REP) as client:
        if change in ("select", "body", "flag"):
            client.select_folder("INBOX")
        match change:
            case "body":
                client.fetch([1], ["BODY[]"])
            case "flag":
                client.add_flags([1], ["\\Flagged"])
            case "subscribe":
                client.subscribe_folder("Sent")
            case "append":
                client.append("Sent", HELLO)
            case "create":
                client.create_folder("Other")
    assert server.snapshot(REP) != before


def test_reading_as_a_guest_leaves_no_trace(server: Dovecot) -> None:
    server.append_all(REP, "INBOX", [(HELLO, MARCH)] * 2)
    before = server.snapshot(REP)
    with server.session(REP) as client:
        client.select_folder("INBOX", readonly=True)
        client.fetch([1, 2], ["BODY.PEEK[]", "INTERNALDATE"])
    assert server.snapshot(REP) == before
    assert any("BODY.PEEK[]" in command for command in server.commands())


def test_a_new_uidvalidity_comes_with_other_messages_under_the_old_uids(server: Dovecot) -> None:
    for folder in ("INBOX", "Sent", "営業/2026"):
        if folder not in ("INBOX", "Sent"):
            server.create(REP, folder)
        server.append(REP, folder, HELLO, MARCH, ["\\Seen"])
        server.append(REP, folder, HELLO * 2, MARCH)
        before = server.snapshot(REP)[folder]
        server.reset_uidvalidity(REP, folder)
        after = server.snapshot(REP)[folder]
        assert after.uidvalidity > before.uidvalidity
        assert [message.size for message in before.messages.values()] == [
            len(HELLO),
            2 * len(HELLO),
        ]
        assert [message.size for message in after.messages.values()] == [2 * len(HELLO), len(HELLO)]
        assert "\\Seen" in after.messages[2].flags
        assert server.append(REP, folder, HELLO) == 3


def test_a_new_uidvalidity_leaves_no_uid_to_what_was_expunged_before(server: Dovecot) -> None:
    """Dovecot has the names of expunged files in its list for a while."""
    for texts in ([1, 2, 3], [4, 5, 6]):
        server.append_all(REP, "INBOX", [(HELLO * n, MARCH) for n in texts])
        newest = max(server.snapshot(REP)["INBOX"].messages)
        server.expunge(REP, "INBOX", [newest - 1])
        left = list(server.snapshot(REP)["INBOX"].messages.values())
        server.reset_uidvalidity(REP, "INBOX")
        after = server.snapshot(REP)["INBOX"].messages
        assert list(after) == list(range(1, len(left) + 1))
        assert [one.size for one in after.values()] == [one.size for one in reversed(left)]


def test_what_is_expunged_is_gone_and_its_uid_never_comes_again(server: Dovecot) -> None:
    server.append_all(REP, "INBOX", [(HELLO, MARCH)] * 3)
    server.expunge(REP, "INBOX", [1, 3])
    assert list(server.snapshot(REP)["INBOX"].messages) == [2]
    assert server.append(REP, "INBOX", HELLO) == 4


def test_a_login_needs_a_known_certificate_and_the_password(server: Dovecot) -> None:
    trust = ssl.create_default_context(cafile=str(server.authority))
    with pytest.raises(ssl.SSLCertVerificationError):
        IMAPClient(server.host, server.imaps_port)
    with (
        IMAPClient(server.host, server.imaps_port, ssl_context=trust) as client,
        pytest.raises(LoginError),
    ):
        client.login(REP, "wrong")
    with IMAPClient(server.host, server.imap_port, ssl=False) as client:
        client.starttls(trust)
        client.login(REP, USERS[REP])


def test_a_server_can_say_that_it_can_no_more_than_microsofts() -> None:
    folders = [Folder("Sent Items"), Folder("送信済みアイテム")]
    with Dovecot(USERS, folders, LIKE_MICROSOFT) as server, server.session(REP) as client:
        capabilities = {name.decode() for name in client.capabilities()}
        assert not capabilities & {"CONDSTORE", "QRESYNC", "ESEARCH", "SPECIAL-USE", "LIST-STATUS"}
        listed = client.list_folders()
    assert {name for _, _, name in listed} == {"INBOX", "Sent Items", "送信済みアイテム"}
    assert not any(b"\\Sent" in attributes for attributes, _, _ in listed)


def test_many_servers_run_at_once_and_leave_nothing_behind() -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(Dovecot(USERS)) for _ in range(4)]
        assert len({server.imaps_port for server in servers}) == 4
        for server in servers:
            server.append(REP, "INBOX", HELLO)
        folders = [server.authority.parent for server in servers]
    assert not any(folder.exists() for folder in folders)


def test_a_machine_without_dovecot_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(dovecot, "_PATHS", str(tmp_path))
    with pytest.raises(DovecotMissing, match="apt-get install dovecot-imapd"), Dovecot(USERS):
        pass


def connect(server: Hostile) -> IMAPClient:
    trust = ssl.create_default_context(cafile=str(server.authority))
    return IMAPClient(server.host, server.port, ssl_context=trust, timeout=0.2)


def test_a_scripted_server_answers_what_it_is_reported() -> None:
    fetched = b"* 2 EXPUNGE\r\n* 1 FETCH (UID 1 FLAGS ())\r\n"
    script: dict[str, list[Answer]] = {"UID FETCH": [fetched, b"<tag> OK done\r\n"]}
    with Hostile(script) as server:
        client = connect(server)
        client.login("rep", "secret")
        client.append("INBOX", HELLO)
        client.select_folder("INBOX", readonly=True)
        assert list(client.fetch([1], ["FLAGS"])) == [1]
        client.logout()
        assert any(b"UID FETCH 1" in line for line in server.received)


def test_a_scripted_server_can_go_quiet_hang_up_or_be_another_protocols() -> None:
    with Hostile({"LOGIN": [SILENCE]}) as server, pytest.raises(TimeoutError):
        connect(server).login("rep", "secret")
    with Hostile({"LOGIN": [b"* BYE\r\n", HANG_UP]}) as server, pytest.raises(LoginError):
        connect(server).login("rep", "secret")
    with Hostile(greeting=POP3_GREETING) as server, pytest.raises(IMAP4.error):
        connect(server)
    with Hostile(greeting=SILENCE) as server, pytest.raises(TimeoutError):
        connect(server)
