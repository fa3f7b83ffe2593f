"""However a ledger is divided into parts, it says of each UID what was recorded last."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain import ledger_parts
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.ledger_parts import LedgerParts, NewParts
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Verdict

uids = st.frozensets(st.integers(1, 40), max_size=12)
changes = st.one_of(
    st.tuples(st.just("record"), st.dictionaries(st.integers(1, 40), st.sampled_from(Verdict))),
    st.tuples(st.just("remove"), uids),
    st.tuples(st.just("restore"), uids),
)


@dataclass(slots=True)
class Stored:
    """A folder's item and its blocks, as text."""

    parts: LedgerParts = field(default_factory=LedgerParts)
    blocks: dict[int, str] = field(default_factory=dict)
    compactions: int = 0

    def whole(self) -> Ledger:
        listed = [Ledger.decode(self.blocks[number]) for number in self.parts.blocks]
        return Ledger.of_parts([*listed, Ledger.decode(self.parts.head.encode())])

    def add(self, change: Ledger) -> None:
        new = self.parts.folded(change)
        if new.written and self.parts.is_full:
            new = self.parts.compact(self.whole().updated(change))
            self.compactions += 1
        self._write(new)

    def _write(self, new: NewParts) -> None:
        for number, block in new.written.items():
            assert number not in self.blocks
            assert len(block.encode()) <= ledger_parts.MAX_BLOCK_BYTES
            self.blocks[number] = block.encode()
        self.parts = new.parts
        assert len(self.parts.head.encode()) <= ledger_parts.MAX_HEAD_BYTES


@pytest.fixture(autouse=True, scope="module")
def _small() -> Iterator[None]:
    """Parts so short that a few changes are sealed, and a few blocks compacted."""
    with mock.patch.multiple(ledger_parts, MAX_HEAD_BYTES=60, MAX_BLOCK_BYTES=150, MIN_BLOCKS=3):
        yield


@given(st.lists(changes, max_size=40))
def test_a_ledger_in_parts_is_a_dictionary_of_the_latest_verdicts_and_presences(
    told: list[tuple[str, object]],
) -> None:
    model: dict[int, tuple[Verdict, bool]] = {}
    stored = Stored()
    for what, value in told:
        match what, value:
            case "record", dict():
                model |= {uid: (verdict, True) for uid, verdict in value.items()}
                stored.add(Ledger().record(value))
            case _, frozenset():
                some = UidSet.of(value)
                model |= {u: (model[u][0], what == "restore") for u in value if u in model}
                held = stored.whole().only(some)
                stored.add(held.remove(some) if what == "remove" else held.restore(some))
        whole = stored.whole()
        assert set(whole.named) == model.keys()
        assert not whole.overlap()
        for verdict in Verdict:
            assert set(whole.of(verdict)) == {u for u, (v, _) in model.items() if v is verdict}
        assert set(whole.removed) == {u for u, (_, present) in model.items() if not present}


def test_a_verdict_that_changes_for_ever_takes_no_room_for_ever() -> None:
    stored, longest = Stored(), 0
    for turn in range(600):
        verdict = Verdict.MIRRORED if turn % 2 else Verdict.NO_PERSON
        stored.add(Ledger().record({turn * 7 % 40 + 1: verdict}))
        longest = max(longest, len(stored.parts.blocks))
    assert stored.compactions > 3
    assert longest < 20


def test_block_numbers_only_grow_whatever_becomes_of_the_uidvalidity() -> None:
    stored = Stored()
    for turn in range(100):
        stored.add(Ledger().record({turn * 2 + 1: Verdict.MIRRORED}))
    before = stored.parts
    again = before.begin_again()
    assert (list(again.blocks), again.head) == ([], Ledger())
    assert min(again.compact(stored.whole()).written) == before.blocks.stop


def test_a_small_change_writes_no_block() -> None:
    new = LedgerParts(blocks=range(3, 5)).folded(Ledger().record({1: Verdict.MIRRORED}))
    assert new == NewParts(
        LedgerParts(Ledger().record({1: Verdict.MIRRORED}), blocks=range(3, 5)), {}
    )
