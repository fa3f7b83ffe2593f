"""A card says how far it can be trusted, and what would make it whole."""

from datetime import UTC, datetime, timedelta

import pytest

from mailmirror.domain.coverage import feed_coverage, mailbox_coverage
from mailmirror.domain.mailbox import Due, MailboxId, MailboxState
from mailmirror.domain.problems import PROBLEMS, Code

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HERS = MailboxId("m1")
DUE = Due(due_at=NOON + timedelta(minutes=1), last_success_at=NOON)


def test_a_healthy_mailbox_is_complete_as_of_its_last_success() -> None:
    found = mailbox_coverage(HERS, MailboxState.HEALTHY, None, DUE, progress=100)
    assert (found.mailbox, found.complete, found.as_of) == (HERS, True, NOON)
    assert (found.reason, found.remedy) == (None, None)


def test_what_the_crm_told_after_the_first_sync_is_not_complete() -> None:
    found = mailbox_coverage(HERS, MailboxState.HEALTHY, None, DUE, 100, late=True)
    assert not found.complete
    assert found.reason
    assert found.remedy


def test_during_its_first_sync_it_says_how_far_it_is() -> None:
    found = mailbox_coverage(HERS, MailboxState.FIRST_SYNC, None, DUE, progress=62)
    assert not found.complete
    assert (found.progress, found.reason) == (62, "The first sync is at 62 %.")


def test_a_failing_mailbox_says_why_since_when_and_what_helps() -> None:
    due = Due(DUE.due_at, NOON, Code.SIGN_IN_FAILED, failing_since=NOON + timedelta(minutes=5))
    found = mailbox_coverage(HERS, MailboxState.SIGN_IN_NEEDED, Code.SIGN_IN_FAILED, due, 100)
    problem = PROBLEMS[Code.SIGN_IN_FAILED]
    assert not found.complete
    assert found.as_of == NOON
    assert found.reason == f"{problem.reason} Since 2026-03-01 12:05 UTC."
    assert found.remedy == problem.remedy


def test_a_missing_folder_makes_a_card_incomplete_without_a_since() -> None:
    found = mailbox_coverage(HERS, MailboxState.INCOMPLETE, Code.SENT_NOT_FOUND, DUE, 100)
    assert not found.complete
    assert found.reason == PROBLEMS[Code.SENT_NOT_FOUND].reason


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
        assert found.reason
        assert found.remedy


def test_a_mailbox_that_only_cannot_send_is_complete() -> None:
    assert mailbox_coverage(HERS, MailboxState.REAUTH_REQUIRED, None, DUE, 100).complete


def test_a_mailbox_that_never_succeeded_is_complete_as_of_no_time() -> None:
    found = mailbox_coverage(HERS, MailboxState.FIRST_SYNC, None, None, progress=0)
    assert found.as_of is None


def test_a_feed_without_events_says_where_to_point_the_webhook() -> None:
    found = feed_coverage(None, refused=0)
    assert (found.complete, found.as_of) == (False, None)
    assert found.remedy == "Point the CRM's webhook at this deployment."


def test_a_feed_is_complete_as_of_its_last_event() -> None:
    found = feed_coverage(NOON, refused=0)
    assert (found.complete, found.as_of, found.reason) == (True, NOON, None)


def test_a_refused_event_is_a_gap_in_the_feed() -> None:
    one, many = feed_coverage(NOON, refused=1), feed_coverage(NOON, refused=12)
    assert (one.complete, many.complete) == (False, False)
    assert one.reason == "An event of the CRM's could not be applied."
    assert many.reason == "12 events of the CRM's could not be applied."
