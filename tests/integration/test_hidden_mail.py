"""What takes a mirrored message's verdict away hides it at once, and erases it 30 days later.

What gives the verdict back within them shows it again, also what the server no longer has.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date, datetime, timedelta

import pytest

from mailmirror.domain.address import Address
from mailmirror.domain.containment import Caution
from mailmirror.domain.limits import MAX_VERSIONS
from mailmirror.domain.mailbox import FolderScope, Mailbox
from mailmirror.domain.message import Entry
from mailmirror.domain.problems import Refused
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.store.contents import ContentStore
from mailmirror.usecases.cards.read_message import read_message
from mailmirror.usecases.mailboxes.change_mailbox import change_window
from mailmirror.usecases.mailboxes.choose_folders import choose_folders
from tests.integration.interruptions import Killed, before_write
from tests.integration.office import BOSS, KIM, LEE, MARCH, REP, Clock, Office, letter, subjects
from tests.integration.test_settings import change, found
from tests.integration.test_versions import version
from tests.servers.mailbox_server import MailboxServer

DAY = timedelta(days=1)
FILED = "Projects"


@pytest.fixture
def mailbox(office: Office, imap_server: MailboxServer) -> Mailbox:
    """KIM's letter 1 of long before, 2 to three recipients, 3 in a folder, 4 from KIM and to LEE.

    Letters 2 and 3 are replies; the deal was open when 3 was sent.
    """
    long_ago = MARCH - timedelta(days=100)
    imap_server.create(REP, FILED)
    imap_server.append(REP, "INBOX", letter(1, at=long_ago), long_ago)
    imap_server.append(
        REP, "INBOX", letter(2, KIM, [REP, "a@x.example", "b@x.example"], replies_to=[1]), MARCH
    )
    imap_server.append(REP, FILED, letter(3, replies_to=[1, 2]), MARCH)
    imap_server.append(REP, "INBOX", letter(4, KIM, [REP, LEE]), MARCH)
    office.tell("deal.upserted", id="d1", name="D1", status="open", contact_ids=["kim", "lee"])
    mailbox = office.connect(imap_server, "rep", REP)
    change_window(mailbox, date(2025, 1, 1), office.runtime)
    mailbox = found(office, mailbox)
    office.sync(mailbox)
    assert on_cards(office) == [4, 3, 2, 1]
    return mailbox


def on_cards(office: Office) -> list[int]:
    """The letters on KIM's card, on LEE's, or both, the latest first."""
    lines = subjects([*office.card("rep", "kim"), *office.card("rep", "lee")])
    return sorted({int(one.removeprefix("Letter ")) for one in lines}, reverse=True)


def on_deal(office: Office) -> list[int]:
    return [int(one.removeprefix("Letter ")) for one in subjects(office.deal("rep", "d1"))]


def narrow(office: Office, mailbox: Mailbox) -> None:
    choose_folders(mailbox, FolderScope.INBOX_AND_SENT, None, office.runtime)


def widen(office: Office, mailbox: Mailbox) -> None:
    choose_folders(found(office, mailbox), FolderScope.ALL, None, office.runtime)


def shorten(office: Office, mailbox: Mailbox) -> None:
    change_window(mailbox, date(2026, 2, 1), office.runtime)


def lengthen(office: Office, mailbox: Mailbox) -> None:
    change_window(found(office, mailbox), date(2025, 1, 1), office.runtime)


def lower(office: Office, mailbox: Mailbox) -> None:
    change(office, max_recipients=2)


def raise_(office: Office, mailbox: Mailbox) -> None:
    change(office, max_recipients=3)


def lose(office: Office, mailbox: Mailbox) -> None:
    office.tell("contact.upserted", MARCH, id="kim", name="kim", emails=[])


def regain(office: Office, mailbox: Mailbox) -> None:
    office.tell("contact.upserted", MARCH + DAY, id="kim", name="kim", emails=[KIM])


def join_team(office: Office, mailbox: Mailbox) -> None:
    office.tell("user.upserted", MARCH, id="rep", name="rep", emails=[REP, KIM])


def leave_team(office: Office, mailbox: Mailbox) -> None:
    office.tell("user.upserted", MARCH + DAY, id="rep", name="rep", emails=[REP])


Act = Callable[[Office, Mailbox], None]
CHANGES = pytest.mark.parametrize(
    ("takes", "gives", "left"),
    [
        pytest.param(narrow, widen, [4, 2, 1], id="folders"),
        pytest.param(shorten, lengthen, [4, 3, 2], id="window"),
        pytest.param(lower, raise_, [4, 3, 1], id="recipients"),
        pytest.param(lose, regain, [4], id="person"),
        pytest.param(join_team, leave_team, [4], id="team"),
    ],
)


def passed(office: Office, mailbox: Mailbox, clock: Clock, by: timedelta = timedelta()) -> None:
    """Let time pass, until a pass over what has changed is due, and sync."""
    clock.advance(by or timedelta(hours=2))
    office.sync(found(office, mailbox))


def is_readable(office: Office, message: str) -> bool:
    try:
        return bool(read_message(office.viewer("rep"), message, office.runtime))
    except Refused:
        return False


def stored_items(office: Office, mailbox: Mailbox) -> list[str]:
    """The keys of what the mailbox has stored of messages, wherever it is."""
    client, settings = office.runtime._client("dynamodb"), office.runtime.settings
    items = client.scan(TableName=settings.table)["Items"]
    names = [item["pk"]["S"] + " " + item["sk"]["S"] for item in items]
    of_mail = (" copy#", "#message#", "#timeline#", "#dealtimeline#", "#thread#")
    return sorted(
        one for one in names if any(part in one for part in of_mail) and not one.startswith("due#")
    )


@CHANGES
def test_it_is_hidden_everywhere_and_shown_again(
    office: Office, mailbox: Mailbox, clock: Clock, takes: Act, gives: Act, left: list[int]
) -> None:
    before = stored_items(office, mailbox)
    messages = {line.summary.message for line in office.card("rep", "kim")}
    deal = on_deal(office)
    takes(office, mailbox)
    passed(office, mailbox, clock)
    assert on_cards(office) == left
    assert on_deal(office) == [one for one in deal if one in left]
    assert sum(is_readable(office, one) for one in messages) == len(left)
    gives(office, mailbox)
    passed(office, mailbox, clock)
    assert on_cards(office) == [4, 3, 2, 1]
    assert on_deal(office) == deal
    assert stored_items(office, mailbox) == before


@CHANGES
def test_it_is_erased_after_30_days_and_mirrored_anew_later(
    office: Office, mailbox: Mailbox, clock: Clock, takes: Act, gives: Act, left: list[int]
) -> None:
    before = stored_items(office, mailbox)
    takes(office, mailbox)
    passed(office, mailbox, clock)
    passed(office, mailbox, clock, 29 * DAY)
    kept = len([one for one in stored_items(office, mailbox) if "copy#" in one])
    assert kept == 4
    passed(office, mailbox, clock, DAY)
    copies = [one for one in stored_items(office, mailbox) if "copy#" in one]
    assert len(copies) == len(left)
    lines = [one for one in stored_items(office, mailbox) if "content#" in one]
    assert len(lines) == len(left)
    gives(office, mailbox)
    passed(office, mailbox, clock)
    assert on_cards(office) == [4, 3, 2, 1]
    assert stored_items(office, mailbox) == before


@CHANGES
def test_the_verdicts_are_those_of_mail_that_arrives_now(
    office: Office,
    mailbox: Mailbox,
    clock: Clock,
    takes: Act,
    gives: Act,
    left: list[int],
) -> None:
    takes(office, mailbox)
    passed(office, mailbox, clock)
    by_pass = office.counts(mailbox)
    changed = found(office, mailbox)
    mirrored = sum(
        counts.get("mirrored", 0)
        for name, counts in by_pass.items()
        if name == "INBOX" or changed.folders is FolderScope.ALL
    )
    assert mirrored == len(left)


@CHANGES
def test_what_the_server_no_longer_has_is_shown_again(
    office: Office,
    mailbox: Mailbox,
    imap_server: MailboxServer,
    clock: Clock,
    takes: Act,
    gives: Act,
    left: list[int],
) -> None:
    takes(office, mailbox)
    passed(office, mailbox, clock)
    imap_server.expunge(REP, "INBOX", [1, 2, 3])
    imap_server.expunge(REP, FILED, [1])
    passed(office, mailbox, clock)
    assert on_cards(office) == left
    gives(office, mailbox)
    passed(office, mailbox, clock)
    assert on_cards(office) == [4, 3, 2, 1]


@CHANGES
def test_a_crash_at_any_write_changes_nothing_of_it(
    office: Office,
    mailbox: Mailbox,
    clock: Clock,
    runtime: Runtime,
    monkeypatch: pytest.MonkeyPatch,
    takes: Act,
    gives: Act,
    left: list[int],
) -> None:
    monkeypatch.setattr(
        Caution, "after_deaths", lambda caution, _: caution
    )  # no letter is to blame
    before = stored_items(office, mailbox)
    for act, shown in ((takes, left), (gives, [4, 3, 2, 1])):
        act(office, mailbox)
        clock.advance(timedelta(hours=2))
        number = 0
        while True:
            number += 1
            with (
                suppress(Killed),
                before_write(runtime, number, lambda: None, then_die=True) as died,
            ):
                office.sync(found(office, mailbox))
            if not died:
                break
            clock.advance(timedelta(minutes=2))
        assert number > 3
        passed(office, mailbox, clock)
        assert on_cards(office) == shown
    assert stored_items(office, mailbox) == before


@pytest.mark.parametrize("hides_first", [True, False])
@pytest.mark.parametrize("write", [1, 2, 3, 4, 5, 6, 8, 10])
def test_a_crash_that_is_followed_by_the_opposite_change_leaves_nothing_half_done(
    office: Office,
    mailbox: Mailbox,
    clock: Clock,
    runtime: Runtime,
    monkeypatch: pytest.MonkeyPatch,
    hides_first: bool,
    write: int,
) -> None:
    monkeypatch.setattr(Caution, "after_deaths", lambda caution, _: caution)
    deal = on_deal(office)
    if not hides_first:
        narrow(office, mailbox)
        passed(office, mailbox, clock)
    first, other = (narrow, widen) if hides_first else (widen, narrow)
    first(office, mailbox)
    clock.advance(timedelta(hours=2))
    with suppress(Killed), before_write(runtime, write, lambda: None, then_die=True):
        office.sync(found(office, mailbox))
    clock.advance(timedelta(minutes=2))
    other(office, mailbox)
    passed(office, mailbox, clock)
    passed(office, mailbox, clock)
    shown = [4, 3, 2, 1] if hides_first else [4, 2, 1]
    assert on_cards(office) == shown
    assert on_deal(office) == [one for one in deal if one in shown]


def test_people_that_change_while_a_folder_is_left_out_are_seen_when_it_comes_back(
    office: Office, mailbox: Mailbox, clock: Clock, runtime: Runtime
) -> None:
    for act in (narrow, join_team, widen):
        act(office, mailbox)
        passed(office, mailbox, clock)
    copies = runtime.contents.copies(mailbox.key, 100)
    assert sum(one.hidden_at is None for one in copies) == 1


def delete_filed(imap_server: MailboxServer) -> None:
    with imap_server.session(REP) as client:
        client.delete_folder(imap_server.named(FILED))


def rename_filed(imap_server: MailboxServer) -> None:
    with imap_server.session(REP) as client:
        client.rename_folder(imap_server.named(FILED), imap_server.named("Renamed"))


GOES = pytest.mark.parametrize(
    "goes", [pytest.param(delete_filed, id="deleted"), pytest.param(rename_filed, id="renamed")]
)


@GOES
def test_a_folder_that_goes_while_it_is_left_out_is_not_shown_again(
    office: Office,
    mailbox: Mailbox,
    imap_server: MailboxServer,
    clock: Clock,
    goes: Callable[[MailboxServer], None],
) -> None:
    narrow(office, mailbox)
    passed(office, mailbox, clock)
    goes(imap_server)
    for _ in range(2):
        passed(office, mailbox, clock, DAY)
        assert on_cards(office) == [4, 2, 1]
    widen(office, mailbox)
    passed(office, mailbox, clock)
    assert on_cards(office) == [4, 3, 2, 1]


def test_a_copy_that_did_not_count_keeps_no_message_once_its_folder_is_gone(
    office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    """It is shown by the copy in the Inbox at first, so that nothing of it is hidden."""
    long_ago = MARCH - timedelta(days=100)
    imap_server.append(REP, FILED, letter(1, at=long_ago), MARCH)
    office.sync(mailbox)
    narrow(office, mailbox)
    passed(office, mailbox, clock)
    delete_filed(imap_server)
    shorten(office, found(office, mailbox))  # the copy in the Inbox was received before
    for _ in range(2):
        passed(office, mailbox, clock, DAY)
        assert on_cards(office) == [4, 2]


@GOES
def test_a_folder_that_goes_while_it_is_read_hides_nothing_and_nor_does_the_setting_then(
    office: Office,
    mailbox: Mailbox,
    imap_server: MailboxServer,
    clock: Clock,
    goes: Callable[[MailboxServer], None],
) -> None:
    goes(imap_server)
    passed(office, mailbox, clock)
    narrow(office, mailbox)
    for _ in range(2):
        passed(office, mailbox, clock, DAY)
        assert on_cards(office) == [4, 3, 2, 1]


def test_a_trash_that_was_named_is_hidden_once_the_setting_names_no_folders(
    office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    imap_server.create(REP, "Trash")
    imap_server.append(REP, "Trash", letter(5), MARCH)
    choose_folders(mailbox, ["INBOX", FILED, "Trash"], None, office.runtime)
    passed(office, mailbox, clock)
    assert on_cards(office) == [5, 4, 3, 2, 1]
    widen(office, mailbox)
    passed(office, mailbox, clock)
    assert on_cards(office) == [4, 3, 2, 1]
    with imap_server.session(REP) as client:
        client.rename_folder(imap_server.named("Trash"), imap_server.named("Deleted by hand"))
    imap_server.expunge(REP, "Deleted by hand", [1])
    for _ in range(2):
        passed(office, mailbox, clock, DAY)
        assert on_cards(office) == [4, 3, 2, 1]


def test_a_version_that_comes_while_others_are_hidden_is_shown(
    office: Office, imap_server: MailboxServer, clock: Clock
) -> None:
    imap_server.create(REP, FILED)
    for number in range(1, MAX_VERSIONS + 1):
        one = version(number, f"Number {number}, said otherwise")
        imap_server.append(REP, FILED, one.raw, one.received_at)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    narrow(office, mailbox)
    passed(office, mailbox, clock)
    assert office.card("rep", "kim") == []
    late = version(MAX_VERSIONS + 1, "Said otherwise again")
    imap_server.append(REP, "INBOX", late.raw, late.received_at)
    for pause in (DAY, DAY, 31 * DAY, DAY):
        passed(office, mailbox, clock, pause)
        assert len(office.card("rep", "kim")) == 1


def test_what_is_erased_leaves_no_address_behind(
    office: Office, mailbox: Mailbox, clock: Clock, runtime: Runtime
) -> None:
    """The item of an address says which mailboxes have mail of it."""
    guest = keys.address(office.account, Address("a@x.example"))
    lower(office, mailbox)
    passed(office, mailbox, clock)
    assert runtime.table.get(guest) is not None
    passed(office, mailbox, clock, 31 * DAY)
    assert runtime.table.get(guest) is None


def test_what_a_sync_hides_that_has_lost_the_lease_is_shown_again_within_a_day(
    office: Office, mailbox: Mailbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide, stalled = ContentStore.hide, list[bool]()

    def late(store: ContentStore, contents: Iterable[Entry], now: datetime) -> None:
        if not stalled:
            stalled.append(True)
            clock.advance(timedelta(minutes=2))
            widen(office, mailbox)
            office.sync(found(office, mailbox))
            office.sync(found(office, mailbox))
        hide(store, contents, now)

    monkeypatch.setattr(ContentStore, "hide", late)
    narrow(office, mailbox)
    passed(office, mailbox, clock)
    assert stalled
    for _ in range(2):
        passed(office, mailbox, clock, DAY)
    assert on_cards(office) == [4, 3, 2, 1]


@pytest.fixture
def sent_without_id(office: Office, imap_server: MailboxServer) -> tuple[Mailbox, Mailbox]:
    """REP's mailbox, whose copy in sent mail has no Message-ID, and BOSS's, not synced yet, where
    the same message has one."""
    raw = letter(1, REP, [KIM, BOSS])
    bare = b"\n".join(one for one in raw.split(b"\n") if not one.startswith(b"Message-ID:"))
    imap_server.create(REP, "Sent")
    imap_server.append(REP, "Sent", bare, MARCH)
    imap_server.append(BOSS, "INBOX", raw, MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert on_cards(office) == [1]
    return mailbox, office.connect(imap_server, "boss", BOSS)


@pytest.mark.parametrize("write", range(1, 17))
def test_a_copy_that_is_joined_while_it_is_hidden_is_hidden_as_the_message_that_it_is_then(
    office: Office,
    sent_without_id: tuple[Mailbox, Mailbox],
    clock: Clock,
    runtime: Runtime,
    write: int,
) -> None:
    mailbox, other = sent_without_id
    choose_folders(mailbox, ["INBOX"], None, runtime)
    with before_write(runtime, write, lambda: office.sync(other)) as joined:
        passed(office, mailbox, clock)
    if not joined:
        office.sync(other)
    passed(office, mailbox, clock, DAY)
    assert office.card("rep", "kim") == []
    (copy,) = runtime.contents.copies(mailbox.key, 10)
    own = f"{mailbox.key.mailbox}.{mailbox.key.epoch}"
    items = [one for one in stored_items(office, mailbox) if own in one]
    assert len(items) == 3
    assert all(copy.entry.message in one for one in items if " copy#" not in one)
    widen(office, mailbox)
    passed(office, mailbox, clock)
    (mine,), (theirs,) = office.card("rep", "kim"), office.card("boss", "kim")
    assert mine.summary.message == theirs.summary.message
