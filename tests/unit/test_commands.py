"""What the operator's commands say where a variable of `make` was not named."""

import os
import shlex
import subprocess
import sys

import pytest

from commands.__main__ import main
from local.environments import ROOT


def said(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """The one line that a command ends with, which fails."""
    monkeypatch.setattr(sys, "argv", ["commands", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, str)
    assert "\n" not in ended.value.code
    return ended.value.code


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["account", "--name", ""], "NAME not given: run make account NAME=…"),
        (["keys", "--account", " "], "ACCOUNT not given: run make keys ACCOUNT=…"),
        (
            ["key", "--account", "a", "--name", ""],
            "NAME not given: run make key ACCOUNT=… NAME=…",
        ),
        (
            ["revoke", "--account", "", "--key", ""],
            "ACCOUNT, KEY not given: run make revoke ACCOUNT=… KEY=…",
        ),
        (
            ["provider", "--account", "a", "--provider", "google", "--client-id", ""],
            "CLIENT_ID not given: run make provider ACCOUNT=… PROVIDER=… CLIENT_ID=…",
        ),
        (
            ["return_urls", "--account", "a"],
            "URLS not given: run make return_urls ACCOUNT=… URLS=…",
        ),
    ],
)
def test_what_is_missing_is_named_as_make_names_it(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], line: str
) -> None:
    assert said(monkeypatch, *arguments) == line


@pytest.mark.parametrize(
    ("typed", "passed"),
    [([], None), (["URLS="], ""), (["URLS=https://crm.us.example/"], "https://crm.us.example/")],
)
def test_make_tells_an_empty_list_of_urls_from_none_that_was_named(
    typed: list[str], passed: str | None
) -> None:
    """A line without `--urls` is refused by the command: nobody empties a list by an omission."""
    command = ["make", "--dry-run", "return_urls", "ACCOUNT=a", "PYTHON=true", *typed]
    environment = {name: value for name, value in os.environ.items() if name != "URLS"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    (line,) = (one for one in done.stdout.splitlines() if " return_urls " in one)
    words = shlex.split(line)
    assert (words[words.index("--urls") + 1] if "--urls" in words else None) == passed
