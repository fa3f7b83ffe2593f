"""A real Dovecot (2.3) for tests: a child process with its own configuration, users and mail.

It needs no root and touches nothing outside its temporary folder; started by root, it runs as
`nobody`. Any number of them can run at once.
"""

import grp
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import trustme
from imapclient import imap_utf7

from tests.servers.authority import LOCAL_NAMES, certify
from tests.servers.mailbox_server import MailboxServer
from tests.servers.ports import free_ports

LIKE_MICROSOFT = "IMAP4 IMAP4rev1 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"
"""What outlook.office365.com says that it can: neither CONDSTORE nor ESEARCH nor SPECIAL-USE."""

_PATHS = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"))
"""Where the program is looked for: Debian keeps it from the path of ordinary users."""

_START_SECONDS = 10
_ATTEMPTS = 5

_CONFIGURATION = """\
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
default_login_user = {owner}
default_internal_user = {owner}
default_internal_group = {group}
first_valid_uid = 1
first_valid_gid = 1
ssl = required
ssl_cert = <{chain}
ssl_key = <{key}
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
mail_location = maildir:~/Maildir
maildir_stat_dirs = yes
mail_max_userip_connections = 50
{capability}

passdb {{
  driver = passwd-file
  mechanisms = plain login
  args = scheme=PLAIN username_format=%u {folder}/users
}}
{oauth}
userdb {{
  driver = static
  args = uid={owner} gid={group} home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  prefix = {prefix}
  separator = {separator}
{folders}
}}
{further}
protocol imap {{
  rawlog_dir = {folder}/commands
}}
# One process greets every connection: to start one for each takes half of a short session's CPU
# time. (A session has a process of its own still: its log of commands is named after it.)
service imap-login {{
  service_count = 0
  chroot =
  inet_listener imap {{
    port = {imap_port}
  }}
  inet_listener imaps {{
    port = {imaps_port}
    ssl = yes
  }}
}}
service auth {{
  inet_listener {{
    port = {auth_port}
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""

_OAUTH_PASSDB = """\
passdb {{
  driver = oauth2
  mechanisms = {mechanisms}
  args = {settings}
}}
"""

_OAUTH_SETTINGS = """\
introspection_mode = post
introspection_url = {url}
username_attribute = {username}
active_attribute = {active}
active_value = true
tls_ca_cert_file = {authority}
"""

_OAUTH_MECHANISMS = "xoauth2 oauthbearer"

_UID_LIST = "dovecot-uidlist"
_ANNOUNCED = re.compile(rb"BODY\[([^\]\s]*)[^\]\r\n]*\](?:<[0-9]+>)? \{([0-9]+)\}\r\n")


class DovecotMissing(Exception):
    """There is no Dovecot on this machine."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that every user has from the start."""

    name: str
    special_use: str | None = None
    """As `\\Sent`; None where the server shall not say what the folder is for."""


@dataclass(frozen=True, slots=True)
class OAuth:
    """Where a server asks whether an access token is good (RFC 7662). It asks at every sign-in."""

    introspection_url: str
    client_id: str
    client_secret: str
    """With which the server itself signs in to ask."""
    authority: Path
    """The certificate (PEM) of the authority that certifies the one who is asked."""
    username_attribute: str = "username"
    """What of the answer must be the login name."""
    active_attribute: str = "active"


@dataclass(slots=True)
class Dovecot(MailboxServer):
    """`with Dovecot({"rep@us.example": "secret"}) as server:` runs a server within the block."""

    users: Mapping[str, str]
    """Passwords by login name."""
    folders: Iterable[Folder] = (Folder("Sent", "\\Sent"),)
    """Beside INBOX."""
    capability: str | None = None
    """What the server says that it can, in place of all that it can."""
    issuer: trustme.CA | None = None
    """The authority that certifies the server; without one it makes its own."""
    oauth: OAuth | None = None
    """With it, XOAUTH2 and OAUTHBEARER (RFC 7628) let users in, beside their passwords."""
    prefix: str = ""
    """What the names of a user's own folders begin with, but for INBOX."""
    separator: str = "/"
    """Between the levels of a folder's name; methods take names with `/`."""
    further: str = ""
    """Settings beside those of this module; `{folder}` is the server's own folder."""
    names: Sequence[str] = LOCAL_NAMES
    """What its certificate is for."""

    host: str = field(init=False, default="127.0.0.1")
    imaps_port: int = field(init=False)
    """TLS from the first byte."""
    imap_port: int = field(init=False)
    """STARTTLS. (Over loopback Dovecot takes a login even without: clients must insist on it.)"""
    auth_port: int = field(init=False)
    """Where another server asks whether a login is right, in Dovecot's own auth protocol."""
    authority: Path = field(init=False)
    """The certificate (PEM) of the authority that the server is certified by."""

    _folder: Path = field(init=False)
    _process: subprocess.Popen[bytes] = field(init=False)

    @property
    def mail(self) -> Path:
        """The folder with everybody's Maildir."""
        return self._folder / "mail"

    def __enter__(self) -> Self:
        """Start the server, and return when it greets.

        Raises:
            DovecotMissing: it is not installed.
            RuntimeError: it does not start; its log is the error's text.
        """
        program = shutil.which("dovecot", path=_PATHS)
        if program is None:
            raise DovecotMissing("install it with: apt-get install dovecot-imapd")
        self._folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
        try:
            certified = certify(self._folder, self.issuer, self.names)
            self.authority = certified.authority
            for name in ("run", "state", "mail", "commands"):
                (self._folder / name).mkdir()
            users = (f"{user}:{_safe(password)}::::::\n" for user, password in self.users.items())
            (self._folder / "users").write_text("".join(users))
            for _ in range(_ATTEMPTS):
                if self._start(program, certified.chain, certified.key):
                    return self
            raise RuntimeError(self.log())
        except BaseException:
            shutil.rmtree(self._folder)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server and remove all that it wrote."""
        self._stop()
        shutil.rmtree(self._folder)

    def named(self, folder: str) -> str:
        """Below the prefix of the user's own folders, with their separator."""
        if folder == "INBOX":
            return folder
        return self.prefix + folder.replace("/", self.separator)

    def deliver(self, user: str, raw: bytes) -> None:
        """Put a message into INBOX as a delivery agent does: no client has logged in for it."""
        home = self.mail / user
        maildir = home / "Maildir"
        for each in (home, maildir, *(maildir / name for name in ("tmp", "new", "cur"))):
            each.mkdir(mode=0o700, exist_ok=True)
            self._give(each)
        written = maildir / "tmp" / f"{time.time():.6f}.{uuid4().hex}.localhost"
        written.write_bytes(raw)
        self._give(written)
        written.rename(maildir / "new" / written.name)

    def fill(self, user: str, folder: str, messages: Mapping[int, tuple[bytes, datetime]]) -> None:
        """Put many messages into an empty folder that is there, by UID, each with its INTERNALDATE.

        No session may be open. A thousand take less than half a second.
        """
        with self.session(user) as client:
            client.select_folder(folder, readonly=True)  # which makes an Inbox
        maildir = self._maildir(user, folder)
        files: dict[int, str] = {}
        for uid, (raw, received_at) in sorted(messages.items()):
            size = len(raw) + raw.count(b"\n") - raw.count(b"\r\n")
            seconds = int(received_at.timestamp())
            files[uid] = f"{seconds}.M{uid}P1.localhost,S={len(raw)},W={size}"
            written = maildir / "cur" / f"{files[uid]}:2,S"
            written.write_bytes(raw)
            os.utime(written, (seconds, seconds))
            self._give(written)
        self._write_uids(maildir, files, uidvalidity=int(time.time()))
        with self.session(user) as client:
            client.folder_status(folder, ["MESSAGES"])

    def reset_uidvalidity(self, user: str, folder: str) -> None:
        with self.session(user) as client:
            client.folder_status(folder, ["MESSAGES"])
        maildir = self._maildir(user, folder)
        header, *lines = (maildir / _UID_LIST).read_text("utf-8").splitlines()
        uidvalidity = next(int(text[1:]) for text in header.split() if text[0] == "V") + 1
        # Expunged files stay in the list for a while, and flags end the names of the others.
        there = {
            one.name.partition(":")[0]
            for sub in ("cur", "new")
            for one in (maildir / sub).iterdir()
        }
        listed = [line.partition(":")[2] for line in reversed(lines)]
        files = [name for name in listed if name.partition(":")[0] in there]
        self._write_uids(maildir, dict(enumerate(files, start=1)), uidvalidity)

    def _maildir(self, user: str, folder: str) -> Path:
        """The files of a folder."""
        maildir = self.mail / user / "Maildir"
        if folder == "INBOX":
            return maildir
        return maildir / f".{imap_utf7.encode(folder.replace('/', '.')).decode('ascii')}"

    def _write_uids(self, maildir: Path, files: Mapping[int, str], uidvalidity: int) -> None:
        """Give a folder these UIDs. What the server has noted of it under others is removed."""
        uids = maildir / _UID_LIST
        version, *fields = uids.read_text("utf-8").partition("\n")[0].split()
        kept = [text for text in fields if text[0] not in "VN"]
        numbers = [f"V{uidvalidity}", f"N{max(files, default=0) + 1}"]
        lines = [" ".join([version, *numbers, *kept])]
        lines += [f"{uid} :{name}" for uid, name in files.items()]
        for index in maildir.glob("dovecot.index*"):
            index.unlink()
        # Written in place: a file made by root could not be read by the server.
        uids.write_text("".join(f"{line}\n" for line in lines), "utf-8")

    def commands(self) -> list[str]:
        """Return every line that clients have sent after their login, sorted by connection.

        Among them are those of this class's own methods.
        """
        logs = sorted((self._folder / "commands").glob("*.in"))
        return [
            line.partition(" ")[2]
            for log in logs
            for line in log.read_text("utf-8", "replace").splitlines()
        ]

    def literals(self) -> Mapping[str, Sequence[int]]:
        """The sizes of the literals that FETCH has returned, by item without names of fields.

        `BODY[]` is a message. They are found by their announcement, which the text of a message
        must not contain.
        """
        found: dict[str, list[int]] = {}
        for log in (self._folder / "commands").glob("*.out"):
            for section, size in _ANNOUNCED.findall(log.read_bytes()):
                found.setdefault(f"BODY[{section.decode()}]", []).append(int(size))
        return found

    def log(self) -> str:
        """Return what the server has logged."""
        log = self._folder / "dovecot.log"
        return log.read_text("utf-8", "replace") if log.exists() else "no log"

    def _start(self, program: str, chain: Path, key: Path) -> bool:
        """Start the server on ports free a moment ago; False if it found them taken."""
        self.imaps_port, self.imap_port, self.auth_port = free_ports(3)
        is_root = os.geteuid() == 0
        user = _owner()
        configuration = self._folder / "dovecot.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                folder=self._folder,
                owner=user.pw_name,
                group=grp.getgrgid(user.pw_gid).gr_name,
                chain=chain,
                key=key,
                capability=f"imap_capability = {self.capability}" if self.capability else "",
                folders="\n".join(map(_folder_settings, self.folders)),
                prefix=self.prefix,
                separator=self.separator,
                further=self.further.replace("{folder}", str(self._folder)),
                imap_port=self.imap_port,
                imaps_port=self.imaps_port,
                auth_port=self.auth_port,
                mechanisms=f"plain login {_OAUTH_MECHANISMS if self.oauth else ''}",
                oauth=self._oauth_passdb(self.oauth) if self.oauth else "",
            )
        )
        if is_root:
            for path in (self._folder, *self._folder.rglob("*")):
                self._give(path)
        self._process = subprocess.Popen(
            [program, "-F", "-c", str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            user=user.pw_uid if is_root else None,
            group=user.pw_gid if is_root else None,
            extra_groups=[] if is_root else None,
        )
        if self._greets():
            return True
        self._stop()
        return False

    def _oauth_passdb(self, oauth: OAuth) -> str:
        """Write what the server needs to ask, and return the setting that names it."""
        # The one way to tell it a login is the URL.
        url = urlsplit(oauth.introspection_url)
        login = f"{quote(oauth.client_id, '')}:{quote(oauth.client_secret, '')}"
        settings = self._folder / "oauth2.conf"
        settings.write_text(
            _OAUTH_SETTINGS.format(
                url=urlunsplit(url._replace(netloc=f"{login}@{url.netloc}")),
                username=oauth.username_attribute,
                active=oauth.active_attribute,
                authority=shutil.copy(oauth.authority, self._folder / "oauth2.pem"),
            )
        )
        return _OAUTH_PASSDB.format(mechanisms=_OAUTH_MECHANISMS, settings=settings)

    def _give(self, path: Path) -> None:
        """Let the server's user own what this process has made."""
        if os.geteuid() == 0:
            user = _owner()
            os.chown(path, user.pw_uid, user.pw_gid)

    def _greets(self) -> bool:
        """Wait until all ports answer; False if the server ends before."""
        deadline = time.monotonic() + _START_SECONDS
        waiting = [self.imaps_port, self.imap_port, self.auth_port]
        while waiting and self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection((self.host, waiting[-1]), timeout=1).close()
                waiting.pop()
            except ConnectionRefusedError:
                time.sleep(0.01)
        return not waiting

    def _stop(self) -> None:
        # All at once, for nothing of it is kept: asked to end, it waits seconds for its children.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _folder_settings(folder: Folder) -> str:
    use = f"\n    special_use = {folder.special_use}" if folder.special_use else ""
    return f'  mailbox "{folder.name}" {{\n    auto = create{use}\n  }}'


def _safe(password: str) -> str:
    """Write a password so that it may hold a colon."""
    return "{PLAIN.b64}" + b64encode(password.encode()).decode("ascii")


def _owner() -> pwd.struct_passwd:
    """Whom the server runs as."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
