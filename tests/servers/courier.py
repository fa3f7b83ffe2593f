"""A real Courier IMAP (5.2) for tests, in a chroot: see tests.servers.chroots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from imapclient import imap_utf7

from tests.servers.authority import Certified
from tests.servers.chrooted_server import ChrootedServer
from tests.servers.mailbox_server import MailboxServer

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
class Courier(ChrootedServer, MailboxServer):
    """`with Courier({"rep@us.example": "secret"}) as server:` runs a server within the block."""

    package: ClassVar[str] = "courier"
    mounts: ClassVar[Mapping[str, str]] = {"/etc/courier": "etc", "/run/courier": "run"}

    imaps_port: int = field(init=False)
    imap_port: int = field(init=False)

    def named(self, folder: str) -> str:
        """All folders are below INBOX, with dots."""
        return folder if folder == "INBOX" else f"INBOX.{folder.replace('/', '.')}"

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

    def _configure(self, certified: Certified) -> None:
        folder, inside = self._chrooted.folder, self._chrooted.inside
        (folder / "etc").mkdir()
        (folder / "run" / "authdaemon").mkdir(parents=True)
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

    def _command(self, starttls_port: int, tls_port: int) -> Sequence[str]:
        self.imap_port, self.imaps_port = starttls_port, tls_port
        return ["sh", "-c", _SCRIPT.format(imap_port=starttls_port, imaps_port=tls_port)]
