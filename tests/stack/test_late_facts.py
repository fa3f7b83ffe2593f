"""What comes after the mail: a person, another limit, an earlier window."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from tests.crm import Crm, contact, user
from tests.servers.dovecot import Dovecot
from tests.stack.feed import told
from tests.stack.mailing import Login, ago, form, letter
from tests.stack.team import SYNC_SECONDS
from tests.stack.waiting import wait_for

ANN, KIM, LOU = "ann@late.example", "kim@customer-of-late.example", "lou@customer-of-late.example"
_YEARS = timedelta(days=900)


@pytest.fixture(scope="module")
def crm(new_crm: Callable[[], Crm]) -> Crm:
    return new_crm()


@pytest.fixture(scope="module")
def mailbox(crm: Crm, mail_server: Dovecot, new_login: Callable[[], Login]) -> str:
    """Ann's, with a letter of Kim, who is a contact, and three of Lou, who is none yet."""
    told(crm, user("ann", ANN), contact("kim", KIM))
    login = new_login()
    crowd = [f"guest{number}@late.example" for number in range(120)]
    long_ago = ago(days=900)
    for message in (
        letter(KIM, ANN, subject="From Kim"),
        letter(LOU, ANN, subject="From Lou"),
        letter(LOU, ANN, *crowd, subject="To a crowd"),
        letter(LOU, ANN, subject="Years ago", date=long_ago),
    ):
        at = long_ago if message["Subject"] == "Years ago" else ago()
        mail_server.append(login.username, "INBOX", message.as_bytes(), at)
    id = crm.connect(form(mail_server, login, "ann", ANN))
    wait_for("the first sync", lambda: subjects(crm, "kim"), ["From Kim"].__eq__, SYNC_SECONDS)
    return id


def subjects(crm: Crm, id: str) -> Sequence[str]:
    return [message["subject"] for message in crm.card(f"contacts/{id}", "ann")]


def gap(crm: Crm, id: str) -> str | None:
    found: str | None = crm.get(f"/contacts/{id}/messages", "ann")["coverage"]["gap"]
    return found


def test_late_facts_bring_old_mail_in(crm: Crm, mailbox: str) -> None:
    told(crm, contact("lou", LOU))
    assert gap(crm, "lou") == "late_facts"
    crm.sync(mailbox)
    wait_for("the search", lambda: subjects(crm, "lou"), ["From Lou"].__eq__, SYNC_SECONDS)

    answer = crm.ask("POST", f"/mailboxes/{mailbox}/sync", params={"pass": "full"})
    assert answer.status_code == 202
    wait_for("the pass", lambda: gap(crm, "lou"), lambda found: found is None, SYNC_SECONDS)

    answer = crm.ask("PATCH", "/account", json={"max_recipients": 150})
    assert answer.status_code == 200
    assert [one["setting"] for one in answer.json()["effects"]] == ["max_recipients"]
    assert crm.get("/account")["max_recipients"] == 150
    crm.sync(mailbox)
    audited = f"/mailboxes/{mailbox}/audit"
    assert crm.ask("POST", audited, "ann", params={"deep": "true"}).status_code == 202
    wait_for(
        "the deep audit",
        lambda: crm.get(f"{audited}/deep", "ann")["present"],
        lambda present: present and present["finished_at"],
        SYNC_SECONDS,
    )
    present = crm.get(f"{audited}/deep", "ann")["present"]
    assert (present["uids"], present["faults"], present["lost"]) == (4, {}, 0)

    with_crowd = {"To a crowd", "From Lou"}
    wait_for("the crowd", lambda: set(subjects(crm, "lou")), with_crowd.__eq__, SYNC_SECONDS)

    since = (ago() - _YEARS - timedelta(days=9)).date().isoformat()
    answer = crm.ask("PATCH", f"/mailboxes/{mailbox}", "ann", json={"history_since": since})
    assert answer.status_code == 200
    with_all = with_crowd | {"Years ago"}
    wait_for("the older mail", lambda: set(subjects(crm, "lou")), with_all.__eq__, SYNC_SECONDS)
    wait_for("the end", lambda: gap(crm, "lou"), lambda found: found is None, SYNC_SECONDS)

    since = ago(days=30).date().isoformat()
    answer = crm.ask("PATCH", f"/mailboxes/{mailbox}", "ann", json={"history_since": since})
    assert answer.status_code == 200
    wait_for("hidden mail", lambda: set(subjects(crm, "lou")), with_crowd.__eq__, SYNC_SECONDS)
    answer = crm.ask("PATCH", "/account", json={"max_recipients": 100, "deleted_mail": "follow"})
    assert {one["setting"] for one in answer.json()["effects"]} == {
        "max_recipients",
        "deleted_mail",
    }
    crm.sync(mailbox)
    wait_for("the crowd off", lambda: subjects(crm, "lou"), ["From Lou"].__eq__, SYNC_SECONDS)
    answer = crm.ask("PATCH", "/account", json={"max_recipients": 150})
    crm.sync(mailbox)
    wait_for("the crowd", lambda: set(subjects(crm, "lou")), with_crowd.__eq__, SYNC_SECONDS)

    answer = crm.ask("PATCH", f"/mailboxes/{mailbox}", "ann", json={"paused": True})
    assert (answer.status_code, answer.json()["state"]) == (200, "paused")
    assert gap(crm, "lou") == "paused"
    refused = crm.ask("POST", f"/mailboxes/{mailbox}/sync")
    assert (refused.status_code, refused.json()["code"]) == (409, "mailbox_paused")
    answer = crm.ask("PATCH", f"/mailboxes/{mailbox}", "ann", json={"paused": False})
    assert answer.status_code == 200
    wait_for("going on", lambda: gap(crm, "lou"), lambda found: found is None, SYNC_SECONDS)


def test_a_block_hides_mail_until_it_is_removed(crm: Crm, mailbox: str) -> None:
    answer = crm.ask("POST", "/users/ann/blocks", "ann", json={"contact_id": "kim"})
    assert answer.status_code == 200
    wait_for("the block", lambda: subjects(crm, "kim"), lambda found: not found, SYNC_SECONDS)
    (block,) = crm.get("/users/ann/blocks", "ann")["blocks"]
    assert block["contact_id"] == "kim"
    answer = crm.ask("DELETE", f"/users/ann/blocks/{block['block_id']}", "ann")
    assert (answer.status_code, answer.json()) == (200, {"blocks": []})
    wait_for("Kim's mail", lambda: subjects(crm, "kim"), ["From Kim"].__eq__, SYNC_SECONDS)
    wait_for("the end", lambda: gap(crm, "kim"), lambda found: found is None, SYNC_SECONDS)
