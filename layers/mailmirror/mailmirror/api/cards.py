"""Cards: a page of messages, and how far it can be trusted."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from mailmirror.api.coverage_limits import CoverageLimit
from mailmirror.api.decoding import Strict
from mailmirror.api.times import utc
from mailmirror.domain.coverage import Coverage as Found
from mailmirror.domain.coverage import FeedCoverage as FeedFound
from mailmirror.domain.coverage import Gap
from mailmirror.domain.coverage import MailboxCoverage as MailboxFound
from mailmirror.domain.feed import PersonKind
from mailmirror.domain.limits import MAX_PAGE_LINES
from mailmirror.domain.message import Participant as Someone
from mailmirror.domain.outbound import OutboundState
from mailmirror.domain.words.coverage import explain_card, explain_feed, explain_mailbox
from mailmirror.domain.words.explanation import Explanation, Language
from mailmirror.store.content_lines import Summary
from mailmirror.usecases.cards.read_card import Line, Page


class CardQuery(Strict):
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE_LINES, description="Messages on a page")] = 50
    cursor: Annotated[str | None, Meta(description="`next_cursor` of the page before")] = None


class Participant(Struct, frozen=True):
    name: str
    address: str

    @classmethod
    def of(cls, one: Someone) -> "Participant":
        return cls(one.name, one.address)


class ListedAttachment(Struct, frozen=True):
    name: str
    content_type: str
    size: int
    """In bytes, decoded."""


class Version(Struct, frozen=True, rename={"from_": "from"}):
    """A content of a message."""

    id: str
    """The SHA-256 of its bytes: names it in `?version=`."""
    mailbox_id: str
    received_at: datetime
    from_: Participant | None

    @classmethod
    def of(cls, one: Summary) -> "Version":
        senders = [Participant.of(sender) for sender in one.from_]
        at = utc(one.received.at)
        return cls(one.sha256, one.key.mailbox, at, senders[0] if senders else None)


class ListedMessage(Struct, frozen=True, rename={"from_": "from"}):
    """A message as a card shows it."""

    id: str
    thread_id: str
    internet_message_id: str | None
    subject: str
    from_: Participant | None
    to: Sequence[Participant]
    cc: Sequence[Participant]
    instant: datetime
    claimed_date: datetime | None
    direction: Literal["incoming", "outgoing"]
    delivery: OutboundState | None
    snippet: str
    attachments: Sequence[ListedAttachment]
    warnings: Sequence[str]
    mailbox_ids: Sequence[str]
    version: str
    """The version that is shown."""
    versions: Sequence[Version]
    """In the order in which they were received; empty where there is but the one shown."""
    further_versions: int
    """Versions beyond eight, which are counted and not kept; at most 100 are told apart."""

    @classmethod
    def of(cls, one: Line) -> "ListedMessage":
        summary = one.summary
        senders = [Participant.of(sender) for sender in summary.from_]
        several = len({each.sha256 for each in one.versions}) > 1
        return cls(
            id=summary.message,
            thread_id=one.thread,
            internet_message_id=summary.message_id,
            subject=summary.subject,
            from_=senders[0] if senders else None,
            to=[Participant.of(recipient) for recipient in summary.to],
            cc=[Participant.of(recipient) for recipient in summary.cc],
            instant=utc(one.instant),
            claimed_date=utc(summary.date) if summary.date != one.instant else None,
            direction="outgoing" if one.outgoing else "incoming",
            delivery=one.delivery,
            snippet=summary.snippet,
            attachments=[
                ListedAttachment(part.name, part.content_type, part.size)
                for part in summary.attachments
            ],
            warnings=summary.warnings,
            mailbox_ids=one.mailboxes,
            version=summary.sha256,
            versions=[Version.of(each) for each in one.versions] if several else [],
            further_versions=one.further_versions,
        )


class MailboxCoverage(Struct, frozen=True):
    mailbox_id: str
    complete: bool
    as_of: datetime | None
    progress: int
    """Percent of the mail that is judged."""
    gap: str | None
    """Why mail may be missing; a problem's code where the mailbox has one."""
    since: datetime | None
    """When that problem, or the pause, began, where it is known."""
    reason: str | None
    remedy: str | None
    contained: int
    """Messages that could not be read: `GET /v1/mailboxes/{mailbox_id}/problems` lists them."""
    history_since: date | None
    """The first day, in UTC, of the mail that is read."""
    limits: Sequence[CoverageLimit]

    @classmethod
    def of(cls, one: MailboxFound, language: Language) -> "MailboxCoverage":
        said = explain_mailbox(one, language)
        return cls(
            mailbox_id=one.mailbox,
            complete=one.complete,
            as_of=utc(one.as_of),
            progress=one.progress,
            gap=one.gap,
            since=utc(one.since),
            reason=said.reason if said else None,
            remedy=said.remedy if said else None,
            contained=one.contained,
            history_since=one.history_since,
            limits=[CoverageLimit.of(limit, language) for limit in sorted(one.limits)],
        )


class FeedCoverage(Struct, frozen=True):
    complete: bool
    as_of: datetime | None
    gap: Gap | None
    reason: str | None
    remedy: str | None

    @classmethod
    def of(cls, feed: FeedFound, language: Language) -> "FeedCoverage":
        said = explain_feed(feed, language)
        return cls(feed.complete, utc(feed.as_of), feed.gap, *_words(said))


class Coverage(Struct, frozen=True):
    complete: bool
    gap: str | None
    """The first of `gaps`; null where there is none."""
    gaps: Sequence[str]
    """All gaps of the card, each once: those of its mailboxes and of the feed, and the card's own.
    docs/api.md has their order."""
    reason: str | None
    remedy: str | None
    entries_unread: int
    """The person's addresses, or the deal's contacts, that the CRM sent and that cannot be read."""
    mailboxes: Sequence[MailboxCoverage]
    feed: FeedCoverage

    @classmethod
    def of(cls, found: Found, language: Language) -> "Coverage":
        gap, said = explain_card(found, language) or (None, None)
        return cls(
            found.complete,
            gap,
            found.gaps,
            *_words(said),
            found.unread,
            [MailboxCoverage.of(one, language) for one in found.mailboxes],
            FeedCoverage.of(found.feed, language),
        )


def _words(said: Explanation | None) -> tuple[str | None, str | None]:
    return (said.reason, said.remedy) if said else (None, None)


class Redirect(Struct, frozen=True):
    """The contact that a lead was converted to, or a contact merged into."""

    kind: PersonKind
    id: str


class Card(Struct, frozen=True):
    messages: Sequence[ListedMessage]
    next_cursor: str | None
    coverage: Coverage
    redirected_to: Redirect | None
    """The contact whose card this is now; null where it is the card that was asked for."""

    @classmethod
    def of(cls, found: Page, language: Language) -> "Card":
        return cls(
            [ListedMessage.of(one) for one in found.lines],
            found.next_cursor,
            Coverage.of(found.coverage, language),
            Redirect(to.kind, to.id) if (to := found.redirected_to) else None,
        )
