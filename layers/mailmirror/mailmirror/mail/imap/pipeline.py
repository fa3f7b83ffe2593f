"""Several commands in one round trip (RFC 9051 5.5), each with its own answer."""

import imaplib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.imap.client import BoundedClient

_MAX_COMMANDS = 100
_MAX_BYTES = 8_000
"""Of commands that are sent before the first answer is read: any server's buffer holds them, so
that neither side waits for the other to read."""
_FIXED_BYTES = 16
"""Of a command, for its tag, blanks and line end."""

type Command = tuple[str, *tuple[bytes | str, ...]]
"""Its name, and its arguments as they are written."""


type Data = Mapping[str, Sequence[Any]]
"""Untagged data by their name, as STATUS: the lines as imaplib keeps them."""


def pipelined(
    client: BoundedClient, commands: Sequence[Command], *untagged: str
) -> Sequence[Data | Refused]:
    """Send commands that do not depend on each other; return the untagged data of each.

    Parameters:
        untagged: the names of the data that the commands ask for.

    Returns:
        Of each command the data that came before its tagged answer and after those of the commands
        before; or why the server refused it.

    Raises:
        Refused: the connection fails.
    """
    found: list[Data | Refused] = []
    for some in _round_trips(commands):
        with client.asking(messages=len(some)):
            found += _answers(client, some, untagged)
    return found


def _round_trips(commands: Sequence[Command]) -> Iterator[Sequence[Command]]:
    some: list[Command] = []
    size = 0
    for command in commands:
        length = _FIXED_BYTES + sum(len(one) + 1 for one in command)
        if some and (size + length > _MAX_BYTES or len(some) == _MAX_COMMANDS):
            yield some
            some, size = [], 0
        some.append(command)
        size += length
    if some:
        yield some


def _answers(
    client: BoundedClient, commands: Sequence[Command], untagged: Sequence[str]
) -> Sequence[Data | Refused]:
    imap = client._imap
    _taken(imap, untagged)  # unsolicited
    with imap.sent_together():
        tags = [imap._command(name, *arguments) for name, *arguments in commands]
    found: list[Data | Refused] = []
    for (name, *_), tag in zip(commands, tags, strict=True):
        client.heard.begin()
        try:
            typ, _text = imap._command_complete(name, tag)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            typ = "BAD"
        if typ == "OK":
            found.append(_taken(imap, untagged))
        else:
            found.append(client.heard.command(Code.PROTOCOL_ERROR))
    return found


def _taken(imap: imaplib.IMAP4, untagged: Sequence[str]) -> Data:
    return {name: imap.untagged_responses.pop(name, []) for name in untagged}
