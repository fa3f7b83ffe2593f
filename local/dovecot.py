"""See to it that Dovecot, the IMAP server of the tests, is on this machine.

python -m local.dovecot
"""

import os
import shutil
import subprocess
import sys

from local.steps import step

INSTALLERS = {
    "apt-get": [["apt-get", "update"], ["apt-get", "install", "-y", "dovecot-imapd"]],
    "dnf": [["dnf", "install", "-y", "dovecot"]],
    "apk": [["apk", "add", "dovecot"]],
    "brew": [["brew", "install", "dovecot"]],
}
"""Package manager → the commands that install Dovecot with its IMAP server."""

# Servers are kept where a user's PATH does not always look.
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])


def main() -> None:
    if shutil.which("dovecot", path=PATH):
        return
    manager = next((name for name in INSTALLERS if shutil.which(name)), None)
    if manager is None:
        sys.exit("the tests need Dovecot, and no package manager known here can install it")
    # Homebrew refuses to run as root.
    prefix = [] if os.geteuid() == 0 or manager == "brew" else ["sudo"]
    with step(f"installing Dovecot, which the tests need, with {' '.join([*prefix, manager])}"):
        for command in INSTALLERS[manager]:
            _run([*prefix, *command])


def _run(command: list[str]) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{result.stdout}{result.stderr}")


if __name__ == "__main__":
    main()
