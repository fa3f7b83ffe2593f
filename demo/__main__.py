"""Play a sales team's month against a stack on this machine, and print what comes of it."""

import argparse
import fcntl
import secrets
import signal
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import trustme
from requests import RequestException

from commands.provider_file import ProviderFile
from demo import page
from demo.crm import Crm, Refused
from demo.people import AIKO, BEN, REPS
from demo.play import RETURN_URL, Play
from demo.provider import Provider, provider
from local import emulator, environments
from local.deployed import runtime_of_emulator
from local.deployment import DeploymentFailed
from local.down import down
from local.emulator import EmulatorFailed
from local.mail_servers import HOST, MailServers, mail_servers
from local.stack import Home, Options, Stack
from local.up import up
from mailmirror.api.decoding import typed
from mailmirror.domain import mailbox
from mailmirror.usecases.operating.accounts import set_return_urls
from mailmirror.usecases.operating.register_provider import SignInPlaces, register_provider

HOME: Final = Home(environments.HOME / "demo")
ROWS = 8
FAILURES = (DeploymentFailed, EmulatorFailed, Refused, page.Unclean, RequestException)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep everything up until Ctrl-C")
    keep = parser.parse_args().keep
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    passwords = {rep.address: secrets.token_urlsafe(12) for rep in REPS}
    authority = trustme.CA(organization_name="Mailmirror demo")
    by_google = {AIKO.address}
    HOME.directory.mkdir(parents=True, exist_ok=True)
    try:
        with (
            (HOME.directory / ".running").open("w") as lock,
            provider(authority, by_google) as google,
            mail_servers(authority, passwords, google.has_given, by_google) as servers,
        ):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _run(servers, google, passwords, keep)
    except BlockingIOError:
        sys.exit("demo: one of this checkout is running already")
    except KeyboardInterrupt:
        sys.exit("demo: interrupted")
    except FAILURES as error:
        sys.exit(f"demo: {error}")


def _run(servers: MailServers, google: Provider, passwords: Mapping[str, str], keep: bool) -> None:
    page.act("A mail provider and a stack")
    page.line("  The mail provider is embedded in the demo, and stands in for Google, too:")
    page.line(f"  IMAP on {HOST}:{servers.imap_port}, SMTP on {HOST}:{servers.smtp_port},")
    page.line(f"  sign-ins on {google.url.removeprefix('https://')}.")
    page.line("  MiniStack emulates AWS. Google is never called, and no mail leaves this machine.")
    try:
        stack = _up(servers)
        _enter_google(stack, google, servers)
        play = Play(Crm(stack), servers, datetime.now(UTC))
        page.line(f"  {len(play.copies)} copies of mail lie in {len(REPS)} mailboxes.")
        play.tell_the_crms_facts()
        play.connect(passwords, google)
        play.await_schedule()
        play.show_cards(ROWS)
        play.show_ledgers()
        letter, news_took = play.deliver_news()
        sent = play.send()
        detached = play.detach(letter)
        answers_took = play.answer(sent, letter, detached)
        play.attach(detached, sent[-1])
        if keep:
            page.act("The stack and the mail servers stay up until Ctrl-C")
            page.line(f"  API: {stack.endpoint}/v1   all else: {HOME.directory / 'stack.json'}")
            signal.pause()
    except FAILURES as error:
        page.line(f"  ✗ {error}")  # below the heading of what failed
        raise
    finally:
        page.act("The stack is stopped")
        down(HOME)
    page.act("What was shown")
    for text in (
        f"{len(play.copies)} copies have the verdicts they were written for; the audits are clean.",
        f"Customers' mail was on its cards {news_took:.0f} and {answers_took:.0f} s after it came.",
        "Two messages left, each once, by SMTP and by SES, and have answers in their threads.",
        "A thread taken off its deal stayed off, though a letter came, until a person put it back.",
        "Next: docs/quickstart.md goes from `make up` to a card of your own.",
    ):
        page.line(f"  {text}")


def _up(servers: MailServers) -> Stack:
    """Start a stack that trusts the servers' authority, and that has Ben verified at SES."""
    authority = HOME.directory / "authority.pem"
    authority.write_bytes(servers.authority_pem)
    stack = up(HOME, Options(authority, f"{HOST}/32", f"{HOST}:{servers.world_port}"))
    ses = emulator.session().client("sesv2", endpoint_url=stack.aws_endpoint)
    ses.create_email_identity(EmailIdentity=BEN.address)
    return stack


def _enter_google(stack: Stack, google: Provider, servers: MailServers) -> None:
    """What an operator does once: a client at Google, and where browsers may return to."""
    imap = {"host": HOST, "port": servers.imap_port, "security": "tls"}
    smtp = {"host": HOST, "port": servers.smtp_port, "security": "tls"}
    file = typed({**google.endpoints, "imap": imap, "smtp": smtp}, ProviderFile)
    places = SignInPlaces.parse("google", "", stack.endpoint, file.urls(), file.servers())
    account = mailbox.AccountId(stack.account_id)
    runtime = runtime_of_emulator(stack.aws_endpoint)
    client = google.register(f"{stack.endpoint}/oauth/google/callback")
    register_provider(account, *client, places, runtime)
    set_return_urls(account, RETURN_URL, runtime)


if __name__ == "__main__":
    main()
