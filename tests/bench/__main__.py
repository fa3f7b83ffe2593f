"""`make bench`: what messages and polls cost, how fast syncs are, how long functions take to start.

Speeds are ratios against a peer in the same run. Read units of the emulator are flat (0.5 or 1.0
a request whatever the size), so reads are told as requests; write units are by size, as on AWS.
"""

import argparse
import imaplib
import random
import smtplib
import ssl
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import mailmirror.observing
from local import emulator
from local.down import down
from local.resources import resources_of
from local.stack import STACK_NAME, Home, Options
from local.up import up
from mailmirror.api.decoding import typed
from mailmirror.api.outbound import ComposeBody
from mailmirror.aws.queues import SendJob
from mailmirror.domain.mailbox import Provider, Security, Server
from mailmirror.domain.providers import SENDING
from mailmirror.runtime import Runtime
from mailmirror.store.folders import StoredFolder
from mailmirror.store.table import Meter
from mailmirror.usecases.sending.accept_message import accept_message
from mailmirror.usecases.sending.send_message import send_message
from mailmirror.usecases.sync.audit_mailbox import audit_mailbox
from tests.bench.bodies import bodies
from tests.bench.connecting import connecting
from tests.bench.deep_audits import deep_audits
from tests.bench.late_people import late_people
from tests.bench.moves import moves
from tests.bench.new_mailbox import new_mailbox
from tests.bench.parsing import parsing
from tests.bench.polls import polls
from tests.bench.starts import starts
from tests.integration.office import BOSS, KIM, REP, STRANGER, Office, letter, loopback
from tests.servers.bare_aws import BareAws, bare_aws
from tests.servers.dovecot import Dovecot
from tests.servers.postfix import Postfix
from tests.servers.tables import own_table

MESSAGES = 1_000
BATCH = 500
REQUEST_SECONDS = 0.008
"""Of DynamoDB's own time, about as on AWS."""
SENDS = 100
"""Fewer than an account lets a mailbox send in a day."""
_MAILBOXES: Mapping[str, Callable[[BareAws], None]] = {
    "polls": polls,
    "new_mailbox": new_mailbox,
    "moves": moves,
    "late_people": late_people,
    "deep_audits": deep_audits,
}
_PARTS = ("starts", "sync", "connecting", *_MAILBOXES, "bodies", "parsing")
TEXT = "A line of a letter, as long as lines of letters are.\r\n" * 60


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--part", choices=_PARTS, action="append")
    parts = parser.parse_args().part or _PARTS
    mailmirror.observing.count = _uncounted  # which prints metrics, a hundred at a time
    if not {"starts", "sync"}.isdisjoint(parts):
        _on_a_stack(parts)
    if "connecting" in parts:
        connecting()
    if not _MAILBOXES.keys().isdisjoint(parts):
        with bare_aws() as aws:
            for name in filter(parts.__contains__, _MAILBOXES):
                _MAILBOXES[name](aws)
    if "bodies" in parts:
        bodies()
    if "parsing" in parts:
        parsing()


def _uncounted(name: str, value: float = 1) -> None:
    """In place of a metric."""


def _on_a_stack(parts: Collection[str]) -> None:
    """How long functions take to start, and what a sync costs beside its peers."""
    home = Home(Path(tempfile.mkdtemp(prefix="mailmirror-bench-")))
    try:
        stack = up(home, Options())
        session = emulator.session()

        def aws(service: str) -> Any:
            return session.client(service, endpoint_url=stack.aws_endpoint)  # type: ignore[call-overload]

        key = resources_of(aws("cloudformation"), STACK_NAME).key
        if "starts" in parts:
            with own_table(aws, stack.bucket, key) as runtime:
                fifo = {"QueueName": "bench.fifo", "Attributes": {"FifoQueue": "true"}}
                starts(runtime, stack.aws_endpoint, aws("sqs").create_queue(**fifo)["QueueUrl"])
        if "sync" in parts:
            with Dovecot({REP: "secret", BOSS: "secret"}) as server:
                for measure in (costs, first_sync, audit_and_page, pauses, sends):
                    with own_table(aws, stack.bucket, key) as runtime:
                        runtime.network_policy = loopback(server.authority)
                        measure(Office(runtime), server)
    finally:
        down(home)


def costs(office: Office, server: Dovecot) -> None:
    """What one more message costs, in a mailbox that has some."""
    office.tell("deal.upserted", id="d", name="Deal", status="open", contact_ids=["kim"])
    now = datetime.now(UTC)
    server.append(REP, "INBOX", letter(1, at=now), now)
    mailbox = office.connect(server, "rep", REP)
    office.sync(mailbox)
    empty = spent(office.runtime, lambda: office.sync(mailbox))
    print("\nWhat a sync costs: requests, write units, items written")
    print(f"  with no news             {empty}")
    cases = {
        "1 unmatched message": [letter(2, STRANGER, at=now)],
        "10 unmatched messages": [letter(10 + n, f"u{n}@else.example", at=now) for n in range(10)],
        "1 mirrored, new thread": [letter(30, at=now)],
        "1 mirrored reply": [letter(31, replies_to=[30], at=now)],
        "10 mirrored, new threads": [letter(40 + n, at=now) for n in range(10)],
        "1 mirrored of 200 KB": [letter(60, at=now, text=noise(200_000))],
    }
    for name, messages in cases.items():
        for raw in messages:
            server.append(REP, "INBOX", raw, now)
        print(f"  {name:24} {spent(office.runtime, lambda: office.sync(mailbox))}")


def first_sync(office: Office, server: Dovecot) -> None:
    """A first sync beside imaplib reading the same bodies and throwing them away."""
    now = datetime.now(UTC)
    half = [
        letter(1000 + n, KIM if n % 2 else STRANGER, [BOSS], at=now - timedelta(hours=n), text=TEXT)
        for n in range(MESSAGES)
    ]
    server.append_all(BOSS, "INBOX", [(raw, now) for raw in half])
    mailbox = office.connect(server, "boss", BOSS)
    drained = timed(lambda: drain(server))
    office.runtime.table.meter = Meter()
    synced = timed(lambda: office.sync(mailbox, timedelta(hours=1)))
    requests, _, units, items = astuple(office.runtime.table.meter)
    print(f"\nFirst sync of {MESSAGES} messages, half of them mirrored")
    print(f"  {synced:.1f} s, {synced / drained:.0f} times the bare drain of all ({drained:.2f} s)")
    print(f"  {MESSAGES / synced:.0f} messages a second; {requests} requests,")
    print(f"  {units:.0f} write units, {items} items")


def audit_and_page(office: Office, server: Dovecot) -> None:
    """Reading: an audit of that folder, and a page of its one customer's card."""
    mailbox = office.connect(server, "boss", BOSS)
    office.sync(mailbox, timedelta(hours=1))
    print("\nReading: requests")
    audit = spent(office.runtime, lambda: audit_mailbox(mailbox, office.runtime).folders)
    print(f"  audit of {MESSAGES} UIDs       {audit}")


def pauses(office: Office, server: Dovecot) -> None:
    """How long a sync works between two moves of its cursor, where each request takes 8 ms more."""
    office.tell("deal.upserted", id="d", name="Deal", status="open", contact_ids=["kim"])
    now = datetime.now(UTC)
    letters = [letter(10_000 + n, KIM, at=now - timedelta(hours=n)) for n in range(BATCH)]
    server.append_all(REP, "INBOX", [(raw, now) for raw in letters])
    mailbox = office.connect(server, "rep", REP)
    events = office.runtime.table._client.meta.events
    events.register("before-send.dynamodb", lambda **_: time.sleep(REQUEST_SECONDS))
    moves = [time.perf_counter()]
    save = office.runtime.folders.save

    def noted(*args: Any) -> StoredFolder:
        saved = save(*args)
        moves.append(time.perf_counter())
        return saved

    office.runtime.folders.save = noted  # type: ignore[assignment, method-assign]
    took = timed(lambda: office.sync(mailbox, timedelta(hours=1)))
    longest = max(later - earlier for earlier, later in pairwise(moves))
    print(f"\n{BATCH} messages, each in a thread of its own on a deal, at 8 ms a request")
    print(f"  {took:.1f} s; the cursor moves {len(moves) - 1} times, at most {longest:.1f} s apart")


def sends(office: Office, server: Dovecot) -> None:
    """Sending beside smtplib handing the same messages to the same Postfix, a session each."""
    with Postfix(server) as postfix:
        runtime = office.runtime
        runtime.network_policy.trust.load_verify_locations(cadata=postfix.authority.read_text())
        smtp = Server(postfix.host, postfix.submission_port, Security.STARTTLS)
        office.connect(server, "rep", REP, smtp)
        viewer = office.viewer("rep")
        body = {"from": REP, "to": [KIM], "subject": "Offer", "text": TEXT}
        draft = typed(body, ComposeBody).composition()
        SENDING[Provider.IMAP] = replace(SENDING[Provider.IMAP], a_minute=10_000, a_day=10_000)
        accepted = []
        runtime.table.meter = Meter()
        begun = time.perf_counter()
        for _ in range(SENDS):
            accepted.append(accept_message(viewer, draft, None, runtime))
        told_of("accepted", time.perf_counter() - begun, runtime.table.meter)
        runtime.table.meter = Meter()
        begun = time.perf_counter()
        for one in accepted:
            send_message(SendJob(one.mailbox, one.id), runtime)
        sending = time.perf_counter() - begun
        told_of("sent", sending, runtime.table.meter)
        begun = time.perf_counter()
        for _ in range(SENDS):
            submit(postfix)
        bare = time.perf_counter() - begun
        print(f"  smtplib alone: {SENDS / bare:.1f} a second, {sending / bare:.1f} times as fast")
        print(f"  {len(postfix.received(KIM))} arrived, of both")


def told_of(what: str, seconds: float, meter: Meter) -> None:
    print(
        f"  {what} {SENDS / seconds:.1f} a second; each {meter.requests / SENDS:.0f} requests and"
        f" {meter.write_units / SENDS:.0f} write units"
    )


def submit(postfix: Postfix) -> None:
    trust = ssl.create_default_context(cafile=str(postfix.authority))
    message = letter(1, REP, [KIM], text=TEXT)
    with smtplib.SMTP("localhost", postfix.submission_port) as client:
        client.starttls(context=trust)
        client.login(REP, "secret")
        client.sendmail(REP, [KIM], message)


def spent(runtime: Runtime, work: Callable[[], object]) -> str:
    """What a piece of work costs in the table."""
    runtime.table.meter = Meter()
    work()
    meter = runtime.table.meter
    return f"{meter.requests:4}  {meter.write_units:7.1f}  {meter.written:4}"


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def drain(server: Dovecot) -> None:
    trust = ssl.create_default_context(cafile=str(server.authority))
    with imaplib.IMAP4_SSL("localhost", server.imaps_port, ssl_context=trust) as client:
        client.login(BOSS, "secret")
        client.select("INBOX", readonly=True)
        client.uid("FETCH", "1:*", "(BODY.PEEK[])")


def noise(length: int) -> str:
    """Text that does not compress well."""
    letters = random.Random(1)
    lines = (
        "".join(letters.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=76))
        for _ in range(length // 78)
    )
    return "\r\n".join(lines)


if __name__ == "__main__":
    main()
