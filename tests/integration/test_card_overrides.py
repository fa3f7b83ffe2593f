"""What a person takes off a lead's or contact's card stays off, until a person puts it back."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from mailmirror.domain.card_overrides import CardOverride, Scope
from mailmirror.domain.mailbox import Mailbox
from mailmirror.store.card_overrides import CardOverrideStore
from mailmirror.usecases.mailboxes.change_mailbox import request_sync
from tests.integration.api_calls import Api, Json
from tests.integration.explaining import causes, explained, follow
from tests.integration.office import BOSS, KIM, LEE, MARCH, REP, Office, letter, subjects
from tests.integration.test_overrides import deal, join, line_of, numbers
from tests.servers.dovecot import Dovecot

KIMS = "/v1/contacts/kim"


@pytest.fixture
def mailbox(office: Office, dovecot: Dovecot) -> Mailbox:
    """REP's, with letters 1 and 2 of KIM's, each a thread of its own."""
    for number in (1, 2):
        dovecot.append(REP, "INBOX", letter(number), MARCH)
    mailbox = office.connect(dovecot, "rep", REP)
    office.sync(mailbox)
    return mailbox


def target(office: Office, number: int, *, whole: bool) -> str:
    line = line_of(office, number)
    return f"threads/{line.thread}" if whole else f"messages/{line.summary.message}"


def taken_off(api: Api, path: str, scope: Scope = Scope.ACCOUNT, user: str = "rep") -> Json:
    status, answered = api.ask("DELETE", path, user, params={"for": scope})
    assert status == 200, answered
    assert not answered["on"]
    return answered


def put_back(api: Api, path: str, scope: Scope = Scope.ACCOUNT, user: str = "rep") -> Json:
    status, answered = api.ask("PUT", path, user, params={"for": scope})
    assert status == 200, answered
    assert answered["on"]
    return answered


def on_card(office: Office, person: str = "kim", user: str = "rep") -> list[int]:
    return numbers(office.card(user, person))


@pytest.mark.usefixtures("mailbox")
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("scope", Scope)
def test_mail_is_taken_off_a_card_and_put_back(
    scope: Scope, whole: bool, api: Api, office: Office
) -> None:
    deal(office, "d", "open", -20, "kim")
    office.match_again()
    path = f"{KIMS}/{target(office, 1, whole=whole)}"
    said = taken_off(api, path, scope)
    assert (said["kind"], said["id"], said["for"]) == ("contact", "kim", scope)
    assert (said["message_id"] is None) == whole
    assert on_card(office) == [2]
    assert numbers(office.deal("rep", "d")) == [1, 2]  # a deal's card has overrides of its own
    (by,) = said["taken_off"]
    assert by["undo"] == {"method": "PUT", "path": f"{path}?for={scope}"}
    assert put_back(api, path, scope)["taken_off"] == []
    assert on_card(office) == [1, 2]


def a_reply_comes(office: Office, dovecot: Dovecot, mailbox: Mailbox) -> None:
    dovecot.append(REP, "INBOX", letter(3, replies_to=[1]), MARCH)
    office.sync(mailbox)


def the_threads_are_joined(office: Office, dovecot: Dovecot, mailbox: Mailbox) -> None:
    join(office, dovecot, mailbox)


def the_uids_change(office: Office, dovecot: Dovecot, mailbox: Mailbox) -> None:
    dovecot.reset_uidvalidity(REP, "INBOX")
    office.sync(mailbox)


def the_address_goes_and_comes(office: Office, dovecot: Dovecot, mailbox: Mailbox) -> None:
    for hours, emails in ((1, ["kim@home.example"]), (2, [KIM])):
        at = MARCH + timedelta(hours=hours)
        office.tell("contact.upserted", at, id="kim", name="Kim", emails=emails)
        request_sync(office.account, mailbox.key.mailbox, office.runtime, everything=True)
        office.sync(mailbox)


@pytest.mark.parametrize(
    "what", [a_reply_comes, the_threads_are_joined, the_uids_change, the_address_goes_and_comes]
)
def test_what_is_off_stays_off_whatever_comes(
    what: Callable[[Office, Dovecot, Mailbox], None],
    api: Api,
    office: Office,
    dovecot: Dovecot,
    mailbox: Mailbox,
) -> None:
    path = f"{KIMS}/{target(office, 1, whole=True)}"
    taken_off(api, path)
    what(office, dovecot, mailbox)
    assert 1 not in on_card(office)
    assert 3 not in on_card(office)
    put_back(api, path)
    assert 1 in on_card(office)


def test_a_thread_that_was_joined_is_put_back_by_any_id_it_had(
    api: Api, office: Office, dovecot: Dovecot, mailbox: Mailbox
) -> None:
    first, second = (target(office, number, whole=True) for number in (1, 2))
    taken_off(api, f"{KIMS}/{first}")
    join(office, dovecot, mailbox)
    assert on_card(office) == []
    put_back(api, f"{KIMS}/{second}")
    assert on_card(office) == [1, 2, 3]


@pytest.mark.parametrize("number", [1, 2])
def test_a_thread_that_is_joined_while_its_card_is_read_stays_off(
    number: int,
    api: Api,
    office: Office,
    dovecot: Dovecot,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken_off(api, f"{KIMS}/{target(office, number, whole=True)}")
    read = CardOverrideStore.on_cards
    joined = list[bool]()

    def joins(*asked: Any) -> Sequence[CardOverride]:
        if not joined:
            joined.append(True)
            join(office, dovecot, mailbox)
        return read(*asked)

    monkeypatch.setattr(CardOverrideStore, "on_cards", joins)
    assert number not in on_card(office)
    assert joined


@pytest.mark.usefixtures("mailbox")
def test_a_message_that_is_put_back_shows_though_its_thread_is_off(
    api: Api, office: Office, dovecot: Dovecot, mailbox: Mailbox
) -> None:
    a_reply_comes(office, dovecot, mailbox)
    reply = target(office, 3, whole=False)
    taken_off(api, f"{KIMS}/{target(office, 1, whole=True)}")
    put_back(api, f"{KIMS}/{reply}")
    assert on_card(office) == [2, 3]


def test_for_the_owner_alone_leaves_it_on_the_cards_of_others(
    api: Api, office: Office, dovecot: Dovecot
) -> None:
    for user, email in (("rep", REP), ("boss", BOSS)):
        dovecot.append(email, "INBOX", letter(1, to=[REP, BOSS]), MARCH)
        office.sync(office.connect(dovecot, user, email))
    path = f"{KIMS}/{target(office, 1, whole=False)}"
    taken_off(api, path, Scope.OWNER)
    assert (on_card(office), on_card(office, user="boss")) == ([], [1])
    taken_off(api, path, Scope.ACCOUNT)
    assert (on_card(office), on_card(office, user="boss")) == ([], [])
    (still,) = put_back(api, path, Scope.OWNER)["taken_off"]
    assert still["for"] == "account"
    assert on_card(office) == []
    put_back(api, path, Scope.ACCOUNT, user="boss")
    assert (on_card(office), on_card(office, user="boss")) == ([1], [1])


@pytest.mark.usefixtures("mailbox")
def test_what_is_off_a_leads_card_is_off_the_card_of_the_contact_that_it_becomes(
    api: Api, office: Office
) -> None:
    office.tell("contact.deleted", MARCH - timedelta(days=20), id="kim")
    office.tell("lead.upserted", id="7", name="Kim", emails=[KIM])
    viewed = api.get("/v1/leads/7/messages")["messages"]
    (first,) = (one["id"] for one in viewed if one["subject"] == "Letter 1")
    taken_off(api, f"/v1/leads/7/messages/{first}")
    assert [one["subject"] for one in api.get("/v1/leads/7/messages")["messages"]] == ["Letter 2"]
    office.tell("contact.upserted", id="c7", name="Kim", emails=[KIM])
    assert on_card(office, "c7") == [1, 2]  # another person, so far
    office.tell("lead.converted", id="7", contact_id="c7")
    assert on_card(office, "c7") == [2]
    put_back(api, f"/v1/contacts/c7/messages/{first}")
    assert on_card(office, "c7") == [1, 2]


@pytest.mark.usefixtures("mailbox")
def test_of_two_persons_of_a_message_each_card_has_its_own(
    api: Api, office: Office, dovecot: Dovecot, mailbox: Mailbox
) -> None:
    dovecot.append(REP, "INBOX", letter(4, to=[REP, LEE]), MARCH)
    office.sync(mailbox)
    taken_off(api, f"{KIMS}/{target(office, 4, whole=False)}")
    assert on_card(office) == [1, 2]
    assert on_card(office, "lee") == [4]


@pytest.mark.usefixtures("mailbox")
def test_a_page_goes_on_behind_what_is_off(
    api: Api, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.usecases.cards.read_card._MAX_READS", 1)
    taken_off(api, f"{KIMS}/{target(office, 2, whole=True)}")
    first = api.get(f"{KIMS}/messages", limit="1")
    second = api.get(f"{KIMS}/messages", limit="1", cursor=first["next_cursor"])
    found = [one["subject"] for page in (first, second) for one in page["messages"]]
    assert found == ["Letter 1"]


REFUSED = [
    ("/v1/contacts/nobody/threads/t1", "not_found"),
    ("/v1/contacts/lee/{thread}", "thread_unknown"),
    ("/v1/contacts/lee/{message}", "message_unknown"),
    ("/v1/contacts/kim/threads/none", "thread_unknown"),
    ("/v1/contacts/kim/messages/none", "message_unknown"),
    ("/v1/leads/kim/{thread}", "not_found"),
]


@pytest.mark.usefixtures("mailbox")
def test_what_is_not_there_is_refused(api: Api, office: Office) -> None:
    thread, message = (target(office, 1, whole=whole) for whole in (True, False))
    for path, code in REFUSED:
        for method in ("PUT", "DELETE"):
            status, answered = api.ask(method, path.format(thread=thread, message=message))
            assert (status, answered["code"]) == (404, code), path


@pytest.mark.usefixtures("mailbox")
def test_mail_of_another_user_cannot_be_taken_off(api: Api, office: Office) -> None:
    status, answered = api.ask("DELETE", f"{KIMS}/{target(office, 1, whole=True)}", "boss")
    assert (status, answered["code"]) == (404, "thread_unknown")
    assert on_card(office) == [1, 2]


@pytest.mark.usefixtures("mailbox")
def test_another_word_than_the_two_is_refused(api: Api, office: Office) -> None:
    path = f"{KIMS}/{target(office, 1, whole=True)}"
    status, answered = api.ask("DELETE", path, params={"for": "all"})
    assert (status, answered["code"]) == (422, "invalid_field")
    assert on_card(office) == [1, 2]


@pytest.mark.exceeds("MAX_CARD_OVERRIDES")
@pytest.mark.usefixtures("mailbox")
def test_overrides_on_single_messages_of_a_card_are_bounded_and_the_thread_is_the_remedy(
    api: Api, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmirror.usecases.cards.card_overrides.MAX_CARD_OVERRIDES", 1)
    first = f"{KIMS}/{target(office, 1, whole=False)}"
    second, thread = (f"{KIMS}/{target(office, 2, whole=whole)}" for whole in (False, True))
    taken_off(api, first)
    status, answered = api.ask("DELETE", second)
    assert (status, answered["code"]) == (409, "too_many_overrides")
    taken_off(api, thread)
    assert on_card(office) == []
    put_back(api, first)
    assert on_card(office) == [1]


# Where it is said


def test_where_a_message_is_names_what_keeps_it_off_a_card(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    message = line_of(office, 1).summary.message
    for scope in Scope:
        taken_off(api, f"{KIMS}/messages/{message}", scope)
    (kim,) = api.get(f"/v1/messages/{message}")["persons"]
    assert [one["for"] for one in kim["taken_off"]] == ["account", "owner"]
    assert {(one["user_id"], one["user_name"]) for one in kim["taken_off"]} == {("rep", "rep")}
    for one in kim["taken_off"]:
        assert "`undo`" in one["remedy"]
        api.follow(one["undo"])
    assert api.get(f"/v1/messages/{message}")["persons"][0]["taken_off"] == []
    assert on_card(office) == [1, 2]


@pytest.mark.parametrize("whole", [True, False])
def test_taken_off_is_explained_with_the_call_that_puts_it_back(
    whole: bool, api: Api, office: Office, mailbox: Mailbox
) -> None:
    taken_off(api, f"{KIMS}/{target(office, 1, whole=whole)}")
    found = explained(api, mailbox, 1)
    assert causes(found) == ["taken_off"]
    (one,) = found["messages"]
    assert not one["shown"]
    assert one["copies"][0]["verdict"]["reason"] == "By its headers the message belongs on cards."
    said = found["messages"][0]["causes"][0]["taken_off"]
    assert (said["id"], said["user_id"], said["message_id"] is None) == ("kim", "rep", whole)
    follow(api, found)
    assert causes(explained(api, mailbox, 1)) == ["shown"]
    assert subjects(office.card("rep", "kim")) == ["Letter 2", "Letter 1"]


def test_a_message_that_is_on_another_card_is_shown_and_taken_off(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    deal(office, "d", "open", -20, "kim")
    office.match_again()
    taken_off(api, f"{KIMS}/{target(office, 1, whole=True)}")
    assert causes(explained(api, mailbox, 1)) == ["shown", "taken_off"]
