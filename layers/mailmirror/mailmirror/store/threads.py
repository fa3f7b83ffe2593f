"""The graph of threads, the entries of each thread, and the deals that a thread is on."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from mailmirror.domain.aliases import Alias
from mailmirror.domain.deals import DealId
from mailmirror.domain.identity import MessageKey, Vertex
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.message import Entry
from mailmirror.domain.overrides import Override
from mailmirror.domain.threads import ThreadId
from mailmirror.store import keys
from mailmirror.store.entries import entry_item, read_entry
from mailmirror.store.overrides import read_override
from mailmirror.store.table import Check, ConditionFailed, Item, Put, Table, Update

_STAYS = "attribute_not_exists(redirect)"


class ThreadGraph:
    """`domain.threads.Graph` over the table, for one batch of messages.

    Vertices never change, so they are cached; redirects are read for each batch.
    """

    def __init__(self, table: Table, account: AccountId, vertices: Iterable[Vertex]) -> None:
        self._table = table
        self._account = account
        items = table.get_many((keys.vertex(account, v) for v in vertices), consistent=True)
        self._threads = {_vertex_of(item): ThreadId(item["thread"]) for item in items}
        self._aliases = {
            _vertex_of(item): Alias(
                MessageKey(item["message"]), datetime.fromisoformat(item["date"])
            )
            for item in items
            if "message" in item
        }

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

    def claim(self, vertex: Vertex, thread: ThreadId) -> ThreadId:
        """One write unit for a vertex that is new, nothing for one that is known."""
        known = self._threads.get(vertex)
        if known is not None:
            return known
        key = keys.vertex(self._account, vertex)
        try:
            self._table.put(Put({**key, "thread": thread}, "attribute_not_exists(pk)"))
        except ConditionFailed:
            item = self._table.get(key, consistent=True)
            thread = ThreadId(item["thread"]) if item else thread
        self._threads[vertex] = thread
        return thread

    def root(self, thread: ThreadId) -> ThreadId:
        return roots(self._table, self._account, [thread])[thread]

    def absorb(self, winner: ThreadId, loser: ThreadId) -> None:
        """One transaction: from then on the winner is read with the loser's entries and deals."""
        key = keys.thread_root(self._account, loser)
        root = self._table.get(key, consistent=True) or {}
        deals = set(root.get("deals", ())) | set(root.get("ever", ()))
        values: dict[str, object] = {":no": False, ":loser": {loser}, ":one": 1}
        adding = "absorbed :loser, version :one"
        if deals:
            adding += ", ever :deals, trying :deals"
            values[":deals"] = deals
        names_loser = Update(
            keys.thread_root(self._account, winner),
            f"SET settled = :no ADD {adding}",
            values,
            _STAYS,
        )
        same, version = _same_version(int(root.get("version", 0)))
        redirects = Update(
            key, "SET redirect = :winner", {":winner": winner, **version}, f"{_STAYS} AND {same}"
        )
        try:
            self._table.transact([names_loser, redirects])
        except ConditionFailed:
            return  # another sync has changed one of them; the caller reads again


@dataclass(frozen=True, slots=True)
class Association:
    """The deals that the entries of a thread are indexed on."""

    deals: frozenset[DealId]
    settled: bool
    """Whether every entry of the thread is indexed on exactly `deals`."""
    version: int
    ever: frozenset[DealId]
    """Every deal whose timeline may contain entries of this thread.

    Written before the entries; never shrinks.
    """
    trying: frozenset[DealId]
    """The deals that were announced, while the thread is not settled."""
    begun: bool = False
    """Whether an announcement was made that no later write has ended."""
    overrides: int = 0
    """How many overrides the thread had when it was settled; overrides are never deleted."""


@dataclass(frozen=True, slots=True)
class Thread:
    """All entries and overrides of a thread, with those that it has absorbed."""

    association: Association
    entries: Sequence[Entry]
    overrides: Sequence[Override]


class ThreadStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def graph(self, account: AccountId, vertices: Iterable[Vertex]) -> ThreadGraph:
        """The graph, with these vertices read at once: one read unit each."""
        return ThreadGraph(self._table, account, vertices)

    def roots(self, account: AccountId, threads: Iterable[ThreadId]) -> Mapping[ThreadId, ThreadId]:
        """The present ids of threads."""
        return roots(self._table, account, threads)

    def add(self, entries: Iterable[Entry]) -> None:
        """Put entries on their threads. One write unit each."""
        self._table.write(entry_item(keys.thread_entry(one), one) for one in entries)

    def erase(self, entries: Iterable[Entry]) -> None:
        """Take entries off their threads. One write unit each."""
        self._table.write(deletes=(keys.thread_entry(one) for one in entries))

    def read(self, account: AccountId, root: ThreadId) -> Thread:
        """Read a thread whole, with those that it has absorbed, consistently."""
        entries: list[Entry] = []
        overrides: list[Override] = []
        nothing: frozenset[DealId] = frozenset()
        association = Association(nothing, settled=True, version=0, ever=nothing, trying=nothing)
        ever: frozenset[DealId] = frozenset()
        members, unread = set[ThreadId](), {root}
        while unread:
            thread = unread.pop()
            members.add(thread)
            for item in self._table.query(keys.thread(account, thread), consistent=True):
                if item[keys.SK].startswith(keys.THREAD_ENTRIES):
                    entries.append(read_entry(account, item))
                    continue
                if item[keys.SK].startswith(keys.OVERRIDES):
                    overrides.append(read_override(item).override)
                    continue
                deals = frozenset(map(DealId, item.get("deals", ())))
                ever |= deals | frozenset(map(DealId, item.get("ever", ())))
                unread |= {ThreadId(one) for one in item.get("absorbed", ())} - members
                if thread == root and "version" in item:
                    trying = frozenset(map(DealId, item.get("trying", ())))
                    settled, version = bool(item["settled"]), int(item["version"])
                    association = Association(
                        deals,
                        settled,
                        version,
                        ever,
                        trying,
                        begun=not settled and item.get("begun") == version,
                        overrides=int(item.get("override_count", 0)),
                    )
        return Thread(replace(association, ever=ever), entries, overrides)

    def deals_of(
        self, account: AccountId, threads: Iterable[ThreadId]
    ) -> Mapping[ThreadId, frozenset[DealId]]:
        """On which deals each thread's messages may be shown, by any id of the thread.

        Entries that a crash has left on another deal are not shown by it. One read unit a thread.
        """
        ends = roots(self._table, account, threads)
        items = self._table.get_many(
            (keys.thread_root(account, root) for root in set(ends.values())), consistent=True
        )
        shown = {_thread_of(item): _shown(item) for item in items}
        return {thread: shown.get(root, frozenset()) for thread, root in ends.items()}

    def announce_deals(
        self, account: AccountId, root: ThreadId, deals: frozenset[DealId], version: int
    ) -> int:
        """Announce the deals on which entries will be indexed. One write unit.

        Returns:
            The version that the thread has now.

        Raises:
            ConditionFailed: the thread has another version.
        """
        values: dict[str, object] = {":no": False, ":next": version + 1}
        expression = "SET settled = :no, version = :next, begun = :next"
        if deals:
            expression += " ADD ever :deals, trying :deals"
            values[":deals"] = set(deals)
        self._write_root(account, root, expression, values, version)
        return version + 1

    def settle(
        self,
        account: AccountId,
        root: ThreadId,
        deals: frozenset[DealId],
        overrides: int,
        version: int,
    ) -> None:
        """Store that every entry is indexed on these deals and shown on no others. One write unit.

        Raises:
            ConditionFailed: the thread has another version.
        """
        values: dict[str, object] = {":yes": True, ":next": version + 1, ":overrides": overrides}
        expression = "SET settled = :yes, version = :next, override_count = :overrides"
        if deals:
            expression += ", deals = :deals REMOVE trying"
            values[":deals"] = set(deals)
        else:
            expression += " REMOVE trying, deals"
        self._write_root(account, root, expression, values, version)

    def disturb(self, account: AccountId, threads: Iterable[ThreadId]) -> None:
        """Raise the version of threads: their writers read them again. One write unit each."""
        for root in threads:
            key = keys.thread_root(account, root)
            is_announced = "attribute_exists(version)"
            with suppress(ConditionFailed):
                self._table.update(Update(key, "ADD version :one", {":one": 1}, is_announced))

    def unchanged(self, account: AccountId, root: ThreadId, version: int) -> Check:
        """That the thread is as it was at this version."""
        same, value = _same_version(version)
        return Check(keys.thread_root(account, root), f"{same} AND {_STAYS}", value)

    def _write_root(
        self,
        account: AccountId,
        root: ThreadId,
        expression: str,
        values: dict[str, object],
        version: int,
    ) -> None:
        same = self.unchanged(account, root, version)
        self._table.update(Update(same.key, expression, {**values, **same.values}, same.condition))


def _same_version(version: int) -> tuple[str, dict[str, int]]:
    """The condition that a root is as it was read, and the condition's value."""
    if version:
        return "version = :version", {":version": version}
    return "attribute_not_exists(version)", {}


def roots(
    table: Table, account: AccountId, threads: Iterable[ThreadId]
) -> Mapping[ThreadId, ThreadId]:
    """Follow redirects, a round trip for all a step; most threads have none and no root item."""
    asked = set(threads)
    redirects: dict[ThreadId, ThreadId] = {}
    unread = set(asked)
    while unread:
        items = table.get_many((keys.thread_root(account, id) for id in unread), consistent=True)
        found = {
            _thread_of(item): ThreadId(item["redirect"]) for item in items if "redirect" in item
        }
        redirects |= found
        unread = set(found.values()) - redirects.keys()
    ends = {}
    for thread in asked:
        end = thread
        while end in redirects:
            end = redirects[end]
        ends[thread] = end
    return ends


def _shown(root: Item) -> frozenset[DealId]:
    """The deals that a thread is shown on: before and after a change that is under way."""
    unsettled = () if root.get("settled", True) else root.get("trying", ())
    return frozenset(map(DealId, [*root.get("deals", ()), *unsettled]))


def _vertex_of(item: Item) -> Vertex:
    return Vertex(item[keys.PK].rpartition("#")[2])


def _thread_of(item: Item) -> ThreadId:
    return ThreadId(item[keys.PK].rpartition("#")[2])
