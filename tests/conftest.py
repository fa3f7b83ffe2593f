"""What tests share: an emulated AWS a session, and tables of their own."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import settings

from mailmirror.runtime import Runtime
from tests.distribution import OneStack
from tests.servers.bare_aws import BUCKET, BareAws, bare_aws
from tests.servers.mailbox_servers import MAILBOX_SERVERS, StartServer
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
def bare() -> Iterator[BareAws]:
    """An emulated AWS on which nothing is deployed: it starts in a second, and works on nothing."""
    with bare_aws() as made:
        yield made


@pytest.fixture
def runtime(bare: BareAws) -> Iterator[Runtime]:
    """The use cases in this process, on a table and queues that no deployed function works on."""
    with own_table(bare.client, BUCKET, bare.key, bare.queue_when_used) as made:
        yield made
