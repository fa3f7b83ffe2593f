"""The stack that the demo plays against, started and stopped by `make`."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Self

from local import emulator

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
    aws_endpoint: str

    @classmethod
    def read(cls) -> Self:
        described = json.loads(DESCRIPTION.read_text())
        return cls(*(described[field.name] for field in fields(cls)))

    @property
    def redirect_uri(self) -> str:
        """Where Google sends browsers back to."""
        return f"{self.endpoint}/oauth/google/callback"


def ensure_none_is_up() -> None:
    """The demo starts with an empty account, and must be free to stop what it started.

    Raises:
        StackError: a stack of this clone is up.
    """
    if DESCRIPTION.exists():
        raise StackError(
            "a stack is up already (.local/stack.json). Stop it with `make down`, then try again."
        )


def up(authority_pem: bytes, networks: str, ses_relay: str) -> Stack:
    """Start a stack that trusts one more authority and may reach `networks` (CIDR list).

    Parameters:
        ses_relay: host and port of the server to which SES hands its mail.
    """
    authority = DESCRIPTION.parent / "demo" / "authority.pem"
    authority.parent.mkdir(parents=True, exist_ok=True)
    authority.write_bytes(authority_pem)
    settings = [f"EXTRA_CA={authority}", f"ALLOW_NETWORKS={networks}", f"SES_RELAY={ses_relay}"]
    _make("up", *settings)
    return Stack.read()


def register_google(
    stack: Stack, client_id: str, client_secret: str, endpoints: Mapping[str, Any]
) -> None:
    """Enter an OAuth client, as an operator does."""
    file = DESCRIPTION.parent / "demo" / "endpoints.json"
    file.write_text(json.dumps(endpoints))
    settings = [f"ACCOUNT={stack.account_id}", "PROVIDER=google", f"CLIENT_ID={client_id}"]
    _make("provider", *settings, f"ENDPOINTS={file}", secret=client_secret)


def allow_return(stack: Stack, url: str) -> None:
    """Say where browsers may be sent after a sign-in, as an operator does."""
    _make("return_urls", f"ACCOUNT={stack.account_id}", f"URLS={url}")


def verify_at_ses(stack: Stack, address: str) -> None:
    """Have SES know an address that may send."""
    ses = emulator.session().client("sesv2", endpoint_url=stack.aws_endpoint)
    ses.create_email_identity(EmailIdentity=address)


def down() -> None:
    _make("down")


def _make(target: str, *settings: str, secret: str = "") -> None:
    command = ["make", "--no-print-directory", target, *settings]
    environment = os.environ | ({"CLIENT_SECRET": secret} if secret else {})
    done = subprocess.run(command, cwd=ROOT, env=environment)
    if done.returncode:
        raise StackError(f"`make {target}` failed; its output above says why.")
