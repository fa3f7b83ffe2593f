"""What a user blocks is not mirrored from their mailboxes, whichever comes first: block or mail."""

from datetime import timedelta
from urllib.parse import quote

import pytest

from mailmirror.domain.coverage_limits import Limit
from mailmirror.domain.mailbox import Mailbox
from mailmirror.runtime import Runtime
from tests.integration.api_calls import Api, Json
from tests.integration.interruptions import before_write
from tests.integration.office import BOSS, KIM, LEE, MARCH, REP, Clock, Office, letter, subjects
from tests.integration.test_hidden_mail import is_readable
from tests.integration.test_polls import syncs
from tests.integration.test_settings import found
from tests.servers.mailbox_server import MailboxServer

BLOCKS = "/v1/users/rep/blocks"
KIM_ALONE, KIM_AND_LEE, LEE_ALONE = "Letter 1", "Letter 2", "Letter 3"
ALL = [LEE_ALONE, KIM_AND_LEE, KIM_ALONE]


@pytest.fixture
def mailbox(office: Office, imap_server: MailboxServer) -> Mailbox:
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    imap_server.append(REP, "INBOX", letter(2, KIM, [REP, LEE]), MARCH)
    imap_server.append(REP, "INBOX", letter(3, LEE), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert on_cards(office) == ALL
    return mailbox


def on_cards(office: Office, user: str = "rep") -> list[str]:
    lines = [*office.card(user, "kim"), *office.card(user, "lee")]
    return sorted(set(subjects(lines)), reverse=True)


def block(api: Api, **named: str) -> Json:
    status, body = api.ask("POST", BLOCKS, body=named)
    assert status == 200, body
    return body


def unblock(api: Api, id: str) -> Json:
    status, body = api.ask("DELETE", f"{BLOCKS}/{id}")
    assert status == 200, body
    return body


NAMED = pytest.mark.parametrize(
    "named",
    [
        {"contact_id": "kim"},
        {"address": KIM.upper()},
    ],
    ids=["contact", "address"],
)


@NAMED
def test_mirrored_mail_of_blocked_persons_alone_is_hidden_and_comes_back(
    api: Api, office: Office, mailbox: Mailbox, named: dict[str, str]
) -> None:
    (shown,) = [one for one in office.card("rep", "kim") if one.summary.subject == KIM_ALONE]
    (blocked,) = block(api, **named)["blocks"]
    assert syncs(office.runtime) == [mailbox.key.mailbox]
    office.sync(found(office, mailbox))
    assert on_cards(office) == [LEE_ALONE, KIM_AND_LEE]
    assert not is_readable(office, shown.summary.message)
    assert office.counts(mailbox)["INBOX"] == {"blocked": 1, "mirrored": 2}
    assert unblock(api, blocked["block_id"])["blocks"] == []
    office.sync(found(office, mailbox))
    assert on_cards(office) == ALL
    assert office.counts(mailbox)["INBOX"] == {"mirrored": 3}


@NAMED
def test_new_mail_of_blocked_persons_is_not_stored_until_the_block_is_removed(
    api: Api,
    office: Office,
    mailbox: Mailbox,
    imap_server: MailboxServer,
    named: dict[str, str],
) -> None:
    (blocked,) = block(api, **named)["blocks"]
    imap_server.append(REP, "INBOX", letter(4), MARCH)
    office.sync(found(office, mailbox))
    assert on_cards(office) == [LEE_ALONE, KIM_AND_LEE]
    assert office.counts(mailbox)["INBOX"] == {"blocked": 2, "mirrored": 2}
    unblock(api, blocked["block_id"])
    office.sync(found(office, mailbox))
    assert on_cards(office) == ["Letter 4", *ALL]


def test_a_blocked_domain_takes_all_its_addresses(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    domain = KIM.partition("@")[2]
    assert LEE.endswith(f"@{domain}")
    block(api, domain=f"@{domain.upper()}")
    office.sync(found(office, mailbox))
    assert on_cards(office) == []
    assert office.counts(mailbox)["INBOX"] == {"blocked": 3}


def test_blocks_are_of_one_user_alone(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    imap_server.append(BOSS, "INBOX", letter(1, KIM, [BOSS]), MARCH)
    boss = office.connect(imap_server, "boss", BOSS)
    office.sync(boss)
    block(api, contact_id="kim")
    for one in (mailbox, boss):
        office.sync(found(office, one))
    assert KIM_ALONE not in on_cards(office)
    assert on_cards(office, "boss") == [KIM_ALONE]
    path = "/v1/users/boss/blocks"
    assert api.ask("GET", path)[0] == 404
    assert api.ask("POST", path, body={"contact_id": "kim"})[0] == 404
    assert api.ask("GET", path, user="boss") == (200, {"blocks": []})


def test_a_mailbox_that_is_connected_later_follows_its_owners_blocks(
    api: Api, office: Office, imap_server: MailboxServer
) -> None:
    block(api, contact_id="kim")
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    imap_server.append(REP, "INBOX", letter(3, LEE), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert on_cards(office) == [LEE_ALONE]


def test_a_block_follows_a_merge_to_all_addresses_of_the_contact(
    api: Api, office: Office, mailbox: Mailbox, clock: Clock
) -> None:
    """KIM is blocked and is found to be LEE: all mail is of a blocked person."""
    block(api, contact_id="kim")
    office.sync(found(office, mailbox))
    assert on_cards(office) == [LEE_ALONE, KIM_AND_LEE]
    office.tell("contact.merged", MARCH, id="kim", winner_id="lee")
    assert is_late(api, "lee")
    clock.advance(timedelta(hours=2))
    office.sync(found(office, mailbox))
    assert on_cards(office) == []
    assert not is_late(api, "lee")
    office.tell("contact.upserted", MARCH + timedelta(days=1), id="kim", name="kim", emails=[KIM])
    assert is_late(api, "lee")  # its mail is hidden still
    clock.advance(timedelta(hours=2))
    office.sync(found(office, mailbox))
    assert on_cards(office) == [LEE_ALONE, KIM_AND_LEE]


def test_a_block_follows_a_merge_of_two_contacts_with_one_address(
    api: Api, office: Office, mailbox: Mailbox, clock: Clock
) -> None:
    """LEE's mail is no blocked person's while two have the address, of whom one is not blocked."""
    office.tell("contact.upserted", MARCH, id="dup", name="Dup", emails=[LEE])
    block(api, contact_id="dup")
    office.sync(found(office, mailbox))
    assert LEE_ALONE in on_cards(office)
    office.tell("contact.merged", MARCH + timedelta(days=1), id="dup", winner_id="lee")
    assert is_late(api, "lee")
    clock.advance(timedelta(hours=2))
    office.sync(found(office, mailbox))
    assert LEE_ALONE not in on_cards(office)
    office.tell("contact.upserted", MARCH + timedelta(days=2), id="dup", name="D", emails=[LEE])
    assert is_late(api, "lee")
    clock.advance(timedelta(hours=2))
    office.sync(found(office, mailbox))
    assert LEE_ALONE in on_cards(office)
    assert not is_late(api, "lee")


def test_a_blocked_persons_card_is_late_until_mail_with_a_new_person_is_on_it(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    block(api, contact_id="lee")
    with_stranger = letter(9, LEE, [REP, "stranger@else.example"])
    imap_server.append(REP, "INBOX", with_stranger, MARCH)
    for _ in range(2):
        office.sync(found(office, mailbox))
        clock.advance(timedelta(hours=2))
    assert not is_late(api, "lee")
    office.tell("contact.upserted", id="new", name="New", emails=["stranger@else.example"])
    assert is_late(api, "lee")
    assert not is_late(api, "kim")
    clock.advance(timedelta(hours=2))
    office.sync(found(office, mailbox))
    assert "Letter 9" in subjects(office.card("rep", "lee"))
    assert not is_late(api, "lee")


def is_late(api: Api, contact: str) -> bool:
    return "late_facts" in api.get(f"/v1/contacts/{contact}/messages")["coverage"]["gaps"]


def test_a_block_follows_a_lead_to_the_contact_that_it_becomes(
    api: Api, office: Office, mailbox: Mailbox, clock: Clock
) -> None:
    """The contact had its addresses before: the conversion gives it none."""
    office.tell("lead.upserted", id="7", name="Lead", emails=["lead@customer.example"])
    block(api, lead_id="7")
    office.sync(found(office, mailbox))
    assert on_cards(office) == ALL
    office.tell("lead.converted", MARCH, id="7", contact_id="kim")
    assert is_late(api, "kim")
    clock.advance(timedelta(hours=2))
    office.sync(found(office, mailbox))
    assert on_cards(office) == [LEE_ALONE, KIM_AND_LEE]


@pytest.mark.parametrize("write", [1, 2, 3, 4, 5])
def test_mail_that_a_sync_mirrors_while_its_person_is_blocked_is_hidden_by_the_next(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer, write: int
) -> None:
    def block_kim() -> None:
        block(api, contact_id="kim")

    imap_server.append(REP, "INBOX", letter(4), MARCH)
    with before_write(office.runtime, write, block_kim) as reached:
        office.sync(found(office, mailbox))
    assert reached
    office.sync(found(office, mailbox))
    assert on_cards(office) == [LEE_ALONE, KIM_AND_LEE]
    assert office.counts(mailbox)["INBOX"] == {"blocked": 2, "mirrored": 2}


def test_two_writers_of_a_users_blocks_keep_the_changes_of_both(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    """The other one writes twice after this one has read, and before it writes."""
    (lee,) = block(api, contact_id="lee")["blocks"]

    def block_kim_and_unblock_lee() -> None:
        block(api, contact_id="kim")
        unblock(api, lee["block_id"])

    with before_write(office.runtime, 1, block_kim_and_unblock_lee) as reached:
        block(api, address="x@else.example")
    assert reached
    _, body = api.ask("GET", BLOCKS)
    assert [one.get("contact_id") or one["address"] for one in body["blocks"]] == [
        "kim",
        "x@else.example",
    ]
    office.sync(found(office, mailbox))
    assert on_cards(office) == [LEE_ALONE, KIM_AND_LEE]


def test_a_card_is_late_until_old_mail_follows_a_block_and_its_owner_knows_of_the_limit(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    path = "/v1/contacts/kim/messages"
    (blocked,) = block(api, address=KIM)["blocks"]
    assert api.get(path)["coverage"]["gap"] == "late_facts"
    office.sync(found(office, mailbox))
    assert api.get(path)["coverage"]["complete"]
    assert Limit.PERSONS_BLOCKED in office.coverage("rep", "kim").mailboxes[0].limits
    unblock(api, blocked["block_id"])
    assert api.get(path)["coverage"]["gap"] == "late_facts"
    office.sync(found(office, mailbox))
    assert api.get(path)["coverage"]["complete"]
    assert Limit.PERSONS_BLOCKED not in office.coverage("rep", "kim").mailboxes[0].limits


def test_a_repeat_changes_nothing_and_blocks_are_listed_in_their_order(
    api: Api, office: Office, clock: Clock
) -> None:
    odd = "o'brien/sales@customer.example"
    first = block(api, address=odd)
    clock.advance(timedelta(minutes=1))
    assert block(api, address=odd) == first
    listed = block(api, domain="bücher.example")["blocks"]
    assert [one.get("address") or one.get("domain") for one in listed] == [
        odd,
        "xn--bcher-kva.example",
    ]
    assert api.get(BLOCKS)["blocks"] == listed
    assert all(one["block_id"] == quote(one["block_id"], safe="") for one in listed)
    for one in listed:
        unblock(api, one["block_id"])
    assert unblock(api, listed[0]["block_id"]) == {"blocks": []}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid_field"),
        ({"address": KIM, "domain": "customer.example"}, 422, "invalid_field"),
        ({"address": "kim"}, 422, "invalid_email"),
        ({"domain": "example"}, 422, "invalid_field"),
        ({"domain": "not a domain.example"}, 422, "invalid_field"),
        ({"contact_id": "unknown"}, 404, "not_found"),
        ({"lead_id": "kim"}, 404, "not_found"),
        ({"lead_id": "a b"}, 422, "invalid_field"),
        ({"person": "kim"}, 422, "invalid_field"),
    ],
)
def test_what_is_no_block_is_refused_and_named(
    api: Api, body: dict[str, object], status: int, code: str
) -> None:
    answered = api.answered("POST", BLOCKS, body=body)
    assert (answered.status, answered.code) == (status, code)
    assert api.get(BLOCKS) == {"blocks": []}


def test_too_many_blocks_are_refused_until_one_is_removed(
    api: Api, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.domain.blocks.MAX_BLOCKS", 1)
    (first,) = block(api, address=KIM)["blocks"]
    status, refused = api.ask("POST", BLOCKS, body={"address": LEE})
    assert (status, refused["code"]) == (409, "too_many_blocks")
    assert "`DELETE /v1/users/{user_id}/blocks/{block_id}`" in refused["remedy"]
    unblock(api, first["block_id"])
    assert [one["address"] for one in block(api, address=LEE)["blocks"]] == [LEE]
