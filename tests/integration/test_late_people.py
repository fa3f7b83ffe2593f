"""Persons that come after their mail: the hint and the pass bring it in, from every mailbox."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError
from imapclient.exceptions import IMAPClientError

from mailmirror.aws.queues import FeedJob
from mailmirror.domain.coverage import Gap
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.folder_choice import FolderChoice
from mailmirror.domain.mailbox import FolderScope, Mailbox
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.uids import UidSet
from mailmirror.mail.imap.fetched import FetchedHeader
from mailmirror.mail.imap.opening import Status
from mailmirror.mail.imap.session import ImapSession
from mailmirror.runtime import Runtime
from mailmirror.usecases.crm_feed.apply_event import apply_event
from mailmirror.usecases.mailboxes.read_mailbox import read_ledger
from mailmirror.usecases.sync import index_leavers
from mailmirror.usecases.sync.judge_again import JudgeAgain
from mailmirror.usecases.sync.mail_server import OutOfTime
from tests.integration.interruptions import Killed, before_write
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
    subjects,
)
from tests.integration.test_polls import first_syncs, poll, syncs
from tests.servers.mailbox_server import MailboxServer

HOUR = timedelta(hours=1)


@pytest.fixture
def mailbox(office: Office, imap_server: MailboxServer) -> Mailbox:
    """REP's, with two letters of a stranger and one of KIM, synced."""
    imap_server.append(REP, "INBOX", letter(1, STRANGER), MARCH)
    imap_server.append(REP, "Sent", letter(2, REP, [STRANGER]), MARCH)
    imap_server.append(REP, "INBOX", letter(3, KIM), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    return mailbox


def stranger_comes(office: Office, email: str = STRANGER, id: str = "who") -> None:
    office.tell("contact.upserted", id=id, name="Who", emails=[email])


def late(office: Office, contact: str) -> bool:
    return Gap.LATE_FACTS in [one.gap for one in office.coverage("rep", contact).mailboxes]


def test_a_search_finds_a_persons_old_mail_before_the_pass(
    office: Office, mailbox: Mailbox
) -> None:
    stranger_comes(office)
    office.sync(mailbox)
    assert subjects(office.card("rep", "who")) == ["Letter 2", "Letter 1"]
    assert late(office, "who")
    assert not late(office, "kim")


def test_the_pass_makes_the_card_complete_after_an_hour(
    office: Office, mailbox: Mailbox, clock: Clock
) -> None:
    stranger_comes(office)
    office.sync(mailbox)
    clock.advance(HOUR)
    office.sync(mailbox)
    assert not late(office, "who")
    assert office.counts(mailbox)["INBOX"] == {"mirrored": 2}


def test_an_address_that_only_moves_to_another_person_leaves_cards_complete(
    office: Office, mailbox: Mailbox, clock: Clock
) -> None:
    office.tell("lead.upserted", id="7", name="Who", emails=[STRANGER])
    office.sync(mailbox)
    clock.advance(HOUR)
    office.sync(mailbox)
    office.tell("lead.converted", id="7", contact_id="kim")
    assert subjects(office.card("rep", "kim")) == ["Letter 3", "Letter 2", "Letter 1"]
    assert not late(office, "kim")
    stranger_comes(office, "lee@else.example", "lee")
    office.tell("contact.merged", id="kim", winner_id="lee")
    assert late(office, "lee")  # by its own address
    clock.advance(HOUR)
    office.sync(mailbox)
    assert not late(office, "lee")
    office.tell("contact.upserted", id="kim", name="Kim", emails=[KIM])
    assert not late(office, "kim")
    assert not late(office, "lee")


def test_an_address_that_moves_before_its_old_mail_was_judged_makes_the_next_card_late(
    office: Office, mailbox: Mailbox, clock: Clock
) -> None:
    office.tell("lead.upserted", id="7", name="Who", emails=[STRANGER])
    office.tell("lead.converted", id="7", contact_id="kim")
    assert late(office, "kim")
    office.sync(mailbox)
    clock.advance(HOUR)
    office.sync(mailbox)
    assert not late(office, "kim")
    assert subjects(office.card("rep", "kim")) == ["Letter 3", "Letter 2", "Letter 1"]


@pytest.mark.parametrize(
    ("events", "contact"),
    [
        (
            [
                ("merged", "kim", "lee"),
                ("upserted", "lee", [LEE, KIM, STRANGER]),
                ("upserted", "kim", [KIM, STRANGER]),
            ],
            "kim",
        ),
        (
            [
                ("upserted", "who", [STRANGER]),
                ("merged", "who", "kim"),
                ("upserted", "kim", [KIM, STRANGER]),
                ("upserted", "who", ["other@else.example"]),
            ],
            "kim",
        ),
        (
            [
                ("upserted", "who", [STRANGER]),
                ("merged", "who", "kim"),
                ("upserted", "kim", [KIM, STRANGER]),
                ("merged", "who", "lee"),
            ],
            "kim",
        ),
        (
            [
                ("merged", "who", "new"),
                ("upserted", "new", [STRANGER]),
                ("upserted", "who", [STRANGER]),
            ],
            "who",
        ),
    ],
)
def test_who_has_an_address_that_another_had_first_is_late_as_the_other_was(
    office: Office, mailbox: Mailbox, events: list[tuple[str, str, str | list[str]]], contact: str
) -> None:
    for day, (kind, id, data) in enumerate(events):
        more: dict[str, Any] = (
            {"winner_id": data} if kind == "merged" else {"name": id, "emails": data}
        )
        office.tell(f"contact.{kind}", MARCH - timedelta(days=20 - day), id=id, **more)
    assert late(office, contact)


def test_where_search_finds_nothing_the_pass_does(
    office: Office, mailbox: Mailbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.mail.imap.session.search_addresses", lambda *_: UidSet())
    stranger_comes(office)
    office.sync(mailbox)
    assert office.card("rep", "who") == []
    clock.advance(HOUR)
    office.sync(mailbox)
    assert subjects(office.card("rep", "who")) == ["Letter 2", "Letter 1"]
    assert not late(office, "who")


def imported(office: Office, first: int, last: int) -> None:
    """An import of contacts, one event each; STRANGER is among them."""
    for number in range(first, last):
        stranger_comes(office, f"contact{number}@else.example", f"c{number}")
    stranger_comes(office)


def passes(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Gets the name of each metric of passes that is counted."""
    counted: list[str] = []
    count = runtime.count

    def noted(name: str, value: float = 1) -> None:
        if name in ("PassesDone", "AddressesSearched"):
            counted.append(name)
        count(name, value)

    monkeypatch.setattr(runtime, "count", noted)
    return counted


def test_an_import_is_one_pass_after_its_end_and_no_search(
    office: Office,
    mailbox: Mailbox,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailmirror.domain.passes._MOST_SEARCHED", 10)
    monkeypatch.setattr("mailmirror.domain.passes._FEW_ADDRESSES", 10)
    counted = passes(runtime, monkeypatch)
    for part in range(3):
        imported(office, 20 * part, 20 * part + 20)
        clock.advance(timedelta(minutes=5))
        office.sync(mailbox)
    assert counted == []
    clock.advance(timedelta(minutes=5))
    office.sync(mailbox)
    assert counted == ["PassesDone"]
    assert subjects(office.card("rep", "who")) == ["Letter 2", "Letter 1"]
    assert not late(office, "who")


@pytest.mark.parametrize("seed", range(3))
def test_an_address_that_comes_and_goes_a_hundred_times_in_a_minute_is_one_pass(
    seed: int,
    office: Office,
    mailbox: Mailbox,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given and taken by turns, told in any order and partly twice; the latest event gives it."""
    counted = passes(runtime, monkeypatch)
    at = runtime.now() - timedelta(minutes=2)
    told = [(n, [STRANGER] if n % 2 else []) for n in range(100)]
    order = [*told, *told[::7]]
    random.Random(seed).shuffle(order)
    head = runtime.change_log.head(office.account)
    for n, emails in order:
        raw = {
            "id": f"g{n:03}",
            "type": "contact.upserted",
            "occurred_at": (at + n * timedelta(milliseconds=500)).isoformat(),
            "data": {"id": "who", "name": "Who", "emails": emails},
        }
        apply_event(FeedJob(office.account, raw), runtime)
    numbers = [n for n, _ in order]
    latest = {max(numbers[: end + 1]) for end in range(len(numbers))}
    # A line at most for each event that was the latest when it came, and none for the others.
    assert 0 < runtime.change_log.head(office.account) - head <= len(latest)
    person = PersonRef(PersonKind.CONTACT, "who")
    stored = runtime.people.find(office.account, person)
    assert stored is not None
    assert stored.emails == {STRANGER}
    for _ in range(3):
        office.sync(mailbox)
        clock.advance(HOUR / 2)
    office.sync(mailbox)
    assert counted.count("PassesDone") == 1
    assert subjects(office.card("rep", "who")) == ["Letter 2", "Letter 1"]
    assert not late(office, "who")


def test_single_persons_wait_together_for_an_hour(
    office: Office,
    mailbox: Mailbox,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = passes(runtime, monkeypatch)
    for number in range(6):
        stranger_comes(office, f"contact{number}@else.example", f"c{number}")
        office.sync(mailbox)
        clock.advance(timedelta(minutes=10))
    office.sync(mailbox)
    assert counted.count("PassesDone") == 1
    assert 3 <= counted.count("AddressesSearched") <= 4  # at most each quarter of an hour


def test_a_person_that_comes_between_two_searches_is_searched_for_by_the_second(
    office: Office, mailbox: Mailbox, runtime: Runtime, clock: Clock
) -> None:
    stranger_comes(office, "other@else.example", "other")
    office.sync(mailbox)
    clock.advance(timedelta(minutes=5))
    stranger_comes(office)
    office.sync(mailbox)
    assert office.card("rep", "who") == []
    clock.advance(timedelta(minutes=10))
    poll(runtime, mailbox)
    assert syncs(runtime) == [mailbox.key.mailbox]
    office.sync(mailbox)
    assert subjects(office.card("rep", "who")) == ["Letter 2", "Letter 1"]


def test_a_poll_finds_persons_that_have_come_and_no_deal(
    office: Office, mailbox: Mailbox, runtime: Runtime, clock: Clock
) -> None:
    syncs(runtime)
    clock.advance(timedelta(minutes=1))
    office.tell("deal.upserted", id="d1", name="Deal", status="open", contact_ids=["kim"])
    poll(runtime, mailbox)
    assert syncs(runtime) == []
    stranger_comes(office)
    poll(runtime, mailbox)
    assert syncs(runtime) == [mailbox.key.mailbox]
    office.sync(mailbox)
    clock.advance(timedelta(minutes=2))
    poll(runtime, mailbox)
    assert syncs(runtime) == []
    clock.advance(HOUR)
    poll(runtime, mailbox)
    assert syncs(runtime) == [mailbox.key.mailbox]


def test_a_pass_that_takes_long_goes_on_where_it_stopped_and_new_mail_comes_first(
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Persons that come meanwhile do not begin it anew."""
    monkeypatch.setattr("mailmirror.usecases.sync.judge_again.HEADER_RANGE", 3)
    imap_server.append_all(REP, "INBOX", [(letter(n, STRANGER), MARCH) for n in range(1, 13)])
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    monkeypatch.setattr("mailmirror.mail.imap.session.search_addresses", lambda *_: UidSet())
    stranger_comes(office)
    office.sync(mailbox)
    clock.advance(HOUR)
    mirrored = []
    for job in range(8):
        stranger_comes(office, f"contact{job}@else.example", f"c{job}")
        imap_server.append(REP, "INBOX", letter(100 + job), MARCH)
        with one_batch_a_job(monkeypatch):
            office.sync(mailbox)
        assert len(office.card("rep", "kim")) == job + 1
        mirrored.append(len(office.card("rep", "who")))
    assert mirrored[:4] == [3, 6, 9, 12]
    assert not late(office, "who")


@contextmanager
def one_batch_a_job(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the time of a pass be over after its first batch."""
    judge, calls = JudgeAgain._judge, count()

    def judged(again: JudgeAgain, *args: Any) -> None:
        if next(calls):
            raise OutOfTime
        judge(again, *args)

    with monkeypatch.context() as patch:
        patch.setattr(JudgeAgain, "_judge", judged)
        yield


def test_a_crash_at_any_write_of_a_pass_loses_and_doubles_nothing(
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailmirror.usecases.sync.judge_again.HEADER_RANGE", 2)
    monkeypatch.setattr("mailmirror.mail.imap.session.search_addresses", lambda *_: UidSet())
    office.tell("deal.upserted", id="d1", name="Deal", status="open", contact_ids=["who"])
    for n in range(1, 6):
        imap_server.append(
            REP, "INBOX", letter(n, STRANGER, replies_to=[1] if n > 1 else []), MARCH
        )
        imap_server.append(REP, "INBOX", letter(100 + n, "other@else.example"), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    stranger_comes(office)
    office.sync(mailbox)
    clock.advance(HOUR)
    crashes = 0
    for number in count(1):
        with suppress(Killed), before_write(runtime, number, lambda: None, then_die=True) as died:
            office.sync(mailbox)
        if not died:
            break
        crashes += 1
        clock.advance(timedelta(seconds=91))
    assert crashes > 10
    assert subjects(office.card("rep", "who")) == [f"Letter {n}" for n in range(5, 0, -1)]
    assert subjects(office.deal("rep", "d1")) == [f"Letter {n}" for n in range(5, 0, -1)]
    assert office.counts(mailbox)["INBOX"] == {"mirrored": 5, "no_person": 5}
    assert not late(office, "who")


@contextmanager
def refused_to_open(name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the server list a folder and refuse EXAMINE."""
    examine = ImapSession.examine

    def refusing(session: ImapSession, folder: FolderChoice) -> Status:
        if folder.name == name:
            raise Refused(Code.FOLDER_REFUSED)
        return examine(session, folder)

    with monkeypatch.context() as patch:
        patch.setattr(ImapSession, "examine", refusing)
        yield


def test_a_folder_that_fails_during_a_pass_is_judged_again_when_it_can_be_read(
    office: Office,
    imap_server: MailboxServer,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imap_server.create(REP, "Filed")
    imap_server.append(REP, "Filed", letter(1, STRANGER), MARCH)
    imap_server.append(REP, "INBOX", letter(2, STRANGER), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    stranger_comes(office)
    clock.advance(HOUR)
    with refused_to_open(imap_server.named("Filed"), monkeypatch):
        imap_server.append(REP, "Filed", letter(3), MARCH)
        office.sync(mailbox)
        assert subjects(office.card("rep", "who")) == ["Letter 2"]
    clock.advance(HOUR)
    office.sync(mailbox)
    assert subjects(office.card("rep", "who")) == ["Letter 2", "Letter 1"]
    assert subjects(office.card("rep", "kim")) == ["Letter 3"]


def test_a_folder_that_is_not_read_during_a_pass_is_judged_again_when_it_is_chosen(
    office: Office, imap_server: MailboxServer, runtime: Runtime, clock: Clock
) -> None:
    imap_server.create(REP, "Filed")
    imap_server.append(REP, "Filed", letter(1, STRANGER), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    narrow = replace(mailbox, folders=FolderScope.INBOX_AND_SENT)
    runtime.mailboxes.set_folders(narrow)
    office.sync(mailbox)
    stranger_comes(office)
    clock.advance(HOUR)
    office.sync(mailbox)
    assert office.card("rep", "who") == []
    runtime.mailboxes.set_folders(mailbox)
    office.sync(mailbox)
    assert subjects(office.card("rep", "who")) == ["Letter 1"]


def test_a_copy_that_the_server_hides_during_a_pass_is_judged_when_it_is_listed_again(
    office: Office,
    mailbox: Mailbox,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hidden = UidSet.of([1])
    stranger_comes(office)
    clock.advance(HOUR)
    with monkeypatch.context() as patch:
        hide(patch, hidden)
        office.sync(mailbox)
    assert removed(mailbox, runtime) == hidden
    assert subjects(office.card("rep", "who")) == ["Letter 2"]
    office.sync(mailbox)
    assert not removed(mailbox, runtime)
    assert subjects(office.card("rep", "who")) == ["Letter 2", "Letter 1"]


def hide(patch: pytest.MonkeyPatch, uids: UidSet) -> None:
    """Have the Inbox of the server lack some UIDs."""
    listed, examine, statuses = ImapSession.listed, ImapSession.examine, ImapSession.statuses

    def without(status: Status | None) -> Status | None:
        return status and replace(status, messages=status.messages - len(uids))

    def fewer(session: ImapSession, folder: FolderChoice) -> Status | None:
        status = examine(session, folder)
        return without(status) if folder.name == "INBOX" else status

    def told(session: ImapSession, folders: Sequence[FolderChoice]) -> dict[str, Status | None]:
        found = dict(statuses(session, folders))
        return {**found, "INBOX": without(found["INBOX"])}

    patch.setattr(ImapSession, "listed", lambda *args: listed(*args) - uids)
    patch.setattr(ImapSession, "examine", fewer)
    patch.setattr(ImapSession, "statuses", told)


def removed(mailbox: Mailbox, runtime: Runtime) -> UidSet:
    (inbox,) = (one for one in read_ledger(mailbox, runtime) if one.folder.name == "INBOX")
    return inbox.ledger.removed


def test_a_person_that_comes_during_the_first_sync_gets_the_mail_that_was_judged_before(
    office: Office, imap_server: MailboxServer, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.domain.batches.HEADER_RANGE", 2)
    imap_server.append_all(REP, "INBOX", [(letter(n, STRANGER), MARCH) for n in range(1, 9)])
    mailbox = office.connect(imap_server, "rep", REP)
    first_syncs(runtime)
    with before_write(runtime, 5, lambda: stranger_comes(office)) as came:
        office.sync(mailbox)
    assert came
    assert first_syncs(runtime) == [mailbox.key.mailbox]
    assert late(office, "who")
    assert len(office.card("rep", "who")) < 8
    office.sync(mailbox)
    assert len(office.card("rep", "who")) == 8


def test_what_the_server_does_not_return_in_a_pass_is_asked_for_again(
    office: Office, mailbox: Mailbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = ImapSession.headers

    def lacking(session: ImapSession, uids: UidSet, now: datetime) -> dict[int, FetchedHeader]:
        found = dict(headers(session, uids, now))
        found.pop(1, None)
        return found

    stranger_comes(office)
    clock.advance(HOUR)
    with monkeypatch.context() as patch:
        patch.setattr(ImapSession, "headers", lacking)
        office.sync(mailbox)
    assert office.counts(mailbox)["INBOX"] == {"mirrored": 1, "pending": 1}
    clock.advance(HOUR)
    office.sync(mailbox)
    assert subjects(office.card("rep", "who")) == ["Letter 2", "Letter 1"]


def test_a_user_who_leaves_the_team_and_is_a_contact_gets_the_internal_mail(
    office: Office, imap_server: MailboxServer, clock: Clock
) -> None:
    imap_server.append(REP, "INBOX", letter(1, BOSS), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert office.counts(mailbox)["INBOX"] == {"internal": 1}
    office.tell("contact.upserted", id="boss", name="Boss", emails=[BOSS])
    clock.advance(HOUR)
    office.sync(mailbox)
    assert office.counts(mailbox)["INBOX"] == {"internal": 1}
    office.tell("user.upserted", id="boss", name="Boss", emails=[], at=MARCH)
    assert late(office, "boss")
    clock.advance(HOUR)
    office.sync(mailbox)
    assert subjects(office.card("rep", "boss")) == ["Letter 1"]
    assert not late(office, "boss")


@pytest.mark.parametrize("leaves_first", [False, True])
def test_mail_that_a_user_took_part_in_is_on_their_card_once_they_are_a_contact(
    office: Office,
    imap_server: MailboxServer,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    *,
    leaves_first: bool,
) -> None:
    """It was mirrored for another person, and is not read again."""
    monkeypatch.setattr("mailmirror.usecases.sync.index_leavers._BATCH", 1)
    for number in (1, 2):
        imap_server.append(REP, "INBOX", letter(number, KIM, [REP, BOSS]), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    if leaves_first:
        office.tell("user.upserted", id="boss", name="Boss", emails=[], at=MARCH)
        clock.advance(HOUR)
        office.sync(mailbox)
    office.tell("contact.upserted", id="boss", name="Boss", emails=[BOSS])
    office.tell("deal.upserted", id="d1", name="Deal", status="open", contact_ids=["boss"])
    if not leaves_first:
        office.tell("user.upserted", id="boss", name="Boss", emails=[], at=MARCH)
        assert office.card("rep", "boss") == []
        assert late(office, "boss")
    clock.advance(HOUR)
    office.sync(mailbox)
    office.match_again()
    assert subjects(office.card("rep", "boss")) == ["Letter 2", "Letter 1"]
    assert subjects(office.deal("rep", "d1")) == ["Letter 2", "Letter 1"]


def test_a_search_that_the_server_refuses_fails_nothing(
    office: Office, mailbox: Mailbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> UidSet:
        raise IMAPClientError("NO")

    monkeypatch.setattr("mailmirror.mail.imap.session.search_addresses", refused)
    stranger_comes(office)
    office.sync(mailbox)
    assert late(office, "who")
    clock.advance(HOUR)
    office.sync(mailbox)
    assert subjects(office.card("rep", "who")) == ["Letter 2", "Letter 1"]


def test_a_folder_that_no_pass_can_open_causes_no_sync_after_the_other(
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server answers its STATUS, which has not changed, so that only the pass opens it."""
    imap_server.create(REP, "Filed")
    imap_server.append(REP, "Filed", letter(1, STRANGER), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    syncs(runtime)
    stranger_comes(office)
    clock.advance(HOUR)
    with refused_to_open(imap_server.named("Filed"), monkeypatch):
        for _ in range(3):
            office.sync(mailbox)
            assert syncs(runtime) == []
            found = runtime.due.find(mailbox)
            assert found is not None
            assert found.retry_at is not None
            assert found.retry_at > runtime.now()
    clock.advance(HOUR)
    office.sync(mailbox)
    assert subjects(office.card("rep", "who")) == ["Letter 1"]


@pytest.mark.parametrize("write", range(3, 11))
def test_a_pass_that_aws_interrupts_is_not_taken_for_the_one_that_is_begun_after_it(
    office: Office, imap_server: MailboxServer, runtime: Runtime, clock: Clock, write: int
) -> None:
    """A person comes at that moment: folders that the pass has been through lack their mail."""
    imap_server.create(REP, "Filed")
    other = "other@else.example"
    for number, folder in enumerate(("INBOX", "Filed"), start=1):
        imap_server.append(REP, folder, letter(number, STRANGER), MARCH)
        imap_server.append(REP, folder, letter(10 + number, other), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    stranger_comes(office)
    clock.advance(HOUR)

    def fail() -> None:
        stranger_comes(office, other, "other")
        raise ClientError({"Error": {"Code": "InternalServerError"}}, "PutItem")

    with before_write(runtime, write, fail) as failed:
        office.sync(mailbox)
    assert failed
    clock.advance(2 * HOUR)
    office.sync(mailbox)
    assert subjects(office.card("rep", "who")) == ["Letter 2", "Letter 1"]
    assert subjects(office.card("rep", "other")) == ["Letter 12", "Letter 11"]


def test_indexing_those_who_left_goes_on_where_it_stopped(
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailmirror.usecases.sync.index_leavers._BATCH", 2)
    for number in range(1, 8):
        imap_server.append(REP, "INBOX", letter(number, KIM, [REP, BOSS]), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    office.tell("user.upserted", id="boss", name="Boss", emails=[], at=MARCH)
    office.tell("contact.upserted", id="boss", name="Boss", emails=[BOSS])
    clock.advance(HOUR)
    shown = []
    for _ in range(6):
        with out_of_time_after_a_batch(monkeypatch):
            office.sync(mailbox)
        shown.append(len(office.card("rep", "boss")))
    assert shown == [2, 4, 6, 7, 7, 7]
    assert not late(office, "boss")


@contextmanager
def out_of_time_after_a_batch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    put, calls = index_leavers._put, count()

    def once(*args: Any) -> None:
        if next(calls):
            raise OutOfTime
        put(*args)

    with monkeypatch.context() as patch:
        patch.setattr(index_leavers, "_put", once)
        yield
