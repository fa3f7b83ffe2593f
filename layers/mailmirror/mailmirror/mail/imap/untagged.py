"""Untagged data as imaplib keeps it: lines, and pairs of the begin of a line with its literal."""

from collections.abc import Iterator, Sequence
from typing import Any


def answers_in(lines: Sequence[Any]) -> Iterator[list[Any]]:
    """Divide data into single answers: one that has literals goes on after each of them."""
    answer: list[Any] = []
    for line in lines:
        if line is None or (line == b"" and not answer):
            continue
        answer.append(line)
        if not isinstance(line, tuple):
            yield answer
            answer = []
