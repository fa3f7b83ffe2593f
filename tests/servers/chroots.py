"""Debian in folders below `.local`, for servers whose packages would remove Dovecot and Postfix.

    python -m tests.servers.chroots

makes a folder for each server that is not there yet, by debootstrap and the package sources of
this machine. It needs root and Debian.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.environments import HOME
from local.steps import step

PACKAGES: Mapping[str, Sequence[str]] = {
    "cyrus": ("cyrus-imapd", "sasl2-bin"),
    "courier": ("courier-imap", "courier-authlib-userdb"),
    "exim": ("exim4-daemon-light",),
}
"""By server."""

_CHROOTS = HOME / "chroots"
_NO_SERVICES = "#!/bin/sh\nexit 101\n"
"""What invoke-rc.d asks before it starts the service of a package that is being installed."""


class ChrootMissing(Exception):
    """The server's folder has not been made."""


def chroot_of(server: str) -> Path:
    """The folder in which a server is installed.

    Raises:
        ChrootMissing: it has not been made.
    """
    folder = _CHROOTS / server
    if not _is_made(server):
        raise ChrootMissing("make it with: python -m tests.servers.chroots")
    return folder


def main() -> None:
    if os.geteuid():
        sys.exit("debootstrap and chroot need root")
    _CHROOTS.mkdir(parents=True, exist_ok=True)
    with (_CHROOTS / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for server in PACKAGES:
            if not _is_made(server):
                base = _base()
                with step(f"installing {', '.join(PACKAGES[server])} in a chroot"):
                    _install(base, server)


def _is_made(server: str) -> bool:
    stamp = _stamp(server)
    return stamp.exists() and stamp.read_text() == _contents(server)


def _contents(server: str) -> str:
    return " ".join(PACKAGES[server])


def _stamp(name: str) -> Path:
    return _CHROOTS / f"{name}.installed"


def _base() -> Path:
    """Debian without a server, from which the others are copied."""
    folder = _CHROOTS / "base"
    if not _stamp("base").exists():
        if shutil.which("debootstrap") is None:
            with step("installing debootstrap"):
                _run("apt-get", "update")
                _run("apt-get", "install", "-y", "debootstrap")
        archive, release = _archive()
        with step(f"making a chroot of Debian {release}"):
            shutil.rmtree(folder, ignore_errors=True)
            _run("debootstrap", "--variant=minbase", release, str(folder), archive)
        (folder / "usr/sbin/policy-rc.d").write_text(_NO_SERVICES)
        (folder / "usr/sbin/policy-rc.d").chmod(0o755)
        _stamp("base").write_text(release)
    return folder


def _install(base: Path, server: str) -> None:
    folder = _CHROOTS / server
    shutil.rmtree(folder, ignore_errors=True)
    _run("cp", "-a", str(base), str(folder))
    install = ("apt-get", "install", "-y", "--no-install-recommends", *PACKAGES[server])
    _run("chroot", str(folder), "env", "DEBIAN_FRONTEND=noninteractive", *install)
    _stamp(server).write_text(_contents(server))


def _archive() -> tuple[str, str]:
    """Where this machine's own packages come from, and the name of its release."""
    release = next(
        line.partition("=")[2].strip().strip('"')
        for line in Path("/etc/os-release").read_text().splitlines()
        if line.startswith("VERSION_CODENAME=")
    )
    sources = _run("apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(COMPONENT)")
    for line in sources.splitlines():
        archive, *suite = line.split()
        if suite == [release, "main"]:
            return archive, release
    sys.exit(f"apt has no source of {release} main: is this Debian?")


def _run(*command: str) -> str:
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{result.stdout}{result.stderr}")
    return result.stdout


if __name__ == "__main__":
    main()
