"""Who may ask the API: whoever has a key of the account, and of no other."""

import re
from collections.abc import Callable

import pytest

from mailmirror.runtime import Runtime
from mailmirror.usecases.operating.accounts import add_key, list_keys, revoke_key
from tests.crm import Crm, contact, deal, lead, user
from tests.stack.feed import told

NO_ID = "0" * 32
ROUTES = [
    ("GET", "/mailboxes"),
    ("POST", "/mailboxes"),
    ("POST", f"/mailboxes/{NO_ID}/explain"),
    ("POST", "/mailboxes/doctor"),
    ("GET", f"/mailboxes/{NO_ID}"),
    ("POST", f"/mailboxes/{NO_ID}/sync"),
    ("DELETE", f"/mailboxes/{NO_ID}"),
    ("GET", f"/mailboxes/{NO_ID}/ledger"),
    ("GET", f"/mailboxes/{NO_ID}/audit"),
    ("GET", f"/mailboxes/{NO_ID}/preview"),
    ("GET", f"/mailboxes/{NO_ID}/explain"),
    ("GET", f"/mailboxes/{NO_ID}/doctor"),
    ("GET", "/leads/lena/messages"),
    ("GET", "/contacts/kim/messages"),
    ("GET", "/deals/rollout/messages"),
    ("GET", f"/messages/{NO_ID}"),
    ("GET", f"/messages/{NO_ID}/attachments/0"),
]
FORM = {
    "user_id": "ann",
    "email": "ann@us.example",
    "provider": "imap",
    "imap": {"host": "127.0.0.1", "port": 993, "security": "tls"},
    "username": "ann",
    "password": "secret",
}


@pytest.fixture(scope="module")
def crm(new_crm: Callable[[], Crm]) -> Crm:
    """A CRM with a user, a lead, a contact and a deal."""
    made = new_crm()
    told(made, user("ann", "ann@us.example"), lead("lena"), contact("kim"), deal("rollout", "kim"))
    return made


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_wants_a_key(crm: Crm, method: str, path: str) -> None:
    answer = crm.ask(method, path, "ann", headers={"Authorization": ""}, json=FORM)

    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/mailboxes", {"provider": "pop3"}),
        ("DELETE", f"/mailboxes/{NO_ID}?mail=burn", None),
        ("GET", "/contacts/kim!/messages?limit=0", None),
        ("GET", "/nothing/here", None),
    ],
)
def test_a_key_is_asked_for_before_anything_else_is_reported(
    crm: Crm, method: str, path: str, body: object
) -> None:
    answer = crm.ask(method, path, "ann", headers={"Authorization": ""}, json=body)

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize(
    "change",
    [
        lambda key: "Bearer",
        lambda key: "Bearer garbage",
        lambda key: f"Basic {key}",
        lambda key: f"Bearer {key}x",
        lambda key: f"Bearer {key[:-1]}",
        lambda key: f"Bearer {key[:-1]}{'a' if key[-1] != 'a' else 'b'}",
        lambda key: f"Bearer {re.sub('_[0-9a-f]{8}_', '_00000000_', key)}",
        lambda key: f"Bearer {re.sub('mm_[0-9a-f]{12}', 'mm_000000000000', key)}",
    ],
)
def test_what_is_nearly_a_key_is_none(crm: Crm, change: Callable[[str], str]) -> None:
    headers = {"Authorization": change(crm.account.api_key)}

    assert crm.ask("GET", "/mailboxes", headers=headers).status_code == 401


def test_an_account_has_as_many_keys_as_it_wants(crm: Crm, office: Runtime) -> None:
    second = add_key(crm.account.account_id, "reports", office)

    assert crm.ask("GET", "/mailboxes", key=second).status_code == 200
    assert crm.ask("GET", "/mailboxes").status_code == 200


def test_a_revoked_key_fails_at_the_next_call_and_no_other_does(crm: Crm, office: Runtime) -> None:
    leaked = add_key(crm.account.account_id, "leaked", office)
    assert crm.ask("GET", "/mailboxes", key=leaked).status_code == 200

    id = next(key.id for key in list_keys(crm.account.account_id, office) if key.name == "leaked")
    revoke_key(crm.account.account_id, id, office)

    answer = crm.ask("GET", "/mailboxes", key=leaked)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert crm.ask("GET", "/mailboxes").status_code == 200


@pytest.mark.parametrize("card", ["leads/lena", "contacts/kim", "deals/rollout"])
def test_another_accounts_cards_are_not_there(
    crm: Crm, new_crm: Callable[[], Crm], card: str
) -> None:
    other = new_crm()
    told(other, user("ann", "ann@them.example"))

    answer = other.ask("GET", f"/{card}/messages", "ann")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert crm.ask("GET", f"/{card}/messages", "ann").status_code == 200


def test_a_user_of_another_account_is_unknown(crm: Crm, new_crm: Callable[[], Crm]) -> None:
    other = new_crm()
    told(other, lead("lena"))

    answer = other.ask("GET", "/leads/lena/messages", "ann")

    assert (answer.status_code, answer.json()["code"]) == (403, "acting_user_unknown")


@pytest.mark.parametrize(("method", "path"), ROUTES[4:])
def test_what_is_not_there_is_404(crm: Crm, method: str, path: str) -> None:
    missing = re.sub("lena|kim|rollout", "nobody", path)

    answer = crm.ask(method, missing, "ann")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_an_unknown_route_is_404(crm: Crm) -> None:
    for path in ("/mailbox", "/contacts/kim", "/mailboxes/x/y/z"):
        answer = crm.ask("GET", path, "ann")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_answers_are_kept_by_nobody(crm: Crm) -> None:
    assert crm.ask("GET", "/mailboxes").headers["Cache-Control"] == "no-store"
