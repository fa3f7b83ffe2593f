"""Overrides on the cards of leads and contacts: the latest of each scope on a thread or message.

{account}#person#{person}   off#{scope}#{message or thread}   in the partition of the person
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from mailmirror.domain.card_overrides import CardOverride, Scope
from mailmirror.domain.feed import PersonRef
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import AccountId, UserId
from mailmirror.domain.threads import ThreadId
from mailmirror.store import keys
from mailmirror.store.table import Item, Put, Table


class CardOverrideStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def on_cards(
        self, account: AccountId, persons: Iterable[PersonRef], user: UserId
    ) -> Sequence[CardOverride]:
        """Read the overrides on persons' cards that count for a user, consistently.

        A read unit a person, and one more for each thirty overrides.
        """
        return [
            one
            for person in sorted(persons, key=str)
            for one in map(_override, self._of(account, person))
            if one.scope is Scope.ACCOUNT or one.user == user
        ]

    def count(self, account: AccountId, person: PersonRef) -> int:
        """How many there are on one card, of all users."""
        return sum(1 for _ in self._of(account, person))

    def put(self, account: AccountId, override: CardOverride) -> None:
        """Store an override in place of that of its scope on the same thread or message.

        Raises:
            ConditionFailed: that one is as late, or later.
        """
        scope = f"{override.scope}#{override.user}" if override.scope is Scope.OWNER else "account"
        target = override.message or override.thread
        item = {
            **keys.card_override(account, override.person, f"{scope}#{target}"),
            "person": str(override.person),
            "thread": override.thread,
            "message": override.message,
            "on": override.on,
            "scope": override.scope.value,
            "user": override.user,
            "given_at": keys.time_text(override.at),
        }
        later = "attribute_not_exists(pk) OR given_at < :at"
        self._table.put(Put(item, later, {":at": item["given_at"]}))

    def _of(self, account: AccountId, person: PersonRef) -> Iterable[Item]:
        key = keys.person(account, person)
        return self._table.query(key[keys.PK], keys.CARD_OVERRIDES, consistent=True)


def _override(item: Item) -> CardOverride:
    message = item.get("message")
    return CardOverride(
        PersonRef.parse(item["person"]),
        ThreadId(item["thread"]),
        MessageKey(message) if message else None,
        bool(item["on"]),
        Scope(item["scope"]),
        UserId(item["user"]),
        datetime.fromisoformat(item["given_at"]),
    )
