"""A real Exim (4.96) for tests, in a chroot: a submission server that users sign in to.

What it accepts stays in its queue, and goes with it.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from tests.servers.authority import Certified
from tests.servers.chrooted_server import ChrootedServer

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
class Exim(ChrootedServer):
    """`with Exim({"rep@us.example": "secret"}) as server:` runs a server within the block."""

    package: ClassVar[str] = "exim"

    submission_port: int = field(init=False)
    """STARTTLS and a sign-in are required."""
    submissions_port: int = field(init=False)
    """TLS from the first byte, and a sign-in is required."""

    def _configure(self, certified: Certified) -> None:
        folder = self._chrooted.folder
        (folder / "spool").mkdir()
        # In base64: a password may look like an expression of Exim's.
        passwords = (
            f'"{user}": {b64encode(password.encode()).decode()}\n'
            for user, password in self.users.items()
        )
        (folder / "passwords").write_text("".join(passwords))
        self._chrooted.give(f"{_OWNER}:{_OWNER}")

    def _command(self, starttls_port: int, tls_port: int) -> Sequence[str]:
        self.submission_port, self.submissions_port = starttls_port, tls_port
        inside = self._chrooted.inside
        settings = {
            "folder": inside,
            "owner": _OWNER,
            "submission": starttls_port,
            "submissions": tls_port,
        }
        # Exim reads no configuration that its own user could have written.
        (self._chrooted.folder / "exim.conf").write_text(_CONFIGURATION % settings)
        return ["/usr/sbin/exim4", "-bdf", "-C", f"{inside}/exim.conf"]
