"""The local stack: where everything of it lies, and what `stack.json` and `stack.env` say of it."""

import fcntl
import json
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from local import environments
from local.emulator import Emulator
from local.process import Process

STACK_NAME = "mailmirror"
"""The CloudFormation stack's name in the emulator."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may choose of a local stack."""

    extra_ca: Path | None = None
    """A PEM file of authorities that the stack trusts beside the system's."""
    allow_networks: str = ""
    """Comma-separated CIDR blocks that mail servers may be in beside the global addresses."""
    ses_relay: str = ""
    """Host and port of the SMTP server to which SES hands its mail."""
    parameters: dict[str, str] = field(default_factory=dict)
    """Further parameters of the template."""


@dataclass(frozen=True, slots=True)
class Run:
    """What `down` must know, written the moment there is something to stop."""

    emulator: Emulator
    options: Options


@dataclass(frozen=True, slots=True)
class Stack:
    """`stack.json`: how to reach a stack that is up, with its account's secrets."""

    endpoint: str
    """`{endpoint}/v1/mailboxes` is the API's."""
    aws_endpoint: str
    region: str
    api_key: str
    webhook_secret: str
    account_id: str
    queues: dict[str, str]
    """Logical id → URL."""
    functions: dict[str, str]
    """Logical id → name."""
    bucket: str
    table: str


class NotUp(Exception):
    """There is no stack to speak to."""


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one local stack: every file that belongs to it and outlives a command."""

    directory: Path

    @classmethod
    def default(cls) -> Self:
        return cls(environments.HOME)

    @property
    def emulator(self) -> Path:
        return self.directory / "ministack"

    @property
    def build(self) -> Path:
        return self.directory / "build"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands from starting or stopping this stack meanwhile."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def log(self, name: str) -> Path:
        path = self.directory / "logs" / f"{name}.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def run(self) -> Run | None:
        """What was started here and not stopped; it may have ended by itself."""
        saved = _read(self.directory / "run.json")
        if saved is None:
            return None
        options = saved["options"]
        extra_ca = options.pop("extra_ca")
        aws = saved["emulator"]
        return Run(
            Emulator(
                aws["port"], Process(**aws["process"]), aws["ses_port"], Process(**aws["ses"])
            ),
            Options(extra_ca=Path(extra_ca) if extra_ca else None, **options),
        )

    def save_run(self, run: Run) -> None:
        _write(self.directory / "run.json", asdict(run))

    def stack(self) -> Stack:
        """The stack that is up here.

        Raises:
            NotUp: there is none.
        """
        run, saved = self.run(), _read(self.directory / "stack.json")
        if run is None or saved is None or not run.emulator.process.is_running():
            raise NotUp("no local stack is up: make up starts one")
        return Stack(**saved)

    def save_stack(self, stack: Stack) -> None:
        _write(self.directory / "stack.json", asdict(stack))
        values = {
            "API": stack.endpoint,
            "ACCOUNT": stack.account_id,
            "API_KEY": stack.api_key,
            "WEBHOOK_SECRET": stack.webhook_secret,
        }
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in values.items()]
        _write_text(self.directory / "stack.env", "".join(lines))

    def keep_webhook_secret(self, account: str, secret: str) -> bool:
        """Write the new webhook secret of the stack's own account; return whether it is that."""
        stack = self.stack()
        if stack.account_id != account:
            return False
        self.save_stack(replace(stack, webhook_secret=secret))
        return True

    def forget(self) -> None:
        """Forget a stack that is no more; its logs stay."""
        for name in ("stack.env", "stack.json", "run.json"):
            (self.directory / name).unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        saved: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    return saved


def _write(path: Path, content: dict[str, Any]) -> None:
    _write_text(path, f"{json.dumps(content, indent=2, default=str)}\n")


def _write_text(path: Path, text: str) -> None:
    """Replace a file whole, readable by its owner alone."""
    draft = path.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
