"""FETCH: in ranges of UIDs, and with what a server returned before it failed."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from imapclient.exceptions import IMAPClientError

from mailmirror.domain.limits import MAX_FAILED_MESSAGE_LINES
from mailmirror.domain.problems import Refused
from mailmirror.domain.uids import UidSet
from mailmirror.mail.imap.client import BoundedClient

_MAX_COMMAND_BYTES = 7_500
"""Servers need not take longer commands (RFC 2683 3.2.1.5)."""


class FetchFailed(Refused):
    """A FETCH that the server did not answer to its end.

    Parameters:
        refusal: what the server did.
        answered: what it returned of single messages before.
        alive: whether the session can be used further.
    """

    def __init__(self, refusal: Refused, answered: Mapping[int, Any], *, alive: bool) -> None:
        super().__init__(refusal.code, refusal.detail)
        self.answered = answered
        self.alive = alive


def fetch[T](
    client: BoundedClient,
    uids: UidSet,
    data: list[str],
    budget: int,
    read: Callable[[list[Any]], Mapping[int, T]],
    messages: int | None = None,
) -> Mapping[int, T]:
    """Fetch data in ranges of UIDs. IMAPClient's own `fetch` sends and filters UIDs one by one.

    Unsolicited answers about other messages are ignored.

    Parameters:
        read: turns the lines of the answer into what is wanted of each UID.
        messages: how many messages may be listed, where that is not all of `uids`.

    Raises:
        FetchFailed: with what was returned before.
    """
    found: dict[int, T] = {}
    imap = client._imap
    for some in _commands(uids):
        imap.untagged_responses.pop("FETCH", None)  # unsolicited
        answered = False
        try:
            with client.asking(budget, len(some) if messages is None else messages):
                tag = imap._command("UID", "FETCH", str(some), f"({' '.join(data)})")
                typ, text = imap._command_complete("FETCH", tag)
                answered = True
                if typ != "OK":
                    raise IMAPClientError(str(text))  # its response code, RFC 5530
                lines = imap.untagged_responses.pop("FETCH", [])
                found |= _of(some, read(lines))
        except Refused as refusal:
            alive = answered or client.alive
            most = MAX_FAILED_MESSAGE_LINES * (len(some) if messages is None else messages)
            lines = _whole_answers(imap.untagged_responses.pop("FETCH", [])[:most])
            with suppress(Refused), client.asking():
                found |= _of(some, read(lines))
            raise FetchFailed(refusal, found, alive=alive) from refusal
    return found


def _of[T](uids: UidSet, told: Mapping[int, T]) -> Mapping[int, T]:
    return {uid: one for uid, one in told.items() if uid in uids}


def _whole_answers(lines: list[Any]) -> list[Any]:
    """Without the last message's answer, where it was cut off after a literal."""
    whole = len(lines)
    while whole and isinstance(lines[whole - 1], tuple):
        whole -= 1
    return lines[:whole]


def _commands(uids: UidSet) -> Iterator[UidSet]:
    """Parts of a set, each short enough for a command."""
    ranges: list[tuple[int, int]] = []
    for one in uids.ranges:
        if len(ranges) * 22 > _MAX_COMMAND_BYTES:  # two numbers of ten digits, and signs
            yield UidSet(tuple(ranges))
            ranges = []
        ranges.append(one)
    if ranges:
        yield UidSet(tuple(ranges))
