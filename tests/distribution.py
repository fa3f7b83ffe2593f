"""Which worker gets which tests, where pytest-xdist distributes them by group."""

from xdist.scheduler import LoadFileScheduling

_STACK = "tests/stack/"


class OneStack(LoadFileScheduling):  # type: ignore[misc]
    """All tests of the deployed stack go to one worker, the others by file.

    Of a second stack, the deployment takes a minute, and its schedule works beside all tests.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _STACK if nodeid.startswith(_STACK) else super()._split_scope(nodeid)
