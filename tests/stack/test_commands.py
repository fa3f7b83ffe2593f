"""The operator's commands, as `make` calls them: each ends well, or with one line to act on."""

import getpass
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from commands.__main__ import main
from local.samples import sign
from local.stack import Home, Stack
from mailmirror.domain.mailbox import Provider
from mailmirror.runtime import Runtime
from mailmirror.usecases.crm_feed.accept_events import verify
from mailmirror.usecases.operating.accounts import NewAccount, add_key, create_account, list_keys

HOST = "https://login.us.example"


@dataclass(frozen=True, slots=True)
class Operator:
    """Types commands for one account of the stack."""

    account: NewAccount
    _home: Home
    _monkeypatch: pytest.MonkeyPatch
    _capsys: pytest.CaptureFixture[str]

    def types(self, command: str, account: str = "", **options: str) -> str:
        """What a command prints."""
        given = {"account": account or self.account.account_id} | options
        words = [word for name, value in given.items() for word in (_option(name), value)]
        argv = ["commands", "--directory", str(self._home.directory), command, *words]
        self._monkeypatch.setattr(sys, "argv", argv)
        self._capsys.readouterr()
        main()
        return self._capsys.readouterr().out

    def is_told(self, command: str, account: str = "", **options: str) -> str:
        """The one line that a command fails with."""
        with pytest.raises(SystemExit) as ended:
            self.types(command, account, **options)
        assert isinstance(ended.value.code, str)
        assert "\n" not in ended.value.code
        assert self._capsys.readouterr().out == ""
        return ended.value.code

    def enters(self, provider: str = "google", **options: str) -> str:
        return self.types("provider", provider=provider, client_id="us", **options)

    def cannot_enter(self, provider: str = "google", **options: str) -> str:
        return self.is_told("provider", provider=provider, client_id="us", **options)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


@pytest.fixture
def operator(
    stack: Stack,
    stack_home: Home,
    office: Runtime,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Operator:
    monkeypatch.setenv("CLIENT_SECRET", "a secret")
    return Operator(create_account("operated", office), stack_home, monkeypatch, capsys)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], str]:
    """Writes a file for ENDPOINTS."""

    def write(content: bytes) -> str:
        path = tmp_path / "endpoints.json"
        path.write_bytes(content)
        return str(path)

    return write


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("key", {"name": "reports"}),
        ("keys", {}),
        ("revoke", {"key": "00000000"}),
        ("provider", {"provider": "google", "client_id": "us"}),
        ("return_urls", {"urls": "https://crm.us.example/"}),
    ],
)
def test_an_account_that_is_not_there_is_named_with_where_to_find_its_id(
    operator: Operator, command: str, options: dict[str, str]
) -> None:
    line = operator.is_told(command, account="nope", **options)
    assert line.startswith("ACCOUNT=nope: there is no such account here.")
    assert "make account" in line


def test_a_key_is_revoked_by_its_id_or_by_the_whole_key(
    operator: Operator, office: Runtime
) -> None:
    account = operator.account.account_id
    by_id, whole = (add_key(account, name, office) for name in ("by its id", "whole"))
    for given, key in ((by_id.split("_")[2], by_id), (whole, whole)):
        said = operator.types("revoke", key=given)
        assert said == f"key {key.split('_')[2]} is revoked\n"
    revoked = {key.name for key in list_keys(account, office) if key.revoked_at}
    assert revoked == {"by its id", "whole"}


def test_a_new_webhook_secret_is_shown_once(operator: Operator, office: Runtime) -> None:
    account = operator.account.account_id
    said = operator.types("webhook_secret")
    label, secret = said.splitlines()[0].split()[:2], said.splitlines()[0].split()[2]
    assert label == ["webhook", "secret"]
    assert "valid for a day" in said
    body = b'{"events": []}'
    for one in (secret, operator.account.webhook_secret):
        assert verify(account, body, sign(one, body, int(time.time())), office) == account


def test_a_key_that_is_not_there_is_looked_up_by_make_keys(operator: Operator) -> None:
    line = operator.is_told("revoke", key="00000000")
    assert line.startswith("not_found: key 00000000.")
    assert "make keys" in line


def test_no_line_tells_the_secret_of_a_key(operator: Operator, office: Runtime) -> None:
    other = create_account("other", office)
    secret = other.api_key.split("_", 3)[3]
    for key in (other.api_key, f"mm_{secret}", f"Bearer {other.api_key}"):
        line = operator.is_told("revoke", key=key)
        assert line.startswith("KEY is ")
        assert secret not in line
    assert f"ACCOUNT={other.account_id}" in operator.is_told("revoke", key=other.api_key)
    assert not any(key.revoked_at for key in list_keys(other.account_id, office))


def test_a_client_is_entered_with_what_a_file_says_of_its_provider(
    operator: Operator, office: Runtime, file: Callable[[bytes], str]
) -> None:
    said = operator.enters(endpoints=file(json.dumps({"token_url": f"{HOST}/token"}).encode()))
    account = office.accounts.find(operator.account.account_id)
    assert account is not None
    kept = office.providers.find(account, Provider.GOOGLE, office.now())
    assert kept is not None
    assert (kept.token_url, kept.client_secret) == (f"{HOST}/token", "a secret")
    assert kept.redirect_uri in said


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"not JSON", "malformed_json: not JSON"),
        (b"\xff\xfe", "malformed_json: not UTF-8"),
        (b"[" * 100_000, "malformed_json: nested too deeply"),
        (b"[1]", "malformed_json: not an object"),
        (b'{"nonsense": 1}', "invalid_field: nonsense: no such field"),
        (b'{"token_url": "http://evil.example"}', "invalid_field: token_url: an https URL"),
        (b'{"imap": {"host": "x"}}', "missing_field: imap.port"),
    ],
)
def test_a_file_that_cannot_be_is_refused_with_where_to_read_on(
    operator: Operator, file: Callable[[bytes], str], content: bytes, problem: str
) -> None:
    line = operator.cannot_enter(endpoints=file(content))
    assert problem in line
    assert "docs/deploy.md" in line


def test_a_file_that_cannot_be_read_is_named(operator: Operator, tmp_path: Path) -> None:
    missing = tmp_path / "none.json"
    assert operator.cannot_enter(endpoints=str(missing)).startswith(f"ENDPOINTS={missing}: No such")
    assert operator.cannot_enter(endpoints=str(tmp_path)).startswith(f"ENDPOINTS={tmp_path}: Is a")


def test_a_provider_and_a_tenant_are_ones_that_there_are(operator: Operator) -> None:
    assert "google or microsoft" in operator.cannot_enter("yahoo")
    assert "common, organizations" in operator.cannot_enter("microsoft", tenant="a b/..")


def test_a_secret_is_asked_for_when_all_else_is_right(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLIENT_SECRET")
    monkeypatch.setattr(getpass, "getpass", _never)
    assert operator.is_told("provider", "nope", provider="google", client_id="us")
    assert operator.cannot_enter("yahoo")
    assert operator.cannot_enter("microsoft", tenant="a b/..")
    monkeypatch.setattr(getpass, "getpass", lambda prompt: "typed")
    assert "redirect URI" in operator.enters()


def _never(prompt: str) -> NoReturn:
    raise AssertionError("it asked for the secret")


def test_without_a_terminal_the_variable_of_the_secret_is_named(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLIENT_SECRET")
    # What it does where it finds no terminal.
    monkeypatch.setattr(getpass, "getpass", getpass.fallback_getpass)  # type: ignore[attr-defined]
    assert operator.cannot_enter().startswith("CLIENT_SECRET is not set, and there is no terminal")


def test_an_empty_secret_is_none(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIENT_SECRET", " ")
    assert operator.cannot_enter().startswith("CLIENT_SECRET is empty.")


@pytest.mark.parametrize("url", ["http://crm.us.example/", "https://["])
def test_a_url_that_browsers_are_not_sent_to_is_named(operator: Operator, url: str) -> None:
    line = operator.is_told("return_urls", urls=url)
    assert url in line
    assert "Correct URLS" in line


def test_an_empty_list_of_urls_empties_the_list(operator: Operator, office: Runtime) -> None:
    def listed() -> frozenset[str]:
        account = office.accounts.find(operator.account.account_id)
        assert account is not None
        return frozenset(account.return_urls)

    operator.types("return_urls", urls="https://crm.us.example/")
    assert listed() == {"https://crm.us.example/"}
    said = operator.types("return_urls", urls="")
    assert listed() == frozenset()
    assert said == "the list is empty: browsers are sent nowhere\n"
