"""A real Cyrus IMAP (3.6) for tests, in a chroot: see tests.servers.chroots."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from tests.servers.authority import Certified
from tests.servers.chrooted_server import ChrootedServer
from tests.servers.mailbox_server import MailboxServer

_ADMINISTRATOR = "cyrus"

_IMAPD = """\
configdirectory: {folder}/config
partition-default: {folder}/mail
defaultpartition: default
sievedir: {folder}/sieve
proc_path: {folder}/config/proc
mboxname_lockpath: {folder}/config/lock
altnamespace: yes
unixhierarchysep: yes
virtdomains: userid
defaultdomain: localhost
servername: localhost
admins: {administrator}
autocreate_quota: 0
autocreate_inbox_folders: Sent
autocreate_subscribe_folders: Sent
xlist-sent: Sent
specialuse_protect: \\Archive
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {folder}/sasldb2
sasl_mech_list: PLAIN LOGIN
allowplaintext: no
failedloginpause: 0
tls_server_cert: {folder}/server.pem
tls_server_key: {folder}/server.key
tls_session_timeout: 0
"""

_MASTER = """\
START {{
  recover cmd="/usr/sbin/cyrus ctl_cyrusdb -C {folder}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="imapd -C {folder}/imapd.conf" listen="127.0.0.1:{imap_port}" prefork=0
  imaps cmd="imapd -s -C {folder}/imapd.conf" listen="127.0.0.1:{imaps_port}" prefork=0
}}
EVENTS {{
}}
"""


@dataclass(slots=True)
class Cyrus(ChrootedServer, MailboxServer):
    """`with Cyrus({"rep@us.example": "secret"}) as server:` runs a server within the block."""

    package: ClassVar[str] = "cyrus"
    refused_in_names: ClassVar[str] = '"\\%'

    imaps_port: int = field(init=False)
    imap_port: int = field(init=False)

    def reset_uidvalidity(self, user: str, folder: str) -> None:
        """The folder is made anew, without flags; with the Inbox go all other folders."""
        box = _as_the_administrator_names(user, folder)
        with self.session(user) as client:
            client.select_folder(folder, readonly=True)
            found = client.fetch(client.search("ALL"), ["BODY.PEEK[]", "INTERNALDATE"])
        with self.signed_in(_ADMINISTRATOR, _ADMINISTRATOR) as client:
            client.setacl(box, _ADMINISTRATOR, "lrswipkxtecda")
            client.delete_folder(box)
        if folder != "INBOX":  # which is made when its user signs in
            self.create(user, folder)
        again = [found[uid] for uid in sorted(found, reverse=True)]
        self.append_all(user, folder, [(one[b"BODY[]"], one[b"INTERNALDATE"]) for one in again])

    def _configure(self, certified: Certified) -> None:
        folder, inside = self._chrooted.folder, self._chrooted.inside
        for name in ("config", "mail", "sieve"):
            (folder / name).mkdir()
        settings = _IMAPD.format(folder=inside, administrator=_ADMINISTRATOR)
        (folder / "imapd.conf").write_text(settings)
        administrator = {f"{_ADMINISTRATOR}@localhost": _ADMINISTRATOR}
        for user, password in (dict(self.users) | administrator).items():
            name, _, realm = user.partition("@")
            saslpasswd = ("saslpasswd2", "-p", "-c", "-f", f"{inside}/sasldb2", "-u", realm)
            self._chrooted.run(*saslpasswd, name, told=password)
        self._chrooted.give("cyrus:mail")

    def _command(self, starttls_port: int, tls_port: int) -> Sequence[str]:
        self.imap_port, self.imaps_port = starttls_port, tls_port
        folder, inside = self._chrooted.folder, self._chrooted.inside
        services = _MASTER.format(folder=inside, imap_port=starttls_port, imaps_port=tls_port)
        (folder / "cyrus.conf").write_text(services)
        master = ("/usr/lib/cyrus/bin/master", "-D", "-p", f"{inside}/master.pid")
        return [*master, "-C", f"{inside}/imapd.conf", "-M", f"{inside}/cyrus.conf"]


def _as_the_administrator_names(user: str, folder: str) -> str:
    name, _, domain = user.partition("@")
    below = "" if folder == "INBOX" else f"/{folder}"
    return f"user/{name}{below}@{domain}"
