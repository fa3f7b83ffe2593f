"""A server's processes in its chroot, in a folder of their own: any number of them can run at once.

They have a PID namespace, so that all of them end with the first, and a mount namespace, in which
folders of theirs stand in place of the ones that a server has at a fixed path.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tests.servers.chroots import chroot_of

_START_SECONDS = 15


@dataclass(slots=True)
class Chrooted:
    """The processes, and the folder that is theirs. `close` ends them and removes it."""

    server: str
    """A key of `chroots.PACKAGES`."""
    root: Path = field(init=False)
    folder: Path = field(init=False)
    """As this process names it."""
    _process: subprocess.Popen[bytes] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.root = chroot_of(self.server)
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.server}-", dir=self.root / "srv"))
        self.folder.chmod(0o755)

    @property
    def inside(self) -> PurePosixPath:
        """The folder, as the server names it."""
        return PurePosixPath("/") / self.folder.relative_to(self.root).as_posix()

    def run(self, *command: str, told: str = "") -> str:
        """Run a program of the chroot to its end, and return what it prints.

        Parameters:
            told: its standard input.

        Raises:
            RuntimeError: it failed; what it said is the error's text.
        """
        result = subprocess.run(
            ["chroot", str(self.root), *command], input=told, capture_output=True, text=True
        )
        if result.returncode:
            raise RuntimeError(f"{' '.join(command)}: {result.stdout}{result.stderr}")
        return result.stdout

    def give(self, owner: str) -> None:
        """Let a user of the chroot own the folder."""
        self.run("chown", "-R", owner, str(self.inside))

    def start(
        self, command: Sequence[str], ports: Sequence[int], mounts: Mapping[str, str] | None = None
    ) -> bool:
        """Start the processes; False where they end before each port answers.

        Parameters:
            mounts: names of folders in the own folder, by the path at which the server has them.
        """
        bound = [
            f"mkdir -p {self.root}{path}\nmount --bind {self.folder / name} {self.root}{path}"
            for path, name in (mounts or {}).items()
        ]
        script = "\n".join(["set -e", *bound, 'exec chroot "$@"'])
        self._process = subprocess.Popen(
            [
                *("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL"),
                *("sh", "-c", script, "sh", str(self.root), *command),
            ],
            stdin=subprocess.DEVNULL,
            stdout=(self.folder / "log").open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if self._answers(self._process, ports):
            return True
        self._stop()
        return False

    def log(self) -> str:
        """Return what the processes have printed."""
        log = self.folder / "log"
        return log.read_text("utf-8", "replace") if log.exists() else "no log"

    def close(self) -> None:
        self._stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def _answers(process: subprocess.Popen[bytes], ports: Sequence[int]) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        waiting = list(ports)
        while waiting and process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", waiting[-1]), timeout=1).close()
                waiting.pop()
            except ConnectionRefusedError:
                time.sleep(0.01)
        return not waiting

    def _stop(self) -> None:
        if self._process is None:
            return
        for first in _children(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(first, signal.SIGKILL)
        self._process.wait()
        self._process = None


def _children(pid: int) -> list[int]:
    """Of `unshare` the one child is the first process of the namespace: all others end with it."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
