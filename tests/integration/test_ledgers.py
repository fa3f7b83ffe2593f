"""The parts of folders' ledgers: written by a sync, read beside it, left by a crash."""

import re
from datetime import timedelta
from itertools import count

import pytest

from mailmirror.domain.containment import Caution
from mailmirror.domain.folder import FolderState
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.verdict import Verdict
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.usecases.mailboxes.read_mailbox import read_ledger
from mailmirror.usecases.sync.audit_mailbox import audit_mailbox
from tests.integration.interruptions import Killed, before_write
from tests.integration.office import MARCH, REP, STRANGER, Clock, Office, letter
from tests.integration.test_containment import before
from tests.integration.test_polls import poll, syncs
from tests.servers.mailbox_server import MailboxServer
from tests.servers.meddling import Said, unchanged


@pytest.fixture
def _short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every change is sealed, and compacted with the blocks where there are two or more."""
    monkeypatch.setattr("mailmirror.domain.ledger_parts.MAX_HEAD_BYTES", 5)
    monkeypatch.setattr("mailmirror.domain.ledger_parts.MAX_BLOCK_BYTES", 60)
    monkeypatch.setattr("mailmirror.domain.ledger_parts.MIN_BLOCKS", 2)
    monkeypatch.setattr("mailmirror.domain.batches.HEADER_RANGE", 2)


def inbox(mailbox: Mailbox, runtime: Runtime) -> tuple[FolderState, Ledger]:
    (found,) = [one for one in read_ledger(mailbox, runtime) if one.folder.name == "INBOX"]
    return found.folder, found.ledger


def stored_blocks(mailbox: Mailbox, runtime: Runtime) -> list[int]:
    items = runtime.table.query(keys.folders(mailbox.key), keys.LEDGERS, consistent=True)
    return sorted(keys.ledger_block_of(item)[1] for item in items)


@pytest.mark.usefixtures("_short_parts")
def test_a_sync_killed_after_any_write_leaves_a_ledger_that_readers_can_read(
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Caution, "after_deaths", lambda caution, _: caution)
    for n in range(1, 17):
        imap_server.append(REP, "INBOX", letter(n, STRANGER) if n % 3 else letter(n), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    judged = [0]

    def read() -> None:
        """The ledger has what its cursors say, whatever is being written."""
        for one in read_ledger(mailbox, runtime):
            folder, ledger = one.folder, one.ledger
            assert not ledger.overlap()
            assert (len(ledger.judged), len(ledger.pending)) == (folder.judged, folder.pending)
            assert set(ledger.named) == set(range(folder.low, folder.next))
            judged[0] = max(judged[0], len(ledger.named))
            assert len(ledger.named) == judged[0] or folder.name != "INBOX"

    kills = 0
    for number in count(1):
        with before_write(runtime, number, read, then_die=True) as done:
            try:
                office.sync(mailbox)
                assert not done
                break
            except Killed:
                kills += 1
                clock.advance(timedelta(seconds=91))
    assert kills > 10
    folder, ledger = inbox(mailbox, runtime)
    assert folder.ledger.compacted
    assert str(ledger.named) == "1:16"
    assert office.counts(mailbox)["INBOX"] == {"mirrored": 5, "no_person": 11}
    assert audit_mailbox(mailbox, runtime).folders[0].audit.clean


@pytest.mark.usefixtures("_short_parts")
def test_replaced_blocks_are_deleted_by_the_next_compaction_and_others_never(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    mailbox = office.connect(imap_server, "rep", REP)
    compacted = set()
    for n in range(1, 20):
        imap_server.append(REP, "INBOX", letter(n, STRANGER) if n % 2 else letter(n), MARCH)
        office.sync(mailbox)
        folder, ledger = inbox(mailbox, runtime)
        compacted.add(folder.ledger.blocks.start)
        stored = stored_blocks(mailbox, runtime)
        assert stored[-len(folder.ledger.blocks) :] == list(folder.ledger.blocks)
        assert stored == list(range(stored[0], folder.ledger.blocks.stop))
        assert stored[0] in compacted
        assert len(ledger.named) == n
    assert len(compacted) > 3
    assert stored[0] > 0


@pytest.mark.usefixtures("_short_parts")
def test_a_reader_whose_blocks_were_replaced_reads_the_folder_again(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    mailbox = office.connect(imap_server, "rep", REP)
    seen: list[FolderState] = []
    while len({folder.ledger.blocks.start for folder in seen}) < 4:
        n = len(seen) + 1
        imap_server.append(REP, "INBOX", letter(n, STRANGER) if n % 2 else letter(n), MARCH)
        office.sync(mailbox)
        seen.append(inbox(mailbox, runtime)[0])
    (id,) = [
        id for id, one in runtime.folders.read_all(mailbox.key).items() if one.state.name == "INBOX"
    ]
    found = runtime.ledgers.read_current(mailbox.key, id, seen[2])
    assert found == inbox(mailbox, runtime)


def test_a_uidvalidity_that_comes_back_reads_no_block_of_its_first_time(
    office: Office, imap_server: MailboxServer, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.domain.ledger_parts.MAX_HEAD_BYTES", 20)
    for n in range(1, 5):
        imap_server.append(REP, "INBOX", letter(n), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    before = inbox(mailbox, runtime)[0]
    imap_server.reset_uidvalidity(REP, "INBOX")
    office.sync(mailbox)
    after = inbox(mailbox, runtime)[0]
    assert after.uidvalidity != before.uidvalidity
    assert after.ledger.blocks.start == before.ledger.blocks.stop


def test_a_removed_copy_that_comes_back_is_present_and_news_no_longer(
    office: Office, imap_server: MailboxServer, runtime: Runtime, clock: Clock
) -> None:
    """The server lists UID 2, does not list it, and lists it again."""
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 4)])
    opened = [b""]

    def hidden(said: Said) -> bytes:
        if said.command.startswith((b"EXAMINE", b"STATUS")):
            opened[0] = said.command
        told_by_list = said.answer.startswith((b"* STATUS INBOX ", b'* STATUS "INBOX" '))
        if b"INBOX" not in opened[0] and not told_by_list:
            return said.answer
        if b"(UID)" in said.command and b"(UID 2)" in said.answer:
            return b""
        fewer = re.sub(rb"^\* 3 EXISTS", b"* 2 EXISTS", said.answer)
        return re.sub(rb"MESSAGES 3\b", b"MESSAGES 2", fewer)

    with before(imap_server, runtime, unchanged) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        server.meddle = hidden
        office.sync(mailbox)
        folder, ledger = inbox(mailbox, runtime)
        assert (str(ledger.removed), folder.present) == ("2", 2)
        clock.advance(timedelta(minutes=1))
        poll(runtime, mailbox)
        assert syncs(runtime) == []

        server.meddle = unchanged
        clock.advance(timedelta(minutes=1))
        poll(runtime, mailbox)
        assert syncs(runtime) == [mailbox.key.mailbox]
        office.sync(mailbox)
        folder, ledger = inbox(mailbox, runtime)
        assert (str(ledger.removed), str(ledger.present), folder.present) == ("", "1:3", 3)
        assert str(ledger.of(Verdict.MIRRORED)) == "1:3"
        assert audit_mailbox(mailbox, runtime).folders[0].audit.clean
        clock.advance(timedelta(minutes=1))
        poll(runtime, mailbox)
        assert syncs(runtime) == []
    assert len(office.card("rep", "kim")) == 3
