"""Fetching bodies over TLS: a session beside a drain of the same answers that parses nothing."""

import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from socket import create_connection

from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.mailbox import FolderRole, Security, Server
from mailmirror.mail.imap.session import ImapSession
from mailmirror.mail.sasl import PasswordLogin
from tests.integration.office import REP, loopback
from tests.servers.dovecot import Dovecot

MESSAGES, AT_ONCE, RUNS = 5_000, 50, 3
RAW = b"From: kim@customer.example\r\nSubject: x\r\n\r\n" + (b"0123456789" * 7 + b"\r\n") * 290
"""21 KB: 5,000 are 104 MB, the commands of a sync about 1 MB each."""


def bodies() -> None:
    """Print CPU seconds, to which other processes add nothing, and their ratio; best of three."""
    with Dovecot({REP: "secret"}) as server:
        server.append_all(REP, "INBOX", [(RAW, datetime.now(UTC))] * MESSAGES)
        drained = min(_cpu(lambda: _drain(server)) for _ in range(RUNS))
        fetched = min(_cpu(lambda: _fetch(server)) for _ in range(RUNS))
    print(
        f"\nBodies of {MESSAGES} messages, {MESSAGES * len(RAW) / 1e6:.0f} MB, over TLS: CPU time"
    )
    print(f"  drain {drained:.2f} s, session {fetched:.2f} s: {fetched / drained:.1f} times")


def _cpu(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _commands() -> list[range]:
    return [range(first, first + AT_ONCE) for first in range(1, MESSAGES + 1, AT_ONCE)]


def _fetch(server: Dovecot) -> None:
    at = Server("localhost", server.imaps_port, Security.TLS)
    policy = loopback(server.authority)
    with ImapSession.sign_in(at, PasswordLogin(REP, "secret"), policy, 600) as session:
        session.examine(FolderChoice("INBOX", FolderRole.INBOX))
        for uids in _commands():
            assert len(session.bodies(dict.fromkeys(uids, len(RAW)))) == AT_ONCE


def _drain(server: Dovecot) -> None:
    trust = ssl.create_default_context(cafile=str(server.authority))
    plain = create_connection(("127.0.0.1", server.imaps_port))
    with trust.wrap_socket(plain, server_hostname="localhost") as connection:
        _ask(connection, b"a LOGIN %s secret" % REP.encode())
        _ask(connection, b"a EXAMINE INBOX")
        for uids in _commands():
            _ask(connection, b"a UID FETCH %d:%d (BODY.PEEK[])" % (uids[0], uids[-1]))


def _ask(connection: ssl.SSLSocket, command: bytes) -> None:
    """Send a command, and receive until its tagged answer has come."""
    connection.sendall(command + b"\r\n")
    end = b""
    while b"\r\na OK " not in b"\r\n" + end:
        end = end[-400:] + connection.recv(1 << 18)
