"""docs/quickstart.md, typed as it stands: each of its blocks in curl and in Python works."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from local.environments import ROOT
from local.mail_servers import MailServers, mail_servers
from local.stack import Home, Stack

TEXT = (ROOT / "docs" / "quickstart.md").read_text("utf-8")


def blocks(language: str) -> str:
    """Every block of a language, one behind the other."""
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def server(authority: trustme.CA) -> Iterator[MailServers]:
    """What `make mailserver` runs, on ports of its own."""
    with mail_servers(authority, {"rep@us.example": "secret"}) as servers:
        yield servers


@pytest.fixture
def here(
    server: MailServers, stack: Stack, stack_home: Home, tmp_path: Path
) -> Callable[[str], str]:
    """Puts the ports of the server, and the folder of the stack, in place of the text's."""

    def put(text: str) -> str:
        ports = {"10993": server.imap_port, "10465": server.smtp_port, "10025": server.world_port}
        for named, port in ports.items():
            assert named in text
            text = text.replace(named, str(port))
        return text.replace(".local/", f"{stack_home.directory}/")

    return put


def typed(script: str, *command: str, folder: Path) -> str:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [*command, script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_in_curl(here: Callable[[str], str], server: MailServers, tmp_path: Path) -> None:
    said = typed(here(blocks("sh")), "bash", "-euc", folder=tmp_path)
    assert '"accepted"' in said
    assert "Forty desks" in said
    assert json.loads(said.splitlines()[-1])["messages"] == []
    assert len(server.received("kim@customer.example", "Re: Forty desks")) == 1


def test_in_python(
    here: Callable[[str], str], server: MailServers, stack_home: Home, tmp_path: Path
) -> None:
    (tmp_path / "quickstart.py").write_text(here(blocks("python")), "utf-8")
    script = f". {stack_home.directory}/stack.env && python3 quickstart.py"
    said = typed(script, "sh", "-c", folder=tmp_path)
    assert said.splitlines()[-1] == "messages of the thread on the deal's card: 0"
    assert len(server.received("lee@customer.example", "Re: Ten lamps")) == 1
