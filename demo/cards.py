"""Cards as the reps read them, and how far each can be trusted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from demo.crm import CardKind, Crm, Entry, Json
from demo.page import Page, moment
from demo.people import CUSTOMERS, DEALS, Rep


@dataclass(frozen=True, slots=True)
class Card:
    kind: CardKind
    card_id: str
    title: str
    seen_by: Rep


def cards() -> Iterator[Card]:
    """Every card, as the rep sees it whose customer it is about."""
    for customer in CUSTOMERS:
        title = f"{customer.name}, {customer.company} ({customer.kind})"
        yield Card(customer.kind, customer.person_id, title, customer.owner)
    for deal in DEALS:
        title = f"{deal.name} (deal, {deal.history[-1][1]})"
        yield Card("deal", deal.deal_id, title, deal.contacts[0].owner)


def card_of(card_id: str) -> Card:
    """The card of a person or a deal."""
    return next(card for card in cards() if card.card_id == card_id)


class Cards:
    """Reads cards, and shows them."""

    def __init__(self, crm: Crm, page: Page) -> None:
        self._crm = crm
        self._page = page

    def read(self, card: Card) -> Sequence[Entry]:
        """All that is on a card, newest first."""
        return self._crm.timeline(card.kind, card.card_id, card.seen_by.user_id).entries

    def show(self, card: Card, shown: int) -> Sequence[Entry]:
        """Print a card with its newest `shown` entries, and return all that this read brought."""
        timeline = self._crm.timeline(card.kind, card.card_id, card.seen_by.user_id)
        self._page.card(
            card.title, card.seen_by, timeline.entries, _covered(timeline.coverage), shown
        )
        return timeline.entries


def _covered(coverage: Json) -> str:
    """How far a card can be trusted, in one line."""
    mailboxes = [_trusted("mail", mailbox) for mailbox in coverage["mailboxes"]]
    return "; ".join([*mailboxes, _trusted("the CRM's facts", coverage["feed"])])


def _trusted(what: str, part: Json) -> str:
    if not part["complete"]:
        return f"{what}: {part['reason']}"
    return f"{what} complete as of {moment(datetime.fromisoformat(part['as_of']))}"
