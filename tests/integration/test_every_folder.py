"""Mail is on its cards wherever its owner files it; what is no mail, or not sent, is on none."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from mailmirror.aws.queues import NotQueued
from mailmirror.domain.coverage_limits import Limit
from mailmirror.domain.folder import FolderState
from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.limits import MAX_CHOSEN_FOLDERS
from mailmirror.domain.mailbox import FolderRole, FolderScope, MailboxState
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.imap.opening import Status
from mailmirror.mail.imap.session import ImapSession
from mailmirror.runtime import Runtime
from mailmirror.store.folders import StoredFolder
from mailmirror.store.sync_state import Lease
from mailmirror.usecases.mailboxes.change_mailbox import disconnect
from mailmirror.usecases.mailboxes.choose_folders import choose_folders
from mailmirror.usecases.mailboxes.list_problems import list_problems
from mailmirror.usecases.mailboxes.read_mailbox import read_ledger, read_mailbox
from mailmirror.usecases.sync.audit_mailbox import audit_mailbox
from tests.bench.moves import create_folders, month
from tests.integration.office import KIM, MARCH, REP, Clock, Office, letter, subjects
from tests.integration.test_polls import first_syncs, poll, syncs
from tests.servers.dovecot import Dovecot
from tests.servers.mailbox_server import MailboxServer

MINUTE = timedelta(minutes=1)


def filed(server: MailboxServer, folders: Iterable[str]) -> None:
    """A letter in each of these folders, which are made where they are not there."""
    with server.session(REP) as client:
        there = {name for _, _, name in client.list_folders()}
    for number, name in enumerate(folders, start=1):
        if server.named(name) not in there:
            server.create(REP, name)
        server.append(REP, name, letter(number), MARCH)


def moved(server: MailboxServer, uid: int, source: str, target: str) -> None:
    """As mail programs move: without MOVE (RFC 6851) a message is copied, and expunged."""
    with server.session(REP) as client:
        client.select_folder(server.named(source))
        if client.has_capability("MOVE"):
            client.move([uid], server.named(target))
        else:
            client.copy([uid], server.named(target))
            client.delete_messages([uid])
            client.uid_expunge([uid])


def test_mail_is_mirrored_wherever_it_is_filed_but_in_trash_junk_and_drafts(
    office: Office, imap_server: MailboxServer
) -> None:
    mail = ["INBOX", "Sent", "Archive", "Customers", "Kunden 顧客"]
    filed(imap_server, [*mail, "Trash", "Junk", "Drafts"])
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)

    assert len(office.card("rep", "kim")) == len(mail)
    read = ["INBOX", *map(imap_server.named, mail[1:])]
    assert office.counts(mailbox) == {name: {"mirrored": 1} for name in read}


def test_a_folder_that_is_new_is_found_by_a_poll(
    office: Office, imap_server: MailboxServer, runtime: Runtime, clock: Clock
) -> None:
    filed(imap_server, ["INBOX"])
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    clock.advance(MINUTE)
    imap_server.create(REP, "Customers")
    poll(runtime, mailbox)
    assert syncs(runtime) == [mailbox.key.mailbox]
    imap_server.append(REP, "Customers", letter(7), MARCH)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 7", "Letter 1"]


@pytest.mark.parametrize("back", [False, True], ids=["away", "away and back"])
def test_a_message_that_moves_stays_one_message(
    office: Office, imap_server: MailboxServer, runtime: Runtime, back: bool
) -> None:
    filed(imap_server, ["INBOX", "Customers"])
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    before = office.card("rep", "kim")
    moved(imap_server, 1, "INBOX", "Customers")
    office.sync(mailbox)
    if back:
        moved(imap_server, 2, "Customers", "INBOX")
        office.sync(mailbox)

    after = office.card("rep", "kim")
    assert subjects(after) == ["Letter 2", "Letter 1"]
    assert [(line.thread, line.summary.message, line.instant) for line in after] == [
        (line.thread, line.summary.message, line.instant) for line in before
    ]
    assert all(one.audit.clean for one in audit_mailbox(mailbox, runtime).folders)


@pytest.mark.dovecot_only("it reads the server's log of commands")
def test_what_moves_or_gets_new_uids_is_not_fetched_again(
    office: Office, imap_server: MailboxServer, dovecot: Dovecot, runtime: Runtime
) -> None:
    filed(imap_server, ["INBOX", "Customers", "Projects"])
    imap_server.append(REP, "INBOX", letter(8, text="x" * 20_000), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    asked = len(dovecot.commands())
    moved(imap_server, 1, "INBOX", "Customers")
    moved(imap_server, 2, "INBOX", "Projects")
    imap_server.reset_uidvalidity(REP, "Projects")
    with imap_server.session(REP) as client:
        client.rename_folder("Customers", "Accounts")
    office.sync(mailbox)

    assert not any("BODY.PEEK[]" in line for line in dovecot.commands()[asked:])
    assert len(office.card("rep", "kim")) == 4
    assert all(one.audit.clean for one in audit_mailbox(mailbox, runtime).folders)


@pytest.mark.dovecot_only("it counts the literals that the server has sent")
def test_of_mail_that_is_filed_day_by_day_no_body_is_fetched_again(
    office: Office, imap_server: MailboxServer, dovecot: Dovecot, runtime: Runtime
) -> None:
    """Moved away and back, in a folder that is renamed, and in one that gets new UIDs."""
    letters = {uid: (letter(uid), MARCH) for uid in range(1, 41)}
    dovecot.fill(REP, "INBOX", letters)
    create_folders(dovecot)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert len(dovecot.literals()["BODY[]"]) == len(letters)
    moved = month(office, dovecot, mailbox, steps=6, a_step=5)

    assert moved.copies > 30
    assert moved.literals.keys() == {"BODY[HEADER]", "BODY[HEADER.FIELDS]"}
    assert len(office.card("rep", "kim")) == len(letters)
    assert all(one.audit.clean for one in audit_mailbox(mailbox, runtime).folders)


def test_another_text_under_the_same_header_fields_is_fetched(
    office: Office, imap_server: MailboxServer
) -> None:
    """Who sends a message twice cannot hide the second: it has other `Received` fields."""
    texts = ("Yes, gladly.\r\n", "No, not now.\r\n")
    for number, text in enumerate(texts):
        trace = f"Received: from x by y; Sun, 1 Mar 2026 09:00:0{number} +0000\r\n".encode()
        imap_server.append(REP, "INBOX", trace + letter(1, text=text), MARCH)
        if not number:
            office.sync(office.connect(imap_server, "rep", REP))
    office.sync(office.connect(imap_server, "rep", REP))
    (line,) = office.card("rep", "kim")
    assert {one.snippet for one in line.versions} == {"Yes, gladly.", "No, not now."}


def test_a_folder_that_is_renamed_or_deleted_takes_nothing_off_a_card(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    filed(imap_server, ["INBOX", "Customers", "Old"])
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    with imap_server.session(REP) as client:
        client.rename_folder(imap_server.named("Customers"), imap_server.named("Accounts"))
        client.delete_folder(imap_server.named("Old"))
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 3", "Letter 2", "Letter 1"]
    assert read_mailbox(office.account, mailbox.key.mailbox, runtime).state == "healthy"
    assert office.counts(mailbox) == {
        "INBOX": {"mirrored": 1},
        imap_server.named("Sent"): {},
        imap_server.named("Accounts"): {"mirrored": 1},
    }


# Drafts


def test_a_message_with_the_flag_of_a_draft_is_not_mirrored_before_it_is_sent(
    office: Office, imap_server: MailboxServer
) -> None:
    draft = imap_server.append(REP, "INBOX", letter(1, REP, [KIM]), MARCH, ["\\Draft"])
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert office.counts(mailbox)["INBOX"] == {"draft": 1}
    assert office.card("rep", "kim") == []

    imap_server.expunge(REP, "INBOX", [draft])
    imap_server.append(REP, "Sent", letter(1, REP, [KIM]), MARCH)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]


@pytest.mark.dovecot_only("it reads the server's log of commands")
def test_an_open_draft_that_is_saved_again_and_again_lists_no_folder(
    office: Office, imap_server: MailboxServer, dovecot: Dovecot, runtime: Runtime
) -> None:
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 6)])
    mailbox = office.connect(imap_server, "rep", REP)
    saved = imap_server.append(REP, "INBOX", letter(9, REP, [KIM]), MARCH, ["\\Draft"])
    office.sync(mailbox)
    asked = len(dovecot.commands())
    for _ in range(3):
        imap_server.expunge(REP, "INBOX", [saved])
        saved = imap_server.append(REP, "INBOX", letter(9, REP, [KIM]), MARCH, ["\\Draft"])
        office.sync(mailbox)

    listings = [line for line in dovecot.commands()[asked:] if line.endswith(" (UID)")]
    assert all(" 1:" not in line for line in listings), listings
    audits = audit_mailbox(mailbox, runtime).folders
    (inbox,) = (one for one in audits if one.folder.name == "INBOX")
    assert inbox.audit.clean
    assert len(office.card("rep", "kim")) == 5


# Settings


def test_a_setting_narrows_what_is_read_to_inbox_and_sent_mail(
    office: Office, imap_server: MailboxServer
) -> None:
    filed(imap_server, ["INBOX", "Sent", "Customers"])
    mailbox = office.connect(imap_server, "rep", REP, folders=FolderScope.INBOX_AND_SENT)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]


def test_a_setting_names_folders_as_a_mail_program_shows_them(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    filed(imap_server, ["INBOX", "Customers", "Trash"])
    mailbox = office.connect(imap_server, "rep", REP, folders=["inbox", "customers", "Trash"])
    assert mailbox.folders == ("INBOX", *map(imap_server.named, ["Customers", "Trash"]))
    office.sync(mailbox)
    assert len(office.card("rep", "kim")) == 3
    assert read_mailbox(office.account, mailbox.key.mailbox, runtime).state == "healthy"


def test_connected_again_with_another_setting_further_folders_are_read(
    office: Office, imap_server: MailboxServer
) -> None:
    filed(imap_server, ["INBOX", "Customers"])
    office.sync(office.connect(imap_server, "rep", REP, folders=FolderScope.INBOX_AND_SENT))
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]
    office.sync(office.connect(imap_server, "rep", REP))
    assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]


@pytest.mark.exceeds("MAX_CHOSEN_FOLDERS")
def test_so_many_folders_may_be_named(office: Office, imap_server: MailboxServer) -> None:
    with pytest.raises(Refused) as refused:
        office.connect(imap_server, "rep", REP, folders=["INBOX"] * (MAX_CHOSEN_FOLDERS + 1))
    assert refused.value.code is Code.INVALID_FIELD


def test_a_name_that_is_no_folder_is_refused_with_those_that_there_are(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    with pytest.raises(Refused) as refused:
        office.connect(imap_server, "rep", REP, folders=["INBOX", "Nowhere"])
    assert refused.value.code is Code.FOLDER_UNKNOWN
    assert refused.value.detail.startswith('imap: "Nowhere" is none of: ')
    assert {"INBOX", imap_server.named("Sent")} <= set(
        refused.value.detail.partition(" of: ")[2].split(", ")
    )
    assert runtime.mailboxes.list_all(office.account) == []
    names = refused.value.detail.partition(" of: ")[2].split(", ")
    assert office.connect(imap_server, "rep", REP, folders=names[:1]).folders == (names[0],)


def test_the_setting_is_changed_later_without_another_sign_in(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    filed(imap_server, ["INBOX", "Customers", "Ablage raus"])
    mailbox = office.connect(imap_server, "rep", REP, folders=["INBOX"])
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]
    first_syncs(runtime)

    choose_folders(mailbox, ["INBOX", "customers"], None, runtime)
    assert first_syncs(runtime) == [mailbox.key.mailbox]
    changed = runtime.mailboxes.find(office.account, mailbox.key.mailbox, consistent=True)
    assert changed is not None
    (coverage,) = office.coverage("rep", "kim").mailboxes
    assert not coverage.complete
    office.sync(changed)
    assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]
    assert office.coverage("rep", "kim").mailboxes[0].complete

    choose_folders(changed, None, ["Ablage raus"], runtime)
    changed = runtime.mailboxes.find(office.account, mailbox.key.mailbox, consistent=True)
    assert changed is not None
    assert changed.sent_folders == (imap_server.named("Ablage raus"),)
    first_syncs(runtime)
    choose_folders(changed, None, ["Ablage raus"], runtime)
    assert first_syncs(runtime) == []


def test_a_folder_that_is_named_as_sent_mail_later_has_that_role(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    filed(imap_server, ["INBOX", "Ablage raus"])
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    office.sync(office.connect(imap_server, "rep", REP, sent_folders=["Ablage raus"]))
    roles = {one.folder.name: one.folder.role for one in read_ledger(mailbox, runtime)}
    assert roles[imap_server.named("Ablage raus")] is FolderRole.SENT
    assert roles[imap_server.named("Sent")] is FolderRole.OTHER


def test_a_setting_that_names_no_folder_changes_nothing(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    mailbox = office.connect(imap_server, "rep", REP)
    with pytest.raises(Refused) as refused:
        choose_folders(mailbox, ["Nowhere"], None, runtime)
    assert refused.value.code is Code.FOLDER_UNKNOWN
    assert runtime.mailboxes.find(office.account, mailbox.key.mailbox) == mailbox


def test_a_mailbox_that_is_disconnected_meanwhile_stays_so(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    mailbox = office.connect(imap_server, "rep", REP)
    disconnect(office.account, mailbox.key.mailbox, runtime)
    with pytest.raises(Refused) as refused:
        runtime.mailboxes.set_folders(replace(mailbox, folders=("INBOX",)))
    assert refused.value.code is Code.MAILBOX_DISCONNECTED


# Limits


def test_a_card_tells_within_which_limits_it_is_complete(
    office: Office, imap_server: MailboxServer
) -> None:
    filed(imap_server, ["INBOX", "Customers", "Trash", "Junk"])
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    (coverage,) = office.coverage("rep", "kim").mailboxes
    assert coverage.complete
    assert coverage.limits == {Limit.DRAFTS_NOT_FOUND}
    assert coverage.history_since == mailbox.history_since

    narrowed = office.connect(imap_server, "rep", REP, folders=["INBOX"])
    office.sync(narrowed)
    (coverage,) = office.coverage("rep", "kim").mailboxes
    assert coverage.limits == {Limit.FOLDERS_LEFT_OUT}

    choose_folders(narrowed, FolderScope.ALL, None, office.runtime)
    office.sync(narrowed)
    (coverage,) = office.coverage("rep", "kim").mailboxes
    assert coverage.limits == {Limit.DRAFTS_NOT_FOUND}


# What fails


@pytest.mark.dovecot_only("it takes a folder's files away")
def test_a_folder_that_cannot_be_opened_fails_alone_and_is_named(
    office: Office, imap_server: MailboxServer, dovecot: Dovecot, runtime: Runtime, clock: Clock
) -> None:
    filed(imap_server, ["INBOX", "Customers", "Projects"])
    files = dovecot.mail / REP / "Maildir" / ".Customers" / "cur"
    files.chmod(0)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 3", "Letter 1"]
    report = read_mailbox(office.account, mailbox.key.mailbox, runtime)
    assert (report.state, report.problem) == (MailboxState.INCOMPLETE, Code.FOLDER_FAILING)
    (named,) = (one for one in list_problems(mailbox, runtime).listed if one.folder)
    assert named.folder == "Customers"

    clock.advance(MINUTE)
    poll(runtime, mailbox)
    assert syncs(runtime) == []
    files.chmod(0o700)
    clock.advance(5 * MINUTE)
    poll(runtime, mailbox)
    assert syncs(runtime) == [mailbox.key.mailbox]
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 3", "Letter 2", "Letter 1"]
    assert list_problems(mailbox, runtime).listed == []


# Newest first, and at once


def test_the_progress_of_a_first_sync_can_be_read_before_a_message_is_judged(
    office: Office, imap_server: MailboxServer, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    filed(imap_server, ["INBOX", "Customers", "Projects"])
    mailbox = office.connect(imap_server, "rep", REP)
    found: list[tuple[int, int, timedelta | None]] = []
    examine = ImapSession.examine

    def examined(session: ImapSession, folder: FolderChoice) -> Status:
        report = read_mailbox(office.account, mailbox.key.mailbox, runtime)
        found.append((report.progress, report.messages_left, report.time_left))
        return examine(session, folder)

    monkeypatch.setattr(ImapSession, "examine", examined)
    office.sync(mailbox)
    assert found[0] == (0, 3, None)
    report = read_mailbox(office.account, mailbox.key.mailbox, runtime)
    assert (report.progress, report.messages_left, report.time_left) == (100, 0, timedelta())


def test_a_mailbox_that_was_just_connected_is_synced_at_once(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    mailbox = office.connect(imap_server, "rep", REP)
    assert first_syncs(runtime) == [mailbox.key.mailbox]


def test_a_mailbox_whose_first_job_is_not_queued_is_connected_and_in_the_schedule(
    office: Office, imap_server: MailboxServer, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(jobs: object) -> None:
        raise NotQueued

    monkeypatch.setattr(runtime.first_sync_queue, "send", refused)
    mailbox = office.connect(imap_server, "rep", REP)
    assert runtime.due.find(mailbox) is not None


def test_a_first_sync_reads_the_newest_mail_of_every_folder_first(
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailmirror.usecases.sync.sync_folders._FIRST_ROUNDS", (2,))
    imap_server.create(REP, "Customers")
    for folder, first in (("INBOX", 0), ("Customers", 10)):
        messages = [(letter(first + n), MARCH) for n in range(1, 9)]
        imap_server.append_all(REP, folder, messages)
    mailbox = office.connect(imap_server, "rep", REP)
    judged: list[str] = []
    save = runtime.folders.save

    def saved(lease: Lease, id: str, state: FolderState, stored: StoredFolder) -> StoredFolder:
        judged.append(f"{state.name} {state.low}")
        return save(lease, id, state, stored)

    monkeypatch.setattr(runtime.folders, "save", saved)
    office.sync(mailbox)
    customers = imap_server.named("Customers")
    assert judged.index(f"{customers} 7") < judged.index("INBOX 1")
    assert judged.index("INBOX 7") < judged.index(f"{customers} 1")
    assert len(office.card("rep", "kim")) == 16
    assert all(one.folder.complete for one in read_ledger(mailbox, runtime))
