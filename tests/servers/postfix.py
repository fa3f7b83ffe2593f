"""A real Postfix (3.7) for tests: the submission server of a Dovecot's users, and the world's.

Whatever it accepts is handed at once to this process: what is for a user lies in the INBOX that
Dovecot shows, what is for anybody else is kept in memory. It touches nothing outside its temporary
folder, and any number of them can run at once. Postfix wants to be started by root: others need
`sudo` without a password.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from tests.servers.authority import LOCAL_NAMES, Certified, certify
from tests.servers.deliveries import MESSAGE_LIMIT, Deliveries, Delivery
from tests.servers.dovecot import Dovecot
from tests.servers.ports import free_ports

MEGABYTE = 1_000_000

_START_SECONDS = 10
_ATTEMPTS = 5
_PATHS = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"))
"""Where the programs are looked for: Debian keeps them from the path of ordinary users."""

_MAIN = """\
compatibility_level = 3.6
config_directory = {folder}
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = localhost
mydomain = localhost.localdomain
myorigin = localhost
mydestination =
mynetworks = 127.0.0.0/8
local_recipient_maps =
alias_maps =
alias_database =
append_dot_mydomain = no
disable_dns_lookups = yes
smtpd_peername_lookup = no
# Everything is handed to one place, with all recipients in one transaction.
default_transport = lmtp:inet:{sink}
lmtp_destination_recipient_limit = 100000
lmtp_connection_cache_on_demand = no
message_size_limit = {size}
smtpd_recipient_limit = {recipients}
smtpd_tls_cert_file = {chain}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:{auth}
smtpd_sasl_security_options = noanonymous
smtpd_sender_login_maps = texthash:{folder}/senders
smtpd_relay_restrictions = permit_mynetworks, reject
# What is missing in a user's header is put there; the world's mail is left as it is.
local_header_rewrite_clients = permit_sasl_authenticated
# Neither its counts nor its pauses for rude clients are of use here.
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
in_flow_delay = 0
"""

_SUBMISSION = (
    "-o smtpd_sasl_auth_enable=yes"
    " -o {{ smtpd_relay_restrictions = {check}permit_sasl_authenticated, reject }}"
)

_MASTER = f"""\
127.0.0.1:{{port}} inet n - n - - smtpd
127.0.0.1:{{submission}} inet n - n - - smtpd -o smtpd_tls_security_level=encrypt {_SUBMISSION}
127.0.0.1:{{submissions}} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes {_SUBMISSION}
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
tlsmgr unix - - n 1000? 1 tlsmgr
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
postlog unix-dgram n - n - 1 postlogd
"""

_QUEUES = ("incoming", "active", "deferred")
"""In the order in which a message moves, so that whoever looks meets what moves meanwhile."""
_OTHERS = ("bounce", "corrupt", "defer", "flush", "hold", "private", "saved", "trace")


class PostfixMissing(Exception):
    """There is no Postfix on this machine, or no right to start it."""


@dataclass(slots=True)
class Postfix:
    """`with Postfix(dovecot) as server:` runs a server within the block."""

    dovecot: Dovecot
    """Knows who may sign in, and holds the mail of its users. It must be running."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Login names by addresses that are theirs beside the login name itself."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Replies by recipient, as `550 5.1.1 no such user`: accepted, and then reported back."""
    own_senders_only: bool = False
    """Whether a user may send from no address but their own (553 5.7.1)."""
    size: int = 20 * MEGABYTE
    """SIZE: the most that a message may have (552 5.3.4)."""
    recipients: int = 1000
    """The most that a transaction may have; each further one is told 452 4.5.3."""
    issuer: trustme.CA | None = None
    """The authority that certifies the server; without one it makes its own."""
    names: Sequence[str] = LOCAL_NAMES
    """What its certificate is for."""

    host: str = field(init=False, default="127.0.0.1")
    port: int = field(init=False)
    """Takes mail for everybody from everybody, as the world and a relay hand it in. STARTTLS."""
    submission_port: int = field(init=False)
    """STARTTLS and a sign-in are required."""
    submissions_port: int = field(init=False)
    """TLS from the first byte, and a sign-in is required."""
    authority: Path = field(init=False)
    """The certificate (PEM) of the authority that the server is certified by."""

    _folder: Path = field(init=False)
    _deliveries: Deliveries = field(init=False)
    _process: subprocess.Popen[bytes] = field(init=False)
    _held: ExitStack = field(init=False, default_factory=ExitStack)

    def __enter__(self) -> Self:
        """Start the server, and return when its ports answer.

        Raises:
            PostfixMissing: it is not installed, or may not be started.
            RuntimeError: it does not start; its log is the error's text.
        """
        program = _master()
        with ExitStack() as held:
            self._folder = Path(tempfile.mkdtemp(prefix="postfix-"))
            held.callback(_as_root, "rm", "-rf", str(self._folder))
            # Its processes, which are of a user of their own, must reach what is theirs in it.
            self._folder.chmod(0o755)
            self._deliveries = held.enter_context(Deliveries(self._deliver, _folded(self.refused)))
            certified = certify(self._folder, self.issuer, self.names)
            self.authority = certified.authority
            self._make_queues()
            if not any(self._start(program, certified) for _ in range(_ATTEMPTS)):
                raise RuntimeError(self.log())
            held.callback(self._stop)
            self._held = held.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server and remove all that it wrote."""
        self._held.close()

    def accepted(self, seconds: float = 10) -> list[Delivery]:
        """Return one entry for each SMTP transaction that has been accepted.

        It waits until the queue is empty: what a client has been told 250 for is among them.
        Reports, which Postfix writes itself, are not.

        Raises:
            TimeoutError: something is still in the queue after these seconds.
        """
        self._settle(seconds)
        return _transactions(self._deliveries.made())

    def await_accepted(self, count: int, seconds: float = 10) -> list[Delivery]:
        """Wait for so many transactions, and return all.

        Raises:
            LateDelivery: they are fewer after these seconds.
        """
        self._deliveries.until(lambda made: len(_transactions(made)) >= count, seconds)
        return self.accepted(seconds)

    def received(self, recipient: str, seconds: float = 10) -> list[bytes]:
        """Return what was delivered to an address, a user's or not, as often as it was delivered.

        Raises:
            TimeoutError: something is still in the queue after these seconds.
        """
        self._settle(seconds)
        return _to(recipient, self._deliveries.made())

    def await_received(self, recipient: str, count: int = 1, seconds: float = 10) -> list[bytes]:
        """Wait until an address was sent so many messages, and return all.

        Raises:
            LateDelivery: they are fewer after these seconds.
        """
        self._deliveries.until(lambda made: len(_to(recipient, made)) >= count, seconds)
        return self.received(recipient, seconds)

    def log(self) -> str:
        """Return what the server has logged."""
        return (self._folder / "postfix.log").read_text("utf-8", "replace") or "no log"

    def _deliver(self, sender: str, recipient: str, raw: bytes) -> None:
        user = self._owners().get(recipient.casefold())
        if user is not None:
            # Who delivers for good says so (RFC 5321, 4.4).
            trace = f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\n"
            self.dovecot.deliver(user, trace.encode() + raw)

    def _owners(self) -> dict[str, str]:
        """Login names by address."""
        return _folded({user: user for user in self.dovecot.users} | dict(self.aliases))

    def _make_queues(self) -> None:
        postfix = ("install", "-d", "-o", "postfix")
        queue = self._folder / "queue"
        inner = [str(queue / name) for name in (*_QUEUES, *_OTHERS)]
        _as_root("install", "-d", str(queue), str(queue / "pid"))
        _as_root(*postfix, "-m", "0700", str(self._folder / "data"), *inner)
        _as_root(*postfix, "-g", "postdrop", "-m", "2710", str(queue / "public"))
        _as_root(*postfix, "-g", "postdrop", "-m", "1730", str(queue / "maildrop"))
        (self._folder / "postfix.log").touch()
        owners = (f"{address} {user}\n" for address, user in self._owners().items())
        (self._folder / "senders").write_text("".join(owners))

    def _start(self, program: str, certified: Certified) -> bool:
        """Start the server on ports free a moment ago; False if it found them taken."""
        self.port, self.submission_port, self.submissions_port = free_ports(3)
        settings = _MAIN.format(
            folder=self._folder,
            sink=f"{self._deliveries.host}:{self._deliveries.port}",
            auth=f"{self.dovecot.host}:{self.dovecot.auth_port}",
            size=min(self.size, MESSAGE_LIMIT),
            recipients=self.recipients,
            chain=certified.chain,
            key=certified.key,
        )
        services = _MASTER.format(
            port=self.port,
            submission=self.submission_port,
            submissions=self.submissions_port,
            check="reject_sender_login_mismatch, " if self.own_senders_only else "",
        )
        (self._folder / "main.cf").write_text(settings)
        (self._folder / "master.cf").write_text(services)
        for name in ("main.cf", "master.cf", "senders"):
            # It reads a file again and again until it is two seconds old.
            os.utime(self._folder / name, (0, 0))
        # Told to debug, it stays in the process group in which it is started, and so in reach.
        self._process = subprocess.Popen(
            [*_root(), program, "-d", "-c", str(self._folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        if self._answers():
            return True
        self._stop()
        return False

    def _answers(self) -> bool:
        """Wait until all ports answer; False if the server ends before."""
        deadline = time.monotonic() + _START_SECONDS
        waiting = [self.port, self.submission_port, self.submissions_port]
        while waiting and self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection((self.host, waiting[-1]), timeout=1).close()
                waiting.pop()
            except ConnectionRefusedError:
                time.sleep(0.01)
        return not waiting

    def _settle(self, seconds: float) -> None:
        queue = [str(self._folder / "queue" / name) for name in _QUEUES]
        deadline = time.monotonic() + seconds
        # What moves away while `find` looks at it makes it complain.
        while left := _as_root("find", *queue, "-type", "f", check=False):
            if time.monotonic() > deadline:
                raise TimeoutError(f"still in the queue:\n{left}\n{self.log()}")
            time.sleep(0.01)

    def _stop(self) -> None:
        # All at once, for nothing of it is kept.
        _as_root("sh", "-c", f"kill -KILL -{self._process.pid}", check=False)
        self._process.wait()


def _master() -> str:
    """The path of the program that starts all others.

    Raises:
        PostfixMissing: it is not installed, or this user may not start it.
    """
    postconf = shutil.which("postconf", path=_PATHS)
    if postconf is None:
        raise PostfixMissing("install it with: apt-get install postfix")
    if os.geteuid() and (
        shutil.which("sudo") is None
        or subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode
    ):
        raise PostfixMissing("Postfix is started by root: be root, or allow sudo without password")
    daemons = subprocess.run([postconf, "-dh", "daemon_directory"], capture_output=True, text=True)
    return str(Path(daemons.stdout.strip()) / "master")


def _root() -> list[str]:
    """What makes a command root's."""
    return ["sudo", "-n"] if os.geteuid() else []


def _as_root(*command: str, check: bool = True) -> str:
    """Run a command, and return what it says."""
    result = subprocess.run([*_root(), *command], capture_output=True, text=True)
    if check and result.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{result.stderr}")
    return result.stdout


def _folded(by_address: Mapping[str, str]) -> dict[str, str]:
    return {address.casefold(): value for address, value in by_address.items()}


def _transactions(made: Sequence[Delivery]) -> list[Delivery]:
    # What came from a client was received from it; what Postfix wrote itself, by it only.
    return [each for each in made if (each.header("Received") or "").startswith("from ")]


def _to(recipient: str, made: Sequence[Delivery]) -> list[bytes]:
    wanted = recipient.casefold()
    return [each.raw for each in made for to in each.recipients if to.casefold() == wanted]
