"""An audit proves the ledger of every folder that is read, and tells what has just changed apart
from what is wrong."""

import os
from dataclasses import replace
from datetime import timedelta

import pytest

from mailmirror.api.audits import AuditAnswer
from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.domain.words.explanation import Language
from mailmirror.mail.imap.opening import Status
from mailmirror.mail.imap.session import ImapSession
from mailmirror.runtime import Runtime
from mailmirror.usecases.sync.audit_mailbox import FolderAudit, MailboxAudit, audit_mailbox
from tests.integration.office import MARCH, REP, Clock, Office, letter
from tests.integration.test_every_folder import filed
from tests.integration.test_polls import first_syncs, syncs
from tests.servers.dovecot import Dovecot
from tests.servers.mailbox_server import MailboxServer


@pytest.fixture
def mailbox(office: Office, imap_server: MailboxServer, runtime: Runtime) -> Mailbox:
    """REP's mailbox, synced, with six letters in the Inbox and one in each of two folders."""
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 7)])
    filed(imap_server, ["Customers", "Projects"])
    imap_server.open_once(REP, "Sent")
    connected = office.connect(imap_server, "rep", REP)
    office.sync(connected)
    assert first_syncs(runtime) == [connected.key.mailbox]
    return connected


def folder(found: MailboxAudit, name: str) -> FolderAudit:
    (one,) = (one for one in found.folders if one.folder.name == name)
    return one


def names(found: MailboxAudit) -> set[str]:
    return {one.folder.name for one in found.folders}


def seen_without_a_look(mailbox: Mailbox, name: str, messages: int, runtime: Runtime) -> None:
    """Have a folder's item say that a sync has seen so many messages; its ledger stays."""
    lease, _ = runtime.sync_states.take(mailbox.key, runtime.now())
    folders = runtime.folders.read_all(mailbox.key)
    ((id, stored),) = ((id, one) for id, one in folders.items() if one.state.name == name)
    runtime.folders.save(lease, id, replace(stored.state, messages=messages), stored)
    runtime.sync_states.release(lease, first_sync_done=True)


# What has left


def test_what_has_left_since_the_last_sync_is_no_error_and_queues_one(
    office: Office, imap_server: MailboxServer, runtime: Runtime, mailbox: Mailbox
) -> None:
    imap_server.expunge(REP, "INBOX", [1, 3, 5])
    found = audit_mailbox(mailbox, runtime)
    assert str(folder(found, "INBOX").audit.left_since) == "1,3,5"
    assert (found.clean, found.complete, found.needs_sync) == (True, True, True)
    assert syncs(runtime) == [mailbox.key.mailbox]
    assert first_syncs(runtime) == []

    office.sync(mailbox)
    after = audit_mailbox(mailbox, runtime)
    inbox = folder(after, "INBOX").audit
    assert (inbox.removed, inbox.server_uids, inbox.agrees) == (3, 3, True)
    assert (after.clean, after.needs_sync) == (True, False)
    assert syncs(runtime) == []


def test_before_the_first_sync_has_ended_it_is_a_first_sync_that_is_queued(
    imap_server: MailboxServer, runtime: Runtime, mailbox: Mailbox
) -> None:
    lease, _ = runtime.sync_states.take(mailbox.key, runtime.now())
    runtime.sync_states.release(lease, first_sync_done=False)
    imap_server.expunge(REP, "INBOX", [1])
    assert audit_mailbox(mailbox, runtime).needs_sync
    assert (first_syncs(runtime), syncs(runtime)) == ([mailbox.key.mailbox], [])


def test_what_disagrees_after_a_sync_has_seen_it_is_an_error(
    imap_server: MailboxServer,
    runtime: Runtime,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imap_server.expunge(REP, "INBOX", [2])
    seen_without_a_look(mailbox, "INBOX", 5, runtime)
    counted: list[tuple[str, float]] = []
    monkeypatch.setattr(runtime, "count", lambda name, value=1: counted.append((name, value)))
    found = audit_mailbox(mailbox, runtime)
    inbox = folder(found, "INBOX").audit
    assert (str(inbox.extra), str(inbox.left_since)) == ("2", "")
    assert not found.clean
    assert ("AuditErrors", 1) in counted
    assert ("AuditLeftSince", 0) in counted
    assert syncs(runtime) == []


def test_while_a_sync_is_under_way_or_has_died_its_view_is_no_error(
    imap_server: MailboxServer, runtime: Runtime, mailbox: Mailbox, clock: Clock
) -> None:
    imap_server.expunge(REP, "INBOX", [2])
    seen_without_a_look(mailbox, "INBOX", 5, runtime)
    runtime.sync_states.take(mailbox.key, runtime.now())
    for after in (timedelta(), timedelta(minutes=5)):
        clock.advance(after)
        found = audit_mailbox(mailbox, runtime)
        assert (found.clean, str(folder(found, "INBOX").audit.left_since)) == (True, "2")
        assert syncs(runtime) == [mailbox.key.mailbox]


def test_three_that_left_while_three_came_are_told_apart(
    office: Office, imap_server: MailboxServer, runtime: Runtime, mailbox: Mailbox
) -> None:
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in (11, 12, 13)])
    imap_server.expunge(REP, "INBOX", [1, 2, 3])
    inbox = folder(audit_mailbox(mailbox, runtime), "INBOX").audit
    assert (str(inbox.left_since), str(inbox.missing), inbox.clean) == ("1:3", "", True)
    office.sync(mailbox)
    assert folder(audit_mailbox(mailbox, runtime), "INBOX").audit.agrees


# Every folder


def test_all_folders_that_are_read_are_audited(
    imap_server: MailboxServer, runtime: Runtime, mailbox: Mailbox
) -> None:
    filed(imap_server, ["Trash"])
    imap_server.expunge(REP, "Projects", [1])
    found = audit_mailbox(mailbox, runtime)
    read = {"INBOX", *map(imap_server.named, ["Customers", "Projects", "Sent"])}
    assert (names(found) >= read, imap_server.named("Trash") in names(found)) == (True, False)
    projects = folder(found, imap_server.named("Projects")).audit
    assert (projects.server_uids, str(projects.left_since)) == (0, "1")
    assert found.folders[0].folder.name == "INBOX"


def test_a_folder_under_another_uidvalidity_is_told_and_its_uids_are_pending(
    office: Office, imap_server: MailboxServer, runtime: Runtime, mailbox: Mailbox
) -> None:
    imap_server.append_all(REP, "Customers", [(letter(n), MARCH) for n in range(11, 16)])
    office.sync(mailbox)
    imap_server.reset_uidvalidity(REP, "Customers")
    found = audit_mailbox(mailbox, runtime)
    reset = folder(found, imap_server.named("Customers"))
    assert (reset.renumbered, reset.audit.pending, reset.audit.clean) == (True, 6, True)
    assert not folder(found, "INBOX").renumbered
    office.sync(mailbox)
    reset = folder(audit_mailbox(mailbox, runtime), imap_server.named("Customers"))
    assert (reset.renumbered, reset.audit.pending, reset.audit.agrees) == (False, 0, True)


@pytest.mark.dovecot_only("it takes a folder's files away")
def test_a_folder_that_cannot_be_opened_is_named_and_the_others_are_audited(
    imap_server: MailboxServer, dovecot: Dovecot, runtime: Runtime, mailbox: Mailbox
) -> None:
    files = dovecot.mail / REP / "Maildir" / ".Customers" / "cur"
    os.utime(files)  # else Dovecot answers from its index
    files.chmod(0)
    imap_server.append(REP, "INBOX", letter(20), MARCH)
    found = audit_mailbox(mailbox, runtime)
    assert [(one.name, refusal.code) for one, refusal in found.failed] == [
        ("Customers", Code.FOLDER_REFUSED)
    ]
    assert names(found) == {"INBOX", "Sent", "Projects"}
    assert (found.clean, found.complete, found.not_reached) == (True, False, [])
    for language in Language:
        (told,) = AuditAnswer.of(found, runtime.now(), language).failed
        assert (told.name, told.code) == ("Customers", Code.FOLDER_REFUSED)
        assert told.reason.isascii() == (language is Language.EN)


def test_a_folder_at_which_the_session_ends_is_named_and_the_others_are_audited(
    imap_server: MailboxServer,
    runtime: Runtime,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    examine, broken = ImapSession.examine, imap_server.named("Customers")

    def ended(session: ImapSession, folder: FolderChoice) -> Status:
        if folder.name == broken:
            session._client.shutdown()
        return examine(session, folder)

    monkeypatch.setattr(ImapSession, "examine", ended)
    found = audit_mailbox(mailbox, runtime)
    assert [(one.name, refusal.code) for one, refusal in found.failed] == [
        (broken, Code.CONNECTION_LOST)
    ]
    assert imap_server.named("Projects") in names(found)
    assert found.not_reached == []


def test_folders_for_which_there_is_no_time_are_named_and_what_has_changed_comes_first(
    imap_server: MailboxServer,
    runtime: Runtime,
    mailbox: Mailbox,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed, projects = ImapSession.listed, imap_server.named("Projects")

    def slowly(session: ImapSession, uids: UidSet, messages: int) -> UidSet:
        clock.advance(timedelta(seconds=20))
        return listed(session, uids, messages)

    imap_server.append(REP, "Projects", letter(20), MARCH)
    monkeypatch.setattr(ImapSession, "listed", slowly)
    found = audit_mailbox(mailbox, runtime)
    assert names(found) == {projects}
    assert {one.name for one in found.not_reached} >= {"INBOX", imap_server.named("Customers")}
    assert (found.clean, found.complete) == (True, False)


def test_a_folder_whose_list_the_time_ends_is_not_reached_and_has_not_failed(
    runtime: Runtime, mailbox: Mailbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(session: ImapSession, uids: UidSet, messages: int) -> UidSet:
        clock.advance(timedelta(seconds=20))
        session._client.shutdown()
        raise Refused(Code.CONNECTION_LOST)

    monkeypatch.setattr(ImapSession, "listed", cut_off)
    found = audit_mailbox(mailbox, runtime)
    assert (found.failed, found.folders) == ([], [])
    assert "INBOX" in {one.name for one in found.not_reached}


@pytest.mark.dovecot_only("it reads the server's log of commands")
def test_an_empty_folder_is_audited_by_its_status(
    dovecot: Dovecot, runtime: Runtime, mailbox: Mailbox
) -> None:
    asked = len(dovecot.commands())
    assert "Sent" in names(audit_mailbox(mailbox, runtime))
    opened = [line for line in dovecot.commands()[asked:] if "EXAMINE" in line]
    assert len(opened) == 3, opened
    assert not any("Sent" in line for line in opened)
