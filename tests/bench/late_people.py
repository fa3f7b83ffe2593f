"""Persons who come after their mail: what a search, a pass and an import cost a mailbox."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from mailmirror.domain.address import Address
from mailmirror.domain.changes import Change, ChangeKind
from mailmirror.domain.mailbox import Mailbox
from mailmirror.runtime import Runtime
from mailmirror.store.table import Meter
from tests.integration.office import KIM, MARCH, REP, Clock, Office, letter, loopback
from tests.servers.bare_aws import BUCKET, BareAws
from tests.servers.dovecot import Dovecot
from tests.servers.slow_link import SlowLink
from tests.servers.tables import own_table

MESSAGES, OF_EACH = 20_000, 5
"""Of strangers, each of whom has written so many."""
IMPORTED = 20_000
IMPORT_MINUTES = 15
_HOUR = timedelta(hours=1)


def late_people(aws: BareAws) -> None:
    """Print what each step costs: round trips and bytes of the server, requests and write units."""
    with (
        Dovecot({REP: "secret"}) as server,
        own_table(aws.client, BUCKET, aws.key) as runtime,
        SlowLink(server) as link,
    ):
        runtime.now = clock = Clock()
        runtime.network_policy = loopback(server.authority)
        office = Office(runtime)
        raws = [letter(number, stranger(number // OF_EACH)) for number in range(MESSAGES)]
        raws += [letter(MESSAGES + number, KIM) for number in range(MESSAGES // 10)]
        server.fill(REP, "INBOX", {uid: (raw, MARCH) for uid, raw in enumerate(raws, start=1)})
        mailbox = office.connect(link, "rep", REP)
        office.sync(mailbox)
        print(f"\nA mailbox of {MESSAGES} messages of strangers and {MESSAGES // 10} mirrored ones")
        with _measured("a sync without news", link, runtime):
            office.sync(mailbox)
        _tell(office, 0)
        with _measured("a search for one person, 5 messages mirrored", link, runtime):
            office.sync(mailbox)
        clock.advance(_HOUR)
        with _measured("the pass for this person", link, runtime):
            office.sync(mailbox)
        for number in range(1, 21):
            _tell(office, number)
            clock.advance(timedelta(minutes=30))
            if number % 2 == 0:
                with _measured(f"persons {number - 1} and {number}", link, runtime):
                    _sync_until_quiet(office, mailbox)
        clock.advance(2 * _HOUR)
        office.sync(mailbox)
        clock.advance(2 * _HOUR)
        _import(office, mailbox, link, runtime, clock)
        clock.advance(2 * _HOUR)
        _sync_until_quiet(office, mailbox)
        for what, event in (("five messages hidden", "deleted"), ("shown again", "upserted")):
            data = {"name": "Late", "emails": [stranger(1)]} if event == "upserted" else {}
            office.tell(f"contact.{event}", MARCH, id="c1", **data)
            clock.advance(2 * _HOUR)
            with _measured(f"a person is {event}: {what}", link, runtime):
                _sync_until_quiet(office, mailbox)


def stranger(number: int) -> str:
    return f"stranger{number}@customer{number % 500}.example"


def _tell(office: Office, number: int) -> None:
    office.tell("contact.upserted", id=f"c{number}", name="Late", emails=[stranger(number)])


def _sync_until_quiet(office: Office, mailbox: Mailbox) -> None:
    for _ in range(3):
        office.sync(mailbox)


def _import(
    office: Office, mailbox: Mailbox, link: SlowLink, runtime: Runtime, clock: Clock
) -> None:
    """A minute of the feed, a sync; after the last of them until the pass is through.

    Lines of persons whom no message names are written as the feed writes them, without the persons.
    """
    a_minute = IMPORTED // IMPORT_MINUTES
    with _measured(f"{IMPORT_MINUTES} syncs while {IMPORTED} contacts are imported", link, runtime):
        for minute in range(IMPORT_MINUTES):
            with _uncounted(runtime):
                for number in range(minute * a_minute, (minute + 1) * a_minute):
                    _line(office, number, clock)
            clock.advance(timedelta(minutes=1))
            office.sync(mailbox)
    passes = 0
    with _measured("25 syncs after it, the pass among them", link, runtime):
        for _ in range(25):
            clock.advance(timedelta(minutes=1))
            before = runtime.sync_states.read(mailbox.key).passes.number
            office.sync(mailbox)
            passes += runtime.sync_states.read(mailbox.key).passes.number - before
    print(f"  {passes} pass")


def _line(office: Office, number: int, clock: Clock) -> None:
    if number % 100 == 0:
        _tell(office, 100 + number // 100)
        return
    change = Change(ChangeKind.PERSON, gained={Address(f"contact{number}@import.example")})
    office.runtime.change_log.write(office.account, change, [], clock())


@contextmanager
def _uncounted(runtime: Runtime) -> Iterator[None]:
    meter, runtime.table.meter = runtime.table.meter, Meter()
    try:
        yield
    finally:
        runtime.table.meter = meter


@contextmanager
def _measured(what: str, link: SlowLink, runtime: Runtime) -> Iterator[None]:
    runtime.table.meter = meter = Meter()
    before = link.round_trips, link.sent.bytes, link.received.bytes
    yield
    trips, sent, received = (
        now - then
        for now, then in zip(
            (link.round_trips, link.sent.bytes, link.received.bytes), before, strict=True
        )
    )
    print(
        f"  {what:52} {trips:5} round trips, {sent / 1e3:7.1f} KB out, {received / 1e3:8.1f} KB in,"
        f" {meter.requests:5} requests, {meter.write_units:6.0f} WU"
    )
