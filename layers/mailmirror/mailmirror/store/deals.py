"""Deals and their dated versions."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from mailmirror.domain.changes import Change, ChangeKind
from mailmirror.domain.deals import ContactId, Deal, DealId, DealStatus, DealVersion
from mailmirror.domain.feed import DealDeleted, DealUpserted
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.stamp import Stamp
from mailmirror.store import keys
from mailmirror.store.change_log import ChangeLog
from mailmirror.store.table import ConditionFailed, Item, Put, Table

_ATTEMPTS = 5


class DealStore:
    def __init__(self, table: Table, log: ChangeLog) -> None:
        self._table = table
        self._log = log

    def put(
        self, account: AccountId, event: DealUpserted | DealDeleted, lost: int, now: datetime
    ) -> None:
        """Store the version of a deal that an event describes. A repeat changes nothing.

        Six write units, and one a contact. The index by contact never shrinks: a deal's earlier
        versions still count for the mail of their time.

        Parameters:
            lost: contacts that were left out of the event.

        Raises:
            ConditionFailed: the log changed at each of several attempts.
        """
        if isinstance(event, DealDeleted):
            name, status, contacts = "", DealStatus.DELETED, frozenset[ContactId]()
        else:
            name, status, contacts = event.name, event.status, event.contacts
        key = keys.deal_version(account, event.id, event.stamp)
        version = {
            **key,
            "stamp": str(event.stamp),
            "name": name,
            "status": status.value,
            "contacts": set(contacts) or None,
            "lost": lost or None,
        }
        self._table.write(keys.contact_deal(account, contact, event.id) for contact in contacts)
        for _ in range(_ATTEMPTS):
            if self._table.get(key, consistent=True) is not None:
                return
            head = self._log.head(account)
            change = Change(ChangeKind.DEAL, deal=event.id, since=event.stamp.occurred_at)
            put = Put({**version, "line": head + 1}, "attribute_not_exists(pk)")
            try:
                self._log.write(account, change, [put], now, head)
                return
            except ConditionFailed:
                continue
        raise ConditionFailed(event.id)

    def find(self, account: AccountId, id: DealId) -> Deal | None:
        """Read a deal with all its versions, a deleted one too."""
        items = list(self._table.query(keys.deal(account, id), keys.DEAL_VERSIONS, consistent=True))
        if not items:
            return None
        return Deal.of(id, map(_version, items), max(int(item["line"]) for item in items))

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
    stamp = Stamp.parse(item["stamp"])
    return DealVersion(
        occurred_at=stamp.occurred_at,
        event_id=stamp.event_id,
        name=item["name"],
        status=DealStatus(item["status"]),
        contacts=frozenset(item.get("contacts") or ()),
        accepted=stamp.accepted,
        lost=int(item.get("lost", 0)),
    )
