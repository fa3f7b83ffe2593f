"""A real Exim (4.96) for tests, in a chroot: a submission server that users sign in to.

What it accepts stays in its queue, and goes with it.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from tests.servers.authority import certify
from tests.servers.chrooted import Chrooted
from tests.servers.ports import free_ports

_ATTEMPTS = 5
_OWNER = "Debian-exim"

_CONFIGURATION = """\
exim_user = %(owner)s
exim_group = %(owner)s
primary_hostname = localhost
spool_directory = %(folder)s/spool
log_file_path = %(folder)s/spool/%%slog
local_interfaces = <; [127.0.0.1]:%(submission)d ; [127.0.0.1]:%(submissions)d
tls_on_connect_ports = %(submissions)d
tls_advertise_hosts = *
tls_certificate = %(folder)s/server.pem
tls_privatekey = %(folder)s/server.key
auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}
acl_smtp_rcpt = recipients
acl_smtp_data = accept
queue_only = true
host_lookup =
rfc1413_hosts =

begin acl
recipients:
  accept authenticated = *
  deny message = relay not permitted

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if eq{${base64:$auth3}}{${lookup{$auth2}lsearch{%(folder)s/passwords}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${if eq{${base64:$auth2}}{${lookup{$auth1}lsearch{%(folder)s/passwords}}}}
  server_set_id = $auth1
"""


@dataclass(slots=True)
class Exim:
    """`with Exim({"rep@us.example": "secret"}) as server:` runs a server within the block."""

    users: Mapping[str, str]
    """Passwords by sign-in name."""
    issuer: trustme.CA | None = None
    """The authority that certifies the server; without one it makes its own."""

    host: str = field(init=False, default="127.0.0.1")
    submission_port: int = field(init=False)
    """STARTTLS and a sign-in are required."""
    submissions_port: int = field(init=False)
    """TLS from the first byte, and a sign-in is required."""
    authority: Path = field(init=False)
    """The certificate (PEM) of the authority that the server is certified by."""

    _chrooted: Chrooted = field(init=False)

    def __enter__(self) -> Self:
        """Start the server, and return when it answers.

        Raises:
            ChrootMissing: it is not installed.
            RuntimeError: it does not start; its log is the error's text.
        """
        self._chrooted = Chrooted("exim")
        try:
            self.authority = certify(self._chrooted.folder, self.issuer).authority
            (self._chrooted.folder / "spool").mkdir()
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

    def _start(self) -> bool:
        self.submission_port, self.submissions_port = free_ports(2)
        folder, inside = self._chrooted.folder, self._chrooted.inside
        # In base64: a password may look like an expression of Exim's.
        passwords = (
            f'"{user}": {b64encode(password.encode()).decode()}\n'
            for user, password in self.users.items()
        )
        (folder / "passwords").write_text("".join(passwords))
        (folder / "exim.conf").write_text(
            _CONFIGURATION
            % {
                "folder": inside,
                "owner": _OWNER,
                "submission": self.submission_port,
                "submissions": self.submissions_port,
            }
        )
        self._chrooted.give(f"{_OWNER}:{_OWNER}")
        self._chrooted.run("chown", "root", f"{inside}/exim.conf")
        exim = ("/usr/sbin/exim4", "-bdf", "-C", f"{inside}/exim.conf")
        return self._chrooted.start(exim, [self.submission_port, self.submissions_port])
