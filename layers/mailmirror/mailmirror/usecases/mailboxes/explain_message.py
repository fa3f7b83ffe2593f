"""Explain where a message is, or why it is missing, to the owner of a mailbox.

    what the server has (`find_copies`) ─┐
    ledger, contents, contained         ─┼─► facts ─► `domain.missing_mail` ─► causes
    thread, persons, deals, overrides   ─┘

Everything is read when it is asked for, and nothing is stored. Where the server cannot be asked,
what is stored is explained.
"""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from mailmirror.domain.address import Address
from mailmirror.domain.blocks import Block
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.leaving import has_left
from mailmirror.domain.limits import MAX_EXPLAINED_MESSAGES
from mailmirror.domain.mail_search import LiveSearch, Sought
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.missing_mail import (
    Finding,
    MailboxFacts,
    MessageFacts,
    MissingCause,
    Stored,
    mailbox_causes,
    message_causes,
)
from mailmirror.domain.overrides import Standing
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.settings import DeletedMail
from mailmirror.domain.verdict import Headers, Rules, Verdict, obstacles
from mailmirror.runtime import Runtime
from mailmirror.store.content_lines import Summary
from mailmirror.store.contents import Copy
from mailmirror.usecases.cards.acting_user import Viewer
from mailmirror.usecases.cards.read_card import Line, line_of
from mailmirror.usecases.cards.read_message import hit_of
from mailmirror.usecases.cards.shown_versions import shown_versions
from mailmirror.usecases.cards.whereabouts import (
    OnPerson,
    Whereabouts,
    persons_having,
    whereabouts,
)
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.mailboxes.read_mailbox import MailboxReport, report
from mailmirror.usecases.mailboxes.recorded_copies import RecordedCopy, recorded_copies
from mailmirror.usecases.mailboxes.stored_messages import StoredMatches, stored_matches


@dataclass(frozen=True, slots=True)
class ExplainedMessage:
    copies: Sequence[RecordedCopy]
    """At the server now."""
    causes: Sequence[Finding]
    """The first is to be mended first."""
    line: Line | None
    """As cards show it; None where none does."""
    kept: Summary | None
    """What is stored of it, shown or hidden."""
    place: Whereabouts | None
    """Where it is shown."""
    participants: Sequence[Address]
    """Those that are not of the team, as far as they are known."""
    persons: Sequence[OnPerson]
    """Who has its addresses now."""
    recipients_needed: int | None
    """As in FoundHeader."""
    blocks: Sequence[Block]
    """The blocks to be removed, as few as may be."""


@dataclass(frozen=True, slots=True)
class Explained:
    mailbox: MailboxReport
    search: LiveSearch
    refusal: Refused | None
    """Why the server could not be asked."""
    causes: Sequence[Finding]
    """Of the mailbox; where no message was found, why that may be."""
    messages: Sequence[ExplainedMessage]
    """The newest first."""
    further: bool
    """Whether there are more, or may be."""


def explain_message(
    viewer: Viewer,
    mailbox: Mailbox,
    sought: Sought,
    search: LiveSearch | Refused | None,
    runtime: Runtime,
    addressed: Set[Address] = frozenset(),
) -> Explained:
    """Explain a message to the owner of a mailbox.

    Parameters:
        search: what the server has, or why it could not be asked; None where it is disconnected.
        addressed: the participants, where headers are given.
    """
    (read,) = report([mailbox], runtime)
    refusal = search if isinstance(search, Refused) else None
    live = search if isinstance(search, LiveSearch) else LiveSearch()
    facts = MailboxFacts(read.state, refusal.code if refusal else None, live.complete)
    account = runtime.accounts.find(viewer.account)
    if account is None:
        raise Refused(Code.NOT_FOUND, "account")
    reader = _Reader(viewer, mailbox, facts, CrmView(account, runtime, mailbox.owner), runtime)
    groups = _by_message(recorded_copies(mailbox.key, live.copies, runtime))
    stored = StoredMatches() if groups else stored_matches(viewer, sought, runtime)
    messages = [reader.message(id, some) for id, some in groups[:MAX_EXPLAINED_MESSAGES]]
    kept = (reader.message(id, []) for id in stored.own[:MAX_EXPLAINED_MESSAGES])
    messages += [one for one in kept if one.kept]
    causes = mailbox_causes(
        facts,
        found=bool(messages),
        with_colleague=stored.with_colleague,
        named_mailbox=mailbox.email in addressed | stored.colleagues_participants,
    )
    further = live.further or len(groups) > MAX_EXPLAINED_MESSAGES
    return Explained(read, live, refusal, causes, messages, further)


def _by_message(
    copies: Iterable[RecordedCopy],
) -> Sequence[tuple[MessageKey | None, Sequence[RecordedCopy]]]:
    """Copies by their message, in their order: what it was mirrored as, else by its own header."""
    mirrored_as = {
        own: one.message for one in copies if one.message and (own := one.found.identity)
    }
    groups: dict[object, tuple[MessageKey | None, list[RecordedCopy]]] = {}
    for one in copies:
        own = one.found.identity
        id = one.message or (mirrored_as.get(own, own) if own else None)
        place = (one.found.folder.name, one.found.uid)
        groups.setdefault(id or place, (id, []))[1].append(one)
    return list(groups.values())


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads what is stored of messages, and judges."""

    viewer: Viewer
    mailbox: Mailbox
    facts: MailboxFacts
    view: CrmView
    runtime: Runtime

    def message(self, id: MessageKey | None, copies: Sequence[RecordedCopy]) -> ExplainedMessage:
        """Explain one message: some ten read units, and one an address and a person."""
        line = self._line(id) if id else None
        kept = line.summary if line else self._hidden(id) if id else None
        place = whereabouts(self.viewer, line, self.runtime) if line else None
        participants = self._participants(copies, kept)
        hidden = self.runtime.contents.first_copy(kept) if kept and not line else None
        facts = MessageFacts(
            [one.facts for one in copies],
            Stored.SHOWN if line else Stored.HIDDEN if kept else Stored.NOTHING,
            self._obstacles(hidden) if hidden else (),
            hidden is not None and self._has_left(hidden),
            hidden is not None and self._counts(hidden),
            [
                one.override
                for one in (place.overrides if place else ())
                if one.standing is Standing.COUNTS
                and not one.override.attached
                and one.deal_name is not None
            ],
            [off for one in (place.persons if place else ()) for off in one.off],
            place is not None
            and bool(place.persons)
            and all(one.off for one in place.persons)
            and not place.deals,
        )
        causes = message_causes(facts, self.facts)
        is_blocked = any(one.cause is MissingCause.BLOCKED for one in causes)
        return ExplainedMessage(
            copies,
            causes,
            line,
            kept,
            place,
            participants,
            place.persons
            if place
            else persons_having(self.viewer.account, participants, self.runtime),
            _recipients_needed(copies, hidden),
            self._blocks(participants) if is_blocked else (),
        )

    def _line(self, id: MessageKey) -> Line | None:
        hit = hit_of(self.viewer, id, self.runtime)
        shown = shown_versions([hit] if hit else [], {}, self.runtime)
        found = (line_of(self.viewer, one, self.runtime) for one in shown)
        return next((one for one in found if one), None)

    def _hidden(self, id: MessageKey) -> Summary | None:
        """What the viewer's mailboxes keep of a message that no card shows; this mailbox first.

        None of one that was composed here, and cancelled before it was sent.
        """
        keys = sorted(self.viewer.keys, key=lambda key: key != self.mailbox.key)
        for key in keys:
            for one in self.runtime.contents.versions(key, id, with_hidden=True):
                sent = self.runtime.outbounds.find_many([(key, id)]).get(id)
                return None if sent and sent.cancelled else one
        return None

    def _participants(
        self, copies: Sequence[RecordedCopy], kept: Summary | None
    ) -> Sequence[Address]:
        """Those that are not of the team."""
        for one in copies:
            if one.found.header is not None:
                return one.found.header.outsiders
        named = [*kept.from_, *kept.to, *kept.cc] if kept else []
        return [x for x in dict.fromkeys(one.address for one in named) if x not in self.view.team]

    def _obstacles(self, copy: Copy) -> Sequence[Verdict]:
        """What keeps a stored copy from being mirrored."""
        headers = Headers(copy.received_at, copy.entry.participants, copy.recipients)
        rules = Rules(self.mailbox.history_since, self.view.account.max_recipients)
        return obstacles(headers, self.view.people(headers.participants), rules)

    def _has_left(self, copy: Copy) -> bool:
        follows = self.view.account.deleted_mail is DeletedMail.FOLLOW
        return follows and has_left(copy.left_at, self.runtime.now())

    def _counts(self, copy: Copy) -> bool:
        if copy.entry.key != self.mailbox.key or copy.standing is not None:
            return False
        stored = self.runtime.folders.find(copy.entry.key, copy.place.folder)
        return stored is None or stored.state.left_out is None

    def _blocks(self, participants: Sequence[Address]) -> Sequence[Block]:
        """The fewest blocks of the owner's without which the message is not blocked."""
        blocks = self.runtime.blocks.read(self.mailbox.key.account, self.mailbox.owner)
        known = self.view.known(participants)
        each = [
            blocks.least_over(address, one.refs) for address, one in known.items() if one.persons
        ]
        return min(each, key=len, default=())


def _recipients_needed(copies: Sequence[RecordedCopy], hidden: Copy | None) -> int | None:
    """What `max_recipients` would have to be; None where that is not known, or not possible."""
    for one in copies:
        if one.found.header is not None:
            return one.found.header.recipients_needed
    return hidden.recipients if hidden else None
