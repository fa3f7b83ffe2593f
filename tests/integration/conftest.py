"""A Dovecot for each module, and an account for each test."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from mailmirror.runtime import Runtime
from tests.integration.office import BOSS, REP, Clock, Office, loopback
from tests.servers.dovecot import Dovecot

USERS = {REP: "rep's secret", BOSS: "boss's secret"}


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with Dovecot(USERS) as server:
        yield server


@pytest.fixture
def clock(runtime: Runtime) -> Clock:
    clock = Clock()
    runtime.now = clock
    return clock


@pytest.fixture
def office(runtime: Runtime, dovecot: Dovecot, clock: Clock) -> Office:
    runtime.network_policy = loopback(dovecot.authority)
    return Office(runtime)


@pytest.fixture
def after_a_crash(clock: Clock) -> timedelta:
    """How long a lease outlives whoever took it."""
    return timedelta(seconds=91)
