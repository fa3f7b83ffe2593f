"""Deals and their dated versions."""

from collections.abc import Collection, Iterable, Mapping

from mailmirror.domain.deals import ContactId, Deal, DealId, DealStatus, DealVersion
from mailmirror.domain.feed import DealDeleted, DealUpserted, Stamp
from mailmirror.domain.mailbox import AccountId
from mailmirror.store import keys
from mailmirror.store.table import Item, Table


class DealStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, account: AccountId, event: DealUpserted | DealDeleted) -> None:
        """Keep what the event says the deal was from then on. A repeat writes the same again.

        One write unit, and one a contact. The index by contact never shrinks: a deal's earlier
        versions still count for the mail of their time.
        """
        if isinstance(event, DealDeleted):
            name, status, contacts = "", DealStatus.DELETED, frozenset[ContactId]()
        else:
            name, status, contacts = event.name, event.status, event.contacts
        version = {
            **keys.deal_version(account, event.id, event.stamp),
            "name": name,
            "status": status.value,
            "contacts": set(contacts) or None,
        }
        self._table.write(keys.contact_deal(account, contact, event.id) for contact in contacts)
        self._table.write([version])

    def find(self, account: AccountId, id: DealId) -> Deal | None:
        """Read a deal with all its versions, a deleted one too."""
        versions = [
            _version(item)
            for item in self._table.query(
                keys.deal(account, id), keys.DEAL_VERSIONS, consistent=True
            )
        ]
        return Deal.of(id, versions) if versions else None

    def of_contacts(
        self, account: AccountId, contacts: Iterable[ContactId]
    ) -> Mapping[ContactId, Collection[Deal]]:
        """Read the deals that each contact is or was on."""
        ids = {
            contact: [
                DealId(item[keys.SK].removeprefix(keys.CONTACT_DEALS))
                for item in self._table.query(
                    keys.contact_deals(account, contact), keys.CONTACT_DEALS, consistent=True
                )
            ]
            for contact in contacts
        }
        deals = {id: self.find(account, id) for id in {id for some in ids.values() for id in some}}
        return {
            contact: [deal for id in some if (deal := deals[id]) is not None]
            for contact, some in ids.items()
        }


def _version(item: Item) -> DealVersion:
    stamp = Stamp.parse(item[keys.SK].removeprefix(keys.DEAL_VERSIONS))
    return DealVersion(
        occurred_at=stamp.occurred_at,
        event_id=stamp.event_id,
        name=item["name"],
        status=DealStatus(item["status"]),
        contacts=frozenset(item.get("contacts") or ()),
    )
