"""The IMAP servers that the tests of the sync can run against, by the name that selects one."""

from collections.abc import Mapping
from typing import Protocol

import trustme

from tests.servers.courier import Courier
from tests.servers.cyrus import Cyrus
from tests.servers.dovecot import Dovecot
from tests.servers.mailbox_server import MailboxServer


class StartServer(Protocol):
    """Makes a server that runs for the time of a `with` block."""

    def __call__(
        self, users: Mapping[str, str], *, issuer: trustme.CA | None = None
    ) -> MailboxServer: ...


MAILBOX_SERVERS: Mapping[str, StartServer] = {
    "dovecot": Dovecot,
    "cyrus": Cyrus,
    "courier": Courier,
}
