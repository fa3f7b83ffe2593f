"""Cards as the reps read them, and how far each can be trusted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from demo.crm import CardKind, Crm, Entry, Json
from demo.page import Page, moment
from demo.people import CUSTOMERS, DEALS, Deal, Rep


@dataclass(frozen=True, slots=True)
class Card:
    kind: CardKind
    card_id: str
    name: str
    title: str
    seen_by: Rep


def cards() -> Iterator[Card]:
    """Every card, as the rep sees it whose customer it is about."""
    for customer in CUSTOMERS:
        title = f"{customer.name}, {customer.company} ({customer.kind})"
        yield Card(customer.kind, customer.person_id, customer.name, title, customer.owner)
    for deal in DEALS:
        title = f"{deal.name} (deal, {deal.history[-1][1]})"
        yield Card("deal", deal.deal_id, deal.name, title, deal.contacts[0].owner)


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
            card.title,
            card.seen_by,
            timeline.entries,
            _covered(timeline.coverage),
            shown,
            "" if timeline.entries else self._why_empty(card),
        )
        return timeline.entries

    def _why_empty(self, card: Card) -> str:
        """Why there is no mail, as far as the CRM's facts and its people's cards tell."""
        deal = next((one for one in DEALS if one.deal_id == card.card_id), None)
        if deal is None:
            return "No mail."
        names = " and ".join(contact.name for contact in deal.contacts)
        people = [card_of(contact.person_id) for contact in deal.contacts]
        days, status = deal.history[-1]
        since = datetime.now(UTC) - timedelta(days=days)
        if not _is_open(deal) and all(
            entry.instant > since for person in people for entry in self.read(person)
        ):
            return f"No mail: {status} {days} days ago, before all mail with {names}."
        rivals = [one for one in DEALS if _is_open(one) and _has_a_contact_of(deal, one)]
        if _is_open(deal) and len(rivals) > 1:
            return (
                f"No mail: of {len(rivals)} open deals with {names},"
                " nobody has said which it is about."
            )
        return "No mail."


def _has_a_contact_of(deal: Deal, other: Deal) -> bool:
    return any(contact in other.contacts for contact in deal.contacts)


def _is_open(deal: Deal) -> bool:
    return deal.history[-1][1] == "open"


def _covered(coverage: Json) -> str:
    """How far a card can be trusted, in one line."""
    mailboxes = [_trusted("mail", mailbox) for mailbox in coverage["mailboxes"]]
    return "; ".join([*mailboxes, _trusted("the CRM's facts", coverage["feed"])])


def _trusted(what: str, part: Json) -> str:
    if not part["complete"]:
        return f"{what}: {part['reason']}"
    return f"{what} complete as of {moment(datetime.fromisoformat(part['as_of']))}"
