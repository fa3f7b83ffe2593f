"""A card says how far it can be trusted, and what would make it whole."""

from datetime import UTC, datetime, timedelta

import pytest

from mailmirror.api.cards import Coverage as Answer
from mailmirror.domain.coverage import (
    GAP_ORDER,
    Coverage,
    FeedCoverage,
    Gap,
    MailboxCoverage,
    mailbox_coverage,
)
from mailmirror.domain.mailbox import Due, MailboxId, MailboxState
from mailmirror.domain.problems import Code
from mailmirror.domain.words.coverage import (
    explain_card,
    explain_feed,
    explain_gap,
    explain_mailbox,
)
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.mailbox_problems import explain_mailbox_problem

EN, JA = Language.EN, Language.JA
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HERS = MailboxId("m1")
DUE = Due(due_at=NOON + timedelta(minutes=1), last_success_at=NOON)


def test_a_healthy_mailbox_is_complete_as_of_its_last_success() -> None:
    found = mailbox_coverage(HERS, MailboxState.HEALTHY, None, DUE, progress=100)
    assert found == MailboxCoverage(HERS, NOON, 100)
    assert found.complete
    assert explain_mailbox(found, EN) is None


def test_what_the_crm_sent_after_the_first_sync_is_not_complete() -> None:
    found = mailbox_coverage(HERS, MailboxState.HEALTHY, None, DUE, 100, late=True)
    assert (found.complete, found.gap) == (False, Gap.LATE_FACTS)


@pytest.mark.parametrize("late", [False, True])
def test_during_its_first_sync_it_says_how_far_it_is(late: bool) -> None:
    found = mailbox_coverage(HERS, MailboxState.FIRST_SYNC, None, DUE, progress=62, late=late)
    assert (found.complete, found.gap) == (False, Gap.FIRST_SYNC)
    said, said_ja = explain_mailbox(found, EN), explain_mailbox(found, JA)
    assert said is not None
    assert said_ja is not None
    assert said.reason == "The first sync is at 62 %."
    assert "62 %" in said_ja.reason


@pytest.mark.parametrize("language", Language)
def test_a_failing_mailbox_says_why_since_when_and_what_helps(language: Language) -> None:
    due = Due(DUE.due_at, NOON, Code.SIGN_IN_FAILED, failing_since=NOON + timedelta(minutes=5))
    found = mailbox_coverage(HERS, MailboxState.SIGN_IN_NEEDED, Code.SIGN_IN_FAILED, due, 100)
    problem = explain_mailbox_problem(Code.SIGN_IN_FAILED, language)
    said = explain_mailbox(found, language)
    assert (found.complete, found.as_of) == (False, NOON)
    assert said is not None
    assert said.reason.startswith(problem.reason)
    assert "2026-03-01 12:05 UTC" in said.reason
    assert said.remedy == problem.remedy


def test_a_missing_folder_makes_a_card_incomplete_without_a_since() -> None:
    found = mailbox_coverage(HERS, MailboxState.INCOMPLETE, Code.SENT_NOT_FOUND, DUE, 100)
    assert not found.complete
    assert explain_mailbox(found, EN) == explain_mailbox_problem(Code.SENT_NOT_FOUND, EN)


@pytest.mark.parametrize("state", [s for s in MailboxState if s is not MailboxState.HEALTHY])
def test_only_a_healthy_mailbox_is_complete_and_every_other_has_a_reason_and_a_remedy(
    state: MailboxState,
) -> None:
    problem = {
        MailboxState.FAILING: Code.CONNECT_TIMEOUT,
        MailboxState.SIGN_IN_NEEDED: Code.SIGN_IN_FAILED,
        MailboxState.REAUTH_REQUIRED: Code.GRANT_REVOKED,
        MailboxState.INCOMPLETE: Code.SENT_NOT_FOUND,
    }.get(state)
    for due in (DUE, None):
        found = mailbox_coverage(HERS, state, problem, due, progress=100)
        assert not found.complete
        assert explain_mailbox(found, EN) is not None


def test_a_mailbox_that_only_cannot_send_is_complete() -> None:
    assert mailbox_coverage(HERS, MailboxState.REAUTH_REQUIRED, None, DUE, 100).complete


def test_a_mailbox_that_never_succeeded_is_complete_as_of_no_time() -> None:
    found = mailbox_coverage(HERS, MailboxState.FIRST_SYNC, None, None, progress=0)
    assert found.as_of is None


def test_a_feed_without_events_says_where_to_point_the_webhook() -> None:
    found = FeedCoverage(None, refused=0)
    assert (found.complete, found.gap) == (False, Gap.FEED_SILENT)
    said = explain_feed(found, EN)
    assert said is not None
    assert "webhook" in said.remedy


def test_a_feed_is_complete_as_of_its_last_event() -> None:
    found = FeedCoverage(NOON, refused=0)
    assert found.complete
    assert explain_feed(found, EN) is None


def test_a_refused_event_is_a_gap_in_the_feed() -> None:
    found = FeedCoverage(NOON, refused=12)
    assert (found.complete, found.gap) == (False, Gap.EVENTS_REFUSED)
    said = explain_feed(found, EN)
    assert said is not None
    assert said.reason == "12 of the CRM's events could not be applied."


def test_events_that_wait_are_a_gap_in_the_feed_also_before_the_first_is_applied() -> None:
    assert FeedCoverage(NOON, refused=0, waiting=True).gap is Gap.EVENTS_WAITING
    assert FeedCoverage(None, refused=0, waiting=True).gap is Gap.EVENTS_WAITING


def test_while_events_wait_those_that_were_refused_are_counted_beside() -> None:
    found = FeedCoverage(NOON, refused=2, waiting=True)
    assert found.gap is Gap.EVENTS_WAITING
    for language, words in ((EN, "So far 2 of them"), (Language.JA, "2 件を適用できません")):
        said = explain_feed(found, language)
        assert said is not None
        assert words in said.reason


def test_a_hundred_refused_events_stand_for_more() -> None:
    for language, words in ((EN, "100 or more"), (Language.JA, "100 件以上")):
        said = explain_feed(FeedCoverage(NOON, refused=100), language)
        assert said is not None
        assert words in said.reason
    fewer = explain_feed(FeedCoverage(NOON, refused=99), Language.JA)
    assert fewer is not None
    assert "99 件あり" in fewer.reason


WHOLE, FEED = MailboxCoverage(HERS, NOON, 100), FeedCoverage(NOON, refused=0)
WAITING = FeedCoverage(NOON, refused=0, waiting=True)
FIRST = MailboxCoverage(HERS, NOON, 62, Gap.FIRST_SYNC)
LATE = MailboxCoverage(HERS, NOON, 100, Gap.LATE_FACTS)
REFUSED = MailboxCoverage(HERS, NOON, 100, Code.CONNECT_REFUSED)
GONE = MailboxCoverage(HERS, NOON, 100, Gap.DISCONNECTED)


@pytest.mark.parametrize(
    ("coverage", "complete"),
    [
        (Coverage([WHOLE, WHOLE], FEED), True),
        (Coverage([WHOLE, MailboxCoverage(HERS, NOON, 100, Gap.ERASING)], FEED), False),
        (Coverage([WHOLE], FeedCoverage(NOON, refused=1)), False),
        (Coverage([WHOLE], FeedCoverage(NOON, refused=0, waiting=True)), False),
        (Coverage([], FEED), False),
        (Coverage([WHOLE], FEED, unread=1), False),
    ],
)
def test_a_card_is_complete_where_each_of_its_mailboxes_and_the_feed_are(
    coverage: Coverage, complete: bool
) -> None:
    assert coverage.complete is complete


@pytest.mark.parametrize(
    ("coverage", "gap", "words"),
    [
        (
            Coverage([WHOLE, MailboxCoverage(HERS, NOON, 62, Gap.FIRST_SYNC)], FEED),
            Gap.FIRST_SYNC,
            "62",
        ),
        (
            Coverage([MailboxCoverage(HERS, NOON, 100, Code.CONNECT_REFUSED)], FEED),
            Code.CONNECT_REFUSED,
            "refuses",
        ),
        (Coverage([WHOLE], FeedCoverage(NOON, refused=7)), Gap.EVENTS_REFUSED, "7"),
        (Coverage([WHOLE], FEED, unread=2), Gap.ENTRIES_UNREAD, "2 of this card's"),
        (Coverage([WHOLE], FeedCoverage(NOON, refused=1), unread=2), Gap.EVENTS_REFUSED, "1"),
        (Coverage([], FeedCoverage(None, refused=0)), Gap.NO_MAILBOX, "no mailbox"),
        (Coverage([WHOLE], FEED, thread_pending=True), Gap.THREAD_PENDING, "thread"),
        (Coverage([LATE], FEED, unread=2), Gap.ENTRIES_UNREAD, "2 of this card's"),
        (Coverage([LATE], FeedCoverage(NOON, refused=7), unread=2), Gap.EVENTS_REFUSED, "7"),
        (Coverage([WHOLE], FEED, matches_pending=True, unread=2), Gap.ENTRIES_UNREAD, "2"),
        (Coverage([LATE], FEED, matches_pending=True), Gap.LATE_FACTS, "earlier mail"),
        (Coverage([LATE], WAITING), Gap.EVENTS_WAITING, "not applied yet"),
        (Coverage([LATE], WAITING, unread=2), Gap.EVENTS_WAITING, "not applied yet"),
        (Coverage([FIRST], WAITING), Gap.FIRST_SYNC, "62"),
        (Coverage([LATE, REFUSED], FEED, thread_pending=True), Code.CONNECT_REFUSED, "refuses"),
        (Coverage([FIRST, LATE, REFUSED], FEED, unread=1), Code.CONNECT_REFUSED, "refuses"),
        (Coverage([LATE, FIRST], FeedCoverage(NOON, refused=1), unread=1), Gap.FIRST_SYNC, "62"),
    ],
)
def test_a_card_is_explained_by_the_worst_cause(
    coverage: Coverage, gap: Gap | Code, words: str
) -> None:
    found = explain_card(coverage, EN)
    assert found is not None
    assert found[0] is gap
    assert words in found[1].reason


def test_a_complete_card_needs_no_explanation() -> None:
    assert explain_card(Coverage([WHOLE], FEED), EN) is None


def test_a_disconnected_mailbox_is_complete_as_of_its_last_success() -> None:
    found = mailbox_coverage(HERS, MailboxState.DISCONNECTED, None, None, 100, last_success_at=NOON)
    assert (found.as_of, found.gap) == (NOON, Gap.DISCONNECTED)


def test_a_viewer_without_a_mailbox_is_reported_to_connect_one() -> None:
    assert Coverage([WHOLE], FEED).gap is None
    assert Coverage([], FEED).gap is Gap.NO_MAILBOX
    assert "Connect" in explain_gap(Gap.NO_MAILBOX, EN).remedy


def test_every_gap_has_a_place_among_those_that_are_told() -> None:
    assert sorted(GAP_ORDER) == sorted(Gap)


@pytest.mark.parametrize(
    ("coverage", "gaps"),
    [
        (Coverage([WHOLE], FEED), []),
        (
            Coverage([WHOLE], FeedCoverage(NOON, refused=1), matches_pending=True),
            [Gap.EVENTS_REFUSED, Gap.MATCHES_PENDING],
        ),
        (
            Coverage([GONE, GONE, LATE], FEED, thread_pending=True, matches_pending=True),
            [Gap.DISCONNECTED, Gap.LATE_FACTS, Gap.MATCHES_PENDING, Gap.THREAD_PENDING],
        ),
        (
            Coverage([FIRST, REFUSED, LATE], FeedCoverage(NOON, 2, waiting=True), unread=1),
            [
                *(Code.CONNECT_REFUSED, Gap.FIRST_SYNC, Gap.EVENTS_WAITING),
                *(Gap.EVENTS_REFUSED, Gap.ENTRIES_UNREAD, Gap.LATE_FACTS),
            ],
        ),
        (
            Coverage([], FeedCoverage(None, 0), matches_pending=True),
            [Gap.NO_MAILBOX, Gap.FEED_SILENT, Gap.MATCHES_PENDING],
        ),
    ],
)
def test_a_card_names_all_its_gaps_each_once_and_explains_the_first(
    coverage: Coverage, gaps: list[Gap | Code]
) -> None:
    told = Answer.of(coverage, EN)
    assert told.gaps == gaps
    assert told.gap == next(iter(gaps), None)
    assert told.complete is (not gaps)


@pytest.mark.parametrize(
    ("state", "problem", "gaps"),
    [
        (MailboxState.HEALTHY, None, [Gap.LATE_FACTS]),
        (MailboxState.PAUSED, None, [Gap.PAUSED, Gap.LATE_FACTS]),
        (MailboxState.DISCONNECTED, None, [Gap.DISCONNECTED, Gap.LATE_FACTS]),
        (MailboxState.INCOMPLETE, Code.SENT_NOT_FOUND, [Code.SENT_NOT_FOUND, Gap.LATE_FACTS]),
        (MailboxState.FIRST_SYNC, None, [Gap.FIRST_SYNC]),
        (MailboxState.ERASING, None, [Gap.ERASING]),
    ],
)
def test_late_facts_are_a_gap_beside_what_keeps_a_mailbox_from_being_read(
    state: MailboxState, problem: Code | None, gaps: list[Gap | Code]
) -> None:
    found = mailbox_coverage(HERS, state, problem, DUE, 100, late=True)
    assert found.gaps == gaps
    assert found.gap is gaps[0]
    assert Coverage([found], FEED).gaps == gaps


def test_what_could_not_be_read_is_counted_beside_any_other_gap() -> None:
    told = Answer.of(Coverage([REFUSED], FEED, unread=3), EN)
    assert (told.gap, told.entries_unread) == (Code.CONNECT_REFUSED, 3)
