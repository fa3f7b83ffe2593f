"""Play a sales team's month against a stack on this machine, and print what comes of it."""

import argparse
import logging
import secrets
import signal
import sys
import warnings
from datetime import UTC, datetime
from typing import NoReturn

import requests
import trustme

from demo import stack
from demo.crm import Crm, Refused
from demo.exchange import Exchange
from demo.mail import month
from demo.page import Page
from demo.people import BEN, REPS
from demo.play import RETURN_URL, Play, Unclean
from demo.provider import NotSignedIn, Provider, provider
from demo.servers import HOST, Credentials, MailServers, mail_servers
from demo.waiting import Late
from local.deployment import DeploymentFailed
from local.emulator import EmulatorFailed
from local.stack import Stack

ROWS = 8


def main() -> int:
    """Run the demo; 0 if all went as it must."""
    arguments = _parser().parse_args()
    # aiosmtpd warns of an attribute of its own at each sign-in, and of sign-ins without
    # STARTTLS, where the connection is TLS from its first byte.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")
    signal.signal(signal.SIGTERM, _end)
    try:
        logins = [Credentials(rep.address, secrets.token_urlsafe(12)) for rep in REPS]
        authority = trustme.CA(organization_name="Mailmirror demo")
        by_google = {REPS[0].address}
        with (
            stack.alone(),
            provider(authority, by_google) as google,
            mail_servers(authority, logins, google.has_given, by_google) as servers,
        ):
            _run(servers, google, logins, arguments.keep, arguments.all)
    except (
        DeploymentFailed,
        EmulatorFailed,
        Late,
        NotSignedIn,
        Refused,
        Unclean,
        stack.DemoRuns,
        requests.RequestException,
    ) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return 130
    return 0


def _run(
    servers: MailServers,
    google: Provider,
    logins: list[Credentials],
    keep: bool,
    every_row: bool,
) -> None:
    page = Page()
    now = datetime.now(UTC)
    page.act("A mail provider and a stack")
    page.line("  The mail provider is embedded in the demo, and stands in for Google, too:")
    page.line(
        f"  IMAP on {HOST}:{servers.imap_port}, SMTP on {HOST}:{servers.smtp_port},"
        f" sign-ins on {google.url.removeprefix('https://')}."
    )
    page.line("  MiniStack emulates AWS. Google is never called, and no mail leaves this machine.")
    filed = month(now)
    for copy in filed:
        servers.file(copy.username, copy.folder, copy.raw, copy.received_at)
    page.line(f"  {len(filed)} copies of mail lie in {len(logins)} mailboxes.")
    try:
        described = stack.up(
            servers.authority_pem,
            networks=f"{HOST}/32",
            ses_relay=f"{HOST}:{servers.world_port}",
        )
        _enter_google(described, google, servers)
        stack.verify_at_ses(described, BEN.address)
        crm = Crm(
            described.endpoint, described.account_id, described.api_key, described.webhook_secret
        )
        play = Play(crm, servers, page, now)
        play.tell_the_crms_facts()
        connected = play.connect(logins, google)
        play.await_schedule(connected, filed)
        play.show_cards(shown=len(filed) if every_row else ROWS)
        play.show_ledgers(connected, filed)
        news = play.deliver_news()
        news_took = play.await_news(news)
        exchange = Exchange(crm, servers, page, connected)
        sent = exchange.send()
        detached = exchange.detach(news)
        answers_took = exchange.answer(sent, news, detached)
        exchange.attach(detached, sent[-1])
        if keep:
            _linger(page, described)
    finally:
        page.act("The stack is stopped")
        stack.down()
    _sum_up(page, len(filed), news_took, answers_took)


def _sum_up(page: Page, copies: int, news_took: float, answers_took: float) -> None:
    """What has been checked by now, and where to go on."""
    page.act("What was shown")
    for line in (
        f"{copies} copies of mail have the verdicts they were written for; no audit found a fault.",
        f"Customers' mail was on its cards {news_took:.0f} s and {answers_took:.0f} s after it came.",
        "Two messages left, each once, by SMTP and by SES, and have answers in their threads.",
        "A thread taken off its deal stayed off, though a letter came, until a person put it back.",
        "Next: `make test` runs every check and test, `make up` starts a stack to use (README.md).",
    ):
        page.line(f"  {line}")


def _enter_google(described: Stack, google: Provider, servers: MailServers) -> None:
    """What an operator does once: a client at Google, and where browsers may return to."""
    client = google.register(stack.redirect_uri(described))
    imap = {"host": HOST, "port": servers.imap_port, "security": "tls"}
    smtp = {"host": HOST, "port": servers.smtp_port, "security": "tls"}
    endpoints = {**google.endpoints, "imap": imap, "smtp": smtp}
    stack.register_google(described, client.client_id, client.client_secret, endpoints)
    stack.allow_return(described, RETURN_URL)


def _linger(page: Page, described: Stack) -> None:
    """Keep everything until Ctrl-C."""
    page.act("The stack and the mail servers stay up until Ctrl-C")
    page.line(f"  API: {described.endpoint}/v1")
    page.line(f"  All else: {stack.HOME.directory / 'stack.json'}")
    try:
        signal.pause()
    except KeyboardInterrupt:
        page.line()


def _end(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep everything up until Ctrl-C")
    parser.add_argument("--all", action="store_true", help=f"print whole cards, not {ROWS} rows")
    return parser


if __name__ == "__main__":
    sys.exit(main())
