"""The acts: the CRM tells what it knows, two mailboxes are connected, mail appears on cards."""

import smtplib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import requests

from demo.cards import Cards, card_of, cards
from demo.crm import Crm, Entry, Json, Refused
from demo.mail import Copy, news, verdicts
from demo.mime import Draft, render
from demo.page import Page, moment
from demo.people import DEALS, LAURA, REPS, Rep, crm_events
from demo.provider import Provider
from demo.servers import HOST, Credentials, MailServers
from demo.waiting import NotYet, wait_for

FEED_PATIENCE: Final = timedelta(minutes=2)
SYNC_PATIENCE: Final = timedelta(minutes=6)
"""The schedule fires every minute; a slow machine may need a few of them to warm up."""

RETURN_URL: Final = "https://crm.tidewater.example/settings/mailboxes"

FAULTS: Final = ("missing", "extra", "overlap")
"""What an audit may not find; its other figures are no faults."""


class Unclean(Exception):
    """An audit or a ledger is not what it must be."""


@dataclass(frozen=True, slots=True)
class Connected:
    rep: Rep
    mailbox_id: str


class Play:
    """One run against one account and one mail provider."""

    def __init__(self, crm: Crm, servers: MailServers, page: Page, now: datetime) -> None:
        self._crm = crm
        self._servers = servers
        self._page = page
        self._now = now
        self._cards = Cards(crm, page)

    def tell_the_crms_facts(self) -> None:
        """Post users, people and deals, and wait until the last of them has a card."""
        events = crm_events(self._now)
        self._page.act("The CRM tells what it knows")
        self._crm.post_events(events)
        self._page.line(f"  {len(events)} signed events: users, leads, contacts, deals.")
        wait_for("the feed to be applied", self._last_deal_is_known, FEED_PATIENCE, self._page)
        self._page.line("  Applied.")

    def connect(self, logins: Sequence[Credentials], google: Provider) -> list[Connected]:
        """Connect each rep's mailbox, as that rep: one at Google, one by password."""
        self._page.act("Two mailboxes are connected")
        connected: list[Connected] = []
        for rep, login in zip(REPS, logins, strict=True):
            by_google = rep is REPS[0]
            mailbox_id = (
                self._sign_in(rep, google)
                if by_google
                else self._crm.connect(self._settings(rep, login))
            )
            connected.append(Connected(rep, mailbox_id))
            how = "signed in at Google's stand-in" if by_google else "entered a password"
            self._page.line(f"  {rep.given_name} {how}: {login.username} is mailbox {mailbox_id}.")
        self._page.verdict(True, "the sign-in's callback, called a second time, was refused")
        return connected

    def _sign_in(self, rep: Rep, google: Provider) -> str:
        """What a browser does: Google's page, the callback, and back to the CRM."""
        url = self._crm.authorize(rep.user_id, rep.address, RETURN_URL)
        callback = google.browse(url, rep.address)
        back = requests.get(callback, timeout=60, allow_redirects=False).headers.get("Location", "")
        told = dict(parse_qsl(urlsplit(back).query))
        if not back.startswith(RETURN_URL) or told.get("status") != "connected":
            raise Unclean(f"the sign-in ended at {back or 'no page'}")
        again = requests.get(callback, timeout=60, allow_redirects=False)
        if again.status_code != 400:
            raise Unclean(f"a replayed callback was answered with HTTP {again.status_code}")
        return told["mailbox_id"]

    def await_schedule(self, connected: Sequence[Connected], filed: Sequence[Copy]) -> None:
        """Wait until the schedule has synced both; nothing here asks for a sync."""
        expected = {rep.address: 0 for rep in REPS}
        for (username, _), counts in verdicts(filed).items():
            expected[username] += counts.total()
        self._page.act("The schedule starts the sync")
        began = time.monotonic()

        def both_are_synced() -> None:
            stands = [self._stands(mailbox, expected) for mailbox in connected]
            if any(stands):
                raise NotYet("; ".join(filter(None, stands)))

        wait_for("the scheduled sync", both_are_synced, SYNC_PATIENCE, self._page)
        total = sum(expected.values())
        self._page.line(f"  {total} messages judged {time.monotonic() - began:.0f} s after.")

    def show_cards(self, shown: int) -> None:
        """Print every card with its newest `shown` entries."""
        self._page.act("What a salesperson sees")
        self._page.key()
        for card in cards():
            self._cards.show(card, shown)

    def show_ledgers(self, connected: Sequence[Connected], filed: Sequence[Copy]) -> None:
        """Print each mailbox's ledger and audit.

        Raises:
            Unclean: an audit found something, or a verdict is not what the mail was made for.
        """
        self._page.act("Every message is accounted for")
        expected = verdicts(filed)
        for mailbox in connected:
            state = self._crm.mailbox(mailbox.mailbox_id, mailbox.rep.user_id)
            succeeded = moment(datetime.fromisoformat(state["last_success_at"]))
            self._page.line()
            self._page.line(
                f"  {mailbox.rep.name}, {mailbox.rep.address}: {state['state']},"
                f" last success {succeeded}"
            )
            ledger = self._crm.ledger(mailbox.mailbox_id, mailbox.rep.user_id)
            self._page.table(_ledger_rows(ledger))
            self._check_verdicts(mailbox, ledger, expected)
            self._check_audit(mailbox)

    def deliver_news(self) -> Draft:
        """A customer answers: her server hands the message to ours, for both readers."""
        draft = news(datetime.now(UTC))
        self._page.act(f"{LAURA.name} answers")
        deliver(draft, self._servers)
        self._page.line(f"  {draft.subject!r} was delivered at {moment(draft.date)}.")
        return draft

    def await_news(self, draft: Draft) -> float:
        """Show what the next scheduled run has put on top of its card, and return its seconds."""
        card = card_of(LAURA.person_id)
        began = time.monotonic()

        def it_is_on_top() -> Entry:
            newest = self._crm.newest(card.kind, card.card_id, card.seen_by.user_id)
            if newest is None or newest.message_id.strip("<>") != (draft.message_id or "").strip(
                "<>"
            ):
                raise NotYet(f"the newest is of {moment(newest.instant)}" if newest else "no mail")
            return newest

        wait_for("the next scheduled run", it_is_on_top, SYNC_PATIENCE, self._page)
        took = time.monotonic() - began
        self._page.line(f"  On its card {took:.0f} s after:")
        self._cards.show(card, 3)
        return took

    def _settings(self, rep: Rep, login: Credentials) -> Json:
        return {
            "user_id": rep.user_id,
            "email": login.username,
            "provider": "imap",
            "imap": {"host": HOST, "port": self._servers.imap_port, "security": "tls"},
            "smtp": {"host": HOST, "port": self._servers.smtp_port, "security": "tls"},
            "username": login.username,
            "password": login.password,
        }

    def _last_deal_is_known(self) -> None:
        deal = DEALS[-1]
        try:
            self._crm.newest("deal", deal.deal_id, deal.contacts[0].owner.user_id)
        except Refused as refused:
            # The feed keeps its order: until its last event is applied, the card, or at
            # first even the acting user, is unknown.
            if refused.status in (403, 404):
                raise NotYet(f"{deal.name} has no card") from refused
            raise

    def _stands(self, mailbox: Connected, expected: Mapping[str, int]) -> str:
        """How far a mailbox's first sync is; empty when it is done."""
        state = self._crm.mailbox(mailbox.mailbox_id, mailbox.rep.user_id)
        ledger = self._crm.ledger(mailbox.mailbox_id, mailbox.rep.user_id)
        judged = sum(sum(folder["verdicts"].values()) for folder in ledger)
        pending = sum(folder["verdicts"].get("pending", 0) for folder in ledger)
        if state["last_success_at"] and not pending and judged == expected[mailbox.rep.address]:
            return ""
        error = f", {state['error']['reason']}" if state["error"] else ""
        of = expected[mailbox.rep.address]
        return f"{mailbox.rep.given_name} {state['state']} {judged - pending}/{of}{error}"

    def _check_verdicts(
        self,
        mailbox: Connected,
        ledger: Sequence[Json],
        expected: Mapping[tuple[str, str], Counter[str]],
    ) -> None:
        for folder in ledger:
            wanted = dict(expected[mailbox.rep.address, folder["name"]])
            given = {verdict: count for verdict, count in folder["verdicts"].items() if count}
            if wanted != given:
                raise Unclean(f"{folder['name']}: verdicts {given}, and should be {wanted}")
        self._page.verdict(True, "every verdict is the one that the mail was written for")

    def _check_audit(self, mailbox: Connected) -> None:
        folders = self._crm.audit(mailbox.mailbox_id, mailbox.rep.user_id)
        self._page.line()
        self._page.table(_audit_rows(folders))
        if not is_clean(folders):
            self._page.verdict(False, "the server and the ledger differ")
            raise Unclean(f"the audit of {mailbox.rep.address} is not clean")
        self._page.verdict(True, "the audit is clean: server and ledger agree on every UID")


def deliver(draft: Draft, servers: MailServers) -> None:
    """Hand a letter from the world to the reps' server, as its writer's server does."""
    recipients = [person.address for person in (*draft.to, *draft.cc)]
    with smtplib.SMTP(HOST, servers.world_port) as smtp:
        smtp.sendmail(draft.sender.address, recipients, render(draft))


def is_clean(audit: Sequence[Json]) -> bool:
    """Whether server and ledger agree in every folder."""
    return not any(_count(folder[name]) for folder in audit for name in FAULTS)


def _ledger_rows(ledger: Sequence[Json]) -> list[list[str]]:
    names = [folder["name"] for folder in ledger]
    verdict_names = [
        verdict
        for verdict in dict.fromkeys(name for folder in ledger for name in folder["verdicts"])
        if any(folder["verdicts"].get(verdict) for folder in ledger)
    ]
    rows = [["verdict", *names, "all"]]
    for verdict in verdict_names:
        counts = [folder["verdicts"].get(verdict, 0) for folder in ledger]
        rows.append([verdict, *map(str, counts), str(sum(counts))])
    totals = [sum(folder["verdicts"].values()) for folder in ledger]
    return [*rows, ["UIDs", *map(str, totals), str(sum(totals))]]


def _audit_rows(folders: Sequence[Json]) -> list[list[str]]:
    rows = [["audit", *(folder["name"] for folder in folders), "all"]]
    for key in ("server_uids", *FAULTS, "pending", "removed", "gone"):
        counts = [_count(folder[key]) for folder in folders]
        rows.append([key, *map(str, counts), str(sum(counts))])
    return rows


def _count(uids: int | Sequence[int]) -> int:
    return uids if isinstance(uids, int) else len(uids)
