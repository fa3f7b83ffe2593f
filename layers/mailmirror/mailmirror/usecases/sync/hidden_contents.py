"""Hide contents of a mailbox, show them again, and erase them. Each step is idempotent.

hide    copies are marked ─► lines, threads, cards, deals ─► marks are settled
show    mirrored from the stored bytes ─► marks are removed
erase   threads, cards, deals ─► lines and bytes ─► copies
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from mailmirror.domain.address import Address
from mailmirror.domain.folder import FolderState
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.mailbox import FolderRole, MailboxKey
from mailmirror.domain.message import Entry
from mailmirror.domain.verdict import Verdict
from mailmirror.domain.versions import Received
from mailmirror.runtime import Runtime
from mailmirror.store.content_lines import Summary
from mailmirror.store.contents import Copy
from mailmirror.store.timelines import FURTHER
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.mirror_copies import mirror_stored
from mailmirror.usecases.threads.erase_entries import erase_entries, hide_entries

_ATTEMPTS = 5
"""To hide contents of which copies are put by other functions meanwhile."""


@dataclass(frozen=True, slots=True)
class HiddenContents:
    """The contents of one mailbox that are hidden, under its lease."""

    key: MailboxKey
    read: Mapping[str, FolderState]
    """The folders that are read, by their ids."""
    ledger: Callable[[str], Ledger]
    """Reads the ledger of one of them."""
    change: Callable[[str, Mapping[int, Verdict]], None]
    """Records verdicts in the ledger of one of them."""
    forget: Callable[[str], None]
    """Forgets the ledger of a folder that is not read, so that it is read anew if it ever is."""
    view: CrmView
    runtime: Runtime

    def hide(self, contents: Sequence[Sequence[Copy]]) -> None:
        """Hide contents, each with all its copies.

        After marks, first the lines, by which readers leave a content out, whatever names it.

        A join (`join_sent_copies`) may put a copy meanwhile, under another identity: then it is
        marked once more, and its content is hidden under that one. What is put again later still
        is found by the next look: the mailbox has hidden mail.
        """
        now, waiting = self.runtime.now(), [one for some in contents for one in some]
        for _ in range(_ATTEMPTS):
            hidden = [one for one in waiting if one.is_hidden]
            new = [one for one in waiting if not one.is_hidden]
            marked = self.runtime.contents.mark_hidden(new, now)
            self._hide_entries({one.entry for one in (*hidden, *marked)}, now)
            waiting = list(self.runtime.contents.settle(marked, now))
            if not waiting:
                break
        self.runtime.count("ContentsHidden", len(contents))

    def _hide_entries(self, entries: Set[Entry], now: datetime) -> None:
        kept = [one for one in entries if one.sha256 != FURTHER]
        self.runtime.contents.hide(kept, now)
        hide_entries(self.key.account, kept, self.runtime)
        for one in entries - set(kept):
            self.runtime.timelines.erase(one, ())

    def show(self, copies: Sequence[Copy]) -> Sequence[Copy]:
        """Mirror copies from what is stored of them, as if they had just arrived.

        Returns:
            Those of which nothing is stored.
        """
        lost = list[Copy]()
        lines = self._lines(copies)
        for copy in copies:
            entry = copy.entry
            if entry.sha256 == FURTHER:
                self.runtime.timelines.put([(entry, entry.participants - self.view.team)])
            else:
                try:
                    self._mirror(copy, lines[entry.message, entry.sha256])
                except KeyError:
                    lost.append(copy)
                    continue
            self.runtime.contents.shown(copy)
        self.runtime.count("ContentsShownAgain", len(copies))
        return lost

    def _mirror(self, copy: Copy, line: Summary) -> None:
        at, received = copy.place, line.received
        if received.place != at:
            role = self.read[at.folder].role if at.folder in self.read else FolderRole.OTHER
            received = Received(copy.received_at, role, at.folder, at.uidvalidity, at.uid)
        raw = self.runtime.contents.raw(line)
        mirror_stored(line, raw, received, self.view, self.runtime, copy.hidden_at)

    def erase(self, contents: Sequence[Sequence[Copy]]) -> None:
        """Erase contents, each with all its copies; last these, by which the rest is found."""
        copies = [one for some in contents for one in some]
        for id in {one.place.folder for one in copies} - self.read.keys():
            self.forget(id)  # its ledger says that they are mirrored
        self._record_gone(copies)
        erase_entries(self.key.account, [one.entry for one in copies], self.runtime)
        for line in self._lines(copies).values():
            self.runtime.contents.erase_version(line)
        for message in {one.entry.message for one in copies}:
            if not self.runtime.contents.versions(self.key, message, with_hidden=True):
                self.runtime.contents.erase(self.key, message)
        self._forget_addresses({one for copy in copies for one in copy.entry.participants})
        self.runtime.contained.delete(self.key, {one.place for one in copies})
        self.runtime.contents.erase_copies((one.place, one.entry) for one in copies)
        self.runtime.count("ContentsErased", len(contents))

    def _forget_addresses(self, addresses: Iterable[Address]) -> None:
        """Store that the mailbox has nothing more of addresses of which it has no message."""
        timelines = self.runtime.timelines
        empty = [one for one in addresses if timelines.has_nothing_of(self.key, one)]
        timelines.forget_mailbox(self.key, empty, ())
        self.view.forget()  # it knows for which addresses the mailbox is named

    def _record_gone(self, copies: Iterable[Copy]) -> None:
        """Record that mirrored copies are gone: the server has them no more, and nothing is kept
        of them from here on."""
        by_folder: dict[str, set[int]] = defaultdict(set)
        for one in copies:
            folder = self.read.get(one.place.folder)
            if folder is not None and folder.uidvalidity == one.place.uidvalidity:
                by_folder[one.place.folder].add(one.place.uid)
        for id, uids in by_folder.items():
            mirrored = self.ledger(id).of(Verdict.MIRRORED)
            if gone := {uid: Verdict.GONE for uid in uids if uid in mirrored}:
                self.change(id, gone)

    def _lines(self, copies: Iterable[Copy]) -> Mapping[tuple[str, str], Summary]:
        """The lines of the contents of copies, by message and SHA-256."""
        asked = {(self.key, one.entry.message, one.entry.sha256) for one in copies}
        lines = self.runtime.contents.read_many(asked, with_hidden=True)
        return {(one.message, one.sha256): one for one in lines.values()}
