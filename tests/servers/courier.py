"""A real Courier IMAP (5.2) for tests, in a chroot: see tests.servers.chroots."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme
from imapclient import imap_utf7

from tests.servers.authority import certify
from tests.servers.chrooted import Chrooted
from tests.servers.mailbox_server import MailboxServer
from tests.servers.ports import free_ports

_ATTEMPTS = 5
_OWNER = "courier"

_CAPABILITY = (
    "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE"
)
"""As its own configuration has it."""

_AUTHDAEMON = """\
authmodulelist="authuserdb"
authdaemonvar=/run/courier/authdaemon
daemons=5
"""

_SCRIPT = f"""\
set -e
umask 022
makeuserdb
authdaemond start
until test -S /run/courier/authdaemon/socket; do sleep 0.01; done
export IMAP_CAPABILITY='{_CAPABILITY}' IMAP_CAPABILITY_TLS='{_CAPABILITY} AUTH=PLAIN'
export IMAP_CHECK_ALL_FOLDERS=0 IMAP_USELOCKS=1 IMAP_KEYWORDS=1 IMAP_OBSOLETE_CLIENT=0
export IMAP_MAILBOX_SANITY_CHECK=0 IMAP_TLS_REQUIRED=1 IMAP_UMASK=022 IMAP_MAXPERIP=100
export COURIERTLS=/usr/bin/couriertls TLS_CERTFILE=/etc/courier/server.pem TLS_VERIFYPEER=NONE
tcpd='/usr/sbin/couriertcpd -address=127.0.0.1 -maxprocs=100 -maxperip=100 -nodnslookup'
tcpd="$tcpd -noidentlookup"
login='/usr/lib/courier/courier/imaplogin /usr/bin/imapd Maildir'
IMAP_STARTTLS=YES $tcpd {{imap_port}} $login &
export IMAP_TLS=1
exec $tcpd {{imaps_port}} /usr/bin/couriertls -server -tcpd -user={_OWNER} $login
"""


@dataclass(slots=True)
class Courier(MailboxServer):
    """`with Courier({"rep@us.example": "secret"}) as server:` runs a server within the block."""

    users: Mapping[str, str]
    issuer: trustme.CA | None = None
    """The authority that certifies the server; without one it makes its own."""

    host: str = field(init=False, default="127.0.0.1")
    imaps_port: int = field(init=False)
    imap_port: int = field(init=False)
    authority: Path = field(init=False)

    _chrooted: Chrooted = field(init=False)

    def named(self, folder: str) -> str:
        """All folders are below INBOX, with dots."""
        return folder if folder == "INBOX" else f"INBOX.{folder.replace('/', '.')}"

    def __enter__(self) -> Self:
        """Start the server, and return when it answers.

        Raises:
            ChrootMissing: it is not installed.
            RuntimeError: it does not start; its log is the error's text.
        """
        self._chrooted = Chrooted("courier")
        try:
            self._configure()
            if not any(self._start() for _ in range(_ATTEMPTS)):
                raise RuntimeError(self._chrooted.log())
        except BaseException:
            self._chrooted.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._chrooted.close()

    def reset_uidvalidity(self, user: str, folder: str) -> None:
        maildir = self._chrooted.folder / "mail" / str(list(self.users).index(user)) / "Maildir"
        if folder != "INBOX":
            maildir /= "." + imap_utf7.encode(folder.replace("/", ".")).decode("ascii")
        uids = maildir / "courierimapuiddb"
        header, *lines = uids.read_text("utf-8").splitlines()
        version, uidvalidity, *kept = header.split()
        files = [line.partition(" ")[2] for line in reversed(lines)]
        renumbered = [" ".join([version, str(int(uidvalidity) + 1), *kept])]
        renumbered += [f"{uid} {name}" for uid, name in enumerate(files, start=1)]
        uids.write_text("".join(f"{line}\n" for line in renumbered), "utf-8")

    def _configure(self) -> None:
        folder, inside = self._chrooted.folder, self._chrooted.inside
        (folder / "etc").mkdir()
        (folder / "run" / "authdaemon").mkdir(parents=True)
        certified = certify(folder, self.issuer)
        self.authority = certified.authority
        pem = certified.key.read_text() + certified.chain.read_text()
        (folder / "etc" / "server.pem").write_text(pem)
        for number in range(len(self.users)):
            mail = f"{inside}/mail/{number}"
            self._chrooted.run("mkdir", "-p", mail)
            self._chrooted.run("maildirmake.courier", f"{mail}/Maildir")
            self._chrooted.run("maildirmake.courier", "-f", "Sent", f"{mail}/Maildir")
            (folder / "mail" / str(number) / "Maildir" / "courierimapsubscribed").write_text(
                "INBOX\nINBOX.Sent\n"
            )
        ids = self._chrooted.run("sh", "-c", f"id -u {_OWNER}; id -g {_OWNER}").split()
        lines = [
            f"{user}\tuid={ids[0]}|gid={ids[1]}|home={inside}/mail/{number}|imappw={hashed}\n"
            for number, (user, password) in enumerate(self.users.items())
            for hashed in [self._chrooted.run("userdbpw", "-md5", told=f"{password}\n").strip()]
        ]
        (folder / "etc" / "authdaemonrc").write_text(_AUTHDAEMON)
        userdb = folder / "etc" / "userdb"
        userdb.write_text("".join(lines))
        userdb.chmod(0o600)
        self._chrooted.give(f"{_OWNER}:{_OWNER}")

    def _start(self) -> bool:
        self.imaps_port, self.imap_port = free_ports(2)
        script = _SCRIPT.format(imaps_port=self.imaps_port, imap_port=self.imap_port)
        return self._chrooted.start(
            ["sh", "-c", script],
            [self.imaps_port, self.imap_port],
            {"/etc/courier": "etc", "/run/courier": "run"},
        )
