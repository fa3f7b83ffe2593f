"""An explain where the mailbox cannot be searched, and where another mailbox has the message."""

import pytest

from mailmirror.domain.mailbox import Mailbox
from mailmirror.runtime import Runtime
from mailmirror.store.credentials import Password
from mailmirror.usecases.mailboxes.change_mailbox import disconnect
from mailmirror.usecases.sending.read_outbound import cancel_outbound
from tests.integration.api_calls import Api
from tests.integration.explaining import cause, causes, explained, path
from tests.integration.office import BOSS, KIM, MARCH, REP, Office, letter, loopback
from tests.integration.sending import accept, connect_to_send, deliver_job
from tests.integration.test_containment import before
from tests.integration.test_settings import change
from tests.servers.dovecot import Dovecot
from tests.servers.mailbox_server import MailboxServer
from tests.servers.meddling import unchanged
from tests.servers.scripted_smtp import ScriptedSmtp


@pytest.fixture
def mailbox(office: Office, imap_server: MailboxServer) -> Mailbox:
    """REP's, with letter 1 of KIM's, mirrored."""
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    return mailbox


# The mailbox


@pytest.fixture
def refused(office: Office, mailbox: Mailbox) -> Mailbox:
    """REP's, of which the server refuses the stored password."""
    account = office.runtime.accounts.find(office.account)
    assert account is not None
    now = office.runtime.now()
    office.runtime.credentials.put(account, mailbox.key, Password("the former one"), now)
    return mailbox


def test_sign_in_needed_comes_first_and_what_is_stored_is_explained(
    api: Api, office: Office, refused: Mailbox, imap_server: MailboxServer
) -> None:
    imap_server.append(REP, "INBOX", letter(2), MARCH)
    found = explained(api, refused, 1)
    assert (causes(found), found["complete"]) == (["sign_in_needed", "shown"], False)
    assert found["messages"][0]["in_mailbox"] is None
    assert cause(found, "sign_in_needed")["error"]["code"] == "sign_in_failed"
    by_sender = api.get(path(refused), **{"from": KIM})
    assert [one["subject"] for one in by_sender["messages"]] == ["Letter 1"]
    assert causes(explained(api, refused, 2)) == ["sign_in_needed"]
    again = office.connect(imap_server, "rep", REP)
    assert causes(explained(api, again, 2)) == ["not_synced"]


def test_unreachable_what_is_stored_is_explained(
    api: Api, office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    with before(imap_server, runtime, unchanged) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
    found = explained(api, mailbox, 1)
    assert causes(found) == ["unreachable", "shown"]
    assert cause(found, "unreachable")["error"]["code"] == "connect_refused"
    imap_server.append(REP, "INBOX", letter(2), MARCH)
    assert causes(explained(api, mailbox, 2)) == ["unreachable"]
    runtime.network_policy = loopback(imap_server.authority)
    at_new_port = office.connect(imap_server, "rep", REP)
    assert causes(explained(api, at_new_port, 2)) == ["first_sync"]


def test_disconnected_what_is_kept_is_explained(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    imap_server.append(REP, "INBOX", letter(2), MARCH)
    disconnect(office.account, mailbox.key.mailbox, office.runtime)
    found = explained(api, mailbox, 1)
    assert (causes(found), found["complete"]) == (["disconnected", "shown"], False)
    assert causes(explained(api, mailbox, 2)) == ["disconnected"]
    office.sync(office.connect(imap_server, "rep", REP))
    assert causes(explained(api, mailbox, 2)) == ["shown"]


# A colleague's mailbox


@pytest.fixture
def colleagues(office: Office, mailbox: Mailbox, imap_server: MailboxServer) -> Mailbox:
    """BOSS's, with letter 5 of KIM's to BOSS and REP, mirrored."""
    imap_server.append(BOSS, "INBOX", letter(5, KIM, [BOSS, REP]), MARCH)
    colleagues = office.connect(imap_server, "boss", BOSS)
    office.sync(colleagues)
    return colleagues


def test_colleague_is_told_by_an_exact_message_id_alone_and_nothing_of_the_message_is(
    api: Api, mailbox: Mailbox, colleagues: Mailbox
) -> None:
    found = explained(api, mailbox, 5)
    assert causes(found) == ["colleague", "deleted_unread"]
    assert found["messages"] == []
    told = str(found)
    assert not any(word in told for word in (BOSS, KIM, "boss", "Letter 5"))
    for query in ({"from": KIM, "subject": "Letter 5"}, {"subject": "Letter 5"}):
        assert "colleague" not in causes(api.get(path(mailbox), **query))


@pytest.mark.parametrize("hidden", ["blocked", "no person"])
def test_colleague_is_not_told_of_what_no_card_of_theirs_shows(
    api: Api, office: Office, mailbox: Mailbox, colleagues: Mailbox, hidden: str
) -> None:
    if hidden == "blocked":
        api.ask("POST", "/v1/users/boss/blocks", "boss", body={"contact_id": "kim"})
        office.sync(colleagues)
    else:
        office.tell("contact.deleted", MARCH, id="kim")
    assert causes(explained(api, mailbox, 5)) == ["not_in_mailbox"]


def test_a_mailbox_of_another_user_is_not_found(
    api: Api, mailbox: Mailbox, colleagues: Mailbox
) -> None:
    for user, theirs in (("rep", colleagues), ("boss", mailbox)):
        query = {"message_id": "1@mail.example"}
        assert api.ask("GET", path(theirs), user, params=query)[0] == 404
        assert api.ask("POST", path(theirs), user, body={"headers": "Subject: x"})[0] == 404


def test_a_second_mailbox_of_the_same_user_shows_the_message(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    change(office, mailboxes_per_user=2)
    office.tell("user.upserted", MARCH, id="boss", name="boss", emails=[])
    office.tell("user.upserted", MARCH, id="rep", name="rep", emails=[REP, BOSS])
    imap_server.append(BOSS, "INBOX", letter(5), MARCH)
    office.sync(office.connect(imap_server, "rep", BOSS))
    assert causes(explained(api, mailbox, 5)) == ["shown"]


def test_what_is_being_sent_is_shown_and_what_was_cancelled_is_nowhere(
    api: Api, office: Office, dovecot: Dovecot
) -> None:
    with ScriptedSmtp({"RCPT": ["451 4.3.0 later"]}) as server:
        mailbox = connect_to_send(office, dovecot, server.port, server.authority, security="tls")
        sent = deliver_job(accept(office), office.runtime)
        found = api.get(path(mailbox), message_id=sent.message_id)
        assert (causes(found), found["messages"][0]["in_mailbox"]) == (["shown"], False)
        cancel_outbound(office.viewer("rep"), sent.id, office.runtime)
        found = api.get(path(mailbox), message_id=sent.message_id)
    assert (causes(found), found["messages"]) == (["not_in_mailbox"], [])
