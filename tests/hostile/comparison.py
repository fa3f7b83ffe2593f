"""What a world shows at the end, by content, and where two worlds differ."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mailmirror.domain.deals import DealId
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.problems import Refused
from mailmirror.domain.threads import ThreadId
from mailmirror.usecases.cards.acting_user import viewer
from mailmirror.usecases.cards.read_card import Line, Page, read_deal_card, read_person_card
from mailmirror.usecases.mailboxes.read_mailbox import read_ledger, read_mailbox
from mailmirror.usecases.sync.audit_mailbox import audit_mailbox
from tests.hostile.steps import CONTACTS, DEALS, FOLDERS
from tests.hostile.world import USERS, World

Picture = Mapping[str, Any]
"""What is shown, by where it is shown."""


@dataclass(slots=True)
class _Painter:
    world: World
    threads: dict[ThreadId, set[str]] = field(default_factory=dict)

    def cards(self) -> Iterator[tuple[str, list[Line], Page | None]]:
        world, runtime = self.world, self.world.runtime
        for user in USERS:
            person = viewer(world.account, user, runtime)
            for contact in CONTACTS:
                ref = PersonRef(PersonKind.CONTACT, contact)
                yield self._whole(
                    f"{user} sees contact {contact}",
                    lambda c, person=person, ref=ref: read_person_card(person, ref, c, 50, runtime),
                )
            for deal in DEALS:
                yield self._whole(
                    f"{user} sees deal {deal}",
                    lambda c, person=person, deal=deal: read_deal_card(
                        person, DealId(deal), c, 50, runtime
                    ),
                )

    @staticmethod
    def _whole(name: str, read: Any) -> tuple[str, list[Line], Page | None]:
        lines: list[Line] = []
        cursor = None
        while True:
            try:
                page = read(cursor)
            except Refused as refusal:
                return f"{name}: {refusal.code}", [], None
            lines += page.lines
            cursor = page.next_cursor
            if cursor is None:
                return name, lines, page


def picture(world: World) -> Picture:
    """All that is shown of a world: cards, coverage, threads, versions, ledgers, audits."""
    shown: dict[str, Any] = {}
    threads: dict[ThreadId, set[str]] = {}
    for name, lines, page in _Painter(world).cards():
        shown[name] = {one.summary.message_id: _told(one) for one in lines}
        shown[f"{name}, in order"] = [one.summary.message_id for one in lines]
        if page is not None:
            gaps = [one.gap for one in page.coverage.mailboxes]
            shown[f"{name}, coverage"] = (page.coverage.gap, gaps, page.coverage.feed.gap)
        for one in lines:
            threads.setdefault(one.thread, set()).add(str(one.summary.message_id))
    shown["threads"] = sorted(map(sorted, threads.values()))
    for mailbox in world.connected():
        user = mailbox.owner
        state = read_mailbox(world.account, mailbox.key.mailbox, world.runtime)
        shown[f"{user}'s mailbox"] = (state.state, state.problem, state.progress, state.pending)
        audits = audit_mailbox(mailbox, world.runtime).folders
        shown[f"{user}'s audit"] = {one.folder.name: one.audit.clean for one in audits}
        letters = _letters(world, user)
        for folder in read_ledger(mailbox, world.runtime):
            shown[f"{user}'s ledger of {folder.folder.name}"] = {
                letter: next(
                    (str(v) for v, uids in folder.ledger.recorded.items() if uid in uids), None
                )
                for letter, uid in letters[folder.folder.name].items()
            }
    return shown


def _told(line: Line) -> Any:
    one = line.summary
    return {
        "subject": one.subject,
        "instant": line.instant.isoformat(),
        "snippet": one.snippet,
        "content": one.sha256[:8],
        "warnings": sorted(one.warnings),
        "attachments": [each.name for each in one.attachments],
        "outgoing": line.outgoing,
        "versions": sorted((one.sha256[:8], sorted(one.warnings)) for one in line.versions),
        "further versions": line.further_versions,
        "mailboxes": len(line.mailboxes),
    }


def _letters(world: World, user: str) -> Mapping[str, Mapping[str, int]]:
    """The UIDs of the letters that the server has, by folder."""
    found: dict[str, dict[str, int]] = {}
    with world.dovecot.session(world.logins[user]) as client:
        for folder in FOLDERS:
            client.select_folder(folder, readonly=True)
            uids = client.search("ALL")
            item = b"BODY[HEADER.FIELDS (MESSAGE-ID)]"
            fetched = client.fetch(uids, [item]) if uids else {}
            found[folder] = {
                f"{fields[item].decode().strip()} #{n}": uid
                for n, (uid, fields) in enumerate(sorted(fetched.items()))
            }
    return found


def differences(one: Any, other: Any, place: str = "") -> list[str]:
    """Where two pictures differ: the place, and what either shows there."""
    if one == other:
        return []
    if not isinstance(one, dict) or not isinstance(other, dict):
        return [f"{place}: {one} / {other}"]
    return [
        difference
        for key in sorted(one.keys() | other.keys(), key=str)
        for difference in differences(one.get(key), other.get(key), f"{place} · {key}".strip(" ·"))
    ]
