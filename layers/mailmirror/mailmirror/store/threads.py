"""The graph of threads, and the entries of each thread."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from datetime import datetime

from mailmirror.domain.aliases import Alias
from mailmirror.domain.association import Root
from mailmirror.domain.identity import MessageKey, Vertex
from mailmirror.domain.mailbox import AccountId, MailboxKey
from mailmirror.domain.message import Entry
from mailmirror.domain.threads import ThreadId
from mailmirror.store import keys
from mailmirror.store.entries import entry_item, read_entry
from mailmirror.store.keys import PK, SK
from mailmirror.store.roots import root_item
from mailmirror.store.table import ConditionFailed, Item, Put, Table, Update


class ThreadGraph:
    """The vertices of one batch of messages. They never change, so they are read once."""

    def __init__(self, table: Table, account: AccountId, vertices: Iterable[Vertex]) -> None:
        self._table = table
        self._account = account
        self._threads: dict[Vertex, ThreadId] = {}
        self._aliases: dict[Vertex, Alias] = {}
        self._read(vertices)

    def _read(self, vertices: Iterable[Vertex]) -> Mapping[Vertex, ThreadId]:
        wanted = (keys.vertex(self._account, vertex) for vertex in vertices)
        found: dict[Vertex, ThreadId] = {}
        for item in self._table.get_many(wanted, consistent=True):
            vertex = _vertex_of(item)
            found[vertex] = ThreadId(item["thread"])
            if "message" in item:
                date = datetime.fromisoformat(item["date"])
                self._aliases[vertex] = Alias(MessageKey(item["message"]), date)
        self._threads |= found
        return found

    def thread_of(self, vertex: Vertex) -> ThreadId | None:
        return self._threads.get(vertex)

    def alias(self, vertex: Vertex) -> Alias | None:
        """The message of which a Message-ID is an alias, if it is one."""
        return self._aliases.get(vertex)

    def name_alias(self, vertex: Vertex, alias: Alias) -> None:
        """Store that a claimed vertex is an alias, unless it is stored. One write unit."""
        if self._aliases.get(vertex) == alias:
            return
        self._table.update(
            Update(
                keys.vertex(self._account, vertex),
                "SET message = if_not_exists(message, :message), #date = if_not_exists(#date, :d)",
                {":message": alias.message, ":d": keys.time_text(alias.date)},
                names={"#date": "date"},
            )
        )
        self._aliases[vertex] = alias

    def known(self, vertices: Set[Vertex]) -> Mapping[Vertex, ThreadId]:
        """What the vertices point at that are stored."""
        return {vertex: self._threads[vertex] for vertex in vertices & self._threads.keys()}

    def begin(self, roots: Iterable[Root]) -> Mapping[Vertex, ThreadId]:
        """Store the roots of new threads with their vertices: one write unit each, 25 a request.

        Returns:
            Those of these vertices that were stored before, and what they point at.
        """
        return self._insert([root_item(self._account, root) for root in roots])

    def claim(self, pointers: Mapping[Vertex, ThreadId]) -> Mapping[Vertex, ThreadId]:
        """Store vertices that point at threads: one write unit each, 25 a request.

        Returns:
            Those that were stored before, and what they point at.
        """
        return self._insert(
            [
                {**keys.vertex(self._account, vertex), "thread": thread}
                for vertex, thread in pointers.items()
            ]
        )

    def _insert(self, items: Sequence[Item]) -> Mapping[Vertex, ThreadId]:
        self._threads |= {_vertex_of(item): ThreadId(item["thread"]) for item in items}
        return self._read([_vertex_of(item) for item in self._table.insert(items)])


Content = tuple[MailboxKey, MessageKey, str, ThreadId, datetime]
"""What names an entry: mailbox, message, SHA-256, thread and instant."""
EntryName = tuple[ThreadId, MessageKey, MailboxKey]
"""A message as a mailbox has it in a thread."""


_HIDDEN = "hidden"
"""The attribute of an entry whose content is hidden."""


def entry_name(entry: Entry) -> EntryName:
    return entry.thread, entry.message, entry.key


class ThreadStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def graph(self, account: AccountId, vertices: Iterable[Vertex]) -> ThreadGraph:
        """The graph, with these vertices read at once: one read unit each."""
        return ThreadGraph(self._table, account, vertices)

    def first_of(self, entries: Iterable[Entry]) -> Mapping[EntryName, Entry]:
        """Read which messages their mailboxes have already, consistently. One read unit each."""
        asked = {keys.first_entry(one)[PK] + keys.first_entry(one)[SK]: one for one in entries}
        wanted = (keys.first_entry(one) for one in asked.values())
        items = self._table.get_many(wanted, consistent=True)
        found = (read_entry(asked[item[PK] + item[SK]].key.account, item) for item in items)
        return {entry_name(one): one for one in found}

    @staticmethod
    def items(entries: Iterable[Entry], stored: Mapping[EntryName, Entry]) -> Iterator[Item]:
        """The entries of messages in their threads. One write unit each.

        Parameters:
            stored: as `first_of` has read them; nothing else of these messages is stored.
        """
        first = dict(stored)
        for one in entries:
            is_first = first.setdefault(entry_name(one), one) == one
            key = keys.first_entry(one) if is_first else keys.thread_entry(one)
            yield entry_item(key, one)

    def hide(self, entries: Iterable[Entry]) -> None:
        """Leave entries out of what is read of their threads, until they are put again.

        A write unit and a read unit each. One that is not there stays away: its message may have
        got another identity.
        """
        hidden = list(entries)
        first = {name: one.sha256 for name, one in self.first_of(hidden).items()}
        self._table.update_each(
            Update(
                keys.first_entry(one)
                if first.get(entry_name(one)) == one.sha256
                else keys.thread_entry(one),
                "SET #hidden = :hidden",
                {":hidden": True, ":sha256": one.sha256},
                "sha256 = :sha256",
                {"#hidden": _HIDDEN},
            )
            for one in hidden
        )

    def erase(self, entries: Iterable[Entry]) -> None:
        """Take entries off their threads; another content of a message becomes the first then.

        A write unit each, and another for a mailbox's first content, with two reads.
        """
        gone = list(entries)
        self._table.write(deletes=(keys.thread_entry(one) for one in gone))
        first = self.first_of(gone)
        for one in gone:
            if first.get(entry_name(one)) == one:
                self._replace_first(one, gone)

    def _replace_first(self, erased: Entry, gone: Sequence[Entry]) -> None:
        key = keys.first_entry(erased)
        names = keys.message_entries(erased.message)
        for item in self._table.query(key[PK], names, consistent=True):
            other = read_entry(erased.key.account, item)
            if other.key == erased.key and other not in gone:
                break
        else:
            item = None
        values = {":sha256": erased.sha256, ":instant": keys.time_text(erased.instant)}
        same = "sha256 = :sha256 AND instant = :instant"
        if item is None:
            self._table.delete_where(key, same, values)
            return
        with suppress(ConditionFailed):
            self._table.put(Put({**item, **key}, same, values))

    def entries(self, account: AccountId, threads: Iterable[ThreadId]) -> Iterator[Entry]:
        """Read the entries of threads, consistently, as they are used: a read unit for a dozen."""
        for thread in sorted(threads):
            for item in self._table.query(keys.thread(account, thread), consistent=True):
                if _HIDDEN not in item:
                    yield read_entry(account, item)

    def read(self, account: AccountId, contents: Iterable[Content]) -> Sequence[Entry]:
        """Read the entries of contents, and of the first ones of their messages, consistently.

        Two read units a content, a hundred a round trip.
        """
        named = [Entry(*content, None, frozenset()) for content in contents]
        wanted = [key for one in named for key in (keys.first_entry(one), keys.thread_entry(one))]
        items = self._table.get_many(wanted, consistent=True)
        return [read_entry(account, item) for item in items if _HIDDEN not in item]

    def copies(
        self,
        account: AccountId,
        thread: ThreadId,
        message: MessageKey,
        *,
        with_hidden: bool = False,
    ) -> Sequence[Entry]:
        """Read what all mailboxes have of a message of a thread, consistently. One read unit."""
        items = self._table.query(
            keys.thread(account, thread), keys.message_entries(message), consistent=True
        )
        return [read_entry(account, item) for item in items if with_hidden or _HIDDEN not in item]

    def with_hidden(self, account: AccountId, thread: ThreadId) -> Iterator[tuple[Entry, bool]]:
        """Read the entries of a thread as they are used, each with whether it is hidden.

        A read unit for a dozen.
        """
        for item in self._table.query(keys.thread(account, thread), consistent=True):
            yield read_entry(account, item), _HIDDEN in item


def _vertex_of(item: Item) -> Vertex:
    return Vertex(item[keys.PK].rpartition("#")[2])
