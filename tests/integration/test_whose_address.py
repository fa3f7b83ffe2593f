"""Whose an address is: nobody takes a customer's or a colleague's by connecting it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from mailmirror.api.decoding import typed
from mailmirror.api.mailbox_settings import ConnectBody
from mailmirror.api.mailboxes import Mailbox as MailboxAnswer
from mailmirror.domain.address import Address
from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.mailbox import Mailbox, Provider, Security, Server
from mailmirror.domain.outbound import OutboundState
from mailmirror.domain.ownership import Claims, Proof, proof_of
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.words.explanation import Language
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.change_mailbox import disconnect
from mailmirror.usecases.mailboxes.connect_mailbox import ConnectRequest, connect_mailbox
from mailmirror.usecases.mailboxes.read_mailbox import MailboxReport, read_mailbox
from mailmirror.usecases.sending.accept_message import accept_message
from tests.integration.office import BOSS, KIM, MARCH, REP, STRANGER, Office, letter, subjects
from tests.integration.sending import composed, deliver_job
from tests.servers.dovecot import Dovecot


def request(dovecot: Dovecot, email: str, user: str = "rep", login: str = REP) -> ConnectRequest:
    """A person's own server lets them in under whatever address they enter."""
    return typed(
        {
            "user_id": user,
            "email": email,
            "provider": "imap",
            "imap": {"host": "localhost", "port": dovecot.imaps_port, "security": "tls"},
            "username": login,
            "password": dovecot.users[login],
        },
        ConnectBody,
    ).request()


def connected(office: Office, wanted: ConnectRequest) -> Mailbox:
    id = connect_mailbox(office.account, wanted, office.runtime)
    mailbox = office.runtime.mailboxes.find(office.account, id, consistent=True)
    assert mailbox is not None
    return mailbox


def refused(office: Office, wanted: ConnectRequest) -> Code:
    with pytest.raises(Refused) as refusal:
        connect_mailbox(office.account, wanted, office.runtime)
    return refusal.value.code


def test_an_unproven_address_that_becomes_a_customers_hides_none_of_her_mail(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    connected(office, request(dovecot, STRANGER, "boss", BOSS))
    assert Address(STRANGER) in runtime.people.team(office.account).addresses
    office.tell("contact.upserted", id="who", name="Who", emails=[STRANGER])
    assert Address(STRANGER) not in runtime.people.team(office.account).addresses
    dovecot.append(REP, "INBOX", letter(1, STRANGER), MARCH)
    office.sync(office.connect(dovecot, "rep", REP))
    assert subjects(office.card("rep", "who")) == ["Letter 1"]


def test_a_proven_address_stays_the_teams_though_a_person_has_it(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    """Sales people enter themselves as contacts."""
    office.connect(dovecot, "rep", REP)
    office.tell("contact.upserted", id="self", name="Rep", emails=[REP])
    assert Address(REP) in runtime.people.team(office.account).addresses


def test_a_customers_address_is_refused_and_her_card_stays(
    office: Office, dovecot: Dovecot
) -> None:
    dovecot.append(REP, "INBOX", letter(1), MARCH)
    office.sync(office.connect(dovecot, "rep", REP))
    wanted = request(dovecot, KIM, "boss", BOSS)
    assert refused(office, wanted) is Code.ADDRESS_OF_PERSON
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]
    assert Address(KIM) not in office.runtime.people.team(office.account).addresses
    assert len(office.runtime.mailboxes.list_all(office.account)) == 1


def test_a_colleagues_address_is_refused(office: Office, dovecot: Dovecot) -> None:
    assert refused(office, request(dovecot, BOSS)) is Code.ADDRESS_OF_ANOTHER_USER
    assert office.connect(dovecot, "boss", BOSS).owner == "boss"


def test_what_the_crm_gives_to_a_user_is_theirs_even_where_a_person_has_it(
    office: Office, dovecot: Dovecot
) -> None:
    """Reps enter themselves as contacts."""
    office.tell("contact.upserted", id="me", name="Rep", emails=[REP])
    assert office.connect(dovecot, "rep", REP).email == REP


def report(office: Office, mailbox: Mailbox) -> MailboxReport:
    return read_mailbox(office.account, mailbox.key.mailbox, office.runtime)


def test_an_address_of_nobodys_is_connected_and_not_proven(
    office: Office, dovecot: Dovecot
) -> None:
    mailbox = connected(office, request(dovecot, STRANGER))
    told = MailboxAnswer.of(report(office, mailbox), Language.EN)
    assert told.address_proof is None
    own = office.connect(dovecot, "boss", BOSS)
    told = MailboxAnswer.of(report(office, own), Language.EN)
    assert told.address_proof == "crm"


def test_the_own_mailbox_is_connected_again_whatever_the_crm_has_said_since(
    office: Office, dovecot: Dovecot
) -> None:
    first = connected(office, request(dovecot, STRANGER))
    office.tell("contact.upserted", id="who", name="Who", emails=[STRANGER])
    disconnect(office.account, first.key.mailbox, office.runtime)
    assert connected(office, request(dovecot, STRANGER)).key == first.key


@pytest.mark.parametrize(
    ("type", "id", "code"),
    [
        ("contact.upserted", "who", Code.ADDRESS_OF_PERSON),
        ("lead.upserted", "who", Code.ADDRESS_OF_PERSON),
        ("user.upserted", "boss", Code.ADDRESS_OF_ANOTHER_USER),
    ],
)
def test_an_address_that_becomes_anothers_while_its_server_is_tried_is_refused(
    type: str,
    id: str,
    code: Code,
    office: Office,
    dovecot: Dovecot,
    runtime: Runtime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between the last look and the write: the write is conditional on the account's log."""
    connect = runtime.mailboxes.connect

    def late(mailbox: Mailbox, *args: Any, **options: Any) -> None:
        monkeypatch.setattr(runtime.mailboxes, "connect", connect)
        office.tell(type, id=id, name="Late", emails=[BOSS, STRANGER], at=runtime.now())
        connect(mailbox, *args, **options)

    monkeypatch.setattr(runtime.mailboxes, "connect", late)
    assert refused(office, request(dovecot, STRANGER)) is code
    assert runtime.mailboxes.list_all(office.account) == []


def test_ses_sends_only_from_a_proven_address(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    runtime.settings = replace(runtime.settings, ses_configuration_set="set")
    connected(office, request(dovecot, STRANGER))
    for transport in ("auto", "ses"):
        composition = composed(**{"from": STRANGER, "transport": transport})
        with pytest.raises(Refused) as refusal:
            accept_message(office.viewer("rep"), composition, None, runtime)
        assert refusal.value.code is Code.ADDRESS_UNPROVEN
    office.tell("user.upserted", id="rep", name="rep", emails=[STRANGER], at=runtime.now())
    sent = accept_message(office.viewer("rep"), composed(**{"from": STRANGER}), None, runtime)
    assert sent.transport == "ses"


def test_an_address_that_the_crm_takes_back_before_the_message_goes_is_not_sent_from(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    runtime.settings = replace(runtime.settings, ses_configuration_set="set")
    office.connect(dovecot, "rep", REP)
    outbound = accept_message(office.viewer("rep"), composed(), None, runtime)
    office.tell("user.upserted", id="rep", name="rep", emails=[], at=runtime.now())
    failed = deliver_job(outbound, runtime)
    assert failed.state is OutboundState.FAILED
    assert failed.recipients[0].code is DeliveryCode.SENDER_NOT_ALLOWED


@pytest.fixture
def example(office: Office, dovecot: Dovecot) -> Mailbox:
    return connected(office, request(dovecot, STRANGER))


@pytest.mark.parametrize(
    ("change", "proof"),
    [
        (lambda one: one, None),
        (lambda one: by_token(one, Provider.GOOGLE, STRANGER), Proof.PROVIDER),
        (lambda one: by_token(one, Provider.MICROSOFT, STRANGER), Proof.PROVIDER),
        (lambda one: by_token(one, Provider.MICROSOFT, REP), None),
        (lambda one: signed_in(one, "imap.gmail.com", STRANGER), Proof.PROVIDER),
        (lambda one: signed_in(one, "IMAP.Gmail.com", STRANGER.upper()), Proof.PROVIDER),
        (lambda one: signed_in(one, "outlook.office365.com", STRANGER), Proof.PROVIDER),
        (lambda one: signed_in(one, "imap.gmail.com", REP), None),
        (lambda one: signed_in(one, "imap.gmail.com.evil.example", STRANGER), None),
    ],
)
def test_a_sign_in_at_googles_or_microsofts_host_under_the_address_proves_it(
    change: Callable[[Mailbox], Mailbox], proof: Proof | None, example: Mailbox
) -> None:
    assert proof_of(change(example), Claims({})) is proof


def by_token(mailbox: Mailbox, provider: Provider, username: str) -> Mailbox:
    return replace(mailbox, provider=provider, username=username)


def signed_in(mailbox: Mailbox, host: str, username: str) -> Mailbox:
    return replace(mailbox, imap=Server(host, 993, Security.TLS), username=username)
