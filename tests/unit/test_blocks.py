"""Whom a user has blocked."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.address import Address
from mailmirror.domain.blocks import Block, BlockKind, Blocks
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.problems import Code, Refused

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KIM = Address("kim@customer.example")
BLOCK = Block(BlockKind.ADDRESS, KIM)
KIMS_LEAD = PersonRef(PersonKind.LEAD, "7")
KIMS_CONTACT = PersonRef(PersonKind.CONTACT, "7")
LEE = PersonRef(PersonKind.CONTACT, "8")

blocks = st.builds(
    Block, st.sampled_from(BlockKind), st.sampled_from(["7", "8", KIM, "customer.example", "x:y"])
)


def blocking(*named: Block) -> Blocks:
    return Blocks(1, dict.fromkeys(named, NOW))


def test_an_address_is_blocked_whoever_has_it() -> None:
    assert blocking(BLOCK).covers(KIM, [{KIMS_CONTACT}, {LEE}])
    assert not blocking(BLOCK).covers(Address("lee@customer.example"), [{LEE}])


@pytest.mark.parametrize("domain", ["customer.example", "eu.customer.example"])
def test_a_domain_is_blocked_with_those_below_it(domain: str) -> None:
    assert blocking(Block(BlockKind.DOMAIN, domain)).covers(
        Address("kim@sales.eu.customer.example"), [{LEE}]
    )


@pytest.mark.parametrize("domain", ["omer.example", "eu.customer.example", "customer"])
def test_a_domain_is_not_blocked_by_another_that_ends_or_begins_like_it(domain: str) -> None:
    assert not blocking(Block(BlockKind.DOMAIN, domain)).covers(KIM, [{LEE}])


def test_a_block_follows_a_lead_that_is_converted() -> None:
    lead = blocking(Block(BlockKind.LEAD, "7"))
    assert lead.covers(KIM, [{KIMS_LEAD}])
    assert lead.covers(KIM, [{LEE, KIMS_LEAD}])
    assert not lead.covers(KIM, [{KIMS_CONTACT}])


def test_an_address_of_two_persons_is_blocked_with_both() -> None:
    one = blocking(Block(BlockKind.CONTACT, "7"))
    both = blocking(Block(BlockKind.CONTACT, "7"), Block(BlockKind.CONTACT, "8"))
    assert not one.covers(KIM, [{KIMS_CONTACT}, {LEE}])
    assert both.covers(KIM, [{KIMS_CONTACT}, {LEE}])


def test_each_change_has_a_version_of_its_own_and_a_repeat_has_none() -> None:
    first = Blocks().adding(BLOCK, NOW)
    assert first.adding(BLOCK, NOW) == first
    without = first.removing(BLOCK.id)
    assert without.since == {}
    assert without.removing(BLOCK.id) == without
    assert [one.version for one in (Blocks(), first, without)] == [0, 1, 2]


@pytest.mark.exceeds("MAX_BLOCKS")
def test_a_user_has_so_many_blocks_and_one_more_when_another_is_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailmirror.domain.blocks.MAX_BLOCKS", 1)
    full = blocking(BLOCK)
    another = Block(BlockKind.DOMAIN, "other.example")
    with pytest.raises(Refused) as refused:
        full.adding(another, NOW)
    assert refused.value.code is Code.TOO_MANY_BLOCKS
    assert full.adding(BLOCK, NOW) == full
    assert set(full.removing(BLOCK.id).adding(another, NOW).since) == {another}


@given(blocks, blocks)
def test_a_block_is_read_as_it_was_written_and_has_an_id_of_its_own(one: Block, two: Block) -> None:
    assert Block.parse(str(one)) == one
    assert (one.id == two.id) == (one == two)


@given(
    named=st.sets(blocks),
    persons=st.lists(st.sets(st.sampled_from([KIMS_LEAD, KIMS_CONTACT, LEE]), min_size=1)),
)
def test_without_the_blocks_that_are_named_an_address_is_not_blocked_and_each_is_needed(
    named: set[Block], persons: list[set[PersonRef]]
) -> None:
    before = blocking(*named)
    least = before.least_over(KIM, persons)
    assert bool(least) == before.covers(KIM, persons)
    assert not blocking(*(named - set(least))).covers(KIM, persons)
    for one in least:
        assert blocking(*(named - (set(least) - {one}))).covers(KIM, persons)
