"""A folder is an item of its own: what is written where, and by whom after a lease was lost."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import count, product
from threading import Event, Thread, current_thread
from typing import Any

import pytest

from mailmirror.domain.containment import Caution, Place
from mailmirror.domain.folder import FolderState, Passed
from mailmirror.domain.folder_choice import Listed
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.ledger_parts import MAX_HEAD_BYTES, LedgerParts
from mailmirror.domain.mailbox import AccountId, FolderRole, Mailbox, MailboxId, MailboxKey
from mailmirror.domain.passes import Basis, PassState, Target
from mailmirror.domain.totals import Totals
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Verdict
from mailmirror.mail.imap.listing import Listing
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.store.folders import FolderChanged
from mailmirror.store.sync_state import Lease, LeaseLost
from mailmirror.store.table import Meter
from mailmirror.usecases.mailboxes.read_mailbox import read_ledger, read_mailbox
from mailmirror.usecases.sync.audit_mailbox import audit_mailbox
from tests.integration.interruptions import WRITES, before_write
from tests.integration.office import MARCH, REP, STRANGER, Clock, Office, letter, subjects
from tests.integration.test_deaths import ends_of, failing_at
from tests.servers.mailbox_server import MailboxServer

KEY = MailboxKey(AccountId("0123456789ab"), MailboxId("0123456789abcdef"))
FOLDERS = 300
_LONG_AGO = datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC)
_BASIS = Basis(10**9, date(1999, 12, 31), 10**6)
PASSES = PassState(
    _BASIS,
    tuple(replace(_BASIS, max_recipients=10**6 + one) for one in range(3)),
    Target(_BASIS, everything=True),
    10**9,
    10**9,
    _LONG_AGO,
    _LONG_AGO,
    _LONG_AGO,
    _LONG_AGO,
    Place("f" * 12, (1 << 64) - 1, (1 << 64) - 1),
    hides=True,
    mirrored_at=_LONG_AGO,
)
"""The largest."""
_ITEM_BYTES = 1_024
LIFETIME = timedelta(seconds=91)
_SECONDS = 30
"""How long a thread may wait for another."""


def item_bytes(item: Any) -> int:
    """An item's size as DynamoDB counts it, roughly and never less."""
    match item:
        case dict():
            return 3 + sum(1 + len(name) + item_bytes(value) for name, value in item.items())
        case list():
            return 3 + sum(1 + item_bytes(value) for value in item)
        case str():
            return len(item.encode())
        case bytes():
            return len(item)
        case bool() | None:
            return 1
        case _:
            return 21


def state_item(key: MailboxKey, runtime: Runtime) -> dict[str, Any]:
    item = runtime.table.get(keys.state(key), consistent=True)
    assert item is not None
    return item


def test_the_state_stays_below_1_kb_with_the_largest_caution_and_the_largest_totals(
    runtime: Runtime,
) -> None:
    most = (1 << 64) - 1
    for folders in (1, FOLDERS):
        lease, _ = runtime.sync_states.take(KEY, runtime.now())
        runtime.sync_states.passing(lease, PASSES, runtime.now())
        runtime.sync_states.audit_begun(lease, _LONG_AGO, runtime.now())
        caution = Caution().after_deaths(9)
        for uid in range(30):
            caution = caution.suspecting(Place(f"{uid:012x}", most, most - uid)).after_deaths(1)
        totals = Totals(folders, folders, most, most, most, has_sent=True)
        runtime.sync_states.progressed(lease, totals, caution, runtime.now())
        assert runtime.sync_states.read(KEY).caution == caution
        assert runtime.sync_states.read(KEY).totals == totals
        assert runtime.sync_states.read(KEY).passes == PASSES
        assert item_bytes(state_item(KEY, runtime)) < _ITEM_BYTES
        runtime.sync_states.release(lease, first_sync_done=True, audit_at=_LONG_AGO)
        assert item_bytes(state_item(KEY, runtime)) < _ITEM_BYTES
        assert runtime.sync_states.read(KEY).audit_at == _LONG_AGO


@pytest.fixture
def many_folders(imap_server: MailboxServer) -> Sequence[str]:
    """300 folders that are all read, by the server's names; the first four have a message."""
    names = ["INBOX", "Sent", *(f"Project {n:03}" for n in range(FOLDERS - 2))]
    with imap_server.session(REP) as client:
        for name in names[2:]:
            client.create_folder(imap_server.named(name))
    for n, name in enumerate(names[:4]):
        imap_server.append(REP, name, letter(n + 1), MARCH)
    return list(map(imap_server.named, names))


def test_with_300_folders_the_state_is_small_and_a_sync_writes_only_the_folder_with_news(
    office: Office, imap_server: MailboxServer, runtime: Runtime, many_folders: Sequence[str]
) -> None:
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert len(runtime.folders.read_all(mailbox.key)) == FOLDERS
    filled = {name: {"mirrored": 1} for name in many_folders[:4]}
    assert office.counts(mailbox) == {name: {} for name in many_folders} | filled
    assert item_bytes(state_item(mailbox.key, runtime)) < _ITEM_BYTES

    before = runtime.folders.read_all(mailbox.key)
    imap_server.append(REP, "Project 007", letter(1_000, STRANGER), MARCH)
    runtime.table.meter = Meter()
    office.sync(mailbox)
    after = runtime.folders.read_all(mailbox.key)
    changed = [after[id].state.name for id in after if after[id] != before[id]]
    assert changed == [imap_server.named("Project 007")]
    assert runtime.table.meter.written == 4  # lease, folder, release, schedule entry
    assert item_bytes(state_item(mailbox.key, runtime)) < _ITEM_BYTES
    assert runtime.sync_states.read(mailbox.key).totals.messages == 5
    due = runtime.table.get(keys.due(mailbox.key, mailbox.slot))
    assert due is not None
    assert item_bytes(due) < _ITEM_BYTES


def test_a_sync_without_news_writes_no_folder(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    before = runtime.folders.read_all(mailbox.key)
    runtime.table.meter = Meter()
    office.sync(mailbox)
    meter = runtime.table.meter
    assert (meter.requests, meter.write_units) == (11, 3)
    assert runtime.folders.read_all(mailbox.key) == before


def test_a_batch_proves_progress_and_forgets_deaths(
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a death, with the first batch; without one, with the first after 20 seconds."""
    killing = failing_at(1, by=RuntimeError)
    monkeypatch.setattr("mailmirror.domain.batches.HEADER_RANGE", 2)
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 8)])
    mailbox = office.connect(imap_server, "rep", REP)
    runtime.sync_states.take(mailbox.key, runtime.now())
    clock.advance(LIFETIME)
    monkeypatch.setattr("mailmirror.usecases.sync.read_copy.parse_message", killing)
    found = []
    save = runtime.folders.save

    def saved_slowly(*args: Any) -> Any:
        found.append(runtime.sync_states.read(mailbox.key))
        clock.advance(timedelta(seconds=15))
        return save(*args)

    with monkeypatch.context() as patch:
        patch.setattr(runtime.folders, "save", saved_slowly)
        ends_of(office, mailbox, clock, 1, lambda _: None)
    assert (found[0].deaths, found[0].progressed_at) == (1, None)
    assert found[1].deaths == 0
    moves = [state.progressed_at for state in found[1:]]
    assert all(moves)
    assert len(set(moves)) > 1
    judged = [state.totals.judged for state in found]
    assert judged == sorted(judged)
    assert judged[-1] > 0


def test_a_folder_with_the_longest_head_costs_one_write_unit(runtime: Runtime) -> None:
    lease, _ = runtime.sync_states.take(KEY, runtime.now())
    most = (1 << 32) - 1
    uids = UidSet.of(range(most - 200, most, 2))
    (head, *_) = Ledger({Verdict.TOO_MANY_RECIPIENTS: uids}).pieces(MAX_HEAD_BYTES)
    while len(head.encode()) < MAX_HEAD_BYTES - 12:
        head = head.record({head.named.last + 2: Verdict.TOO_MANY_RECIPIENTS})
    full = FolderState(
        "[Gmail]/Projects/Customers in Japan",
        FolderRole.OTHER,
        uidvalidity=most,
        next=most,
        low=most,
        ledger=LedgerParts(head, range(100_000, 100_100), 40),
        judged=10_000_000,
        present=10_000_000,
        pending=10_000,
        messages=10_000_000,
        retries=16,
        retry_at=runtime.now(),
        audited=Passed(2_000_000_000, most),
    )
    runtime.table.meter = Meter()
    stored = runtime.folders.save(lease, "0123456789ab", full, None)
    assert runtime.table.meter.write_units == 1
    assert runtime.folders.find(KEY, "0123456789ab") == stored


# A sync that has lost the lease


def taken(mailbox: MailboxKey, runtime: Runtime, clock: Clock) -> Lease:
    """The lease, after its holder was too slow."""
    clock.advance(LIFETIME)
    return runtime.sync_states.take(mailbox, runtime.now())[0]


ID = "0123456789ab"
NEW = FolderState("INBOX", FolderRole.INBOX, uidvalidity=1, next=4, low=4, messages=3)


def judged(state: FolderState, uid: int) -> FolderState:
    change = Ledger().record({uid: Verdict.MIRRORED})
    after = state.advanced(change, low=uid)
    return replace(after, ledger=state.ledger.folded(change).parts)


def test_what_a_later_holder_has_written_is_not_overwritten(runtime: Runtime, clock: Clock) -> None:
    first, _ = runtime.sync_states.take(KEY, runtime.now())
    as_read = runtime.folders.save(first, ID, NEW, None)
    second = taken(KEY, runtime, clock)
    written = runtime.folders.save(second, ID, judged(NEW, 3), as_read)
    with pytest.raises(LeaseLost):
        runtime.folders.save(first, ID, judged(NEW, 2), as_read)
    with pytest.raises(LeaseLost):
        runtime.folders.claim(first, ID)
    runtime.folders.forget(first, ID, as_read)
    assert runtime.folders.find(KEY, ID) == written


def test_a_folder_that_a_later_holder_has_not_touched_may_be_written_and_is_read_again(
    runtime: Runtime, clock: Clock
) -> None:
    first, _ = runtime.sync_states.take(KEY, runtime.now())
    as_read = runtime.folders.save(first, ID, NEW, None)
    second = taken(KEY, runtime, clock)
    late = runtime.folders.save(first, ID, judged(NEW, 3), as_read)
    with pytest.raises(FolderChanged):
        runtime.folders.save(second, ID, judged(NEW, 3), as_read)
    claimed = runtime.folders.claim(second, ID)
    assert claimed is not None
    assert claimed.state == late.state
    with pytest.raises(LeaseLost):
        runtime.folders.save(first, ID, judged(late.state, 2), late)
    runtime.folders.save(second, ID, judged(claimed.state, 2), claimed)


def test_a_folder_that_two_holders_create_has_the_later_ones_fence(
    runtime: Runtime, clock: Clock
) -> None:
    first, _ = runtime.sync_states.take(KEY, runtime.now())
    second = taken(KEY, runtime, clock)
    runtime.folders.save(second, ID, NEW, None)
    with pytest.raises(LeaseLost):
        runtime.folders.save(first, ID, NEW, None)
    assert runtime.folders.claim(second, "ba9876543210") is None


@pytest.mark.parametrize("sealed", [False, True], ids=["in the head", "in a block"])
def test_a_sync_that_lost_its_lease_between_any_two_writes_costs_its_successor_nothing(
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    *,
    sealed: bool,
) -> None:
    """The first sync stops before its nth write, the second runs to its end, the first goes on."""
    monkeypatch.setattr("mailmirror.domain.batches.HEADER_RANGE", 2)
    if sealed:
        monkeypatch.setattr("mailmirror.domain.ledger_parts.MAX_HEAD_BYTES", 5)
        monkeypatch.setattr("mailmirror.domain.ledger_parts.MIN_BLOCKS", 2)
    mailbox = office.connect(imap_server, "rep", REP)
    total = 0

    def other() -> None:
        clock.advance(LIFETIME)
        office.sync(mailbox)

    for number in range(1, 40):
        for _ in range(9):
            total += 1
            imap_server.append(REP, "INBOX", letter(total, REP if total % 3 else STRANGER), MARCH)
        with before_write(runtime, number, other) as done:
            office.sync(mailbox)
        clock.advance(LIFETIME)
        office.sync(mailbox)
        (found,) = [one for one in read_ledger(mailbox, runtime) if one.folder.name == "INBOX"]
        assert str(found.ledger.named) == f"1:{total}"
        assert (found.folder.judged, found.folder.present) == (total, total)
        assert audit_mailbox(mailbox, runtime).folders[0].audit.clean
        if not done:
            break
    assert number > 8


@contextmanager
def interleaved(runtime: Runtime, stale_at: int, holder_at: int, stale: Thread) -> Iterator[Event]:
    """Halt `stale` before one of its writes, until another thread has come to one of its own.

    The other thread waits there until `stale` has ended. The event tells that `stale` halts.
    """
    table = runtime.table
    halted, go_on, by_stale, by_holder = Event(), Event(), count(1), count(1)
    originals = {name: getattr(table, name) for name in WRITES}

    def guarded(name: str) -> Callable[..., object]:
        def write(*args: Any, **kwargs: Any) -> object:
            if current_thread() is stale:
                if next(by_stale) == stale_at:
                    halted.set()
                    assert go_on.wait(_SECONDS)
            elif halted.is_set() and not go_on.is_set() and next(by_holder) == holder_at:
                go_on.set()
                stale.join(_SECONDS)
            return originals[name](*args, **kwargs)

        return write

    for name in WRITES:
        setattr(table, name, guarded(name))
    try:
        yield halted
    finally:
        go_on.set()
        stale.join(_SECONDS)
        for name in WRITES:
            delattr(table, name)


def test_a_stale_sync_that_writes_between_any_two_writes_of_its_successor_costs_it_nothing(
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailmirror.domain.batches.HEADER_RANGE", 2)
    monkeypatch.setattr("mailmirror.domain.ledger_parts.MAX_HEAD_BYTES", 5)
    monkeypatch.setattr("mailmirror.domain.ledger_parts.MIN_BLOCKS", 2)
    counted: list[str] = []
    monkeypatch.setattr(runtime, "count", lambda name, value=1.0: counted.append(name))
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    total = 0
    for stale_at, holder_at in product(range(2, 7), range(2, 6)):
        for _ in range(3):
            total += 1
            imap_server.append(REP, "INBOX", letter(total, REP if total % 3 else STRANGER), MARCH)
        stale = Thread(target=office.sync, args=(mailbox,))
        with interleaved(runtime, stale_at, holder_at, stale) as halted:
            stale.start()
            assert halted.wait(_SECONDS)
            clock.advance(LIFETIME)
            office.sync(mailbox)
        clock.advance(LIFETIME)
        office.sync(mailbox)
        (found,) = [one for one in read_ledger(mailbox, runtime) if one.folder.name == "INBOX"]
        assert str(found.ledger.named) == f"1:{total}"
        assert (found.folder.judged, found.folder.present) == (total, total)
    assert {"FoldersChanged", "LeaseLost"} <= set(counted)
    assert audit_mailbox(mailbox, runtime).folders[0].audit.clean


def test_a_coverage_is_read_from_the_state_without_the_folders(
    office: Office, imap_server: MailboxServer, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    monkeypatch.delattr(runtime.folders.__class__, "read_all")
    monkeypatch.delattr(runtime.folders.__class__, "find")
    found = read_mailbox(office.account, mailbox.key.mailbox, runtime)
    assert (found.state, found.progress) == ("healthy", 100)
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]


def totals_of(mailbox: Mailbox, runtime: Runtime) -> Totals:
    return runtime.sync_states.read(mailbox.key).totals


def test_a_folder_of_sent_mail_that_is_gone_is_no_longer_in_the_totals(
    office: Office, imap_server: MailboxServer, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert totals_of(mailbox, runtime).has_sent
    inbox = Listing([Listed(frozenset(), "/", "INBOX", b"INBOX")])
    monkeypatch.setattr("mailmirror.mail.imap.session.list_folders", lambda *_, **__: inbox)
    office.sync(mailbox)
    assert not totals_of(mailbox, runtime).has_sent
    assert len(runtime.folders.read_all(mailbox.key)) == 1
