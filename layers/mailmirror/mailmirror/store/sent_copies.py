"""What was sent by the team: which messages lie in sent mail, and copies there without an id.

That a message was sent is stored for the account, also for a mailbox that has it in its Inbox, and
never taken back; it is a hash of the message alone.

Messages of the team are found by their From, Date, Subject and To. One with a Message-ID is put,
and then it is read whether there are copies without one; such a copy is put, and then the messages
are read. So one of two writers finds the other's.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from mailmirror.domain.aliases import Alias
from mailmirror.domain.identity import MessageKey, SentFields, Vertex
from mailmirror.domain.limits import MAX_SENT_COPIES
from mailmirror.domain.mailbox import AccountId, MailboxKey
from mailmirror.store import keys
from mailmirror.store.keys import PK, SK
from mailmirror.store.table import Item, Table


@dataclass(frozen=True, slots=True)
class WithId:
    """A message with a Message-ID."""

    own: Vertex
    message: MessageKey
    date: datetime

    @property
    def alias(self) -> Alias:
        return Alias(self.message, self.date)


@dataclass(frozen=True, slots=True)
class WithoutId:
    """A copy in the sent mail of a mailbox, and the identity that it has by itself."""

    key: MailboxKey
    message: MessageKey


class SentCopies:
    def __init__(self, table: Table) -> None:
        self._table = table

    def put(
        self, account: AccountId, copies: Iterable[tuple[SentFields, WithId | WithoutId]]
    ) -> None:
        """Store copies: one write unit each, two without an id; 25 a request."""
        items = []
        for fields, one in copies:
            if isinstance(one, WithId):
                key = keys.sent_with_id(account, fields, one.own)
                items.append({**key, "message": one.message, "date": keys.time_text(one.date)})
            else:
                items.append(keys.sent_without_id(fields, one.key, one.message))
                items.append(keys.any_sent_without_id(account, fields))
        self._table.write(items)

    @staticmethod
    def marks(account: AccountId, messages: Iterable[MessageKey]) -> Iterator[Item]:
        """What says that messages were sent by the team. One write unit each."""
        return (keys.sent_mark(account, message) for message in messages)

    def were_sent(self, account: AccountId, messages: Iterable[MessageKey]) -> Set[MessageKey]:
        """Which of these messages were sent by the team. Half a read unit each."""
        wanted = {keys.sent_mark(account, one)[PK]: one for one in messages}
        found = self._table.get_many(keys.sent_mark(account, one) for one in wanted.values())
        return {wanted[item[PK]] for item in found}

    def have_copies_without_id(
        self, account: AccountId, fields: Iterable[SentFields]
    ) -> Set[SentFields]:
        """Which of these there are copies of without a Message-ID. A read unit each."""
        wanted = {keys.sent_copies(account, one): one for one in fields}
        found = self._table.get_many(
            (keys.any_sent_without_id(account, one) for one in wanted.values()), consistent=True
        )
        return {wanted[item[PK]] for item in found}

    def with_id(self, account: AccountId, fields: SentFields) -> Sequence[WithId]:
        """The messages that have these fields, two at the most. A read unit."""
        found = self._table.query(
            keys.sent_copies(account, fields), keys.SENT_WITH_ID, limit=2, consistent=True
        )
        return [
            WithId(
                Vertex(item[SK].removeprefix(keys.SENT_WITH_ID)),
                MessageKey(item["message"]),
                datetime.fromisoformat(item["date"]),
            )
            for item in found
        ]

    def without_id(self, account: AccountId, fields: SentFields) -> Sequence[WithoutId]:
        """The copies without a Message-ID that have these fields. A read unit."""
        found = self._table.query(
            keys.sent_copies(account, fields),
            keys.SENT_WITHOUT_ID,
            limit=MAX_SENT_COPIES,
            consistent=True,
        )
        names = (item[SK].removeprefix(keys.SENT_WITHOUT_ID).partition("#") for item in found)
        return [
            WithoutId(keys.mailbox_of_name(account, mailbox), MessageKey(message))
            for message, _, mailbox in names
        ]

    def forget(self, fields: SentFields, copy: WithoutId) -> None:
        """Delete a copy that has the identity of a message by now. A write unit."""
        key = keys.sent_without_id(fields, copy.key, copy.message)
        self._table.write(deletes=[key])
