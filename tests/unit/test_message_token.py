"""A token is read by the account that made it, and by nobody else."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.identity import MessageKey, Vertex
from mailmirror.domain.message_token import MessageToken

KEY, OTHER = b"k" * 32, b"o" * 32
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

hashes = st.binary(min_size=16, max_size=16).map(bytes.hex)
instants = st.integers(-(2**31), 2**33).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
tokens = st.builds(MessageToken, hashes.map(MessageKey), hashes.map(Vertex), instants)
keys = st.binary(min_size=16, max_size=64)


@given(tokens, keys)
def test_a_token_is_read_as_it_was_made(token: MessageToken, key: bytes) -> None:
    assert MessageToken.read(token.sealed(key), key) == token


@given(tokens, keys)
def test_a_token_fits_into_a_field_and_has_only_letters_that_no_transport_changes(
    token: MessageToken, key: bytes
) -> None:
    value = token.sealed(key)
    assert len(value) == 75
    assert set(value) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(tokens, st.integers(0, 56 * 8 - 1))
def test_a_token_with_any_bit_changed_is_none(token: MessageToken, bit: int) -> None:
    value = token.sealed(KEY)
    data = bytearray(base64.urlsafe_b64decode(value + "="))
    data[bit // 8] ^= 1 << bit % 8
    forged = base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert MessageToken.read(forged, KEY) is None


@given(tokens, keys, keys)
def test_another_accounts_token_is_none(token: MessageToken, key: bytes, other: bytes) -> None:
    if key.rstrip(b"\0") != other.rstrip(b"\0"):  # a shorter key is filled up with zeros
        assert MessageToken.read(token.sealed(key), other) is None


@given(st.text())
def test_whatever_else_stands_in_the_field_is_none(text: str) -> None:
    assert MessageToken.read(text, KEY) is None


@pytest.mark.parametrize("blank", [" {}", "{} ", "\t{}", " {}\r\n"])
def test_blanks_around_a_token_are_no_part_of_it(blank: str) -> None:
    token = MessageToken(MessageKey("1" * 32), Vertex("2" * 32), NOON)
    assert MessageToken.read(blank.format(token.sealed(KEY)), KEY) == token


@pytest.mark.parametrize("length", [0, 10, 74])
def test_a_token_cut_short_is_none(length: int) -> None:
    token = MessageToken(MessageKey("1" * 32), Vertex("2" * 32), NOON)
    assert MessageToken.read(token.sealed(KEY)[:length], KEY) is None


def test_a_token_for_which_another_was_put_is_none() -> None:
    mine = MessageToken(MessageKey("1" * 32), Vertex("2" * 32), NOON).sealed(KEY)
    theirs = MessageToken(MessageKey("3" * 32), Vertex("2" * 32), NOON).sealed(OTHER)
    assert MessageToken.read(theirs[:43] + mine[43:], KEY) is None
