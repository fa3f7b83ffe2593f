"""A mailbox at Gmail: labels, drafts, All Mail and its settings, and what a poll costs."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from mailmirror.domain.mailbox import FolderScope, MailboxState
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.choose_folders import choose_folders
from mailmirror.usecases.mailboxes.read_mailbox import read_mailbox
from mailmirror.usecases.sending.append_sent_copy import append_sent_copy
from mailmirror.usecases.sync.audit_mailbox import audit_mailbox
from tests.integration.api_calls import Api
from tests.integration.conftest import USERS
from tests.integration.explaining import causes, explained
from tests.integration.office import (
    KIM,
    MARCH,
    REP,
    STRANGER,
    Clock,
    Office,
    letter,
    loopback,
    subjects,
)
from tests.integration.test_deleted_mail import days_pass, on_card
from tests.integration.test_polls import poll, syncs
from tests.integration.test_settings import change, found
from tests.servers.gmail import Gmail, Language
from tests.servers.memory_imap import Command

MINUTE = timedelta(minutes=1)
_GATHER_SECONDS = 0.05


@pytest.fixture
def imap_server() -> Iterator[Gmail]:
    with Gmail(USERS) as server:
        yield server


def bodies_fetched(server: Gmail) -> list[str]:
    return [line for line in server.commands if line.endswith("( BODY.PEEK[] )")]


def roles(office: Office, runtime: Runtime) -> list[str]:
    """The roles under which the copies on KIM's card were received, oldest first."""
    return [
        copy.role.value
        for line in reversed(office.card("rep", "kim"))
        for copy in [line.summary.received]
    ]


# What is read


def test_mail_is_on_its_card_under_whatever_label_it_is(
    office: Office, imap_server: Gmail, runtime: Runtime
) -> None:
    imap_server.receive(letter(1), "\\Inbox", "\\Important")
    imap_server.receive(letter(2))  # archived
    imap_server.receive(letter(3), "Customers", "Customers/Großkunden", "顧客")
    imap_server.receive(letter(4, REP, [KIM]), "\\Sent")
    imap_server.receive(letter(5), "\\Trash")
    imap_server.receive(letter(6), "\\Junk")
    imap_server.receive(letter(7, REP, [REP, KIM]), "\\Inbox", "\\Sent")
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)

    assert subjects(office.card("rep", "kim")) == [f"Letter {n}" for n in (7, 4, 3, 2, 1)]
    assert office.counts(mailbox) == {"[Gmail]/All Mail": {"mirrored": 5}}
    assert roles(office, runtime) == ["inbox", "other", "other", "sent", "sent"]
    assert read_mailbox(office.account, mailbox.key.mailbox, runtime).state == "healthy"


def test_a_message_with_several_labels_is_fetched_once(office: Office, imap_server: Gmail) -> None:
    for n in range(1, 4):
        imap_server.receive(letter(n), "\\Inbox", "\\Starred", "\\Important", "Customers", "2026")
    office.sync(office.connect(imap_server, "rep", REP))
    assert len(office.card("rep", "kim")) == 3
    assert bodies_fetched(imap_server) == ["UID FETCH 1:3 ( BODY.PEEK[] )"]
    assert [line for line in imap_server.commands if line.startswith("EXAMINE")][1:] in (
        ["EXAMINE [Gmail]/All Mail"],
        ["EXAMINE [Gmail]/All Mail"] * 2,
    )


@pytest.mark.parametrize("language", Language)
def test_gmail_is_read_in_any_language(language: Language, office: Office) -> None:
    with Gmail(USERS, language=language) as server:
        office.runtime.network_policy = loopback(server.authority)
        server.receive(letter(1), "Customers")
        server.receive(letter(2, REP, [KIM]), "\\Draft")
        server.receive(letter(3, REP, [KIM]), "\\Sent")
        server.receive(letter(4), "\\Junk")
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        assert subjects(office.card("rep", "kim")) == ["Letter 3", "Letter 1"]
        assert office.counts(mailbox) == {server.special("\\All").name: {"mirrored": 2, "draft": 1}}


# Drafts


@pytest.mark.parametrize("flags", [(), ("\\Draft",)], ids=["without the flag", "with it"])
def test_a_draft_is_on_no_card_before_it_is_sent(
    office: Office, imap_server: Gmail, flags: tuple[str, ...]
) -> None:
    draft = imap_server.receive(letter(1, REP, [KIM]), "\\Draft", flags=flags)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert office.card("rep", "kim") == []
    assert office.counts(mailbox) == {"[Gmail]/All Mail": {"draft": 1}}

    imap_server.remove(draft)
    imap_server.receive(letter(1, REP, [KIM]), "\\Sent")
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]


@pytest.mark.parametrize(
    "raw", [letter(9, REP, [KIM]), b"", b"\r\n"], ids=["filled", "empty", "a line"]
)
def test_an_open_draft_that_is_saved_each_half_minute_lists_no_folder(
    office: Office, imap_server: Gmail, runtime: Runtime, clock: Clock, raw: bytes
) -> None:
    for n in range(1, 41):
        imap_server.receive(letter(n), "\\Inbox")
    mailbox = office.connect(imap_server, "rep", REP)
    draft = imap_server.save_draft(raw)
    office.sync(mailbox)
    asked = len(imap_server.commands)
    for _ in range(6):
        draft = imap_server.save_draft(raw, draft)
        draft = imap_server.save_draft(raw, draft)
        clock.advance(MINUTE)
        poll(runtime, mailbox)
        assert syncs(runtime) == [mailbox.key.mailbox]
        office.sync(mailbox)

    fetches = [line for line in imap_server.commands[asked:] if line.startswith("UID FETCH")]
    assert not [line for line in fetches if " 1:" in line], fetches
    assert len(fetches) <= 6 * 5, fetches
    (all_mail,) = audit_mailbox(mailbox, runtime).folders
    assert all_mail.audit.clean
    assert len(office.card("rep", "kim")) == 40


def test_a_draft_that_leaves_before_its_headers_are_fetched_lists_no_folder(
    office: Office, imap_server: Gmail, runtime: Runtime
) -> None:
    for n in range(1, 41):
        imap_server.receive(letter(n), "\\Inbox")
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    draft = imap_server.save_draft(b"")

    def saved_meanwhile(command: Command) -> None:
        if command.name == "UID FETCH" and b"X-GM-LABELS" in command.arguments:
            imap_server.before = lambda command: None
            imap_server.save_draft(b"", draft)

    imap_server.before = saved_meanwhile
    office.sync(mailbox)
    asked = len(imap_server.commands)
    office.sync(mailbox)
    listings = [line for line in imap_server.commands[asked:] if line.endswith("( UID )")]
    assert not [line for line in listings if " 1:" in line], listings
    assert audit_mailbox(mailbox, runtime).folders[0].audit.clean


# Sent mail


def test_a_copy_of_sent_mail_is_appended_once(
    office: Office, imap_server: Gmail, runtime: Runtime
) -> None:
    """As where SES sends for a mailbox at Gmail: submission by Gmail itself appends none."""
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    raw = b"X-Mailmirror-Id: token\r\n" + letter(1, REP, [KIM])
    for _ in range(2):
        append_sent_copy(raw, "token", mailbox, MARCH, runtime)
    office.sync(mailbox)
    assert [one.labels for one in imap_server.special("\\All").copies.values()] == [{"\\Sent"}]
    assert len([line for line in imap_server.commands if line.startswith("APPEND")]) == 1
    assert roles(office, runtime) == ["sent"]


# Settings of Gmail's


def test_where_all_mail_is_hidden_the_folders_of_labels_are_read(
    office: Office, imap_server: Gmail, runtime: Runtime
) -> None:
    """X-GM-LABELS of a copy lacks the label of the folder that is read."""
    imap_server.hides_all_mail = True
    imap_server.receive(letter(1), "\\Inbox", "Customers")
    imap_server.receive(letter(2, REP, [KIM]), "\\Sent")
    imap_server.receive(letter(3, REP, [KIM]), "\\Sent", "Customers")
    imap_server.receive(letter(4, REP, [REP, KIM]), "\\Sent", "\\Inbox")
    imap_server.receive(letter(5, REP, [KIM]), "\\Draft", "Customers")
    imap_server.receive(letter(6), "\\Trash")
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)

    assert subjects(office.card("rep", "kim")) == [f"Letter {n}" for n in (4, 3, 2, 1)]
    assert office.counts(mailbox) == {
        "INBOX": {"mirrored": 2},
        "[Gmail]/Sent Mail": {"mirrored": 3},
        "Customers": {"mirrored": 2, "draft": 1},
    }
    assert roles(office, runtime) == ["inbox", "sent", "sent", "sent"]


def test_a_folder_that_gmail_limits_is_read_as_far_as_it_is_shown(
    office: Office, imap_server: Gmail, runtime: Runtime, clock: Clock
) -> None:
    """What falls below the limit while newer mail arrives stays on its card."""
    imap_server.limit = 20
    for n in range(1, 31):
        imap_server.receive(letter(n), "\\Inbox")
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert len(office.card("rep", "kim")) == 20
    for n in range(31, 36):
        imap_server.receive(letter(n), "\\Inbox")
    clock.advance(MINUTE)
    poll(runtime, mailbox)
    assert syncs(runtime) == [mailbox.key.mailbox]
    office.sync(mailbox)
    assert len(office.card("rep", "kim")) == 25
    clock.advance(MINUTE)
    poll(runtime, mailbox)
    assert syncs(runtime) == []
    state = read_mailbox(office.account, mailbox.key.mailbox, runtime).state
    assert state in (MailboxState.HEALTHY, MailboxState.INCOMPLETE)


# What a poll costs


@pytest.mark.parametrize("hidden", [False, True], ids=["All Mail", "All Mail hidden"])
@pytest.mark.parametrize("list_status", [True, False], ids=["LIST-STATUS", "without"])
@pytest.mark.parametrize("labels", [12, 200])
def test_a_poll_takes_so_many_round_trips(
    office: Office,
    imap_server: Gmail,
    runtime: Runtime,
    clock: Clock,
    labels: int,
    list_status: bool,
    hidden: bool,
) -> None:
    imap_server.list_status, imap_server.hides_all_mail = list_status, hidden
    for n in range(labels):
        imap_server.receive(letter(n + 1), f"Label {n}")
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    clock.advance(MINUTE)
    imap_server.gathers_seconds = _GATHER_SECONDS
    asked, before = len(imap_server.commands), imap_server.round_trips
    poll(runtime, mailbox)
    assert syncs(runtime) == []
    names = [line.partition(" ")[0] for line in imap_server.commands[asked:]]
    # CAPABILITY, sign-in, CAPABILITY, ID, LIST and NAMESPACE, STATUS, LOGOUT
    assert imap_server.round_trips - before <= (6 if list_status else 7), names


def test_nothing_leaves_a_folder_of_which_gmail_shows_the_newest_alone(
    office: Office, imap_server: Gmail, runtime: Runtime, clock: Clock
) -> None:
    change(office, deleted_mail="follow")
    imap_server.limit = 1_000
    for number in range(1, 1_001):
        sender = KIM if number <= 20 else STRANGER
        imap_server.receive(letter(number, sender), "\\Inbox")
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    for number in range(1_001, 1_006):
        imap_server.receive(letter(number, STRANGER), "\\Inbox")
    days_pass(office, mailbox, clock, 3)
    assert len(on_card(office)) == 20


def test_a_narrower_setting_at_gmail_hides_what_is_in_all_mail_alone(
    office: Office, imap_server: Gmail, runtime: Runtime, clock: Clock
) -> None:
    imap_server.receive(letter(1), "\\Inbox")
    imap_server.receive(letter(2))
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert on_card(office) == [2, 1]
    choose_folders(mailbox, FolderScope.INBOX_AND_SENT, None, runtime)
    days_pass(office, mailbox, clock, 1)
    assert on_card(office) == [1]
    choose_folders(found(office, mailbox), FolderScope.ALL, None, runtime)
    days_pass(office, mailbox, clock, 1)
    assert on_card(office) == [2, 1]


# Explaining


def test_an_explain_names_all_mail_and_the_labels_of_a_message(
    office: Office, imap_server: Gmail, api: Api
) -> None:
    """The server refuses SEARCH but by a day, so the headers of each folder are compared."""
    imap_server.create("Customers")
    imap_server.receive(letter(1), "\\Inbox", "Customers")
    imap_server.receive(letter(2), "\\Junk")
    mailbox = office.connect(imap_server, "rep", REP)
    found = explained(api, mailbox, 1)
    assert (causes(found), found["complete"]) == (["first_sync"], True)
    copies = found["messages"][0]["copies"]
    all_mail = imap_server.special("\\All").name
    assert {copy["folder"] for copy in copies} == {"INBOX", "Customers", all_mail}
    assert [copy["folder"] for copy in copies if copy["read"]] == [all_mail]
    assert copies[found["messages"][0]["causes"][0]["copy"]]["folder"] == all_mail
    assert causes(explained(api, mailbox, 2)) == ["junk"]
    office.sync(mailbox)
    assert causes(explained(api, mailbox, 1)) == ["shown"]
