"""What comes later comes by the schedule, without anybody's asking."""

from tests.stack.team import LATER, Team
from tests.stack.waiting import wait_for

TWO_RUNS_SECONDS = 130


def test_a_later_message_is_on_its_card_by_the_schedule_alone(team: Team) -> None:
    # Neither look has the mailbox polled, as reading the card would.
    wait_for(
        "the schedule to bring the message",
        lambda: team.crm.get(f"/mailboxes/{team.cleo.mailbox}", "cleo"),
        lambda mailbox: mailbox["counters"]["mirrored"] > 1,
        TWO_RUNS_SECONDS,
    )

    newest, first = team.crm.card("contacts/kim", "cleo")
    assert (newest["subject"], first["subject"]) == (LATER, "A first question")
    assert team.crm.card("deals/rollout", "cleo") == [newest, first]
    assert team.crm.audit(team.cleo.mailbox, "cleo")["clean"] is True
