"""One hash for several folders changes with each of them, and with no other."""

from hypothesis import assume, given
from hypothesis import strategies as st

from mailmirror.domain.folder_slices import (
    SLICE_FOLDERS,
    SLICES_A_POLL,
    Marks,
    slice_count,
    slice_hashes,
    slice_of,
    slices_in_turn,
)

marks = st.tuples(st.integers(0, 1 << 32), st.integers(0, 1 << 32))
folders = st.dictionaries(st.text(max_size=8), marks, min_size=1, max_size=60)


def changed(before: dict[str, Marks], after: dict[str, Marks], slices: int) -> set[int]:
    pairs = zip(slice_hashes(before, slices), slice_hashes(after, slices), strict=True)
    return {number for number, (one, other) in enumerate(pairs) if one != other}


@given(folders, st.randoms(use_true_random=False))
def test_the_order_of_folders_does_not_matter(some: dict[str, Marks], random: object) -> None:
    names = list(some)
    random.shuffle(names)  # type: ignore[attr-defined]
    assert not changed(some, {name: some[name] for name in names}, slice_count(len(some)))


@given(folders, marks, st.data())
def test_what_changes_in_a_folder_changes_its_slice_alone(
    some: dict[str, Marks], now: Marks, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(some)))
    assume(some[name] != now)
    slices = slice_count(len(some))
    assert changed(some, some | {name: now}, slices) == {slice_of(name, slices)}


@given(folders, st.text(max_size=8), marks)
def test_a_folder_that_is_new_or_gone_changes_its_slice_alone(
    some: dict[str, Marks], name: str, new: Marks
) -> None:
    assume(name not in some)
    slices = slice_count(len(some))
    assert changed(some, some | {name: new}, slices) == {slice_of(name, slices)}


def test_names_are_no_part_of_their_neighbours() -> None:
    assert slice_hashes({"a\n1 1 b": (1, 1)}, 1) != slice_hashes({"a": (1, 1), "b": (1, 1)}, 1)


def test_300_folders_have_15_slices_and_a_mailbox_without_others_has_one() -> None:
    assert (slice_count(0), slice_count(1), slice_count(SLICE_FOLDERS)) == (1, 1, 1)
    assert slice_count(300) == 15
    assert all(0 <= one < 1 << 64 for one in slice_hashes({"x": (1, 2)}, 15))


@given(st.integers(0, 1 << 40), st.integers(1, 400))
def test_each_slice_has_its_turn_within_so_many_minutes(minute: int, slices: int) -> None:
    minutes = -(-slices // SLICES_A_POLL)
    turns = [slices_in_turn(minute + later, slices) for later in range(minutes + 1)]
    assert set().union(*turns) == set(range(slices))
    assert all(len(turn) <= SLICES_A_POLL for turn in turns)


def test_of_5000_folders_the_schedule_entry_has_3_kb() -> None:
    hash_bytes, time_bytes = 8, 4
    assert slice_count(5_000) * (hash_bytes + time_bytes) <= 3_000
