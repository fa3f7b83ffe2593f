"""Mail, deals and hands in any order, some of them twice, against what the design says of them.

A hand holds in the very next read. Deals that change late reach a thread with its next message, so
the cards are compared whole after all mail has come once more, which changes nothing else.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from mailmirror.aws.queues import FeedJob
from mailmirror.domain.address import Address
from mailmirror.domain.deals import DealId, DealPolicy
from mailmirror.domain.identity import MessageKey, message_key
from mailmirror.domain.mailbox import (
    Mailbox,
    MailboxId,
    MailboxKey,
    MailboxStatus,
    Security,
    Server,
    UserId,
)
from mailmirror.domain.problems import Refused
from mailmirror.mail.imap.fetched import FetchedCopy
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.store.table import Update
from mailmirror.usecases.crm_feed.apply_event import apply_event
from mailmirror.usecases.crm_feed.crm_view import CrmView
from mailmirror.usecases.sync.mirror_copies import FolderKey, mirror_each
from mailmirror.usecases.threads.set_override import set_override
from tests.integration.association_model import Associations, DealFact, MailCopy, OverrideFact
from tests.integration.office import BOSS, KIM, LEE, MARCH, REP, STRANGER, Office, letter
from tests.servers.bare_aws import BUCKET, BareAws
from tests.servers.tables import own_table

EXAMPLES, STEPS = 8, 20
"""Less than a minute."""

OWNERS = {"rep": REP, "boss": BOSS}
DEALS = ["d1", "d2"]
BEGUN = 3
"""Letters that there are at the beginning."""
CONTACTS = {"kim": KIM, "lee": LEE}
TODAY = MARCH + timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it was written; a sender's copy names whom Bcc names, too."""

    number: int
    at: datetime
    contacts: frozenset[str]
    names: frozenset[int]

    def raw(self, owner: str, bcc: frozenset[str]) -> bytes:
        to = [*(CONTACTS[contact] for contact in sorted(self.contacts)), OWNERS[owner]]
        raw = letter(self.number, STRANGER, to, replies_to=sorted(self.names), at=self.at)
        hidden = ", ".join(CONTACTS[contact] for contact in sorted(bcc))
        return f"Bcc: {hidden}\r\n".encode() + raw if bcc else raw

    @property
    def key(self) -> MessageKey:
        id = f"{self.number}@mail.example"
        return message_key(id, self.at)


# What may happen. A fact picks its letter, or its event, from what there is by then.


@dataclass(frozen=True, slots=True)
class NewLetter:
    """It may reply to what came before, comes later, or never comes."""

    owner: str
    day: int
    contacts: frozenset[str]
    names: frozenset[int]


@dataclass(frozen=True, slots=True)
class AnotherCopy:
    """A colleague's, another folder's, or the same once more."""

    owner: str
    pick: int
    bcc: frozenset[str]
    early: int
    """How many days before its Date it was received; the Date is not believed then."""


@dataclass(frozen=True, slots=True)
class DealChanged:
    deal: str
    day: int
    tie: int
    status: str
    contacts: frozenset[str]


@dataclass(frozen=True, slots=True)
class OverrideGiven:
    by_event: bool
    """By the CRM's event; else through the API."""
    user: str
    deal: str
    attached: bool
    pick: int
    whole_thread: bool
    day: int
    tie: int


@dataclass(frozen=True, slots=True)
class EventAgain:
    pick: int


@dataclass(frozen=True, slots=True)
class AllMailAgain:
    order: Random


Fact = NewLetter | AnotherCopy | DealChanged | OverrideGiven | EventAgain | AllMailAgain

owners, deals, booleans = st.sampled_from(sorted(OWNERS)), st.sampled_from(DEALS), st.booleans()
contacts = st.frozensets(st.sampled_from(sorted(CONTACTS)))
days, ties, picks = st.integers(-10, 45), st.integers(0, 9), st.integers(0, 1_000)
overrides = st.builds(
    OverrideGiven, booleans, owners, deals, booleans, picks, booleans, st.integers(57, 60), ties
)
letters = st.builds(
    NewLetter, owners, days, contacts, st.frozensets(st.integers(1, 8), min_size=1, max_size=2)
)
copies = st.builds(AnotherCopy, owners, picks, contacts, st.sampled_from([0, 0, 3]))
statuses = st.sampled_from(["open", "open", "open", "won", "lost"])
changes = st.builds(DealChanged, deals, st.integers(-40, 60), ties, statuses, contacts)
again = st.one_of(
    st.builds(EventAgain, picks), st.builds(AllMailAgain, st.randoms(use_true_random=False))
)
kinds: list[st.SearchStrategy[Fact]] = [
    *[overrides] * 4,
    *[letters] * 2,
    *[changes] * 2,
    copies,
    again,
]
facts = st.sampled_from(kinds).flatmap(lambda kind: kind)


class OneAccount(RuleBasedStateMachine):
    """What an account's people, CRM and mail servers do, and the model that is told of it.

    One rule for all, because rules of their own would each be left out of most examples.
    """

    runtime: Runtime

    @initialize(policy=st.sampled_from(DealPolicy), owner=owners, days=st.tuples(*[days] * BEGUN))
    def open_an_account(self, policy: DealPolicy, owner: str, days: tuple[int, ...]) -> None:
        """Some letters of Kim's have come, which know nothing of each other."""
        self.runtime.now = lambda: TODAY
        self.office = Office(self.runtime)
        self.model = Associations(policy.value)
        self.letters: list[Letter] = []
        self.copies: list[tuple[str, FetchedCopy]] = []
        self.events: list[dict[str, Any]] = []
        account = keys.account(self.office.account)
        self.runtime.table.update(
            Update(account, "SET deal_policy = :policy", {":policy": policy.value})
        )
        self.mailboxes = {owner: self._connected(owner) for owner in OWNERS}
        for deal in DEALS:
            self.happens(DealChanged(deal, -40, 0, "open", frozenset({"kim"})))
        for day in days:
            self.happens(NewLetter(owner, day, frozenset({"kim"}), frozenset()))

    @rule(fact=facts)
    def happens(self, fact: Fact) -> None:
        match fact:
            case NewLetter():
                self._write(fact)
            case AnotherCopy():
                letter = self._letter(fact.pick)
                self._receive(fact.owner, letter, fact.bcc, fact.early)
            case DealChanged():
                self._change_deal(fact)
            case OverrideGiven():
                self._set_override(fact)
            case EventAgain():
                event = self.events[fact.pick % len(self.events)]
                apply_event(FeedJob(self.office.account, event), self.runtime)
            case AllMailAgain():
                self._receive_all(fact.order)

    def _connected(self, owner: str) -> MailboxKey:
        key = MailboxKey(self.office.account, MailboxId(f"mailbox-{owner}"))
        mailbox = Mailbox(
            key=key,
            owner=UserId(owner),
            email=Address(OWNERS[owner]),
            imap=Server("localhost", 993, Security.TLS),
            smtp=None,
            username=owner,
            history_since=date(2020, 1, 1),
            status=MailboxStatus.CONNECTED,
            slot=key.new_slot,
            connected_at=TODAY,
        )
        self.runtime.mailboxes.connect(mailbox, TODAY)
        return key

    # Mail

    def _letter(self, pick: int) -> Letter:
        return self.letters[pick % len(self.letters)]

    def _write(self, new: NewLetter) -> None:
        number, at = len(self.letters) + 1, MARCH + timedelta(days=new.day)
        self.letters.append(Letter(number, at, new.contacts, new.names - {number}))
        self._receive(new.owner, self.letters[-1], frozenset(), early=0)

    def _receive(self, owner: str, letter: Letter, bcc: frozenset[str], early: int) -> None:
        received_at = letter.at - timedelta(days=early)
        raw = letter.raw(owner, bcc)
        copy = FetchedCopy(len(self.copies) + 1, received_at, raw.partition(b"\n\n")[0], raw)
        self.copies.append((owner, copy))
        self._mirror(owner, [copy])
        contacts = letter.contacts | bcc
        self.model.copies.add(MailCopy(owner, letter.number, received_at, contacts, letter.names))

    def _mirror(self, owner: str, copies: list[FetchedCopy]) -> None:
        account = self.runtime.accounts.find(self.office.account)
        assert account is not None
        where = FolderKey(self.mailboxes[owner], "INBOX", 1)
        view = CrmView(account, self.runtime)
        mirrored = mirror_each(where, copies, view, self.runtime)
        assert mirrored.keys() == {copy.uid for copy in copies}

    # The CRM

    def _change_deal(self, new: DealChanged) -> None:
        data = {
            "id": new.deal,
            "name": new.deal,
            "status": new.status,
            "contact_ids": sorted(new.contacts),
        }
        at, id = self._tell("deal.upserted", new.day, new.tie, data)
        is_open = new.status == "open"
        self.model.deals.add(DealFact(new.deal, at, id, is_open, new.contacts))

    def _tell(self, type: str, day: int, tie: int, data: dict[str, Any]) -> tuple[datetime, str]:
        at, id = MARCH + timedelta(days=day), f"{tie}-{len(self.events):04}"
        event = {"id": id, "type": type, "occurred_at": at.isoformat(), "data": data}
        self.events.append(event)
        apply_event(FeedJob(self.office.account, event), self.runtime)
        assert not list(self.runtime.table.query(keys.refusals(self.office.account)))
        return at, id

    # People

    def _set_override(self, override: OverrideGiven) -> None:
        letter = self._letter(override.pick)
        given = (
            self._by_event(override, letter)
            if override.by_event
            else self._by_api(override, letter)
        )
        if given is not None:
            fact = OverrideFact(
                *given, override.deal, override.attached, letter.number, override.whole_thread
            )
            self.model.overrides.add(fact)

    def _by_event(self, override: OverrideGiven, letter: Letter) -> tuple[datetime, str]:
        data: dict[str, Any] = {
            "deal_id": override.deal,
            "user_id": override.user,
            "message_id": letter.key,
        }
        if override.whole_thread:
            data |= {"message_id": None, "thread_id": self._thread(letter, override.pick)}
        type = "association.attached" if override.attached else "association.detached"
        return self._tell(type, override.day, override.tie, data)

    def _by_api(self, override: OverrideGiven, letter: Letter) -> tuple[datetime, str] | None:
        """Whatever our clock says, it is later than all that was said of the same before."""
        viewer = self.office.viewer(override.user)
        thread = self._thread(letter, override.pick) if override.whole_thread else None
        message = None if override.whole_thread else letter.key
        about = self.model.thread(letter.number) if override.whole_thread else {letter.number}
        self.runtime.now = lambda: MARCH + timedelta(days=override.day)
        try:
            given = set_override(
                viewer,
                DealId(override.deal),
                thread,
                message,
                self.runtime,
                attached=override.attached,
            )
        except Refused:
            assert not about & self.model.owned_by(override.user)
            return None
        finally:
            self.runtime.now = lambda: TODAY
        assert about & self.model.owned_by(override.user)
        if not override.whole_thread:
            is_shown = letter.number in self._card(override.deal, override.user)
            named = self.model.names_a_person(letter.number, override.user)
            assert is_shown == (override.attached and named)
        return given.override.stamp.occurred_at, given.override.stamp.event_id

    def _thread(self, letter: Letter, pick: int) -> str:
        """What the letter's thread is called now, or was called once."""
        (filed,) = {
            found[0].thread
            for key in self.mailboxes.values()
            if (found := self.runtime.contents.find(key, letter.key)) is not None
        }
        return filed if pick % 2 else self.runtime.roots.read(self.office.account, filed).thread

    # What must be so

    @invariant()
    def overrides_are_in_force(self) -> None:
        for deal in {override.deal for override in self.model.overrides}:
            for user in OWNERS:
                shown, owned = self._card(deal, user), self.model.owned_by(user)
                assert shown <= owned
                said = {number: self.model.override(number, deal) for number in owned}
                attached = {number for number in owned if said[number] is True}
                assert {one for one in attached if self.model.names_a_person(one, user)} <= shown
                assert not {number for number in shown if said[number] is False}

    def _receive_all(self, order: Random) -> None:
        """Nothing changes but that deals reach all threads."""
        before = {
            (user, contact): self.office.card(user, contact)
            for user in OWNERS
            for contact in CONTACTS
        }
        copies = order.sample(self.copies, len(self.copies))
        for owner in OWNERS:
            self._mirror(owner, [copy for whose, copy in copies if whose == owner])
        for user in OWNERS:
            for deal in DEALS:
                assert self._card(deal, user) == self.model.card(deal, user), (deal, user)
            for contact in CONTACTS:
                assert self.office.card(user, contact) == before[user, contact]

    def teardown(self) -> None:
        if getattr(self, "copies", None):
            self._receive_all(Random(0))

    def _card(self, deal: str, user: str) -> set[int]:
        lines = self.office.deal(user, deal)
        numbers = [int(line.summary.subject.removeprefix("Letter ")) for line in lines]
        assert len(numbers) == len(set(numbers))
        return set(numbers)


@pytest.mark.long
def test_every_card_follows_from_mail_deals_and_overrides_in_whatever_order_they_arrive(
    bare: BareAws,
) -> None:
    with own_table(bare.client, BUCKET, bare.key) as runtime:

        class Machine(OneAccount):
            pass

        Machine.runtime = runtime
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
