"""A card is complete only where nothing has been left out, and says why where it is not."""

from datetime import timedelta
from typing import Any

import pytest

from mailmirror.aws.queues import PollJob
from mailmirror.domain.address import Address
from mailmirror.domain.coverage import Gap
from mailmirror.domain.deals import DealId
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.mailbox import MailboxState
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime
from mailmirror.usecases.cards.read_card import Page, read_deal_card, read_person_card
from mailmirror.usecases.mailboxes.change_mailbox import disconnect, erase
from mailmirror.usecases.mailboxes.read_mailbox import read_mailbox
from mailmirror.usecases.sync.poll_mailboxes import poll_mailboxes
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
from tests.servers.dovecot import Dovecot
from tests.servers.mailbox_server import MailboxServer


def card(office: Office, contact: str) -> Page:
    person = PersonRef(PersonKind.CONTACT, contact)
    return read_person_card(office.viewer("rep"), person, None, 50, office.runtime)


def deal(office: Office, id: str, cursor: str | None = None, limit: int = 50) -> Page:
    return read_deal_card(office.viewer("rep"), DealId(id), cursor, limit, office.runtime)


def test_a_synced_mailbox_makes_the_cards_of_whom_it_was_judged_for_complete(
    office: Office, imap_server: MailboxServer
) -> None:
    office.tell("deal.upserted", id="d1", name="Deal", status="open", contact_ids=["kim"])
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    office.sync(office.connect(imap_server, "rep", REP))
    assert card(office, "kim").coverage.complete
    office.match_again()
    assert deal(office, "d1").coverage.complete


@pytest.mark.parametrize("kind", ["card", "deal"])
def test_a_sync_that_ends_while_a_page_is_read_makes_the_page_no_complete_one(
    office: Office, imap_server: MailboxServer, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    office.tell("deal.upserted", id="d1", name="Deal", status="open", contact_ids=["kim"])
    office.match_again()
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.match_again()
    read = getattr(office.runtime.timelines, kind)

    def overtaken(*args: Any, **options: Any) -> Any:
        hits = read(*args, **options)
        office.sync(mailbox)
        return hits

    with monkeypatch.context() as patch:
        patch.setattr(office.runtime.timelines, kind, overtaken)
        page = card(office, "kim") if kind == "card" else deal(office, "d1")
    assert not page.lines
    assert not page.coverage.complete
    page = card(office, "kim") if kind == "card" else deal(office, "d1")
    assert subjects(page.lines) == ["Letter 1"]
    assert page.coverage.complete


def test_addresses_and_contacts_that_cannot_be_read_make_their_own_card_incomplete(
    office: Office, dovecot: Dovecot
) -> None:
    office.tell("contact.upserted", id="typo", name="T", emails=[STRANGER, "typo@customer,example"])
    office.tell("contact.upserted", id="phone", name="P", emails=["p@x.example", "+49 555", ""])
    office.tell("deal.upserted", id="d1", name="D", status="open", contact_ids=["kim", "a b"])
    office.tell("deal.upserted", id="d2", name="D", status="open", contact_ids=["kim"])
    office.sync(office.connect(dovecot, "rep", REP))
    office.match_again()
    for coverage in (card(office, "typo").coverage, deal(office, "d1").coverage):
        assert (coverage.cause, coverage.unread) == (Gap.ENTRIES_UNREAD, 1)
    for page in (card(office, "phone"), card(office, "kim"), deal(office, "d2")):
        assert page.coverage.complete
    office.tell("contact.upserted", id="typo", name="T", emails=[STRANGER])
    assert card(office, "typo").coverage.complete


def test_a_person_or_a_deal_that_comes_late_has_an_incomplete_card(
    office: Office, imap_server: MailboxServer
) -> None:
    imap_server.append(REP, "INBOX", letter(1, STRANGER), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    office.tell("contact.upserted", id="who", name="Who", emails=[STRANGER])
    office.tell("deal.upserted", id="late", name="Late", status="open", contact_ids=["who"])
    office.tell("deal.upserted", id="known", name="Known", status="open", contact_ids=["kim"])
    office.sync(mailbox)
    for page in (card(office, "who"), deal(office, "late")):
        (coverage,) = page.coverage.mailboxes
        assert coverage.gap is Gap.LATE_FACTS
    assert card(office, "kim").coverage.complete
    assert deal(office, "known").coverage.gap is Gap.MATCHES_PENDING
    office.match_again()
    assert deal(office, "known").coverage.complete


def test_a_new_name_of_a_person_takes_nothing_away(
    office: Office, imap_server: MailboxServer
) -> None:
    office.sync(office.connect(imap_server, "rep", REP))
    office.tell("contact.upserted", MARCH, id="kim", name="Kim Larsen", emails=[KIM])
    assert card(office, "kim").coverage.complete


def test_a_folder_of_sent_mail_that_is_gone_makes_the_mailbox_incomplete(
    runtime: Runtime, clock: Clock
) -> None:
    with Dovecot({REP: "secret"}, folders=()) as server:
        runtime.network_policy = loopback(server.authority)
        office = Office(runtime)
        server.create(REP, "Sent")
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        assert read_mailbox(office.account, mailbox.key.mailbox, runtime).state is (
            MailboxState.HEALTHY
        )
        with server.session(REP) as client:
            client.delete_folder("Sent")
        office.sync(mailbox)
        report = read_mailbox(office.account, mailbox.key.mailbox, runtime)
        assert (report.state, report.problem) == (MailboxState.INCOMPLETE, Code.SENT_NOT_FOUND)


def test_a_poll_that_fails_for_a_reason_of_ours_is_reported_until_one_succeeds(
    office: Office, imap_server: MailboxServer, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)

    def defect(*_: object) -> None:
        raise RuntimeError("no key")

    with monkeypatch.context() as patch:
        patch.setattr(runtime.credentials, "get", defect)
        poll_mailboxes(PollJob([mailbox.key], runtime.now()), runtime)
    report = read_mailbox(office.account, mailbox.key.mailbox, runtime)
    assert (report.state, report.problem) == (MailboxState.FAILING, Code.INTERNAL_ERROR)
    poll_mailboxes(PollJob([mailbox.key], runtime.now()), runtime)
    report = read_mailbox(office.account, mailbox.key.mailbox, runtime)
    assert (report.state, report.problem) == (MailboxState.HEALTHY, None)


def test_a_failure_of_an_earlier_connection_says_nothing_of_the_present_one(
    office: Office, imap_server: MailboxServer, runtime: Runtime, clock: Clock
) -> None:
    before = office.connect(imap_server, "rep", REP)
    clock.advance(timedelta(seconds=1))
    office.connect(imap_server, "rep", REP)
    runtime.due.failed(before, 0, Refused(Code.SIGN_IN_FAILED), runtime.now())
    entry = runtime.due.find(before)
    assert entry is not None
    assert entry.due.error is None


def test_a_disconnected_mailbox_keeps_the_time_of_its_last_success(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    disconnect(office.account, mailbox.key.mailbox, runtime)
    assert read_mailbox(office.account, mailbox.key.mailbox, runtime).last_success_at is None
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    before = read_mailbox(office.account, mailbox.key.mailbox, runtime).last_success_at
    assert before is not None
    disconnect(office.account, mailbox.key.mailbox, runtime)
    assert read_mailbox(office.account, mailbox.key.mailbox, runtime).last_success_at == before
    (covered,) = card(office, "kim").coverage.mailboxes
    assert (covered.as_of, covered.gap) == (before, Gap.DISCONNECTED)


def test_an_erasure_cannot_be_turned_into_a_disconnection(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    mailbox = office.connect(imap_server, "rep", REP)
    erase(office.account, mailbox.owner, mailbox.key.mailbox, runtime)
    with pytest.raises(Refused, match="mailbox_busy"):
        disconnect(office.account, mailbox.key.mailbox, runtime)


def test_a_thread_that_joins_another_keeps_its_deal_though_the_sync_dies_there(
    office: Office, imap_server: MailboxServer, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.tell("deal.upserted", id="k", name="Kim's", status="open", contact_ids=["kim"])
    office.tell("deal.upserted", id="l", name="Lee's", status="open", contact_ids=["lee"])
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    imap_server.append(REP, "INBOX", letter(2, "lee@customer.example"), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    imap_server.append(REP, "INBOX", letter(3, replies_to=[1, 2]), MARCH)

    class Death(BaseException):
        pass

    def die(*_: object) -> None:
        raise Death

    monkeypatch.setattr(runtime.contents, "put", die)
    with pytest.raises(Death):
        office.sync(mailbox)
    assert "Letter 1" in subjects(office.deal("rep", "k"))
    assert "Letter 2" in subjects(office.deal("rep", "l"))


def test_a_page_of_a_deal_is_filled_though_entries_are_passed_over(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    office.tell("deal.upserted", id="d", name="Deal", status="open", contact_ids=["kim"])
    for n in range(1, 7):
        sender = KIM if n < 4 else "lee@customer.example"
        imap_server.append(REP, "INBOX", letter(n, sender), MARCH)
    office.sync(office.connect(imap_server, "rep", REP))
    # What a sync that died had filed on a deal that its thread is not on.
    for line in office.card("rep", "lee"):
        entries = runtime.threads.entries(office.account, [line.thread])
        wanted = [(entry, {DealId("d")}, set[Address]()) for entry in entries]
        runtime.timelines.index_on_deals(wanted, runtime.now())
    first = deal(office, "d", limit=2)
    assert [line.summary.subject for line in first.lines] == ["Letter 3", "Letter 2"]
    second = deal(office, "d", first.next_cursor, limit=2)
    assert [line.summary.subject for line in second.lines] == ["Letter 1"]
    assert second.next_cursor is None
