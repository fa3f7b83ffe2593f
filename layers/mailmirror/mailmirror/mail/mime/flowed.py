"""Flowed text (RFC 3676): a blank at a line's end says that the paragraph goes on."""

from collections.abc import Iterator

_SIGNATURE = "-- "


def unflowed(text: str, *, delsp: bool) -> str:
    """Join the lines of each paragraph.

    Parameters:
        delsp: whether the blank at a line's end belongs to no word, as between words of Japanese.
    """
    return "\n".join(_paragraphs(text, delsp))


def _paragraphs(text: str, delsp: bool) -> Iterator[str]:
    pieces: list[str] = []
    depth = 0
    for line in text.split("\n"):
        own = line.lstrip(">")
        quoted = len(line) - len(own)
        own = own.removeprefix(" ")  # space-stuffed
        if pieces and (quoted != depth or own == _SIGNATURE):
            yield _line(depth, pieces)
            pieces = []
        depth = quoted
        goes_on = own.endswith(" ") and own != _SIGNATURE
        pieces.append(own[:-1] if goes_on and delsp else own)
        if not goes_on:
            yield _line(depth, pieces)
            pieces = []
    if pieces:
        yield _line(depth, pieces)


def _line(depth: int, pieces: list[str]) -> str:
    text = "".join(pieces)
    return f"{'>' * depth} {text}" if depth else text
