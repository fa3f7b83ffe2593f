"""The graph of threads in the table, and what stands on each thread."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mailmirror.domain.deals import DealId
from mailmirror.domain.identity import Vertex
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.threads import ThreadId
from mailmirror.store import keys
from mailmirror.store.filed import Filed, filed_item, read_filed
from mailmirror.store.table import ConditionFailed, Item, Put, Table, Update

_STAYS = "attribute_not_exists(redirect)"


class ThreadGraph:
    """`domain.threads.Graph` over the table, for one batch of messages.

    What has been read of vertices stays true, because they never change; redirects are read
    afresh for each batch.
    """

    def __init__(self, table: Table, account: AccountId, vertices: Iterable[Vertex]) -> None:
        self._table = table
        self._account = account
        items = table.get_many((keys.vertex(account, v) for v in vertices), consistent=True)
        self._threads = {_vertex_of(item): ThreadId(item["thread"]) for item in items}

    def thread_of(self, vertex: Vertex) -> ThreadId | None:
        return self._threads.get(vertex)

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
        """Tell the winner first: a winner that names a loser too early only reads too much."""
        try:
            self._table.update(
                Update(
                    keys.thread_root(self._account, winner),
                    "SET settled = :no ADD absorbed :loser, version :one",
                    {":no": False, ":loser": {loser}, ":one": 1},
                    _STAYS,
                )
            )
            self._table.update(
                Update(
                    keys.thread_root(self._account, loser),
                    "SET redirect = :winner",
                    {":winner": winner},
                    _STAYS,
                )
            )
        except ConditionFailed:
            return  # another sync has joined one of them; the caller looks again


@dataclass(frozen=True, slots=True)
class Association:
    """On which deals a thread is filed."""

    deals: frozenset[DealId]
    settled: bool
    """Whether all entries of the thread are known to be filed on exactly these deals."""
    version: int
    ever: frozenset[DealId]
    """The deals that some entries may be filed on still, those of absorbed threads too."""


class ThreadStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def graph(self, account: AccountId, vertices: Iterable[Vertex]) -> ThreadGraph:
        """The graph, with these vertices read at once: one read unit each."""
        return ThreadGraph(self._table, account, vertices)

    def roots(self, account: AccountId, threads: Iterable[ThreadId]) -> Mapping[ThreadId, ThreadId]:
        """What threads are called now."""
        return roots(self._table, account, threads)

    def add(self, filed: Iterable[Filed]) -> None:
        """Put entries on their threads. One write unit each."""
        self._table.write(
            filed_item(keys.thread_entry(one.key, one.thread, one.position), one) for one in filed
        )

    def erase(self, filed: Iterable[Filed]) -> None:
        """Take entries off their threads. One write unit each."""
        self._table.write(
            deletes=(keys.thread_entry(one.key, one.thread, one.position) for one in filed)
        )

    def read(self, account: AccountId, root: ThreadId) -> tuple[Association, Sequence[Filed]]:
        """Read a thread whole, with those that it has absorbed, consistently."""
        entries: list[Filed] = []
        association = Association(frozenset(), settled=True, version=0, ever=frozenset())
        ever: frozenset[DealId] = frozenset()
        members, unread = set[ThreadId](), {root}
        while unread:
            thread = unread.pop()
            members.add(thread)
            for item in self._table.query(keys.thread(account, thread), consistent=True):
                if item[keys.SK].startswith(keys.THREAD_ENTRIES):
                    entries.append(read_filed(account, item))
                    continue
                deals = frozenset(map(DealId, item.get("deals", ())))
                ever |= deals
                unread |= {ThreadId(one) for one in item.get("absorbed", ())} - members
                if thread == root and "version" in item:
                    settled, version = bool(item["settled"]), int(item["version"])
                    association = Association(deals, settled, version, ever)
        return replace(association, ever=ever), entries

    def associate(
        self,
        account: AccountId,
        root: ThreadId,
        deals: frozenset[DealId],
        version: int,
        *,
        settled: bool,
    ) -> None:
        """Keep on which deals a thread is filed.

        Raises:
            ConditionFailed: the thread is no longer as it was at this version.
        """
        assignments = "SET settled = :settled, version = :next"
        values: dict[str, object] = {":settled": settled, ":next": version + 1}
        if deals:
            assignments, values[":deals"] = f"{assignments}, deals = :deals", set(deals)
        else:
            assignments += " REMOVE deals"
        same = "version = :version" if version else "attribute_not_exists(version)"
        if version:
            values[":version"] = version
        self._table.update(
            Update(keys.thread_root(account, root), assignments, values, f"{same} AND {_STAYS}")
        )


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


def _vertex_of(item: Item) -> Vertex:
    return Vertex(item[keys.PK].rpartition("#")[2])


def _thread_of(item: Item) -> ThreadId:
    return ThreadId(item[keys.PK].rpartition("#")[2])
