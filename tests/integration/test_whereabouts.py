"""A message says whose cards and which deals it is on, why, and what persons have said of that."""

from datetime import timedelta

import pytest

from mailmirror.domain.mailbox import Mailbox
from tests.integration.api_calls import Api, Json
from tests.integration.office import BOSS, KIM, LEE, MARCH, REP, Office, letter
from tests.integration.test_overrides import (
    deal,
    erased,
    event_says,
    line_of,
    numbers,
    on_message,
    on_thread,
)
from tests.servers.dovecot import Dovecot


@pytest.fixture
def mailbox(office: Office, dovecot: Dovecot) -> Mailbox:
    """Rep's, with letters 1 and 2 of one thread of Kim's, which is on her deal `d`."""
    deal(office, "d", "open", -20, "kim")
    deal(office, "other", "open", -20, "nobody")
    dovecot.append(REP, "INBOX", letter(1), MARCH)
    dovecot.append(REP, "INBOX", letter(2, replies_to=[1]), MARCH)
    mailbox = office.connect(dovecot, "rep", REP)
    office.sync(mailbox)
    assert numbers(office.deal("rep", "d")) == [1, 2]
    return mailbox


def message(office: Office, api: Api, number: int, user: str = "rep", **query: str) -> Json:
    id = line_of(office, number).summary.message
    return api.get(f"/v1/messages/{id}", user, **query)


def why(found: Json) -> dict[str, str]:
    """The deals of a message, and the reason for each."""
    return {one["id"]: one["by"]["code"] for one in found["deals"]}


def said(found: Json) -> list[tuple[str, bool, bool, str]]:
    """Its overrides: deal, whether on the whole thread, attached, and what became of it."""
    return [
        (one["deal_id"], one["message_id"] is None, one["attached"], one["standing"])
        for one in found["overrides"]
    ]


# Persons


ON_CARD: Json = {"taken_off": []}


def test_a_message_names_the_persons_and_by_which_of_its_addresses(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, api: Api
) -> None:
    home = "kim@home.example"
    office.tell("lead.upserted", id="kim", name="Kim as a lead", emails=[home, KIM])
    office.tell("contact.upserted", id="boss", name="The boss as a contact", emails=[BOSS])
    raw = letter(3, to=[REP, BOSS, LEE, home, "who@else.example"])
    dovecot.append(REP, "INBOX", raw, MARCH)
    office.sync(mailbox)
    assert message(office, api, 3)["persons"] == [
        {"kind": "contact", "id": "kim", "name": "kim", "addresses": [KIM], **ON_CARD},
        {"kind": "contact", "id": "lee", "name": "lee", "addresses": [LEE], **ON_CARD},
        {"kind": "lead", "id": "kim", "name": "Kim as a lead", "addresses": [KIM, home], **ON_CARD},
    ]


def test_a_message_names_persons_as_they_are_now(
    office: Office, mailbox: Mailbox, api: Api
) -> None:
    office.tell("lead.upserted", id="l", name="Lena", emails=[KIM])
    id = line_of(office, 1).summary.message
    office.tell("contact.deleted", MARCH, id="kim")
    assert [one["name"] for one in api.get(f"/v1/messages/{id}")["persons"]] == ["Lena"]
    office.tell("lead.upserted", MARCH, id="l", name="Lena", emails=["lena@else.example"])
    status, _ = api.ask("GET", f"/v1/messages/{id}")
    assert status == 404, "no person has any of its addresses"


def test_a_message_names_the_persons_of_every_version_that_the_reader_has_and_of_no_other(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, api: Api
) -> None:
    """Boss's copy of the same message names another person."""
    dovecot.append(REP, "INBOX", letter(3, KIM, text="One."), MARCH)
    dovecot.append(BOSS, "INBOX", letter(3, LEE, to=[BOSS], text="Two."), MARCH)
    office.sync(mailbox)
    office.sync(office.connect(dovecot, "boss", BOSS))
    found = {user: message(office, api, 3, user)["persons"] for user in ("rep", "boss")}
    assert [one["id"] for one in found["rep"]] == ["kim"]
    assert [one["id"] for one in found["boss"]] == ["lee"]
    dovecot.append(REP, "INBOX", letter(3, LEE, to=[BOSS], text="Two."), MARCH + timedelta(hours=1))
    office.sync(mailbox)
    both = message(office, api, 3)
    assert len(both["versions"]) == 2
    assert [one["id"] for one in both["persons"]] == ["kim", "lee"]
    other = message(office, api, 3, version=both["versions"][1]["id"])
    assert (other["persons"], other["deals"]) == (both["persons"], both["deals"])


@pytest.mark.exceeds("MAX_LOOKED_UP_PARTICIPANTS")
def test_participants_beyond_the_limit_are_counted_and_not_looked_up(
    office: Office,
    dovecot: Dovecot,
    mailbox: Mailbox,
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailmirror.usecases.cards.whereabouts.MAX_LOOKED_UP_PARTICIPANTS", 2)
    dovecot.append(
        REP, "INBOX", letter(3, to=[REP, "a@else.example", "b@else.example", LEE]), MARCH
    )
    office.sync(mailbox)
    found = message(office, api, 3)
    assert [one["id"] for one in found["persons"]] == ["kim"]
    assert found["further_addresses"] == 2


# Deals


def test_a_message_names_its_deals_and_why_it_is_on_each(
    office: Office, mailbox: Mailbox, api: Api
) -> None:
    deal(office, "third", "open", -20, "nobody")
    on_thread(office, "other", 1, attached=True)
    on_message(office, "third", 1, attached=True)
    first, second = message(office, api, 1), message(office, api, 2)
    attached = {"other": "thread_attached"}
    assert why(first) == {"d": "match", "third": "message_attached"} | attached
    assert why(second) == {"d": "match"} | attached
    (matched,) = [one for one in first["deals"] if one["id"] == "d"]
    assert (matched["name"], matched["by"]["user_id"], matched["by"]["at"]) == ("d", None, None)
    (by_person,) = [one["by"] for one in first["deals"] if one["id"] == "third"]
    assert (by_person["user_id"], by_person["user_name"]) == ("rep", "rep")
    assert by_person["message_id"] == first["id"]
    assert by_person["at"] == first["overrides"][0]["at"]


def test_every_reason_has_a_call_that_takes_the_message_off_the_deal(
    office: Office, mailbox: Mailbox, api: Api
) -> None:
    deal(office, "third", "open", -20, "nobody")
    on_thread(office, "other", 1, attached=True)
    on_message(office, "third", 1, attached=True)
    for one in message(office, api, 1)["deals"]:
        assert 1 in numbers(office.deal("rep", one["id"]))
        api.follow(one["by"]["undo"])
        assert office.deal("rep", one["id"]) == []
        assert one["id"] not in why(message(office, api, 1))


def test_reasons_and_remedies_are_in_the_readers_language(
    office: Office, mailbox: Mailbox, api: Api
) -> None:
    on_thread(office, "other", 1, attached=True)
    id = line_of(office, 1).summary.message
    for language in ("en", "ja"):
        status, found = api.ask("GET", f"/v1/messages/{id}", language=language)
        assert status == 200
        texts = [one["by"] for one in found["deals"]] + found["overrides"]
        assert len(texts) == 3
        for one in texts:
            for text in (one["reason"], one["remedy"]):
                assert text.isascii() == (language == "en"), text


def test_a_deleted_deal_is_none_of_a_messages_and_its_overrides_stay_told(
    office: Office, mailbox: Mailbox, api: Api
) -> None:
    on_thread(office, "other", 1, attached=True)
    office.tell("deal.deleted", MARCH, id="other")
    found = message(office, api, 1)
    assert why(found) == {"d": "match"}
    (override,) = found["overrides"]
    assert (override["deal_id"], override["deal_name"]) == ("other", None)
    assert (override["standing"], override["undo"]) == ("counts", None)


@pytest.mark.exceeds("MAX_NAMED_DEALS")
def test_deals_beyond_the_limit_are_counted(
    office: Office, mailbox: Mailbox, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.usecases.cards.whereabouts.MAX_NAMED_DEALS", 1)
    on_thread(office, "other", 1, attached=True)
    found = message(office, api, 1)
    assert why(found) == {"other": "thread_attached"}, "what a person said comes first"
    assert found["further_deals"] == 1


# Overrides


def test_a_message_tells_every_override_and_which_counts(
    office: Office, mailbox: Mailbox, api: Api
) -> None:
    on_thread(office, "d", 1, attached=False)
    on_thread(office, "d", 1, attached=True)
    assert said(message(office, api, 1)) == [
        ("d", True, True, "counts"),
        ("d", True, False, "replaced"),
    ]
    on_message(office, "d", 1, attached=False)
    assert said(message(office, api, 1)) == [
        ("d", False, False, "counts"),
        ("d", True, True, "outranked"),
        ("d", True, False, "replaced"),
    ]
    assert said(message(office, api, 2)) == [
        ("d", True, True, "counts"),
        ("d", True, False, "replaced"),
    ]


def test_an_override_that_counts_has_the_call_that_undoes_it_and_no_other_has(
    office: Office, mailbox: Mailbox, api: Api
) -> None:
    on_thread(office, "d", 1, attached=False)
    on_message(office, "other", 1, attached=True)
    for one in message(office, api, 1)["overrides"]:
        before = 1 in numbers(office.deal("rep", one["deal_id"]))
        api.follow(one["undo"])
        assert (1 in numbers(office.deal("rep", one["deal_id"]))) != before
    replaced = [one for one in message(office, api, 1)["overrides"] if one["standing"] != "counts"]
    assert len(replaced) == 2
    assert [one["undo"] for one in replaced] == [None, None]


def test_an_event_that_came_late_is_told_as_replaced(
    office: Office, mailbox: Mailbox, api: Api
) -> None:
    thread = line_of(office, 1).thread
    event_says(office, "10", 1, thread, attached=False)
    event_says(office, "9", 2, thread, attached=True)
    assert said(message(office, api, 1)) == [
        ("d", True, False, "counts"),
        ("d", True, True, "replaced"),
    ]


@pytest.mark.parametrize("number", [1, 2])
def test_an_override_under_an_older_thread_id_is_told_under_the_present_one(
    office: Office, dovecot: Dovecot, api: Api, number: int
) -> None:
    deal(office, "d", "open", -20, "kim")
    for one in (1, 2):
        dovecot.append(REP, "INBOX", letter(one), MARCH)
    mailbox = office.connect(dovecot, "rep", REP)
    office.sync(mailbox)
    on_thread(office, "d", number, attached=True)
    on_thread(office, "d", number, attached=False)
    dovecot.append(REP, "INBOX", letter(3, replies_to=[1, 2]), MARCH)
    office.sync(mailbox)
    for one in (1, 2, 3):
        found = message(office, api, one)
        assert said(found) == [("d", True, False, "counts"), ("d", True, True, "replaced")]
        assert found["overrides"][0]["undo"]["path"] == f"/v1/deals/d/threads/{found['thread_id']}"
    api.follow(message(office, api, 3)["overrides"][0]["undo"])
    assert numbers(office.deal("rep", "d")) == [1, 2, 3]


def test_who_gave_an_override_is_told_to_every_reader_of_the_message_and_nothing_else_of_them(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, api: Api
) -> None:
    dovecot.append(BOSS, "INBOX", letter(1), MARCH)
    dovecot.append(BOSS, "INBOX", letter(5, LEE, to=[BOSS], replies_to=[1]), MARCH)
    office.sync(office.connect(dovecot, "boss", BOSS))
    on_thread(office, "d", 1, attached=False)
    hidden = office.card("boss", "lee")[0].summary.message
    status, _ = api.ask("PUT", f"/v1/deals/d/messages/{hidden}", "boss")
    assert status == 200
    for user in ("rep", "boss"):
        (override,) = message(office, api, 1, user)["overrides"]
        assert (override["user_id"], override["user_name"]) == ("rep", "rep")
    found = message(office, api, 1)
    assert hidden not in str(found)
    assert LEE not in str(found)


def test_a_message_of_another_user_or_of_an_erased_mailbox_is_not_there(
    office: Office, mailbox: Mailbox, api: Api
) -> None:
    on_thread(office, "d", 1, attached=False)
    path = f"/v1/messages/{line_of(office, 1).summary.message}"
    status, problem = api.ask("GET", path, "boss")
    assert (status, problem["code"]) == (404, "not_found")
    erased(office, mailbox)
    status, problem = api.ask("GET", path)
    assert (status, problem["code"]) == (404, "not_found")


@pytest.mark.exceeds("MAX_NAMED_OVERRIDES")
def test_of_many_overrides_those_that_count_and_the_latest_are_told(
    office: Office, mailbox: Mailbox, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.usecases.cards.whereabouts.MAX_NAMED_OVERRIDES", 2)
    on_thread(office, "d", 1, attached=False)
    for attached in (True, False, True):
        on_thread(office, "other", 1, attached=attached)
    found = message(office, api, 1)
    assert said(found) == [("other", True, True, "counts"), ("d", True, False, "counts")]
    assert found["overrides_complete"] is False
    assert message(office, api, 2)["overrides_complete"] is False


@pytest.mark.exceeds("MAX_SEARCHED_OVERRIDES")
def test_what_counts_is_told_though_a_deal_has_more_overrides_than_are_read(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_thread(office, "d", 1, attached=True)
    on_thread(office, "d", 1, attached=False)
    dovecot.append(REP, "INBOX", letter(7), MARCH)
    office.sync(mailbox)
    for attached in (True, False, True):
        on_thread(office, "d", 7, attached=attached)
    assert message(office, api, 1)["overrides_complete"] is True
    monkeypatch.setattr("mailmirror.usecases.cards.whereabouts.MAX_SEARCHED_OVERRIDES", 2)
    found = message(office, api, 1)
    assert said(found) == [("d", True, False, "counts")]
    assert found["overrides_complete"] is False


def test_a_deal_is_read_once_however_many_overrides_it_has(
    office: Office, mailbox: Mailbox, api: Api
) -> None:
    path = f"/v1/messages/{line_of(office, 1).summary.message}"
    meter = office.runtime.table.meter

    def requests() -> int:
        before = meter.requests
        api.get(path)
        return meter.requests - before

    on_thread(office, "d", 1, attached=False)
    few = requests()
    for attached in (True, False) * 5:
        on_thread(office, "d", 1, attached=attached)
    assert requests() == few
