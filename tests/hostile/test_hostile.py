"""`make hostile`, in short: a mailbox of hostile mail, and histories with faults."""

import pytest

from tests.hostile import mailbox
from tests.hostile.chaos import chaos

HTML_BYTES = 20_000
SEEDS, STEPS = (1,), 12


@pytest.mark.long
def test_ten_good_letters_are_mirrored_among_every_hostile_message_at_three_sizes() -> None:
    outcome = mailbox.all_at_once(HTML_BYTES)
    assert outcome.faults == []
    assert outcome.cost.deaths == 0


@pytest.mark.long
def test_histories_with_faults_end_as_the_same_without() -> None:
    with chaos() as made:
        for seed in SEEDS:
            assert made.history(seed, STEPS) == []
