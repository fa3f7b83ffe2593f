"""Several contents of one message: none hides another, and a page costs what it costs without."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from itertools import permutations

import pytest

from mailmirror.api.cards import ListedMessage
from mailmirror.domain.address import Address
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.limits import MAX_VERSIONS
from mailmirror.domain.mailbox import (
    FolderRole,
    MailboxKey,
)
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.imap.fetched import FetchedCopy
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.usecases.cards.read_card import read_person_card
from mailmirror.usecases.cards.read_message import attachment_link, find_message, read_message
from tests.integration.copies import TODAY, Mailboxes
from tests.integration.office import KIM, LEE, MARCH, REP, STRANGER, letter
from tests.integration.stored_people import StoredPeople

MINUTE = timedelta(minutes=1)


@pytest.fixture
def office(runtime: Runtime, stored_people: StoredPeople) -> Mailboxes:
    runtime.now = lambda: TODAY
    return Mailboxes(runtime, stored_people)


@pytest.fixture
def mailbox(office: Mailboxes) -> MailboxKey:
    return office.open()


def version(
    uid: int,
    text: str = "Shall we talk?",
    *,
    dated: datetime | None = MARCH,
    to: Sequence[str] = (REP,),
    sender: str = KIM,
    file: bytes = b"",
) -> FetchedCopy:
    """A content of the message <1@mail.example>, received `uid` minutes after MARCH."""
    message = EmailMessage()
    message["Received"] = f"by mx.us.example with id {uid}"
    message["From"], message["To"], message["Subject"] = sender, ", ".join(to), f"Number {uid}"
    message["Message-ID"] = "<1@mail.example>"
    if dated is not None:
        message["Date"] = format_datetime(dated)
    message.set_content(f"{text}\n")
    if file:
        message.add_attachment(file, "application", "pdf", filename="offer.pdf")
    raw = message.as_bytes().replace(b"\n", b"\r\n")
    return FetchedCopy(uid, MARCH + uid * MINUTE, raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n", raw)


def sha256(copy: FetchedCopy) -> str:
    return hashlib.sha256(copy.raw).hexdigest()


def test_whoever_knows_a_message_id_hides_nobodys_mail(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    genuine = version(1, "The offer stands.", file=b"offer")
    forged = next(
        copy
        for n in range(1_000)
        if sha256(copy := version(2, f"Pay at once {n}", file=b"forged")) < sha256(genuine)
    )
    for copy in (genuine, forged):
        office.mirror(mailbox, [copy])
    line = office.line()
    assert (line.summary.snippet, line.instant) == ("The offer stands.", MARCH)
    assert [one.sha256 for one in line.versions] == [sha256(genuine), sha256(forged)]
    listed = ListedMessage.of(line)
    assert listed.version == sha256(genuine)
    assert [one.received_at - MARCH for one in listed.versions] == [MINUTE, 2 * MINUTE]
    assert [one.from_ and one.from_.address for one in listed.versions] == [KIM, KIM]
    viewer, id = office.viewer("rep"), line.summary.message
    shown = read_message(viewer, id, office.runtime)
    other = read_message(viewer, id, office.runtime, sha256(forged))
    assert shown.content.text.strip() == "The offer stands."
    assert other.content.text.startswith("Pay at once")
    assert other.line.versions == shown.line.versions == line.versions
    assert find_message(viewer, id, office.runtime, sha256(forged))[1] == forged.raw
    for file, chosen in ((b"offer", None), (b"forged", sha256(forged))):
        link = attachment_link(viewer, id, 0, office.runtime, chosen)
        assert hashlib.sha256(file).hexdigest() in link
    with pytest.raises(Refused) as refused:
        read_message(viewer, id, office.runtime, "0" * 64)
    assert refused.value.code is Code.NOT_FOUND


@pytest.mark.parametrize("whole_first", [False, True])
def test_headers_alone_are_no_version_where_the_copy_was_read_whole_at_another_time(
    office: Mailboxes, mailbox: MailboxKey, whole_first: bool
) -> None:
    office.tell("deal.upserted", id="d1", name="Deal", status="open", contact_ids=["kim"])
    whole = version(1)
    bare = replace(whole, uid=2).without_body()
    for copy in (whole, bare) if whole_first else (bare, whole):
        office.mirror(mailbox, [copy])
    for line in (office.line(), *office.deal("rep", "d1")):
        listed = ListedMessage.of(line)
        assert (listed.version, listed.warnings) == (sha256(whole), [])
        assert (listed.versions, listed.further_versions) == ([], 0)
    message = read_message(office.viewer("rep"), line.summary.message, office.runtime)
    assert message.content.text.strip() == "Shall we talk?"


@pytest.mark.parametrize(
    "other", [version(2), version(1, sender=STRANGER), version(1, to=[REP, LEE])]
)
def test_headers_alone_are_a_version_beside_another_copys_content(
    office: Mailboxes, mailbox: MailboxKey, other: FetchedCopy
) -> None:
    bare = version(1).without_body()
    for copy in (replace(other, uid=2), bare):
        office.mirror(mailbox, [copy])
    assert {one.sha256 for one in office.line().versions} == {sha256(other), sha256(bare)}


def test_a_message_with_one_content_names_no_versions(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    office.mirror(mailbox, [version(1)])
    office.mirror(mailbox, [version(1)], FolderRole.SENT)
    listed = ListedMessage.of(office.line())
    assert listed.version == sha256(version(1))
    assert (listed.versions, listed.further_versions) == ([], 0)


COPIES = (
    version(1, "Hello\nShall we talk?\n-- \nthe list's footer"),
    version(2, "Hello\nShall we talk?"),
    version(3, "Hello\nSend money."),
)


@pytest.mark.parametrize("batched", [False, True])
def test_the_order_of_arrival_changes_nothing(runtime: Runtime, batched: bool) -> None:
    runtime.now = lambda: TODAY
    seen = set()
    for order in permutations(COPIES):
        office = Mailboxes(runtime)
        mailbox = office.open()
        for some in [order] if batched else [[copy] for copy in order]:
            office.mirror(mailbox, some)
        line = office.line()
        seen.add(
            (
                line.summary.sha256,
                tuple((one.sha256, one.extends, one.others) for one in line.versions),
            )
        )
    ((shown, versions),) = seen
    assert shown == sha256(COPIES[1])
    assert [extends for _, extends, _ in versions] == [{shown}, set(), set()]


def test_mail_that_is_merged_under_one_message_id_is_each_ones_own_on_their_card(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    mine = version(1, "Dear Kim", sender=REP, to=[KIM])
    office.mirror(mailbox, [mine, version(2, "Dear Lee", sender=REP, to=[LEE])], FolderRole.SENT)
    assert office.line("kim").summary.snippet == "Dear Kim"
    assert office.line("lee").summary.snippet == "Dear Lee"
    assert office.line("kim").versions == office.line("lee").versions
    assert len(office.line("kim").versions) == 2


def contents(office: Mailboxes, key: MailboxKey) -> list[tuple[str, bool]]:
    """What is stored of the message: sort keys, and whether raw mail is there."""
    message = office.line().summary.message
    items = office.runtime.table.query(keys.message(key, message))
    return [(item[keys.SK], "raw" in item) for item in items]


def entries(office: Mailboxes, key: MailboxKey, address: str = KIM) -> int:
    timeline = keys.card_timeline(key, Address(address))
    return len(list(office.runtime.table.query(timeline)))


@pytest.mark.parametrize("batched", [False, True])
def test_a_forged_content_takes_a_message_off_no_deal(
    office: Mailboxes, mailbox: MailboxKey, batched: bool
) -> None:
    office.tell("deal.upserted", id="k", name="Kim's", status="open", contact_ids=["kim"])
    office.tell("deal.upserted", id="l", name="Lee's", status="open", contact_ids=["lee"])
    genuine, forged = version(1), version(2, "Pay at once.", sender=STRANGER, to=[REP, LEE])
    again = version(3, "Pay now.", to=[REP, LEE])
    batches = [[genuine, forged, again]] if batched else [[genuine], [forged], [again]]
    for batch in batches:
        office.mirror(mailbox, batch)
    assert [line.summary.snippet for line in office.deal("rep", "k")] == ["Shall we talk?"]


@pytest.mark.parametrize("dated", [MARCH, None, MARCH + timedelta(days=20_000)])
@pytest.mark.parametrize("newest_first", [False, True])
def test_eight_are_kept_with_the_first_and_more_are_counted(
    office: Mailboxes, mailbox: MailboxKey, newest_first: bool, dated: datetime | None
) -> None:
    """However many are sent, in whatever order they are read, on deals too."""
    office.tell("deal.upserted", id="d1", name="Deal", status="open", contact_ids=["kim"])
    copies = [version(uid, f"Number {uid}, said otherwise", dated=dated) for uid in range(1, 15)]
    for copy in copies[::-1] if newest_first else copies:
        office.mirror(mailbox, [copy])
    for shown in (office.line(), *office.deal("rep", "d1")):
        assert shown.summary.subject == "Number 1"
        assert shown.instant == (MARCH if dated == MARCH else MARCH + MINUTE)
        assert [one.subject for one in shown.versions] == [f"Number {n}" for n in range(1, 9)]
        assert shown.further_versions == 6
    stored = contents(office, mailbox)
    assert len([sk for sk, _ in stored if sk.startswith("content#")]) == MAX_VERSIONS
    assert [with_raw for _, with_raw in stored].count(True) == MAX_VERSIONS
    office.mirror(mailbox, copies[::-1] if newest_first else copies)
    assert contents(office, mailbox) == stored
    assert office.line().further_versions == 6


@pytest.mark.parametrize("newest_first", [False, True])
def test_whoever_takes_part_in_a_further_version_alone_has_the_message_on_their_card(
    office: Mailboxes, mailbox: MailboxKey, newest_first: bool
) -> None:
    copies = [version(uid, f"Number {uid}", to=[REP, KIM]) for uid in range(1, 9)]
    copies.append(version(9, "Dear Lee", to=[LEE], sender=REP))
    for copy in copies[::-1] if newest_first else copies:
        office.mirror(mailbox, [copy])
    assert office.line("lee").summary.subject == "Number 1"
    assert office.line("lee").further_versions == 1
    assert entries(office, mailbox, LEE) == 1


@pytest.mark.exceeds("MAX_VERSIONS")
def test_the_cards_of_all_versions_stay_bounded(office: Mailboxes, mailbox: MailboxKey) -> None:
    for newest in range(40, 0, -8):
        office.mirror(
            mailbox, [version(uid, f"Number {uid}") for uid in range(newest, newest - 8, -1)]
        )
    office.mirror(mailbox, [version(uid, f"Number {uid}") for uid in range(41, 60)])
    assert office.line().further_versions == 51
    assert entries(office, mailbox) <= MAX_VERSIONS + 1


@pytest.mark.exceeds("MAX_COUNTED_VERSIONS")
def test_further_versions_are_counted_up_to_the_limit(
    office: Mailboxes, mailbox: MailboxKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.store.contents.MAX_COUNTED_VERSIONS", 3)
    for first in (1, 11, 21):
        office.mirror(mailbox, [version(uid, f"Number {uid}") for uid in range(first, first + 10)])
    line = office.line()
    assert len(line.versions) == MAX_VERSIONS
    assert line.further_versions == 3


def letters_dated(at: datetime, uids: range) -> list[FetchedCopy]:
    """Messages of their own, received a minute after each other."""
    return [
        FetchedCopy(uid, MARCH + uid * MINUTE, raw.partition(b"\n\n")[0] + b"\n\n", raw)
        for uid in uids
        for raw in [letter(uid, at=at)]
    ]


def test_a_page_costs_the_same_whatever_dates_strangers_write(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    def page_cost() -> float:
        before = office.runtime.table.meter.read_units
        person = PersonRef(PersonKind.CONTACT, "kim")
        page = read_person_card(office.viewer("rep"), person, None, 10, office.runtime)
        assert len(page.lines) == 10
        return office.runtime.table.meter.read_units - before

    office.mirror(mailbox, letters_dated(MARCH, range(1, 31)))
    page_cost()  # the process reads the team, and remembers it
    cost = page_cost()
    office.mirror(mailbox, letters_dated(MARCH + timedelta(days=27_000), range(31, 231)))
    assert page_cost() == cost


def test_an_erasure_finds_every_version_and_what_was_written_for_further_ones(
    office: Mailboxes, mailbox: MailboxKey
) -> None:
    copies = [version(uid, f"Number {uid}", to=[REP, LEE], dated=None) for uid in range(20, 0, -1)]
    for copy in copies:
        office.mirror(mailbox, [copy])
    found = office.runtime.contents.copies(mailbox, 1_000)
    office.runtime.threads.erase(one.entry for one in found)
    for entry in (one.entry for one in found):
        office.runtime.timelines.erase(entry, [])
        office.runtime.contents.erase(mailbox, entry.message)
    office.runtime.contents.erase_copies((one.place, one.entry) for one in found)
    left = office.runtime._client("dynamodb").scan(TableName=office.runtime.settings.table)["Items"]
    traces = [item["pk"]["S"] for item in left if mailbox.mailbox in item["pk"]["S"]]
    assert [pk for pk in traces if "mailbox#" not in pk] == []
