"""The parts of one folder's ledger, its writer and its readers, as programs for `exploration`.

One write of the table is one operation. What a block says is modelled by the set of changes that it
contains. A job of the writer adds one change; it seals every head, and compacts where two blocks
are listed. A queue starts it again after a crash; one writer at a time (the lease).
"""

from collections.abc import Callable, Hashable
from typing import NamedTuple

from tests.models.exploration import Function, Operation, Program, Run, Steps, World

COMPACT_AT = 2


class Item(NamedTuple):
    """The folder's item."""

    first: int = 0
    stop: int = 0
    """The blocks from `first` to before `stop` are listed."""
    changes: int = 0
    """How many changes are in the ledger: its cursor."""


class Shared(NamedTuple):
    item: Item = Item()
    blocks: frozenset[tuple[int, frozenset[int]]] = frozenset()
    """By number, the changes that each contains."""
    read: frozenset[tuple[int, frozenset[int]]] = frozenset()
    """What readers have found: the cursor and the changes."""
    ended: frozenset[Run] = frozenset()


def _get_item(shared: Shared) -> tuple[Shared, Hashable]:
    return shared, shared.item


def _get_blocks(item: Item) -> Operation:
    def get(shared: Shared) -> tuple[Shared, Hashable]:
        found = [one for one in sorted(shared.blocks) if item.first <= one[0] < item.stop]
        return shared, tuple(found)

    return get


def _put_block(number: int, changes: frozenset[int]) -> Operation:
    def put(shared: Shared) -> tuple[Shared, Hashable]:
        others = frozenset(one for one in shared.blocks if one[0] != number)
        return shared._replace(blocks=others | {(number, changes)}), None

    return put


def _delete_before(first: int) -> Operation:
    def delete(shared: Shared) -> tuple[Shared, Hashable]:
        kept = frozenset(one for one in shared.blocks if one[0] >= first)
        return shared._replace(blocks=kept), None

    return delete


def _put_item(item: Item) -> Operation:
    return lambda shared: (shared._replace(item=item), None)


def _found(item: Item, changes: frozenset[int]) -> Operation:
    return lambda shared: (shared._replace(read=shared.read | {(item.changes, changes)}), None)


def _union(blocks: tuple[tuple[int, frozenset[int]], ...]) -> frozenset[int]:
    return frozenset().union(*(changes for _, changes in blocks))


def writer(run: Run, change: int) -> Steps:
    """Add one change, as LedgerStore.fold and the write of the folder's item do."""
    item: Item = yield _get_item
    if item.changes > change:
        return None
    if item.stop - item.first < COMPACT_AT:
        yield _put_block(item.stop, frozenset({change}))
        yield _put_item(Item(item.first, item.stop + 1, change + 1))
        return None
    whole = _union((yield _get_blocks(item))) | {change}
    yield _delete_before(item.first)
    old, new = (frozenset(c for c in whole if c % 2 == part) for part in (0, 1))
    yield _put_block(item.stop, old)
    yield _put_block(item.stop + 1, new)
    yield _put_item(Item(item.stop, item.stop + 2, change + 1))
    return None


def hasty_writer(run: Run, change: int) -> Steps:
    """The same, but deletes the blocks that it replaces before it swaps the list."""
    item: Item = yield _get_item
    if item.changes > change:
        return None
    if item.stop - item.first < COMPACT_AT:
        yield _put_block(item.stop, frozenset({change}))
        yield _put_item(Item(item.first, item.stop + 1, change + 1))
        return None
    whole = _union((yield _get_blocks(item))) | {change}
    yield _delete_before(item.stop)
    yield _put_block(item.stop, whole)
    yield _put_item(Item(item.stop, item.stop + 1, change + 1))
    return None


def overwriting_writer(run: Run, change: int) -> Steps:
    """The same, but writes its blocks under the numbers that are listed."""
    item: Item = yield _get_item
    if item.changes > change:
        return None
    if item.stop - item.first < COMPACT_AT:
        yield _put_block(item.stop, frozenset({change}))
        yield _put_item(Item(item.first, item.stop + 1, change + 1))
        return None
    whole = _union((yield _get_blocks(item))) | {change}
    yield _put_block(item.first, whole)
    yield _put_item(Item(item.first, item.first + 1, change + 1))
    return None


def reader(run: Run) -> Steps:
    """Read the item and its blocks; again where a block is missing (LedgerStore.read_current)."""
    item: Item = yield _get_item
    blocks = yield _get_blocks(item)
    if len(blocks) < item.stop - item.first:
        return Program(reader, ())
    yield _found(item, _union(blocks))
    return None


def trusting_reader(run: Run) -> Steps:
    """The same, but takes what it finds."""
    item: Item = yield _get_item
    blocks = yield _get_blocks(item)
    yield _found(item, _union(blocks))
    return None


def world(
    changes: int,
    crashes: int,
    write: Callable[..., Steps] = writer,
    read: Callable[..., Steps] = reader,
) -> World:
    """Writers of so many changes, one after the other, and a reader beside them."""
    writers = [
        Function.of(write, change, after=(change - 1,) if change else ())
        for change in range(changes)
    ]
    return World(Shared(), (*writers, Function.of(read)), crashes)


def wrong(world: World) -> str | None:
    """What a reader has found that was never the ledger, or what the ledger has lost."""
    for cursor, changes in world.shared.read:
        if changes != frozenset(range(cursor)):
            return f"a reader found {set(changes)} where {cursor} changes were made"
    if world.is_quiet:
        item = world.shared.item
        blocks = dict(world.shared.blocks)
        listed = [blocks.get(number, frozenset()) for number in range(item.first, item.stop)]
        if frozenset().union(*listed) != frozenset(range(item.changes)):
            return "a change is lost"
        if item.changes != len(world.functions) - 1:
            return "a change was not made"
    return None
