"""The first sync of a large mailbox over a slow link, and when its newest mail is on cards.

A tenth of the messages match persons, in conversations of three; a fifth of the UIDs are missing,
as where mail was deleted.
"""

import base64
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import batched
from typing import Any

from mailmirror.domain.message import Entry
from mailmirror.runtime import Runtime
from mailmirror.store.table import Meter
from tests.bench.session_costs import Cost, session_costs
from tests.integration.office import REP, Office, loopback
from tests.servers.bare_aws import BUCKET, BareAws
from tests.servers.dovecot import Dovecot
from tests.servers.slow_link import Rate, SlowLink
from tests.servers.tables import own_table

FOLDERS = {
    "INBOX": 20_000,
    "Archive": 20_000,
    "Sent": 1_000,
    **{f"Project {number}": 1_000 for number in range(1, 10)},
}
RATE = Rate(delay_seconds=0.02, bytes_per_second=10e6 / 8)
"""A round trip of 40 ms, and 10 Mbit/s in each direction."""
THREADS = 500
"""So many are on cards: some pages of a salesperson's newest mail."""
DAYS = 300
_CUSTOMERS, _STRANGERS = 100, 2_000
_FILE_BYTES = 36_000
"""Of each twentieth message: 50 KB of it, in base64."""


@dataclass(slots=True)
class Seen:
    """When messages were on cards, of which entries, copies and contents are written by then."""

    begun_at: float
    times: list[tuple[float, int]] = field(default_factory=list)
    """Seconds, and how many threads are on cards by then."""
    _threads: set[str] = field(default_factory=set)

    def watch(self, runtime: Runtime, first: Callable[[], None]) -> None:
        """Note each batch that is mirrored.

        Parameters:
            first: called after the first of them.
        """
        items_of_cards = runtime.timelines.items_of_cards

        def noted(entries: Iterable[tuple[Entry, Any]]) -> Any:
            entries = list(entries)
            self._threads |= {entry.thread for entry, _ in entries}
            return items_of_cards(entries)

        def counted(name: str, value: float = 1) -> None:
            if name == "CopiesMirrored":
                self.times.append((time.perf_counter() - self.begun_at, len(self._threads)))
                if len(self.times) == 1:
                    first()

        runtime.timelines.items_of_cards = noted  # type: ignore[method-assign]
        runtime.count = counted  # type: ignore[method-assign]

    def until(self, threads: int) -> float:
        """Seconds until so many threads were on cards, or all where there are fewer."""
        return next((at for at, seen in self.times if seen >= threads), self.times[-1][0])


def new_mailbox(aws: BareAws) -> None:
    """Print how long a first sync takes, what it takes from the server, and where time goes."""
    with (
        Dovecot({REP: "secret"}) as server,
        own_table(aws.client, BUCKET, aws.key) as runtime,
        SlowLink(server, RATE) as link,
    ):
        runtime.network_policy = loopback(server.authority)
        office = Office(runtime)
        for number in range(_CUSTOMERS):
            office.tell("contact.upserted", id=f"c{number}", name="C", emails=[_customer(number)])
        _fill(server)
        mailbox = office.connect(link, "rep", REP)
        commands = len(server.commands())
        before = link.round_trips, link.sent.bytes, link.received.bytes
        runtime.table.meter = Meter()
        seen, cpu = Seen(time.perf_counter()), time.process_time()
        seen.watch(runtime, lambda: _check_a_card(office))
        with session_costs(link) as costs:
            office.sync(mailbox, timedelta(hours=1))
        took, cpu = time.perf_counter() - seen.begun_at, time.process_time() - cpu
        after = link.round_trips, link.sent.bytes, link.received.bytes
        requests, commands = runtime.table.meter.requests, len(server.commands()) - commands
        mirrored = sum(one.get("mirrored", 0) for one in office.counts(mailbox).values())
    used = (now - then for then, now in zip(before, after, strict=True))
    print(f"\nFirst sync of {sum(FOLDERS.values())} messages in {len(FOLDERS)} folders,", end=" ")
    print(f"{mirrored} mirrored, over 40 ms and 10 Mbit/s")
    print(f"  {seen.until(1):6.1f} s from its start until a card shows a message")
    print(f"  {seen.until(THREADS):6.1f} s until {THREADS} threads are on cards")
    print(f"  {took:6.1f} s until it is done, {cpu:.1f} s of CPU time here")
    print(f"  {commands} commands, {requests} requests to the table")
    round_trips, sent, received = used
    _print_steps(costs.steps, Cost(1, round_trips, sent, received, took))


def _print_steps(steps: Mapping[str, Cost], whole: Cost) -> None:
    """Print what each step has cost, and what is left: signing in and out, and all work here."""
    some = list(steps.values())
    rest = Cost(
        1,
        whole.round_trips - sum(one.round_trips for one in some),
        whole.sent - sum(one.sent for one in some),
        whole.received - sum(one.received for one in some),
        whole.seconds - sum(one.seconds for one in some),
    )
    print("  step            calls  round trips  KB out     KB in  seconds")
    for name, cost in {**steps, "all else": rest, "together": whole}.items():
        print(
            f"  {name:14} {cost.calls:6}  {cost.round_trips:11}  {cost.sent / 1e3:6.0f}"
            f"  {cost.received / 1e3:8.0f}  {cost.seconds:7.1f}"
        )


def _check_a_card(office: Office) -> None:
    """See that what counts as shown is shown."""
    if not any(office.card("rep", f"c{number}") for number in range(_CUSTOMERS)):
        raise RuntimeError("no card shows a message")


def _customer(number: int) -> str:
    return f"c{number}@customer.example"


def _fill(server: Dovecot) -> None:
    """Put the messages into their folders, the newest of all folders in the same days."""
    number = 0
    for folder, messages in FOLDERS.items():
        if folder not in ("INBOX", "Sent"):
            server.create(REP, folder)
        ages = [DAYS * (messages - index) / messages for index in range(messages)]
        sent_at = [datetime.now(UTC) - timedelta(days=age) for age in ages]
        numbers = range(number, number + messages)
        uids = (uid for uid in range(1, 2 * messages) if uid % 5)
        raws = _mail(folder, numbers, sent_at)
        server.fill(
            REP,
            folder,
            {uid: (raw, at) for uid, raw, at in zip(uids, raws, sent_at, strict=False)},
        )
        number += messages


def _mail(folder: str, numbers: Sequence[int], sent_at: Sequence[datetime]) -> Iterator[bytes]:
    """Messages of a folder, oldest first; the first of each ten matches a customer."""
    for tens in batched(zip(numbers, sent_at, strict=True), 10, strict=False):
        for index, (number, at) in enumerate(tens):
            matches = index == 0
            conversation, place = divmod(number // 10, 3)
            other = (
                _customer(conversation % _CUSTOMERS)
                if matches
                else f"u{number % _STRANGERS}@else.example"
            )
            earlier = [number - 10 * back for back in range(place, 0, -1)] if matches else []
            yield _message(number, other, at, earlier, from_us=folder == "Sent")


def _message(
    number: int, other: str, at: datetime, earlier: Sequence[int], *, from_us: bool
) -> bytes:
    """A message of 2 KB, each twentieth with a file."""
    sender, recipient = (REP, other) if from_us else (other, REP)
    chance = random.Random(number)
    traces = "".join(
        f"Received: from a{hop}.example (a{hop}.example [192.0.2.{hop}]) by b.example\r\n"
        f"\twith ESMTPS id {chance.getrandbits(64):x} for <{recipient}>; {format_datetime(at)}\r\n"
        for hop in range(3)
    )
    named = " ".join(f"<{one}@mail.example>" for one in earlier)
    replies = f"In-Reply-To: {named.split()[-1]}\r\nReferences: {named}\r\n" if earlier else ""
    text = f"Hello, this is letter {number} of a mailbox.\r\n" * 30
    kind, body = "text/plain; charset=utf-8", text
    if number % 200 == 0 or number % 20 == 7:  # of those that match, and of the others
        kind = 'multipart/mixed; boundary="-"'
        data = base64.encodebytes(chance.randbytes(_FILE_BYTES)).decode().replace("\n", "\r\n")
        body = (
            f"---\r\nContent-Type: text/plain\r\n\r\n{text}\r\n---\r\n"
            "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
            f"Content-Disposition: attachment; filename=offer.pdf\r\n\r\n{data}\r\n-----\r\n"
        )
    return (
        f"{traces}From: {sender}\r\nTo: {recipient}\r\nSubject: Letter {number}\r\n"
        f"Date: {format_datetime(at)}\r\nMessage-ID: <{number}@mail.example>\r\n{replies}"
        f"MIME-Version: 1.0\r\nContent-Type: {kind}\r\n\r\n{body}"
    ).encode()
