"""What happens between two writes: another writer's act, or the death of the function."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from mailmirror.runtime import Runtime

WRITES = ("put", "update", "transact", "_write_batch", "insert", "delete", "delete_where")


class Killed(BaseException):
    pass


@contextmanager
def before_write(
    runtime: Runtime, number: int, what: Callable[[], None], *, then_die: bool = False
) -> Iterator[list[bool]]:
    """Do something just before the table's nth write; the list tells whether it came to that.

    Parameters:
        then_die: whether the writer is killed right after that write.
    """
    table, writes, done = runtime.table, count(1), list[bool]()
    originals = {name: getattr(table, name) for name in WRITES}

    def guarded(name: str) -> Callable[..., object]:
        def write(*args: Any, **kwargs: Any) -> object:
            if not done and next(writes) == number:
                done.append(True)
                what()
                if then_die:
                    originals[name](*args, **kwargs)
                    raise Killed
            return originals[name](*args, **kwargs)

        return write

    for name in WRITES:
        setattr(table, name, guarded(name))
    try:
        yield done
    finally:
        for name in WRITES:
            delattr(table, name)
