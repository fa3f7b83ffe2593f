"""A process that outlives the command that started it, and can be told from a later one."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """The leader of a process group of its own."""

    pid: int
    started: str
    """When it started, as the system says it: a pid alone may name another process by now."""

    @classmethod
    def start(cls, command: list[str], environment: dict[str, str], log: Path) -> "Process":
        """Start a command in the background, in a session of its own, writing to `log`."""
        with log.open("ab") as output:
            child = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # A child that ended at once is a zombie until waited for, and still has a start.
        return cls(child.pid, _started(child.pid) or "")

    def is_running(self) -> bool:
        return _started(self.pid) == self.started and not _is_zombie(self.pid)

    def stop(self, patience: timedelta = timedelta(seconds=10)) -> None:
        """End the process and its children, by force where it has not ended within `patience`.

        Does nothing where it has ended already, even if its pid names another process now.
        """
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.is_running():
                return
            os.killpg(self.pid, number)
            deadline = time.monotonic() + patience.total_seconds()
            while self.is_running() and time.monotonic() < deadline:
                time.sleep(0.05)


def _started(pid: int) -> str | None:
    """When a process started, in the system's own words; None where there is none."""
    if Path("/proc/self/stat").exists():
        fields = _stat(pid)
        return fields[19] if fields else None
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or None


def _is_zombie(pid: int) -> bool:
    if Path("/proc/self/stat").exists():
        fields = _stat(pid)
        return bool(fields) and fields[0] == "Z"
    command = ["ps", "-o", "stat=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True).stdout.startswith("Z")


def _stat(pid: int) -> list[str]:
    """The fields of proc(5)'s stat from the state on; the name before it may hold blanks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
