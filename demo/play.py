"""The acts: a CRM tells what it knows, mailboxes are connected, mail is mirrored, sent, moved."""

import smtplib
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import requests

from demo import page
from demo.crm import PATIENCE, Crm, Json, Refused
from demo.letter import Letter
from demo.mail import Copy, month, news, verdicts
from demo.page import ensure
from demo.people import AIKO, BEN, CUSTOMERS, DEALS, LAURA, PRIYA, REPS, Customer, Rep, crm_events
from demo.provider import Provider
from local.mail_servers import HOST, MailServers

RETURN_URL: Final = "https://crm.tidewater.example/settings/mailboxes"
FAULTS: Final = ("missing", "left_since", "extra", "overlap")
"""What an audit may not find; its other figures are no faults."""


class Card(NamedTuple):
    """A card, and who reads it: the rep whose customer it is about."""

    kind: str
    id: str
    title: str
    viewer: Rep


CARDS: Final = {
    card.id: card
    for card in (
        *(Card(c.kind, c.id, f"{c.name}, {c.company} ({c.kind})", c.owner) for c in CUSTOMERS),
        *(
            Card("deal", d.id, f"{d.name} (deal, {d.history[-1][1]})", d.contacts[0].owner)
            for d in DEALS
        ),
    )
}
HARBOR, WARDS, LABS = (CARDS[id] for id in ("d-harbor", "d-delta-wards", "d-delta-labs"))
LAURAS, PRIYAS = CARDS[LAURA.id], CARDS[PRIYA.id]


class Sent(NamedTuple):
    """A message that left from the CRM."""

    rep: Rep
    customer: Customer
    subject: str
    id: str
    thread_id: str

    @property
    def card(self) -> Card:
        return CARDS[self.customer.id]


class Play:
    """One run against one account and one mail provider."""

    def __init__(self, crm: Crm, servers: MailServers, now: datetime) -> None:
        self._crm = crm
        self._servers = servers
        self._now = now
        self._mailboxes: dict[Rep, str] = {}
        self.copies: Final[list[Copy]] = month(now)
        for copy in self.copies:
            servers.file(copy.username, copy.folder, copy.raw, copy.received_at)

    def tell_the_crms_facts(self) -> None:
        """Post users, people and deals, and wait until the last of them has a card."""
        events = crm_events(self._now)
        page.act("The CRM tells what it knows")
        self._crm.post_events(events)
        page.line(f"  {len(events)} signed events: users, leads, contacts, deals.")
        page.wait_for("the feed to be applied", self._last_deal_is_unknown)
        page.line("  Applied.")

    def connect(self, passwords: Mapping[str, str], google: Provider) -> None:
        """Connect each rep's mailbox, as that rep: one at Google, one by password."""
        page.act("Two mailboxes are connected")
        asked = {"user_id": AIKO.user_id, "provider": "google", "login_hint": AIKO.address}
        asked["return_url"] = RETURN_URL
        began = time.monotonic()
        url = self._crm.ask(AIKO.user_id, "POST", "/mailboxes/authorize", asked)["url"]
        callback = google.browse(url, AIKO.address)
        back = requests.get(callback, timeout=PATIENCE, allow_redirects=False).headers.get(
            "Location", ""
        )
        told = dict(parse_qsl(urlsplit(back).query))
        ensure(back.startswith(RETURN_URL), f"the sign-in ended at {back or 'no page'}")
        ensure(told.get("status") == "connected", f"the sign-in ended with {told}")
        by_sign_in = time.monotonic() - began
        again = requests.get(callback, timeout=PATIENCE, allow_redirects=False)
        ensure(again.status_code == 400, f"a replayed callback: HTTP {again.status_code}")
        form = {
            "user_id": BEN.user_id,
            "email": BEN.address,
            "provider": "imap",
            "imap": {"host": HOST, "port": self._servers.imap_port, "security": "tls"},
            "smtp": {"host": HOST, "port": self._servers.smtp_port, "security": "tls"},
            "username": BEN.address,
            "password": passwords[BEN.address],
        }
        began = time.monotonic()
        bens = self._crm.ask(BEN.user_id, "POST", "/mailboxes", form)["id"]
        by_password = time.monotonic() - began
        self._mailboxes = {AIKO: told["mailbox_id"], BEN: bens}
        page.line(
            f"  Aiko signed in at Google's stand-in: mailbox {told['mailbox_id']}"
            f" {by_sign_in:.1f} s after her address."
        )
        page.line(f"  Ben entered a password: mailbox {bens} {by_password:.1f} s after it.")
        page.proved("the sign-in's callback, called a second time, was refused")
        self._examine(BEN, bens)

    def _examine(self, rep: Rep, mailbox: str) -> None:
        """Have the doctor examine the servers of a mailbox, and say what it found."""
        found = self._crm.ask(rep.user_id, "GET", f"/mailboxes/{mailbox}/doctor")
        for server in found["servers"]:
            stages = server["stages"]
            said = [f"{one['stage']}: {one['code']}" for one in stages if one["code"]]
            ensure(server["result"] != "failed", f"the doctor: {', '.join(said)}")
            took = sum(one["milliseconds"] for one in stages)
            page.line(
                f"  The doctor examined {rep.name}'s {server['service'].upper()} server:"
                f" {len(stages)} stages, {server['result']}, {took} ms."
            )

    def await_schedule(self) -> None:
        """Wait until the schedule has synced both; nothing here asks for a sync."""
        page.act("The schedule starts the sync")
        took = page.wait_for("the scheduled sync", self._unjudged)
        page.line(f"  {len(self.copies)} messages judged {took:.0f} s after.")

    def show_cards(self, shown: int) -> None:
        """Print every card with its newest `shown` messages."""
        page.act("What a salesperson sees")
        page.line("  Times are UTC. A, B, C are threads, lettered on each card, the newest first.")
        page.line("  → is from the team, ← to it; `me` is who reads, `+1` one recipient not named.")
        for card in CARDS.values():
            self._show(card, shown)

    def show_ledgers(self) -> None:
        """Print each mailbox's ledger and audit, and hold both against what the mail is for."""
        page.act("Every message is accounted for")
        expected = verdicts(self.copies)
        for rep in REPS:
            state = self._mailbox(rep)
            page.line()
            page.line(
                f"  {rep.name}, {rep.address}: {state['state']},"
                f" last success {page.moment(state['last_success_at'])}"
            )
            ledger, audit = self._mailbox(rep, "/ledger"), self._mailbox(rep, "/audit")
            given = {one["name"]: _given(one) for one in ledger["folders"]}
            names = dict.fromkeys(name for counts in given.values() for name in counts)
            counted = [
                [name, *(counts.get(name, 0) for counts in given.values())] for name in names
            ]
            page.table([["verdict", *given], *counted])
            for folder, counts in given.items():
                wanted = dict(expected[rep.address, folder])
                ensure(counts == wanted, f"{folder}: verdicts {counts}, and should be {wanted}")
            page.proved("every verdict is the one that the mail was written for")
            found = ("server_uids", *FAULTS, "pending", "removed", "gone")
            rows = [[key, *(_count(one[key]) for one in audit["folders"])] for key in found]
            page.line()
            page.table([["audit", *(one["name"] for one in audit["folders"])], *rows])
            _ensure_clean(audit)
            page.proved("the audit is clean: server and ledger agree on every UID")

    def deliver_news(self) -> tuple[Letter, float]:
        """A customer answers; return her letter, and after how many seconds it is on its card."""
        letter = news(datetime.now(UTC))
        page.act(f"{LAURA.name} answers")
        self._deliver(letter)
        page.line(f"  {letter.subject!r} was delivered at {page.moment(letter.date.isoformat())}.")
        took = page.wait_for("the next scheduled run", lambda: self._missing([(LAURAS, letter)]))
        page.line(f"  On its card {took:.0f} s after:")
        ensure(_is(self._show(LAURAS, 3)[0], letter), "the news is not on top of its card")
        return letter, took

    def send(self) -> list[Sent]:
        """Aiko writes through her own server, Ben through SES."""
        page.act("Two messages are written in the CRM")
        sent = [
            self._send(AIKO, LAURA, "Delivery of the 40 scanners", "smtp", "sent"),
            self._send(BEN, PRIYA, "Sensors for the wards", "ses", "delivered"),
        ]
        for one in sent:
            self._ensure_once(one, self._show(one.card, 1))
        self._ensure_once(sent[0], self._show(HARBOR, 1))
        on_either = [*self._read(WARDS), *self._read(LABS)]
        ensure(not _of(sent[1].thread_id, on_either), "Priya's thread is on one of two open deals")
        page.line()
        page.proved("each is on its cards once, and its customer received it once")
        page.proved("one copy lies in Sent: her provider filed Aiko's, Mailmirror Ben's")
        return sent

    def detach(self, letter: Letter) -> str:
        """The CRM takes the thread of the news off its deal, by the webhook; return its id."""
        page.act("A thread is taken off its deal")
        (thread,) = {one["thread_id"] for one in self._read(HARBOR) if _is(one, letter)}
        event = {
            "id": "evt-detached",
            "type": "association.detached",
            "occurred_at": datetime.now(UTC).isoformat(),
            "data": {"deal_id": HARBOR.id, "thread_id": thread, "user_id": AIKO.user_id},
        }
        page.line(f"  {AIKO.name} takes {letter.subject!r} off {HARBOR.title!r}.")
        self._crm.post_events([event])
        took = page.wait_for(
            "the event to be applied",
            lambda: "the thread is on the deal" if _of(thread, self._read(HARBOR)) else "",
        )
        page.line(f"  The CRM's signed event says so: off {took:.1f} s after.")
        self._show(HARBOR, 2)
        return str(thread)

    def answer(self, sent: Sequence[Sent], letter: Letter, detached: str) -> float:
        """Customers answer what they received, and Laura writes on in the detached thread.

        Returns:
            Seconds until all that is on its cards.
        """
        page.act("The customers answer")
        answers = [self._reply(one) for one in sent]
        goes_on = news(datetime.now(UTC), [letter])
        for written in (*answers, goes_on):
            self._deliver(written)
        page.line(f"  {LAURA.name} writes on in the thread that was detached.")
        awaited = [(LAURAS, answers[0]), (PRIYAS, answers[1]), (HARBOR, answers[0])]
        awaited.append((LAURAS, goes_on))
        took = page.wait_for("the next scheduled run", lambda: self._missing(awaited))
        page.wait_for("every copy to be judged", self._unjudged)
        page.line(f"  On their cards {took:.0f} s after:")
        for one, its_answer in zip(sent, answers, strict=True):
            messages = self._show(one.card, 3)
            self._ensure_once(one, messages)
            on_thread = [_is(message, its_answer) for message in _of(one.thread_id, messages)]
            ensure(any(on_thread), f"{its_answer.subject!r} is not on the thread that it answers")
        went_on = [_is(message, goes_on) for message in _of(detached, self._read(LAURAS))]
        ensure(any(went_on), f"{goes_on.subject!r} is not on its thread")
        ensure(not _of(detached, self._show(HARBOR, 3)), "a detached thread came back to its deal")
        page.line()
        page.proved("each answer is on the thread of what it answers, SES's too")
        page.proved("what was sent is there once still, its copy in Sent judged")
        page.proved("the detached thread went on, on her card and not on the deal")
        return took

    def attach(self, detached: str, to_priya: Sent) -> None:
        """Only a person's word puts a thread on a deal where no rule does."""
        page.act("A person puts threads on deals")
        page.line(f"  {AIKO.name} puts the detached thread back on {HARBOR.title!r}.")
        self._crm.ask(AIKO.user_id, "PUT", f"/deals/{HARBOR.id}/threads/{detached}")
        back, whole = _of(detached, self._show(HARBOR, 3)), _of(detached, self._read(LAURAS))
        same = {one["id"] for one in back} == {one["id"] for one in whole}
        ensure(bool(back) and same, f"{len(back)} of {len(whole)} messages are back on the deal")
        page.line()
        page.line(f"  {BEN.name} puts {to_priya.subject!r} on {WARDS.title!r}.")
        self._crm.ask(BEN.user_id, "PUT", f"/deals/{WARDS.id}/threads/{to_priya.thread_id}")
        self._ensure_once(to_priya, self._show(WARDS, 2))
        ensure(not _of(to_priya.thread_id, self._read(LABS)), "Priya's thread is on both deals")
        page.line()
        page.proved(f"attached, all {len(back)} messages are back in the next read")
        page.proved("of Priya's two open deals, her thread is on the one Ben chose")

    def _read(self, card: Card) -> list[Json]:
        return self._crm.card(card.viewer.user_id, card.kind, card.id)[0]

    def _show(self, card: Card, shown: int) -> list[Json]:
        messages, coverage = self._crm.card(card.viewer.user_id, card.kind, card.id)
        page.card(card.title, card.viewer.name, card.viewer.address, messages, shown)
        if not messages:
            page.line(f"  {self._why_empty(card)}", page.DIM)
        parts = [("mail", one) for one in coverage["mailboxes"]]
        for what, part in [*parts, ("the CRM's facts", coverage["feed"])]:
            until = f"complete as of {page.moment(part['as_of'])}" if part["complete"] else ""
            page.line(f"  {what}: {until or part['reason']}", page.DIM)
        return messages

    def _why_empty(self, card: Card) -> str:
        """Why a deal has no mail, as far as the CRM's facts tell."""
        deal = next(one for one in DEALS if one.id == card.id)
        names = " and ".join(contact.name for contact in deal.contacts)
        days, status = deal.history[-1]
        if not deal.is_open:
            return f"No mail: {status} {days} days ago, before all mail with {names}."
        rivals = [one for one in DEALS if one.is_open and one.contacts == deal.contacts]
        ensure(len(rivals) > 1, f"{card.title} has no mail")
        return f"No mail: of {len(rivals)} open deals with {names}, no override names one."

    def _mailbox(self, rep: Rep, part: str = "") -> Json:
        return self._crm.ask(rep.user_id, "GET", f"/mailboxes/{self._mailboxes[rep]}{part}")

    def _last_deal_is_unknown(self) -> str:
        last = CARDS[DEALS[-1].id]
        try:
            self._read(last)
        except Refused as refused:
            # Until the last event is applied, the card, or at first even the user, is unknown.
            if refused.status not in (403, 404):
                raise
            return f"{last.title} has no card"
        return ""

    def _unjudged(self) -> str:
        """How many copies of each mailbox have a verdict; empty when all have."""
        stands = []
        for rep in REPS:
            folders, state = self._mailbox(rep, "/ledger")["folders"], self._mailbox(rep)
            total = sum(self._servers.in_folder(rep.address, one) for one in ("INBOX", "Sent"))
            judged = sum(sum(_given(one).values()) - one["verdicts"]["pending"] for one in folders)
            if judged != total or not state["last_success_at"]:
                error = f", {state['error']['reason']}" if state["error"] else ""
                stands.append(f"{rep.given_name} {state['state']} {judged}/{total}{error}")
        return "; ".join(stands)

    def _missing(self, awaited: Sequence[tuple[Card, Letter]]) -> str:
        for card, letter in awaited:
            if not any(_is(message, letter) for message in self._read(card)):
                return f"no {letter.subject!r} on the {card.kind}"
        return ""

    def _deliver(self, letter: Letter) -> None:
        """Hand a letter from the world to the reps' server, as its writer's server does."""
        with smtplib.SMTP(HOST, self._servers.world_port) as smtp:
            smtp.sendmail(letter.sender.address, letter.recipients, letter.to_bytes())

    def _send(self, rep: Rep, customer: Customer, subject: str, by: str, ends: str) -> Sent:
        message = {
            "from": rep.address,
            "to": [{"address": customer.addresses[0], "name": customer.name}],
            "subject": subject,
            "text": f"Hello {customer.greeting},\n\na word about {subject.lower()}.\n",
            "transport": by,
        }
        began = time.monotonic()
        accepted, repeated = (
            self._crm.ask(rep.user_id, "POST", "/messages", message, f"demo-{by}") for _ in "12"
        )
        ensure(accepted["id"] == repeated["id"], "the same request, repeated, made two messages")
        sent = Sent(rep, customer, subject, accepted["message_id"], accepted["thread_id"])

        def is_not_on_card() -> str:
            ids = [message["id"] for message in self._read(sent.card)]
            return "" if sent.id in ids else "it is not on the card"

        def has_not_left() -> str:
            outbound = self._crm.ask(rep.user_id, "GET", f"/outbound/{accepted['id']}")
            return "" if outbound["state"] == ends else f"it is {outbound['state']}"

        page.wait_for("the card", is_not_on_card)
        on_card = time.monotonic() - began
        page.wait_for(f"the message to be {ends}", has_not_left)
        page.wait_for("the copy in Sent", lambda: "" if self._in_sent(sent) else "there is none")
        page.line(
            f"  {rep.given_name} to {customer.name} by {by.upper()}: on her card"
            f" {on_card:.1f} s after, {ends} {time.monotonic() - began:.1f} s after."
        )
        return sent

    def _reply(self, sent: Sent) -> Letter:
        """An answer that names the message as its customer received it."""
        (received,) = self._servers.received(sent.customer.addresses[0], sent.subject)
        named = str(message_from_bytes(received)["Message-ID"])
        page.line(f"  {sent.customer.name} answers {named}.")
        return Letter(
            sender=sent.customer.person,
            to=[sent.rep.person],
            subject=f"Re: {sent.subject}",
            text="Thank you, that suits us.\n",
            date=datetime.now(sent.customer.zone).replace(microsecond=0),
            id=f"<answer-{sent.id[:8]}@{sent.customer.addresses[0].partition('@')[2]}>",
            references=[named],
        )

    def _ensure_once(self, sent: Sent, messages: Sequence[Json]) -> None:
        """By subject: a copy taken for another message would have another id."""
        ids = [message["id"] for message in messages if message["subject"] == sent.subject]
        ensure(ids == [sent.id], f"{sent.subject!r} is {len(ids)} times on a card")
        received = len(self._servers.received(sent.customer.addresses[0], sent.subject))
        copies = self._in_sent(sent)
        ensure((received, copies) == (1, 1), f"{received} received, {copies} in Sent")

    def _in_sent(self, sent: Sent) -> int:
        return self._servers.in_folder(sent.rep.address, "Sent", sent.subject)


def _given(folder: Json) -> dict[str, int]:
    """The verdicts that a folder's ledger has given, with how many UIDs have each."""
    return {verdict: count for verdict, count in folder["verdicts"].items() if count}


def _count(uids: int | Sequence[int]) -> int:
    return uids if isinstance(uids, int) else len(uids)


def _ensure_clean(audit: Json) -> None:
    faults = sum(_count(folder[name]) for folder in audit["folders"] for name in FAULTS)
    ensure(faults == 0, f"an audit found {faults} faults")


def _of(thread: str, messages: Sequence[Json]) -> list[Json]:
    return [message for message in messages if message["thread_id"] == thread]


def _is(message: Json, letter: Letter) -> bool:
    """Compare by subject and second, which are unique among the demo's letters."""
    at = datetime.fromisoformat(message["instant"])
    return message["subject"] == letter.subject and abs(at - letter.date) < timedelta(seconds=1)
