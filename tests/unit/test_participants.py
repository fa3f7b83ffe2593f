"""A person is indexed wherever in a field they stand; of others as many as an item can hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.address import Address
from mailmirror.domain.limits import MAX_OTHER_PARTICIPANTS_BYTES
from mailmirror.domain.participants import all_fit, indexed

addresses = st.lists(st.integers(0, 3_000).map(lambda n: Address(f"é{n}@{'d' * 60}.example")))


@given(addresses, addresses)
@pytest.mark.exceeds("MAX_OTHER_PARTICIPANTS_BYTES")
def test_persons_are_always_indexed_and_others_within_the_limit(
    participants: list[Address], persons: list[Address]
) -> None:
    found = indexed(participants, frozenset(persons))
    assert found <= set(participants)
    assert found >= set(participants) & set(persons)
    assert sum(len(one.encode()) for one in found - set(persons)) <= MAX_OTHER_PARTICIPANTS_BYTES
    if all_fit(participants):
        assert found == set(participants)


def test_a_person_behind_a_crowd_is_indexed() -> None:
    crowd = [Address(f"{n}@{'d' * 60}.example") for n in range(2_000)]
    kim = Address("kim@customer.example")
    found = indexed([*crowd, kim], frozenset({kim}))
    assert kim in found
    assert found - {kim} < set(crowd)
    assert not all_fit(crowd)
