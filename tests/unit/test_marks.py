"""A mark is read by the account that made it, and by nobody else."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.identity import MessageKey, Vertex
from mailmirror.domain.marks import Mark

KEY, OTHER = b"k" * 32, b"o" * 32
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

hashes = st.binary(min_size=16, max_size=16).map(bytes.hex)
instants = st.integers(-(2**31), 2**33).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
marks = st.builds(Mark, hashes.map(MessageKey), hashes.map(Vertex), instants)
keys = st.binary(min_size=16, max_size=64)


@given(marks, keys)
def test_a_mark_is_read_as_it_was_made(mark: Mark, key: bytes) -> None:
    assert Mark.read(mark.sealed(key), key) == mark


@given(marks, keys)
def test_a_mark_fits_into_a_field_and_has_only_letters_that_no_transport_changes(
    mark: Mark, key: bytes
) -> None:
    value = mark.sealed(key)
    assert len(value) == 75
    assert set(value) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(marks, st.integers(0, 56 * 8 - 1))
def test_a_mark_with_any_bit_changed_is_none(mark: Mark, bit: int) -> None:
    value = mark.sealed(KEY)
    data = bytearray(base64.urlsafe_b64decode(value + "="))
    data[bit // 8] ^= 1 << bit % 8
    forged = base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert Mark.read(forged, KEY) is None


@given(marks, keys, keys)
def test_another_accounts_mark_is_none(mark: Mark, key: bytes, other: bytes) -> None:
    if key.rstrip(b"\0") != other.rstrip(b"\0"):  # a shorter key is filled up with zeros
        assert Mark.read(mark.sealed(key), other) is None


@given(st.text())
def test_whatever_else_stands_in_the_field_is_none(text: str) -> None:
    assert Mark.read(text, KEY) is None


@pytest.mark.parametrize("blank", [" {}", "{} ", "\t{}", " {}\r\n"])
def test_blanks_around_a_mark_are_no_part_of_it(blank: str) -> None:
    mark = Mark(MessageKey("1" * 32), Vertex("2" * 32), NOON)
    assert Mark.read(blank.format(mark.sealed(KEY)), KEY) == mark


@pytest.mark.parametrize("length", [0, 10, 74])
def test_a_mark_cut_short_is_none(length: int) -> None:
    mark = Mark(MessageKey("1" * 32), Vertex("2" * 32), NOON)
    assert Mark.read(mark.sealed(KEY)[:length], KEY) is None


def test_a_mark_for_which_another_was_put_is_none() -> None:
    mine = Mark(MessageKey("1" * 32), Vertex("2" * 32), NOON).sealed(KEY)
    theirs = Mark(MessageKey("3" * 32), Vertex("2" * 32), NOON).sealed(OTHER)
    assert Mark.read(theirs[:43] + mine[43:], KEY) is None
