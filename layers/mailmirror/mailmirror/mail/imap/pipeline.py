"""Several commands in one round trip (RFC 9051 5.5), each with its own answer."""

import imaplib
from collections.abc import Sequence
from itertools import batched
from typing import Any

from mailmirror.domain.imap_answers import OF_THE_SERVER
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.imap.client import BoundedClient

_MAX_COMMANDS = 100
"""Sent before the first answer is read: some 8 KB, which any server's buffer holds."""

type Command = tuple[str, *tuple[bytes | str, ...]]
"""Its name, and its arguments as they are written."""


def pipelined(
    client: BoundedClient, commands: Sequence[Command], untagged: str
) -> Sequence[Sequence[Any] | None]:
    """Send commands that do not depend on each other; return the untagged data of each.

    Parameters:
        untagged: the name of the data that the commands ask for, as STATUS.

    Returns:
        Of each command the lines that came before its tagged answer, as imaplib keeps them; None
        where the server refused it for a reason that is not its own state.

    Raises:
        Refused: the server, or the connection, fails.
    """
    found: list[Sequence[Any] | None] = []
    for some in batched(commands, _MAX_COMMANDS, strict=False):
        with client.asking(messages=len(some)):
            answers, failure = _answers(client, some, untagged)
        if failure is not None:
            raise failure
        found += answers
    return found


def _answers(
    client: BoundedClient, commands: Sequence[Command], untagged: str
) -> tuple[list[Sequence[Any] | None], Refused | None]:
    """All answers are read, also after one that tells the server's state."""
    imap = client._imap
    imap.untagged_responses.pop(untagged, None)  # unsolicited
    tags = [imap._command(name, *arguments) for name, *arguments in commands]
    found: list[Sequence[Any] | None] = []
    failure: Refused | None = None
    for (name, *_), tag in zip(commands, tags, strict=True):
        client.heard.begin()
        try:
            typ, _text = imap._command_complete(name, tag)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            typ = "BAD"
        lines = imap.untagged_responses.pop(untagged, [])
        found.append(lines if typ == "OK" else None)
        if typ != "OK":
            said = client.heard.command(Code.PROTOCOL_ERROR)
            failure = failure or (said if said.code in OF_THE_SERVER else None)
    return found, failure
