"""What polls of one mailbox without news cost, as its mail server and the network see them."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mailmirror.aws.queues import PollJob
from mailmirror.runtime import Runtime
from mailmirror.usecases.sync.poll_mailboxes import poll_mailboxes
from tests.integration.office import REP, Clock, Office, letter, loopback
from tests.servers.bare_aws import BUCKET, BareAws
from tests.servers.dovecot import Dovecot
from tests.servers.exchange import Exchange
from tests.servers.gmail import Gmail
from tests.servers.slow_link import Proxied, SlowLink
from tests.servers.tables import own_table

FOLDERS = (12, 200)
_MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Polls:
    """The mean of some polls, which have asked for each folder equally often."""

    number: int
    round_trips: float
    sent: float
    """Bytes from here to the server, TLS included."""
    received: float

    @property
    def megabytes_a_day(self) -> float:
        return (self.sent + self.received) * _MINUTES_A_DAY / 1e6


def polls(aws: BareAws) -> None:
    """Print a line for each server and number of folders."""
    print("\nA poll without news: round trips, bytes out, bytes in, MB a day at a poll a minute")
    for folders in FOLDERS:
        for name, server in _servers():
            with server as running, own_table(aws.client, BUCKET, aws.key) as runtime:
                _fill(running, folders)
                cost = polled(running, runtime)
            print(
                f"  {name:8} {folders:3} folders  {cost.round_trips:5.1f}  {cost.sent:6.0f}"
                f"  {cost.received:6.0f}  {cost.megabytes_a_day:5.1f}"
            )


def polled(server: Proxied, runtime: Runtime) -> Polls:
    """Connect, sync and poll a mailbox, until each of its folders was asked for equally often."""
    clock = runtime.now = Clock()
    runtime.network_policy = loopback(server.authority)
    office = Office(runtime)
    found: list[str] = []
    runtime.count = lambda name, value=1.0: found.append(name)  # type: ignore[method-assign]
    with SlowLink(server) as link:
        mailbox = office.connect(link, "rep", REP)
        office.sync(mailbox)
        entry = runtime.due.find(mailbox)
        number = len(entry.slices) if entry else 0  # in so many each slice is asked for as often
        before = link.round_trips, link.sent.bytes, link.received.bytes
        for _ in range(number):
            clock.advance(timedelta(minutes=1))
            poll_mailboxes(PollJob([mailbox.key], runtime.now().replace(microsecond=0)), runtime)
        after = link.round_trips, link.sent.bytes, link.received.bytes
    if found.count("PollsWithoutNews") != number:
        raise RuntimeError(f"a poll has failed, or has found news: {found}")
    return Polls(number, *((now - then) / number for then, now in zip(before, after, strict=True)))


def _servers() -> list[tuple[str, AbstractContextManager[Any]]]:
    users = {REP: "secret"}
    return [("Dovecot", Dovecot(users)), ("Gmail", Gmail(users)), ("Exchange", Exchange(users))]


def _fill(server: Any, folders: int) -> None:
    """Give a server so many folders beside its own, the first with a message."""
    names = [f"Customer {number}" for number in range(folders)]
    match server:
        case Dovecot():
            for name in names:
                server.create(REP, name)
            server.append(REP, names[0], letter(1))
        case Gmail():
            for number, name in enumerate(names):
                server.receive(letter(number), name)
        case Exchange():
            server.create(*names)
            server.append(names[0], letter(1))
