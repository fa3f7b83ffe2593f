"""How a sync divides the UIDs of a folder: bounded, complete, and in order."""

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.batches import judged_alone, next_batch, parts, runs
from mailmirror.domain.containment import Caution, Place
from mailmirror.domain.verdict import Verdict

PLACES = [Place("inbox", 1, uid) for uid in range(1, 601)]


def test_without_deaths_a_batch_is_as_long_as_asked_for() -> None:
    assert next_batch(PLACES, Caution(), 500) == PLACES[:500]
    assert next_batch(PLACES[:7], Caution(), 500) == PLACES[:7]


def test_after_a_death_a_batch_is_short_and_after_two_a_single_uid() -> None:
    assert next_batch(PLACES, Caution().after_deaths(1), 500) == PLACES[:25]
    assert next_batch(PLACES, Caution().after_deaths(2), 500) == PLACES[:1]
    assert judged_alone(PLACES[0], Caution().after_deaths(2))


def test_a_suspect_is_judged_alone_in_its_place() -> None:
    caution = Caution(suspects={PLACES[2]: 1})
    assert next_batch(PLACES, caution, 500) == PLACES[:2]
    assert next_batch(PLACES[2:], caution, 500) == PLACES[2:3]
    assert next_batch(PLACES[3:], caution, 500) == PLACES[3:503]
    assert judged_alone(PLACES[2], caution)
    assert not judged_alone(PLACES[3], caution)


@given(st.dictionaries(st.integers(1, 300), st.integers(0, 2 << 20)))
def test_parts_hold_every_uid_in_order_and_few_bytes_of_headers(sizes: dict[int, int]) -> None:
    divided = list(parts(list(sizes), sizes))
    assert list(chain.from_iterable(divided)) == list(sizes)
    assert all(sum(sizes[uid] for uid in part[:-1]) <= 1 << 20 for part in divided)


def test_a_uid_whose_headers_were_not_fetched_is_in_a_part_all_the_same() -> None:
    assert list(parts([1, 2], {1: 10})) == [[1, 2]]


@given(
    st.dictionaries(st.integers(1, 300), st.sampled_from(Verdict)),
    st.lists(st.integers(1, 9 << 20), min_size=300, max_size=300),
)
def test_runs_hold_every_verdict_in_order_and_little_to_write(
    verdicts: dict[int, Verdict], sizes: list[int]
) -> None:
    fetched = {uid: sizes[uid - 1] for uid in verdicts}
    divided = list(runs(verdicts, fetched))
    assert list(chain.from_iterable(one.items() for one in divided)) == list(verdicts.items())
    for run in divided:
        mirrored = [fetched[uid] for uid, v in run.items() if v is Verdict.MIRRORED]
        assert len(mirrored) <= 25
        assert sum(mirrored) <= 4 << 20 or len(mirrored) == 1
