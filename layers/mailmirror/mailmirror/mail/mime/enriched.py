"""Enriched text (RFC 1896) as plain text."""

import re

from mailmirror.domain.limits import MAX_ENRICHED_CHARS

_COMMAND = re.compile(r"<<|<(/?)([a-z0-9-]{1,60})>", re.IGNORECASE)
_LINE_ENDS = re.compile(r"\n+")


def plain_of_enriched(text: str) -> str:
    """Return the text without formatting commands: a single line end is a blank, of n there are
    n - 1; where `nofill` is on, all stay.

    Parameters:
        text: with LF line ends.
    """
    if len(text) > MAX_ENRICHED_CHARS:
        return text
    pieces: list[str] = []
    parameters = unfilled = position = 0

    def add(piece: str) -> None:
        if not parameters:
            pieces.append(piece if unfilled else _LINE_ENDS.sub(_filled, piece))

    for command in _COMMAND.finditer(text):
        add(text[position : command.start()])
        position = command.end()
        step = -1 if command[1] else 1
        match (command[2] or "").lower():
            case "":
                add("<")
            case "param":
                parameters = max(0, parameters + step)
            case "nofill":
                unfilled = max(0, unfilled + step)
    add(text[position:])
    return "".join(pieces)


def _filled(ends: re.Match[str]) -> str:
    return ends[0][1:] or " "
