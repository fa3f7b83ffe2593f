"""A thread that is taken off a deal stays off, and comes back by a person's hand alone."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailmirror.domain.problems import Code
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.problems import PROBLEMS
from tests.crm import Crm, Json, contact, deal, event, user
from tests.servers.dovecot import Dovecot
from tests.stack.feed import told
from tests.stack.mailing import Login
from tests.stack.team import SYNC_SECONDS
from tests.stack.test_mirror import Desk, code, mail, numbers, only, subjects
from tests.stack.waiting import wait_for

NOBODYS = "0" * 32
"""An id that could be a thread's or a message's, and is none's."""
ROLLOUT = "deals/rollout"


def override(
    verb: str, by: str = "fay", deal: str | None = "rollout", **target: str | None
) -> Json:
    """An event that somebody attached or detached something now."""
    now = datetime.now(UTC)
    data = {"deal_id": deal, "user_id": by, **target}
    return event(f"association.{verb}", now, item=None, **data)


@pytest.fixture(scope="module")
def desk(new_crm: Callable[[], Crm], mail_server: Dovecot, new_login: Callable[[], Login]) -> Desk:
    """Fay's mailbox with two letters of Kim's, of threads of their own; Gus has none."""
    made = Desk(new_crm(), mail_server, new_login)
    told(made.crm, deal("elsewhere"), user("gus", "gus@us.example"))
    made.open("fay", mail(1), mail(11))
    return made


def on_card(desk: Desk, card: str) -> list[str]:
    return subjects(desk.crm.card(card, "fay"))


def line(desk: Desk, number: int) -> Json:
    return only(desk.crm.card("contacts/kim", "fay"), *numbers(number))


def give(desk: Desk, method: str, deal: str, target: str) -> Json:
    answer = desk.crm.ask(method, f"/deals/{deal}/{target}", "fay")
    assert answer.status_code == 200, answer.text
    given: Json = answer.json()
    return given


def test_a_thread_taken_off_a_deal_does_not_come_back_with_the_customers_reply(desk: Desk) -> None:
    assert on_card(desk, ROLLOUT) == numbers(11, 1)
    thread = line(desk, 1)["thread_id"]

    told(desk.crm, override("detached", thread_id=thread))
    assert on_card(desk, ROLLOUT) == numbers(11)

    desk.deliver("fay", mail(2, In_Reply_To="<number-1@customer.example>"))
    desk.crm.sync(desk.mailboxes["fay"])
    wait_for(
        "the reply",
        lambda: on_card(desk, "contacts/kim"),
        lambda seen: seen == numbers(11, 2, 1),
        SYNC_SECONDS,
    )
    reply = line(desk, 2)
    assert reply["thread_id"] == thread
    assert on_card(desk, ROLLOUT) == numbers(11)

    given = give(desk, "PUT", "rollout", f"threads/{thread}")
    assert on_card(desk, ROLLOUT) == numbers(11, 2, 1)
    assert given == {
        "deal_id": "rollout",
        "thread_id": thread,
        "message_id": None,
        "attached": True,
        "user_id": "fay",
        "at": given["at"],
    }

    given = give(desk, "DELETE", "rollout", f"messages/{reply['id']}")
    assert on_card(desk, ROLLOUT) == numbers(11, 1)
    assert (given["message_id"], given["attached"]) == (reply["id"], False)


def test_an_override_is_in_the_very_next_read(desk: Desk) -> None:
    first = line(desk, 11)
    for target in (f"threads/{first['thread_id']}", f"messages/{first['id']}"):
        for _ in range(3):
            give(desk, "PUT", "elsewhere", target)
            assert on_card(desk, "deals/elsewhere") == numbers(11)
            give(desk, "DELETE", "elsewhere", target)
            assert on_card(desk, "deals/elsewhere") == []


def test_what_was_taken_off_is_listed_with_the_call_that_puts_it_back(desk: Desk) -> None:
    """And what is on a deal with the call that takes it off."""
    told(desk.crm, deal("swapped"))
    first = line(desk, 11)
    thread, message = first["thread_id"], first["id"]
    give(desk, "PUT", "swapped", f"threads/{thread}")

    assert undone(desk, detached=False) == ("thread_attached", None)
    assert on_card(desk, "deals/swapped") == []
    assert undone(desk, detached=True) == ("thread_detached", None)
    assert on_card(desk, "deals/swapped") == numbers(11)

    give(desk, "DELETE", "swapped", f"messages/{message}")
    assert desk.crm.get("/deals/swapped/threads", "fay")["threads"] == []
    assert undone(desk, detached=True) == ("message_detached", message)
    assert on_card(desk, "deals/swapped") == numbers(11)

    found = desk.crm.get(f"/messages/{message}", "fay")
    assert [one["id"] for one in found["persons"]] == ["kim"]
    by = {one["id"]: one["by"]["code"] for one in found["deals"]}
    assert (by["rollout"], by["swapped"]) == ("match", "message_attached")
    said = [one for one in found["overrides"] if one["deal_id"] == "swapped"]
    assert [(one["attached"], one["standing"]) for one in said] == [
        (True, "counts"),
        (False, "replaced"),
        (True, "outranked"),
        (False, "replaced"),
        (True, "replaced"),
    ]


def undone(desk: Desk, *, detached: bool) -> tuple[str, str | None]:
    """Make the call of the one line of a list, and return its reason and its message."""
    params = {"detached": "true"} if detached else {}
    (listed,) = desk.crm.get("/deals/swapped/threads", "fay", **params)["threads"]
    (why,) = listed["reasons"]
    assert (listed["subject"], why["user_name"]) == (*numbers(11), "Fay")
    undo = why["undo"]
    answer = desk.crm.ask(undo["method"], undo["path"].removeprefix("/v1"), "fay")
    assert answer.status_code == 200, answer.text
    return why["code"], listed["message_id"]


def test_of_two_events_the_later_counts_though_it_comes_first(desk: Desk) -> None:
    message = line(desk, 1)["id"]
    earlier = override("detached", deal="third", message_id=message)
    later = override("attached", deal="third", message_id=message)

    # With its fields in another order the queue cannot know the last for a repeat.
    told(desk.crm, deal("third"), later, earlier, dict(reversed(earlier.items())))

    assert on_card(desk, "deals/third") == numbers(1)


# What is refused


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_an_override_on_nothing_is_refused(desk: Desk, method: str) -> None:
    told(desk.crm, deal("closed"), event("deal.deleted", item="closed"))
    first = line(desk, 1)
    thread, message = f"threads/{first['thread_id']}", f"messages/{first['id']}"
    before = on_card(desk, ROLLOUT)
    for path, by, problem in [
        (f"none/{thread}", "fay", (404, "deal_unknown")),
        (f"none/{message}", "fay", (404, "deal_unknown")),
        (f"closed/{thread}", "fay", (409, "deal_deleted")),
        (f"closed/{message}", "fay", (409, "deal_deleted")),
        (f"rollout/threads/{NOBODYS}", "fay", (404, "thread_unknown")),
        (f"rollout/messages/{NOBODYS}", "fay", (404, "message_unknown")),
        (f"rollout/threads/{first['id']}", "fay", (404, "thread_unknown")),
        (f"rollout/messages/{first['thread_id']}", "fay", (404, "message_unknown")),
        ("rollout/threads/%20", "fay", (404, "not_found")),
        (f"rollout/{thread}", "gus", (404, "thread_unknown")),
        (f"rollout/{message}", "gus", (404, "message_unknown")),
        (f"rollout/{thread}", None, (400, "acting_user_required")),
        (f"rollout/{message}", "nobody", (403, "acting_user_unknown")),
    ]:
        assert code(desk.crm.ask(method, f"/deals/{path}", by)) == problem, path
    assert on_card(desk, ROLLOUT) == before


def test_another_accounts_deals_threads_and_messages_are_not_there(
    desk: Desk, new_crm: Callable[[], Crm]
) -> None:
    stranger = new_crm()
    told(stranger, user("fay", "fay@other.example"), contact("kim"), deal("own", "kim"))
    first = line(desk, 1)
    for path, problem in [
        (f"own/threads/{first['thread_id']}", (404, "thread_unknown")),
        (f"own/messages/{first['id']}", (404, "message_unknown")),
        (f"rollout/threads/{first['thread_id']}", (404, "deal_unknown")),
    ]:
        assert code(stranger.ask("PUT", f"/deals/{path}", "fay")) == problem, path


def test_an_event_that_names_not_one_of_thread_and_message_is_refused_at_once(desk: Desk) -> None:
    first = line(desk, 1)
    thread, message = first["thread_id"], first["id"]
    bad: list[tuple[Json, str, str]] = [
        (override("detached"), "missing_field", "thread_id"),
        (override("detached", thread_id=None, message_id=None), "missing_field", "thread_id"),
        (override("detached", thread_id=thread, message_id=message), "invalid_field", "thread_id"),
        (override("attached", thread_id="a thread"), "invalid_field", "thread_id"),
        (override("attached", deal=None, thread_id=thread), "missing_field", "deal_id"),
        (override("attached", by="", thread_id=thread), "missing_field", "user_id"),
    ]
    before = on_card(desk, ROLLOUT)

    answer = told(desk.crm, *(one for one, _, _ in bad))

    assert answer["accepted"] == 0
    for problem, (one, expected, field) in zip(answer["refused"], bad, strict=True):
        assert (problem["id"], problem["code"]) == (one["id"], expected)
        assert problem["detail"].startswith(f"data.{field}")
    assert on_card(desk, ROLLOUT) == before


def test_an_event_about_what_is_not_there_is_a_gap_with_its_code_and_remedy(desk: Desk) -> None:
    first = line(desk, 1)
    thread, message = first["thread_id"], first["id"]
    before = on_card(desk, ROLLOUT)
    told(desk.crm, deal("gone"), event("deal.deleted", item="gone"))
    ahead = override("detached", thread_id=thread)
    ahead["occurred_at"] = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
    bad: dict[str, Any] = {
        "user_unknown": override("detached", by="nobody", thread_id=thread),
        "deal_unknown": override("detached", deal="none", thread_id=thread),
        "deal_deleted": override("detached", deal="gone", message_id=message),
        "thread_unknown": override("detached", thread_id=NOBODYS),
        "message_unknown": override("detached", message_id=NOBODYS),
        "event_ahead": ahead,
    }

    answer = told(desk.crm, *bad.values())

    assert answer["accepted"] == len(bad) - 1
    assert [one["code"] for one in answer["refused"]] == ["event_ahead"]
    kept = {one["id"]: one for one in desk.crm.get("/events/refused")["events"]}
    for expected, one in bad.items():
        told_of = kept[one["id"]]
        explanation = PROBLEMS[Code(expected)][Language.EN]
        assert (told_of["code"], told_of["type"]) == (expected, one["type"])
        assert (told_of["reason"], told_of["remedy"]) == (explanation.reason, explanation.remedy)
    assert desk.crm.get("/contacts/kim/messages", "fay")["coverage"]["feed"]["complete"] is False
    assert on_card(desk, ROLLOUT) == before


def test_a_thread_taken_off_a_contacts_card_comes_back_by_the_call_that_its_answer_names(
    desk: Desk,
) -> None:
    before = on_card(desk, "contacts/kim")
    thread, message = (line(desk, 11)[name] for name in ("thread_id", "id"))
    answer = desk.crm.ask("DELETE", f"/contacts/kim/threads/{thread}?for=account", "fay")
    assert answer.status_code == 200, answer.text
    assert on_card(desk, "contacts/kim") == [one for one in before if one not in numbers(11)]
    (kim,) = desk.crm.ask("GET", f"/messages/{message}", "fay").json()["persons"]
    (off,) = kim["taken_off"]
    undo = off["undo"]
    answer = desk.crm.ask(undo["method"], undo["path"].removeprefix("/v1"), "fay")
    assert answer.status_code == 200, answer.text
    assert on_card(desk, "contacts/kim") == before
