"""Sending through the deployed stack: by the user's own server, and by SES."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from mailmirror.mail.mime.content import parse_message
from mailmirror.runtime import Runtime
from mailmirror.usecases.operating.accounts import set_codes_mailbox
from tests.crm import Crm, Json, contact, deal, user
from tests.servers.dovecot import Dovecot
from tests.servers.postfix import Postfix
from tests.stack.feed import told
from tests.stack.mailing import Login, form, letter
from tests.stack.team import SYNC_SECONDS, wait_until_healthy
from tests.stack.waiting import wait_for

SENDER, KIM = "sender@us.example", "kim@sending.example"


class Sender:
    """A user with a mailbox that can send, and a contact with a deal."""

    def __init__(self, crm: Crm, server: Dovecot, postfix: Postfix, login: Login) -> None:
        self.crm, self.server, self.postfix, self.login = crm, server, postfix, login
        told(crm, user("sue", SENDER), contact("kim", KIM), deal("order", "kim"))
        smtp = {"host": postfix.host, "port": postfix.submission_port, "security": "starttls"}
        asked = form(server, login, "sue", SENDER) | {"smtp": smtp}
        self.mailbox = crm.connect(asked)
        crm.sync(self.mailbox)
        wait_until_healthy(crm, self.mailbox)

    def send(self, *, key: str | None = None, **fields: Any) -> requests.Response:
        body = {"from": SENDER, "to": [KIM], "subject": "Hello", "text": "Hello.", **fields}
        headers = {"Idempotency-Key": key} if key else {}
        return self.crm.ask("POST", "/messages", "sue", json=body, headers=headers)

    def sent(self, **fields: Any) -> Json:
        """Send what can be sent, and wait until a server has it."""
        answer = self.send(**fields)
        assert answer.status_code == 202, answer.text
        return wait_for(
            "the message to leave",
            lambda: self.crm.get(f"/outbound/{answer.json()['id']}", "sue"),
            lambda seen: seen["state"] not in ("accepted", "sending"),
            40,
        )

    def copies_in_sent(self, message: Json) -> int:
        with self.server.session(self.login.username) as client:
            client.select_folder("Sent", readonly=True)
            return len(client.search(["HEADER", "Message-ID", message["internet_message_id"]]))


@pytest.fixture(scope="module")
def sender(
    new_crm: Callable[[], Crm],
    mail_server: Dovecot,
    postfix: Postfix,
    new_login: Callable[[], Login],
    aws: Any,
) -> Sender:
    aws("sesv2").create_email_identity(EmailIdentity=SENDER)
    return Sender(new_crm(), mail_server, postfix, new_login())


def test_a_message_leaves_by_the_users_own_server_and_is_on_its_cards_at_once(
    sender: Sender,
) -> None:
    message = sender.sent(subject="By SMTP")
    (raw,) = sender.postfix.await_received(KIM)
    card = [m for m in sender.crm.card("contacts/kim", "sue") if m["subject"] == "By SMTP"]
    on_deal = [m for m in sender.crm.card("deals/order", "sue") if m["subject"] == "By SMTP"]

    assert (message["state"], message["transport"]) == ("sent", "smtp")
    assert [m["id"] for m in card] == [m["id"] for m in on_deal] == [message["message_id"]]
    assert (card[0]["delivery"], card[0]["direction"]) == ("sent", "outgoing")
    assert card[0]["thread_id"] == message["thread_id"]
    assert b"X-Mailmirror-Id: " in raw
    assert sender.copies_in_sent(message) == 1


def test_a_message_leaves_by_ses_and_its_delivery_is_reported(sender: Sender) -> None:
    before = len(sender.postfix.received(KIM))
    message = sender.sent(subject="By SES", transport="ses")
    raw = sender.postfix.await_received(KIM, before + 1)[-1]
    delivered = wait_for(
        "SES to tell of the delivery",
        lambda: sender.crm.get(f"/outbound/{message['id']}", "sue"),
        lambda seen: seen["state"] == "delivered",
    )

    assert delivered["recipients"][0]["state"] == "delivered"
    assert b"@email.amazonses.com>" in raw
    assert sender.copies_in_sent(message) == 1


def test_a_reply_to_what_ses_sent_is_on_the_same_thread(sender: Sender) -> None:
    before = len(sender.postfix.received(KIM))
    message = sender.sent(subject="Asked by SES", transport="ses")
    raw = sender.postfix.await_received(KIM, before + 1)[-1].decode()
    (line,) = [one for one in raw.splitlines() if one.lower().startswith("message-id:")]
    given = line.partition(":")[2].strip()
    reply = letter(KIM, SENDER, subject="Re: Asked by SES", In_Reply_To=given)
    sender.server.append(sender.login.username, "INBOX", reply.as_bytes())
    sender.crm.sync(sender.mailbox)

    answered = wait_for(
        "the reply on its card",
        lambda: [
            m for m in sender.crm.card("contacts/kim", "sue") if m["subject"] == "Re: Asked by SES"
        ],
        seconds=SYNC_SECONDS,
    )
    assert answered[0]["thread_id"] == message["thread_id"]
    once = [m for m in sender.crm.card("contacts/kim", "sue") if m["subject"] == "Asked by SES"]
    assert len(once) == 1


def test_ses_tells_of_bounces_and_of_suppressed_addresses(sender: Sender) -> None:
    addresses = [
        f"{name}@simulator.amazonses.com" for name in ("bounce", "suppressionlist", "success")
    ]
    message = sender.sent(subject="To the simulator", transport="ses", to=addresses)
    told_of = wait_for(
        "SES to tell of all three",
        lambda: sender.crm.get(f"/outbound/{message['id']}", "sue"),
        lambda seen: all(one["state"] != "sent" for one in seen["recipients"]),
    )

    assert told_of["state"] == "bounced"
    states = [(one["state"], (one["error"] or {}).get("code")) for one in told_of["recipients"]]
    assert states == [
        ("bounced", "recipient_unknown"),
        ("bounced", "suppressed"),
        ("delivered", None),
    ]


def test_an_address_that_ses_has_not_verified_may_not_send(sender: Sender, aws: Any) -> None:
    ses = aws("sesv2")
    ses.delete_email_identity(EmailIdentity=SENDER)
    try:
        message = sender.sent(subject="Unverified", transport="ses")
    finally:
        ses.create_email_identity(EmailIdentity=SENDER)

    assert message["state"] == "failed"
    assert message["error"]["code"] == "sender_not_allowed"
    assert message["error"]["remedy"]


def test_an_address_is_proven_by_the_code_that_is_sent_there(
    sender: Sender, office: Runtime
) -> None:
    set_codes_mailbox(sender.crm.account.account_id, sender.mailbox, office)
    address = "sue.alias@else.example"
    asked = sender.crm.ask("POST", "/users/sue/addresses", json={"address": address})
    assert (asked.status_code, asked.json()["proof"]) == (202, None)
    raw = sender.postfix.await_received(address)[-1]
    code = re.match(r"\d{6}\n", parse_message(raw).text)
    assert code is not None

    confirm = "/users/sue/addresses/confirm"
    other = "000000" if code[0].strip() != "000000" else "111111"
    wrong = sender.crm.ask("POST", confirm, json={"address": address, "code": other})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "proof_code_wrong")
    answer = sender.crm.ask("POST", confirm, json={"address": address, "code": code[0].strip()})
    assert (answer.status_code, answer.json().get("proof")) == (200, "code"), answer.text
    again = sender.crm.ask("POST", "/users/sue/addresses", json={"address": address})
    assert (again.status_code, again.json()["proof"]) == (200, "code")


def test_a_repeated_request_sends_once(sender: Sender) -> None:
    before = len(sender.postfix.received(KIM))
    first = sender.send(key="once", subject="Once")
    again = sender.send(key="once", subject="Once")
    other = sender.send(key="once", subject="Another")

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")
    sender.postfix.await_received(KIM, before + 1)
    sender.sent(subject="After it")
    assert len(sender.postfix.received(KIM)) == before + 2


def test_an_attachment_is_uploaded_and_arrives(sender: Sender) -> None:
    before = len(sender.postfix.received(KIM))
    made = sender.crm.ask("POST", "/uploads", json={"content_type": "application/pdf"}).json()
    put = requests.put(made["url"], data=b"%PDF-1.7 \xff", headers=made["headers"], timeout=20)
    assert put.status_code == 200, put.text
    attached = {
        "upload_id": made["upload_id"],
        "name": "見積書.pdf",
        "content_type": "application/pdf",
    }
    message = sender.sent(subject="With a file", attachments=[attached])
    sender.postfix.await_received(KIM, before + 1)

    whole = sender.crm.get(f"/messages/{message['message_id']}", "sue")
    assert [(one["name"], one["size"]) for one in whole["attachments"]] == [("見積書.pdf", 10)]


def test_anothers_outbound_is_not_there(sender: Sender) -> None:
    message = sender.sent(subject="Mine")
    told(sender.crm, user("ned", "ned@us.example"))

    answer = sender.crm.ask("GET", f"/outbound/{message['id']}", "ned")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    refused = sender.crm.ask(
        "POST", "/messages", "ned", json={"from": SENDER, "to": [KIM], "text": "x"}
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "from_not_yours")
