"""The latest part that names a UID decides its verdict and presence, and an audit proves it."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.ledger import Audit, Ledger, audit
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Verdict

verdicts = st.sampled_from(Verdict)
parts = st.lists(
    st.builds(
        lambda recorded, removed: Ledger().record(recorded).remove(UidSet.of(removed)),
        st.dictionaries(st.integers(1, 30), verdicts),
        st.frozensets(st.integers(1, 30), max_size=3),
    ),
    max_size=6,
)


def ledger(removed: str = "", **verdicts: str) -> Ledger:
    """A ledger by sequence-sets: `ledger(mirrored="1:3", removed="2")`."""
    recorded = {Verdict(name): UidSet.parse(uids) for name, uids in verdicts.items()}
    return Ledger(recorded, UidSet.parse(removed))


def held_against(
    held: Ledger,
    server: str,
    low: int = 1,
    next: int = 11,
    uidnext: int | None = None,
    *,
    seen: bool = True,
) -> Audit:
    return audit(held, UidSet.parse(server), low, next, uidnext or next, seen=seen)


def sets(some: Ledger) -> Mapping[str, str]:
    return {verdict: str(some.of(verdict)) for verdict in Verdict} | {"removed": str(some.removed)}


@given(parts, parts)
def test_neighbouring_parts_may_be_joined_first(older: list[Ledger], newer: list[Ledger]) -> None:
    joined = Ledger.of_parts(older).updated(Ledger.of_parts(newer))
    assert sets(joined) == sets(Ledger.of_parts([*older, *newer]))


@given(parts)
def test_the_latest_part_that_names_a_uid_decides(some: list[Ledger]) -> None:
    whole = Ledger.of_parts(some)
    for uid in range(1, 31):
        naming = [part for part in some if uid in part.named]
        decides = sets(naming[-1].only(UidSet.of([uid]))) if naming else sets(Ledger())
        assert sets(whole.only(UidSet.of([uid]))) == decides


@given(parts)
def test_a_ledger_is_read_as_it_was_written(some: list[Ledger]) -> None:
    whole = Ledger.of_parts(some)
    assert sets(Ledger.decode(whole.encode())) == sets(whole)
    assert Ledger.decode(whole.encode()).encode() == whole.encode()


@given(parts)
def test_each_uid_has_exactly_one_verdict(some: list[Ledger]) -> None:
    whole = Ledger.of_parts(some)
    assert not whole.overlap()
    for uid in whole.named:
        assert sum(uid in whole.of(verdict) for verdict in Verdict) == 1


@pytest.mark.parametrize("now", Verdict)
@pytest.mark.parametrize("before", Verdict)
def test_a_verdict_changes_to_any_other_and_back(before: Verdict, now: Verdict) -> None:
    first, second = Ledger().record({7: before}), Ledger().record({7: now})
    for parts in ([first, second], [first, second, first, second]):
        whole = Ledger.of_parts(parts)
        assert list(whole.of(now)) == [7]
        assert list(whole.named) == [7]
        assert sum(whole.counts().values()) == 1
        assert not whole.overlap()


def test_a_removed_copy_that_is_listed_again_is_present_with_its_verdict() -> None:
    held = ledger(mirrored="1:4", no_person="5")
    uids = UidSet.of([2, 5])
    removed = held.updated(held.only(uids).remove(uids))
    assert (str(removed.present), str(removed.removed)) == ("1,3:4", "2,5")
    returned = removed.updated(removed.only(uids).restore(uids))
    assert sets(returned) == sets(held)


def test_a_removed_copy_that_is_judged_again_is_present() -> None:
    held = ledger(mirrored="1:4", removed="2").record({2: Verdict.NO_PERSON})
    assert (str(held.present), str(held.of(Verdict.NO_PERSON))) == ("1:4", "2")


def test_present_is_what_was_judged_and_is_neither_gone_nor_removed() -> None:
    held = ledger(mirrored="1:4", no_person="5", pending="6", gone="7", removed="2,5")
    assert str(held.present) == "1,3:4"
    assert str(held.judged) == "1:5,7"


def test_counts_name_every_verdict() -> None:
    counts = ledger(mirrored="1:3", pending="4:5").counts()
    assert counts.keys() == {verdict.value for verdict in Verdict}
    assert {name: count for name, count in counts.items() if count} == {"mirrored": 3, "pending": 2}


def test_a_ledger_is_one_line_and_an_empty_one_is_none() -> None:
    assert ledger(no_person="4:9,11", mirrored="1:3", removed="2").encode() == (
        "mirrored=1:3;no_person=4:9,11;removed=2"
    )
    assert Ledger().encode() == ""
    assert sets(Ledger.decode("")) == sets(Ledger())


@given(parts, st.integers(1, 60))
def test_the_pieces_of_a_ledger_make_it_up_and_none_is_too_long(
    some: list[Ledger], length: int
) -> None:
    whole = Ledger.of_parts(some)
    pieces = list(whole.pieces(length))
    assert sets(Ledger.of_parts(pieces)) == sets(whole)
    for piece in pieces:
        uids = set(piece.removed).union(*piece.recorded.values())
        assert len(piece.encode()) <= length or len(uids) == 1  # one UID cannot be split


def test_a_run_of_one_verdict_costs_a_few_bytes_however_long_it_is() -> None:
    assert len(ledger(no_person="1:4294967294").encode()) < 30


def test_a_full_account_is_clean() -> None:
    found = held_against(ledger(mirrored="1:3", no_person="4:10"), server="1:10")
    assert found.clean
    assert (found.server_uids, found.pending, found.removed, found.gone) == (10, 0, 0, 0)


def test_a_uid_on_the_server_without_a_verdict_is_missing() -> None:
    found = held_against(ledger(mirrored="1:3", no_person="5:10"), server="1:10")
    assert str(found.missing) == "4"
    assert not found.clean


@pytest.mark.parametrize("wrongly", [{"gone": "4"}, {"internal": "4", "removed": "4"}])
def test_a_uid_said_to_have_left_that_the_server_still_has_is_missing(
    wrongly: dict[str, str],
) -> None:
    found = held_against(ledger(mirrored="1:3", no_person="5:10", **wrongly), server="1:10")
    assert str(found.missing) == "4"
    assert not found.clean


def test_a_present_uid_that_the_server_has_not_after_a_sync_has_seen_it_is_extra() -> None:
    found = held_against(ledger(mirrored="1:10"), server="1:3,5:10")
    assert (str(found.extra), str(found.left_since)) == ("4", "")
    assert not found.clean
    assert not found.needs_sync


def test_a_present_uid_that_has_left_since_the_last_sync_is_no_error_and_needs_one() -> None:
    found = held_against(ledger(mirrored="1:10"), server="1:3,5:10", seen=False)
    assert (str(found.extra), str(found.left_since)) == ("", "4")
    assert found.clean
    assert found.needs_sync


def test_what_is_missing_is_an_error_at_once_and_needs_the_sync_that_may_find_it() -> None:
    held = ledger(mirrored="1:3,5:10")
    found = held_against(held, server="1:10", seen=False)
    assert (found.clean, found.needs_sync) == (False, True)
    assert not held_against(held, server="1:10").needs_sync


def test_a_uid_with_two_verdicts_in_one_part_is_an_overlap() -> None:
    found = held_against(ledger(mirrored="1:6", no_person="5:10"), server="1:10")
    assert str(found.overlap) == "5:6"
    assert not found.clean


def test_two_verdicts_in_two_parts_are_a_change_and_no_overlap() -> None:
    changed = Ledger.of_parts([ledger(mirrored="1:6"), ledger(no_person="5:10")])
    found = held_against(changed, server="1:10")
    assert found.clean
    assert changed.counts()["mirrored"] == 4


def test_an_overlap_in_a_block_is_found_until_a_later_part_names_the_uid() -> None:
    broken = ledger(mirrored="1:6", no_person="5:10")
    parts = [broken, ledger(internal="11"), ledger(mirrored="5")]
    assert str(Ledger.of_parts(parts).overlap()) == "6"


def test_pending_removed_and_gone_are_figures_and_no_errors() -> None:
    held = ledger(mirrored="1:7", pending="8:9", gone="10", removed="1:2")
    found = held_against(held, server="3:9")
    assert found.clean
    assert (found.server_uids, found.pending, found.removed, found.gone) == (7, 2, 2, 1)


def test_what_the_first_sync_has_not_reached_is_pending() -> None:
    found = held_against(ledger(mirrored="6:10"), server="1:3,6:10", low=6)
    assert found.clean
    assert found.pending == 3


def test_what_came_after_the_last_look_is_news_and_no_error() -> None:
    found = held_against(ledger(mirrored="1:10"), server="1:12", next=11)
    assert found.clean
    assert found.pending == 0


def test_uids_that_the_last_sync_was_shown_and_has_not_judged_are_pending() -> None:
    found = held_against(ledger(mirrored="1:10"), server="1:14", next=11, uidnext=13)
    assert (found.pending, found.clean) == (2, True)


@given(parts, st.frozensets(st.integers(1, 30)))
def test_a_clean_audit_means_that_present_and_pending_are_what_the_server_has(
    some: list[Ledger], server: frozenset[int]
) -> None:
    whole, listed = Ledger.of_parts(some), UidSet.of(server)
    found = audit(whole, listed, low=1, next=31, uidnext=31, seen=True)
    accounted = whole.present | (whole.pending & listed)
    assert found.clean == (accounted == listed and not whole.overlap())
