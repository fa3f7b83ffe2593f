"""What the operator's commands say where a variable of `make` was not named."""

import sys

import pytest

from local.operator import main


def said(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """The one line that a command ends with, which fails."""
    monkeypatch.setattr(sys, "argv", ["operator", *arguments])
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
            ["return_urls", "--account", "a", "--urls", ""],
            "URLS not given: run make return_urls ACCOUNT=… URLS=…",
        ),
    ],
)
def test_what_is_missing_is_named_as_make_names_it(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], line: str
) -> None:
    assert said(monkeypatch, *arguments) == line
