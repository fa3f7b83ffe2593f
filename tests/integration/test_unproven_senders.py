"""Anybody can write any From: what of the team's mail the team has sent, and what may be forged."""

from mailmirror.domain.mailbox import Mailbox
from mailmirror.runtime import Runtime
from mailmirror.usecases.cards.read_message import read_message
from tests.integration.office import BOSS, KIM, MARCH, REP, Office, letter
from tests.servers.mailbox_server import MailboxServer

UNPROVEN = "sender_unproven"


def warned(office: Office, user: str = "boss") -> list[str]:
    """The subjects on a user's card of KIM that have the warning."""
    return [
        line.summary.subject
        for line in office.card(user, "kim")
        if UNPROVEN in line.summary.warnings
    ]


def synced(office: Office, server: MailboxServer, user: str, email: str) -> Mailbox:
    mailbox = office.connect(server, user, email)
    office.sync(mailbox)
    return mailbox


def test_mail_from_the_team_that_no_sent_mail_has_is_doubtful(
    office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    imap_server.append(BOSS, "INBOX", letter(1, REP, [KIM, BOSS]), MARCH)
    imap_server.append(BOSS, "INBOX", letter(2, KIM, [BOSS]), MARCH)
    synced(office, imap_server, "boss", BOSS)
    assert warned(office) == ["Letter 1"]
    forged = office.card("boss", "kim")[1]
    assert forged.outgoing
    whole = read_message(office.viewer("boss"), forged.summary.message, runtime)
    assert UNPROVEN in whole.warnings


def test_a_copy_in_the_senders_sent_mail_proves_it_on_every_card(
    office: Office, imap_server: MailboxServer
) -> None:
    for email, folder in ((BOSS, "INBOX"), (REP, "Sent")):
        imap_server.append(email, folder, letter(1, REP, [KIM, BOSS]), MARCH)
    synced(office, imap_server, "boss", BOSS)
    assert warned(office) == ["Letter 1"]
    synced(office, imap_server, "rep", REP)
    assert warned(office) == warned(office, "rep") == []


def test_a_copy_in_an_inbox_proves_nothing(office: Office, imap_server: MailboxServer) -> None:
    for email in (BOSS, REP):
        imap_server.append(email, "INBOX", letter(1, REP, [KIM, BOSS, REP]), MARCH)
    synced(office, imap_server, "boss", BOSS)
    synced(office, imap_server, "rep", REP)
    assert warned(office) == warned(office, "rep") == ["Letter 1"]


def test_mail_to_oneself_lies_in_sent_mail_too(office: Office, imap_server: MailboxServer) -> None:
    received = b"Received: from us.example\r\n" + letter(1, REP, [KIM, REP])
    imap_server.append(REP, "INBOX", received, MARCH)
    imap_server.append(REP, "Sent", letter(1, REP, [KIM, REP]), MARCH)
    synced(office, imap_server, "rep", REP)
    assert len(office.card("rep", "kim")) == 1
    assert warned(office, "rep") == []


def test_mail_in_sent_mail_is_outgoing_under_whatever_from(
    office: Office, imap_server: MailboxServer
) -> None:
    imap_server.append(REP, "Sent", letter(1, "sales@us.example", [KIM]), MARCH)
    synced(office, imap_server, "rep", REP)
    (line,) = office.card("rep", "kim")
    assert line.outgoing
    assert warned(office, "rep") == []
