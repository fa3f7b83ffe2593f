"""Which copies are mirrored, and the words for why the others are not."""

from collections.abc import Set
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.address import Address
from mailmirror.domain.limits import MAX_SENDERS
from mailmirror.domain.verdict import Headers, People, Rules, Verdict, is_looked_up, judge

REP, BOSS = Address("rep@us.example"), Address("boss@us.example")
KIM, LEE = Address("kim@customer.example"), Address("lee@customer.example")
STRANGER = Address("who@else.example")
EVERYBODY = [REP, BOSS, KIM, LEE, STRANGER]
KNOWN = People(team=frozenset({REP, BOSS}), customers=frozenset({KIM, LEE}))
RULES = Rules(history_since=date(2025, 3, 1))

anybody = st.frozensets(st.sampled_from(EVERYBODY))


def copy(*participants: Address, recipients: int = 1, is_report: bool = False) -> Headers:
    return Headers(
        received_at=datetime(2026, 3, 1, tzinfo=UTC),
        participants=frozenset(participants),
        recipients=recipients,
        is_report=is_report,
    )


def test_a_message_whose_addresses_are_not_all_read_has_too_many_of_them() -> None:
    """A person may be among the participants that are not read."""
    for participants in ((KIM, REP), (REP, BOSS), (STRANGER,), ()):
        cut = replace(copy(*participants), addresses_cut=True)
        assert not is_looked_up(cut, RULES)
        assert judge(cut, KNOWN, RULES) is Verdict.TOO_MANY_RECIPIENTS
        assert judge(replace(cut, is_report=True), KNOWN, RULES) is Verdict.REPORT
        old = replace(cut, received_at=datetime(2020, 1, 1, tzinfo=UTC))
        assert judge(old, KNOWN, RULES) is Verdict.OUTSIDE_WINDOW


def blocking(*blocked: Address) -> People:
    return replace(KNOWN, blocked=frozenset(blocked))


def test_a_customers_message_is_mirrored() -> None:
    assert judge(copy(KIM, REP), KNOWN, RULES) is Verdict.MIRRORED


def test_a_colleague_in_cc_does_not_hide_a_customers_message() -> None:
    assert judge(copy(KIM, REP, BOSS), KNOWN, RULES) is Verdict.MIRRORED


def test_one_customer_among_strangers_is_enough() -> None:
    assert judge(copy(STRANGER, KIM, REP), KNOWN, RULES) is Verdict.MIRRORED


def test_mail_that_matches_nobody_is_not_mirrored() -> None:
    assert judge(copy(STRANGER, REP), KNOWN, RULES) is Verdict.NO_PERSON


def test_mail_without_any_participant_matches_nobody() -> None:
    assert judge(copy(), KNOWN, RULES) is Verdict.NO_PERSON


def test_mail_within_the_team_is_internal() -> None:
    assert judge(copy(REP, BOSS), KNOWN, RULES) is Verdict.INTERNAL


def test_mail_of_a_sender_without_an_address_is_not_taken_for_the_teams() -> None:
    unknown = replace(copy(REP, BOSS), sender_known=False)
    assert judge(unknown, KNOWN, RULES) is Verdict.NO_PERSON
    assert judge(replace(unknown, is_report=True), KNOWN, RULES) is Verdict.REPORT


@given(participants=anybody, entered=st.frozensets(st.sampled_from([REP, BOSS])))
def test_entering_team_members_as_contacts_changes_no_verdict(
    participants: Set[Address], entered: Set[Address]
) -> None:
    people = replace(KNOWN, customers=KNOWN.customers | entered)
    assert judge(copy(*participants), people, RULES) is judge(copy(*participants), KNOWN, RULES)


@pytest.mark.exceeds("MAX_SENDERS")
def test_a_message_with_too_many_senders_is_not_looked_up() -> None:
    def replies(number: int) -> Headers:
        return copy(KIM, *(Address(f"r{n}@x.example") for n in range(number - 1)))

    most = RULES.max_recipients + MAX_SENDERS
    assert judge(replies(most), KNOWN, RULES) is Verdict.MIRRORED
    assert not is_looked_up(replies(most + 1), RULES)
    assert judge(replies(most + 1), KNOWN, RULES) is Verdict.TOO_MANY_RECIPIENTS


def test_the_window_begins_with_its_first_day_in_utc() -> None:
    def at(received_at: datetime) -> Verdict:
        return judge(replace(copy(KIM), received_at=received_at), KNOWN, RULES)

    tokyo = timezone(timedelta(hours=9))
    assert at(datetime(2025, 3, 1, tzinfo=UTC)) is Verdict.MIRRORED
    assert at(datetime(2025, 2, 28, 23, 59, 59, tzinfo=UTC)) is Verdict.OUTSIDE_WINDOW
    assert at(datetime(2025, 3, 1, 8, 59, tzinfo=tokyo)) is Verdict.OUTSIDE_WINDOW
    assert at(datetime(2025, 3, 1, 9, 0, tzinfo=tokyo)) is Verdict.MIRRORED


def test_a_hundred_recipients_are_mirrored_and_one_more_is_not() -> None:
    assert judge(copy(KIM, recipients=100), KNOWN, RULES) is Verdict.MIRRORED
    assert judge(copy(KIM, recipients=101), KNOWN, RULES) is Verdict.TOO_MANY_RECIPIENTS


def test_a_raised_limit_lets_more_recipients_in() -> None:
    rules = replace(RULES, max_recipients=150)
    assert judge(copy(KIM, recipients=150), KNOWN, rules) is Verdict.MIRRORED


def test_a_report_is_one_whoever_else_takes_part() -> None:
    assert judge(copy(KIM, REP, is_report=True), KNOWN, RULES) is Verdict.REPORT
    assert judge(copy(is_report=True), KNOWN, RULES) is Verdict.REPORT


def test_mail_of_blocked_customers_alone_is_not_mirrored() -> None:
    assert judge(copy(KIM, REP), blocking(KIM), RULES) is Verdict.BLOCKED
    assert judge(copy(KIM, LEE, REP), blocking(KIM, LEE), RULES) is Verdict.BLOCKED


def test_a_customer_who_is_not_blocked_brings_the_message_in() -> None:
    assert judge(copy(KIM, LEE, REP), blocking(KIM), RULES) is Verdict.MIRRORED


def test_blocking_a_stranger_does_not_say_that_mail_matched() -> None:
    assert judge(copy(STRANGER, REP), blocking(STRANGER), RULES) is Verdict.NO_PERSON


def test_the_first_rule_that_holds_decides() -> None:
    """Each copy has every later reason too."""
    blocked, crowded = blocking(KIM), 101
    old = replace(
        copy(REP, recipients=crowded, is_report=True),
        received_at=datetime(2020, 1, 1, tzinfo=UTC),
    )
    by_order = [
        (old, Verdict.OUTSIDE_WINDOW),
        (copy(REP, recipients=crowded, is_report=True), Verdict.INTERNAL),
        (copy(STRANGER, recipients=crowded, is_report=True), Verdict.REPORT),
        (copy(STRANGER, recipients=crowded), Verdict.NO_PERSON),
        (copy(KIM, recipients=crowded), Verdict.BLOCKED),
    ]
    assert [judge(one, blocked, RULES) for one, _ in by_order] == [v for _, v in by_order]
    assert judge(copy(KIM, recipients=crowded), KNOWN, RULES) is Verdict.TOO_MANY_RECIPIENTS


@given(
    participants=anybody,
    customers=anybody,
    blocked=anybody,
    recipients=st.integers(0, 200),
    is_report=st.booleans(),
)
def test_only_what_has_a_customer_who_is_not_blocked_is_mirrored(
    participants: Set[Address],
    customers: Set[Address],
    blocked: Set[Address],
    recipients: int,
    is_report: bool,
) -> None:
    people = People(KNOWN.team, customers, blocked)
    headers = copy(*participants, recipients=recipients, is_report=is_report)
    mirrored = judge(headers, people, RULES) is Verdict.MIRRORED
    reasons = (participants - KNOWN.team) & customers - blocked
    assert mirrored == (bool(reasons) and not is_report and recipients <= 100)
