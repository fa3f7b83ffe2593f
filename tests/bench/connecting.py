"""How soon a card shows the newest mail of a mailbox that was just connected, on a deployed stack.

    POST /v1/mailboxes ─► the servers are tried ─► 201 ─► first sync ─► the card has the newest mail

The stack is idle but for this. The first mailbox meets functions that have not run yet.
"""

import tempfile
import time
from datetime import timedelta
from pathlib import Path

import trustme

from local.deployed import runtime_of_emulator
from local.down import down
from local.stack import Home, Options
from local.up import up
from mailmirror.usecases.operating.accounts import create_account
from tests.crm import Crm, contact, user
from tests.servers.dovecot import Dovecot, Folder
from tests.stack.feed import told
from tests.stack.mailing import Login, ago, form, letter
from tests.stack.waiting import wait_for

_LOGINS = [Login(f"rep-{number}", "secret") for number in range(1, 6)]
_MESSAGES = 500
"""Of each folder, half of them with the customer."""
_FOLDERS = ("INBOX", "Sent", "Archive", "Customers")
_REP, _KIM = "rep@us.example", "kim@customer.example"
_NEWEST = "Newest"


def connecting() -> None:
    """Connect several mailboxes, one after the other, and print the seconds that each took."""
    authority = trustme.CA()
    home = Home(Path(tempfile.mkdtemp(prefix="mailmirror-bench-")))
    folders = [Folder(name) for name in _FOLDERS[1:]]
    logins = {one.username: one.password for one in _LOGINS}
    with Dovecot(logins, folders, issuer=authority) as server:
        try:
            stack = up(home, Options(server.authority, "127.0.0.0/8,::1/128"))
            office = runtime_of_emulator(stack.aws_endpoint)
            print(
                f"\nA mailbox of {_MESSAGES * len(_FOLDERS)} messages is connected: seconds until"
            )
            print("  the answer   the newest message is on its card, after the answer")
            for login in _LOGINS:
                _fill(server, login)
                crm = Crm(stack.endpoint, create_account("bench", office))
                told(crm, user("rep", _REP), contact("kim", _KIM))
                _connect(crm, server, login)
        finally:
            down(home)


def _connect(crm: Crm, server: Dovecot, login: Login) -> None:
    began = time.monotonic()
    crm.connect(form(server, login, "rep", _REP))
    answered = time.monotonic()
    wait_for(
        "the newest message",
        lambda: crm.get("/contacts/kim/messages", "rep", limit=1)["messages"],
        lambda shown: bool(shown) and shown[0]["subject"] == _NEWEST,
        seconds=60,
    )
    print(f"  {answered - began:10.1f}   {time.monotonic() - answered:.1f}")


def _fill(server: Dovecot, login: Login) -> None:
    for name in _FOLDERS:
        old = [
            (letter(_KIM if n % 2 else "news@else.example", _REP, date=at).as_bytes(), at)
            for n in range(_MESSAGES, 0, -1)
            for at in [ago(hours=n) - timedelta(minutes=_FOLDERS.index(name))]
        ]
        server.append_all(login.username, name, old)
    at = ago(minutes=1)
    newest = letter(_KIM, _REP, subject=_NEWEST, date=at).as_bytes()
    server.append_all(login.username, "Customers", [(newest, at)])
