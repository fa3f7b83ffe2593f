"""The sync of one mailbox, against a real IMAP server and an emulated table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from mailmirror.domain.containment import Caution
from mailmirror.domain.identity import instant
from mailmirror.domain.mailbox import Mailbox
from mailmirror.runtime import Runtime
from mailmirror.store.sync_state import LeaseHeld, LeaseLost
from mailmirror.usecases.mailboxes.change_mailbox import erase
from mailmirror.usecases.sync.audit_mailbox import audit_mailbox
from tests.integration.office import (
    BOSS,
    KIM,
    LEE,
    MARCH,
    REP,
    STRANGER,
    Clock,
    Office,
    letter,
    loopback,
    subjects,
)
from tests.servers.dovecot import LIKE_MICROSOFT, Dovecot
from tests.servers.mailbox_server import MailboxServer


def audited_clean(mailbox: Mailbox, runtime: Runtime) -> bool:
    return all(one.audit.clean for one in audit_mailbox(mailbox, runtime).folders)


def test_each_uid_gets_one_verdict_and_the_mirrored_are_on_their_cards(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    imap_server.append(REP, "INBOX", letter(2, STRANGER), MARCH)
    imap_server.append(REP, "INBOX", letter(3, BOSS), MARCH)
    imap_server.append(REP, "INBOX", letter(4), MARCH - timedelta(days=900))
    imap_server.append(REP, "INBOX", letter(5, to=[REP, *(f"r{n}@x.example" for n in range(100))]))
    imap_server.append(REP, "INBOX", b"X-Nothing: that can be read\r\n\r\nbody\r\n")
    imap_server.append(REP, "Sent", letter(6, REP, [KIM, LEE]), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert office.counts(mailbox) == {
        "INBOX": {
            "mirrored": 1,
            "no_person": 1,
            "internal": 1,
            "outside_window": 1,
            "too_many_recipients": 1,
            "unreadable": 1,
        },
        imap_server.named("Sent"): {"mirrored": 1},
    }
    assert subjects(office.card("rep", "kim")) == ["Letter 6", "Letter 1"]
    assert subjects(office.card("rep", "lee")) == ["Letter 6"]
    assert office.card("boss", "kim") == []
    assert [line.outgoing for line in office.card("rep", "kim")] == [True, False]
    assert audited_clean(mailbox, runtime)


def test_the_mailbox_is_left_as_it_was(office: Office, imap_server: MailboxServer) -> None:
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    imap_server.append(REP, "INBOX", letter(2), MARCH, flags=["\\Seen", "\\Flagged"])
    imap_server.open_once(REP, "Sent")
    before = imap_server.snapshot(REP)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    audit_mailbox(mailbox, office.runtime)
    assert imap_server.snapshot(REP) == before


@pytest.mark.dovecot_only("it reads the server's log of commands")
def test_folders_are_opened_read_only(office: Office, dovecot: Dovecot) -> None:
    dovecot.append(REP, "INBOX", letter(1), MARCH)
    asked = len(dovecot.commands())
    mailbox = office.connect(dovecot, "rep", REP)
    office.sync(mailbox)
    audit_mailbox(mailbox, office.runtime)
    ours = dovecot.commands()[asked:]
    words = {word for line in ours for word in line.upper().split()[1:2]}
    assert "EXAMINE" in words
    assert not words & {"SELECT", "STORE", "COPY", "MOVE", "APPEND", "EXPUNGE", "CREATE"}


def test_new_mail_is_mirrored_by_the_next_sync(office: Office, imap_server: MailboxServer) -> None:
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    imap_server.append(REP, "INBOX", letter(2, replies_to=[1]), MARCH)
    imap_server.append(REP, "INBOX", letter(3, STRANGER), MARCH)
    office.sync(mailbox)
    card = office.card("rep", "kim")
    assert subjects(card) == ["Letter 2", "Letter 1"]
    assert card[0].thread == card[1].thread
    assert office.counts(mailbox) == {
        "INBOX": {"mirrored": 2, "no_person": 1},
        imap_server.named("Sent"): {},
    }


def test_the_newest_mail_comes_first_and_the_rest_by_continuations(
    office: Office, imap_server: MailboxServer, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.domain.batches.HEADER_RANGE", 3)
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 11)])
    mailbox = office.connect(imap_server, "rep", REP)
    saves = count(1)
    save, until = runtime.folders.save, runtime.now() + timedelta(minutes=5)

    def save_and_let_time_pass(*args, **kwargs):  # type: ignore[no-untyped-def]
        if next(saves) % 2 == 0:
            runtime.now = lambda: until + timedelta(minutes=5)
        return save(*args, **kwargs)

    monkeypatch.setattr(runtime.folders, "save", save_and_let_time_pass)
    seen = []
    for _ in range(10):
        runtime.now = lambda: datetime.now(UTC)
        office.sync(mailbox)
        runtime.now = lambda: datetime.now(UTC)
        seen.append(len(office.card("rep", "kim")))
        if seen[-1] == 10:
            break
    assert seen == sorted(seen)
    assert len(seen) > 2
    assert subjects(office.card("rep", "kim"))[0] == "Letter 10"


@pytest.mark.parametrize("cautious", [False, True], ids=["batches", "caution"])
def test_a_crash_at_any_write_loses_and_doubles_nothing(
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    *,
    cautious: bool,
) -> None:
    """One crash at the first write, the next at the second, and so on to the end of the sync.

    Once without the caution that follows deaths, so that each crash is in a batch of more than
    one; and once with it, where messages wait as pending or are mirrored by their headers.
    """
    if not cautious:
        monkeypatch.setattr(Caution, "after_deaths", lambda caution, _: caution)
    monkeypatch.setattr("mailmirror.domain.batches.HEADER_RANGE", 2)
    monkeypatch.setattr("mailmirror.domain.ledger_parts.MAX_HEAD_BYTES", 20)
    monkeypatch.setattr("mailmirror.domain.ledger_parts.MAX_BLOCK_BYTES", 60)
    monkeypatch.setattr("mailmirror.domain.ledger_parts.MIN_BLOCKS", 2)
    office.tell("deal.upserted", id="d1", name="Deal", status="open", contact_ids=["kim"])
    for n in range(1, 5):
        imap_server.append(REP, "INBOX", letter(n, replies_to=[1] if n > 1 else []), MARCH)
        imap_server.append(REP, "INBOX", letter(100 + n, STRANGER), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    table = runtime.table
    kinds = ("put", "update", "_write_batch", "delete", "transact")
    originals = {name: getattr(table, name) for name in kinds}
    crashes = 0
    for crash_at in count(1):
        writes = count(1)

        def guarded(name: str, crash_at: int = crash_at, writes: "count[int]" = writes):  # type: ignore[no-untyped-def]
            def write(*args, **kwargs):  # type: ignore[no-untyped-def]
                if next(writes) == crash_at:
                    raise KeyboardInterrupt
                return originals[name](*args, **kwargs)

            return write

        for name in kinds:
            monkeypatch.setattr(table, name, guarded(name))
        try:
            office.sync(mailbox)
            break
        except KeyboardInterrupt:
            crashes += 1
            clock.advance(timedelta(seconds=91))
        finally:
            for name in kinds:
                monkeypatch.setattr(table, name, originals[name])
    assert crashes > 10
    if cautious:
        assert office.counts(mailbox)["INBOX"] == {"mirrored": 2, "pending": 2, "no_person": 4}
        clock.advance(timedelta(days=1))  # until pending messages are tried again
        office.sync(mailbox)
    assert office.counts(mailbox)["INBOX"] == {"mirrored": 4, "no_person": 4}
    expected = ["Letter 4", "Letter 3", "Letter 2", "Letter 1"]
    assert subjects(office.card("rep", "kim")) == expected
    assert subjects(office.deal("rep", "d1")) == expected
    assert audited_clean(mailbox, runtime)


def test_a_uidvalidity_change_maps_every_copy_again_without_a_duplicate(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    for n in range(1, 6):
        imap_server.append(REP, "INBOX", letter(n, KIM if n % 2 else STRANGER), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    before = office.card("rep", "kim")
    imap_server.reset_uidvalidity(REP, "INBOX")
    pending = audit_mailbox(mailbox, runtime).folders[0].audit
    assert (pending.pending, len(pending.missing)) == (5, 0)
    office.sync(mailbox)
    assert office.card("rep", "kim") == before
    assert office.counts(mailbox)["INBOX"] == {"mirrored": 3, "no_person": 2}
    assert audited_clean(mailbox, runtime)


def test_a_removed_copy_stays_mirrored_and_is_counted(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    uids = [imap_server.append(REP, "INBOX", letter(n), MARCH) for n in (1, 2, 3)]
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    imap_server.expunge(REP, "INBOX", uids[:2])
    before = audit_mailbox(mailbox, runtime).folders[0].audit
    assert (before.clean, len(before.left_since), len(before.extra)) == (True, 2, 0)
    office.sync(mailbox)
    found = audit_mailbox(mailbox, runtime).folders[0].audit
    assert (found.clean, found.removed, found.server_uids) == (True, 2, 1)
    assert len(office.card("rep", "kim")) == 3


def test_a_held_lease_lets_no_second_sync_in_and_a_lost_one_writes_nothing(
    office: Office, imap_server: MailboxServer, runtime: Runtime, clock: Clock
) -> None:
    mailbox = office.connect(imap_server, "rep", REP)
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    lease, _ = runtime.sync_states.take(mailbox.key, runtime.now())
    office.sync(mailbox)
    assert office.counts(mailbox) == {}
    with pytest.raises(LeaseHeld):
        runtime.sync_states.take(mailbox.key, runtime.now())
    clock.advance(timedelta(seconds=91))
    office.sync(mailbox)
    assert office.counts(mailbox)["INBOX"] == {"mirrored": 1}
    with pytest.raises(LeaseLost):
        runtime.sync_states.release(lease, first_sync_done=False)


def test_a_server_without_extensions_is_synced_as_well(runtime: Runtime, clock: Clock) -> None:
    with Dovecot({REP: "secret"}, capability=LIKE_MICROSOFT) as server:
        runtime.network_policy = loopback(server.authority)
        office = Office(runtime)
        server.append(REP, "INBOX", letter(1), MARCH)
        server.append(REP, "Sent", letter(2, REP, [KIM], replies_to=[1]), MARCH)
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]


def test_one_message_in_two_folders_is_one_message(
    office: Office, imap_server: MailboxServer
) -> None:
    imap_server.append(REP, "INBOX", letter(1, REP, [KIM]), MARCH)
    imap_server.append(REP, "Sent", letter(1, REP, [KIM]), MARCH + timedelta(minutes=1))
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]


@pytest.mark.parametrize("field", ["X-Original-From: Kim <%s>", "X-Original-Sender: %s"])
def test_a_message_whose_from_a_list_has_rewritten_is_on_its_writers_card_and_deal(
    office: Office, imap_server: MailboxServer, field: str
) -> None:
    office.tell("deal.upserted", id="d", name="Deal", status="open", contact_ids=["kim"])
    rewritten = letter(1, '"Kim via Sales" <sales-list@lists.example>')
    fields = f"List-ID: <sales-list.lists.example>\r\n{field % KIM}\r\n".encode()
    imap_server.append(REP, "INBOX", fields + rewritten, MARCH)
    office.sync(office.connect(imap_server, "rep", REP))
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]
    assert subjects(office.deal("rep", "d")) == ["Letter 1"]


def test_of_copies_without_a_believable_date_the_first_received_counts(
    office: Office, imap_server: MailboxServer
) -> None:
    future = letter(1, at=MARCH + timedelta(days=200))
    for days in (5, 3, 4):
        imap_server.append(REP, "INBOX", future, MARCH + timedelta(days=days))
    # Received late enough for the Date to be believed, were it the only copy.
    imap_server.append(REP, "Sent", future, MARCH + timedelta(days=200))
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    (line,) = office.card("rep", "kim")
    assert line.instant == instant(None, MARCH + timedelta(days=3))


@pytest.mark.exceeds("MAX_MESSAGE_BYTES", "MAX_CUT_MESSAGE_BYTES")
def test_a_message_over_the_size_limit_is_mirrored_without_its_attachments(
    office: Office, imap_server: MailboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.usecases.sync.mail_server.MAX_MESSAGE_BYTES", 10_000)
    monkeypatch.setattr("mailmirror.usecases.sync.mail_server.MAX_CUT_MESSAGE_BYTES", 4_000)
    monkeypatch.setattr("mailmirror.usecases.sync.mail_server._MAX_COMMAND_BYTES", 4_000)
    imap_server.append(REP, "INBOX", letter(1, text="Hello\r\n" + "x" * 70 + "\r\n" * 9_000), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    (line,) = office.card("rep", "kim")
    assert "too_large" in line.summary.warnings
    assert line.summary.snippet.startswith("Hello")


def test_an_erased_mailbox_leaves_nothing_but_vertices(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    office.tell("deal.upserted", id="d1", name="Deal", status="open", contact_ids=["kim"])
    for user, email in (("rep", REP), ("boss", BOSS)):
        imap_server.append(email, "INBOX", letter(1, to=[REP, BOSS]), MARCH)
        office.sync(office.connect(imap_server, user, email))
    rep = office.viewer("rep").mailboxes[0]
    shown = office.card("boss", "kim"), office.deal("boss", "d1")
    erase(office.account, rep.owner, rep.key.mailbox, runtime)
    assert office.card("rep", "kim") == []
    office.sync(replace(rep, key=replace(rep.key, epoch=1)))
    assert office.viewer("rep").mailboxes == []
    assert (office.card("boss", "kim"), office.deal("boss", "d1")) == shown
    client = runtime._client("dynamodb")
    left = client.scan(TableName=runtime.settings.table)["Items"]
    assert not [item for item in left if rep.key.mailbox in str(item)]
