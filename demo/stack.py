"""The stack that the demo plays against, started and stopped by `make`."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

ROOT: Final = Path(__file__).resolve().parent.parent
DESCRIPTION: Final = ROOT / ".local" / "stack.json"


class StackError(Exception):
    """The stack cannot be had; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Stack:
    endpoint: str
    account_id: str
    api_key: str
    webhook_secret: str

    @classmethod
    def read(cls) -> Self:
        described = json.loads(DESCRIPTION.read_text())
        return cls(
            described["endpoint"],
            described["account_id"],
            described["api_key"],
            described["webhook_secret"],
        )


def ensure_none_is_up() -> None:
    """The demo starts with an empty account, and must be free to stop what it started.

    Raises:
        StackError: a stack of this clone is up.
    """
    if DESCRIPTION.exists():
        raise StackError(
            "a stack is up already (.local/stack.json). Stop it with `make down`, then try again."
        )


def up(authority_pem: bytes, networks: str) -> Stack:
    """Start a stack that trusts one more authority and may reach `networks` (CIDR list)."""
    authority = DESCRIPTION.parent / "demo" / "authority.pem"
    authority.parent.mkdir(parents=True, exist_ok=True)
    authority.write_bytes(authority_pem)
    _make("up", f"EXTRA_CA={authority}", f"ALLOW_NETWORKS={networks}")
    return Stack.read()


def down() -> None:
    _make("down")


def _make(target: str, *settings: str) -> None:
    done = subprocess.run(["make", "--no-print-directory", target, *settings], cwd=ROOT)
    if done.returncode:
        raise StackError(f"`make {target}` failed; its output above says why.")
