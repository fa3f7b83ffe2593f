"""What the CRM reads of a team's mail: cards, messages, ledgers, audits and coverage."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from mailmirror.domain.problems import Code
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.problems import PROBLEMS
from tests.crm import Crm, Json, contact, deal, user, verdicts
from tests.servers.dovecot import Dovecot
from tests.stack.feed import told
from tests.stack.mailing import Login, ago, form, letter
from tests.stack.team import (
    ANN,
    BOB,
    CORPUS,
    CSV,
    FOR_BOB,
    FOR_BOTH,
    FROM_LENA,
    KIM,
    PDF,
    QUOTE,
    RE_QUOTE,
    SYNC_SECONDS,
    TO_LENA,
    Team,
    wait_until_healthy,
)
from tests.stack.traces import Traces
from tests.stack.waiting import wait_for
from tests.unit.mail.corpus import EXPECTED

REPORTS = 7
"""Of them six in the corpus."""


def subjects(messages: list[Json]) -> list[str]:
    return [message["subject"] for message in messages]


def only(messages: list[Json], subject: str) -> Json:
    (found,) = [message for message in messages if message["subject"] == subject]
    return found


def code(answer: requests.Response) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


# Cards


def test_a_contacts_card_has_their_mail_newest_first(team: Team) -> None:
    assert subjects(team.crm.card("contacts/kim", "ann")) == [FOR_BOTH, RE_QUOTE, QUOTE]


def test_a_leads_card_has_their_mail(team: Team) -> None:
    assert subjects(team.crm.card("leads/lena", "ann")) == [FROM_LENA]
    assert subjects(team.crm.card("leads/lena", "bob")) == [TO_LENA]


def test_mail_is_on_the_one_open_deal_of_its_contact(team: Team) -> None:
    assert subjects(team.crm.card("deals/rollout", "ann")) == [FOR_BOTH, RE_QUOTE, QUOTE]
    assert subjects(team.crm.card("deals/rollout", "bob")) == [FOR_BOB, FOR_BOTH]
    assert team.crm.card("deals/elsewhere", "ann") == []


def test_a_line_of_a_card_says_what_a_person_looks_for(team: Team) -> None:
    newest, reply, quote = team.crm.card("contacts/kim", "ann")

    assert quote == {
        "id": quote["id"],
        "thread_id": quote["thread_id"],
        "internet_message_id": "quote@customer.example",
        "subject": QUOTE,
        "from": {"name": "Kim Larsen", "address": KIM},
        "to": [{"name": "Ann", "address": ANN}],
        "cc": [{"name": "Desk", "address": "desk@customer.example"}, {"name": "", "address": BOB}],
        "instant": quote["instant"],
        "claimed_date": None,
        "direction": "incoming",
        "delivery": None,
        "snippet": "Please quote 40 scanners.",
        "attachments": [
            {"name": "見積書.pdf", "content_type": "application/pdf", "size": len(PDF)},
            {"name": "list.csv", "content_type": "text/csv", "size": len(CSV)},
        ],
        "warnings": [],
        "mailbox_ids": [team.ann.mailbox],
        "version": quote["version"],
        "versions": [],
        "further_versions": 0,
    }
    assert newest["instant"] > reply["instant"] > quote["instant"]
    assert reply["direction"] == "outgoing"
    assert reply["thread_id"] == quote["thread_id"]
    assert newest["thread_id"] != quote["thread_id"]


def test_a_card_says_how_far_it_can_be_trusted(team: Team) -> None:
    coverage = team.crm.get("/contacts/kim/messages", "ann")["coverage"]

    (mailbox,) = coverage["mailboxes"]
    assert coverage["complete"] is True
    assert (mailbox["mailbox_id"], mailbox["complete"]) == (team.ann.mailbox, True)
    assert (mailbox["progress"], mailbox["reason"]) == (100, None)
    assert mailbox["as_of"]
    assert coverage["feed"]["complete"] is True
    assert coverage["feed"]["as_of"]


def test_a_card_of_a_user_without_a_mailbox_is_not_complete(team: Team) -> None:
    page = team.crm.get("/contacts/kim/messages", "feed-reader")

    assert page["messages"] == []
    assert page["coverage"]["complete"] is False


def test_one_message_in_two_mailboxes_is_one_message(team: Team) -> None:
    anns = only(team.crm.card("contacts/kim", "ann"), FOR_BOTH)
    bobs = only(team.crm.card("contacts/kim", "bob"), FOR_BOTH)

    assert anns["mailbox_ids"] == [team.ann.mailbox]
    assert bobs["mailbox_ids"] == [team.bob.mailbox]
    assert anns | {"mailbox_ids": []} == bobs | {"mailbox_ids": []}
    for name in ("ann", "bob"):
        whole = team.crm.get(f"/messages/{anns['id']}", name)
        assert whole["text"].strip() == "When?"


# Who may see what


READS = [
    "contacts/kim/messages",
    "leads/lena/messages",
    "deals/rollout/messages",
    "deals/rollout/threads",
]


def private_reads(team: Team) -> list[str]:
    """What only Ann may read."""
    quote = only(team.crm.card("contacts/kim", "ann"), QUOTE)["id"]
    return [
        f"/messages/{quote}",
        f"/messages/{quote}/attachments/0",
        f"/mailboxes/{team.ann.mailbox}/ledger",
        f"/mailboxes/{team.ann.mailbox}/audit",
    ]


def test_what_can_return_mail_wants_an_acting_user(team: Team) -> None:
    for path in [*(f"/{read}" for read in READS), *private_reads(team)]:
        assert code(team.crm.ask("GET", path)) == (400, "acting_user_required"), path
        assert code(team.crm.ask("GET", path, "nobody")) == (403, "acting_user_unknown"), path


def test_anothers_mail_and_mailbox_are_not_there(team: Team) -> None:
    for path in private_reads(team):
        assert code(team.crm.ask("GET", path, "bob")) == (404, "not_found"), path
        assert team.crm.ask("GET", path, "ann").status_code in (200, 303), path


def test_a_mailboxs_figures_are_for_its_owner(team: Team) -> None:
    path = f"/mailboxes/{team.bob.mailbox}"

    assert team.crm.get(path, "bob")["counters"]["mirrored"] == 3
    for other, progress in (("ann", None), (None, 100)):
        mailbox = team.crm.get(path, other)
        assert (mailbox["counters"], mailbox["progress"]) == (None, progress)


def test_a_mailbox_says_how_it_is_doing(team: Team) -> None:
    mailbox = team.crm.get(f"/mailboxes/{team.bob.mailbox}", "bob")

    assert (mailbox["user_id"], mailbox["email"]) == ("bob", BOB)
    assert (mailbox["state"], mailbox["progress"]) == ("healthy", 100)
    assert mailbox["error"] is None
    assert mailbox["next_due_at"] > mailbox["last_success_at"]


# Pages


def test_a_page_has_as_many_as_asked_for(team: Team) -> None:
    whole = team.crm.card("contacts/cora", "ann")
    pages = list(team.crm.pages("contacts/cora", "ann", 10))

    assert [len(page["messages"]) for page in pages[:-1]] == [10] * (len(pages) - 1)
    assert [message for page in pages for message in page["messages"]] == whole


@pytest.mark.parametrize("limit", ["0", "101", "-1", "many", "9" * 5000])
def test_a_limit_that_is_none_is_refused(team: Team, limit: str) -> None:
    answer = team.crm.ask("GET", "/contacts/kim/messages", "ann", params={"limit": limit})

    assert code(answer) == (422, "invalid_field")


@pytest.mark.parametrize("cursor", ["", "x", "é", "AAAA", "fg=="])
def test_a_cursor_that_is_none_of_ours_is_refused(team: Team, cursor: str) -> None:
    answer = team.crm.ask("GET", "/contacts/kim/messages", "ann", params={"cursor": cursor})

    assert code(answer) == (400, "invalid_cursor")


# Messages


def test_a_message_can_be_read_whole(team: Team) -> None:
    line = only(team.crm.card("contacts/kim", "ann"), QUOTE)

    whole = team.crm.get(f"/messages/{line['id']}", "ann")

    assert {name: whole[name] for name in line if name != "attachments"} == {
        name: value for name, value in line.items() if name != "attachments"
    }
    assert whole["text"].splitlines() == ["Please quote 40 scanners.", "", "> an older line"]
    headers = {header["name"].lower(): header["value"] for header in whole["headers"]}
    assert headers["x-priority"] == "1"
    assert headers["subject"] == QUOTE
    assert [
        (part["n"], part["name"], part["content_type"], part["size"], part["inline"])
        for part in whole["attachments"]
    ] == [
        (0, "見積書.pdf", "application/pdf", len(PDF), False),
        (1, "list.csv", "text/csv", len(CSV), False),
    ]


def test_html_is_shown_without_what_it_could_do(team: Team) -> None:
    line = only(team.crm.card("contacts/kim", "ann"), QUOTE)

    html = team.crm.get(f"/messages/{line['id']}", "ann")["html"]

    assert "<b>40 scanners</b>" in html
    for harm in ("script", "steal", "onload", "tracker.example"):
        assert harm not in html


def test_an_attachment_is_behind_a_link(team: Team) -> None:
    id = only(team.crm.card("contacts/kim", "ann"), QUOTE)["id"]

    for n, data, name in ((0, PDF, "%E8%A6%8B%E7%A9%8D%E6%9B%B8.pdf"), (1, CSV, "list.csv")):
        answer = team.crm.ask("GET", f"/messages/{id}/attachments/{n}", "ann")
        assert answer.status_code == 303
        download = requests.get(answer.headers["Location"], timeout=20)
        assert download.content == data
        assert download.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{name}"


@pytest.mark.parametrize("n", ["2", "-1", "x", "9" * 30])
def test_an_attachment_that_is_not_there_is_404(team: Team, n: str) -> None:
    id = only(team.crm.card("contacts/kim", "ann"), QUOTE)["id"]

    assert code(team.crm.ask("GET", f"/messages/{id}/attachments/{n}", "ann")) == (404, "not_found")


def test_every_message_of_the_corpus_is_read_back_as_it_is(team: Team) -> None:
    card = team.crm.card("contacts/cora", "ann")
    assert len(card) == len(CORPUS) - (REPORTS - 1)

    for line in card:
        name = CORPUS[line["internet_message_id"].partition("@")[0]]
        whole = team.crm.get(f"/messages/{line['id']}", "ann")
        if (expected := EXPECTED.get(name)) is None:
            continue
        attachments = [
            [one["name"], one["content_type"], one["size"]] for one in whole["attachments"]
        ]
        assert whole["subject"] == expected["subject"], name
        assert whole["text"].startswith(expected["text"]), name
        assert attachments == expected["attachments"], name
        assert whole["from"] == _first(expected["from"]), name


def _first(people: list[list[str]]) -> Json | None:
    return {"name": people[0][0], "address": people[0][1]} if people else None


# Ledgers and audits


def test_every_uid_has_its_verdict(team: Team) -> None:
    anns = team.crm.ledger(team.ann.mailbox, "ann")
    bobs = team.crm.ledger(team.bob.mailbox, "bob")

    assert verdicts(anns["inbox"]) == {
        "unreadable": 1,
        "outside_window": 1,
        "internal": 2,
        "report": REPORTS,
        "no_person": 1,
        "too_many_recipients": 1,
        "mirrored": 3 + len(CORPUS) - (REPORTS - 1),
    }
    assert verdicts(anns["sent"]) == {"no_person": 1, "mirrored": 1}
    assert verdicts(bobs["inbox"]) == {"no_person": 1, "mirrored": 2}
    assert verdicts(bobs["sent"]) == {"no_person": 1, "mirrored": 1}
    for folder in (*anns.values(), *bobs.values()):
        assert folder["uids"] == sum(folder["verdicts"].values())
        assert folder["presences"] == {"present": folder["uids"], "removed": 0}


@pytest.mark.parametrize(
    ("language", "word"), [("en", "message"), ("ja-JP", "メール"), ("xx", "message")]
)
def test_a_ledger_explains_each_verdict_in_the_readers_language(
    team: Team, language: str, word: str
) -> None:
    answer = team.crm.ask(
        "GET",
        f"/mailboxes/{team.ann.mailbox}/ledger",
        "ann",
        headers={"Accept-Language": language},
    )

    explanation = answer.json()["explanations"]["no_person"]
    assert explanation["reason"]
    assert explanation["remedy"]
    assert word in answer.json()["explanations"]["internal"]["reason"].replace("mail", "message")


def test_a_problem_is_explained_in_the_readers_language(team: Team) -> None:
    headers = {"Accept-Language": "ja"}
    answer = team.crm.ask("GET", "/contacts/nobody/messages", "ann", headers=headers)

    explanation = PROBLEMS[Code.NOT_FOUND][Language.JA]
    assert answer.status_code == 404
    assert (answer.json()["reason"], answer.json()["remedy"]) == (
        explanation.reason,
        explanation.remedy,
    )


def test_an_audit_agrees_with_the_server(team: Team) -> None:
    for one in (team.ann, team.bob):
        audit = team.crm.audit(one.mailbox, one.user)
        on_server = {name: len(folder.messages) for name, folder in one.before.items()}

        assert audit["clean"] is True
        assert {folder["name"]: folder["server_uids"] for folder in audit["folders"]} == on_server
        for folder in audit["folders"]:
            faults = ("missing", "left_since", "extra", "overlap", "pending", "removed", "gone")
            assert {fault: folder[fault] for fault in faults} == dict.fromkeys(faults, 0)


def test_the_mailbox_is_as_it_was(team: Team) -> None:
    """After a first sync, polls, a sync that was asked for, and an audit."""
    last = team.crm.get(f"/mailboxes/{team.bob.mailbox}")["last_success_at"]
    team.crm.sync(team.bob.mailbox)
    wait_for(
        "a sync",
        lambda: team.crm.get(f"/mailboxes/{team.bob.mailbox}"),
        lambda mailbox: mailbox["last_success_at"] > last,
        SYNC_SECONDS,
    )
    team.crm.audit(team.bob.mailbox, "bob")

    assert team.server.snapshot(team.ann.login.username) == team.ann.before
    assert team.server.snapshot(team.bob.login.username) == team.bob.before


# What happens later. Each of these has an account and mailboxes of its own.


class Desk:
    """An account with a customer, and mailboxes that are synced when it is asked for."""

    def __init__(self, crm: Crm, server: Dovecot, new_login: Callable[[], Login]) -> None:
        self.crm = crm
        self.server = server
        self._new_login = new_login
        self.logins: dict[str, Login] = {}
        self.mailboxes: dict[str, str] = {}
        told(crm, contact("kim", KIM), deal("rollout", "kim"))

    def open(self, name: str, *mail: bytes) -> str:
        """Give a user a mailbox with mail, have it synced, and return its id."""
        told(self.crm, user(name, f"{name}@login.example"))
        self.logins[name] = login = self._new_login()
        self.server.append_all(login.username, "INBOX", [(raw, None) for raw in mail])
        id = self.crm.connect(form(self.server, login, name, f"{name}@us.example"))
        self.mailboxes[name] = id
        self.crm.sync(id)
        wait_until_healthy(self.crm, id)
        return id

    def deliver(self, name: str, raw: bytes) -> int:
        return self.server.append(self.logins[name].username, "INBOX", raw)

    def inbox(self, mailbox: str, name: str) -> Json:
        """The inbox's ledger."""
        return self.crm.ledger(mailbox, name)["inbox"]

    def audit(self, mailbox: str, name: str) -> Json:
        """The inbox's audit; all folders must be clean."""
        audit = self.crm.audit(mailbox, name)
        assert audit["clean"] is True
        (found,) = [folder for folder in audit["folders"] if folder["role"] == "inbox"]
        assert isinstance(found, dict)
        return found


@pytest.fixture
def desk(new_crm: Callable[[], Crm], mail_server: Dovecot, new_login: Callable[[], Login]) -> Desk:
    return Desk(new_crm(), mail_server, new_login)


def mail(number: int, **more: Any) -> bytes:
    """The n-th message from Kim; the greater the number, the later."""
    message = letter(
        KIM,
        "fay@us.example",
        subject=f"Number {number}",
        date=ago(days=30 - number),
        message_id=f"number-{number}@customer.example",
        **more,
    )
    return message.as_bytes()


def numbers(*which: int) -> list[str]:
    return [f"Number {number}" for number in which]


def test_cursors_stay_right_while_mail_arrives(desk: Desk) -> None:
    fay = desk.open("fay", *(mail(number) for number in (2, 3, 6, 7, 8)))
    pages = desk.crm.pages("contacts/kim", "fay", 2)
    first = next(pages)
    assert subjects(first["messages"]) == numbers(8, 7)

    for number in (1, 5, 9):
        desk.deliver("fay", mail(number))
    desk.crm.sync(fay)
    wait_for(
        "the new mail",
        lambda: desk.inbox(fay, "fay"),
        lambda ledger: verdicts(ledger) == {"mirrored": 8},
        SYNC_SECONDS,
    )

    rest = [message for page in pages for message in page["messages"]]
    assert subjects(rest) == numbers(6, 5, 3, 2, 1)
    assert subjects(desk.crm.card("contacts/kim", "fay")) == numbers(9, 8, 7, 6, 5, 3, 2, 1)


def test_mail_removed_from_the_server_stays_mirrored_and_is_counted(desk: Desk) -> None:
    fay = desk.open("fay", *map(mail, range(3)))
    desk.server.expunge(desk.logins["fay"].username, "INBOX", [2])
    desk.crm.sync(fay)
    wait_for(
        "the removal",
        lambda: desk.inbox(fay, "fay"),
        lambda ledger: ledger["presences"] == {"present": 2, "removed": 1},
        SYNC_SECONDS,
    )

    audit = desk.audit(fay, "fay")
    assert (audit["server_uids"], audit["removed"]) == (2, 1)
    assert verdicts(desk.inbox(fay, "fay")) == {"mirrored": 3}
    assert subjects(desk.crm.card("contacts/kim", "fay")) == numbers(2, 1, 0)


def test_what_has_left_since_is_removed_by_the_sync_that_an_audit_queues(desk: Desk) -> None:
    fay = desk.open("fay", *map(mail, range(4)))
    desk.server.expunge(desk.logins["fay"].username, "INBOX", [1, 2, 3])
    audit = desk.audit(fay, "fay")
    assert audit["left_since"] + audit["removed"] == 3  # a poll may have been first
    wait_for(
        "the removals",
        lambda: desk.audit(fay, "fay"),
        lambda audit: (audit["left_since"], audit["removed"], audit["server_uids"]) == (0, 3, 1),
        SYNC_SECONDS,
    )


def test_new_uids_make_no_message_twice(desk: Desk) -> None:
    fay = desk.open("fay", *map(mail, range(5)))
    before = desk.crm.card("contacts/kim", "fay")
    on_deal = desk.crm.card("deals/rollout", "fay")
    uidvalidity = desk.inbox(fay, "fay")["uidvalidity"]

    desk.server.reset_uidvalidity(desk.logins["fay"].username, "INBOX")
    desk.crm.sync(fay)
    wait_for(
        "the new UIDs",
        lambda: desk.inbox(fay, "fay"),
        lambda ledger: ledger["uidvalidity"] != uidvalidity and verdicts(ledger) == {"mirrored": 5},
        SYNC_SECONDS,
    )

    assert desk.audit(fay, "fay")["server_uids"] == 5
    assert desk.crm.card("contacts/kim", "fay") == before
    assert desk.crm.card("deals/rollout", "fay") == on_deal


def test_a_copy_is_no_second_message(desk: Desk) -> None:
    fay = desk.open("fay", mail(1), mail(1))

    assert verdicts(desk.inbox(fay, "fay")) == {"mirrored": 2}
    assert subjects(desk.crm.card("contacts/kim", "fay")) == numbers(1)


def test_a_disconnected_mailbox_keeps_its_mail_and_says_so(desk: Desk, traces: Traces) -> None:
    fay = desk.open("fay", mail(1))

    answer = desk.crm.ask("DELETE", f"/mailboxes/{fay}", params={"mail": "keep"})

    assert (answer.status_code, answer.json()["state"]) == (202, "disconnected")
    page = desk.crm.get("/contacts/kim/messages", "fay")
    assert subjects(page["messages"]) == numbers(1)
    assert page["coverage"]["complete"] is False
    assert "disconnected" in page["coverage"]["mailboxes"][0]["reason"]
    assert code(desk.crm.ask("POST", f"/mailboxes/{fay}/sync")) == (409, "mailbox_disconnected")
    assert list(traces.items(f"{fay} credential")) == []


def test_how_to_leave_must_be_keep_or_erase(desk: Desk) -> None:
    fay = desk.open("fay")

    answer = desk.crm.ask("DELETE", f"/mailboxes/{fay}", params={"mail": "burn"})

    assert code(answer) == (422, "invalid_field")
    assert desk.crm.get(f"/mailboxes/{fay}")["state"] == "healthy"


def test_a_mailbox_is_erased_by_its_owner_alone(desk: Desk) -> None:
    fay = desk.open("fay")
    desk.open("gus")

    def asked(user: str | None) -> tuple[int, str]:
        answer = desk.crm.ask("DELETE", f"/mailboxes/{fay}", params={"mail": "erase"}, user=user)
        return code(answer)

    assert asked(None) == (400, "acting_user_required")
    assert asked("nobody") == (403, "acting_user_unknown")
    assert asked("gus") == (404, "not_found")
    assert desk.crm.get(f"/mailboxes/{fay}")["state"] == "healthy"


def test_the_problems_of_a_mailbox_are_listed_for_its_owner_alone(desk: Desk) -> None:
    fay = desk.open("fay", mail(1))
    desk.open("gus")
    path = f"/mailboxes/{fay}/problems"
    assert desk.crm.get(path, "fay") == {"problems": [], "further": 0}
    assert code(desk.crm.ask("GET", path)) == (400, "acting_user_required")
    assert code(desk.crm.ask("GET", path, "gus")) == (404, "not_found")


def test_an_erased_mailbox_leaves_nothing_and_takes_nothing_of_anothers(
    desk: Desk, traces: Traces
) -> None:
    own = letter(KIM, "fay@us.example", subject="Aardvark", text="Abracadabra.", date=ago(days=3))
    own.add_attachment(PDF, "application", "pdf", filename="aquamarine.pdf")
    shared = mail(1)
    fay = desk.open("fay", own.as_bytes(), shared)
    gus = desk.open("gus", shared, mail(2, In_Reply_To="<number-1@customer.example>"))
    before = desk.crm.card("contacts/kim", "gus"), desk.crm.card("deals/rollout", "gus")
    id = only(desk.crm.card("contacts/kim", "fay"), "Aardvark")["id"]
    assert desk.crm.ask("GET", f"/messages/{id}/attachments/0", "fay").status_code == 303
    assert traces.of(["Aardvark"], traces.items()) != []
    assert [at for at, _ in traces.objects("mail/") if fay in at] != []

    answer = desk.crm.ask("DELETE", f"/mailboxes/{fay}", params={"mail": "erase"}, user="fay")

    assert (answer.status_code, answer.json()["state"]) == (202, "erasing")
    assert desk.crm.card("contacts/kim", "fay") == []
    assert code(desk.crm.ask("GET", f"/messages/{id}", "fay")) == (404, "not_found")
    wait_for(
        "the erasure",
        lambda: desk.crm.ask("GET", f"/mailboxes/{fay}").status_code,
        lambda status: status == 404,
        SYNC_SECONDS,
    )
    words = [fay, "Aardvark", "Abracadabra", "aquamarine", desk.logins["fay"].username]
    account = desk.crm.account.account_id
    assert traces.of(words, traces.items(account)) == []
    assert traces.of(words, traces.objects(account)) == []
    assert (desk.crm.card("contacts/kim", "gus"), desk.crm.card("deals/rollout", "gus")) == before
    for line in before[0]:
        assert desk.crm.get(f"/messages/{line['id']}", "gus")["text"].strip() == "Hello."
    assert desk.audit(gus, "gus")["server_uids"] == 2
