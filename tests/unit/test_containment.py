"""How cautious a sync is after others have died."""

from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.containment import FULL_BATCH, Caution, Place, Reading

FIRST, SECOND = Place("inbox", 1, 7), Place("inbox", 1, 8)


def test_a_mailbox_at_which_nobody_died_is_judged_in_full_batches() -> None:
    assert Caution().batch == FULL_BATCH
    assert Caution().after_success(3) == Caution()
    assert Caution().after_deaths(0) == Caution()


def test_after_the_first_death_batches_have_25_uids_and_after_the_second_one() -> None:
    assert [Caution().after_deaths(deaths).batch for deaths in (1, 2, 3, 9)] == [25, 1, 1, 1]


def test_batches_stay_small_until_the_uids_of_the_batch_that_died_are_judged() -> None:
    caution = Caution().after_deaths(1)
    sizes = []
    judged = 0
    while caution != Caution():
        sizes.append(caution.batch)
        judged += caution.batch
        caution = caution.after_success(caution.batch)
    assert sizes == [25] * 20 + [50, 100, 200, 400]


def test_where_a_function_died_at_one_uid_its_headers_are_read_and_then_nothing() -> None:
    caution = Caution().after_deaths(2).suspecting(FIRST)
    assert caution.reading(FIRST) is Reading.WHOLE
    caution = caution.after_deaths(1).suspecting(FIRST)
    assert caution.reading(FIRST) is Reading.HEADERS_ONLY
    caution = caution.after_deaths(1).suspecting(FIRST)
    assert caution.reading(FIRST) is Reading.NOTHING


def test_what_a_function_died_at_says_nothing_of_another_uid_and_is_not_forgotten_for_it() -> None:
    caution = Caution().after_deaths(2).suspecting(FIRST).after_deaths(1).suspecting(SECOND)
    assert caution.reading(SECOND) is Reading.WHOLE
    caution = caution.after_success(1)
    assert SECOND not in caution.suspects
    assert caution.reading(FIRST) is Reading.HEADERS_ONLY
    assert caution.suspecting(FIRST).after_success(1).reading(FIRST) is Reading.WHOLE


def test_a_batch_that_the_time_did_not_suffice_for_makes_nobody_suspect() -> None:
    caution = Caution().smaller().smaller().suspecting(FIRST).smaller()
    assert caution.batch == 1
    assert caution.reading(FIRST) is Reading.WHOLE


def test_no_more_suspects_are_kept_than_an_item_holds() -> None:
    caution = Caution().after_deaths(2)
    for uid in range(100):
        caution = caution.suspecting(Place("inbox", 1, uid)).after_deaths(1)
    assert len(caution.suspects) <= 21
    assert caution.reading(Place("inbox", 1, 99)) is Reading.HEADERS_ONLY


@given(killers=st.sets(st.integers(1, 600), max_size=8), count=st.integers(1, 600))
def test_every_uid_is_judged_whoever_kills_and_each_killer_kills_five_times_at_most(
    killers: set[int], count: int
) -> None:
    """A killer kills whoever reads more of it than its headers."""
    caution, next_uid, deaths = Caution(), 1, 0
    read: dict[int, Reading] = {}
    while next_uid <= count:
        batch = range(next_uid, min(next_uid + caution.batch, count + 1))
        if caution.batch == 1 or Place("inbox", 1, next_uid) in caution.suspects:
            place = Place("inbox", 1, next_uid)
            caution = caution.suspecting(place)
            readings = {next_uid: caution.reading(place)}
        else:
            suspects = {place.uid for place in caution.suspects}
            end = min((uid for uid in batch if uid in suspects), default=batch.stop)
            readings = dict.fromkeys(range(next_uid, end), Reading.WHOLE)
        if any(readings[uid] is Reading.WHOLE for uid in killers & readings.keys()):
            deaths += 1
            caution = caution.after_deaths(1)
            continue
        read |= readings
        caution = caution.after_success(len(readings))
        next_uid += len(readings)
    reached = {uid for uid in killers if uid <= count}
    assert set(read) == set(range(1, count + 1))
    assert {uid for uid, how in read.items() if how is not Reading.WHOLE} == reached
    assert deaths <= 5 * len(reached)
