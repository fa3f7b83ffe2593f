"""A mailbox's slot is chosen once; more shards move nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.slot import SHARDS, Slot


@given(st.text(), st.integers(SHARDS, 64))
def test_a_slot_stays_one_of_all_where_shards_are_added(name: str, more: int) -> None:
    before = Slot.chosen(name)
    assert before == Slot.chosen(name)
    assert before in Slot.all()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mailmirror.domain.slot.SHARDS", more)
        assert before in Slot.all()
        assert Slot.chosen(name) in Slot.all()


def test_every_slot_is_there_once_and_is_used() -> None:
    every = Slot.all()
    assert len(every) == len(set(every))
    assert {Slot.chosen(f"a#m{n}") for n in range(200)} == set(every)
