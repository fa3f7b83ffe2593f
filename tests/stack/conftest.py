"""What tests of the deployed stack share: the stack, which ends with them, accounts, and looks from
below."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from local import emulator, environments
from local.deployed import runtime_of_emulator
from local.down import down
from local.resources import Resources, resources_of
from local.stack import STACK_NAME, Home, Options, Stack
from local.up import up
from mailmirror.runtime import Runtime
from mailmirror.usecases.operating.accounts import create_account
from tests.crm import Crm, user
from tests.servers.dovecot import Dovecot
from tests.servers.postfix import Postfix
from tests.servers.tables import own_table
from tests.stack.feed import told
from tests.stack.mailing import Login, ago, letter
from tests.stack.team import CLEO, KIM, LATER, Team, assemble
from tests.stack.traces import Traces


@pytest.fixture(scope="package")
def stack_home() -> Home:
    """A folder of this run's own: several runs of one checkout do not stop each other's stack."""
    runs = environments.HOME / "tests"
    for left in runs.glob("[0-9]*"):
        if not Path(f"/proc/{left.name}").exists():
            down(Home(left))
            shutil.rmtree(left, ignore_errors=True)
    return Home(runs / str(os.getpid()))


@pytest.fixture(scope="package")
def mail_server(authority: trustme.CA) -> Iterator[Dovecot]:
    """A Dovecot that the stack trusts, with logins to hand out."""
    passwords = {f"login-{number:02}": secrets.token_hex(16) for number in range(60)}
    with Dovecot(passwords, issuer=authority) as server:
        yield server


@pytest.fixture(scope="package")
def postfix(mail_server: Dovecot, authority: trustme.CA) -> Iterator[Postfix]:
    """The submission server of that Dovecot's users, to which SES hands its mail as well."""
    with Postfix(mail_server, issuer=authority) as server:
        yield server


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
def aws(stack: Stack) -> Any:
    """Makes clients of the emulated AWS, as its root."""
    session = emulator.session()

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=stack.aws_endpoint)  # type: ignore[call-overload]

    return client


@pytest.fixture(scope="package")
def resources(aws: Any) -> Resources:
    return resources_of(aws("cloudformation"), STACK_NAME)


@pytest.fixture(scope="package")
def office(stack: Stack) -> Runtime:
    """The operator's commands on the deployed stack's table."""
    return runtime_of_emulator(stack.aws_endpoint)


@pytest.fixture
def runtime(aws: Any, stack: Stack, resources: Resources) -> Iterator[Runtime]:
    """The use cases in this process, on a table and queues that no deployed function works on."""
    with own_table(aws, stack.bucket, resources.key) as made:
        yield made


@pytest.fixture(scope="package")
def new_crm(stack: Stack, office: Runtime) -> Callable[[], Crm]:
    """Makes a CRM with an account of its own."""
    return lambda: Crm(stack.endpoint, create_account("test", office))


@pytest.fixture(scope="package")
def traces(stack: Stack, aws: Any) -> Traces:
    return Traces(stack, aws)


@pytest.fixture(scope="package", autouse=True)
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


@pytest.fixture(scope="package")
def new_login(mail_server: Dovecot) -> Callable[[], Login]:
    """Hands out logins, each with an empty mailbox, once."""
    logins = iter(mail_server.users.items())
    return lambda: Login(*next(logins))


@pytest.fixture(scope="package")
def team(new_crm: Callable[[], Crm], mail_server: Dovecot, new_login: Callable[[], Login]) -> Team:
    """A team whose mail is mirrored; then something came for Cleo."""
    assembled = assemble(new_crm(), mail_server, [new_login() for _ in range(3)])
    later = letter(KIM, CLEO, subject=LATER, message_id="later@customer.example")
    assembled.deliver(assembled.cleo, later, ago())
    return assembled
