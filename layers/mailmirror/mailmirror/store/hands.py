"""Hands, for ever: by the deal for its card, and by the thread for whoever files it."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailmirror.domain.deals import DealId
from mailmirror.domain.feed import Stamp
from mailmirror.domain.hands import Hand
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import AccountId, UserId
from mailmirror.domain.threads import ThreadId
from mailmirror.store import keys
from mailmirror.store.keys import Key
from mailmirror.store.table import Item, Put, Table


@dataclass(frozen=True, slots=True)
class PlacedHand:
    """A hand, and the thread as it was called when the hand was given."""

    thread: ThreadId
    hand: Hand


class HandStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, account: AccountId, placed: PlacedHand) -> None:
        """Keep a hand, in both places or in neither. Four write units; a repeat changes nothing."""
        hand, thread = placed.hand, placed.thread
        said = "attached" if hand.attached else "detached"
        by_deal = keys.deal_hand(account, hand.deal, hand.message or thread, hand.stamp, said)
        by_thread = keys.thread_hand(account, thread, hand.deal, hand.message, hand.stamp, said)
        self._table.transact([Put(_item(by_deal, placed)), Put(_item(by_thread, placed))])

    def of_deal(self, account: AccountId, deal: DealId) -> Sequence[PlacedHand]:
        """Read every hand on a deal, consistently. One read unit for some twenty."""
        items = self._table.query(keys.deal(account, deal), keys.HANDS, consistent=True)
        return [read_hand(item) for item in items]


def read_hand(item: Item) -> PlacedHand:
    message = item.get("message")
    hand = Hand(
        stamp=Stamp.parse(item["stamp"]),
        deal=DealId(item["deal"]),
        attached=bool(item["attached"]),
        user=UserId(item["user"]),
        message=MessageKey(message) if message else None,
    )
    return PlacedHand(ThreadId(item["thread"]), hand)


def _item(key: Key, placed: PlacedHand) -> Item:
    hand = placed.hand
    return {
        **key,
        "thread": placed.thread,
        "stamp": str(hand.stamp),
        "deal": hand.deal,
        "attached": hand.attached,
        "user": hand.user,
        "message": hand.message,
    }
