"""Mail that was deleted at the server stays, or leaves where the account follows deletions."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from mailmirror.domain.address import Address
from mailmirror.domain.mailbox import FolderScope, Mailbox
from mailmirror.domain.verdict import Verdict
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.store.table import Update
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.mailboxes.choose_folders import choose_folders
from mailmirror.usecases.sync.judge_mirrored import MirroredJudge
from mailmirror.usecases.sync.left_copies import LeftCopies
from tests.integration.office import BOSS, KIM, MARCH, REP, Clock, Office, letter, subjects
from tests.integration.test_hidden_mail import stored_items
from tests.integration.test_settings import change, found
from tests.servers.mailbox_server import MailboxServer

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FILED = "Projects"


@pytest.fixture
def mailbox(office: Office, imap_server: MailboxServer) -> Mailbox:
    """Letters 1 to 3 of KIM's; the account follows deletions."""
    change(office, deleted_mail="follow")
    imap_server.create(REP, FILED)
    for number in (1, 2, 3):
        imap_server.append(REP, "INBOX", letter(number), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    return mailbox


def on_card(office: Office) -> list[int]:
    return [int(one.removeprefix("Letter ")) for one in subjects(office.card("rep", "kim"))]


def days_pass(office: Office, mailbox: Mailbox, clock: Clock, days: int) -> None:
    """With the one sync a day that a mailbox without news has; in many days, few of them."""
    for pause in [1] * days if days <= 5 else [1, 1, 1, days - 4, 1]:
        clock.advance(pause * DAY + HOUR)
        office.sync(found(office, mailbox))


def test_it_is_hidden_after_two_looks_and_erased_30_days_later(
    office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    imap_server.expunge(REP, "INBOX", [2])
    days_pass(office, mailbox, clock, 1)
    assert on_card(office) == [3, 2, 1]
    days_pass(office, mailbox, clock, 1)
    assert on_card(office) == [3, 1]
    days_pass(office, mailbox, clock, 27)
    assert sum(" copy#" in one for one in stored_items(office, mailbox)) == 3
    days_pass(office, mailbox, clock, 4)
    assert sum(" copy#" in one for one in stored_items(office, mailbox)) == 2
    assert on_card(office) == [3, 1]


def test_it_stays_by_default(
    office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    change(office, deleted_mail="keep")
    imap_server.expunge(REP, "INBOX", [2])
    days_pass(office, mailbox, clock, 40)
    assert on_card(office) == [3, 2, 1]


def test_it_is_shown_again_once_the_account_keeps_what_is_deleted(
    office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    imap_server.expunge(REP, "INBOX", [2])
    days_pass(office, mailbox, clock, 2)
    assert on_card(office) == [3, 1]
    change(office, deleted_mail="keep")
    office.sync(mailbox)
    assert on_card(office) == [3, 2, 1]


def test_it_is_shown_again_where_the_server_has_it_again(
    office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    imap_server.expunge(REP, "INBOX", [2])
    days_pass(office, mailbox, clock, 2)
    imap_server.append(REP, FILED, letter(2), MARCH)
    days_pass(office, mailbox, clock, 1)
    assert on_card(office) == [3, 2, 1]
    days_pass(office, mailbox, clock, 40)
    assert on_card(office) == [3, 2, 1]


def test_what_was_moved_stays(
    office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    with imap_server.session(REP) as client:
        client.select_folder("INBOX")
        client.move([2], FILED)
    days_pass(office, mailbox, clock, 40)
    assert on_card(office) == [3, 2, 1]


def test_what_was_moved_into_the_trash_leaves(
    office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    imap_server.create(REP, "Trash")
    with imap_server.session(REP) as client:
        client.select_folder("INBOX")
        client.move([2], "Trash")
    days_pass(office, mailbox, clock, 2)
    assert on_card(office) == [3, 1]


def test_a_new_uidvalidity_erases_nothing(
    office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    imap_server.reset_uidvalidity(REP, "INBOX")
    imap_server.expunge(REP, "INBOX", [1, 2, 3])
    days_pass(office, mailbox, clock, 40)
    assert on_card(office) == [3, 2, 1]


def test_what_is_deleted_after_a_new_uidvalidity_leaves(
    office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    for _ in range(2):
        imap_server.reset_uidvalidity(REP, "INBOX")
        days_pass(office, mailbox, clock, 1)
    assert sum(" copy#" in one for one in stored_items(office, mailbox)) == 9
    imap_server.expunge(REP, "INBOX", [2])
    days_pass(office, mailbox, clock, 1)
    assert on_card(office) == [3, 2, 1]
    days_pass(office, mailbox, clock, 1)
    assert on_card(office) == [3, 1]
    days_pass(office, mailbox, clock, 31)
    assert sum(" copy#" in one for one in stored_items(office, mailbox)) == 6


def test_what_has_left_stays_away_where_its_folder_is_numbered_anew_or_deleted(
    office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    imap_server.append(REP, FILED, letter(4), MARCH)
    office.sync(mailbox)
    imap_server.expunge(REP, "INBOX", [2])
    imap_server.expunge(REP, FILED, [1])
    days_pass(office, mailbox, clock, 2)
    assert on_card(office) == [3, 1]
    imap_server.reset_uidvalidity(REP, "INBOX")
    with imap_server.session(REP) as client:
        client.delete_folder(imap_server.named(FILED))
    for _ in range(3):
        days_pass(office, mailbox, clock, 1)
        assert on_card(office) == [3, 1]


def test_a_draft_stays_hidden_where_its_folder_is_numbered_anew(
    office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock, runtime: Runtime
) -> None:
    """Its UID was mirrored, and judged again since."""
    ((id, stored),) = [
        one for one in runtime.folders.read_all(mailbox.key).items() if one[1].state.messages
    ]
    head = stored.state.ledger.head.record({2: Verdict.DRAFT}).encode()
    update = Update(keys.folder(mailbox.key, id), "SET head = :head", {":head": head})
    runtime.table.update(update)
    with imap_server.session(REP) as client:
        client.select_folder("INBOX")
        client.add_flags([2], [b"\\Draft"])
    days_pass(office, mailbox, clock, 1)
    assert on_card(office) == [3, 1]
    imap_server.reset_uidvalidity(REP, "INBOX")
    for _ in range(2):
        days_pass(office, mailbox, clock, 1)
        assert on_card(office) == [3, 1]


def test_no_person_is_looked_up_for_copies_that_no_ledger_names(
    office: Office,
    mailbox: Mailbox,
    imap_server: MailboxServer,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imap_server.append(REP, FILED, letter(4), MARCH)
    office.sync(mailbox)
    imap_server.reset_uidvalidity(REP, "INBOX")
    with imap_server.session(REP) as client:
        client.delete_folder(imap_server.named(FILED))
    days_pass(office, mailbox, clock, 1)
    looked_up = list[Address]()
    people, run = CrmView.people, MirroredJudge.run

    def noted(view: CrmView, addresses: Iterable[Address]) -> object:
        asked = list(addresses)
        looked_up.extend(asked)
        return people(view, asked)

    def judged(*args: Any, **kwargs: Any) -> object:
        with monkeypatch.context() as patched:
            patched.setattr(CrmView, "people", noted)
            return run(*args, **kwargs)

    judge = Mock(side_effect=judged)
    monkeypatch.setattr(MirroredJudge, "run", lambda *args, **kwargs: judge(*args, **kwargs))
    days_pass(office, mailbox, clock, 1)
    assert judge.call_count == 1
    assert looked_up == []


def test_a_folder_that_is_deleted_or_not_read_erases_nothing(
    office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock, runtime: Runtime
) -> None:
    """That `folders` leaves it out hides what is in it alone."""
    imap_server.append(REP, FILED, letter(4), MARCH)
    office.sync(mailbox)
    with imap_server.session(REP) as client:
        client.delete_folder(imap_server.named(FILED))
    days_pass(office, mailbox, clock, 40)
    assert on_card(office) == [4, 3, 2, 1]
    choose_folders(found(office, mailbox), FolderScope.INBOX_AND_SENT, None, runtime)
    days_pass(office, mailbox, clock, 40)
    assert on_card(office) == [4, 3, 2, 1]


def test_few_messages_leave_a_day(
    office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    for number in range(4, 21):
        imap_server.append(REP, "INBOX", letter(number), MARCH)
    office.sync(mailbox)
    imap_server.expunge(REP, "INBOX", range(1, 14))
    days_pass(office, mailbox, clock, 1)
    assert len(on_card(office)) == 20
    for left in (15, 10, 7, 7):
        clock.advance(DAY)
        office.sync(mailbox)
        clock.advance(HOUR)
        office.sync(mailbox)
        assert len(on_card(office)) == left


def test_what_is_listed_again_at_the_second_look_stays(
    office: Office,
    mailbox: Mailbox,
    imap_server: MailboxServer,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imap_server.expunge(REP, "INBOX", [2])
    days_pass(office, mailbox, clock, 1)
    monkeypatch.setattr("mailmirror.mail.imap.session.ImapSession.listed", lambda _, uids, __: uids)
    days_pass(office, mailbox, clock, 1)
    assert on_card(office) == [3, 2, 1]


def test_nothing_leaves_where_folders_are_left_out(
    office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock, runtime: Runtime
) -> None:
    """What was filed into a folder that is not read was not deleted."""
    choose_folders(mailbox, FolderScope.INBOX_AND_SENT, None, runtime)
    days_pass(office, mailbox, clock, 1)
    with imap_server.session(REP) as client:
        client.select_folder("INBOX")
        client.move([2], imap_server.named(FILED))
    days_pass(office, mailbox, clock, 40)
    assert on_card(office) == [3, 2, 1]


def test_mailboxes_read_their_copies_once_a_day_without_a_change(
    office: Office,
    mailbox: Mailbox,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Persons who come each hour cause a pass each, and no further look at what is mirrored."""
    looks: list[int] = []
    copies_after = runtime.contents.copies_after

    def counted(*args: Any) -> object:
        looks.append(1)
        return copies_after(*args)

    monkeypatch.setattr(runtime.contents, "copies_after", counted)
    for number in range(13):
        office.tell("contact.upserted", id=f"c{number}", name="c", emails=[f"c{number}@x.example"])
        clock.advance(HOUR)
        office.sync(mailbox)
    assert len(looks) == 1


def test_a_copy_that_is_joined_while_it_leaves_keeps_the_identity_that_it_got(
    office: Office, imap_server: MailboxServer, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy in sent mail without a Message-ID, and a colleague's copy that has one."""
    change(office, deleted_mail="follow")
    raw = letter(1, REP, [KIM, BOSS])
    bare = b"\n".join(one for one in raw.split(b"\n") if not one.startswith(b"Message-ID:"))
    imap_server.create(REP, "Sent")
    imap_server.append(REP, "Sent", bare, MARCH)
    imap_server.append(BOSS, "INBOX", raw, MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    other = office.connect(imap_server, "boss", BOSS)
    imap_server.expunge(REP, "Sent", [1])
    new = LeftCopies.new

    def joined_first(left: LeftCopies) -> object:
        office.sync(other)
        return new(left)

    with monkeypatch.context() as patched:
        patched.setattr(LeftCopies, "new", joined_first)
        days_pass(office, mailbox, clock, 1)
    (mine,), (theirs,) = office.card("rep", "kim"), office.card("boss", "kim")
    assert mine.summary.message == theirs.summary.message
    (copy,) = office.runtime.contents.copies(mailbox.key, 10)
    assert copy.left_at is not None
    assert copy.entry.message == mine.summary.message
    days_pass(office, mailbox, clock, 1)
    assert on_card(office) == []
