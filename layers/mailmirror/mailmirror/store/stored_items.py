"""Items as they are stored, for the deep audit: what cannot be read is an item as well."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from mailmirror.domain.identity import MessageKey, Vertex
from mailmirror.domain.mailbox import AccountId, MailboxKey
from mailmirror.domain.threads import ThreadId
from mailmirror.store import keys
from mailmirror.store.keys import PK, SK, Key
from mailmirror.store.objects import ObjectStore
from mailmirror.store.packed import unpack
from mailmirror.store.table import ConditionFailed, Item, Table, Update

ItemName = tuple[str, str]
"""Partition and sort key."""


def name_of(key: Key) -> ItemName:
    return key[PK], key[SK]


class StoredItems:
    def __init__(self, table: Table, objects: ObjectStore) -> None:
        self._table = table
        self._objects = objects

    def read(self, wanted: Iterable[Key]) -> Mapping[ItemName, Item]:
        """Read items, consistently: a read unit a 4 KB each, a hundred a round trip."""
        return {name_of(item): item for item in self._table.get_many(wanted, consistent=True)}

    def copies(
        self, key: MailboxKey, folder: str, uidvalidity: int, first: int, last: int
    ) -> Sequence[Item]:
        """Read the copies of a range of UIDs, consistently. A read unit for a dozen."""
        between = keys.copies_between(folder, uidvalidity, first, last)
        return list(self._table.query(keys.folders(key), between=between, consistent=True))

    def object(self, key: MailboxKey, message: MessageKey, sha256: str) -> bytes:
        """Read the raw bytes of a content that stand in the bucket.

        Raises:
            KeyError: they are not there, or are other bytes.
        """
        return unpack(self._objects.get_raw(key, message, sha256), sha256)

    def point(self, account: AccountId, vertex: Vertex, thread: ThreadId) -> None:
        """Have a Message-ID belong to a thread again. One write unit."""
        key = keys.vertex(account, vertex)
        self._table.update(Update(key, "SET thread = :thread", {":thread": thread}))

    def begin_root(self, account: AccountId, thread: ThreadId, facts: int) -> None:
        """Store a root that was lost, without what it said. One write unit."""
        with suppress(ConditionFailed):
            self._table.update(
                Update(
                    keys.thread_root(account, thread),
                    "SET thread = :thread, version = :one, facts = :facts",
                    {":thread": thread, ":one": 1, ":facts": facts},
                    "attribute_not_exists(version)",
                )
            )
