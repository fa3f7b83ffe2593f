"""What a server's reply means, measured on real reports, and what a person is told of it."""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.replies import Reply, classify

DATA = Path(__file__).parent.parent / "data"
REPORTS = DATA / "corpus" / "bounces"

CODES: dict[str, set[DeliveryCode]] = {
    "authfailure": {DeliveryCode.REFUSED_BY_POLICY},
    "badreputation": {DeliveryCode.REFUSED_BY_POLICY, DeliveryCode.SENDING_LIMIT_REACHED},
    "blocked": {DeliveryCode.REFUSED_BY_POLICY},
    "contenterror": {DeliveryCode.REFUSED_BY_POLICY},
    "exceedlimit": {DeliveryCode.MESSAGE_TOO_LARGE},
    "expired": {DeliveryCode.TIMED_OUT},
    "filtered": {DeliveryCode.RECIPIENT_UNKNOWN},
    "hasmoved": {DeliveryCode.RECIPIENT_UNKNOWN},
    "hostunknown": {DeliveryCode.DOMAIN_NOT_FOUND},
    "mailboxfull": {DeliveryCode.MAILBOX_FULL},
    "mesgtoobig": {DeliveryCode.MESSAGE_TOO_LARGE},
    "norelaying": {DeliveryCode.REFUSED_BY_POLICY},
    "notaccept": {DeliveryCode.DOMAIN_NOT_FOUND},
    "policyviolation": {DeliveryCode.REFUSED_BY_POLICY},
    "rejected": {DeliveryCode.SENDER_NOT_ALLOWED, DeliveryCode.REFUSED_BY_POLICY},
    "requireptr": {DeliveryCode.REFUSED_BY_POLICY},
    "securityerror": {DeliveryCode.REFUSED_BY_POLICY},
    "spamdetected": {DeliveryCode.REFUSED_BY_POLICY},
    "suspend": {DeliveryCode.RECIPIENT_UNKNOWN},
    "toomanyconn": {DeliveryCode.SENDING_LIMIT_REACHED},
    "userunknown": {DeliveryCode.RECIPIENT_UNKNOWN},
    "virusdetected": {DeliveryCode.REFUSED_BY_POLICY},
}
"""What may come of each reason; those that no person could act on are left out."""

_CODE = re.compile(r"\b([245]\d\d)[ -]")


def diagnostics() -> Iterator[tuple[str, Reply, str]]:
    """File, reply and expected reason of each report that gives each recipient's own."""
    expected = defaultdict(list)
    with (DATA / "bounces.csv").open(newline="") as lines:
        for line in csv.DictReader(lines):
            expected[line["file"]].append(line["reason"])
    for name, reasons in expected.items():
        blocks = list(_recipients(message_from_bytes((REPORTS / name).read_bytes())))
        if len(blocks) == len(reasons):
            for block, reason in zip(blocks, reasons, strict=True):
                yield name, _reply(block), reason


def _recipients(report: Message) -> Iterator[Message]:
    for part in report.walk():
        blocks = part.get_payload()
        if part.get_content_type() == "message/delivery-status" and isinstance(blocks, list):
            for block in blocks:
                if isinstance(block, Message) and (block["Final-Recipient"] or block["Action"]):
                    yield block


def _reply(block: Message) -> Reply:
    """Of `smtp; 550 5.1.1 user unknown`, with the status where the text has none."""
    said = " ".join(str(block.get("Diagnostic-Code", "")).split()).partition(";")[2].strip()
    found = _CODE.match(said)
    reply = Reply.parse(int(found[1]), said[4:]) if found else Reply.parse(0, said)
    status = " ".join(str(block.get("Status", "")).split())
    return reply if reply.enhanced else Reply(reply.code, status.partition(" ")[0], reply.text)


def test_real_reports_are_classified_as_the_corpus_expects() -> None:
    agreed: dict[str, list[bool]] = defaultdict(list)
    for name, reply, reason in diagnostics():
        if reason in CODES and reply.text:
            code = classify(reply)
            agreed[reason].append(code in CODES[reason])
            if code not in CODES[reason]:
                print(f"{reason:16} {code:22} {name}: {reply} [{reply.enhanced}]")
    for reason, found in sorted(agreed.items()):
        print(f"{reason:16} {sum(found):3} of {len(found)}")
    every = [one for found in agreed.values() for one in found]
    print(f"{'all':16} {sum(every):3} of {len(every)}")
    assert len(every) > 110
    assert sum(every) / len(every) >= 0.94


@given(st.integers(0, 999), st.text(max_size=400))
@pytest.mark.exceeds("MAX_REPLY_CHARS")
def test_whatever_a_server_says_has_a_code_and_fits_on_a_line(code: int, text: str) -> None:
    reply = Reply.parse(code, text)
    assert classify(reply) in DeliveryCode
    assert str(reply).isprintable()
    assert len(reply.text) <= 300


@pytest.mark.parametrize("word", ["spam", "sandbox", "suppress", "blocked", "quota", "login"])
def test_an_address_in_a_reply_says_nothing_of_the_reason(word: str) -> None:
    told = f"<{word}@{word}-limit.example>: User unknown, see https://x.example/{word}"
    assert classify(Reply.parse(550, f"5.1.1 {told}")) is DeliveryCode.RECIPIENT_UNKNOWN


@pytest.mark.parametrize("code", [421, 432, 450, 451, 452, 471])
def test_what_passes_is_the_servers_state_where_its_words_say_nothing_else(code: int) -> None:
    assert classify(Reply.parse(code, "later")) is DeliveryCode.SERVER_UNAVAILABLE


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (530, "5.7.0 Authentication Required. For more information, go to Google"),
        (530, "5.7.57 Client not authenticated to send mail"),
        (550, "5.7.57 Client not authenticated to send mail"),
        (550, "5.7.30 Basic authentication is not supported for Client Submission."),
        (534, "5.7.9 Application-specific password required"),
        (535, "5.7.3 Authentication unsuccessful"),
        (535, "5.7.8 Username and Password not accepted"),
    ],
)
def test_a_refused_sign_in_is_reported_by_its_code(code: int, text: str) -> None:
    assert classify(Reply.parse(code, text)) is DeliveryCode.SIGN_IN_FAILED


def test_a_sender_whose_domain_is_not_authenticated_need_not_sign_in_again() -> None:
    said = (
        "5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires "
        "all senders to authenticate with either SPF or DKIM."
    )
    assert classify(Reply.parse(550, said)) is DeliveryCode.REFUSED_BY_POLICY
