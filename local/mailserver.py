"""Run a mail server of one user on loopback, until Ctrl-C: to try things without a mailbox at hand.

    python -m local.mailserver [--address ADDRESS] [--password PASSWORD] [--ports IMAP,SMTP,WORLD]

Mail lives in memory. What its users send is kept, and the customers' mail comes in by the third
port, which takes mail for its user from anybody on this machine. `.local/mailserver.pem` is the
authority that certifies it, made anew only where there is none.
"""

import argparse
import contextlib
import signal
import sys
from contextlib import ExitStack

import trustme

from local.environments import HOME
from local.mail_servers import HOST, mail_servers

AUTHORITY = HOME / "mailserver.pem"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.mailserver", description=__doc__)
    parser.add_argument("--address", default="rep@us.example")
    parser.add_argument("--password", default="secret")
    parser.add_argument("--ports", default="10993,10465,10025")
    arguments = parser.parse_args()
    imap, smtp, world = map(int, arguments.ports.split(","))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        users = {arguments.address: arguments.password}
        try:
            stack.enter_context(mail_servers(_authority(), users, ports=(imap, smtp, world)))
        except OSError as error:
            sys.exit(
                f"ports {arguments.ports}: {error.strerror}. End what listens there, such as"
                " another make mailserver, or choose others:"
                " make mailserver PORTS=11993,11465,11025"
            )
        print(
            f"{arguments.address}, password {arguments.password}, trusted by EXTRA_CA={AUTHORITY}"
        )
        print(
            f"IMAP {HOST}:{imap} and SMTP {HOST}:{smtp}, both TLS; mail comes in on {HOST}:{world}"
        )
        print("Ctrl-C ends it, and its mail with it.", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


def _authority() -> trustme.CA:
    """The authority of this checkout: a stack that trusts it need not be told of a restart."""
    key = AUTHORITY.with_suffix(".key")
    if AUTHORITY.exists() and key.exists():
        return trustme.CA.from_pem(AUTHORITY.read_bytes(), key.read_bytes())
    authority = trustme.CA(organization_name="Mailmirror mail server")
    key.touch(mode=0o600)
    authority.private_key_pem.write_to_path(str(key))
    authority.cert_pem.write_to_path(str(AUTHORITY))
    return authority


if __name__ == "__main__":
    main()
