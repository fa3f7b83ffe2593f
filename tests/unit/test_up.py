"""What a local stack may be started with: what its functions could not use is refused at once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import trustme

from commands import __main__ as commands
from local.down import down
from local.emulator import Emulator
from local.process import Process
from local.stack import Home, Options, Run, Stack
from local.up import WrongOption, ensure_usable, main


def refused(options: Options) -> str:
    with pytest.raises(WrongOption) as refusal:
        ensure_usable(options)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(allow_networks="127.0.0.0/8, ::1/128,"),
        Options(ses_relay="127.0.0.1:2525"),
        Options(ses_relay="mail.us.example:25"),
        Options(ses_relay="::1:25"),
    ],
)
def test_a_stack_starts_with_what_its_functions_can_use(options: Options) -> None:
    ensure_usable(options)


def test_a_stack_trusts_a_file_of_certificates(tmp_path: Path) -> None:
    pem = tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(pem))
    ensure_usable(Options(extra_ca=pem))


@pytest.mark.parametrize(
    "networks", ["garbage", "127.0.0.0/8,garbage", "127.0.0.1/8", "10.0.0.0/33", "127.0.0.0/8;::1"]
)
def test_networks_are_in_cidr_notation(networks: str) -> None:
    assert refused(Options(allow_networks=networks)).startswith(f"ALLOW_NETWORKS={networks}: ")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        b"\xff\xfe\x00",
        "Länder\n".encode(),
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ],
)
def test_a_file_without_certificates_is_no_authority(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "authority.pem"
    file.write_bytes(content)
    assert refused(Options(extra_ca=file)).startswith(f"EXTRA_CA={file}: no certificates in PEM")


def test_a_file_of_certificates_is_there(tmp_path: Path) -> None:
    missing = tmp_path / "none.pem"
    assert refused(Options(extra_ca=missing)).startswith(f"EXTRA_CA={missing}: No such file")
    assert refused(Options(extra_ca=tmp_path)).startswith(f"EXTRA_CA={tmp_path}: Is a directory")


@pytest.mark.parametrize(
    "relay",
    ["nonsense", "localhost", ":25", "localhost:", "localhost:0", "localhost:65536", "smtp://h:25"],
)
def test_mail_of_ses_goes_to_a_host_and_a_port(relay: str) -> None:
    assert refused(Options(ses_relay=relay)).startswith(f"SES_RELAY={relay}: ")


def test_nothing_is_started_with_an_option_that_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    argv = ["up", "--directory", str(home), "--allow-networks", "garbage"]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit, match=r"^ALLOW_NETWORKS=garbage: "):
        main()
    assert not home.exists()


@pytest.fixture
def home_that_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A home whose emulator is a process that sleeps."""
    home = Home(tmp_path / "home")
    home.directory.mkdir()
    log = home.log("sleep")
    sleeper = Process.start(["sleep", "300"], {"PATH": os.defpath}, log)
    home.save_run(Run(Emulator(1, sleeper, 2, sleeper), Options(allow_networks="127.0.0.0/8")))
    home.save_stack(Stack("http://api", "http://aws", "r", "key", "it's", "a", {}, {}, "b", "t"))
    yield home
    sleeper.stop()


def told(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *arguments: str,
) -> str:
    monkeypatch.setattr(sys, "argv", ["up", "--directory", str(home.directory), *arguments])
    main()
    return capsys.readouterr().out


def test_an_option_changes_nothing_on_a_stack_that_is_up_and_is_said_to(
    home_that_is_up: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    same = told(home_that_is_up, monkeypatch, capsys, "--allow-networks", "127.0.0.0/8")
    assert "ALLOW_NETWORKS changed nothing on it" in same
    assert "changed nothing" not in told(home_that_is_up, monkeypatch, capsys)


def test_an_authority_that_a_stack_that_is_up_lacks_is_refused(
    home_that_is_up: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pem = tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(pem))
    with pytest.raises(SystemExit, match="EXTRA_CA changed nothing on it: run make down"):
        told(home_that_is_up, monkeypatch, capsys, "--extra-ca", str(pem))


def test_up_ends_with_commands_to_type(
    home_that_is_up: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = told(home_that_is_up, monkeypatch, capsys).splitlines()
    commands = [line.strip() for line in lines if line.startswith("  ")]
    assert [command.split()[0] for command in commands] == [".", "curl", "make", "make"]
    shown = subprocess.run(
        ["sh", "-c", f'{commands[0]} && printf %s "$WEBHOOK_SECRET"'],
        capture_output=True,
        text=True,
    )
    assert shown.stdout == "it's"


def test_down_says_what_it_did(home_that_is_up: Home, tmp_path: Path) -> None:
    assert down(home_that_is_up).startswith("the local stack is stopped")
    assert down(home_that_is_up) == "no local stack is up: nothing was stopped"


@pytest.mark.parametrize(("account", "is_own"), [("a", True), ("b", False)])
def test_a_new_webhook_secret_of_the_stacks_own_account_is_written_for_the_shell(
    home_that_is_up: Home,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    account: str,
    is_own: bool,
) -> None:
    runtime = SimpleNamespace(accounts=SimpleNamespace(find=str))
    monkeypatch.setattr("commands.__main__.runtime_of_emulator", lambda _: runtime)
    monkeypatch.setattr("commands.webhook_secret.replace_webhook_secret", lambda *_: "new one")
    before = home_that_is_up.stack()
    arguments = ["--directory", str(home_that_is_up.directory), "webhook_secret"]
    monkeypatch.setattr(sys, "argv", ["commands", *arguments, "--account", account])
    commands.main()
    said, env = capsys.readouterr().out, home_that_is_up.directory / "stack.env"
    assert ("export WEBHOOK_SECRET='new one'" in env.read_text()) is is_own
    assert (str(env) in said) is is_own
    expected = replace(before, webhook_secret="new one") if is_own else before
    assert home_that_is_up.stack() == expected
