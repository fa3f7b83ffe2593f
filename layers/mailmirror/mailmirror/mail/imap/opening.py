"""Opening a folder: STATUS, and EXAMINE, which opens it read-only."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from imapclient.exceptions import IMAPClientError

from mailmirror.domain.imap_answers import OF_THE_SERVER
from mailmirror.domain.limits import MAX_UID, MAX_UIDVALIDITY
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.imap import fetch_answers
from mailmirror.mail.imap.client import BoundedClient
from mailmirror.mail.imap.pipeline import Command, pipelined
from mailmirror.mail.imap.untagged import answers_in, parsed

STATUS_ITEMS = ["UIDVALIDITY", "UIDNEXT", "MESSAGES"]


@dataclass(frozen=True, slots=True)
class Status:
    """A folder's STATUS, or the answer to EXAMINE."""

    uidvalidity: int
    uidnext: int
    messages: int


def statuses(
    client: BoundedClient, names: Mapping[str, Sequence[bytes]], *, answers: bool = False
) -> Mapping[str, Status | None]:
    """Ask for the STATUS of folders in one round trip a hundred.

    A folder whose STATUS the server refuses, or of which it says what cannot be true, is opened
    instead. None where that fails too, as of a folder that is gone.

    Parameters:
        names: by folder, how its name may be written.
        answers: whether the server has told the STATUS of other folders.

    Raises:
        Refused: the connection fails, or the server has told the STATUS of no folder and says that
            it is unavailable, or what cannot be true.
    """
    told, refused = _told(client, [first for first, *_ in names.values()])
    answers = answers or any(told.values())
    of_server = [one for one in refused.values() if one.code in OF_THE_SERVER]
    if of_server and not answers:
        raise of_server[0]
    found: dict[str, Status | None] = {}
    for name, (first, *others) in names.items():
        if not answers and first not in told.keys() | refused.keys():
            raise Refused(Code.PROTOCOL_ERROR, "STATUS cannot be read")
        found[name] = told.get(first)
        if found[name] is None and first in refused:
            found[name] = _told_otherwise(client, others)
        if found[name] is None:
            found[name] = _opened(client, [first, *others], answers=answers)
        answers = answers or found[name] is not None
    return found


def _told(
    client: BoundedClient, names: Sequence[bytes]
) -> tuple[Mapping[bytes, Status | None], Mapping[bytes, Refused]]:
    """Ask for STATUS in one round trip; return what is told, and what is refused, by names.

    None of a folder whose UIDNEXT is not told. By the names in the answers, since some servers
    answer in another order than they were asked.
    """
    commands: list[Command] = [
        ("STATUS", client.quoted(name), f"({' '.join(STATUS_ITEMS)})") for name in names
    ]
    told: dict[bytes, Status | None] = {}
    refused: dict[bytes, Refused] = {}
    for name, answer in zip(names, pipelined(client, commands, "STATUS"), strict=True):
        if isinstance(answer, Refused):
            refused[name] = answer
            continue
        read = read_statuses(answer["STATUS"])
        if len(read) == 1 and read.keys().isdisjoint(names):  # it writes the name in another way
            read = dict.fromkeys([name], *read.values())
        told |= read
    return told, refused


def _told_otherwise(client: BoundedClient, names: Sequence[bytes]) -> Status | None:
    """Ask for a folder's STATUS under other names; None where none is known."""
    for name in names:
        told, _ = _told(client, [name])
        if (status := told.get(name)) is not None:
            return status
    return None


def _opened(client: BoundedClient, names: Sequence[bytes], *, answers: bool) -> Status | None:
    """Open a folder whose STATUS is not told; None where that fails, too."""
    try:
        return examine(client, names)
    except Refused as refusal:
        if not client.alive or (refusal.code in OF_THE_SERVER and not answers):
            raise
        return None


def read_statuses(lines: Sequence[Any]) -> Mapping[bytes, Status | None]:
    """Read untagged STATUS data by the names as they are written.

    None of a folder whose UIDNEXT is not told. What cannot be read, or be true, is passed over.
    """
    found: dict[bytes, Status | None] = {}
    for line in answers_in(lines):
        with suppress(ValueError, TypeError, LookupError, Refused):
            name, items = parsed(line) or ()
            told = dict(zip(items[::2], items[1::2], strict=True))
            is_short = b"UIDNEXT" not in told and b"UIDVALIDITY" in told
            written = name if isinstance(name, bytes) else str(name).encode()
            found[written] = None if is_short else _status(told, b"MESSAGES")
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
