"""What is printed: cards, tables and progress, in 100 columns; and how others are waited for."""

import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from string import ascii_uppercase
from typing import Final
from unicodedata import combining, east_asian_width

from demo.crm import Json, Refused

WIDTH: Final = 100
BOLD, DIM, GREEN, PLAIN = "1", "2", "32", ""


class Unclean(Exception):
    """Something is not what it must be, or not in time; the text says what."""


def ensure(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Unclean(otherwise)


def line(text: str = "", style: str = PLAIN) -> None:
    styled = f"\x1b[{style}m{text}\x1b[0m" if style and text and sys.stdout.isatty() else text
    print(styled, flush=True)


def act(title: str) -> None:
    """The heading of a part of the run."""
    line()
    line(f"{title} ".ljust(WIDTH, "═"), BOLD)


def proved(text: str) -> None:
    line(f"  ✓ {text}", GREEN)


def table(rows: Sequence[Sequence[object]]) -> None:
    """Columns under a heading row, the first flush left, numbers flush right."""
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        first, *others = (str(cell) for cell in row)
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(wide) for cell, wide in zip(others, widths[1:], strict=True)]
        line("  " + "   ".join(cells))


def card(title: str, viewer: str, address: str, messages: Sequence[Json], shown: int) -> None:
    """A card's title and its newest messages, as a viewer with this address sees them."""
    right = f" as {viewer} sees it"
    line()
    line(f"{fitted(title, WIDTH - len(right))}{right}", BOLD)
    threads = list(dict.fromkeys(message["thread_id"] for message in messages))
    for message in messages[:shown]:
        mark = ascii_uppercase[threads.index(message["thread_id"]) % 26]
        arrow = "→" if message["direction"] == "outgoing" else "←"
        people = [message["from"], *message["to"], *message["cc"]]
        names = [
            "me" if person["address"] == address else person["name"] or person["address"]
            for person in people
        ]
        who = " > ".join(names[:2]) + (f" +{len(names) - 2}" if len(names) > 2 else "")
        last = message["delivery"] or " ".join(f"+{one['name']}" for one in message["attachments"])
        when = datetime.fromisoformat(message["instant"]).astimezone(UTC)
        who, subject = fitted(who, 26), fitted(message["subject"] or "", 36)
        line(f"  {when:%d %b %H:%M}   {mark} {arrow} {who}  {subject}  {fitted(last, 13)}".rstrip())
    if len(messages) > shown:
        line(f"  {'':12}  and {len(messages) - shown} before them", DIM)


def fitted(text: str, columns: int) -> str:
    """The text in exactly so many columns of a terminal: cut with an ellipsis, or filled up."""

    def width(text: str) -> int:
        return sum(0 if combining(c) else 1 + (east_asian_width(c) in "WF") for c in text)

    if width(text) > columns:
        while width(text) > columns - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (columns - width(text))


def moment(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(UTC):%d %b %H:%M:%S} UTC"


def wait_for(what: str, how_it_stands: Callable[[], str], seconds: float = 360) -> float:
    """Look until nothing is left to wait for, and return the seconds that it took.

    Server errors count as not yet: a stack that has just started may still be warming up.

    Parameters:
        how_it_stands: says in a few words what is missing yet; an empty text ends the wait.

    Raises:
        Unclean: the time ran out.
        Refused: the API refused for a reason that time does not mend.
    """
    began, said_at = time.monotonic(), -15.0
    while True:
        try:
            stands = how_it_stands()
        except Refused as refused:
            if refused.status < 500:
                raise
            stands = str(refused)
        waited = time.monotonic() - began
        if not stands:
            return waited
        ensure(waited < seconds, f"{what} did not happen within {waited:.0f} s: {stands}")
        if waited - said_at >= 15:
            line(f"  … {what}, {waited:.0f} s: {stands}")
            said_at = waited
        time.sleep(1)  # the API has no notification that could be awaited
