"""Make the virtual environments of the project's tools from the pins in `local/pins/`.

    python3 -m local.environments project sam ministack

MiniStack and the SAM CLI each pin a botocore of their own, so each has an environment of its own,
apart from the project's. This module and `local.steps` alone run before any environment exists:
they need nothing but the standard library of Python 3.9 or later.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from local.steps import step

ROOT = Path(__file__).resolve().parent.parent
PINS = ROOT / "local" / "pins"
HOME = ROOT / ".local"
ENVIRONMENTS = HOME / "environments"
PYTHON_VERSION = (3, 13)
"""The functions' runtime. MiniStack runs them with its own interpreter, so it has the same."""
_INSTALL = ("--quiet", "--compile-bytecode")
"""Compiled: else, with PYTHONDONTWRITEBYTECODE set, each process compiles all that it imports."""


def executable(environment: str, name: str) -> Path:
    """The path of a program in an environment; whether it is there is not looked at."""
    return ENVIRONMENTS / environment / "bin" / name


def make(*names: str) -> None:
    """Make each named environment, unless it is there with the present pins.

    Raises:
        subprocess.CalledProcessError: uv or pip failed; what they said is on standard error.
    """
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    with (ENVIRONMENTS / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in names:
            if not _is_made(name):
                program = uv()
                with step(f"making the {name} environment"):
                    _make(program, name)


def _make(program: str, name: str) -> None:
    directory = ENVIRONMENTS / name
    _run(program, "venv", "--quiet", "--clear", "--python", _python(), str(directory))
    python = str(executable(name, "python"))
    pins = str(PINS / f"{name}.txt")
    _run(program, "pip", "install", *_INSTALL, "--python", python, "--requirement", pins)
    if name == "project":
        version = ".".join(map(str, PYTHON_VERSION))
        packages = directory / "lib" / f"python{version}" / "site-packages"
        packages.joinpath("mailmirror.pth").write_text(f"{ROOT / 'layers' / 'mailmirror'}\n")
    _stamp(name).write_text(_digest(name))


def _is_made(name: str) -> bool:
    return _stamp(name).exists() and _stamp(name).read_text() == _digest(name)


def _stamp(name: str) -> Path:
    return ENVIRONMENTS / name / ".pins"


def _digest(name: str) -> str:
    # The place counts too: an environment does not survive a move of the checkout.
    pins = (PINS / f"{name}.txt").read_bytes()
    return hashlib.sha256(repr((PYTHON_VERSION, str(ROOT), _INSTALL, pins)).encode()).hexdigest()


def _python() -> str:
    if sys.version_info[:2] == PYTHON_VERSION:
        return sys.executable
    return ".".join(map(str, PYTHON_VERSION))


def uv() -> str:
    """The uv on the PATH, else one of our own."""
    found = shutil.which("uv")
    # A version manager's shim may be on the PATH where no uv is behind it: ask it.
    if found:
        answer = subprocess.run([found, "--version"], capture_output=True, cwd=ROOT)
        if answer.returncode == 0:
            return found
    own = HOME / "uv" / "bin" / "uv"
    if not own.exists():
        with step("installing uv"):
            _run(sys.executable, "-m", "venv", "--clear", str(HOME / "uv"))
            pip = str(HOME / "uv" / "bin" / "pip")
            _run(pip, "install", "--quiet", "--requirement", str(PINS / "uv.txt"))
    return str(own)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, cwd=ROOT, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    try:
        make(*sys.argv[1:])
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.cmd[0]} failed with status {error.returncode}")
