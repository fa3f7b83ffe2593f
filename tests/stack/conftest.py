"""What tests of the deployed stack share: accounts, and looks from below."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.deployed import runtime_of_emulator
from local.resources import Resources
from local.stack import Stack
from mailmirror.runtime import Runtime
from mailmirror.usecases.operating.accounts import create_account
from tests.crm import Crm, user
from tests.servers.dovecot import Dovecot
from tests.servers.tables import own_table
from tests.stack.feed import told
from tests.stack.mailing import Login, ago, letter
from tests.stack.team import CLEO, KIM, LATER, Team, assemble
from tests.stack.traces import Traces


@pytest.fixture(scope="session")
def office(stack: Stack) -> Runtime:
    """The operator's commands on the deployed stack's table."""
    return runtime_of_emulator(stack.aws_endpoint)


@pytest.fixture
def runtime(aws: Any, stack: Stack, resources: Resources) -> Iterator[Runtime]:
    """The use cases in this process, on a table and queues that no deployed function works on."""
    with own_table(aws, stack.bucket, resources.key) as made:
        yield made


@pytest.fixture(scope="session")
def new_crm(stack: Stack, office: Runtime) -> Callable[[], Crm]:
    """Makes a CRM with an account of its own."""
    return lambda: Crm(stack.endpoint, create_account("test", office))


@pytest.fixture(scope="session")
def traces(stack: Stack, aws: Any) -> Traces:
    return Traces(stack, aws)


@pytest.fixture(scope="session", autouse=True)
def nothing_is_denied(traces: Traces) -> Iterator[None]:
    """Whatever the tests had the functions do, each function's role allows it."""
    yield
    assert traces.of(["AccessDenied"], traces.logs()) == []


@pytest.fixture(scope="module")
def crm(new_crm: Callable[[], Crm]) -> Crm:
    """A CRM with an account and the user `ann`."""
    made = new_crm()
    told(made, user("ann", "ann@us.example"))
    return made


@pytest.fixture(scope="session")
def new_login(mail_server: Dovecot) -> Callable[[], Login]:
    """Hands out logins, each with an empty mailbox, once."""
    logins = iter(mail_server.users.items())
    return lambda: Login(*next(logins))


@pytest.fixture(scope="session")
def team(new_crm: Callable[[], Crm], mail_server: Dovecot, new_login: Callable[[], Login]) -> Team:
    """A team whose mail is mirrored; then something came for Cleo."""
    assembled = assemble(new_crm(), mail_server, [new_login() for _ in range(3)])
    later = letter(KIM, CLEO, subject=LATER, message_id="later@customer.example")
    assembled.deliver(assembled.cleo, later, ago())
    return assembled
