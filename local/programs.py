"""See to it that the mail servers of the tests, and what runs their OpenID provider, are here.

python -m local.programs
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from local.steps import step


@dataclass(frozen=True, slots=True)
class Manager:
    """A package manager."""

    install: Sequence[Sequence[str]]
    """The commands that install packages, whose names are put behind the last."""
    packages: Mapping[str, str]
    """By the program that is looked for."""
    as_root: bool = True


_NODE = {"node": "nodejs", "npm": "npm"}

MANAGERS = {
    "apt-get": Manager(
        [["apt-get", "update"], ["apt-get", "install", "-y"]],
        {
            "dovecot": "dovecot-imapd",
            "pop3-login": "dovecot-pop3d",
            "postfix": "postfix",
            **_NODE,
        },
    ),
    "dnf": Manager(
        [["dnf", "install", "-y"]],
        {"dovecot": "dovecot", "pop3-login": "dovecot", "postfix": "postfix", **_NODE},
    ),
    "apk": Manager(
        [["apk", "add"]],
        {"dovecot": "dovecot", "pop3-login": "dovecot-pop3d", "postfix": "postfix", **_NODE},
    ),
    # Homebrew refuses to run as root. macOS has a Postfix of its own.
    "brew": Manager(
        [["brew", "install"]],
        {
            "dovecot": "dovecot",
            "pop3-login": "dovecot",
            "postfix": "postfix",
            "node": "node",
            "npm": "node",
        },
        as_root=False,
    ),
}

PROGRAMS = ("dovecot", "pop3-login", "postfix", "node", "npm")

# Servers are kept where a user's PATH does not always look, and their parts where none does.
PATH = os.pathsep.join(
    [
        os.environ.get("PATH", os.defpath),
        *("/usr/sbin", "/usr/local/sbin", "/usr/lib/dovecot", "/usr/libexec/dovecot"),
        *("/opt/homebrew/libexec/dovecot", "/usr/local/libexec/dovecot"),
    ]
)


def main() -> None:
    missing = [name for name in PROGRAMS if not shutil.which(name, path=PATH)]
    if not missing:
        return
    name = next((name for name in MANAGERS if shutil.which(name)), None)
    if name is None:
        sys.exit(f"the tests need {', '.join(missing)}, and no package manager known here has them")
    manager = MANAGERS[name]
    prefix = ["sudo"] if manager.as_root and os.geteuid() else []
    packages = sorted({manager.packages[program] for program in missing})
    *before, install = manager.install
    said = " ".join([*prefix, name])
    with step(f"installing {', '.join(packages)}, which the tests need, with {said}"):
        for command in (*before, [*install, *packages]):
            _run([*prefix, *command])


def _run(command: list[str]) -> None:
    # Debian's Postfix would ask what it shall be for. `env`, because sudo keeps no environment.
    at = 1 if command[0] == "sudo" else 0
    told = [*command[:at], "env", "DEBIAN_FRONTEND=noninteractive", *command[at:]]
    result = subprocess.run(told, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{result.stdout}{result.stderr}")


if __name__ == "__main__":
    main()
