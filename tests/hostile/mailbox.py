"""One mailbox with every hostile message and ten good letters among them, in the real sync.

Each sync is a process of its own that is killed where it takes more memory than its function has.
What counts is its resident memory, as Lambda counts it: a limit of the address space (RLIMIT_AS)
would also count what is mapped and never touched, and raise MemoryError where Lambda kills; a
cgroup needs rights that a test does not have. The code writes no file: /tmp plays no part.
"""

import os
import resource
import signal
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from mailmirror.aws.queues import SyncJob
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.mailbox import Mailbox
from mailmirror.usecases.cards.acting_user import viewer
from mailmirror.usecases.cards.read_card import read_person_card
from mailmirror.usecases.mailboxes.read_mailbox import read_ledger
from mailmirror.usecases.sync.audit_mailbox import audit_mailbox
from tests.hostile.functions import Failed
from tests.hostile.letters import GOOD, hostile
from tests.hostile.world import World, world
from tests.integration.office import KIM, REP, letter
from tests.servers.bare_aws import bare_aws
from tests.servers.dovecot import Dovecot
from tests.template import functions

LIMIT_MB: int = functions()["SyncFunction"]["MemorySize"]
_MAX_SYNCS = 40


@dataclass(slots=True)
class Cost:
    """What syncs took, in processes of their own."""

    syncs: int = 0
    deaths: int = 0
    peak_mb: float = 0.0
    cpu_seconds: float = 0.0
    """Of the processes that were not killed."""

    def watch(self, pid: int) -> None:
        """Note what a process has taken, and kill it where that is too much."""
        with suppress(OSError, IndexError):
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            self.peak_mb = max(self.peak_mb, pages * resource.getpagesize() / 2**20)
            if self.peak_mb > LIMIT_MB:
                os.kill(pid, signal.SIGKILL)

    def __str__(self) -> str:
        died = f", {self.deaths} of {self.syncs} syncs killed" if self.deaths else ""
        return f"{self.peak_mb:5.0f} MB {self.cpu_seconds:6.1f} s{died}"


@dataclass(slots=True)
class Outcome:
    cost: Cost
    verdicts: Mapping[str, Counter[str]]
    """How many messages of each kind have each verdict."""
    faults: list[str] = field(default_factory=list)
    """What is not as it must be."""


def _synced(place: World, mailbox: Mailbox) -> Cost:
    """Sync until all is judged; a message that cannot be read may be pending."""
    cost = Cost()
    job = SyncJob(place.account, mailbox.key.mailbox)
    while cost.syncs < _MAX_SYNCS:
        cost.syncs += 1
        before = place.children.cpu_seconds
        try:
            place.children.call(
                "sync", place.environment, place.now, {"body": job.to_json()}, cost.watch
            )
        except Failed as failure:
            cost.deaths += str(failure) == "killed"
        cost.cpu_seconds += place.children.cpu_seconds - before
        place.now += timedelta(minutes=10)
        clean = all(one.audit.clean for one in audit_mailbox(mailbox, place.runtime).folders)
        if clean and place.runtime.sync_states.read(mailbox.key).first_sync_done:
            break
    return cost


@contextmanager
def _office() -> Iterator[World]:
    names = {"rep": "rep", "boss": "boss"}
    with (
        bare_aws() as bare,
        Dovecot(dict.fromkeys(names, "secret")) as dovecot,
        world(bare, dovecot, names, None) as place,
    ):
        place.tell("user.upserted", id="rep", name="Rep", emails=[REP])
        place.tell("contact.upserted", id="kim", name="Kim", emails=[KIM])
        yield place


def all_at_once(html_bytes: int) -> Outcome:
    """Put every hostile message and ten good letters into one mailbox, and sync it."""
    with _office() as place:
        mail = list(hostile(html_bytes))
        kinds = [kind for kind, _, _ in mail]
        raws = [raw for _, _, raw in mail]
        for number in GOOD:
            at = number * len(raws) // len(GOOD)
            kinds.insert(at, "good")
            raws.insert(at, letter(number, at=place.now - timedelta(hours=number)))
        place.dovecot.append_all("rep", "INBOX", [(raw, place.now) for raw in raws])
        place.connect("rep")
        mailbox = place.mailbox("rep")
        assert mailbox is not None
        cost = _synced(place, mailbox)
        verdicts = _verdicts(place, mailbox, kinds)
        outcome = Outcome(cost, verdicts, _faults(place, mailbox, kinds))
        if verdicts["good"] != {"mirrored": len(GOOD)}:
            outcome.faults.append(f"good letters: {dict(verdicts['good'])}")
        return outcome


def one_by_one(html_bytes: int) -> Iterator[tuple[str, float, int, Cost]]:
    """Sync hostile messages one by one; yields kind, scale, bytes and cost of each."""
    with _office() as place:
        place.connect("rep")
        mailbox = place.mailbox("rep")
        assert mailbox is not None
        _synced(place, mailbox)
        done: set[tuple[str, float]] = set()
        for kind, scale, raw in hostile(html_bytes):
            if (kind, scale) not in done:
                done.add((kind, scale))
                place.dovecot.append("rep", "INBOX", raw, place.now)
                yield kind, scale, len(raw), _synced(place, mailbox)


def _verdicts(place: World, mailbox: Mailbox, kinds: list[str]) -> Mapping[str, Counter[str]]:
    """The verdicts by kind: the UID of the nth message is n."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for folder in read_ledger(mailbox, place.runtime):
        if folder.folder.name == "INBOX":
            named = {uid: str(v) for v, uids in folder.ledger.recorded.items() for uid in uids}
            for uid, kind in enumerate(kinds, start=1):
                found[kind][named.get(uid, "nothing")] += 1
    return found


def _faults(place: World, mailbox: Mailbox, kinds: list[str]) -> list[str]:
    faults = []
    for one in audit_mailbox(mailbox, place.runtime).folders:
        if not one.audit.clean:
            faults.append(f"audit of {one.folder.name}: {one.audit}")
    shown: set[str] = set()
    cursor = None
    person = viewer(place.account, "rep", place.runtime)
    while True:
        card = read_person_card(
            person, PersonRef(PersonKind.CONTACT, "kim"), cursor, 50, place.runtime
        )
        shown |= {
            str(one.message_id)
            for line in card.lines
            for one in line.versions
            if "headers_only" not in one.warnings
            and one.snippet.startswith("Hello, shall we talk?")
        }
        if (cursor := card.next_cursor) is None:
            break
    missing = {f"{number}@mail.example" for number in GOOD} - shown
    if missing:
        faults.append(f"not on the card: {sorted(missing)}")
    return faults
