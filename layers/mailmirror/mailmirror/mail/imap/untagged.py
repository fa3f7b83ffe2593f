"""Untagged data as imaplib keeps it: lines, and pairs of the begin of a line with its literal."""

from collections.abc import Iterator, Sequence
from typing import Any

from imapclient.exceptions import IMAPClientError
from imapclient.response_parser import parse_response


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


def parsed(answer: Sequence[Any]) -> Sequence[Any] | None:
    """Parse a single answer; None where it breaks the grammar, or is nested without end."""
    try:
        return tuple(parse_response(list(answer)))
    except (IMAPClientError, ValueError, TypeError, LookupError, RecursionError):
        return None
