"""Deep audits: what a round costs a mailbox, by message."""

from collections.abc import Iterable, Iterator
from typing import Any

from mailmirror.domain.deals import DealId
from mailmirror.store.keys import PK, SK, Key
from mailmirror.store.table import Item, Meter, Table
from mailmirror.usecases.mailboxes.change_mailbox import request_audit
from tests.bench.late_people import stranger
from tests.integration.office import KIM, MARCH, REP, Clock, Office, letter, loopback
from tests.servers.bare_aws import BUCKET, BareAws
from tests.servers.dovecot import Dovecot
from tests.servers.slow_link import SlowLink
from tests.servers.tables import own_table

_UNMATCHED, _MIRRORED = 10_000, 1_000


def deep_audits(aws: BareAws) -> None:
    """Print what auditing two mailboxes costs: one unmatched, one mirrored and on a deal."""
    for matched in (False, True):
        number = _MIRRORED if matched else _UNMATCHED
        with (
            Dovecot({REP: "secret"}) as server,
            own_table(aws.client, BUCKET, aws.key) as runtime,
            SlowLink(server) as link,
        ):
            runtime.now = Clock()
            runtime.network_policy = loopback(server.authority)
            office = Office(runtime)
            office.tell("deal.upserted", id="d", name="D", status="open", contact_ids=["kim"])
            office.match_again()
            raws = [
                letter(n, KIM, replies_to=[n - n % 5]) if matched else letter(n, stranger(n))
                for n in range(number)
            ]
            server.fill(REP, "INBOX", {uid: (raw, MARCH) for uid, raw in enumerate(raws, start=1)})
            mailbox = office.connect(link, "rep", REP)
            office.sync(mailbox)
            office.sync(mailbox)
            assert len(office.deal("rep", DealId("d"))) == (number if matched else 0)
            request_audit(mailbox, runtime)
            runtime.table.meter = meter = Meter()
            before = link.round_trips, link.received.bytes
            asked = _asked(runtime.table)
            jobs = 0
            while not (present := runtime.audit_rounds.read(mailbox.key).present) or (
                present.finished_at is None
            ):
                office.sync(mailbox)
                jobs += 1
            print(
                f"\nA deep audit of {number} {'mirrored' if matched else 'unmatched'} messages:"
                f" {jobs} syncs, {link.round_trips - before[0]} round trips,"
                f" {(link.received.bytes - before[1]) / 1e3:.0f} KB in, {meter.requests} requests,"
                f" {sum(asked)} items read, {meter.write_units:.0f} WU;"
                f" {present.found.uids} judged, {present.found.faults or 'no fault'}"
            )


def _asked(table: Table) -> list[int]:
    """Gets how many items each request asks for, or finds."""
    found: list[int] = []
    get_many, query = table.get_many, table.query

    def getting(keys: Iterable[Key], *, consistent: bool = False) -> list[Item]:
        wanted = list({(one[PK], one[SK]): one for one in keys}.values())
        found.append(len(wanted))
        return get_many(wanted, consistent=consistent)

    def querying(*args: Any, **options: Any) -> Iterator[Item]:
        for item in query(*args, **options):
            found.append(1)
            yield item

    vars(table).update(get_many=getting, query=querying)
    return found
