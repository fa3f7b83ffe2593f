"""MiniStack, the emulated AWS, as a background process of this checkout."""

import os
import shutil
import socket
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import boto3

from local import environments
from local.process import Process

REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
"""MiniStack's root caller, whom its IAM allows all; functions get sessions of their own roles."""

_MAIN = environments.ROOT / "local" / "ministack_main.py"

PATIENCE = timedelta(seconds=60)


class EmulatorFailed(Exception):
    """MiniStack ended, or did not answer in time."""


@dataclass(frozen=True, slots=True)
class Emulator:
    port: int
    process: Process
    ses_port: int
    ses: Process
    """What sends mail as SES does, in front of the emulator's own."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ses_url(self) -> str:
        return f"http://127.0.0.1:{self.ses_port}"

    @classmethod
    def start(
        cls, directory: Path, log: Path, ses_relay: str = "", evaluates_iam: bool = True
    ) -> "Emulator":
        """Start MiniStack on a free port of the loopback; all that it writes is in `directory`.

        Parameters:
            ses_relay: host and port of the SMTP server to which SES hands its mail; it keeps it
                to itself without one.
            evaluates_iam: whether signatures and policies are looked at, at every request.
        """
        shutil.rmtree(directory, ignore_errors=True)
        for name in ("state", "objects", "tmp"):
            (directory / name).mkdir(parents=True)
        port = free_port()
        command = [str(environments.executable("ministack", "python")), "-P", str(_MAIN)]
        process = Process.start(
            command, _environment(directory, port, ses_relay, evaluates_iam), log
        )
        ses_port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [str(environments.executable("project", "python")), "-m", "local.ses"]
        command += ["--port", str(ses_port), "--aws", url]
        quiet = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(environments.ROOT)}
        return cls(port, process, ses_port, Process.start(command, quiet, log))

    def stop(self) -> None:
        """Stop both, as far as they run."""
        self.ses.stop()
        self.process.stop()

    def wait_until_ready(self) -> None:
        """Wait until it answers.

        Raises:
            EmulatorFailed: it ended, or has not answered within a minute.
        """
        deadline = time.monotonic() + PATIENCE.total_seconds()
        while self.process.is_running() and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=5):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        raise EmulatorFailed("MiniStack did not start; its log says why")


def session() -> boto3.Session:
    """A session with the root credentials; its clients need the emulator's `url` as endpoint."""
    return boto3.Session(
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )


def _environment(directory: Path, port: int, ses_relay: str, evaluates_iam: bool) -> dict[str, str]:
    # Functions inherit MiniStack's environment, so it holds nothing of the user's: neither
    # variables nor, by way of HOME, an AWS configuration.
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(directory),
        "TMPDIR": str(directory / "tmp"),
        "STATE_DIR": str(directory / "state"),
        "S3_DATA_DIR": str(directory / "objects"),
        "AUTH": str(evaluates_iam).lower(),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        # Its MQTT listener has one fixed port, where another checkout's would be too.
        "IOT_MTLS_ENABLED": "0",
    } | ({"SMTP_HOST": ses_relay} if ses_relay else {})


def free_port() -> int:
    """A port of loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
