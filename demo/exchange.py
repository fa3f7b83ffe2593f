"""The last acts: mail leaves from the CRM, customers answer, and a person's word on deals holds.

One run of the schedule brings all that customers write here: the answers to what was sent, and the
next letter of a thread that was taken off its deal before.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from functools import partial
from typing import Final, Literal

from demo.cards import Card, Cards, card_of
from demo.crm import Crm, Entry
from demo.letters import mailbox
from demo.mail import order
from demo.mime import Draft
from demo.page import Page, moment
from demo.people import AIKO, BEN, LAURA, PRIYA, Customer, Rep
from demo.play import SYNC_PATIENCE, Connected, Unclean, deliver, is_clean
from demo.servers import MailServers
from demo.waiting import NotYet, wait_for

AT_ONCE: Final = timedelta(seconds=60)
"""For functions that start cold on a slow machine; warm ones take a second or two."""

HARBOR: Final = card_of("d-harbor")
WARDS, LABS = card_of("d-delta-wards"), card_of("d-delta-labs")
"""Both are Priya's, and open."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that left from the CRM."""

    rep: Rep
    customer: Customer
    subject: str
    id: str
    thread_id: str

    @property
    def card(self) -> Card:
        return card_of(self.customer.person_id)


class Exchange:
    """A conversation that begins in the CRM, and one that goes on."""

    def __init__(
        self, crm: Crm, servers: MailServers, page: Page, connected: Sequence[Connected]
    ) -> None:
        self._crm = crm
        self._servers = servers
        self._page = page
        self._connected = connected
        self._cards = Cards(crm, page)

    def send(self) -> list[Sent]:
        """Aiko writes through her own server, Ben through SES."""
        self._page.act("Two messages are written in the CRM")
        sent = [
            self._send(AIKO, LAURA, "Delivery of the 40 scanners", "smtp", "sent"),
            self._send(BEN, PRIYA, "Sensors for the wards", "ses", "delivered"),
        ]
        to_laura, to_priya = sent
        for one in sent:
            wait_for("the copy in Sent", partial(self._lies_in_sent, one), AT_ONCE, self._page)
            self._check_once(one, self._cards.show(one.card, 1))
            self._check_received(one)
        self._check_once(to_laura, self._cards.show(HARBOR, 1))
        if _of_thread(to_priya.thread_id, [*self._cards.read(WARDS), *self._cards.read(LABS)]):
            raise Unclean(f"{to_priya.subject!r} is on one of two open deals")
        self._page.line()
        self._page.verdict(True, "each is on its cards once, and its customer received it once")
        self._page.verdict(
            True, "one copy lies in Sent: her provider filed Aiko's, Mailmirror Ben's"
        )
        return sent

    def detach(self, news: Draft) -> str:
        """The CRM takes the thread of the latest news off its deal, by the webhook."""
        self._page.act("A thread is taken off its deal")
        thread_id = self._thread_on_deal(news)
        data = {"deal_id": HARBOR.card_id, "thread_id": thread_id, "user_id": AIKO.user_id}
        event = {
            "id": "evt-detached",
            "type": "association.detached",
            "occurred_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "data": data,
        }
        self._page.line(f"  {AIKO.name} takes {news.subject!r} off {HARBOR.name!r}.")
        began = time.monotonic()
        self._crm.post_events([event])

        def it_is_off() -> None:
            if _of_thread(thread_id, self._cards.read(HARBOR)):
                raise NotYet("the thread is still on the deal")

        wait_for("the event to be applied", it_is_off, AT_ONCE, self._page)
        self._page.line(
            f"  The CRM's signed event says so: off {time.monotonic() - began:.1f} s after."
        )
        self._cards.show(HARBOR, 2)
        return thread_id

    def answer(self, sent: Sequence[Sent], news: Draft, detached: str) -> float:
        """Customers answer what they received, and write on where they wrote before.

        Returns:
            Seconds until all that is on its cards.
        """
        self._page.act("The customers answer")
        answers = [self._reply(one) for one in sent]
        goes_on = order(datetime.now(UTC), news)
        for letter in (*answers, goes_on):
            deliver(letter, self._servers)
        self._page.line(f"  {LAURA.name} writes on in the thread that was detached.")
        self._page.line(f"  All three were delivered at {moment(goes_on.date)}.")
        from_laura, from_priya = answers
        lauras, priyas = (one.card for one in sent)
        took = self._await(
            [(lauras, from_laura), (priyas, from_priya), (HARBOR, from_laura), (lauras, goes_on)]
        )
        shown = [self._cards.show(one.card, 3) for one in sent]
        on_deal = self._cards.show(HARBOR, 3)
        for one, letter, entries in zip(sent, answers, shown, strict=True):
            self._check_answered(one, letter, entries)
        if not _holds(goes_on, _of_thread(detached, shown[0])):
            raise Unclean(f"{goes_on.subject!r} is not on its thread")
        if _of_thread(detached, on_deal):
            raise Unclean("a letter has brought a detached thread back to its deal")
        self._page.line()
        self._page.verdict(True, "each answer is on the thread of what it answers, SES's too")
        self._page.verdict(True, "what was sent is there once still, its copy in Sent judged")
        self._page.verdict(True, "the detached thread went on, on her card and not on the deal")
        return took

    def attach(self, detached: str, to_priya: Sent) -> None:
        """Only a person's word puts a thread on a deal where no rule does."""
        self._page.act("A person puts threads on deals")
        self._page.line(f"  {AIKO.name} puts the detached thread back on {HARBOR.name!r}.")
        self._crm.attach(AIKO.user_id, HARBOR.card_id, detached)
        entries = self._cards.show(HARBOR, 3)
        back = {entry.id for entry in _of_thread(detached, entries)}
        whole = _of_thread(detached, self._cards.read(card_of(LAURA.person_id)))
        if not back or back != {entry.id for entry in whole}:
            raise Unclean(f"{len(back)} of {len(whole)} messages are back on the deal")
        self._page.line()
        self._page.line(f"  {BEN.name} puts {to_priya.subject!r} on {WARDS.name!r}.")
        self._crm.attach(BEN.user_id, WARDS.card_id, to_priya.thread_id)
        self._check_once(to_priya, self._cards.show(WARDS, 2))
        if _of_thread(to_priya.thread_id, self._cards.read(LABS)):
            raise Unclean(f"{to_priya.subject!r} is on both deals")
        self._page.line()
        self._page.verdict(True, f"attached, all {len(back)} messages are back in the next read")
        self._page.verdict(True, "of Priya's two open deals, her thread is on the one Ben chose")

    def _send(
        self,
        rep: Rep,
        customer: Customer,
        subject: str,
        transport: Literal["smtp", "ses"],
        ends: Literal["sent", "delivered"],
    ) -> Sent:
        message = {
            "from": rep.address,
            "to": [{"address": customer.addresses[0], "name": customer.name}],
            "subject": subject,
            "text": f"Hello {customer.given_name},\n\na word about {subject.lower()}.\n",
            "transport": transport,
        }
        key = f"demo-{transport}"
        began = time.monotonic()
        accepted = self._crm.send(rep.user_id, key, message)
        sent = Sent(rep, customer, subject, accepted["message_id"], accepted["thread_id"])
        wait_for("the card", partial(self._is_on_card, sent), AT_ONCE, self._page)
        on_card = time.monotonic() - began
        if self._crm.send(rep.user_id, key, message)["id"] != accepted["id"]:
            raise Unclean("the same request, repeated, made two messages")

        def it_has_left() -> None:
            state = self._crm.outbound(rep.user_id, accepted["id"])["state"]
            if state != ends:
                raise NotYet(f"it is {state}")

        wait_for(f"the message to be {ends}", it_has_left, AT_ONCE, self._page)
        self._page.line(
            f"  {rep.given_name} to {customer.name} by {transport.upper()}: on her card"
            f" {on_card:.1f} s after, {ends} {time.monotonic() - began:.1f} s after."
        )
        return sent

    def _reply(self, sent: Sent) -> Draft:
        """An answer that names the message as its customer received it."""
        (received,) = self._received(sent)
        named = str(message_from_bytes(received)["Message-ID"])
        self._page.line(f"  {sent.customer.name} answers {named}.")
        return Draft(
            sender=sent.customer.mailbox,
            to=[mailbox(sent.rep)],
            subject=f"Re: {sent.subject}",
            text="Thank you, that suits us.\n",
            date=datetime.now(sent.customer.zone).replace(microsecond=0),
            message_id=f"<answer-{sent.id[:8]}@{sent.customer.addresses[0].partition('@')[2]}>",
            references=[named],
        )

    def _thread_on_deal(self, letter: Draft) -> str:
        for entry in self._cards.read(HARBOR):
            if _is(entry, letter):
                return entry.thread_id
        raise Unclean(f"{letter.subject!r} is not on the deal")

    def _received(self, sent: Sent) -> list[bytes]:
        mark = f"Subject: {sent.subject}".encode()
        return [raw for raw in self._servers.received(sent.customer.addresses[0]) if mark in raw]

    def _await(self, letters: Sequence[tuple[Card, Draft]]) -> float:
        """Wait until each is on its card, and all else that came is judged; the first's seconds."""
        began = time.monotonic()
        look = partial(self._all_came, letters)
        wait_for("the next scheduled run", look, SYNC_PATIENCE, self._page)
        took = time.monotonic() - began
        wait_for("every copy to be judged", self._all_judged, SYNC_PATIENCE, self._page)
        self._page.line(f"  On their cards {took:.0f} s after:")
        return took

    def _is_on_card(self, sent: Sent) -> None:
        if not any(entry.id == sent.id for entry in self._cards.read(sent.card)):
            raise NotYet("it is not on the card")

    def _lies_in_sent(self, sent: Sent) -> None:
        if not self._servers.in_folder(sent.rep.address, "Sent", sent.subject):
            raise NotYet("there is none")

    def _all_came(self, letters: Sequence[tuple[Card, Draft]]) -> None:
        for card, letter in letters:
            if not _holds(letter, self._cards.read(card)):
                raise NotYet(f"no {letter.subject!r} on the {card.kind}")

    def _all_judged(self) -> None:
        """Every copy that the server has now is in the ledger, with a verdict."""
        for one in self._connected:
            audit = self._crm.audit(one.mailbox_id, one.rep.user_id)
            ledger = self._crm.ledger(one.mailbox_id, one.rep.user_id)
            if not is_clean(audit):
                raise Unclean(f"the audit of {one.rep.address} is not clean")
            on_server = {folder["name"]: folder["server_uids"] for folder in audit}
            judged = {
                folder["name"]: folder["uids"] - folder["verdicts"].get("pending", 0)
                for folder in ledger
            }
            if judged != on_server:
                raise NotYet(f"{one.rep.given_name} has {judged} of {on_server}")

    def _check_once(self, sent: Sent, entries: Sequence[Entry]) -> None:
        """By subject: a copy taken for another message would have another id."""
        ids = [entry.id for entry in entries if entry.subject == sent.subject]
        if ids != [sent.id]:
            raise Unclean(f"{sent.subject!r} is {len(ids)} times on a card")

    def _check_received(self, sent: Sent) -> None:
        received = len(self._received(sent))
        copies = self._servers.in_folder(sent.rep.address, "Sent", sent.subject)
        if (received, copies) != (1, 1):
            raise Unclean(f"{sent.subject!r}: {received} received, {copies} in Sent")

    def _check_answered(self, sent: Sent, letter: Draft, entries: Sequence[Entry]) -> None:
        self._check_once(sent, entries)
        self._check_received(sent)
        if not _holds(letter, _of_thread(sent.thread_id, entries)):
            raise Unclean(f"{letter.subject!r} is not on the thread of what it answers")


def _of_thread(thread_id: str, entries: Sequence[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.thread_id == thread_id]


def _holds(letter: Draft, entries: Sequence[Entry]) -> bool:
    return any(_is(entry, letter) for entry in entries)


def _is(entry: Entry, letter: Draft) -> bool:
    return entry.message_id.strip("<>") == (letter.message_id or "").strip("<>")
