"""Each cause for which a message is missing is named, and what is then done brings it in."""

from datetime import UTC, datetime, timedelta

import pytest

from mailmirror.aws.queues import SyncJob
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.verdict import Verdict
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.store.table import Update
from mailmirror.usecases.sync.sync_mailbox import sync_mailbox
from tests.integration.api_calls import Api
from tests.integration.explaining import cause, causes, explained, follow, pasted, path
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
from tests.integration.test_containment import BODY, HEADER, before
from tests.integration.test_deleted_mail import days_pass
from tests.integration.test_every_folder import moved
from tests.integration.test_overrides import deal, line_of, on_message, on_thread
from tests.integration.test_problems import withheld
from tests.integration.test_remedies_followed import BOUNCE
from tests.integration.test_settings import change
from tests.servers.mailbox_server import MailboxServer
from tests.servers.meddling import End, Meddle, Refusing, at_message, unchanged


@pytest.fixture
def mailbox(office: Office, imap_server: MailboxServer) -> Mailbox:
    """REP's, with letter 1 of KIM's, mirrored."""
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    return mailbox


def is_shown(api: Api, office: Office, mailbox: Mailbox, number: int) -> bool:
    """Whether a letter is on KIM's card, and an explain says so."""
    on_card = f"Letter {number}" in subjects(office.card("rep", "kim"))
    assert (causes(explained(api, mailbox, number))[:1] == ["shown"]) == on_card
    return on_card


# Shown


def test_shown_a_message_is_explained_with_where_it_is(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    deal(office, "d", "open", -20, "kim")
    office.match_again()
    found = explained(api, mailbox, 1)
    assert causes(found) == ["shown"]
    assert found["complete"]
    (one,) = found["messages"]
    assert (one["shown"], one["in_mailbox"], one["subject"]) == (True, True, "Letter 1")
    assert one["from"] == {"name": "", "address": KIM}
    assert [person["id"] for person in one["persons"]] == ["kim"]
    assert [(deal["id"], deal["by"]["code"]) for deal in one["deals"]] == [("d", "match")]
    (copy,) = one["copies"]
    assert (copy["folder"], copy["read"], copy["recorded"]) == ("INBOX", True, "mirrored")
    assert copy["verdict"]["code"] == "mirrored"
    assert api.get(f"/v1/messages/{one['id']}")["subject"] == "Letter 1"


def test_shown_by_sender_and_subject_though_the_server_has_it_no_more(
    api: Api, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    imap_server.expunge(REP, "INBOX", [1])
    for query in ({"message_id": "1@mail.example"}, {"from": KIM, "subject": "letter  1"}):
        found = api.get(path(mailbox), **query)
        assert causes(found) == ["shown"]
        (one,) = found["messages"]
        assert (one["in_mailbox"], one["copies"], one["subject"]) == (False, [], "Letter 1")
    assert causes(api.get(path(mailbox), **{"from": KIM, "subject": "Letter 2"})) == [
        "not_in_mailbox"
    ]


def test_detached_by_whom_and_when_is_told_with_the_call_that_attaches_it(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    deal(office, "d", "open", -20, "kim")
    deal(office, "e", "open", -20, "nobody")
    office.match_again()
    on_thread(office, "d", 1, attached=False)
    on_message(office, "e", 1, attached=False)
    found = explained(api, mailbox, 1)
    assert causes(found) == ["shown", "detached", "detached"]
    assert found["messages"][0]["deals"] == []
    said = [one["detached"] for one in found["messages"][0]["causes"][1:]]
    assert {(one["deal_id"], one["message_id"] is None) for one in said} == {
        ("d", True),
        ("e", False),
    }
    assert {(one["user_id"], one["user_name"]) for one in said} == {("rep", "rep")}
    assert all(datetime.fromisoformat(one["at"]) <= office.runtime.now() for one in said)
    follow(api, found)
    again = explained(api, mailbox, 1)
    assert causes(again) == ["shown"]
    assert {one["id"] for one in again["messages"][0]["deals"]} == {"d", "e"}


# What no sync has read


def test_not_synced_the_call_has_it_read(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    imap_server.append(REP, "INBOX", letter(2), MARCH)
    found = explained(api, mailbox, 2)
    assert causes(found) == ["not_synced"]
    assert [one["id"] for one in found["messages"][0]["persons"]] == ["kim"]
    follow(api, found)
    office.sync(mailbox)
    assert is_shown(api, office, mailbox, 2)


def test_first_sync_it_comes_by_itself(
    api: Api, office: Office, imap_server: MailboxServer
) -> None:
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    found = explained(api, mailbox, 1)
    assert (causes(found), found["state"]) == (["first_sync"], "first_sync")
    assert cause(found, "first_sync")["calls"] == []
    office.sync(mailbox)
    assert is_shown(api, office, mailbox, 1)


def test_paused_the_call_goes_on(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    api.ask("PATCH", f"/v1/mailboxes/{mailbox.key.mailbox}", body={"paused": True})
    imap_server.append(REP, "INBOX", letter(2), MARCH)
    found = explained(api, mailbox, 2)
    assert (causes(found), found["state"]) == (["paused"], "paused")
    follow(api, found)
    office.sync(mailbox)
    assert is_shown(api, office, mailbox, 2)


def test_waits_what_was_judged_before_an_address_was_added_is_judged_again(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    imap_server.append(REP, "INBOX", letter(2, STRANGER), MARCH)
    office.sync(mailbox)
    office.tell("contact.upserted", MARCH, id="kim", name="Kim", emails=[KIM, STRANGER])
    found = explained(api, mailbox, 2)
    assert causes(found) == ["waits"]
    assert found["messages"][0]["copies"][0]["recorded"] == "no_person"
    follow(api, found)
    office.sync(mailbox)
    assert is_shown(api, office, mailbox, 2)


@pytest.mark.dovecot_only("its proxy knows Dovecot's UIDs")
@pytest.mark.parametrize(
    ("meddle", "code", "subject"),
    [
        (Refusing(BODY, 2), "message_refused", "Letter 2"),
        (withheld(2), "message_not_returned", "Letter 2"),
        (at_message(HEADER, 2, End.HANG_UP), "message_breaks_connection", None),
    ],
)
def test_contained_says_why_and_tries_again(
    api: Api,
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    meddle: Meddle,
    code: str,
    subject: str | None,
) -> None:
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in (1, 2, 3)])
    with before(imap_server, runtime, meddle) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        found = explained(api, mailbox, 2)
        assert causes(found) == ["contained"]
        assert cause(found, "contained")["contained"]["code"] == code
        assert [one["subject"] for one in found["messages"]] == [subject]
        server.meddle = unchanged
        follow(api, found)
        sync_mailbox(
            SyncJob(office.account, mailbox.key.mailbox, runtime.now()),
            runtime,
            runtime.now() + timedelta(minutes=5),
        )
        assert is_shown(api, office, mailbox, 2)


def test_not_stored_a_deep_audit_stores_it_again(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    id = line_of(office, 1).summary.message
    office.runtime.contents.erase(mailbox.key, id)
    found = explained(api, mailbox, 1)
    assert causes(found) == ["not_stored"]
    follow(api, found)
    office.sync(mailbox)
    assert is_shown(api, office, mailbox, 1)


# Folders that are not read


def test_folder_left_out_the_call_has_it_read_too(
    api: Api, office: Office, imap_server: MailboxServer
) -> None:
    for folder in ("Customers", "Projects"):
        imap_server.create(REP, folder)
    imap_server.append(REP, "Customers", letter(2), MARCH)
    mailbox = office.connect(imap_server, "rep", REP, folders=["INBOX"])
    office.sync(mailbox)
    found = explained(api, mailbox, 2)
    assert causes(found) == ["folder_left_out"]
    (copy,) = found["messages"][0]["copies"]
    assert (copy["folder"], copy["read"]) == (imap_server.named("Customers"), False)
    assert copy["left_out"]["code"] == "setting"
    follow(api, found)
    office.sync(office.runtime.mailboxes.find_many([mailbox.key])[0])
    assert is_shown(api, office, mailbox, 2)
    settings = api.get(f"/v1/mailboxes/{mailbox.key.mailbox}")["folders"]
    assert settings == ["INBOX", imap_server.named("Customers")]


@pytest.mark.parametrize("folders", ["all", "inbox_and_sent", ["INBOX"]])
@pytest.mark.parametrize(("folder", "code"), [("Trash", "trash"), ("Junk", "junk")])
def test_trash_and_junk_are_searched_whatever_the_setting_and_a_moved_message_comes_in(
    api: Api,
    office: Office,
    imap_server: MailboxServer,
    folder: str,
    code: str,
    folders: str | list[str],
) -> None:
    imap_server.create(REP, folder)
    uid = imap_server.append(REP, folder, letter(2), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    body = {"folders": folders}
    api.ask("PATCH", f"/v1/mailboxes/{mailbox.key.mailbox}", body=body)
    (mailbox,) = office.runtime.mailboxes.find_many([mailbox.key])
    office.sync(mailbox)
    found = explained(api, mailbox, 2)
    assert causes(found) == [code]
    assert "Inbox" in cause(found, code)["remedy"]
    moved(imap_server, uid, folder, "INBOX")
    office.sync(mailbox)
    assert is_shown(api, office, mailbox, 2)


def test_no_mail_folder_a_message_in_exchanges_calendar_is_found(
    api: Api, office: Office, imap_server: MailboxServer, mailbox: Mailbox
) -> None:
    for folder in ("Calendar", "Contacts"):
        imap_server.create(REP, folder)
    uid = imap_server.append(REP, "Calendar", letter(2), MARCH)
    assert causes(explained(api, mailbox, 2)) == ["no_mail_folder"]
    moved(imap_server, uid, "Calendar", "INBOX")
    office.sync(mailbox)
    assert is_shown(api, office, mailbox, 2)


@pytest.mark.parametrize(("folder", "flags"), [("Drafts", ()), ("INBOX", ("\\Draft",))])
def test_draft_by_its_folder_or_its_flag_and_what_is_sent_comes_in(
    api: Api,
    office: Office,
    mailbox: Mailbox,
    imap_server: MailboxServer,
    folder: str,
    flags: tuple[str, ...],
) -> None:
    if folder != "INBOX":
        imap_server.create(REP, folder)
    imap_server.append(REP, folder, letter(2, REP, [KIM]), MARCH, flags)
    office.sync(mailbox)
    assert causes(explained(api, mailbox, 2)) == ["draft"]
    imap_server.append(REP, "Sent", letter(2, REP, [KIM]), MARCH)
    office.sync(mailbox)
    assert is_shown(api, office, mailbox, 2)
    assert len(explained(api, mailbox, 2)["messages"][0]["copies"]) == 2


# Verdicts


def test_outside_window_the_call_moves_the_window(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    long_ago = MARCH - timedelta(days=900)
    imap_server.append(REP, "INBOX", letter(2, at=long_ago), long_ago)
    office.sync(mailbox)
    found = explained(api, mailbox, 2)
    assert causes(found) == ["outside_window"]
    follow(api, found)
    (mailbox,) = office.runtime.mailboxes.find_many([mailbox.key])
    assert mailbox.history_since == long_ago.astimezone(UTC).date()
    office.sync(mailbox)
    assert is_shown(api, office, mailbox, 2)


def test_too_many_recipients_the_call_raises_the_limit_as_far_as_the_message_needs(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    crowd = [REP, *(f"guest{n}@else.example" for n in range(105))]
    imap_server.append(REP, "INBOX", letter(2, KIM, crowd), MARCH)
    office.sync(mailbox)
    found = explained(api, mailbox, 2)
    assert causes(found) == ["too_many_recipients"]
    (call,) = cause(found, "too_many_recipients")["calls"]
    assert call["body"] == {"max_recipients": 106}
    follow(api, found)
    office.sync(mailbox)
    assert is_shown(api, office, mailbox, 2)


def test_beyond_recipients_no_call_could_help(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    crowd = [f"guest{n}@else.example" for n in range(700)]
    imap_server.append(REP, "INBOX", letter(2, KIM, crowd), MARCH)
    office.sync(mailbox)
    found = explained(api, mailbox, 2)
    assert causes(found) == ["beyond_recipients"]
    assert cause(found, "beyond_recipients")["calls"] == []
    assert "mailbox itself" in cause(found, "beyond_recipients")["remedy"]


BLOCKS = {
    "a contact": [{"contact_id": "kim"}],
    "an address": [{"address": KIM}],
    "a domain": [{"domain": "customer.example"}],
    "all of these": [{"contact_id": "kim"}, {"address": KIM}, {"domain": "customer.example"}],
}


@pytest.mark.parametrize("blocks", BLOCKS.values(), ids=BLOCKS)
def test_blocked_the_calls_remove_the_blocks(
    api: Api,
    office: Office,
    mailbox: Mailbox,
    imap_server: MailboxServer,
    blocks: list[dict[str, str]],
) -> None:
    for block in (*blocks, {"contact_id": "lee"}):
        assert api.ask("POST", "/v1/users/rep/blocks", body=block)[0] < 300
    imap_server.append(REP, "INBOX", letter(2), MARCH)
    office.sync(mailbox)
    found = explained(api, mailbox, 2)
    assert causes(found) == ["blocked"]
    assert len(cause(found, "blocked")["calls"]) == len(blocks)
    follow(api, found)
    office.sync(mailbox)
    assert is_shown(api, office, mailbox, 2)
    (left,) = api.get("/v1/users/rep/blocks")["blocks"]
    assert left["contact_id"] == "lee"


def test_blocked_what_was_mirrored_and_deleted_since_is_explained_by_what_is_stored(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    api.ask("POST", "/v1/users/rep/blocks", body={"contact_id": "kim"})
    office.sync(mailbox)
    imap_server.expunge(REP, "INBOX", [1])
    found = explained(api, mailbox, 1)
    assert causes(found) == ["blocked"]
    assert found["messages"][0]["subject"] == "Letter 1"
    follow(api, found)
    office.sync(mailbox)
    assert is_shown(api, office, mailbox, 1)


def test_blocked_and_outside_the_window_both_are_named_and_both_calls_are_needed(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    api.ask("POST", "/v1/users/rep/blocks", body={"contact_id": "kim"})
    long_ago = MARCH - timedelta(days=900)
    imap_server.append(REP, "INBOX", letter(2, at=long_ago), long_ago)
    office.sync(mailbox)
    found = explained(api, mailbox, 2)
    assert causes(found) == ["outside_window", "blocked"]
    follow(api, found)
    office.sync(office.runtime.mailboxes.find_many([mailbox.key])[0])
    assert is_shown(api, office, mailbox, 2)


def test_no_person_the_addresses_are_named_and_one_that_is_added_brings_it_in(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    imap_server.append(REP, "INBOX", letter(2, STRANGER), MARCH)
    office.sync(mailbox)
    found = explained(api, mailbox, 2)
    assert causes(found) == ["no_person"]
    (address,) = cause(found, "no_person")["addresses"]
    assert (address, found["messages"][0]["persons"]) == (STRANGER, [])
    office.tell("contact.upserted", MARCH, id="kim", name="Kim", emails=[KIM, address])
    office.sync(mailbox)
    assert is_shown(api, office, mailbox, 2)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (letter(2, BOSS), "internal"),
        (BOUNCE.replace(b"<bounce@customer.example>", b"<2@mail.example>"), "report"),
        (b"From: @\r\nMessage-ID: <2@mail.example>\r\n\r\nno sender\r\n", "unreadable"),
    ],
)
def test_internal_report_and_unreadable_say_so(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer, raw: bytes, code: str
) -> None:
    imap_server.append(REP, "INBOX", raw, MARCH)
    office.sync(mailbox)
    found = explained(api, mailbox, 2)
    assert causes(found) == [code]
    assert found["messages"][0]["copies"][0]["recorded"] == code
    assert cause(found, code)["calls"] == []


# Deleted


def test_deleted_where_the_account_follows_deletions_the_call_keeps_it(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    change(office, deleted_mail="follow")
    for number in range(2, 30):
        imap_server.append(REP, "INBOX", letter(number), MARCH)
    for folder in ("Trash", "Junk", "Drafts"):
        imap_server.create(REP, folder)
    office.sync(mailbox)
    imap_server.expunge(REP, "INBOX", [1])
    days_pass(office, mailbox, clock, 3)
    found = explained(api, mailbox, 1)
    assert causes(found) == ["deleted"]
    follow(api, found)
    office.sync(mailbox)
    assert is_shown(api, office, mailbox, 1)


def test_waits_what_was_deleted_just_now_and_is_unblocked_is_judged_again(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    change(office, deleted_mail="follow")
    for folder in ("Trash", "Junk", "Drafts"):
        imap_server.create(REP, folder)
    office.sync(mailbox)
    imap_server.expunge(REP, "INBOX", [1])
    office.sync(mailbox)
    (block,) = api.ask("POST", "/v1/users/rep/blocks", body={"address": KIM})[1]["blocks"]
    office.sync(mailbox)
    assert causes(explained(api, mailbox, 1)) == ["blocked"]
    api.ask("DELETE", f"/v1/users/rep/blocks/{block['block_id']}")
    found = explained(api, mailbox, 1)
    assert causes(found) == ["waits"]
    follow(api, found)
    office.sync(mailbox)
    assert is_shown(api, office, mailbox, 1)


def test_waits_what_was_moved_to_the_trash_is_on_its_card_once_it_is_judged_again(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    imap_server.create(REP, "Trash")
    office.sync(mailbox)
    moved(imap_server, 1, "INBOX", "Trash")
    (block,) = api.ask("POST", "/v1/users/rep/blocks", body={"address": KIM})[1]["blocks"]
    office.sync(mailbox)
    api.ask("DELETE", f"/v1/users/rep/blocks/{block['block_id']}")
    found = explained(api, mailbox, 1)
    assert causes(found) == ["waits"]
    follow(api, found)
    office.sync(mailbox)
    assert is_shown(api, office, mailbox, 1)


def test_draft_what_has_become_one_since_it_was_mirrored_does_not_wait(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    """A deep audit, or a pass that asks for its headers, has found the flag."""
    change(office, deleted_mail="follow")
    runtime = office.runtime
    folders = runtime.folders.read_all(mailbox.key)
    (id,) = (id for id, one in folders.items() if one.state.messages)
    head = folders[id].state.ledger.head.record({1: Verdict.DRAFT}).encode()
    runtime.table.update(Update(keys.folder(mailbox.key, id), "SET head = :head", {":head": head}))
    with imap_server.session(REP) as session:
        session.select_folder("INBOX")
        session.add_flags([1], ["\\Draft"])
    days_pass(office, mailbox, clock, 1)
    assert office.card("rep", "kim") == []
    assert causes(explained(api, mailbox, 1)) == ["draft"]


def test_deleted_unread_is_told_of_a_message_that_named_the_mailbox(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    headers = letter(2, KIM, [REP]).decode().partition("\n\n")[0]
    found = pasted(api, mailbox, headers)
    assert causes(found) == ["deleted_unread"]
    imap_server.append(REP, "INBOX", letter(2, KIM, [REP]), MARCH)  # restored
    office.sync(mailbox)
    assert causes(pasted(api, mailbox, headers)) == ["shown"]


def test_not_in_mailbox_is_told_of_what_is_nowhere(api: Api, mailbox: Mailbox) -> None:
    for found in (
        explained(api, mailbox, 9),
        pasted(api, mailbox, letter(9, KIM, [LEE]).decode().partition("\n\n")[0]),
        api.get(path(mailbox), **{"from": LEE}),
        api.get(path(mailbox), subject="Letter 9"),
    ):
        assert (causes(found), found["messages"]) == (["not_in_mailbox"], [])
        assert found["complete"]
