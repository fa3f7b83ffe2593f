"""Persons that come after their mail: the hint and the pass bring it in, from every mailbox."""

from datetime import timedelta

import pytest

from mailmirror.domain.coverage import Gap
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.uids import UidSet
from tests.integration.office import (
    KIM,
    MARCH,
    REP,
    STRANGER,
    Clock,
    Office,
    letter,
    subjects,
)
from tests.servers.mailbox_server import MailboxServer

HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=16)


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
