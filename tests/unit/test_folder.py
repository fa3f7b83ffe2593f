"""How far a folder has been judged, and what its next sync does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.folder import FolderState, difference
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.mailbox import FolderRole
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Verdict

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEW = FolderState("INBOX", FolderRole.INBOX, uidvalidity=1, next=101, low=101, messages=100)
recorded = Ledger().record
verdicts = st.dictionaries(st.integers(1, 100), st.sampled_from(Verdict), min_size=1)


def test_a_new_folder_has_all_its_uids_on_the_side_of_old_mail() -> None:
    assert NEW.unjudged_old == UidSet.span(1, 100)
    assert not NEW.unjudged_new(uidnext=101)
    assert NEW.unjudged_new(uidnext=104) == UidSet.span(101, 103)
    assert not NEW.complete
    assert replace(NEW, low=1).complete


def test_a_cursor_moves_with_its_verdicts() -> None:
    after = NEW.advanced(recorded({101: Verdict.MIRRORED, 102: Verdict.NO_PERSON}), next=103)
    assert (after.next, after.low, after.judged, after.present) == (103, 101, 2, 2)
    after = NEW.advanced(recorded({99: Verdict.GONE, 100: Verdict.MIRRORED}), low=99)
    assert (after.next, after.low, after.judged, after.present) == (101, 99, 2, 1)


@given(verdicts)
def test_every_uid_is_counted_as_judged_or_pending(found: dict[int, Verdict]) -> None:
    after = NEW.advanced(recorded(found), low=min(found))
    assert after.judged + after.pending == len(found)
    ledger = Ledger().record(found)
    assert after.present == len(ledger.present)
    assert after.pending == len(ledger.pending)


@given(verdicts)
def test_a_pending_uid_that_is_judged_is_not_pending_any_more(found: dict[int, Verdict]) -> None:
    before = recorded(dict.fromkeys(found, Verdict.PENDING))
    after = NEW.advanced(before, low=1).advanced(recorded(found), before)
    ledger = before.record(found)
    assert (after.judged, after.pending) == (len(ledger.judged), len(ledger.pending))


@given(verdicts, verdicts, st.frozensets(st.integers(1, 100)))
def test_the_counts_follow_every_change_of_the_ledger(
    first: dict[int, Verdict], second: dict[int, Verdict], left: frozenset[int]
) -> None:
    folder, ledger = NEW, Ledger()
    uids = UidSet.of(left)
    for change in (
        lambda _: recorded(first),
        lambda held: held.only(uids).remove(uids),
        lambda _: recorded(second),
        lambda held: held.only(uids).restore(uids),
    ):
        part = change(ledger)
        folder, ledger = folder.advanced(part, ledger), ledger.updated(part)
        assert (folder.judged, folder.present, folder.pending, folder.over_limit) == (
            len(ledger.judged),
            len(ledger.present),
            len(ledger.pending),
            len(ledger.of(Verdict.TOO_MANY_RECIPIENTS) & ledger.present),
        )
        assert folder.recounted(ledger) == folder


def test_pending_uids_are_retried_at_once_and_then_after_pauses_that_double() -> None:
    folder = NEW.advanced(recorded({100: Verdict.PENDING}), low=1)
    assert folder.retry_is_due(NOON)
    pauses = []
    for _ in range(12):
        folder = folder.retrying(NOON)
        assert folder.retry_at is not None
        assert not folder.retry_is_due(folder.retry_at - timedelta(seconds=1))
        assert folder.retry_is_due(folder.retry_at)
        pauses.append((folder.retry_at - NOON) // timedelta(minutes=1))
    assert pauses[:9] == [5, 10, 20, 40, 80, 160, 320, 640, 1280]
    assert set(pauses[9:]) == {24 * 60}


def test_pending_uids_are_retried_once_for_each_time_that_a_person_asks() -> None:
    folder = NEW.advanced(recorded({100: Verdict.PENDING}), low=1)
    minute = timedelta(minutes=1)
    for retries in range(12):
        now = NOON + retries * 3 * minute
        folder = folder.retrying(now)
        assert not folder.retry_is_due(now + minute)
        assert not folder.retry_is_due(now + minute, asked_at=now - minute)
        assert folder.retry_is_due(now + 2 * minute, asked_at=now + minute)
    assert not NEW.retry_is_due(NOON, asked_at=NOON)


def test_a_newly_pending_uid_is_retried_at_once_whatever_waits_already() -> None:
    before = recorded({100: Verdict.PENDING})
    waiting = NEW.advanced(before, low=100).retrying(NOON)
    assert waiting.advanced(recorded({99: Verdict.PENDING}), low=99).retry_is_due(NOON)
    assert not waiting.advanced(recorded({99: Verdict.MIRRORED}), low=99).retry_is_due(NOON)
    assert not waiting.advanced(before, before).retry_is_due(NOON)


def test_each_retry_begins_at_another_uid() -> None:
    uids = UidSet.of([3, 5, 9])
    orders = [replace(NEW, retries=n).retry_order(uids) for n in range(4)]
    assert orders == [[3, 5, 9], [5, 9, 3], [9, 3, 5], [3, 5, 9]]
    assert NEW.retry_order(UidSet()) == []


def test_retries_that_ask_for_25_uids_each_ask_for_all_in_turn() -> None:
    uids = UidSet.of(range(1, 91))
    asked = [replace(NEW, retries=n).retry_order(uids)[:25] for n in range(4)]
    assert {uid for some in asked for uid in some} == set(range(1, 91))


def test_the_ledger_and_the_servers_list_may_differ_both_ways() -> None:
    ledger = Ledger().record(
        {1: Verdict.MIRRORED, 2: Verdict.NO_PERSON, 3: Verdict.PENDING, 4: Verdict.GONE}
    )
    found = difference(ledger.remove(UidSet.of([2])), UidSet.of([2, 3, 4, 5]))
    assert found.missed == UidSet.of([4, 5])
    assert found.left == UidSet.of([1])
    assert found.returned == UidSet.of([2])
