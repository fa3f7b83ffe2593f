"""What answers tell people to do has the effect that they need: each test takes it from the answer.

`tests/remedies.py` says for every entry of every catalogue which test follows its remedy.
"""

import re
from datetime import timedelta

import pytest

from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.words.problem import as_problem
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.store.credentials import Password
from mailmirror.usecases.mailboxes.change_mailbox import disconnect
from mailmirror.usecases.sending.reply import find_parent
from tests.integration.api_calls import Api, Json
from tests.integration.office import (
    BOSS,
    KIM,
    MARCH,
    REP,
    STRANGER,
    Clock,
    Office,
    letter,
    subjects,
)
from tests.integration.test_deep_audit import noise
from tests.servers.mailbox_server import MailboxServer

HOUR = timedelta(hours=1)
KIMS = "/v1/contacts/kim/messages"
BOUNCE = b"""\
From: Mail Delivery <mailer-daemon@customer.example>
To: rep@us.example
Date: Sun, 01 Mar 2026 09:00:00 +0000
Message-ID: <bounce@customer.example>
Subject: Undelivered
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

Not delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.customer.example

Final-Recipient: rfc822; kim@customer.example
Action: failed
Status: 5.1.1
--b--
""".replace(b"\n", b"\r\n")


@pytest.fixture
def mailbox(office: Office, imap_server: MailboxServer) -> Mailbox:
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    return mailbox


def follow(api: Api, remedy: str, method: str, body: object = None, **ids: str) -> Json:
    """Make the call that a remedy names, with what the reader has from the same answer."""
    named = re.search(rf"`{method}\s+(/[^`?]+)(?:\?(\w+)=(\w+))?`", remedy)
    assert named is not None, remedy
    params = {named[2]: named[3]} if named[2] else {}
    status, answered = api.ask(method, named[1].format(**ids), params=params, body=body)
    assert status < 300, answered
    return answered


def verdict(api: Api, mailbox: Mailbox, name: str) -> Json:
    """A verdict of which the ledger has a copy, with its words in the answer to the owner."""
    path = f"/v1/mailboxes/{mailbox.key.mailbox}"
    assert api.get(path)["counters"][name] > 0
    said: Json = api.get(f"{path}/ledger")["explanations"][name]
    return said


def gap(api: Api, path: str = KIMS) -> Json:
    coverage: Json = api.get(path)["coverage"]
    assert not coverage["complete"]
    return coverage


def limits(api: Api) -> Json:
    """The limits of the only mailbox of Kim's card, by their codes."""
    (mailbox,) = api.get(KIMS)["coverage"]["mailboxes"]
    return {one["code"]: one for one in mailbox["limits"]}


def is_complete(api: Api, path: str = KIMS) -> bool:
    return bool(api.get(path)["coverage"]["complete"])


def test_outside_window_an_earlier_day_brings_the_message_in(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    long_ago = MARCH - timedelta(days=900)
    imap_server.append(REP, "INBOX", letter(2, at=long_ago), long_ago)
    office.sync(mailbox)
    remedy = verdict(api, mailbox, "outside_window")["remedy"]
    assert "`history_since`" in remedy
    day = {"history_since": long_ago.date().isoformat()}
    changed = follow(api, remedy, "PATCH", day, mailbox_id=mailbox.key.mailbox)
    (effect,) = changed["effects"]
    assert "until its `gaps` has neither `first_sync` nor `late_facts`" in effect["remedy"]
    assert "late_facts" in gap(api)["gaps"]
    office.sync(mailbox)
    assert is_complete(api)
    assert subjects(office.card("rep", "kim")) == ["Letter 1", "Letter 2"]


def test_too_many_recipients_a_raised_limit_brings_the_message_in(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    crowd = [REP, *(f"guest{n}@else.example" for n in range(105))]
    imap_server.append(REP, "INBOX", letter(2, KIM, crowd), MARCH)
    office.sync(mailbox)
    remedy = verdict(api, mailbox, "too_many_recipients")["remedy"]
    assert "`max_recipients`" in remedy
    changed = follow(api, remedy, "PATCH", {"max_recipients": 200})
    (effect,) = changed["effects"]
    assert gap(api)["gap"] == "late_facts"  # as `effects` says
    assert "`late_facts`" in effect["reason"]
    office.sync(mailbox)
    assert is_complete(api)  # "Open a card again in some minutes"
    assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]


def test_a_card_says_that_the_limit_of_recipients_leaves_mail_out_until_it_is_raised(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    assert "too_many_recipients" not in limits(api)
    crowd = [REP, *(f"guest{n}@else.example" for n in range(105))]
    imap_server.append(REP, "INBOX", letter(2, KIM, crowd), MARCH)
    office.sync(mailbox)
    remedy = limits(api)["too_many_recipients"]["remedy"]
    path = re.search(r"`GET (\S+/explain)` with `from` and `since`", remedy)
    assert path is not None
    asked = {"from": KIM, "since": MARCH.date().isoformat()}
    found = api.get(path[1].format(mailbox_id=mailbox.key.mailbox), **asked)["messages"]
    causes = [cause["code"] for one in found for cause in one["causes"]]
    assert "too_many_recipients" in causes
    follow(api, remedy, "PATCH", {"max_recipients": 200})
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]
    assert "too_many_recipients" not in limits(api)


def unblocked(api: Api, remedy: str) -> None:
    """List the blocks and remove the only one, as a remedy says."""
    (block,) = follow(api, remedy, "GET", user_id="rep")["blocks"]
    follow(api, remedy, "DELETE", user_id="rep", block_id=block["block_id"])


def test_blocked_a_block_that_is_removed_brings_the_message_in(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    api.ask("POST", "/v1/users/rep/blocks", body={"contact_id": "kim"})
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == []
    unblocked(api, verdict(api, mailbox, "blocked")["remedy"])
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]


def test_persons_blocked_the_block_is_found_and_removed(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    api.ask("POST", "/v1/users/rep/blocks", body={"contact_id": "kim"})
    office.sync(mailbox)
    unblocked(api, limits(api)["persons_blocked"]["remedy"])
    assert gap(api)["gap"] == "late_facts"
    office.sync(mailbox)
    assert is_complete(api)
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]


def test_no_person_an_address_that_is_added_brings_the_message_in(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    imap_server.append(REP, "INBOX", letter(2, STRANGER), MARCH)
    office.sync(mailbox)
    assert "Add the person's address" in verdict(api, mailbox, "no_person")["remedy"]
    office.tell("contact.upserted", MARCH, id="kim", name="Kim", emails=[KIM, STRANGER])
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]


def test_late_facts_a_pass_that_is_asked_for_makes_the_card_complete(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    office.tell("contact.upserted", id="who", name="Who", emails=[STRANGER])
    path = "/v1/contacts/who/messages"
    (part,) = gap(api, path)["mailboxes"]
    assert part["gap"] == "late_facts"
    follow(api, part["remedy"], "POST", mailbox_id=part["mailbox_id"])
    office.sync(mailbox)
    assert is_complete(api, path)


def test_no_mailbox_and_first_sync_end_with_a_mailbox_that_is_read(
    api: Api, office: Office, imap_server: MailboxServer
) -> None:
    told = gap(api)
    assert (told["gap"], told["remedy"]) == ("no_mailbox", "Connect your mailbox.")
    mailbox = office.connect(imap_server, "rep", REP)
    told = gap(api)
    assert (told["gap"], told["remedy"]) == ("first_sync", "Wait until it is done.")
    office.sync(mailbox)
    assert is_complete(api)


def test_disconnected_connecting_again_makes_the_card_complete(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    disconnect(office.account, mailbox.key.mailbox, office.runtime)
    told = gap(api)
    assert (told["gap"], told["remedy"]) == ("disconnected", "Connect it again.")
    sync = f"/v1/mailboxes/{mailbox.key.mailbox}/sync"
    status, refused = api.ask("POST", sync)
    assert (status, refused["code"]) == (409, "mailbox_disconnected")
    assert refused["remedy"] == "Connect the address again."
    office.sync(office.connect(imap_server, "rep", REP))
    assert is_complete(api)
    assert api.ask("POST", sync)[0] == 202


def test_events_refused_the_list_names_what_the_crm_sends_again(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    office.tell("contact.upserted", MARCH, id="lee", name="Lee", emails="none")
    told = gap(api)
    assert told["gap"] == "events_refused"
    (listed,) = follow(api, told["remedy"], "GET")["events"]
    assert listed["detail"].startswith("data.emails")
    office.events -= 1  # under the same id
    office.tell("contact.upserted", MARCH, id="lee", name="Lee", emails=[STRANGER])
    office.sync(mailbox)
    assert is_complete(api)
    office.tell("contact.upserted", MARCH, id="lee", name="Lee", emails="none")
    (listed,) = follow(api, gap(api)["remedy"], "GET")["events"]
    assert api.ask("DELETE", f"/v1/events/refused/{listed['n']}")[0] == 204  # "or to close"
    assert is_complete(api)


def test_deal_policy_the_card_says_when_it_is_worked_off_also_while_another_gap_stays(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    for id in ("d1", "d2"):
        office.tell("deal.upserted", id=id, name=id, status="open", contact_ids=["kim"])
    office.match_again()
    office.tell("contact.upserted", MARCH, id="lee", name="Lee", emails="none")
    path = "/v1/deals/d1/messages"
    assert gap(api, path)["gaps"] == ["events_refused"]
    changed = api.ask("PATCH", "/v1/account", body={"deal_policy": "all_open_deals"})[1]
    (effect,) = changed["effects"]
    assert "`gaps`" in effect["reason"]
    assert "`gaps` has no `matches_pending`" in effect["remedy"]
    for of_card in (path, "/v1/deals/d1/threads"):
        told = gap(api, of_card)
        assert told["gap"] == "events_refused"
        assert told["gaps"] == ["events_refused", "matches_pending"]
    office.match_again()
    assert gap(api, path)["gaps"] == ["events_refused"]
    assert subjects(office.deal("rep", "d1")) == ["Letter 1"]


def test_entries_unread_the_list_names_the_address_and_correcting_it_helps(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    office.tell(
        "contact.upserted", MARCH, id="kim", name="Kim", emails=[KIM, "typo@customer,example"]
    )
    told = gap(api)
    assert told["gap"] == "entries_unread"
    (listed,) = follow(api, told["remedy"], "GET")["events"]
    assert "data.emails[1]: typo" in listed["detail"]
    office.tell("contact.upserted", MARCH + HOUR, id="kim", name="Kim", emails=[KIM])
    assert is_complete(api)


def test_sign_in_failed_connecting_with_the_present_password_goes_on(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer, runtime: Runtime
) -> None:
    """The server refuses what is stored, as after a change of the password."""
    account = runtime.accounts.find(office.account)
    assert account is not None
    runtime.credentials.put(account, mailbox.key, Password("the former one"), runtime.now())
    imap_server.append(REP, "INBOX", letter(2), MARCH)
    office.sync(mailbox)
    told = api.get(f"/v1/mailboxes/{mailbox.key.mailbox}")
    assert (told["state"], told["error"]["code"]) == ("sign_in_needed", "sign_in_failed")
    assert "Connect the mailbox again with the present password" in told["error"]["remedy"]
    assert gap(api)["remedy"] == told["error"]["remedy"]
    office.sync(office.connect(imap_server, "rep", REP))
    assert is_complete(api)
    assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]


def test_address_connected_disconnecting_the_other_mailbox_frees_the_address(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    office.tell("user.upserted", MARCH, id="rep", name="Rep", emails=[])
    office.tell("user.upserted", MARCH, id="boss", name="Boss", emails=[BOSS, REP])
    with pytest.raises(Refused) as refused:
        office.connect(imap_server, "boss", REP)
    assert refused.value.code is Code.ADDRESS_CONNECTED
    remedy = str(as_problem(refused.value)["remedy"])
    ids = [one["id"] for one in follow(api, remedy, "GET")["mailboxes"] if one["email"] == REP]
    follow(api, remedy, "DELETE", mailbox_id=ids[0])
    assert office.connect(imap_server, "boss", REP).owner == "boss"


def test_mailbox_limit_disconnecting_the_other_or_a_higher_limit_helps(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    office.tell("user.upserted", MARCH, id="rep", name="Rep", emails=[REP, BOSS])
    office.tell("user.upserted", MARCH, id="boss", name="Boss", emails=[])
    with pytest.raises(Refused) as refused:
        office.connect(imap_server, "rep", BOSS)
    assert refused.value.code is Code.MAILBOX_LIMIT
    assert api.ask("PATCH", "/v1/account", body={"mailboxes_per_user": 2})[0] == 200
    second = office.connect(imap_server, "rep", BOSS)
    # A lower limit disconnects none; its effect names the call.
    changed = api.ask("PATCH", "/v1/account", body={"mailboxes_per_user": 1})[1]
    (effect,) = changed["effects"]
    follow(api, effect["remedy"], "DELETE", mailbox_id=second.key.mailbox)
    assert api.get(f"/v1/mailboxes/{second.key.mailbox}")["state"] == "disconnected"
    # The remedy of `mailbox_limit`: disconnect the other first.
    assert api.ask("DELETE", f"/v1/mailboxes/{mailbox.key.mailbox}")[0] == 202
    office.connect(imap_server, "rep", BOSS)


def test_acting_user_a_request_that_names_a_known_user_is_answered(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    status, refused = api.ask("GET", KIMS, user="")
    assert (status, refused["code"]) == (400, "acting_user_required")
    assert "X-Mailmirror-User" in refused["remedy"]
    status, refused = api.ask("GET", KIMS, user="new")
    assert (status, refused["code"]) == (403, "acting_user_unknown")
    assert "`user.upserted`" in refused["remedy"]
    office.tell("user.upserted", id="new", name="New", emails=[])
    assert api.ask("GET", KIMS, user="new")[0] == 200


def test_invalid_cursor_starting_without_one_is_answered(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    imap_server.append(REP, "INBOX", letter(2), MARCH)
    office.sync(mailbox)
    status, refused = api.ask("GET", KIMS, params={"cursor": "none"})
    assert (status, refused["code"]) == (400, "invalid_cursor")
    first = api.get(KIMS, limit="1")
    second = api.get(KIMS, limit="1", cursor=first["next_cursor"])  # "Pass `next_cursor` unchanged"
    assert [one["messages"][0]["subject"] for one in (first, second)] == ["Letter 2", "Letter 1"]


def test_unknown_deals_threads_and_messages_are_known_by_what_the_remedy_names(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    (line,) = api.get(KIMS)["messages"]
    deal: Json = {"id": "d1", "name": "Deal", "status": "open", "contact_ids": ["lee"]}
    thread = f"/v1/deals/d1/threads/{line['thread_id']}"
    status, refused = api.ask("PUT", thread)
    assert (status, refused["code"]) == (404, "deal_unknown")
    office.tell("deal.upserted", **deal)
    for path, code in (
        (f"/v1/deals/d1/threads/{'0' * 32}", "thread_unknown"),
        (f"/v1/deals/d1/messages/{'0' * 32}", "message_unknown"),
    ):
        status, refused = api.ask("PUT", path)
        assert (status, refused["code"]) == (404, code)
        assert "from a message of this card" in refused["remedy"]
    assert api.ask("PUT", thread)[0] == 200
    assert api.ask("PUT", f"/v1/deals/d1/messages/{line['id']}")[0] == 200
    office.tell("deal.deleted", MARCH, id="d1")
    status, refused = api.ask("PUT", thread)
    assert (status, refused["code"]) == (409, "deal_deleted")
    office.tell("deal.upserted", MARCH + HOUR, **deal)
    assert api.ask("PUT", thread)[0] == 200


@pytest.mark.parametrize("harm", ["item deleted", "item damaged", "object deleted"])
def test_message_lost_a_deep_audit_stores_it_again(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer, harm: str
) -> None:
    """The card lists the message meanwhile; the other messages can be read."""
    text = noise(2, 30_000 if harm == "object deleted" else 5_000)
    imap_server.append(REP, "INBOX", letter(2, text=text), MARCH)
    office.sync(mailbox)
    lost, other = api.get(KIMS)["messages"]
    place = {"pk": keys.message(mailbox.key, lost["id"]), "sk": f"raw#{lost['version']}"}
    if harm == "item deleted":
        office.runtime.table.write(deletes=[place])
    elif harm == "item damaged":
        office.runtime.table.write([{**place, "raw": b"garbled"}])
    else:
        office.runtime.objects.erase_raw(mailbox.key, lost["id"], lost["version"])
    path = f"/v1/messages/{lost['id']}"
    for asked in (path, f"{path}/attachments/0"):
        status, refused = api.ask("GET", asked)
        assert (status, refused["code"]) == (409, "message_lost")
    with pytest.raises(Refused, match="message_lost"):
        find_parent(office.viewer("rep"), lost["id"], office.runtime)
    assert api.get(KIMS)["messages"] == [lost, other]
    api.get(f"/v1/messages/{other['id']}")
    follow(api, refused["remedy"], "POST", mailbox_id=mailbox.key.mailbox)
    office.sync(mailbox)
    assert api.get(path)["text"].split() == text.split()


def test_a_field_that_is_missing_or_wrong_is_named_and_taken_once_it_is_right(api: Api) -> None:
    for body in ({"max_recipients": 0}, {"max_recipient": 7}):
        status, refused = api.ask("PATCH", "/v1/account", body=body)
        assert (status, refused["code"]) == (422, "invalid_field")
        assert "`detail`" in refused["remedy"]
        assert next(iter(body)) in refused["detail"]
    assert api.ask("PATCH", "/v1/account", body={"max_recipients": 7})[0] == 200


def test_messages_a_day_and_language_hold_at_once(api: Api, office: Office, clock: Clock) -> None:
    changed = api.ask("PATCH", "/v1/account", body={"messages_a_day": 5, "language": "ja"})[1]
    remedies = {one["setting"]: one["remedy"] for one in changed["effects"]}
    assert remedies["messages_a_day"] == "Nothing to do."
    assert remedies["language"].startswith("Nothing to do.")
    assert api.get("/v1/account")["messages_a_day"] == 5


@pytest.mark.parametrize("way", ["other folders", "all"])
def test_folder_unknown_folders_that_the_preview_lists_or_all_are_read_again(
    api: Api, office: Office, imap_server: MailboxServer, way: str
) -> None:
    imap_server.create(REP, "Customers")
    imap_server.append(REP, "Customers", letter(1), MARCH)
    chosen = imap_server.named("Customers")
    mailbox = office.connect(imap_server, "rep", REP, folders=[chosen])
    office.sync(mailbox)
    with imap_server.session(REP) as client:
        client.rename_folder(chosen, imap_server.named("Clients"))
    imap_server.append(REP, "Clients", letter(2), MARCH)
    office.sync(mailbox)
    id = mailbox.key.mailbox
    told = api.get(f"/v1/mailboxes/{id}")
    assert (told["state"], told["error"]["code"]) == ("incomplete", "folder_failing")
    listed = follow(api, told["error"]["remedy"], "GET", mailbox_id=id)["problems"]
    (remedy,) = [one["remedy"] for one in listed if one["code"] == "folder_unknown"]
    assert "to folders that there are, or `folders` to `all`" in remedy
    names = [one["name"] for one in follow(api, remedy, "GET", mailbox_id=id)["folders"]]
    assert imap_server.named("Clients") in names
    folders = "all" if way == "all" else [one for one in names if one.endswith("Clients")]
    follow(api, remedy, "PATCH", {"folders": folders}, mailbox_id=id)
    office.sync(mailbox)
    assert api.get(f"/v1/mailboxes/{id}")["state"] == "healthy"
    assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]


@pytest.mark.parametrize(
    ("folder", "code", "remedy"),
    [
        ("Trash", "trash", "If a message in it is wanted, move it to a folder that is read."),
        ("Junk", "junk", "If a message in it is no junk, move it to the Inbox."),
        (
            "Sync Issues",
            "no_mail",
            "If it holds mail that is wanted, move that to a folder that is",
        ),
    ],
)
def test_trash_junk_and_no_mail_a_message_that_is_moved_from_there_is_mirrored(
    api: Api,
    office: Office,
    mailbox: Mailbox,
    imap_server: MailboxServer,
    folder: str,
    code: str,
    remedy: str,
) -> None:
    imap_server.create(REP, folder)
    imap_server.append(REP, folder, letter(2), MARCH)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 1"]
    shown = api.get(f"/v1/mailboxes/{mailbox.key.mailbox}/preview")["folders"]
    (left_out,) = [one["left_out"] for one in shown if one["name"] == imap_server.named(folder)]
    assert left_out["code"] == code
    assert left_out["remedy"].startswith(remedy)
    read = "INBOX" if "Inbox" in remedy else next(one["name"] for one in shown if one["read"])
    with imap_server.session(REP) as client:
        client.select_folder(imap_server.named(folder))
        uids = client.search("ALL")
        client.copy(uids, read)
    imap_server.expunge(REP, folder, uids)
    office.sync(mailbox)
    assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]


def test_internal_report_and_mirrored_have_nothing_to_be_done(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    imap_server.append(REP, "INBOX", letter(2, BOSS), MARCH)
    imap_server.append(REP, "INBOX", BOUNCE, MARCH)
    office.sync(mailbox)
    assert office.counts(mailbox)["INBOX"] == {"mirrored": 1, "internal": 1, "report": 1}
    for name in ("mirrored", "internal", "report"):
        assert verdict(api, mailbox, name)["remedy"].startswith("Nothing to do")
