"""Mail, people and settings in any order, with crashes between, against the rules alone.

Two mailboxes at a real Dovecot and the real store. After some hours without a change every card of
every user, each ledger and audit is what the model says.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from mailmirror.api.decoding import typed
from mailmirror.api.mailbox_settings import ConnectBody
from mailmirror.domain.blocks import Block, BlockKind
from mailmirror.domain.deals import DealId
from mailmirror.domain.mailbox import FolderScope, Mailbox
from mailmirror.domain.problems import Refused
from mailmirror.domain.settings import Setting
from mailmirror.domain.verdict import Verdict
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.block_persons import add_block, read_blocks, remove_block
from mailmirror.usecases.mailboxes.change_mailbox import change_window, request_sync
from mailmirror.usecases.mailboxes.connect_mailbox import connect_mailbox
from mailmirror.usecases.mailboxes.read_mailbox import read_ledger
from mailmirror.usecases.operating.change_settings import change_settings
from mailmirror.usecases.sync.audit_mailbox import audit_mailbox
from mailmirror.usecases.threads.set_override import set_override
from tests.integration.interruptions import Killed, before_write
from tests.integration.late_deals_model import Contacts, Deals, Said, thread_of
from tests.integration.late_facts_model import HeldCopy, Mail, MailboxModel, TeamModel
from tests.integration.office import BOSS, MARCH, REP, Clock, Office, letter, loopback, subjects
from tests.servers.bare_aws import BUCKET, BareAws
from tests.servers.dovecot import Dovecot, Folder
from tests.servers.tables import own_table

EXAMPLES = int(os.environ.get("LATE_FACTS_EXAMPLES", "5"))
STEPS = int(os.environ.get("LATE_FACTS_STEPS", "25"))
SEED = int(os.environ.get("LATE_FACTS_SEED", "20261127"))
FOLDERS = ("INBOX", "Sent", "Filed")
OWNERS = {"rep": REP, "boss": BOSS}
CUSTOMERS = tuple(f"c{number}@customer.example" for number in range(4))
LEAVER = "temp@us.example"
"""Of the team at times, and at times a contact's."""
OTHERS = (*CUSTOMERS, LEAVER, "x@else.example")
CONTACTS = ("k1", "k2", "k3")
DEALS = ("d1", "d2")
LONG_AGO = MARCH - timedelta(days=400)
WINDOWS = (date(2024, 1, 1), date(2025, 12, 1), date(2025, 12, 2), date(2026, 3, 3))
"""The last begins within the letters of March."""
HOURS = 5
"""Between the letters of March."""
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
_MOST_SETTLING = 8

owners = st.sampled_from(sorted(OWNERS))
folders = st.sampled_from(FOLDERS)
contacts = st.sampled_from(CONTACTS)
emails = st.frozensets(st.sampled_from([*CUSTOMERS, LEAVER]), min_size=1, max_size=3)


@pytest.mark.long
def test_cards_follow_from_mail_people_and_rules_whichever_came_first(bare: BareAws) -> None:
    names = [f"{user}-{number}" for user in OWNERS for number in range(1_000)]
    with (
        own_table(bare.client, BUCKET, bare.key) as runtime,
        Dovecot(dict.fromkeys(names, "secret"), (Folder("Sent", "\\Sent"),)) as server,
    ):

        class Machine(LateFacts):
            pass

        Machine.runtime, Machine.server = runtime, server
        run_state_machine_as_test(
            seed(SEED)(Machine),
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                phases=[Phase.generate],  # shrinking takes an hour
                suppress_health_check=list(HealthCheck),
            ),
        )
    done = Machine.done
    print(
        f"seed {SEED}: {Machine.worlds} histories, {done['steps']} steps, of which"
        f" {done['changes']} change a card; {done['compared']} messages compared with deals,"
        f" {done['left open']} left open by crashes"
    )
    assert done["changes"] * 3 > done["steps"]
    assert done["compared"] > 9 * done["left open"]


class LateFacts(RuleBasedStateMachine):
    runtime: Runtime
    server: Dovecot
    worlds = 0
    done: ClassVar[Counter[str]] = Counter()
    """What all histories have come to."""

    @initialize()
    def begin(self) -> None:
        type(self).worlds += 1
        self.clock = Clock()
        self.runtime.now = self.clock
        self.runtime.network_policy = loopback(self.server.authority)
        self.office = Office(self.runtime)
        for contact in ("kim", "lee"):
            self.office.tell("contact.deleted", id=contact)
        self.logins = {user: f"{user}-{self.worlds}" for user in OWNERS}
        for login in self.logins.values():
            self.server.create(login, "Filed")
        self.ids = {user: self._connected(user).key.mailbox for user in OWNERS}
        since = self._mailbox("rep").history_since
        self.model = TeamModel(
            set(OWNERS.values()),
            {
                user: MailboxModel(email, since, {name: {} for name in FOLDERS})
                for user, email in OWNERS.items()
            },
        )
        change_settings(self.office.account, {Setting.MAX_RECIPIENTS: 2}, self.runtime)
        self.people = Contacts()
        self.model.person = self.people.person
        self.deals = Deals()
        self.mails: list[Mail] = []
        self.seconds = 0
        for contact, named in zip(
            CONTACTS, (CUSTOMERS[:2], CUSTOMERS[2:3], CUSTOMERS[3:]), strict=True
        ):
            self.a_contact_is_named(contact, frozenset(named))
        for deal, contact in zip(DEALS, CONTACTS, strict=False):
            self.a_deal_changes(deal, frozenset([contact]), "open")

    def _connected(self, user: str) -> Mailbox:
        form = {
            "user_id": user,
            "email": OWNERS[user],
            "provider": "imap",
            "imap": {"host": "localhost", "port": self.server.imaps_port, "security": "tls"},
            "username": self.logins[user],
            "password": "secret",
        }
        id = connect_mailbox(self.office.account, typed(form, ConnectBody).request(), self.runtime)
        found = self.runtime.mailboxes.find(self.office.account, id, consistent=True)
        assert found is not None
        return found

    def _mailbox(self, user: str) -> Mailbox:
        found = self.runtime.mailboxes.find(self.office.account, self.ids[user], consistent=True)
        assert found is not None
        return found

    def _tell(self, type: str, **data: Any) -> None:
        self.model.before_change()
        self.seconds += 1
        self.office.tell(type, at=MARCH + timedelta(seconds=self.seconds), **data)

    # Mail

    @rule(
        to=st.lists(owners, min_size=1, max_size=2, unique=True),
        folder=folders,
        customer=st.sampled_from(CUSTOMERS),
        others=st.lists(st.sampled_from(OTHERS), max_size=4, unique=True),
        old=st.booleans(),
        replies_to=st.lists(st.integers(1, 12), max_size=2, unique=True),
    )
    def mail_comes(
        self,
        to: list[str],
        folder: str,
        customer: str,
        others: list[str],
        old: bool,
        replies_to: list[int],
    ) -> None:
        sent = folder == "Sent"
        sender = OWNERS[to[0]] if sent else customer
        recipients = [customer, *others] if sent else [*(OWNERS[one] for one in to), *others]
        named = [number for number in replies_to if number <= len(self.mails)]
        self._put(to[:1] if sent else to, folder, sender, recipients, old=old, replies_to=named)

    @rule(to=owners, folder=st.sampled_from(["INBOX", "Filed"]))
    def the_leaver_writes(self, to: str, folder: str) -> None:
        self._put([to], folder, LEAVER, [OWNERS[to]])

    def _news(self, user: str) -> None:
        """Mail that a customer has sent."""
        customer = CUSTOMERS[len(self.mails) % len(CUSTOMERS)]
        named = range(1, len(self.mails) + 1)[-1:] if len(self.mails) % 3 == 0 else ()
        self._put([user], "INBOX", customer, [OWNERS[user]], replies_to=named)

    def _put(
        self,
        to: Iterable[str],
        folder: str,
        sender: str,
        recipients: list[str],
        *,
        old: bool = False,
        replies_to: Sequence[int] = (),
    ) -> None:
        number = len(self.mails) + 1
        at = (LONG_AGO if old else MARCH) + timedelta(hours=HOURS * number)
        mail = Mail(number, sender, tuple(dict.fromkeys(recipients)), at, tuple(replies_to))
        self.mails.append(mail)
        raw = letter(number, sender, mail.recipients, at=at, replies_to=replies_to)
        for user in to:
            uid = self.server.append(self.logins[user], folder, raw, at)
            self.model.mailboxes[user].folders[folder][uid] = HeldCopy(mail)

    @rule(user=owners, folder=folders, data=st.data())
    def mail_is_deleted(self, user: str, folder: str, data: st.DataObject) -> None:
        held = self.model.mailboxes[user].folders[folder]
        if held:
            self._settled()
            uid = data.draw(st.sampled_from(sorted(held)))
            self.server.expunge(self.logins[user], folder, [uid])
            self.model.mailboxes[user].leaves(folder, held.pop(uid))

    @rule(user=owners, source=folders, to=folders, data=st.data())
    def mail_is_moved(self, user: str, source: str, to: str, data: st.DataObject) -> None:
        held = self.model.mailboxes[user].folders[source]
        if held and source != to:
            self._settled()
            uid = data.draw(st.sampled_from(sorted(held)))
            with self.server.session(self.logins[user]) as client:
                client.select_folder(source)
                client.move([uid], to)
                client.select_folder(to)
                moved = max(client.search())
            mailbox = self.model.mailboxes[user]
            mailbox.folders[to][moved] = HeldCopy(held[uid].mail)
            mailbox.leaves(source, held.pop(uid))

    @rule(user=owners, folder=folders)
    def uidvalidity_changes(self, user: str, folder: str) -> None:
        held = self.model.mailboxes[user].folders[folder]
        if held:
            self._settled()
            self.server.reset_uidvalidity(self.logins[user], folder)
            before = [held[uid] for uid in sorted(held, reverse=True)]
            renumbered = {uid: HeldCopy(one.mail) for uid, one in enumerate(before, start=1)}
            mailbox = self.model.mailboxes[user]
            mailbox.folders[folder] = renumbered
            for copy in before:
                mailbox.leaves(folder, copy)

    # People and rules

    @rule(contact=contacts, emails=emails)
    def a_contact_is_named(self, contact: str, emails: frozenset[str]) -> None:
        self._tell("contact.upserted", id=contact, name=contact, emails=sorted(emails))
        self.people.upsert(contact, emails)
        self._contacts_changed()

    def _contacts_changed(self) -> None:
        self.model.contacts = self.people.emails()

    @rule(data=st.data())
    def a_contact_is_deleted(self, data: st.DataObject) -> None:
        if len(there := self.people.alone) > 1:
            contact = data.draw(st.sampled_from(there))
            self._tell("contact.deleted", id=contact)
            self.people.delete(contact)
            self._contacts_changed()

    @rule(data=st.data())
    def contacts_are_merged(self, data: st.DataObject) -> None:
        if len(there := self.people.alone) > 1:
            pairs = st.lists(st.sampled_from(there), min_size=2, max_size=2, unique=True)
            loser, winner = data.draw(pairs)
            self._tell("contact.merged", id=loser, winner_id=winner)
            self.people.merge(loser, winner)
            self._contacts_changed()

    @rule(
        deal=st.sampled_from(DEALS),
        named=st.frozensets(contacts, max_size=2),
        status=st.sampled_from(["open", "open", "won"]),
    )
    def a_deal_changes(self, deal: str, named: frozenset[str], status: str) -> None:
        self._tell("deal.upserted", id=deal, name=deal, status=status, contact_ids=sorted(named))
        self.deals.contacts[deal] = named
        self.deals.open = (self.deals.open - {deal}) | ({deal} if status == "open" else set())

    @rule(
        user=owners,
        deal=st.sampled_from(DEALS),
        whole_thread=st.booleans(),
        attached=st.booleans(),
        data=st.data(),
    )
    def a_person_attaches_or_detaches(
        self, user: str, deal: str, whole_thread: bool, attached: bool, data: st.DataObject
    ) -> None:
        lines = [one for id in sorted(self.model.contacts) for one in self.office.card(user, id)]
        if deal not in self.deals.contacts or not lines:
            return
        line = data.draw(st.sampled_from(lines))
        thread, message = (line.thread, None) if whole_thread else (None, line.summary.message)
        viewer = self.office.viewer(user)
        set_override(viewer, DealId(deal), thread, message, self.runtime, attached=attached)
        number = int(line.summary.subject.removeprefix("Letter "))
        self.deals.said.append(Said(deal, number, whole_thread, attached))

    @rule()
    def matches_are_worked_off(self) -> None:
        self._news("rep")
        self.office.match_again()

    @rule(user=owners, name=st.sampled_from([*CONTACTS, *CUSTOMERS[:2]]))
    def a_user_blocks(self, user: str, name: str) -> None:
        self._news(user)
        self.model.before_change()
        kind = BlockKind.CONTACT if name in CONTACTS else BlockKind.ADDRESS
        with suppress(Refused):  # the contact is deleted
            add_block(self.office.viewer(user), Block(kind, name), self.runtime)
            self.model.mailboxes[user].blocked.add(name)

    @rule(user=owners)
    def a_user_removes_all_blocks(self, user: str) -> None:
        viewer = self.office.viewer(user)
        self.model.before_change()
        for block in read_blocks(viewer, self.runtime).since:
            remove_block(viewer, block.id, self.runtime)
        self.model.mailboxes[user].blocked.clear()

    @rule(stays=st.booleans())
    def a_user_comes_or_leaves(self, stays: bool) -> None:
        self._news("boss")
        self._tell("user.upserted", id="temp", name="Temp", emails=[LEAVER] if stays else [])
        self.model.team = {*OWNERS.values(), *([LEAVER] if stays else [])}

    @rule(limit=st.sampled_from([1, 2, 3, 3, 4, 5]))
    def the_limit_of_recipients_changes(self, limit: int) -> None:
        self._news("rep")
        self.model.before_change()
        self.model.max_recipients = limit
        change_settings(self.office.account, {Setting.MAX_RECIPIENTS: limit}, self.runtime)

    @rule(user=owners, since=st.sampled_from(WINDOWS))
    def the_window_changes(self, user: str, since: date) -> None:
        self._news(user)
        self.model.before_change()
        self.model.mailboxes[user].history_since = since
        change_window(self._mailbox(user), since, self.runtime)

    @rule(user=owners, every=st.booleans())
    def folders_are_chosen(self, user: str, every: bool) -> None:
        self._news(user)
        self.model.before_change()
        self.model.mailboxes[user].reads_all = every
        scope = FolderScope.ALL if every else FolderScope.INBOX_AND_SENT
        self.runtime.mailboxes.set_folders(replace(self._mailbox(user), folders=scope))

    # Syncs

    @rule(user=owners)
    def a_sync_runs(self, user: str) -> None:
        self._news(user)
        self.office.sync(self._mailbox(user))

    @rule(user=owners)
    def a_pass_over_everything_is_asked_for(self, user: str) -> None:
        self._news(user)
        request_sync(self.office.account, self.ids[user], self.runtime, everything=True)

    @rule(user=owners, write=st.integers(1, 40))
    def a_sync_dies(self, user: str, write: int) -> None:
        self._news(user)
        with (
            suppress(Killed),
            before_write(self.runtime, write, lambda: None, then_die=True),
        ):
            self.office.sync(self._mailbox(user))
        self.clock.advance(timedelta(seconds=91))

    @rule(user=owners, write=st.integers(1, 20), contact=contacts, emails=emails)
    def a_contact_is_named_during_a_sync(
        self, user: str, write: int, contact: str, emails: frozenset[str]
    ) -> None:
        self._news(user)
        self.model.before_change()
        named: list[bool] = []

        def name() -> None:
            named.append(True)
            self._tell("contact.upserted", id=contact, name=contact, emails=sorted(emails))

        with before_write(self.runtime, write, name):
            self.office.sync(self._mailbox(user))
        if named:
            self.people.upsert(contact, emails)
            self._contacts_changed()

    @rule(user=owners, write=st.integers(1, 20), mail_in=folders)
    def another_sync_begins_when_the_lease_is_over(
        self, user: str, write: int, mail_in: str
    ) -> None:
        """Two workers: the first goes on writing after the second has taken the lease."""
        mailbox = self._mailbox(user)

        def another() -> None:
            self.clock.advance(timedelta(seconds=91))
            self.office.sync(mailbox)

        self._put([user], mail_in, CUSTOMERS[0], [OWNERS[user]])
        with before_write(self.runtime, write, another):
            self.office.sync(mailbox)

    @rule(time=st.sampled_from([MINUTE, 16 * MINUTE, 61 * MINUTE, 35 * DAY]))
    def time_passes(self, time: timedelta) -> None:
        self._news("boss")
        if time > DAY:
            self._settled()
        self.clock.advance(time)

    @rule()
    def all_is_quiet(self) -> None:
        self._news("boss")
        self._settled()
        self._compare()

    def teardown(self) -> None:
        if hasattr(self, "model"):
            self._settled()
            self._compare()

    @invariant()
    def a_step_is_counted(self) -> None:
        if hasattr(self, "model"):
            before, self.cards = getattr(self, "cards", None), self._expected_cards()
            self.done["steps"] += before is not None
            self.done["changes"] += before not in (None, self.cards)

    def _expected_cards(self) -> Mapping[tuple[str, str], Set[int]]:
        """What each card shows once all has settled."""
        cards: dict[tuple[str, str], Set[int]] = {}
        shown = {
            user: self.model.may_be_mirrored(one) for user, one in self.model.mailboxes.items()
        }
        anywhere = set().union(*shown.values())
        for user, numbers in shown.items():
            some = [one for one in self.mails if one.number in numbers]
            for contact in self.model.contacts:
                of_contact = {one.number for one in some if self.model.is_on_card(one, contact)}
                cards[user, contact] = of_contact
            for deal in self.deals.contacts:
                of_deal = {one.number for one in some if self._is_on_deal(one, deal, anywhere)}
                cards[user, deal] = of_deal
        return cards

    def _is_on_deal(self, mail: Mail, deal: str, mirrored: Set[int]) -> bool:
        joined = (one for one in self.mails if one.number in self.model.may_have_joined)
        thread = thread_of(mail.number, joined)
        some = (one for one in self.mails if one.number in thread & mirrored)
        matched = {one for one in map(self._matched, some) if one is not None}
        return self.deals.shows(mail.number, deal, thread, matched)

    @invariant()
    def a_card_shows_nothing_twice(self) -> None:
        for user in OWNERS if hasattr(self, "model") else ():
            for contact in self.model.contacts:
                shown = subjects(self.office.card(user, contact))
                assert len(shown) == len(set(shown))

    def _settled(self) -> None:
        """Let hours pass, with syncs, until nothing waits."""
        for _ in range(_MOST_SETTLING):
            self.clock.advance(timedelta(hours=2))
            for user in OWNERS:
                self.office.sync(self._mailbox(user))
            if not any(map(self._waits, OWNERS)):
                break
        self.office.match_again()
        self.model.settle(self.clock())

    def _waits(self, user: str) -> bool:
        """Whether a sync has left something to the next: what is hidden is looked at daily."""
        entry = self.runtime.due.find(self._mailbox(user))
        if entry is None or entry.due.error:
            return True
        return entry.retry_at is not None and entry.retry_at < self.clock() + timedelta(hours=3)

    def _compare(self) -> None:
        for user, model in self.model.mailboxes.items():
            self._compare_cards(user, model)
            mailbox = self._mailbox(user)
            ledgers = {one.folder.name: one.ledger for one in read_ledger(mailbox, self.runtime)}
            for folder in FOLDERS if model.reads_all else FOLDERS[:2]:
                for uid, copy in model.folders[folder].items():
                    found = {one for one in Verdict if uid in ledgers[folder].of(one)}
                    expected = {self.model.verdict(model, copy.mail)}
                    assert found == expected, (user, folder, uid, copy, found, expected)
            self._compare_deals(user)
            audit = audit_mailbox(mailbox, self.runtime)
            assert audit.clean
            rounds = self.runtime.audit_rounds.read(mailbox.key)
            for one in filter(None, (rounds.present, rounds.last)):
                assert one.found.clean, one
            assert sum(one.audit.pending for one in audit.folders) == 0

    def _compare_cards(self, user: str, model: MailboxModel) -> None:
        for contact in self.model.contacts:
            card = subjects(self.office.card(user, contact))
            shown = {int(subject.removeprefix("Letter ")) for subject in card}
            on = {one.number for one in self.mails if self.model.is_on_card(one, contact)}
            least, most = self.model.mirrored(model), self.model.may_be_mirrored(model)
            assert on & least <= shown, (user, contact, shown, on & least)
            assert shown <= on & most, (user, contact, shown, on & most)
            coverage = self.office.coverage(user, contact)
            assert [(one.gap, one.since) for one in coverage.mailboxes] == [(None, None)]

    def _compare_deals(self, user: str) -> None:
        """Compare deals, but for threads of which a crash has left open what is mirrored."""
        mirrored = self.model.mirrored(self.model.mailboxes[user])
        everywhere = set().union(*map(self.model.mirrored, self.model.mailboxes.values()))
        maybe = set().union(*map(self.model.may_be_mirrored, self.model.mailboxes.values()))
        by_number = {one.number: one for one in self.mails}
        for deal in self.deals.contacts:
            lines = subjects(self.office.deal(user, deal))
            shown = {int(subject.removeprefix("Letter ")) for subject in lines}
            for number in mirrored | shown:
                thread = thread_of(number, (by_number[one] for one in self.model.joined))
                most = thread_of(number, (by_number[one] for one in self.model.may_have_joined))
                if thread != most or thread & (maybe - everywhere):
                    self.done["left open"] += 1
                    continue
                matches = (self._matched(by_number[one]) for one in thread & everywhere)
                matched = {one for one in matches if one is not None}
                expected = number in mirrored and self.deals.shows(number, deal, thread, matched)
                assert (number in shown) == expected, (user, deal, number, thread, matched, shown)
                self.done["compared"] += 1

    def _matched(self, mail: Mail) -> str | None:
        """The deal that a message matches: what is of long ago is older than every deal."""
        if mail.received_at < MARCH:
            return None
        return self.deals.matched(self.model.persons(mail), self.people)
