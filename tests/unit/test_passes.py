"""Which old verdicts a change may change, and when they are given again."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.address import Address
from mailmirror.domain.changes import Change, ChangeKind, LogLine
from mailmirror.domain.passes import (
    EVERYTHING,
    LOOK_PAUSE,
    Basis,
    PassState,
    Target,
    are_searched_for,
    concern_of,
    pass_due_at,
)
from mailmirror.domain.verdict import Headers, People, Rules, Verdict, judge

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BASIS = Basis(line=10, history_since=date(2025, 1, 1), max_recipients=100)
STATE = PassState(BASIS)
REP, TEMP, KIM, LEE = map(Address, ("rep@us", "temp@us", "kim@c", "lee@c"))
POOL = (REP, TEMP, KIM, LEE)


def line(number: int, change: Change, at: datetime = NOON) -> LogLine:
    return LogLine(number, change, at)


def person(*gained: Address, lost: tuple[Address, ...] = ()) -> Change:
    return Change(ChangeKind.PERSON, frozenset(gained), frozenset(lost))


def at_line(number: int, **rules: Any) -> Basis:
    return replace(BASIS, line=number, **rules)


def test_only_lines_behind_the_basis_and_up_to_the_target_count() -> None:
    lines = [line(number, person(Address(f"{number}@c"))) for number in (10, 11, 12, 13)]
    concern = concern_of(lines, STATE, at_line(12))
    assert concern.addresses == {"11@c", "12@c"}
    assert Verdict.NO_PERSON in concern.naming
    assert not concern.whole


def test_a_deal_concerns_no_verdict() -> None:
    assert not concern_of([line(11, Change(ChangeKind.DEAL, deal="d"))], STATE, at_line(11))


def test_a_person_does_not_concern_internal_mail_but_where_the_team_depends_on_it() -> None:
    lines = [line(11, person(TEMP))]
    assert Verdict.INTERNAL not in concern_of(lines, STATE, at_line(11)).naming
    doubtful = concern_of(lines, STATE, at_line(11), doubtful={TEMP})
    assert Verdict.INTERNAL in doubtful.naming


@pytest.mark.parametrize(
    ("rules", "concerned"),
    [
        ({"max_recipients": 101}, {Verdict.TOO_MANY_RECIPIENTS}),
        ({"max_recipients": 99}, {Verdict.NO_PERSON, Verdict.BLOCKED}),
        ({"history_since": date(2024, 12, 31)}, {Verdict.OUTSIDE_WINDOW}),
        ({"headers": BASIS.headers + 1}, {Verdict.UNREADABLE}),
        ({"headers": BASIS.headers - 1}, set()),
        ({}, set()),
    ],
)
def test_a_rule_concerns_the_verdicts_that_it_gave(
    rules: dict[str, object], concerned: set[Verdict]
) -> None:
    assert concern_of([], STATE, at_line(10, **rules)).whole == concerned


def test_rules_that_were_changed_back_concern_what_was_judged_under_them() -> None:
    under_another = STATE.judging_under(at_line(10, max_recipients=50))
    assert under_another.others
    assert under_another.judging_under(BASIS) == under_another
    assert under_another.concerned(BASIS) == {Verdict.TOO_MANY_RECIPIENTS}
    assert under_another.ended(BASIS, NOON).concerned(BASIS) == set()


def test_behind_too_many_rules_all_old_mail_is_judged_again() -> None:
    state = STATE
    for most in range(1, 6):
        state = state.judging_under(at_line(10, max_recipients=most))
    assert state.basis is None


def test_a_pass_over_everything_leaves_out_what_is_mirrored() -> None:
    assert set(Verdict) - EVERYTHING.verdicts == {Verdict.MIRRORED, Verdict.PENDING, Verdict.GONE}


def test_each_pass_has_a_number_of_its_own() -> None:
    first = STATE.begun(Target(BASIS))
    again = first.ended(BASIS, NOON).begun(Target(BASIS))
    assert first.number != again.number


def test_single_addresses_wait_an_hour_together() -> None:
    lines = [line(11, person(KIM)), line(12, person(LEE), NOON + 30 * MINUTE)]
    assert pass_due_at(lines, 1_000, None) == NOON + HOUR


def test_an_import_is_judged_ten_minutes_after_its_end() -> None:
    lines = [
        line(number, person(Address(f"{number}@c")), NOON + number * timedelta(seconds=1))
        for number in range(11, 111)
    ]
    assert pass_due_at(lines, 1_000, None) == lines[-1].at + 10 * MINUTE
    assert pass_due_at(lines, 1_000, None, the_last_is_read=False) == lines[0].at + HOUR


def test_nothing_that_waits_is_never_due() -> None:
    assert pass_due_at([], 1_000, None) is None


@given(copies=st.integers(0, 10_000_000))
def test_passes_fetch_no_more_than_a_fifth_of_what_gmail_allows_a_day(copies: int) -> None:
    due_at = pass_due_at([line(11, person(KIM))], copies, NOON)
    assert due_at is not None
    passes_a_day = timedelta(days=1) / (due_at - NOON)
    assert passes_a_day <= 24
    assert passes_a_day * copies * 600 <= 501 * (1 << 20) or (
        passes_a_day <= 1 and copies > 400_000
    )


def test_what_waits_is_looked_at_each_quarter_of_an_hour_and_when_the_pass_is_due() -> None:
    waiting = replace(STATE, looked_at=NOON, next_at=NOON + HOUR)
    assert waiting.look_at == NOON + LOOK_PAUSE
    assert replace(waiting, next_at=NOON + MINUTE).look_at == NOON + MINUTE
    assert STATE.look_at is None


def test_an_import_is_not_searched_for() -> None:
    assert are_searched_for(frozenset({KIM}))
    assert not are_searched_for(frozenset())
    assert not are_searched_for(frozenset(Address(f"{n}@c") for n in range(101)))


addresses = st.frozensets(st.sampled_from(POOL))
teams = st.frozensets(st.sampled_from([REP, TEMP]), min_size=1)


@given(
    participants=st.frozensets(st.sampled_from(POOL), min_size=1),
    recipients=st.integers(0, 4),
    received_at=st.sampled_from([NOON, NOON - timedelta(days=500)]),
    team_before=teams,
    team_after=teams,
    known_before=addresses,
    known_after=addresses,
    limits=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    windows=st.tuples(*[st.sampled_from([date(2024, 1, 1), date(2025, 9, 1)])] * 2),
    blocked_before=addresses,
    blocked_after=addresses,
)
def test_a_verdict_that_changes_is_concerned(
    participants: frozenset[Address],
    recipients: int,
    received_at: datetime,
    team_before: frozenset[Address],
    team_after: frozenset[Address],
    known_before: frozenset[Address],
    known_after: frozenset[Address],
    limits: tuple[int, int],
    windows: tuple[date, date],
    blocked_before: frozenset[Address],
    blocked_after: frozenset[Address],
) -> None:
    """Of whatever is not mirrored, and outside a window that begins no later."""
    copy = Headers(received_at, participants, recipients)
    people_before = People(team_before, known_before, blocked_before & known_before)
    people_after = People(team_after, known_after, blocked_after & known_after)
    before = judge(copy, people_before, Rules(windows[0], limits[0]))
    after = judge(copy, people_after, Rules(windows[1], limits[1]))
    if before in (after, Verdict.MIRRORED) or after is Verdict.OUTSIDE_WINDOW:
        return
    persons = Change(ChangeKind.PERSON, known_after - known_before, known_before - known_after)
    team = Change(ChangeKind.TEAM, team_after - team_before, team_before - team_after)
    state = PassState(Basis(10, windows[0], limits[0]))
    now = Basis(12, windows[1], limits[1], blocks=int(blocked_before != blocked_after))
    concern = concern_of([line(11, persons), line(12, team)], state, now)
    assert before in concern.whole or (
        before in concern.naming and not concern.addresses.isdisjoint(participants)
    )
