"""The stack that the demo plays against: one of its own, beside one that `make up` started."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from local import emulator, environments
from local.deployed import runtime_of_emulator
from local.down import down as stop
from local.stack import Home, Options, Stack
from local.up import up as start
from mailmirror.domain.mailbox import AccountId, Provider
from mailmirror.usecases.operating.accounts import set_return_urls
from mailmirror.usecases.operating.register_provider import SignInPlaces, register_provider

HOME: Final = Home(environments.HOME / "demo")


class DemoRuns(Exception):
    """Another demo of this checkout has the stack's folder."""


@contextmanager
def alone() -> Iterator[None]:
    """Keep other demos of this checkout away for as long as the block runs.

    Whoever starts the stack stops what was left there: it must be a dead demo's.

    Raises:
        DemoRuns: one is running.
    """
    HOME.directory.mkdir(parents=True, exist_ok=True)
    with (HOME.directory / ".running").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoRuns("a demo of this checkout is running already") from None
        yield


def up(authority_pem: bytes, networks: str, ses_relay: str) -> Stack:
    """Start a stack that trusts one more authority and may reach `networks` (CIDR list).

    Parameters:
        ses_relay: host and port of the server to which SES hands its mail.

    Raises:
        EmulatorFailed, DeploymentFailed: `down` stops what is running of it.
    """
    authority = HOME.directory / "authority.pem"
    authority.write_bytes(authority_pem)
    return start(HOME, Options(authority, networks, ses_relay))


def down() -> None:
    stop(HOME)


def redirect_uri(stack: Stack) -> str:
    """Where Google sends browsers back to."""
    return f"{stack.endpoint}/oauth/google/callback"


def register_google(
    stack: Stack, client_id: str, client_secret: str, endpoints: Mapping[str, Any]
) -> None:
    """Enter an OAuth client, as an operator does."""
    places = SignInPlaces.parse(Provider.GOOGLE, "", stack.endpoint, endpoints)
    account, office = AccountId(stack.account_id), runtime_of_emulator(stack.aws_endpoint)
    register_provider(account, client_id, client_secret, places, office)


def allow_return(stack: Stack, url: str) -> None:
    """Say where browsers may be sent after a sign-in, as an operator does."""
    set_return_urls(AccountId(stack.account_id), url, runtime_of_emulator(stack.aws_endpoint))


def verify_at_ses(stack: Stack, address: str) -> None:
    """Have SES know an address that may send."""
    ses = emulator.session().client("sesv2", endpoint_url=stack.aws_endpoint)
    ses.create_email_identity(EmailIdentity=address)
