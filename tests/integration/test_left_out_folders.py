"""The owner's setting `folders` hides mail; what a server makes of a folder does not."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import pytest

from mailmirror.domain.mailbox import FolderScope, Mailbox
from mailmirror.usecases.mailboxes.change_mailbox import change_window
from mailmirror.usecases.mailboxes.choose_folders import choose_folders
from tests.integration.api_calls import Api, Json
from tests.integration.conftest import USERS
from tests.integration.office import MARCH, REP, Clock, Office, letter
from tests.integration.test_hidden_mail import on_cards, shorten
from tests.integration.test_settings import change, found
from tests.servers.memory_imap import MemoryImap

DAY = timedelta(days=1)
ALL, INBOX_AND_SENT = FolderScope.ALL, FolderScope.INBOX_AND_SENT


@pytest.fixture
def imap_server() -> Iterator[MemoryImap]:
    """Letter 1 in the Inbox, 2 in sent mail, 3 in a folder, 4 in the trash, and 5 there too and of
    long before in the Inbox."""
    with MemoryImap(USERS) as server:
        for number, name in enumerate(("INBOX", "Sent", "Projects", "Trash"), start=1):
            if name != "INBOX":
                server.create(name)
            server.append(name, letter(number))
        both = letter(5, at=MARCH - timedelta(days=100))
        server.append("INBOX", both).received_at = MARCH - timedelta(days=100)
        server.append("Trash", both)
        yield server


def connected(
    office: Office, server: MemoryImap, folders: FolderScope | Sequence[str] = ALL
) -> Mailbox:
    mailbox = office.connect(server, "rep", REP, folders=folders)
    change(office, deleted_mail="follow")  # so that each day all copies are judged again
    change_window(mailbox, date(2025, 1, 1), office.runtime)
    office.sync(found(office, mailbox))
    return mailbox


def under(
    office: Office, mailbox: Mailbox, folders: FolderScope | Sequence[str], clock: Clock
) -> list[int]:
    """What is on cards once a setting has been followed."""
    choose_folders(found(office, mailbox), folders, None, office.runtime)
    return later(office, mailbox, clock)


def later(office: Office, mailbox: Mailbox, clock: Clock, by: timedelta = DAY) -> list[int]:
    clock.advance(by)
    office.sync(found(office, mailbox))
    return on_cards(office)


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_folder_that_the_server_takes_for_the_trash_by_now_keeps_its_mail(
    office: Office, imap_server: MemoryImap, clock: Clock, is_deleted: bool
) -> None:
    mailbox = connected(office, imap_server)
    imap_server.folders["Projects"].attributes = ("\\Trash",)
    assert 3 in later(office, mailbox, clock)
    if is_deleted:
        del imap_server.folders["Projects"]
    for _ in range(2):
        assert 3 in later(office, mailbox, clock, 31 * DAY)


def test_of_such_a_folder_the_setting_hides_what_it_leaves_out_and_brings_it_back(
    office: Office, imap_server: MemoryImap, clock: Clock
) -> None:
    mailbox = connected(office, imap_server)
    imap_server.folders["Projects"].attributes = ("\\Trash",)
    assert 3 in later(office, mailbox, clock)
    assert 3 not in under(office, mailbox, INBOX_AND_SENT, clock)
    assert 3 in under(office, mailbox, ALL, clock)
    assert 3 not in under(office, mailbox, ["INBOX"], clock)
    del imap_server.folders["Projects"]
    assert 3 not in later(office, mailbox, clock)
    assert 3 in under(office, mailbox, ALL, clock)


@pytest.mark.parametrize("attributes", [("\\Archive",), ("\\Trash",)])
def test_sent_mail_that_the_server_takes_for_another_folder_by_now_stays(
    office: Office, imap_server: MemoryImap, clock: Clock, attributes: tuple[str, ...]
) -> None:
    mailbox = connected(office, imap_server, INBOX_AND_SENT)
    assert on_cards(office) == [5, 2, 1]
    imap_server.create("Sent by hand")
    imap_server.folders["Sent by hand"].attributes = ("\\Sent",)
    imap_server.folders["Sent"].attributes = attributes
    for _ in range(2):
        assert later(office, mailbox, clock, 31 * DAY) == [5, 2, 1]
    assert under(office, mailbox, ["INBOX"], clock) == [5, 1]


def test_a_trash_that_the_setting_names_no_more_is_hidden_and_erased(
    office: Office, imap_server: MemoryImap, clock: Clock
) -> None:
    """What a folder is read for is still known once some of its mail is erased."""
    mailbox = connected(office, imap_server, ["INBOX", "Trash"])
    assert on_cards(office) == [5, 4, 1]
    assert under(office, mailbox, ALL, clock) == [5, 3, 2, 1]
    assert under(office, mailbox, ["INBOX", "Trash"], clock) == [5, 4, 1]
    assert under(office, mailbox, ["INBOX"], clock) == [5, 1]
    for _ in range(2):
        later(office, mailbox, clock, 31 * DAY)
    assert len(office.runtime.contents.copies(mailbox.key, 10)) == 3
    assert under(office, mailbox, ALL, clock) == [5, 3, 2, 1]
    shorten(office, found(office, mailbox))
    assert later(office, mailbox, clock) == [3, 2, 1]


def test_a_folder_that_is_read_by_default_while_it_is_named_is_read_as_others_are(
    office: Office, imap_server: MemoryImap, clock: Clock
) -> None:
    """The server takes it for the trash only before and after."""
    imap_server.folders["Projects"].attributes = ("\\Trash",)
    mailbox = connected(office, imap_server, ["INBOX", "Projects"])
    imap_server.folders["Projects"].attributes = ()
    assert later(office, mailbox, clock) == [5, 3, 1]
    imap_server.folders["Projects"].attributes = ("\\Trash",)
    assert later(office, mailbox, clock) == [5, 3, 1]
    assert under(office, mailbox, ALL, clock) == [5, 3, 2, 1]


def test_a_folder_that_is_gone_is_in_no_ledger_though_it_is_known_to_be_left_out(
    office: Office, imap_server: MemoryImap, clock: Clock
) -> None:
    mailbox = connected(office, imap_server, ["INBOX", "Trash"])
    assert under(office, mailbox, ["INBOX"], clock) == [5, 1]
    assert office.counts(mailbox).keys() == {"INBOX", "Trash"}
    del imap_server.folders["Trash"]
    for setting in (["INBOX"], ALL):
        assert 4 not in under(office, mailbox, setting, clock)
        assert "Trash" not in office.counts(mailbox)
    stored = office.runtime.folders.read_all(mailbox.key)
    later(office, mailbox, clock, timedelta(minutes=5))
    assert office.runtime.folders.read_all(mailbox.key) == stored
    imap_server.create("Trash")
    imap_server.append("Trash", letter(4))
    imap_server.folders["Trash"].uidvalidity = 2
    assert 4 in under(office, mailbox, ["INBOX", "Trash"], clock)


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_folder_of_another_user_is_hidden_once_the_setting_names_it_no_more(
    office: Office, imap_server: MemoryImap, clock: Clock, is_listed: bool
) -> None:
    """Under `all` a server may not list it: then it is not taken for one that was deleted."""
    imap_server.namespace = b'(("" "/")) (("Others/" "/")) NIL'
    imap_server.left_out_of_list = () if is_listed else ("Others/",)
    shared = "Others/anna"
    imap_server.create(shared)
    imap_server.append(shared, letter(6))
    mailbox = connected(office, imap_server, ["INBOX", shared])
    assert on_cards(office) == [6, 5, 1]
    for _ in range(2):
        assert under(office, mailbox, ALL, clock) == [5, 3, 2, 1]
        assert later(office, mailbox, clock) == [5, 3, 2, 1]
        assert under(office, mailbox, ["INBOX", shared], clock) == [6, 5, 1]


def in_ledger(api: Api, mailbox: Mailbox, name: str) -> Json:
    folders: list[Json] = api.get(f"/v1/mailboxes/{mailbox.key.mailbox}/ledger")["folders"]
    (found,) = [one for one in folders if one["name"] == name]
    return found


def mirrored(api: Api, mailbox: Mailbox) -> int:
    """How many copies are mirrored, as the mailbox's counters say."""
    return int(api.get(f"/v1/mailboxes/{mailbox.key.mailbox}")["counters"]["mirrored"])


@pytest.mark.parametrize(
    ("folder", "before", "after", "code", "counted"),
    [
        ("Trash", ["INBOX", "Trash"], ["INBOX"], "named", (4, 2)),
        ("Trash", ["INBOX", "Trash"], ALL, "named", (4, 4)),
        ("Projects", ALL, INBOX_AND_SENT, "setting", (4, 3)),
    ],
)
def test_a_folder_that_the_setting_leaves_out_says_so_in_the_ledger_until_it_is_read_again(
    office: Office,
    imap_server: MemoryImap,
    clock: Clock,
    api: Api,
    folder: str,
    before: FolderScope | Sequence[str],
    after: FolderScope | Sequence[str],
    code: str,
    counted: tuple[int, int],
) -> None:
    mailbox = connected(office, imap_server, before)
    told = in_ledger(api, mailbox, folder)
    assert (told["read"], told["uncounted"]) == (True, None)
    assert mirrored(api, mailbox) == counted[0]
    under(office, mailbox, after, clock)
    told = in_ledger(api, mailbox, folder)
    assert (told["read"], told["uncounted"]["code"]) == (False, code)
    assert told["verdicts"]["mirrored"] > 0
    assert mirrored(api, mailbox) == counted[1]
    call = re.search(r"`PATCH (\S+)` with `folders`", told["uncounted"]["remedy"])
    assert call is not None
    body = {"folders": before}
    status, _ = api.ask("PATCH", call[1].format(mailbox_id=mailbox.key.mailbox), body=body)
    assert status == 200
    later(office, mailbox, clock)
    told = in_ledger(api, mailbox, folder)
    assert (told["read"], told["uncounted"]) == (True, None)
    assert mirrored(api, mailbox) == counted[0]


def test_a_folder_whose_copies_count_though_it_is_not_read_is_counted(
    office: Office, imap_server: MemoryImap, clock: Clock, api: Api
) -> None:
    mailbox = connected(office, imap_server)
    imap_server.folders["Projects"].attributes = ("\\Trash",)
    assert 3 in later(office, mailbox, clock)
    told = in_ledger(api, mailbox, "Projects")
    assert (told["read"], told["uncounted"]) == (False, None)
    assert mirrored(api, mailbox) == 4


def test_a_folder_whose_copies_do_not_count_has_no_problems_of_messages(
    office: Office, imap_server: MemoryImap, clock: Clock, api: Api
) -> None:
    imap_server.append("Trash", b"From: @\r\nMessage-ID: <6@mail.example>\r\n\r\nno sender\r\n")
    mailbox = connected(office, imap_server, ["INBOX", "Trash"])
    path = f"/v1/mailboxes/{mailbox.key.mailbox}/problems"
    (listed,) = api.get(path)["problems"]
    assert (listed["code"], listed["folder"]) == ("message_unreadable", "Trash")
    under(office, mailbox, ["INBOX"], clock)
    assert api.get(path)["problems"] == []
    under(office, mailbox, ["INBOX", "Trash"], clock)
    assert api.get(path)["problems"] == [listed]
