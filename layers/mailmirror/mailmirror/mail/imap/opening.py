"""Opening a folder: STATUS, and EXAMINE, which opens it read-only."""

import imaplib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from imapclient.exceptions import IMAPClientError
from imapclient.response_parser import parse_response

from mailmirror.domain.imap_answers import OF_THE_SERVER
from mailmirror.domain.limits import MAX_UID, MAX_UIDVALIDITY
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.imap import fetch_answers
from mailmirror.mail.imap.client import BoundedClient
from mailmirror.mail.imap.pipeline import Command, pipelined

STATUS_ITEMS = ["UIDVALIDITY", "UIDNEXT", "MESSAGES"]


@dataclass(frozen=True, slots=True)
class Status:
    """A folder's STATUS, or the answer to EXAMINE."""

    uidvalidity: int
    uidnext: int
    messages: int


def status(client: BoundedClient, names: Sequence[bytes]) -> Status | None:
    """Ask for a folder's STATUS; None where the server has no such folder any more.

    Parameters:
        names: how its name may be written; the first that the server knows counts.
    """
    for name in names:
        with client.asking():
            try:
                answer = client.folder_status(name, STATUS_ITEMS)
            except imaplib.IMAP4.abort:
                raise
            except IMAPClientError:
                said = client.heard.command(Code.PROTOCOL_ERROR)
                if said.code in OF_THE_SERVER:
                    raise
                continue
        if b"UIDNEXT" not in answer and b"UIDVALIDITY" in answer:
            return examine(client, names)
        return _status(answer, b"MESSAGES")
    return None


def statuses(
    client: BoundedClient, names: Mapping[str, Sequence[bytes]]
) -> Mapping[str, Status | None]:
    """Ask for the STATUS of folders in one round trip a hundred; see `status`.

    Parameters:
        names: by folder, how its name may be written.
    """
    commands: list[Command] = [
        ("STATUS", client.quoted(first), f"({' '.join(STATUS_ITEMS)})")
        for first, *_ in names.values()
    ]
    answers = pipelined(client, commands, "STATUS")
    found: dict[str, Status | None] = {}
    for (name, written), lines in zip(names.items(), answers, strict=True):
        told = list(read_statuses(lines or []).values())
        if len(told) == 1 and told[0] is not None:
            found[name] = told[0]
        else:  # refused under this name, without UIDNEXT, or answered out of turn
            found[name] = status(client, written)
    return found


def read_statuses(lines: Sequence[Any]) -> Mapping[bytes, Status | None]:
    """Read untagged STATUS data by the names as they are written.

    None where what is needed of a folder is not told, or cannot be true.
    """
    data = parse_response([line for line in lines if line])
    found: dict[bytes, Status | None] = {}
    for name, items in zip(data[::2], data[1::2], strict=False):
        written = name if isinstance(name, bytes) else str(name).encode()
        try:
            found[written] = _status(dict(zip(items[::2], items[1::2], strict=False)), b"MESSAGES")
        except Refused:
            found[written] = None
    return found


def examine(client: BoundedClient, names: Sequence[bytes]) -> Status:
    """Open a folder read-only.

    UIDNEXT is optional in the answer before IMAP4rev2, and some servers give it nowhere: then
    it is one more than the greatest UID.
    """
    answer = _examined(client, names)
    if not answer.get(b"UIDNEXT"):
        with suppress(Refused), client.asking():
            answer |= client.folder_status(names[0], ["UIDNEXT"])
        if not client.alive:
            raise Refused(Code.CONNECTION_LOST)
    if b"UIDNEXT" not in answer:
        answer[b"UIDNEXT"] = _greatest_uid(client) + 1 if answer.get(b"EXISTS") else 1
    return _status(answer, b"EXISTS")


def _examined(client: BoundedClient, names: Sequence[bytes]) -> dict[bytes, Any]:
    *others, last = names
    for name in others:
        try:
            with client.asking():
                return dict(client.select_folder(name, readonly=True))
        except Refused as refusal:
            if not client.alive or refusal.code in OF_THE_SERVER:
                raise
    with client.asking():
        return dict(client.select_folder(last, readonly=True))


def _greatest_uid(client: BoundedClient) -> int:
    imap = client._imap
    imap.untagged_responses.pop("FETCH", None)
    with client.asking():
        typ, text = imap.uid("FETCH", "*", "(UID)")
        if typ != "OK":
            raise IMAPClientError(str(text))
        return max(fetch_answers.listed([line for line in text if line]), default=0)


def _status(answer: Mapping[bytes, int], count: bytes) -> Status:
    """Read numbers. UIDNEXT is never 0 (RFC 9051, 9) but where a server has made no UID yet."""
    try:
        status = Status(int(answer[b"UIDVALIDITY"]), int(answer[b"UIDNEXT"]), int(answer[count]))
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(Code.PROTOCOL_ERROR, "no UIDVALIDITY or UIDNEXT") from error
    if status.uidnext == status.messages == 0:
        status = replace(status, uidnext=1)
    least = min(status.uidvalidity, status.uidnext - 1, status.messages)
    greatest = max(status.uidnext, status.messages)
    if least < 0 or greatest > MAX_UID or status.uidvalidity > MAX_UIDVALIDITY:
        raise Refused(Code.PROTOCOL_ERROR, "UIDVALIDITY, UIDNEXT or EXISTS cannot be true")
    return status
