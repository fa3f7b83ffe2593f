"""A user asks who writes with them that is not in the CRM; adding one brings the old mail in."""

from datetime import timedelta

import pytest

from mailmirror.domain.limits import MAX_CANDIDATES
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes import list_candidates
from tests.integration.api_calls import Api, Json
from tests.integration.office import BOSS, KIM, REP, Clock, Office, letter, subjects
from tests.integration.test_preview import whole_table
from tests.servers.dovecot import Dovecot
from tests.servers.mailbox_server import MailboxServer

MIA = "mia@new.example"
TOM = "tom@new.example"
PATH = "/v1/users/rep/candidates"


@pytest.fixture
def mailbox(office: Office, imap_server: MailboxServer, clock: Clock) -> Mailbox:
    now = clock()
    for number, folder, sender, to, days in (
        (1, "INBOX", MIA, [REP], 3),
        (2, "Sent", REP, [MIA, TOM], 2),
        (3, "INBOX", KIM, [REP, "cc@new.example"], 2),
        (4, "INBOX", BOSS, [REP], 2),
        (5, "INBOX", "old@new.example", [REP], 40),
        (6, "INBOX", "no-reply@shop.example", [REP], 1),
        (7, "INBOX", "fan@new.example", [REP], 1),
    ):
        at = now - timedelta(days=days)
        imap_server.append(REP, folder, letter(number, sender, to, at=at), at)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    return mailbox


def asked(api: Api) -> Json:
    status, body = api.ask("GET", PATH)
    assert status == 200, body
    return body


def addresses(api: Api) -> list[str]:
    return [one["address"] for one in asked(api)["candidates"]]


def test_correspondents_of_unmatched_mail_of_thirty_days_are_listed(
    api: Api, mailbox: Mailbox
) -> None:
    body = asked(api)
    assert [(one["address"], one["written_to"], one["received"]) for one in body["candidates"]] == [
        (MIA, 1, 1),
        (TOM, 1, 0),
        ("fan@new.example", 0, 1),
    ]
    assert body["further"] == 0
    assert body["mailboxes"] == [
        {"mailbox_id": mailbox.key.mailbox, "complete": True, "error": None}
    ]


def test_nothing_of_them_is_kept_or_logged(
    api: Api, mailbox: Mailbox, runtime: Runtime, capfd: pytest.CaptureFixture[str]
) -> None:
    before = whole_table(runtime)
    capfd.readouterr()
    assert MIA in addresses(api)
    assert whole_table(runtime) == before
    logged = "".join(capfd.readouterr())
    assert MIA not in logged
    assert "new.example" not in logged


def test_one_that_is_added_is_a_candidate_no_more_and_brings_the_old_mail_in(
    api: Api, office: Office, mailbox: Mailbox, clock: Clock
) -> None:
    (mia, *_) = asked(api)["candidates"]
    office.tell("contact.upserted", id="mia", name=mia["name"], emails=[mia["address"]])
    assert MIA not in addresses(api)
    clock.advance(timedelta(hours=2))
    office.sync(mailbox)
    assert subjects(office.card("rep", "mia")) == ["Letter 2", "Letter 1"]


def test_the_list_is_the_users_own(api: Api, mailbox: Mailbox) -> None:
    assert api.ask("GET", "/v1/users/boss/candidates")[0] == 404


def test_a_mailbox_whose_server_refuses_the_sign_in_is_named_with_its_remedy(
    api: Api, mailbox: Mailbox, runtime: Runtime, clock: Clock
) -> None:
    account = runtime.accounts.find(mailbox.key.account)
    assert account is not None
    kept = runtime.credentials.get(account, mailbox.key, clock())
    assert kept is not None
    refusal = Refused(Code.SIGN_IN_FAILED, "imap: wrong password")
    runtime.credentials.refuse(mailbox.key, kept.version, "imap", refusal, clock())
    body = asked(api)
    assert body["candidates"] == []
    (read,) = body["mailboxes"]
    assert not read["complete"]
    assert read["error"]["code"] == "sign_in_failed"
    assert read["error"]["remedy"]


def test_mail_that_no_sync_has_judged_makes_the_list_incomplete(
    api: Api, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    imap_server.create(REP, "Customers")
    at = clock() - timedelta(days=1)
    imap_server.append(REP, "Customers", letter(8, TOM, [REP], at=at), at)
    assert asked(api)["mailboxes"][0]["complete"] is False


def test_a_folder_whose_uids_are_others_by_now_makes_the_list_incomplete(
    api: Api, office: Office, dovecot: Dovecot, clock: Clock
) -> None:
    at = clock() - timedelta(days=1)
    dovecot.append(REP, "INBOX", letter(1, MIA, [REP], at=at), at)
    office.sync(office.connect(dovecot, "rep", REP))
    assert asked(api)["mailboxes"][0]["complete"] is True
    dovecot.reset_uidvalidity(REP, "INBOX")
    assert asked(api)["mailboxes"][0]["complete"] is False


def test_mail_that_has_left_the_server_hides_no_mail_below_it(
    api: Api, office: Office, dovecot: Dovecot, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_candidates, "_HEADER_BATCH", 1)
    at = clock() - timedelta(days=1)
    for number, sender in enumerate((MIA, TOM), start=1):
        dovecot.append(REP, "INBOX", letter(number, sender, [REP], at=at), at)
    office.sync(office.connect(dovecot, "rep", REP))
    dovecot.expunge(REP, "INBOX", [2])
    assert addresses(api) == [MIA]


@pytest.mark.exceeds("MAX_CANDIDATE_LETTERS")
def test_of_more_letters_than_are_read_the_newest_count(
    api: Api, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_candidates, "MAX_CANDIDATE_LETTERS", 3)
    monkeypatch.setattr(list_candidates, "_HEADER_BATCH", 1)
    body = asked(api)
    assert body["mailboxes"][0]["complete"] is False
    assert [one["address"] for one in body["candidates"]] == ["fan@new.example"]


@pytest.mark.exceeds("MAX_CANDIDATES")
def test_more_addresses_than_are_named_are_counted(
    api: Api, office: Office, imap_server: MailboxServer, clock: Clock
) -> None:
    at = clock() - timedelta(days=1)
    many = [f"c{number}@many.example" for number in range(MAX_CANDIDATES)]
    imap_server.append(REP, "INBOX", letter(1, "first@many.example", [REP, *many], at=at), at)
    office.sync(office.connect(imap_server, "rep", REP))
    body = asked(api)
    assert len(body["candidates"]) == MAX_CANDIDATES
    assert body["further"] == 1
