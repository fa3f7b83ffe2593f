"""Connecting a mailbox: tried before it is kept, and every failure in words."""

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from tests.crm import Crm, Json, contact, user
from tests.servers.dovecot import Dovecot
from tests.servers.hostile import POP3_GREETING, SILENCE, SMTP_GREETING, Hostile
from tests.stack.feed import told
from tests.stack.mailing import Login, form
from tests.stack.submission import submission_server
from tests.stack.traces import Traces
from tests.stack.waiting import wait_for

SOON = timedelta(seconds=20)

Ask = Callable[[Mapping[str, Any]], requests.Response]


@pytest.fixture
def ask(crm: Crm, traces: Traces) -> Iterator[Ask]:
    """Asks to connect a mailbox, and sees to it that nothing is kept of it afterwards."""
    yield lambda body: crm.ask("POST", "/mailboxes", json=body)
    assert crm.get("/mailboxes") == {"mailboxes": []}
    kept = ("mailbox", "connected", "due#", "kept")
    names = [at for at, _ in traces.items(crm.account.account_id)]
    assert [at for at in names if any(kind in at for kind in kept)] == []


@pytest.fixture(scope="module")
def login(new_login: Callable[[], Login]) -> Login:
    """It may be connected by each account: they know nothing of each other."""
    return new_login()


@pytest.fixture
def good(mail_server: Dovecot, login: Login) -> dict[str, Any]:
    """A form with nothing wrong."""
    return form(mail_server, login, "ann", "ann@us.example")


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, and nobody else can take."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def problem(answer: requests.Response) -> Json:
    """A problem that says why and what to do."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    found: Json = answer.json()
    assert found["status"] == answer.status_code
    assert found["reason"]
    assert found["remedy"]
    return found


def refused(answer: requests.Response, at: str = "imap") -> str:
    """The code with which a stage of connecting was refused."""
    found = problem(answer)
    assert answer.status_code == 422
    assert found["detail"].startswith(at), found["detail"]
    return str(found["code"])


# What is connected


def test_a_mailbox_is_tried_kept_and_waits_for_its_first_sync(
    new_crm: Callable[[], Crm], good: dict[str, Any]
) -> None:
    crm = new_crm()
    told(crm, user("ann", "ann@us.example"))

    answer = crm.ask("POST", "/mailboxes", json=good)

    assert answer.status_code == 201
    mailbox = answer.json()
    assert good["password"] not in answer.text
    assert mailbox["next_due_at"]
    assert mailbox["state"] in ("first_sync", "healthy")  # it is synced at once
    assert mailbox.keys() >= {"progress", "messages_left", "seconds_left", "last_success_at"}
    lasting = {
        "id": mailbox["id"],
        "user_id": "ann",
        "email": "ann@us.example",
        "provider": "imap",
        "folders": None,
        "sent_folders": None,
        "address_proof": "crm",
        "news_since": None,
        "error": None,
        "counters": None,
    }
    (listed,) = crm.get("/mailboxes")["mailboxes"]
    for one in (mailbox, listed, crm.get(f"/mailboxes/{mailbox['id']}")):
        assert {name: one[name] for name in lasting} == lasting


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_starttls_does_as_well(
    new_crm: Callable[[], Crm], good: dict[str, Any], mail_server: Dovecot, host: str
) -> None:
    crm = new_crm()
    told(crm, user("ann"))
    imap = {"host": host, "port": mail_server.imap_port, "security": "starttls"}

    assert crm.ask("POST", "/mailboxes", json=good | {"imap": imap}).status_code == 201


def test_a_submission_server_is_tried_too(
    new_crm: Callable[[], Crm],
    good: dict[str, Any],
    authority: trustme.CA,
    tmp_path: Path,
) -> None:
    crm = new_crm()
    told(crm, user("ann"))
    login = Login(good["username"], good["password"])

    with submission_server(login, authority, tmp_path) as port:
        smtp = {"host": "localhost", "port": port, "security": "starttls"}
        answer = crm.ask("POST", "/mailboxes", json=good | {"smtp": smtp})

    assert answer.status_code == 201


# What the form lacks


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"ann"', b"null"])
def test_a_body_that_is_no_form_is_refused(crm: Crm, body: bytes) -> None:
    answer = crm.ask("POST", "/mailboxes", data=body)

    assert answer.status_code == 400
    assert problem(answer)["code"] == "malformed_json"


@pytest.mark.parametrize("field", ["user_id", "email", "provider", "imap", "username", "password"])
def test_each_field_is_needed(ask: Ask, good: dict[str, Any], field: str) -> None:
    del good[field]
    found = problem(ask(good))

    assert (found["status"], found["code"], found["detail"]) == (422, "missing_field", field)


@pytest.mark.parametrize(
    ("change", "code", "detail"),
    [
        ({"email": "ann at us.example"}, "invalid_email", "email"),
        ({"email": "ann@us.example\r\nX: y"}, "invalid_field", "email"),
        ({"password": 12345678}, "invalid_field", "password"),
        ({"username": "a" * 1000}, "invalid_field", "username"),
        ({"provider": "carrier pigeon"}, "provider_unsupported", "provider"),
        ({"imap": "127.0.0.1:993"}, "invalid_field", "imap"),
        ({"imap": {"port": 993, "security": "tls"}}, "missing_field", "imap.host"),
        (
            {"imap": {"host": "not a host", "port": 993, "security": "tls"}},
            "invalid_field",
            "imap.host",
        ),
        ({"imap": {"host": "h", "security": "tls"}}, "missing_field", "imap.port"),
        ({"imap": {"host": "h", "port": "993", "security": "tls"}}, "invalid_field", "imap.port"),
        ({"imap": {"host": "h", "port": 70000, "security": "tls"}}, "invalid_field", "imap.port"),
        ({"imap": {"host": "h", "port": 143}}, "missing_field", "imap.security"),
        (
            {"imap": {"host": "h", "port": 143, "security": "none"}},
            "invalid_field",
            "imap.security",
        ),
        ({"smtp": {"host": "h", "port": 25, "security": ""}}, "invalid_field", "smtp.security"),
        ({"user_id": "nobody"}, "user_unknown", "user_id"),
    ],
)
def test_a_field_with_a_wrong_value_is_named(
    ask: Ask, good: dict[str, Any], change: dict[str, Any], code: str, detail: str
) -> None:
    found = problem(ask(good | change))

    assert (found["status"], found["code"]) == (422, code)
    assert found["detail"].startswith(detail)


def test_pop3_is_refused_with_its_reason(ask: Ask, good: dict[str, Any]) -> None:
    assert problem(ask(good | {"provider": "pop3"}))["code"] == "pop3_unsupported"
    for port in (110, 995):
        imap = {"host": "127.0.0.1", "port": port, "security": "tls"}
        assert refused(ask(good | {"imap": imap})) == "pop3_unsupported"


# What the servers say


@pytest.mark.parametrize("change", [{"password": "wrong"}, {"username": "nobody"}])
def test_a_wrong_password_is_reported(
    ask: Ask, good: dict[str, Any], change: dict[str, str]
) -> None:
    assert refused(ask(good | change)) == "sign_in_failed"


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("no-such-host.invalid", "host_unknown"),
        ("10.0.0.1", "host_not_allowed"),
        ("169.254.169.254", "host_not_allowed"),
        ("::ffff:10.0.0.1", "host_not_allowed"),
        ("0.0.0.0", "host_not_allowed"),
    ],
)
def test_hosts_of_no_public_address_are_not_asked(
    ask: Ask, good: dict[str, Any], host: str, code: str
) -> None:
    assert refused(ask(good | {"imap": good["imap"] | {"host": host}})) == code


def test_a_closed_port_is_reported(ask: Ask, good: dict[str, Any], closed_port: int) -> None:
    closed = good["imap"] | {"port": closed_port}

    assert refused(ask(good | {"imap": closed})) == "connect_refused"
    assert refused(ask(good | {"smtp": closed}), "smtp") == "connect_refused"


def test_a_certificate_of_an_unknown_authority_is_reported(ask: Ask, good: dict[str, Any]) -> None:
    with Hostile() as server:
        assert refused(ask(good | {"imap": at(server)})) == "certificate_invalid"
        assert refused(ask(good | {"smtp": at(server)}), "smtp") == "certificate_invalid"
        assert server.received == []


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_of_another_host_is_reported(
    ask: Ask, good: dict[str, Any], mail_server: Dovecot, security: str
) -> None:
    port = mail_server.imaps_port if security == "tls" else mail_server.imap_port
    # Another way to write 127.0.0.1, and not the one that the certificate has.
    imap = {"host": "127.1", "port": port, "security": security}

    assert refused(ask(good | {"imap": imap})) == "certificate_invalid"


def test_a_server_without_tls_is_reported(
    ask: Ask, good: dict[str, Any], mail_server: Dovecot
) -> None:
    imap = {"host": "127.0.0.1", "port": mail_server.imap_port, "security": "tls"}

    assert refused(ask(good | {"imap": imap})) == "tls_failed"


def test_a_password_is_not_sent_without_tls(ask: Ask, good: dict[str, Any]) -> None:
    with Hostile(tls=False) as server:
        code = refused(ask(good | {"imap": at(server) | {"security": "starttls"}}))
        heard = b"".join(server.received)

    assert code == "starttls_missing"
    assert b"LOGIN" not in heard.upper()
    assert b"AUTHENTICATE" not in heard.upper()


@pytest.mark.parametrize(
    ("greeting", "code"), [(POP3_GREETING, "pop3_unsupported"), (SMTP_GREETING, "another_service")]
)
def test_another_service_at_the_port_is_reported(
    ask: Ask, good: dict[str, Any], authority: trustme.CA, greeting: bytes, code: str
) -> None:
    with Hostile(greeting=greeting, issuer=authority) as server:
        assert refused(ask(good | {"imap": at(server)})) == code


def test_imap_at_the_port_of_submission_is_reported(
    ask: Ask, good: dict[str, Any], mail_server: Dovecot
) -> None:
    assert refused(ask(good | {"smtp": good["imap"]}), "smtp") == "another_service"


def test_a_submission_server_that_refuses_the_password_is_reported(
    ask: Ask, good: dict[str, Any], authority: trustme.CA, tmp_path: Path
) -> None:
    other = Login(good["username"], "another password")
    with submission_server(other, authority, tmp_path) as port:
        smtp = {"host": "127.0.0.1", "port": port, "security": "starttls"}
        assert refused(ask(good | {"smtp": smtp}), "smtp") == "sign_in_failed"


def test_a_server_without_sign_in_by_password_is_reported(
    ask: Ask, good: dict[str, Any], authority: trustme.CA
) -> None:
    greeting = b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2] ready\r\n"
    capabilities = [b"* CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=XOAUTH2\r\n", b"<tag> OK done\r\n"]
    with Hostile({"CAPABILITY": capabilities}, greeting, issuer=authority) as server:
        assert refused(ask(good | {"imap": at(server)})) == "sign_in_unsupported"


def test_a_server_without_an_inbox_is_reported(
    ask: Ask, good: dict[str, Any], authority: trustme.CA
) -> None:
    with Hostile({"LIST": [b"<tag> OK done\r\n"]}, issuer=authority) as server:
        assert refused(ask(good | {"imap": at(server)})) == "inbox_not_found"


def warmed(pool: ThreadPoolExecutor, ask: Ask, requests_at_once: list[dict[str, Any]]) -> bool:
    """Ask at once, and tell whether every environment has started in time to answer."""
    try:
        return {refused(one) for one in pool.map(ask, requests_at_once)} == {"connect_refused"}
    except (AssertionError, requests.RequestException):
        return False


def test_a_host_that_does_not_answer_is_reported_in_time(
    ask: Ask,
    good: dict[str, Any],
    authority: trustme.CA,
    mail_server: Dovecot,
    closed_port: int,
) -> None:
    waits_for_tls = {
        "host": "127.0.0.1",
        "port": mail_server.imaps_port,
        "security": "starttls",
    }
    with ExitStack() as stack:
        no_tls = stack.enter_context(Hostile(greeting=SILENCE, tls=False))
        no_greeting = stack.enter_context(Hostile(greeting=SILENCE, issuer=authority))
        no_login = stack.enter_context(Hostile({"LOGIN": [SILENCE]}, issuer=authority))
        cases = [
            ({"imap": at(no_tls)}, "imap", {"tls_failed", "connect_timeout"}),
            ({"imap": at(no_greeting)}, "imap", {"connect_timeout"}),
            ({"imap": at(no_login)}, "imap", {"sign_in_unanswered"}),
            ({"imap": waits_for_tls}, "imap", {"tls_failed"}),
            ({"smtp": at(no_greeting)}, "smtp", {"connect_timeout"}),
        ]
        # Two at once, each in an environment that was started before: the time that is measured is
        # that of the request, not that of starting five functions on two cores.
        at_once = 2
        pool = stack.enter_context(ThreadPoolExecutor(at_once))
        closed = good | {"imap": good["imap"] | {"port": closed_port}}
        wait_for("two environments", lambda: warmed(pool, ask, [closed] * at_once), seconds=100)
        answers = list(pool.map(ask, [good | change for change, _, _ in cases]))

    for answer, (_, stage, codes) in zip(answers, cases, strict=True):
        assert refused(answer, stage) in codes
        assert answer.elapsed < SOON


# Whose it is


def test_an_address_is_connected_once(
    new_crm: Callable[[], Crm], mail_server: Dovecot, login: Login
) -> None:
    crm = new_crm()
    told(crm, user("ann"), user("bob"))
    id = crm.connect(form(mail_server, login, "ann", "Ann@US.example"))

    answer = crm.ask("POST", "/mailboxes", json=form(mail_server, login, "bob", "ann@us.example"))

    assert (answer.status_code, problem(answer)["code"]) == (409, "address_connected")
    assert [mailbox["id"] for mailbox in crm.get("/mailboxes")["mailboxes"]] == [id]


def test_a_customers_and_a_colleagues_address_are_refused(
    new_crm: Callable[[], Crm], mail_server: Dovecot, login: Login
) -> None:
    crm = new_crm()
    told(crm, user("ann"), user("bob", "bob@us.example"), contact("kim", "kim@customer.example"))

    for email, code in [
        ("kim@customer.example", "address_of_person"),
        ("bob@us.example", "address_of_another_user"),
    ]:
        answer = crm.ask("POST", "/mailboxes", json=form(mail_server, login, "ann", email))
        assert (answer.status_code, problem(answer)["code"]) == (409, code)
    assert crm.get("/mailboxes")["mailboxes"] == []
    told(crm, user("ann", "kim@customer.example"))
    id = crm.connect(form(mail_server, login, "ann", "kim@customer.example"))
    assert crm.get(f"/mailboxes/{id}")["address_proof"] == "crm"


def test_a_user_has_one_mailbox(
    new_crm: Callable[[], Crm], mail_server: Dovecot, login: Login
) -> None:
    crm = new_crm()
    told(crm, user("ann"))
    id = crm.connect(form(mail_server, login, "ann", "ann@us.example"))

    answer = crm.ask("POST", "/mailboxes", json=form(mail_server, login, "ann", "two@us.example"))

    assert (answer.status_code, problem(answer)["code"]) == (409, "mailbox_limit")
    assert [mailbox["id"] for mailbox in crm.get("/mailboxes")["mailboxes"]] == [id]


def test_the_own_address_connected_again_is_the_same_mailbox(
    new_crm: Callable[[], Crm], mail_server: Dovecot, login: Login
) -> None:
    crm = new_crm()
    told(crm, user("ann"))
    whole = form(mail_server, login, "ann", "ann@us.example")
    id = crm.connect(whole)

    assert crm.connect(whole) == id
    assert crm.ask("DELETE", f"/mailboxes/{id}").status_code == 202
    assert crm.get(f"/mailboxes/{id}")["state"] == "disconnected"
    assert crm.connect(whole) == id
    wait_for("its sync", lambda: crm.get(f"/mailboxes/{id}")["state"] == "healthy", seconds=60)


def test_a_disconnected_address_is_free_for_another_user(
    new_crm: Callable[[], Crm], mail_server: Dovecot, login: Login
) -> None:
    crm = new_crm()
    told(crm, user("ann"), user("bob"))
    anns = form(mail_server, login, "ann", "sales@us.example")
    first = crm.connect(anns)
    crm.ask("DELETE", f"/mailboxes/{first}")

    second = crm.connect(form(mail_server, login, "bob", "sales@us.example"))

    assert second != first
    answer = crm.ask("POST", "/mailboxes", json=anns)
    assert (answer.status_code, problem(answer)["code"]) == (409, "address_connected")


def test_a_failed_attempt_to_connect_again_leaves_the_mailbox_as_it_was(
    new_crm: Callable[[], Crm], good: dict[str, Any]
) -> None:
    crm = new_crm()
    told(crm, user("ann"))
    id = crm.connect(good)

    def as_it_is() -> dict[str, Any]:
        """Without the times of the polls."""
        found = crm.get(f"/mailboxes/{id}")
        return found | {"last_success_at": None, "next_due_at": None}

    wait_for("its first sync", lambda: as_it_is()["state"] == "healthy", seconds=60)
    before = as_it_is()

    answer = crm.ask("POST", "/mailboxes", json=good | {"password": "wrong"})

    assert refused(answer) == "sign_in_failed"
    assert json.dumps(as_it_is()) == json.dumps(before)
    assert crm.ask("POST", f"/mailboxes/{id}/sync").status_code == 202


def at(server: Hostile) -> dict[str, Any]:
    return {"host": server.host, "port": server.port, "security": "tls"}


def test_a_preview_shows_figures_and_keeps_nothing(
    new_crm: Callable[[], Crm], mail_server: Dovecot, good: dict[str, Any], traces: Traces
) -> None:
    crm, login = new_crm(), good["username"]
    told(crm, user("ann", "ann@us.example"), contact("kim", "kim@customer.example"))
    held = len(mail_server.snapshot(login)["INBOX"].messages)

    answer = crm.ask("POST", "/mailboxes/preview", json=good)

    assert answer.status_code == 200, answer.text
    (inbox,) = (one for one in answer.json()["folders"] if one["role"] == "inbox")
    assert (inbox["read"], inbox["messages"]) == (True, held)
    assert answer.json()["sample"]["size"] == answer.json()["messages"]
    assert crm.get("/mailboxes") == {"mailboxes": []}
    kept = ("mailbox", "connected", "due#", "kept")
    names = [at for at, _ in traces.items(crm.account.account_id)]
    assert [at for at in names if any(kind in at for kind in kept)] == []
    wrong = crm.ask("POST", "/mailboxes/preview", json=good | {"password": "wrong"})
    assert refused(wrong) == "sign_in_failed"
