"""Folders of sent mail that a setting names, where neither SPECIAL-USE nor a name tells them."""

import pytest

from mailmirror.domain.limits import MAX_NAMED_FOLDERS, MAX_SENT_FOLDERS
from mailmirror.domain.mailbox import FolderRole, MailboxState
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.list_problems import list_problems
from mailmirror.usecases.mailboxes.read_mailbox import read_ledger, read_mailbox
from mailmirror.usecases.sending.append_sent_copy import append_sent_copy, lies_in_sent
from tests.integration.office import KIM, MARCH, REP, Office, letter, subjects
from tests.servers.mailbox_server import MailboxServer

OUTBOX, ARCHIVE = "Ablage raus", "送った手紙"


@pytest.fixture
def filled(imap_server: MailboxServer) -> MailboxServer:
    """With a letter in the Inbox and one in each of two folders that nothing marks as sent mail."""
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    for number, name in enumerate((OUTBOX, ARCHIVE), start=2):
        imap_server.create(REP, name)
        imap_server.append(REP, name, letter(number, REP, [KIM]), MARCH)
    return imap_server


def test_folders_that_the_setting_names_are_read_as_sent_mail(
    office: Office, filled: MailboxServer, runtime: Runtime
) -> None:
    mailbox = office.connect(filled, "rep", REP, sent_folders=[OUTBOX.upper(), ARCHIVE])
    named = (filled.named(OUTBOX), filled.named(ARCHIVE))
    assert mailbox.sent_folders == named
    office.sync(mailbox)
    card = office.card("rep", "kim")
    assert subjects(card) == ["Letter 3", "Letter 2", "Letter 1"]
    assert [line.outgoing for line in card] == [True, True, False]
    roles = {one.folder.name: one.folder.role for one in read_ledger(mailbox, runtime)}
    sent = dict.fromkeys(named, FolderRole.SENT)
    others = {"INBOX": FolderRole.INBOX, filled.named("Sent"): FolderRole.OTHER}
    assert roles == others | sent
    filled.append(REP, ARCHIVE, letter(4, REP, [KIM]), MARCH)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim"))[0] == "Letter 4"
    report = read_mailbox(office.account, mailbox.key.mailbox, runtime)
    assert report.state is MailboxState.HEALTHY


@pytest.mark.parametrize("name", ["Ablage", "INBOX", "ablage raus/2026"])
def test_a_name_that_is_no_folder_is_refused_with_the_folders_that_there_are(
    office: Office, filled: MailboxServer, runtime: Runtime, name: str
) -> None:
    with pytest.raises(Refused) as refused:
        office.connect(filled, "rep", REP, sent_folders=[OUTBOX, name])
    assert refused.value.code is Code.FOLDER_UNKNOWN
    assert refused.value.detail.startswith(f'imap: "{name}" is none of: ')
    assert filled.named(OUTBOX) in refused.value.detail
    assert runtime.mailboxes.list_all(office.account) == []


@pytest.mark.exceeds("MAX_SENT_FOLDERS", "MAX_NAMED_FOLDERS")
def test_so_many_folders_are_named(office: Office, imap_server: MailboxServer) -> None:
    with pytest.raises(Refused) as refused:
        office.connect(imap_server, "rep", REP, sent_folders=["Sent"] * (MAX_SENT_FOLDERS + 1))
    assert refused.value.code is Code.INVALID_FIELD
    with imap_server.session(REP) as client:
        for number in range(MAX_NAMED_FOLDERS + 5):
            client.create_folder(imap_server.named(f"Project {number}"))
    with pytest.raises(Refused) as refused:
        office.connect(imap_server, "rep", REP, sent_folders=["Nowhere"])
    assert refused.value.detail.endswith(", …")
    assert refused.value.detail.count("Project") <= MAX_NAMED_FOLDERS


def test_a_named_folder_that_is_gone_stops_no_other_and_is_told(
    office: Office, filled: MailboxServer, runtime: Runtime
) -> None:
    mailbox = office.connect(filled, "rep", REP, sent_folders=[OUTBOX, ARCHIVE])
    office.sync(mailbox)
    with filled.session(REP) as client:
        client.rename_folder(filled.named(OUTBOX), filled.named("Raus"))
    filled.append(REP, ARCHIVE, letter(4, REP, [KIM]), MARCH)
    office.sync(mailbox)
    assert len(office.card("rep", "kim")) == 4
    report = read_mailbox(office.account, mailbox.key.mailbox, runtime)
    assert (report.state, report.problem) == (MailboxState.FAILING, Code.FOLDER_UNKNOWN)
    problems = list_problems(mailbox, runtime).listed
    assert filled.named(OUTBOX) in [one.folder for one in problems]
    again = office.connect(filled, "rep", REP, sent_folders=["Raus", ARCHIVE])
    office.sync(again)
    assert len(office.card("rep", "kim")) == 4
    report = read_mailbox(office.account, mailbox.key.mailbox, runtime)
    assert report.state is MailboxState.HEALTHY


def test_connected_again_without_the_setting_sent_mail_is_looked_for(
    office: Office, filled: MailboxServer, runtime: Runtime
) -> None:
    office.sync(office.connect(filled, "rep", REP, sent_folders=[OUTBOX]))
    filled.append(REP, "Sent", letter(5, REP, [KIM]), MARCH)
    again = office.connect(filled, "rep", REP)
    assert again.sent_folders == ()
    office.sync(again)
    assert "Letter 5" in subjects(office.card("rep", "kim"))


def test_a_copy_is_put_into_the_first_named_folder_unless_one_of_them_has_it(
    office: Office, filled: MailboxServer, runtime: Runtime
) -> None:
    mailbox = office.connect(filled, "rep", REP, sent_folders=[OUTBOX, ARCHIVE])
    now = runtime.now()
    filled.append(REP, ARCHIVE, b"X-Mailmirror-Id: token-1\r\n" + letter(8, REP, [KIM]), now)
    for token in ("token-1", "token-2"):
        raw = f"X-Mailmirror-Id: {token}\r\n".encode() + letter(8, REP, [KIM])
        append_sent_copy(raw, token, mailbox, now, runtime)
        assert lies_in_sent(token, mailbox, now, runtime)
    folders = filled.snapshot(REP)
    assert len(folders[filled.named(OUTBOX)].messages) == 2
    assert len(folders[filled.named(ARCHIVE)].messages) == 2
