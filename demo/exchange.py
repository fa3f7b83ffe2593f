"""The last acts: mail goes out from the CRM, customers answer, and a person's word on deals holds."""

import smtplib
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from functools import partial
from typing import Final

from demo.crm import Crm, Entry
from demo.letters import mailbox
from demo.mime import Draft, render
from demo.page import Page, moment
from demo.people import AIKO, BEN, LAURA, PRIYA, Customer, Rep
from demo.play import SYNC_PATIENCE, Unclean
from demo.servers import HOST, MailServers
from demo.waiting import NotYet, wait_for

AT_ONCE: Final = timedelta(seconds=30)
"""For a function that starts cold; a warm one takes about a second."""
HARBOR: Final = "d-harbor"
WARDS: Final = "d-delta-wards"


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that left from the CRM."""

    rep: Rep
    customer: Customer
    subject: str
    id: str
    thread_id: str


class Exchange:
    """A conversation that begins in the CRM."""

    def __init__(self, crm: Crm, servers: MailServers, page: Page) -> None:
        self._crm = crm
        self._servers = servers
        self._page = page

    def send(self) -> list[Sent]:
        """Aiko writes through her own server, Ben through SES."""
        self._page.act("Two messages are written in the CRM")
        return [
            self._send(AIKO, LAURA, "Delivery of the 40 scanners", "smtp", "sent"),
            self._send(BEN, PRIYA, "Sensors for the wards", "ses", "delivered"),
        ]

    def detach(self, sent: Sent) -> None:
        """The CRM takes a thread off its deal, by the webhook."""
        self._page.act("A thread is taken off its deal")
        if sent.thread_id not in self._on_deal(HARBOR, sent.rep):
            raise Unclean("the thread was not on the deal")
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        data = {"deal_id": HARBOR, "thread_id": sent.thread_id, "user_id": sent.rep.user_id}
        event = {
            "id": "evt-detach",
            "type": "association.detached",
            "occurred_at": now,
            "data": data,
        }
        self._crm.post_events([event])

        def it_is_off() -> None:
            if sent.thread_id in self._on_deal(HARBOR, sent.rep):
                raise NotYet("it is still on the deal")

        wait_for("the detach to be applied", it_is_off, AT_ONCE, self._page)
        self._page.verdict(True, f"{sent.subject!r} is no longer on the deal")

    def answer(self, sent: list[Sent]) -> None:
        """Both customers answer what they received; the schedule brings it."""
        self._page.act("Both customers answer")
        for one in sent:
            self._reply(one)
        began = time.monotonic()
        for one in sent:
            found = wait_for(
                "the next scheduled run", partial(self._answered, one), SYNC_PATIENCE, self._page
            )
            entries = self._card(one)
            mine = [entry for entry in entries if entry.id == one.id]
            if found.thread_id != one.thread_id or len(mine) != 1:
                raise Unclean(f"{one.subject!r}: not one message on one thread")
            self._page.line(
                f"  {one.customer.given_name}: on the same thread {time.monotonic() - began:.0f} s"
                f" after; {one.subject!r} is there once."
            )
        self._check_copies(sent)

    def hands_hold(self, detached: Sent, attached: Sent) -> None:
        """What was taken off stays off; what is put on is there in the very next read."""
        self._page.act("A person's word on deals holds")
        if detached.thread_id in self._on_deal(HARBOR, detached.rep):
            raise Unclean("the answer has brought the thread back to the deal")
        self._page.verdict(True, "the answer did not bring the detached thread back to its deal")
        if attached.thread_id in self._on_deal(WARDS, attached.rep):
            raise Unclean("with two open deals the thread should be on neither")
        self._crm.attach(attached.rep.user_id, WARDS, attached.thread_id)
        if self._on_deal(WARDS, attached.rep).count(attached.thread_id) != 2:
            raise Unclean("the attached thread is not on its deal")
        self._page.verdict(
            True, f"{attached.subject!r} was attached by hand, and is on its deal in the next read"
        )

    def _send(self, rep: Rep, customer: Customer, subject: str, transport: str, state: str) -> Sent:
        message = {
            "from": rep.address,
            "to": [{"address": customer.addresses[0], "name": customer.name}],
            "subject": subject,
            "text": f"Hello {customer.given_name},\n\na word about {subject.lower()}.\n",
            "transport": transport,
        }
        began = time.monotonic()
        accepted = self._crm.send(rep.user_id, f"demo-{transport}", message)
        again = self._crm.send(rep.user_id, f"demo-{transport}", message)
        if again["id"] != accepted["id"]:
            raise Unclean("the same request made two messages")
        sent = Sent(rep, customer, subject, accepted["id"], accepted["thread_id"])
        wait_for("the card", partial(self._is_on_card, sent), AT_ONCE, self._page)
        on_card = time.monotonic() - began

        def it_has_left() -> None:
            found = self._crm.outbound(rep.user_id, sent.id)["state"]
            if found != state:
                raise NotYet(f"it is {found}")

        wait_for(f"the message to be {state}", it_has_left, AT_ONCE, self._page)
        self._page.line(
            f"  {rep.given_name} to {customer.name} by {transport.upper()}: {subject!r}, on her card"
            f" {on_card:.1f} s after, {state} {time.monotonic() - began:.1f} s after."
        )
        return sent

    def _reply(self, sent: Sent) -> None:
        (received,) = self._received(sent)
        named = str(message_from_bytes(received)["Message-ID"])
        now = datetime.now(UTC).replace(microsecond=0)
        draft = Draft(
            sender=sent.customer.mailbox,
            to=[mailbox(sent.rep)],
            subject=f"Re: {sent.subject}",
            text="Thank you, that suits us.\n",
            date=now.astimezone(sent.customer.zone),
            message_id=f"<answer-{sent.id[:8]}@{sent.customer.addresses[0].partition('@')[2]}>",
            references=[named],
        )
        with smtplib.SMTP(HOST, self._servers.world_port) as smtp:
            smtp.sendmail(draft.sender.address, [sent.rep.address], render(draft))
        self._page.line(f"  {sent.customer.name} answers {named} at {moment(now)}.")

    def _check_copies(self, sent: list[Sent]) -> None:
        for one in sent:
            copies = self._servers.in_folder(one.rep.address, "Sent", one.subject)
            if copies != 1 or len(self._received(one)) != 1:
                raise Unclean(f"{one.subject!r}: {copies} copies lie in Sent")
        self._page.verdict(True, "each customer received one message, and one copy lies in Sent")

    def _received(self, sent: Sent) -> list[bytes]:
        mark = f"Subject: {sent.subject}".encode()
        return [raw for raw in self._servers.received(sent.customer.addresses[0]) if mark in raw]

    def _card(self, sent: Sent) -> list[Entry]:
        customer = sent.customer
        found = self._crm.timeline(customer.kind, customer.person_id, sent.rep.user_id)
        return list(found.entries)

    def _is_on_card(self, sent: Sent) -> None:
        if not any(entry.id == sent.id for entry in self._card(sent)):
            raise NotYet("it is not on the card")

    def _answered(self, sent: Sent) -> Entry:
        for entry in self._card(sent):
            if entry.subject == f"Re: {sent.subject}":
                return entry
        raise NotYet(f"no answer to {sent.subject!r}")

    def _on_deal(self, deal_id: str, rep: Rep) -> list[str]:
        """The threads of a deal's messages."""
        timeline = self._crm.timeline("deal", deal_id, rep.user_id)
        return [entry.thread_id for entry in timeline.entries]
