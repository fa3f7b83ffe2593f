"""What is printed: cards, ledgers and progress, in 100 columns, with colour on a terminal only."""

import os
import string
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, TextIO
from unicodedata import combining, east_asian_width

from demo.crm import Entry
from demo.people import Rep

WIDTH: Final = 100
BOLD, DIM, GREEN, RED, BLUE = "1", "2", "32", "31", "36"

WHO, SUBJECT, LAST = 26, 36, 13


class Page:
    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self.live: Final = out.isatty()
        self._colours = self.live and not os.environ.get("NO_COLOR")

    def line(self, text: str = "", style: str = "") -> None:
        self._erase()
        print(self._styled(text, style), file=self._out, flush=True)

    def act(self, title: str) -> None:
        """The heading of a part of the run."""
        self.line()
        self.line(f"{title} ".ljust(WIDTH, "═"), BOLD)

    def progress(self, text: str) -> None:
        """What is waited for: one line that is replaced on a terminal, and lines elsewhere."""
        if not self.live:
            self.line(f"  … {text}")
            return
        self._out.write(f"\r\x1b[K  … {fitted(text, WIDTH - 5)}")
        self._out.flush()

    def key(self) -> None:
        """What the lines of cards mean."""
        self.line(
            "  Times are UTC. A, B, C are threads, lettered anew on each card, the newest first."
        )
        self.line("  → is from the team, ← to it; `me` is who reads, `+1` one recipient not named.")

    def card(
        self,
        title: str,
        viewer: Rep,
        entries: Sequence[Entry],
        coverage: str,
        shown: int,
        empty: str,
    ) -> None:
        """A timeline's newest `shown` entries, and how far the card can be trusted.

        Parameters:
            empty: what to say where there are none.
        """
        right = f" as {viewer.name} sees it"
        self.line()
        self.line(f"{fitted(title, WIDTH - width(right))}{right}", BOLD)
        self.line(f"  {coverage}", DIM)
        marks = _marks(entries)
        for entry in entries[:shown]:
            self._entry(entry, marks[entry.thread_id], viewer)
        if len(entries) > shown:
            self.line(f"  {'':12}  and {len(entries) - shown} before them", DIM)
        if not entries:
            self.line(f"  {empty}", DIM)

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Columns under a heading row, the first flush left, numbers flush right."""
        widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
        for number, row in enumerate(rows):
            first, *others = zip(row, widths, strict=True)
            cells = [fitted(*first), *(text.rjust(wide) for text, wide in others)]
            self.line("  " + "   ".join(cells), "" if number else DIM)

    def verdict(self, good: bool, text: str) -> None:
        self.line(f"  {'✓' if good else '✗'} {text}", GREEN if good else RED)

    def _entry(self, entry: Entry, mark: str, viewer: Rep) -> None:
        when = self._styled(entry.instant.astimezone(UTC).strftime("%d %b %H:%M"), DIM)
        thread = self._styled(mark.rjust(2), BLUE)
        arrow = self._styled("→", BLUE) if entry.outgoing else self._styled("←", GREEN)
        who, subject = fitted(_who(entry, viewer), WHO), fitted(entry.subject, SUBJECT)
        last = self._styled(fitted(_last(entry), LAST).rstrip(), DIM)
        self.line(f"  {when}  {thread} {arrow} {who}  {subject}  {last}".rstrip())

    def _erase(self) -> None:
        if self.live:
            self._out.write("\r\x1b[K")

    def _styled(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if style and text and self._colours else text


def width(text: str) -> int:
    """How many columns a terminal gives the text."""
    return sum(
        0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1
        for character in text
    )


def fitted(text: str, columns: int) -> str:
    """The text in exactly so many columns: cut with an ellipsis, or filled with blanks."""
    if width(text) > columns:
        kept = ""
        for character in text:
            if width(kept + character) > columns - 1:
                break
            kept += character
        text = f"{kept}…"
    return text + " " * (columns - width(text))


def moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%d %b %H:%M:%S UTC")


def _marks(entries: Sequence[Entry]) -> dict[str, str]:
    """A letter for each thread of a card, A being that of the newest message."""
    threads = dict.fromkeys(entry.thread_id for entry in entries)
    letters = string.ascii_uppercase
    return {
        thread: letters[number] if number < len(letters) else str(number)
        for number, thread in enumerate(threads)
    }


def _who(entry: Entry, viewer: Rep) -> str:
    """From whom to whom, the viewer being "me"."""
    names = [
        "me" if person.address == viewer.address else person.name
        for person in (entry.sender, *entry.recipients)
    ]
    others = f" +{len(names) - 2}" if len(names) > 2 else ""
    return " > ".join(names[:2]) + others


def _last(entry: Entry) -> str:
    """What was attached; of a message that was written in the CRM, how far it has come."""
    names = entry.attachments
    if entry.delivery or not names:
        return entry.delivery
    return f"+{names[0]}" if len(names) == 1 else f"+{names[0]}, {len(names) - 1} more"
