"""Parsing messages, beside mailparser and postal-mime of npm, and `email` of Python."""

import email
import email.policy
import json
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from pathlib import Path

from local import node_packages
from mailmirror.mail.mime.content import parse_message
from mailmirror.mail.mime.headers import UnreadableHeaders

_PARSERS = Path(__file__).parent / "node_parsers"
_CORPUS = Path(__file__).parents[1] / "data" / "corpus"
MESSAGES, RUNS = 5_000, 3


def parsing() -> None:
    """Print CPU seconds and ratios; best of three, but of npm's parsers one warmed run."""
    raws = [_message(number) for number in range(MESSAGES)]
    size = sum(map(len, raws)) / 1e6
    ours = min(_cpu(raws, _ours) for _ in range(RUNS))
    peers = _npm(raws) | {"email": _cpu(raws, _standard)}
    print(f"\nParsing {MESSAGES} messages, {size:.0f} MB: CPU time")
    print(f"  here {ours:.2f} s, {1_000 * ours / MESSAGES:.2f} ms a message")
    for name, seconds in peers.items():
        print(f"  {name} {seconds:.2f} s: {seconds / ours:.1f} times")
    real = [path.read_bytes() for path in sorted(_CORPUS.rglob("*.eml"))]
    print(f"  {len(real)} real messages here {min(_cpu(real, _ours) for _ in range(RUNS)):.2f} s")


def _ours(raw: bytes) -> None:
    try:
        parse_message(raw)
    except UnreadableHeaders:
        return


def _standard(raw: bytes) -> None:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    _ = [message[name] for name in ("From", "To", "Subject", "Date", "Message-ID", "References")]
    for part in message.walk():
        if not part.is_multipart():
            part.get_content()


def _cpu(raws: Sequence[bytes], parse: Callable[[bytes], None]) -> float:
    begun = time.process_time()
    for raw in raws:
        parse(raw)
    return time.process_time() - begun


def _npm(raws: Sequence[bytes]) -> dict[str, float]:
    packages = node_packages.installed(_PARSERS)
    with tempfile.NamedTemporaryFile() as file:
        file.writelines(len(raw).to_bytes(4) + raw for raw in raws)
        file.flush()
        command = ["node", str(_PARSERS / "parse.mjs"), str(packages), file.name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _message(number: int) -> bytes:
    """A letter as sales people get it: text and HTML, each fourth with a file of 60 KB."""
    chance = random.Random(number)
    message = EmailMessage()
    for hop in range(8):
        message["Received"] = (
            f"from a{hop}.example (a{hop}.example [192.0.2.{hop}]) by b.example with ESMTPS"
            f" id {chance.getrandbits(64):x} for <rep@us.example>;"
            f" Mon, 02 Mar 2026 10:00:0{hop} +0100"
        )
    message["From"], message["Subject"] = "Kim Lee <kim@customer.example>", f"Größe {number}"
    message["To"] = ", ".join(f"P{one} <p{one}@us.example>" for one in range(number % 5 + 1))
    message["Message-ID"] = f"<{number}@mail.example>"
    message["Date"] = "Mon, 02 Mar 2026 10:00:00 +0100"
    message["References"] = " ".join(f"<{one}@mail.example>" for one in range(number % 7))
    text = "Hello Kim, here is the offer of the größte kind.\n" * 40 + "> quoted\n" * 20
    message.set_content(text)
    paragraphs = "<p style='color:#333'>Hello <b>Kim</b> &amp; co</p>" * 80
    message.add_alternative(f"<html><body><div>{paragraphs}</div></body></html>", subtype="html")
    if number % 4 == 0:
        data = chance.randbytes(60_000)
        message.add_attachment(data, "application", "pdf", filename="offer.pdf")
    return message.as_bytes().replace(b"\n", b"\r\n")
