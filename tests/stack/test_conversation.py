"""Two colleagues' mailboxes mirror one conversation at once, while one attaches and detaches it."""

from tests.crm import deal, verdicts
from tests.stack.feed import told
from tests.stack.team import SYNC_SECONDS
from tests.stack.test_mirror import Desk, desk, mail, numbers, subjects
from tests.stack.waiting import wait_for

__all__ = ["desk"]

USERS = ("fay", "gus")
LETTERS = range(1, 13)


def on_card(desk: Desk, card: str, user: str) -> list[str]:
    return subjects(desk.crm.card(card, user))


def reply(number: int) -> bytes:
    before = f"<number-{number - 1}@customer.example>"
    return mail(number, In_Reply_To=before, References=before)


def mirrored(desk: Desk, user: str, count: int) -> None:
    """Wait until a mailbox has so many messages."""
    wait_for(
        f"{user}'s mail",
        lambda: desk.inbox(desk.mailboxes[user], user),
        lambda ledger: verdicts(ledger) == {"mirrored": count},
        SYNC_SECONDS,
    )


def test_each_override_holds_at_once_and_the_last_one_for_every_message(desk: Desk) -> None:
    told(desk.crm, deal("elsewhere"))
    for user in USERS:
        desk.open(user, mail(1))
    thread = desk.crm.card("contacts/kim", "fay")[0]["thread_id"]
    for number in LETTERS[1:]:
        for user in USERS:
            desk.deliver(user, reply(number))
    for user in USERS:
        desk.crm.sync(desk.mailboxes[user])
    for turn in range(15):
        method = "DELETE" if turn % 2 else "PUT"
        answer = desk.crm.ask(method, f"/deals/elsewhere/threads/{thread}", "fay")
        assert answer.status_code == 200, answer.text
        for user in USERS:
            shown = on_card(desk, "deals/elsewhere", user)
            assert shown == [] if method == "DELETE" else "Number 1" in shown, turn
    for user in USERS:
        mirrored(desk, user, len(LETTERS))
    everything = numbers(*LETTERS[::-1])
    for user in USERS:
        assert on_card(desk, "deals/elsewhere", user) == everything
        assert on_card(desk, "deals/rollout", user) == everything
        assert desk.audit(desk.mailboxes[user], user)["missing"] == 0

    desk.crm.ask("DELETE", f"/deals/elsewhere/threads/{thread}", "gus")
    for user in USERS:
        desk.deliver(user, reply(LETTERS.stop))
        desk.crm.sync(desk.mailboxes[user])
    for user in USERS:
        mirrored(desk, user, len(LETTERS) + 1)
        assert on_card(desk, "deals/elsewhere", user) == []
        assert len(on_card(desk, "deals/rollout", user)) == len(LETTERS) + 1
