"""What tests share: an emulated AWS and a deployed stack a session, and tables of their own."""

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import settings

from local import emulator
from local.down import down
from local.resources import Resources, resources_of
from local.stack import STACK_NAME, Home, Options, Stack
from local.up import up
from mailmirror.runtime import Runtime
from tests.distribution import OneStack
from tests.servers.bare_aws import BUCKET, BareAws, bare_aws
from tests.servers.dovecot import Dovecot
from tests.servers.mailbox_servers import MAILBOX_SERVERS, StartServer
from tests.servers.postfix import Postfix
from tests.servers.tables import own_table

_TESTS = Path(__file__).parent

# How long an example takes says more of what else the machine does than of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

os.environ.update({"POWERTOOLS_SERVICE_NAME": "test", "POWERTOOLS_TRACE_DISABLED": "true"})


_FOLDERS = ("stack", "hostile", "integration", "models", "unit")
"""In this order: a worker that has taken one of the last files is never long alone."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--imap-server", choices=MAILBOX_SERVERS, default="dovecot")
    parser.addoption("--submission-server", choices=("postfix", "exim"), default="postfix")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneStack | None:
    return OneStack(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: _FOLDERS.index(item.path.relative_to(_TESTS).parts[0]))
    if config.getoption("imap_server") != "dovecot":
        _keep_tests_of_any_server(config, items)


def _keep_tests_of_any_server(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests that start no IMAP server, and skip those that need Dovecot."""
    left_out = [item for item in items if "start_imap_server" not in _fixtures(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
    for item in items:
        if "dovecot" in _fixtures(item):
            named = item.get_closest_marker("dovecot_only")
            reason = named.args[0] if named else "it needs what only Dovecot has"
            item.add_marker(pytest.mark.skip(f"Dovecot only: {reason}"))


def _fixtures(item: pytest.Item) -> Sequence[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else ()


@pytest.fixture(scope="session")
def start_imap_server(pytestconfig: pytest.Config) -> StartServer:
    """Starts Dovecot, or the server that `--imap-server` names."""
    return MAILBOX_SERVERS[pytestconfig.getoption("imap_server")]


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """The private authority that certifies the tests' mail servers, and that the stack trusts."""
    return trustme.CA()


@pytest.fixture(scope="session")
def stack_home() -> Home:
    """A folder of this run's own: several runs of one checkout do not stop each other's stack."""
    runs = Path(__file__).parent.parent / ".local" / "tests"
    for left in runs.glob("[0-9]*"):
        if not Path(f"/proc/{left.name}").exists():
            down(Home(left))
            shutil.rmtree(left, ignore_errors=True)
    return Home(runs / str(os.getpid()))


@pytest.fixture(scope="session")
def mail_server(authority: trustme.CA) -> Iterator[Dovecot]:
    """A Dovecot that the stack trusts, with logins to hand out."""
    passwords = {f"login-{number:02}": secrets.token_hex(16) for number in range(60)}
    with Dovecot(passwords, issuer=authority) as server:
        yield server


@pytest.fixture(scope="session")
def postfix(mail_server: Dovecot, authority: trustme.CA) -> Iterator[Postfix]:
    """The submission server of that Dovecot's users, to which SES hands its mail as well."""
    with Postfix(mail_server, issuer=authority) as server:
        yield server


@pytest.fixture(scope="session")
def stack(
    authority: trustme.CA,
    postfix: Postfix,
    stack_home: Home,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """The deployed template on an emulator of its own, which may reach the loopback."""
    pem = tmp_path_factory.mktemp("authority") / "authority.pem"
    authority.cert_pem.write_to_path(str(pem))
    try:
        relay = f"{postfix.host}:{postfix.port}"
        yield up(stack_home, Options(pem, "127.0.0.0/8,::1/128", relay))
    finally:
        down(stack_home)
        shutil.rmtree(stack_home.directory, ignore_errors=True)


@pytest.fixture(scope="session")
def aws(stack: Stack) -> Any:
    """Makes clients of the emulated AWS, as its root."""
    session = emulator.session()

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=stack.aws_endpoint)  # type: ignore[call-overload]

    return client


@pytest.fixture(scope="session")
def resources(aws: Any) -> Resources:
    return resources_of(aws("cloudformation"), STACK_NAME)


@pytest.fixture(scope="session")
def bare() -> Iterator[BareAws]:
    """An emulated AWS on which nothing is deployed: it starts in a second, and works on nothing."""
    with bare_aws() as made:
        yield made


@pytest.fixture
def runtime(bare: BareAws) -> Iterator[Runtime]:
    """The use cases in this process, on a table and queues that no deployed function works on."""
    with own_table(bare.client, BUCKET, bare.key) as made:
        yield made
