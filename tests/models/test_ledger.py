"""Readers of a ledger see what was recorded, whenever a compaction is under way or crashes."""

from collections.abc import Callable

import pytest

from tests.models.exploration import Lost, Steps, explore
from tests.models.ledger import (
    hasty_writer,
    overwriting_writer,
    reader,
    trusting_reader,
    world,
    writer,
    wrong,
)


def test_a_reader_finds_every_change_whatever_crashes() -> None:
    """Seven changes, three compactions, two crashes at any write: every interleaving."""
    assert explore(world(7, 2), wrong) > 1_000


@pytest.mark.parametrize(
    ("write", "read"),
    [(hasty_writer, reader), (overwriting_writer, reader), (writer, trusting_reader)],
    ids=["deletes before the swap", "overwrites what is listed", "reads on where one is missing"],
)
def test_each_rule_is_needed(write: Callable[..., Steps], read: Callable[..., Steps]) -> None:
    with pytest.raises(Lost):
        explore(world(7, 1, write, read), wrong)
