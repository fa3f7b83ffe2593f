"""Which copies are the same message, and where a copy stands in a timeline."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailmirror.domain.identity import (
    MessageKey,
    instant,
    message_ids,
    message_key,
    normalise_message_id,
    vertex,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Fields:
    message_id: str | None
    date: datetime | None
    sender: str
    subject: str
    recipients: str
    text: str


def key(one: Fields) -> MessageKey:
    return message_key(
        one.message_id,
        one.date,
        sender=one.sender,
        subject=one.subject,
        recipients=one.recipients,
        text=one.text,
    )


OFFER = Fields(
    message_id="a@mail.example",
    date=NOON,
    sender="kim@customer.example",
    subject="Offer",
    recipients="rep@us.example",
    text="We would like forty.",
)
ANONYMOUS = replace(OFFER, message_id=None)
ANY_TEXT = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("<a@mail.example>", "a@mail.example"),
        (" <a@Mail.EXAMPLE>\r\n", "a@mail.example"),
        ("<A@mail.example>", "A@mail.example"),
        ("< a@mail.example >", "a@mail.example"),
        ("a@mail.example", "a@mail.example"),
        ("<a@mail.example", "a@mail.example"),
        ("<a@b@mail.EXAMPLE>", "a@b@mail.example"),
        ("<no-sign>", None),
        ("<undefined>", None),
        ("null", None),
        ("<@>", None),
        ("<a@mail.\r\n example>", "a@mail.example"),
        ("<a@mail.example> <b@mail.example>", "a@mail.example"),
        ("(comment) <a@mail.example>", "a@mail.example"),
        ("", None),
        ("<>", None),
        ("not an id", None),
    ],
)
def test_a_message_id_is_read_however_it_is_written(field: str, expected: str | None) -> None:
    assert normalise_message_id(field) == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("a@x.example", ["a@x.example"]),
        ("a@x.example b@x.example", ["a@x.example", "b@x.example"]),
        ("your mail, kim@x.example", []),
        ('Your message of "Sun, 1 Mar" <a@x.example> (kim@x.example)', ["a@x.example"]),
        ("<null> <a@x.example> <0>", ["a@x.example"]),
    ],
)
def test_ids_without_brackets_count_where_a_field_has_nothing_else(
    field: str, expected: list[str]
) -> None:
    assert message_ids(field) == expected


def test_references_name_ids_in_their_order() -> None:
    field = "<a@X.example>\r\n\t<b@x.example>, <c@x.example><a@x.example> junk"
    assert message_ids(field) == ["a@x.example", "b@x.example", "c@x.example", "a@x.example"]


@given(ANY_TEXT)
def test_a_normalised_message_id_stays_what_it_is(field: str) -> None:
    found = normalise_message_id(field)
    assert found is None or normalise_message_id(found) == found


def test_copies_with_one_message_id_and_date_are_one_message_whatever_else_differs() -> None:
    listed = replace(OFFER, subject="[list] Offer", text="We would like forty.\n-- \nfooter")
    assert key(listed) == key(OFFER)


def test_the_date_counts_as_an_instant() -> None:
    tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
    assert key(replace(OFFER, date=tokyo)) == key(OFFER)


def test_a_message_id_used_again_on_another_day_is_another_message() -> None:
    assert key(replace(OFFER, date=NOON + timedelta(days=1))) != key(OFFER)


def test_without_a_readable_date_the_message_id_alone_tells() -> None:
    undated = replace(OFFER, date=None)
    assert key(replace(undated, text="other")) == key(undated)
    assert key(replace(undated, message_id="b@mail.example")) != key(undated)
    assert key(undated) != key(OFFER)


@pytest.mark.parametrize(
    "change",
    [
        {"sender": "lee@customer.example"},
        {"date": NOON + timedelta(seconds=1)},
        {"date": None},
        {"subject": "Order"},
        {"recipients": "boss@us.example"},
        {"text": "We would like fifty."},
    ],
)
def test_without_a_message_id_each_of_the_fields_tells(change: dict[str, Any]) -> None:
    assert key(replace(ANONYMOUS, **change)) != key(ANONYMOUS)


def test_without_a_message_id_line_ends_and_trailing_blanks_do_not_tell() -> None:
    folded = replace(ANONYMOUS, text="We would\r\nlike forty. \r\n\r\n")
    assert key(folded) == key(ANONYMOUS)


def test_text_cannot_move_from_one_field_to_the_next() -> None:
    one = replace(ANONYMOUS, subject="Offer1:a", recipients="")
    other = replace(ANONYMOUS, subject="Offer", recipients="1:a")
    assert key(one) != key(other)


def test_an_anonymous_message_cannot_pose_as_one_with_a_message_id() -> None:
    posing = replace(OFFER, message_id=None, sender="a@mail.example", subject="", recipients="")
    assert key(replace(posing, text="")) != key(OFFER)


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT)
@example("\ud800", "\udc80", "", "\udfff")
def test_any_text_has_a_key(id: str, subject: str, sender: str, text: str) -> None:
    for message_id in (id, None):
        found = key(Fields(message_id, NOON, sender, subject, "", text))
        assert len(found) == 32
    assert len(vertex(id)) == 32


def test_a_vertex_is_not_a_messages_key() -> None:
    undated = replace(OFFER, date=None)
    assert str(vertex("a@mail.example")) != str(key(undated))


def test_a_date_is_believed_up_to_a_day_after_the_servers_word() -> None:
    day = timedelta(days=1)
    assert instant(NOON + day, received_at=NOON) == NOON + day
    assert instant(NOON + day + timedelta(seconds=1), received_at=NOON) == NOON


def test_an_old_date_is_believed_because_imports_reset_the_servers_word() -> None:
    old = datetime(1998, 5, 1, tzinfo=UTC)
    assert instant(old, received_at=NOON) == old


def test_without_a_date_the_servers_word_counts() -> None:
    assert instant(None, received_at=NOON) == NOON


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours))),
)
def test_an_instant_is_in_utc(date: datetime, zone: timezone) -> None:
    received_at = NOON.astimezone(zone)
    assert instant(date, received_at).utcoffset() == timedelta(0)
