"""What is on a deal, and what persons have taken off it, so that it can be put back."""

import base64
from collections.abc import Iterator
from datetime import timedelta

import pytest

from mailmirror.domain.mailbox import Mailbox, MailboxKey
from mailmirror.runtime import Runtime
from tests.integration.api_calls import Api, Json
from tests.integration.office import BOSS, KIM, MARCH, REP, Office, letter
from tests.integration.test_overrides import (
    deal,
    event_says,
    line_of,
    numbers,
    on_message,
    on_thread,
)
from tests.integration.test_pages import connected, mirror
from tests.servers.dovecot import Dovecot

ON = "/v1/deals/d/threads"
LISTS = "mailmirror.usecases.cards.deal_threads"
READING = "mailmirror.usecases.cards.listed_threads"


@pytest.fixture
def mailbox(office: Office, dovecot: Dovecot) -> Mailbox:
    """Rep's, with Kim's letters 1 and 2, of threads of their own, and 3, a reply to 1."""
    deal(office, "d", "open", -20, "kim")
    for raw in (letter(1), letter(2), letter(3, replies_to=[1])):
        dovecot.append(REP, "INBOX", raw, MARCH)
    mailbox = office.connect(dovecot, "rep", REP)
    office.sync(mailbox)
    assert numbers(office.deal("rep", "d")) == [1, 2, 3]
    return mailbox


def lines(api: Api, user: str = "rep", path: str = ON, **query: str) -> list[Json]:
    """A list, whole, page by page."""
    return [line for page in pages(api, user, path, **query) for line in page["threads"]]


def pages(api: Api, user: str = "rep", path: str = ON, **query: str) -> Iterator[Json]:
    cursor: dict[str, str] = {}
    while True:
        page = api.get(path, user, **query, **cursor)
        yield page
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


def told(found: list[Json]) -> list[tuple[str, int, list[str]]]:
    return [
        (one["subject"], one["messages"], [why["code"] for why in one["reasons"]]) for one in found
    ]


def taken_off(api: Api, user: str = "rep") -> list[Json]:
    return lines(api, user, detached="true")


# What is on a deal


def test_a_thread_is_a_line_at_its_newest_message(
    office: Office, mailbox: Mailbox, api: Api
) -> None:
    first, second = lines(api)
    assert first == {
        "thread_id": line_of(office, 3).thread,
        "message_id": None,
        "subject": "Letter 3",
        "instant": "2026-03-01T12:00:00Z",
        "messages": 2,
        "messages_on_deal": 2,
        "counted": True,
        "reasons": first["reasons"],
        "further_reasons": 0,
    }
    (why,) = first["reasons"]
    assert (why["code"], why["user_id"], why["at"]) == ("match", None, None)
    assert told([second]) == [("Letter 2", 1, ["match"])]


def test_a_list_says_how_far_it_can_be_trusted_as_the_card_does(
    office: Office, mailbox: Mailbox, api: Api
) -> None:
    def coverage() -> Json:
        found: Json = api.get(ON)["coverage"]
        assert found == api.get("/v1/deals/d/messages")["coverage"]
        return found

    assert coverage()["gap"] == "matches_pending"
    office.match_again()
    assert coverage()["complete"] is True
    assert api.get(ON, detached="true")["coverage"] is None


def test_why_a_thread_is_on_a_deal_is_by_whom_and_when(
    office: Office, mailbox: Mailbox, api: Api
) -> None:
    deal(office, "other", "open", -20, "nobody")
    on_thread(office, "other", 2, attached=True)
    on_message(office, "other", 1, attached=True)
    other = lines(api, path="/v1/deals/other/threads")
    assert told(other) == [
        ("Letter 2", 1, ["thread_attached"]),
        ("Letter 1", 2, ["message_attached"]),
    ]
    assert [one["messages_on_deal"] for one in other] == [1, 1]
    for one in other:
        (why,) = one["reasons"]
        assert (why["user_id"], why["user_name"]) == ("rep", "rep")
        assert why["at"] is not None
    on_thread(office, "other", 1, attached=True)
    (both,) = [one for one in lines(api, path="/v1/deals/other/threads") if one["messages"] == 2]
    assert [why["code"] for why in both["reasons"]] == ["thread_attached", "message_attached"]
    assert (both["subject"], both["messages_on_deal"]) == ("Letter 3", 2)


def test_the_calls_of_every_line_take_its_thread_off(
    office: Office, mailbox: Mailbox, api: Api
) -> None:
    on_message(office, "d", 3, attached=True)
    for one in lines(api):
        for why in one["reasons"]:
            api.follow(why["undo"])
    assert office.deal("rep", "d") == []
    assert lines(api) == []


def test_a_line_counts_and_shows_only_what_its_reader_has(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, api: Api
) -> None:
    for raw in (letter(1), letter(4, KIM, to=[BOSS], replies_to=[1]), letter(5, KIM, to=[BOSS])):
        dovecot.append(BOSS, "INBOX", raw, MARCH)
    office.sync(office.connect(dovecot, "boss", BOSS))
    assert told(lines(api)) == [("Letter 3", 2, ["match"]), ("Letter 2", 1, ["match"])]
    assert told(lines(api, "boss")) == [("Letter 5", 1, ["match"]), ("Letter 4", 2, ["match"])]
    status, _ = api.ask(
        "PUT", f"/v1/deals/d/messages/{office.deal('boss', 'd')[1].summary.message}", "boss"
    )
    assert status == 200
    (shared,) = [one for one in lines(api) if one["messages"] == 2]
    assert [why["code"] for why in shared["reasons"]] == ["match"], "boss's message is not rep's"


@pytest.mark.parametrize("limit", ["1", "2", "3", "100"])
def test_every_thread_is_listed_once_whatever_the_size_of_a_page(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, api: Api, limit: str
) -> None:
    for number in range(10, 22):
        replies_to = [number - 3] if number >= 13 else []
        dovecot.append(REP, "INBOX", letter(number, replies_to=replies_to), MARCH)
    office.sync(mailbox)
    expected = ["Letter 21", "Letter 20", "Letter 19", "Letter 3", "Letter 2"]
    found = list(pages(api, limit=limit))
    assert [one["subject"] for page in found for one in page["threads"]] == expected
    assert all(len(page["threads"]) <= int(limit) for page in found)


def test_a_message_that_was_taken_off_is_no_threads_newest(
    office: Office, mailbox: Mailbox, api: Api
) -> None:
    on_message(office, "d", 3, attached=False)
    assert [(one["subject"], one["messages"], one["messages_on_deal"]) for one in lines(api)] == [
        ("Letter 2", 1, 1),
        ("Letter 1", 2, 1),
    ]
    on_message(office, "d", 2, attached=False)
    assert [one["subject"] for one in lines(api, limit="1")] == ["Letter 1"]


def test_a_message_with_two_instants_makes_no_second_line(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, api: Api
) -> None:
    """A content without a Date stands where its copy was received."""
    raw = letter(6).replace(b"Date: ", b"X-Date: ")
    for hours in (30, 60):
        dovecot.append(REP, "INBOX", raw, MARCH + timedelta(hours=hours))
        office.sync(mailbox)
    for limit in ("1", "50"):
        found = lines(api, limit=limit)
        assert [one["subject"] for one in found] == ["Letter 6", "Letter 3", "Letter 2"]
        assert found[0]["instant"] == "2026-03-02T15:00:00Z"


# What was taken off


def test_a_thread_that_was_taken_off_can_be_put_back_and_off_again(
    office: Office, mailbox: Mailbox, api: Api
) -> None:
    on_thread(office, "d", 1, attached=False)
    (off,) = taken_off(api)
    assert told([off]) == [("Letter 3", 2, ["thread_detached"])]
    assert (off["message_id"], off["messages_on_deal"]) == (None, 0)
    (why,) = off["reasons"]
    assert (why["user_id"], why["undo"]["method"]) == ("rep", "PUT")
    assert [one["subject"] for one in lines(api)] == ["Letter 2"]

    api.follow(why["undo"])
    assert numbers(office.deal("rep", "d")) == [1, 2, 3]
    assert taken_off(api) == []
    on = lines(api)[0]
    assert told([on]) == [("Letter 3", 2, ["thread_attached"])]

    api.follow(on["reasons"][0]["undo"])
    assert numbers(office.deal("rep", "d")) == [2]
    assert told(taken_off(api)) == told([off])


def test_a_message_that_was_taken_off_can_be_put_back_and_off_again(
    office: Office, mailbox: Mailbox, api: Api
) -> None:
    message = line_of(office, 1).summary.message
    on_message(office, "d", 1, attached=False)
    (off,) = taken_off(api)
    assert told([off]) == [("Letter 1", 2, ["message_detached"])]
    assert (off["message_id"], off["messages_on_deal"]) == (message, 1)

    api.follow(off["reasons"][0]["undo"])
    assert numbers(office.deal("rep", "d")) == [1, 2, 3]
    assert taken_off(api) == []
    on = lines(api)[0]
    assert [why["code"] for why in on["reasons"]] == ["match", "message_attached"]

    api.follow(on["reasons"][1]["undo"])
    assert numbers(office.deal("rep", "d")) == [2, 3]
    assert told(taken_off(api)) == told([off])


def test_what_was_taken_off_last_comes_first_and_what_was_put_back_does_not_come(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, api: Api
) -> None:
    dovecot.append(REP, "INBOX", letter(4), MARCH)
    office.sync(mailbox)
    on_thread(office, "d", 2, attached=False)
    on_message(office, "d", 3, attached=False)
    on_thread(office, "d", 4, attached=False)
    on_thread(office, "d", 4, attached=True)
    on_thread(office, "d", 1, attached=False)
    expected = ["Letter 3", "Letter 3", "Letter 2"]
    for limit in ("1", "2", "50"):
        found = lines(api, detached="true", limit=limit)
        assert [one["subject"] for one in found] == expected
        assert [one["message_id"] is None for one in found] == [True, False, True]
        assert [one["reasons"][0]["at"] for one in found] == sorted(
            (one["reasons"][0]["at"] for one in found), reverse=True
        )


def test_what_another_user_took_off_is_listed_for_whom_the_mail_is_and_for_no_other(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, api: Api
) -> None:
    dovecot.append(BOSS, "INBOX", letter(1), MARCH)
    office.sync(office.connect(dovecot, "boss", BOSS))
    on_thread(office, "d", 1, attached=False)
    on_thread(office, "d", 2, attached=False)
    on_message(office, "d", 3, attached=False)
    (off,) = taken_off(api, "boss")
    assert told([off]) == [("Letter 1", 1, ["thread_detached"])]
    assert off["reasons"][0]["user_name"] == "rep"
    api.follow(off["reasons"][0]["undo"], "boss")
    assert numbers(office.deal("boss", "d")) == [1]
    assert len(taken_off(api)) == 2


def join(office: Office, dovecot: Dovecot, mailbox: Mailbox) -> None:
    dovecot.append(REP, "INBOX", letter(9, replies_to=[1, 2]), MARCH)
    office.sync(mailbox)


@pytest.mark.parametrize("number", [1, 2])
def test_what_was_taken_off_before_threads_were_joined_is_put_back_under_the_present_id(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, api: Api, number: int
) -> None:
    older = line_of(office, number).thread
    on_thread(office, "d", number, attached=False)
    join(office, dovecot, mailbox)
    present = line_of(office, 9).thread
    (off,) = taken_off(api)
    assert told([off]) == [("Letter 9", 4, ["thread_detached"])]
    assert off["reasons"][0]["undo"]["path"] == f"{ON}/{present}"
    api.follow(off["reasons"][0]["undo"])
    assert numbers(office.deal("rep", "d")) == [1, 2, 3, 9]
    status, answered = api.ask("DELETE", f"{ON}/{older}")
    assert (status, answered["thread_id"]) == (200, present)
    assert told(taken_off(api)) == told([off])


def test_a_detach_that_was_repeated_after_its_thread_was_joined_is_one_line(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, api: Api
) -> None:
    """Its repeat is stored under the present id beside the first."""
    threads = {number: line_of(office, number).thread for number in (1, 2)}
    loser = max(threads, key=lambda number: threads[number])
    event_says(office, "7", 1, threads[loser], attached=False)
    on_message(office, "d", 2 if loser == 1 else 1, attached=False)
    join(office, dovecot, mailbox)
    event_says(office, "7", 2, threads[loser], attached=False)
    for limit in ("1", "50"):
        found = lines(api, detached="true", limit=limit)
        codes = [one["reasons"][0]["code"] for one in found]
        assert sorted(codes) == ["message_detached", "thread_detached"]


# What is refused


def test_bad_input_is_named(office: Office, mailbox: Mailbox, api: Api) -> None:
    deal(office, "gone", "open", -20, "kim")
    deal(office, "e", "open", -20, "lee")
    office.tell("deal.deleted", MARCH, id="gone")
    on_thread(office, "d", 1, attached=False)
    on_thread(office, "d", 2, attached=False)
    off = api.get(ON, detached="true", limit="1")["next_cursor"]
    on_thread(office, "d", 1, attached=True)
    on_thread(office, "d", 2, attached=True)
    on = api.get(ON, limit="1")["next_cursor"]
    card = api.get("/v1/deals/d/messages", limit="1")["next_cursor"]
    assert None not in (off, on, card)
    other = "/v1/deals/e/threads"
    bad = (400, "invalid_cursor")
    for path, query, problem in [
        ("/v1/deals/none/threads", {}, (404, "deal_unknown")),
        ("/v1/deals/none/threads", {"detached": "true"}, (404, "deal_unknown")),
        ("/v1/deals/gone/threads", {}, (409, "deal_deleted")),
        ("/v1/deals/gone/threads", {"detached": "true"}, (409, "deal_deleted")),
        (ON, {"cursor": off}, bad),
        (ON, {"cursor": card}, bad),
        (ON, {"cursor": "é"}, bad),
        (ON, {"cursor": ""}, bad),
        (ON, {"cursor": on[:-8]}, bad),
        (ON, {"cursor": on, "detached": "true"}, bad),
        (other, {"cursor": on}, bad),
        (other, {"cursor": off, "detached": "true"}, bad),
        ("/v1/deals/d/messages", {"cursor": on}, bad),
        (ON, {"cursor": on.swapcase()}, bad),
        (ON, {"limit": "0"}, (422, "invalid_field")),
        (ON, {"limit": "101"}, (422, "invalid_field")),
        (ON, {"limit": "-1"}, (422, "invalid_field")),
        (ON, {"detached": "yes"}, (422, "invalid_field")),
        (ON, {"state": "detached"}, (422, "invalid_field")),
    ]:
        status, answered = api.ask("GET", path, params=query)
        assert (status, answered["code"]) == problem, (path, query)
    status, answered = api.ask("GET", f"{ON}/{line_of(office, 1).thread}")
    assert (status, answered["code"]) == (405, "method_not_allowed")
    status, answered = api.ask("GET", ON, "nobody")
    assert (status, answered["code"]) == (403, "acting_user_unknown")


def test_a_user_without_a_mailbox_sees_nothing(office: Office, mailbox: Mailbox, api: Api) -> None:
    on_thread(office, "d", 1, attached=False)
    assert lines(api, "boss") == taken_off(api, "boss") == []
    assert api.get(ON, "boss")["coverage"]["gap"] == "no_mailbox"


# Bounds


@pytest.fixture
def many(runtime: Runtime) -> tuple[Office, MailboxKey]:
    """An account without a mail server: mail is mirrored as a sync would have fetched it."""
    office = Office(runtime)
    office.tell("deal.upserted", id="d", name="Deal", status="open", contact_ids=["kim"])
    return office, connected(office, "rep", 0)


@pytest.mark.exceeds("MAX_COUNTED_ENTRIES")
def test_a_thread_that_is_too_long_is_listed_once_and_says_that_it_is_not_counted(
    many: tuple[Office, MailboxKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    office, key = many
    api = Api(office)
    mirror(office, key, range(101, 141), reply_to=None)
    mirror(office, key, range(1, 2), reply_to=None)
    mirror(office, key, range(2, 61), reply_to=1)
    monkeypatch.setattr(f"{READING}.MAX_COUNTED_ENTRIES", 50)
    found = lines(api, limit="7")
    subjects = [one["subject"] for one in found]
    assert subjects == [f"Letter {number}" for number in [*range(140, 100, -1), 60]]
    assert [one["counted"] for one in found] == [True] * 40 + [False]
    assert found[-1]["messages"] == 50

    mirror(office, key, range(61, 62), reply_to=1)
    mirror(office, key, range(141, 200), reply_to=1)
    again = [one["subject"] for one in lines(api, limit="7")]
    assert again == ["Letter 199", *(f"Letter {number}" for number in range(140, 100, -1))]

    on_thread_of(api, again[0], "DELETE")
    (off,) = taken_off(api)
    assert (off["messages"], off["counted"]) == (50, False)


@pytest.mark.exceeds("MAX_REMEMBERED_THREADS")
def test_of_long_threads_beyond_those_that_a_cursor_names_one_is_listed_again_and_none_is_lost(
    many: tuple[Office, MailboxKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three threads of five messages, one after the other in turn."""
    office, key = many
    api = Api(office)
    mirror(office, key, range(1, 4), reply_to=None)
    for number in range(4, 16):
        mirror(office, key, range(number, number + 1), reply_to=(number - 1) % 3 + 1)
    monkeypatch.setattr(f"{READING}.MAX_COUNTED_ENTRIES", 4)
    once = ["Letter 15", "Letter 14", "Letter 13"]
    for remembered, limit, expected in [
        (2, "1", once),
        (1, "3", once),
        (1, "1", [f"Letter {number}" for number in range(15, 0, -1)]),
    ]:
        monkeypatch.setattr(f"{LISTS}.MAX_REMEMBERED_THREADS", remembered)
        assert [one["subject"] for one in lines(api, limit=limit)] == expected


@pytest.mark.exceeds("MAX_COUNTED_PARTS")
def test_of_a_thread_with_too_many_absorbed_ones_some_are_counted(
    office: Office,
    dovecot: Dovecot,
    mailbox: Mailbox,
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    join(office, dovecot, mailbox)
    (whole,) = lines(api)
    assert (whole["messages"], whole["counted"]) == (4, True)
    monkeypatch.setattr(f"{READING}.MAX_COUNTED_PARTS", 1)
    (some,) = lines(api)
    assert (some["subject"], some["counted"]) == ("Letter 9", False)
    assert some["messages"] < 4
    on_thread_of(api, "Letter 9", "DELETE")
    assert [one["counted"] for one in taken_off(api)] == [False]


def on_thread_of(api: Api, subject: str, method: str) -> None:
    (line,) = [one for one in lines(api) if one["subject"] == subject]
    assert api.ask(method, f"{ON}/{line['thread_id']}")[0] == 200


@pytest.mark.exceeds("MAX_LISTED_ITEMS")
def test_a_page_that_is_long_to_read_ends_early_and_no_line_is_lost(
    many: tuple[Office, MailboxKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    office, key = many
    api = Api(office)
    mirror(office, key, range(1, 61))
    whole, off = lines(api), list[str]()
    for one in whole:
        api.follow(one["reasons"][0]["undo"])
        off.insert(0, one["thread_id"])
        api.follow(taken_off(api)[0]["reasons"][0]["undo"])
        api.follow(one["reasons"][0]["undo"] | {"method": "DELETE"})
    assert lines(api) == []
    assert [one["thread_id"] for one in taken_off(api)] == off
    for thread in off[:6]:
        api.ask("PUT", f"{ON}/{thread}")
    monkeypatch.setattr(f"{READING}.MAX_LISTED_ITEMS", 20)
    on_pages = list(pages(api))
    assert len(on_pages) > 2
    assert [one["thread_id"] for page in on_pages for one in page["threads"]] == [
        one["thread_id"] for one in whole if one["thread_id"] in off[:6]
    ]
    off_pages = list(pages(api, detached="true"))
    assert len(off_pages) > 2
    assert [one["thread_id"] for page in off_pages for one in page["threads"]] == off[6:]


@pytest.mark.exceeds("MAX_NAMED_REASONS")
def test_of_many_attached_messages_of_a_thread_the_latest_are_named(
    office: Office, mailbox: Mailbox, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 3):
        on_message(office, "d", number, attached=True)
    monkeypatch.setattr(f"{READING}.MAX_NAMED_REASONS", 2)
    found = lines(api)[0]
    assert [why["message_id"] for why in found["reasons"]] == [
        None,
        line_of(office, 3).summary.message,
    ]
    assert found["further_reasons"] == 1


def test_a_page_costs_the_same_with_ten_times_as_many_threads(
    many: tuple[Office, MailboxKey],
) -> None:
    office, key = many
    api = Api(office)
    meter = office.runtime.table.meter

    def requests() -> int:
        api.get(ON, limit="5")
        before = meter.requests
        assert len(api.get(ON, limit="5")["threads"]) == 5
        return meter.requests - before

    mirror(office, key, range(1, 51))
    few = requests()
    mirror(office, key, range(51, 501))
    assert requests() == few


def test_a_cursor_names_its_list_and_deal(office: Office, mailbox: Mailbox, api: Api) -> None:
    cursor = api.get(ON, limit="1")["next_cursor"]
    kind, of_deal, *_ = base64.urlsafe_b64decode(cursor).decode().split("#")
    assert (kind, of_deal) == ("on", "d")
