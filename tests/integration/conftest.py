"""An IMAP server and an account for each test."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from mailmirror.runtime import Runtime
from tests.integration.api_calls import Api, run_probe
from tests.integration.events_queue import EventsQueue
from tests.integration.office import BOSS, REP, Clock, Office, loopback
from tests.integration.stored_people import StoredPeople
from tests.servers.bare_aws import BUCKET, BareAws
from tests.servers.dovecot import Dovecot
from tests.servers.mailbox_server import MailboxServer
from tests.servers.mailbox_servers import StartServer
from tests.servers.tables import own_table

USERS = {REP: "rep's secret", BOSS: "boss's secret"}


@pytest.fixture
def imap_server(start_imap_server: StartServer) -> Iterator[MailboxServer]:
    with start_imap_server(USERS) as server:
        yield server


@pytest.fixture
def dovecot(imap_server: MailboxServer) -> Dovecot:
    """The same server, for tests that need what only Dovecot has."""
    assert isinstance(imap_server, Dovecot)
    return imap_server


@pytest.fixture
def clock(runtime: Runtime) -> Clock:
    clock = Clock()
    runtime.now = clock
    return clock


@pytest.fixture(scope="session")
def stored_people(bare: BareAws) -> StoredPeople:
    with own_table(bare.client, BUCKET, bare.key) as runtime:
        office = Office(runtime)
        return StoredPeople.of(office.account, office.events, runtime)


@pytest.fixture
def office(
    runtime: Runtime, imap_server: MailboxServer, clock: Clock, stored_people: StoredPeople
) -> Office:
    runtime.network_policy = loopback(imap_server.authority)
    return Office(runtime, stored_people)


@pytest.fixture
def api(office: Office, monkeypatch: pytest.MonkeyPatch) -> Api:
    """A caller of the API, with a key of the office's account."""
    run_probe(office.runtime, monkeypatch)
    return Api(office)


@pytest.fixture
def events_queue(runtime: Runtime, bare: BareAws) -> Iterator[EventsQueue]:
    """The queue of the CRM's events."""
    sqs = bare.client("sqs")
    name = f"{runtime.settings.table}-feed.fifo"
    url = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
    runtime.settings = replace(runtime.settings, feed_queue=url)
    yield EventsQueue(sqs, url)
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def after_a_crash(clock: Clock) -> timedelta:
    """How long a lease outlives whoever took it."""
    return timedelta(seconds=91)
