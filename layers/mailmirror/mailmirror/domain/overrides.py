"""Overrides: a person's attach or detach, which comes before every deal match and never expires.

An override on a message comes before one on its thread; of two at the same level the later counts,
then the one with the greater event id. Where threads are joined, the overrides on all of them
count, in whatever order they arrived.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from mailmirror.domain.deals import DealId
from mailmirror.domain.feed import Stamp
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import UserId
from mailmirror.domain.threads import ThreadId


@dataclass(frozen=True, slots=True)
class Override:
    """One attach or detach of a thread, or of one message, and one deal."""

    stamp: Stamp
    deal: DealId
    attached: bool
    """False for a detach."""
    user: UserId
    message: MessageKey | None = None
    """None where it is on the whole thread."""


@dataclass(frozen=True, slots=True)
class ThreadOverrides:
    """The outcome of the overrides on one thread, by deal."""

    on_thread: Mapping[DealId, bool]
    on_messages: Mapping[MessageKey, Mapping[DealId, bool]]

    @classmethod
    def of(cls, overrides: Iterable[Override]) -> "ThreadOverrides":
        on_thread: dict[DealId, bool] = {}
        on_messages: dict[MessageKey, dict[DealId, bool]] = {}
        for override in sorted(overrides, key=lambda one: (one.stamp, one.attached)):
            level = (
                on_thread
                if override.message is None
                else on_messages.setdefault(override.message, {})
            )
            level[override.deal] = override.attached
        return cls(on_thread, on_messages)

    def thread_deals(self, matched: Set[DealId]) -> frozenset[DealId]:
        """The deals that the thread is on, given those that its messages match."""
        return _with(self.on_thread, matched)

    def message_deals(
        self, message: MessageKey, thread_deals: frozenset[DealId]
    ) -> frozenset[DealId]:
        """The deals that one message is on, given those of its thread."""
        return _with(self.on_messages.get(message, {}), thread_deals)

    @property
    def attached_messages(self) -> frozenset[DealId]:
        """The deals that single messages are attached to."""
        return frozenset(
            deal
            for said in self.on_messages.values()
            for deal, attached in said.items()
            if attached
        )


@dataclass(frozen=True, slots=True)
class DealOverrides:
    """The outcome of the overrides on one deal, by thread and by message, for its card."""

    threads: Mapping[ThreadId, bool]
    messages: Mapping[MessageKey, bool]

    @classmethod
    def of(cls, placed: Iterable[tuple[ThreadId, Override]]) -> "DealOverrides":
        """From overrides and the present ids of their threads."""
        threads: dict[ThreadId, bool] = {}
        messages: dict[MessageKey, bool] = {}
        for thread, override in sorted(placed, key=lambda one: (one[1].stamp, one[1].attached)):
            if override.message is None:
                threads[thread] = override.attached
            else:
                messages[override.message] = override.attached
        return cls(threads, messages)

    def shows(self, message: MessageKey, thread: ThreadId, *, matched: bool) -> bool:
        """Tell whether a message is on the deal, given whether its thread matches."""
        return self.messages.get(message, self.threads.get(thread, matched))


def _with(said: Mapping[DealId, bool], deals: Set[DealId]) -> frozenset[DealId]:
    attached = {deal for deal, is_attached in said.items() if is_attached}
    return frozenset((deals | attached) - (said.keys() - attached))
