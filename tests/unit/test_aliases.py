"""A stranger who copies a token or an alias gains no identity; transports' copies keep theirs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.aliases import (
    CLOCK_ERROR,
    MAX_HAND_OVER,
    Alias,
    Evidence,
    is_of_alias,
    is_of_token,
    token_counts,
)
from mailmirror.domain.identity import MessageKey, Vertex
from mailmirror.domain.message_token import MessageToken
from mailmirror.usecases.sending.answered_ids import answered_ids

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKEN = MessageToken(MessageKey("1" * 32), Vertex("2" * 32), NOON)
ALIAS = Alias(TOKEN.message, NOON)
OTHER = Vertex("3" * 32)
COPY = Evidence(OTHER, from_team=True, in_sent=True, date=NOON, received_at=NOON)

copies = st.builds(
    Evidence,
    own=st.sampled_from([OTHER, TOKEN.vertex]),
    from_team=st.booleans(),
    in_sent=st.booleans(),
    date=st.none() | st.integers(-200, 200).map(lambda hours: NOON + timedelta(hours=hours)),
    received_at=st.integers(-200, 200).map(lambda hours: NOON + timedelta(hours=hours)),
)


@given(copies)
def test_outside_sent_mail_a_token_names_a_message_only_under_the_id_given_here(
    copy: Evidence,
) -> None:
    if is_of_token(replace(copy, in_sent=False), TOKEN):
        assert copy.own == TOKEN.vertex


@given(copies)
def test_neither_counts_on_mail_that_is_not_from_the_team(copy: Evidence) -> None:
    others = replace(copy, from_team=False)
    assert not token_counts(others, TOKEN)
    assert not is_of_token(others, TOKEN)
    assert not is_of_alias(others, ALIAS)


@given(copies)
def test_what_names_a_message_also_joins_its_thread(copy: Evidence) -> None:
    assert token_counts(copy, TOKEN) or not is_of_token(copy, TOKEN)


@pytest.mark.parametrize(
    ("later", "near"),
    [
        (-CLOCK_ERROR - timedelta(seconds=1), False),
        (-CLOCK_ERROR, True),
        (timedelta(days=1), True),
        (MAX_HAND_OVER + CLOCK_ERROR, True),
        (MAX_HAND_OVER + CLOCK_ERROR + timedelta(seconds=1), False),
    ],
)
def test_a_copy_is_near_from_an_hour_before_the_outbound_until_the_last_hand_over(
    later: timedelta, near: bool
) -> None:
    copy = replace(COPY, date=NOON + later)
    assert is_of_token(copy, TOKEN) is near
    assert is_of_alias(copy, ALIAS) is near
    assert is_of_alias(replace(COPY, date=None, received_at=NOON + later), ALIAS) is near


def test_an_import_that_reset_internaldate_changes_nothing() -> None:
    assert is_of_token(replace(COPY, received_at=NOON + timedelta(days=400)), TOKEN)


SES_ID = "0100018d0000aaaa-11111111-2222-3333-4444-555555555555-000000"


@pytest.mark.parametrize(
    ("reply", "host", "ids"),
    [
        (f"250 Ok {SES_ID}", "email-smtp.us-east-1.amazonaws.com", "@email.amazonses.com"),
        (f"250 Ok {SES_ID}", "email-smtp.eu-west-1.amazonaws.com", "@eu-west-1.amazonses.com"),
        (f"250 Ok {SES_ID}", "relay.us.example", "@email.amazonses.com"),
    ],
)
def test_ses_names_an_id_without_its_domain(reply: str, host: str, ids: str) -> None:
    assert answered_ids(reply, host) == [SES_ID + ids]


@pytest.mark.parametrize(
    ("reply", "ids"),
    [
        ("250 2.0.0 OK <A1@A1.PROD.outlook.com> [Hostname=A1]", ["A1@a1.prod.outlook.com"]),
        ("250 2.6.0 <x@y.example> [InternalId=1] Queued mail for delivery", ["x@y.example"]),
        ("250 2.0.0 Ok: queued as 4Xy <12>", []),
        ("250 2.0.0 OK  1712345678 ab12-20020a170902 - gsmtp", []),
    ],
)
def test_other_servers_name_a_whole_id_or_none(reply: str, ids: list[str]) -> None:
    assert answered_ids(reply, "smtp.us.example") == ids
