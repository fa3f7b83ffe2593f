"""The container engine: whether one answers, the functions' image, and a network of their own."""

import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.deployment import architecture
from local.environments import PYTHON_VERSION

RECIPE = "mailmirror.recipe"
"""The label of an image that was built here: a digest of what it was built from."""

PULL_SECONDS = 600
MISSING = """\
no container engine is here, and functions run in containers. Install one and start it:
    apt-get install docker.io && dockerd"""
SILENT = """\
docker is installed, but no engine answers. Start one:
    dockerd        (as root; or: systemctl start docker)"""


class EngineFailed(Exception):
    """There is no engine, or it refused; the message says what to do, or what it said."""


@dataclass(frozen=True, slots=True)
class Network:
    name: str
    gateway: str
    """This machine's address in it."""


def ensure_it_answers() -> None:
    """Do nothing if an engine is there.

    Raises:
        EngineFailed: what to install, or to start.
    """
    if not shutil.which("docker"):
        raise EngineFailed(MISSING)
    try:
        _docker("version", "--format", "{{.Server.Version}}")
    except EngineFailed as error:
        raise EngineFailed(f"{SILENT}\n{error}") from error


def image() -> str:
    """The name of the functions' image, as the SAM CLI looks for it."""
    return f"public.ecr.aws/lambda/python:{'.'.join(map(str, PYTHON_VERSION))}-{architecture()}"


def has(image: str) -> bool:
    return bool(_docker("images", "--quiet", image))


def label(image: str, name: str) -> str | None:
    """A label of an image; None where the image or the label is not there."""
    if not has(image):
        return None
    template = f'{{{{index .Config.Labels "{name}"}}}}'
    return _docker("image", "inspect", "--format", template, image) or None


def pull(image: str) -> bool:
    """Pull an image, and tell whether it could be had."""
    try:
        _docker("pull", "--quiet", image, seconds=PULL_SECONDS)
    except EngineFailed:
        return False
    return True


def import_image(root: Path, image: str, settings: Sequence[str]) -> None:
    """Make an image of one layer from a folder.

    Parameters:
        settings: instructions as in a Dockerfile, such as `WORKDIR /`.

    Raises:
        EngineFailed: the engine refused it.
    """
    changes = [part for setting in settings for part in ("--change", setting)]
    tar = ["tar", "--create", "--directory", str(root), "--numeric-owner", "."]
    with subprocess.Popen(tar, stdout=subprocess.PIPE) as archive:
        command = ["docker", "import", *changes, "-", image]
        done = subprocess.run(command, stdin=archive.stdout, capture_output=True, text=True)
    if done.returncode or archive.returncode:
        raise EngineFailed(f"docker import failed: {done.stderr.strip()}")


def default_network() -> Network:
    """The network that containers are in where nothing else is said.

    Raises:
        EngineFailed: no engine answers.
    """
    return Network("bridge", _gateway("bridge"))


@contextmanager
def network() -> Iterator[Network]:
    """A network for as long as the block runs.

    Raises:
        EngineFailed: the engine makes none.
    """
    name = f"mailmirror-{secrets.token_hex(4)}"
    _docker("network", "create", name)
    try:
        yield Network(name, _gateway(name))
    finally:
        _docker("network", "rm", name)


def _gateway(network: str) -> str:
    template = "{{(index .IPAM.Config 0).Gateway}}"
    return _docker("network", "inspect", "--format", template, network)


def _docker(*arguments: str, seconds: float = 60) -> str:
    try:
        done = subprocess.run(
            ["docker", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise EngineFailed(f"docker {arguments[0]} did not end in {seconds:.0f} s") from error
    if done.returncode:
        raise EngineFailed(f"docker {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()
