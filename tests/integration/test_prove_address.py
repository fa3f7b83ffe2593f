"""An address that the CRM did not give is proven by a code that was sent there."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from mailmirror.api.addresses import AddressJob, ConfirmJob
from mailmirror.api.decoding import typed
from mailmirror.api.mailboxes import Mailbox as MailboxAnswer
from mailmirror.aws.queues import MatchJob
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.ownership import CODE_TRIES, CODES_AN_HOUR, Proof
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.settings import Setting
from mailmirror.domain.words.explanation import Language
from mailmirror.mail.mime.content import parse_message
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.change_mailbox import disconnect, erase
from mailmirror.usecases.mailboxes.prove_address import AddressRequest, confirm_code, send_code
from mailmirror.usecases.mailboxes.read_mailbox import read_mailbox
from mailmirror.usecases.operating.accounts import set_codes_mailbox
from mailmirror.usecases.operating.change_settings import change_settings
from tests.integration.office import BOSS, KIM, REP, STRANGER, Clock, Office
from tests.integration.sending import connect_to_send
from tests.integration.test_whose_address import connected, request
from tests.servers.dovecot import Dovecot
from tests.servers.scripted_smtp import Answers, Message, ScriptedSmtp

OTHER = "other@else.example"


def asked(address: str = STRANGER, user: str = "rep") -> AddressRequest:
    return typed({"user_id": user, "address": address}, AddressJob).request()


def answered(code: str, address: str = STRANGER, user: str = "rep") -> AddressRequest:
    fields = {"user_id": user, "address": address, "code": code}
    return typed(fields, ConfirmJob).request()


def refused(call: Any, *arguments: Any) -> Code:
    with pytest.raises(Refused) as refusal:
        call(*arguments)
    return refusal.value.code


def code_in(message: Message) -> str:
    found = re.match(r"\d{6}\n", parse_message(message.raw).text)
    assert found is not None, message.raw
    return found[0].strip()


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


@pytest.fixture
def script() -> dict[str, Answers]:
    return {}


@pytest.fixture
def server(script: dict[str, Answers], office: Office, dovecot: Dovecot) -> Any:
    """The submission server of the mailbox that sends codes."""
    with ScriptedSmtp(script) as running:
        mailbox = connect_to_send(
            office, dovecot, running.port, running.authority, "boss", BOSS, security="tls"
        )
        set_codes_mailbox(office.account, mailbox.key.mailbox, office.runtime)
        yield running


def proof(office: Office, mailbox: Mailbox) -> object:
    report = read_mailbox(office.account, mailbox.key.mailbox, office.runtime)
    return MailboxAnswer.of(report, Language.EN).address_proof


def test_a_code_that_came_back_proves_the_address(
    office: Office, dovecot: Dovecot, server: ScriptedSmtp, runtime: Runtime
) -> None:
    mailbox = connected(office, request(dovecot, STRANGER))
    assert proof(office, mailbox) is None
    sent = send_code(office.account, asked(), runtime)
    assert (sent.proof, sent.expires_at is not None) == (None, True)
    (message,) = server.accepted
    assert (message.sender, message.recipients) == (BOSS, (STRANGER,))
    assert b"Auto-Submitted: auto-generated" in message.raw
    told = confirm_code(office.account, answered(code_in(message)), runtime)
    assert told.proof is Proof.CODE
    assert proof(office, mailbox) == "code"
    # It is proven: nothing more is sent.
    assert send_code(office.account, asked(), runtime).proof is Proof.CODE
    assert len(server.accepted) == 1


@pytest.mark.parametrize(
    ("language", "subject"),
    [("en", "{code} is your Mailmirror code"), ("ja", "{code}：Mailmirror の確認コード")],
)
def test_a_code_is_sent_in_the_accounts_language(
    language: str, subject: str, office: Office, server: ScriptedSmtp, runtime: Runtime
) -> None:
    change_settings(office.account, {Setting.LANGUAGE: language}, runtime)
    send_code(office.account, asked(), runtime)
    (message,) = server.accepted
    code = code_in(message)
    parsed = parse_message(message.raw)
    assert parsed.headers.subject == subject.format(code=code)
    assert bool(re.search("[\u3040-\u30ff]", parsed.text)) is (language == "ja")


def test_every_change_of_the_teams_addresses_has_threads_matched_again(
    office: Office,
    dovecot: Dovecot,
    server: ScriptedSmtp,
    runtime: Runtime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent = list[MatchJob]()
    monkeypatch.setattr(runtime.thread_queue, "send", sent.extend)
    job = MatchJob(office.account)
    mailbox = connected(office, request(dovecot, STRANGER))
    assert sent == [job]
    send_code(office.account, asked(), runtime)
    assert sent == [job]
    (message,) = server.accepted
    confirm_code(office.account, answered(code_in(message)), runtime)
    assert sent == [job, job]
    erase(office.account, "rep", mailbox.key.mailbox, runtime)
    assert sent == [job, job, job]


def test_what_the_crm_gives_needs_no_code(
    office: Office, server: ScriptedSmtp, runtime: Runtime
) -> None:
    assert send_code(office.account, asked(REP), runtime).proof is Proof.CRM
    assert server.accepted == []


@pytest.mark.parametrize(
    ("address", "code"), [(KIM, Code.ADDRESS_OF_PERSON), (BOSS, Code.ADDRESS_OF_ANOTHER_USER)]
)
def test_anothers_address_is_sent_no_code(
    address: str, code: Code, office: Office, server: ScriptedSmtp, runtime: Runtime
) -> None:
    assert refused(send_code, office.account, asked(address), runtime) is code
    assert server.accepted == []


def test_an_address_that_one_user_has_proven_is_no_other_users(
    office: Office, dovecot: Dovecot, server: ScriptedSmtp, runtime: Runtime
) -> None:
    send_code(office.account, asked(), runtime)
    confirm_code(office.account, answered(code_in(server.accepted[0])), runtime)
    told = refused(send_code, office.account, asked(user="boss"), runtime)
    assert told is Code.ADDRESS_OF_ANOTHER_USER
    (sender,) = runtime.mailboxes.list_all(office.account)
    disconnect(office.account, sender.key.mailbox, runtime)
    told = refused(connected, office, request(dovecot, STRANGER, "boss", BOSS))
    assert told is Code.ADDRESS_OF_ANOTHER_USER


def test_an_address_that_became_a_persons_meanwhile_is_not_proven(
    office: Office, server: ScriptedSmtp, runtime: Runtime
) -> None:
    send_code(office.account, asked(), runtime)
    office.tell("contact.upserted", id="who", name="Who", emails=[STRANGER])
    wanted = answered(code_in(server.accepted[0]))
    assert refused(confirm_code, office.account, wanted, runtime) is Code.ADDRESS_OF_PERSON


def test_a_code_may_be_tried_five_times(
    office: Office, server: ScriptedSmtp, runtime: Runtime
) -> None:
    send_code(office.account, asked(), runtime)
    code = code_in(server.accepted[0])
    for _ in range(CODE_TRIES):
        told = refused(confirm_code, office.account, answered(wrong(code)), runtime)
        assert told is Code.PROOF_CODE_WRONG
    told = refused(confirm_code, office.account, answered(code), runtime)
    assert told is Code.PROOF_CODE_EXPIRED


def test_tries_side_by_side_are_no_more_than_five(
    office: Office, server: ScriptedSmtp, runtime: Runtime
) -> None:
    send_code(office.account, asked(), runtime)
    guess = answered(wrong(code_in(server.accepted[0])))
    with ThreadPoolExecutor(12) as pool:
        told = list(
            pool.map(lambda _: refused(confirm_code, office.account, guess, runtime), range(12))
        )
    assert told.count(Code.PROOF_CODE_WRONG) == CODE_TRIES
    assert told.count(Code.PROOF_CODE_EXPIRED) == 12 - CODE_TRIES


def test_a_code_lives_ten_minutes(
    office: Office, server: ScriptedSmtp, runtime: Runtime, clock: Clock
) -> None:
    send_code(office.account, asked(), runtime)
    code = code_in(server.accepted[0])
    clock.advance(timedelta(minutes=10, seconds=1))
    told = refused(confirm_code, office.account, answered(code), runtime)
    assert told is Code.PROOF_CODE_EXPIRED
    # The remedy: another code.
    send_code(office.account, asked(), runtime)
    another = code_in(server.accepted[1])
    assert confirm_code(office.account, answered(another), runtime).proof is Proof.CODE


def test_the_digits_of_the_latest_message_are_taken_after_wrong_ones(
    office: Office, server: ScriptedSmtp, runtime: Runtime
) -> None:
    send_code(office.account, asked(), runtime)
    code = code_in(server.accepted[0])
    told = refused(confirm_code, office.account, answered(wrong(code)), runtime)
    assert told is Code.PROOF_CODE_WRONG
    assert confirm_code(office.account, answered(code), runtime).proof is Proof.CODE


def test_a_code_is_for_one_user_and_one_address_and_works_once(
    office: Office, server: ScriptedSmtp, runtime: Runtime
) -> None:
    send_code(office.account, asked(), runtime)
    send_code(office.account, asked(OTHER), runtime)
    first, second = map(code_in, server.accepted)
    for wanted in (answered(first, OTHER), answered(second, STRANGER)):
        if first != second:
            told = refused(confirm_code, office.account, wanted, runtime)
            assert told is Code.PROOF_CODE_WRONG
    told = refused(confirm_code, office.account, answered(first, user="boss"), runtime)
    assert told is Code.PROOF_CODE_EXPIRED


def test_the_latest_code_counts(office: Office, server: ScriptedSmtp, runtime: Runtime) -> None:
    send_code(office.account, asked(), runtime)
    send_code(office.account, asked(), runtime)
    first, second = map(code_in, server.accepted)
    if first != second:
        told = refused(confirm_code, office.account, answered(first), runtime)
        assert told is Code.PROOF_CODE_WRONG
    assert confirm_code(office.account, answered(second), runtime).proof is Proof.CODE


def test_nobody_is_flooded_with_codes(
    office: Office, server: ScriptedSmtp, runtime: Runtime, clock: Clock
) -> None:
    for number in range(CODES_AN_HOUR):
        send_code(office.account, asked(f"n{number}@else.example"), runtime)
    assert refused(send_code, office.account, asked(), runtime) is Code.PROOF_CODE_LIMIT
    clock.advance(timedelta(hours=1))
    for _ in range(CODES_AN_HOUR):
        send_code(office.account, asked(), runtime)
    # Another user's asking sends no more to the same address.
    told = refused(send_code, office.account, asked(user="boss"), runtime)
    assert told is Code.PROOF_CODE_LIMIT
    assert len(server.accepted) == 2 * CODES_AN_HOUR


def test_no_code_is_kept_as_it_is(office: Office, server: ScriptedSmtp, runtime: Runtime) -> None:
    send_code(office.account, asked(), runtime)
    code = code_in(server.accepted[0])
    items = runtime._client("dynamodb").scan(TableName=runtime.settings.table)["Items"]
    assert not any(code in str(item) for item in items if "#code#" in str(item["pk"]))


def test_without_a_mailbox_that_sends_them_there_are_no_codes(
    office: Office, dovecot: Dovecot, runtime: Runtime
) -> None:
    assert refused(send_code, office.account, asked(), runtime) is Code.PROOF_SENDER_MISSING
    silent = office.connect(dovecot, "boss", BOSS)
    set_codes_mailbox(office.account, silent.key.mailbox, runtime)
    assert refused(send_code, office.account, asked(), runtime) is Code.PROOF_SENDER_MISSING


@pytest.mark.parametrize(
    ("at", "answer"),
    [("AUTH", "535 5.7.8 no"), ("RCPT", "550 5.1.1 no such user"), ("DATA", "451 4.3.0 later")],
)
def test_a_code_that_could_not_be_sent_is_reported(
    at: str,
    answer: str,
    script: dict[str, Answers],
    office: Office,
    server: ScriptedSmtp,
    runtime: Runtime,
) -> None:
    script[at] = [answer]
    assert refused(send_code, office.account, asked(), runtime) is Code.PROOF_CODE_NOT_SENT


def test_an_unknown_user_proves_nothing(
    office: Office, server: ScriptedSmtp, runtime: Runtime
) -> None:
    for user in ("nobody", "a#b"):
        told = refused(send_code, office.account, asked(user=user), runtime)
        assert told is Code.USER_UNKNOWN
