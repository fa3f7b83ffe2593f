"""When a mailbox has news, how long it waits after a failure, and how it is doing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mailmirror.domain.mailbox import (
    MAX_WAIT,
    NEEDS_PERSON,
    POLL_INTERVAL,
    REAUTH,
    Due,
    FolderRole,
    MailboxState,
    MailboxStatus,
    Seen,
    is_news,
    pause,
    state_of,
)
from mailmirror.domain.problems import Code

KNOWN = Seen(uidvalidity=7, uidnext=101, present=90)
DUE = Due(due_at=datetime(2026, 3, 1, tzinfo=UTC))
BOTH = frozenset(FolderRole)


def test_a_folder_never_seen_is_news() -> None:
    assert is_news(None, uidvalidity=7, uidnext=1, messages=0)


@pytest.mark.parametrize(
    ("uidvalidity", "uidnext", "messages", "news"),
    [
        (7, 101, 90, False),
        (8, 101, 90, True),
        (7, 102, 91, True),
        (7, 102, 90, True),  # one came and one left
        (7, 100, 90, True),  # a server that lost its count
        (7, 101, 91, True),
        (7, 101, 89, False),  # removals are learned with the next news
        (7, 101, 0, False),
    ],
)
def test_news_is_what_a_sync_could_act_upon(
    uidvalidity: int, uidnext: int, messages: int, news: bool
) -> None:
    assert is_news(KNOWN, uidvalidity, uidnext, messages) is news


@pytest.mark.parametrize(
    ("uidvalidity", "uidnext", "messages", "news"),
    [(7, 1, 0, False), (8, 1, 0, False), (8, 2, 0, True), (8, 1, 1, True), (7, 2, 1, True)],
)
def test_another_uidvalidity_of_a_folder_that_stays_empty_is_no_news(
    uidvalidity: int, uidnext: int, messages: int, news: bool
) -> None:
    assert is_news(Seen(7, 1, 0), uidvalidity, uidnext, messages) is news


def test_pauses_double_up_to_a_quarter_of_an_hour() -> None:
    minutes = [pause(Code.CONNECT_TIMEOUT, failures) / POLL_INTERVAL for failures in range(1, 8)]
    assert minutes == [1, 2, 4, 8, 15, 15, 15]
    assert pause(Code.CONNECT_TIMEOUT, 10_000) == timedelta(minutes=15)


def test_a_refused_password_is_tried_once_an_hour_lest_the_server_lock_the_account() -> None:
    assert {pause(Code.SIGN_IN_FAILED, failures) for failures in (1, 2, 50)} == {timedelta(hours=1)}


def state(
    status: MailboxStatus = MailboxStatus.CONNECTED,
    due: Due | None = DUE,
    *,
    waits: timedelta = timedelta(),
    complete: bool = True,
    pending: int = 0,
    has_sent: bool = True,
    failing_folders: int = 0,
) -> tuple[MailboxState, Code | None]:
    """The state `waits` after DUE's poll was due and a cursor last moved."""
    now = DUE.due_at + waits
    return state_of(
        status,
        due,
        now,
        DUE.due_at,
        complete=complete,
        pending=pending,
        has_sent=has_sent,
        failing_folders=failing_folders,
    )


def test_a_mailbox_with_both_folders_and_nothing_pending_is_healthy() -> None:
    assert state() == (MailboxState.HEALTHY, None)


def test_before_its_first_sync_is_done_it_says_so() -> None:
    assert state(complete=False) == (MailboxState.FIRST_SYNC, None)
    assert state(complete=False, pending=3, has_sent=False) == (MailboxState.FIRST_SYNC, None)


def test_without_a_folder_of_sent_mail_it_is_incomplete() -> None:
    assert state(has_sent=False) == (MailboxState.INCOMPLETE, Code.SENT_NOT_FOUND)


def test_with_a_folder_that_cannot_be_read_it_is_incomplete() -> None:
    assert state(failing_folders=1) == (MailboxState.INCOMPLETE, Code.FOLDER_FAILING)


def test_while_the_server_withholds_messages_it_is_incomplete() -> None:
    assert state(pending=1) == (MailboxState.INCOMPLETE, Code.MESSAGES_PENDING)


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("error", Code)
def test_an_error_is_never_hidden(error: Code, complete: bool) -> None:
    failing = Due(DUE.due_at, error=error)
    word = MailboxState.FAILING
    if error in NEEDS_PERSON:
        word = MailboxState.REAUTH_REQUIRED if error in REAUTH else MailboxState.SIGN_IN_NEEDED
    assert state(due=failing, complete=complete) == (word, error)


def test_what_keeps_it_from_sending_is_reported_and_is_no_problem_of_reading() -> None:
    shut = Due(DUE.due_at, sending_error=Code.SMTP_AUTH_DISABLED)
    refused = Due(DUE.due_at, sending_error=Code.SIGN_IN_FAILED)
    assert state(due=shut) == (MailboxState.REAUTH_REQUIRED, None)
    assert state(due=refused) == (MailboxState.SIGN_IN_NEEDED, None)
    assert state(due=shut, pending=1) == (MailboxState.INCOMPLETE, Code.MESSAGES_PENDING)


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (MailboxStatus.DISCONNECTED, MailboxState.DISCONNECTED),
        (MailboxStatus.ERASING, MailboxState.ERASING),
    ],
)
def test_what_a_person_asked_for_comes_before_what_failed(
    status: MailboxStatus, word: MailboxState
) -> None:
    failing = Due(DUE.due_at, error=Code.CONNECT_TIMEOUT)
    assert state(status, failing, pending=1) == state(status, None) == (word, None)


NEWS = Due(DUE.due_at + MAX_WAIT, news_since=DUE.due_at)
"""Polled every minute, with news that no sync has finished reading."""


def test_news_that_is_being_read_for_long_makes_the_mailbox_incomplete() -> None:
    now = NEWS.due_at + timedelta(minutes=10)
    found = state_of(MailboxStatus.CONNECTED, NEWS, now, now, complete=True, pending=0)
    assert found == (MailboxState.INCOMPLETE, Code.NEWS_WAITING)


def test_news_that_waits_is_an_error_after_a_quarter_of_an_hour() -> None:
    assert state(due=NEWS, waits=MAX_WAIT) == (MailboxState.HEALTHY, None)
    late = state(due=NEWS, waits=MAX_WAIT + timedelta(seconds=1))
    assert late == (MailboxState.FAILING, Code.NEWS_WAITING)


def test_a_first_sync_that_does_not_move_is_an_error_after_a_quarter_of_an_hour() -> None:
    polled = Due(DUE.due_at + MAX_WAIT)
    assert state(due=polled, waits=MAX_WAIT, complete=False) == (MailboxState.FIRST_SYNC, None)
    late = state(due=polled, waits=MAX_WAIT + timedelta(seconds=1), complete=False)
    assert late == (MailboxState.FAILING, Code.NEWS_WAITING)


def test_a_mailbox_whose_poll_is_long_overdue_is_not_healthy() -> None:
    assert state(waits=MAX_WAIT) == (MailboxState.HEALTHY, None)
    late = state(waits=MAX_WAIT + timedelta(seconds=1))
    assert late == (MailboxState.FAILING, Code.POLL_OVERDUE)


def test_what_failed_says_more_than_that_news_waits() -> None:
    failing = replace(NEWS, error=Code.CERTIFICATE_INVALID)
    found = state(due=failing, waits=timedelta(hours=6))
    assert found == (MailboxState.FAILING, Code.CERTIFICATE_INVALID)
