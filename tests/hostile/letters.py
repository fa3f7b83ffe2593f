"""Every kind of hostile message that the tests know, at any size."""

from collections.abc import Callable, Iterator, Mapping
from random import Random

from tests.integration.office import KIM, REP, STRANGER, letter
from tests.unit.mail.test_html_limits import HOSTILE

SCALES = (0.5, 1.0, 2.0)
GOOD = range(1, 11)
"""The numbers of the good letters among them."""

type Make = Callable[[float], bytes]
"""Makes a message of a kind, whose size is a multiple of what the tests use."""


def _message(
    body: str | bytes = "body\r\n", *, content_type: str = "", sender: str = KIM, **fields: str
) -> bytes:
    lines = [f"From: {sender}", *(f"{k.replace('_', '-')}: {v}" for k, v in fields.items())]
    if "To" not in fields:
        lines.append(f"To: {REP}")
    if content_type:
        lines += ["MIME-Version: 1.0", f"Content-Type: {content_type}"]
    head = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
    return head + (body if isinstance(body, bytes) else body.encode())


def _crowd(count: float, name: str = "") -> str:
    prefix = f"{name} " if name else ""
    addresses = (f"{prefix}<a{n}@{'d' * 60}.example>" for n in range(int(count)))
    return ",\r\n ".join(addresses)


def _parts(count: float, part: str) -> str:
    return (
        "".join(f"--b\r\n{part.replace('#', str(n))}\r\n" for n in range(int(count))) + "--b--\r\n"
    )


def _nested(depth: float) -> str:
    text = "innermost"
    for n in range(int(depth)):
        text = (
            f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n{text}\r\n--b{n}--\r\n"
        )
    return f"--b\r\n{text}\r\n--b--\r\n"


def _attached(depth: float) -> str:
    inner = f"From: {KIM}\r\nSubject: inner\r\n\r\ninnermost"
    for _ in range(int(depth)):
        inner = f"From: {KIM}\r\nContent-Type: message/rfc822\r\n\r\n{inner}"
    return inner


_MIXED = "multipart/mixed; boundary=b"
_NAMES = (
    "../../etc/passwd",
    "a.zip.exe",
    "\u202egpj.exe",
    "C:\\\\con.zip",
    "😀" * 60 + ".zip",
    "a\0b",
)

PLAIN: Mapping[str, Make] = {
    "a field of 1 MB": lambda s: _message(X_Fill="x" * int(s * 2**20)),
    "1 MB of fields": lambda s: _message(
        To=f"{REP}\r\n" + "\r\n".join(f"X-{n}: {'x' * 60}" for n in range(int(s * 16_000)))
    ),
    "a To of 1 MB": lambda s: _message(To=_crowd(s * 13_000)),
    "a To of 1 MB with names": lambda s: _message(To=_crowd(s * 9_000, '"' + "n" * 40 + '"')),
    "a To of 1 MB without end": lambda s: _message(To="(" * int(s * 2**20)),
    "quotes in To": lambda s: _message(To='"\\' * int(s * 2**19)),
    "thousands in Reply-To and Sender": lambda s: _message(
        Reply_To=_crowd(s * 3_000), Sender=_crowd(s * 3_000)
    ),
    "99 recipients": lambda s: _message(To=_crowd(s * 99) + f", {REP}"),
    "references": lambda s: _message(
        References=" ".join(f"<{n}@{'r' * 200}>" for n in range(int(s * 4_000)))
    ),
    "answers": lambda s: _message(In_Reply_To="<x@y> " * int(s * 100_000)),
    "a Message-ID of 450 KB": lambda s: _message(
        Message_ID=f"<{'x' * int(s * 450_000)}@x.example>"
    ),
    "no Message-ID": lambda s: _message("y" * int(s * 1_000)),
    "Message-ID <undefined>": lambda s: _message("y" * int(s * 1_001), Message_ID="<undefined>"),
    "a Date of 999": lambda s: _message("y" * int(s * 9), Date="Mon, 01 Jan 0999 00:00:00 +0000"),
    "a Date of 2099": lambda s: _message("y" * int(s * 8), Date="Thu, 01 Jan 2099 00:00:00 +0000"),
    "an encoded Subject": lambda s: _message(Subject="=?utf-8?q?=E4=BB=B6?= " * int(s * 30_000)),
    "long attachments' names": lambda s: _message(
        _parts(s * 900, f'Content-Type: text/x; name="#-{"n" * 180}.bin"\r\n\r\nx'),
        content_type=_MIXED,
    ),
    "parts": lambda s: _message(_parts(s * 20_000, "\r\nx"), content_type=_MIXED),
    "HTML parts": lambda s: _message(
        _parts(s * 2_000, f"Content-Type: text/html\r\n\r\n{'<p>x' * 200}"), content_type=_MIXED
    ),
    "nested parts": lambda s: _message(_nested(s * 150), content_type=_MIXED),
    "nested messages": lambda s: _message(_attached(s * 2_000), content_type="message/rfc822"),
    "a boundary on every line": lambda s: _message(
        "--b\r\n" * int(s * 200_000), content_type=_MIXED
    ),
    "names of files": lambda s: _message(
        "".join(
            f'--b\r\nContent-Type: application/zip; name="{name}"\r\n\r\n{"x" * int(s * 100)}\r\n'
            for name in _NAMES
        ),
        content_type=_MIXED,
    ),
    "an unknown charset": lambda s: _message(
        Random(1).randbytes(int(s * 500_000)), content_type="text/plain; charset=x-none"
    ),
    "bytes in utf-8": lambda s: _message(
        Random(2).randbytes(int(s * 2_000_000)), content_type="text/plain; charset=utf-8"
    ),
    "bytes in iso-2022-jp": lambda s: _message(
        b"\x1b$B" * int(s * 500_000), content_type="text/plain; charset=iso-2022-jp"
    ),
    "utf-7": lambda s: _message(
        "+ADw-" * int(s * 200_000), content_type="text/html; charset=utf-7"
    ),
    "broken base64": lambda s: _message(
        "=" + "A=" * int(s * 1_000_000),
        content_type="text/html",
        Content_Transfer_Encoding="base64",
    ),
    "broken quoted-printable": lambda s: _message(
        "=\r\n=3" * int(s * 500_000), Content_Transfer_Encoding="quoted-printable"
    ),
    "a text of 10 MB": lambda s: _message("word " * int(s * 2_000_000)),
    "a line of 10 MB": lambda s: _message(">" * int(s * 10_000_000)),
    "an attachment of 15 MB": lambda s: _message(
        f"--b\r\n\r\nsee below\r\n--b\r\nContent-Type: application/zip; name=a.zip\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n{('A' * 76 + chr(10)) * int(s * 195_000)}--b--",
        content_type=_MIXED,
    ),
    "winmail.dat": lambda s: _message(
        b"\x78\x9f\x3e\x22" + Random(3).randbytes(int(s * 400_000)),
        content_type="application/ms-tnef; name=winmail.dat",
    ),
    "a calendar": lambda s: _message(
        "BEGIN:VCALENDAR\r\n" + "BEGIN:VEVENT\r\n" * int(s * 50_000),
        content_type="text/calendar; method=REQUEST",
    ),
    "a forged token": lambda s: _message(sender=REP, X_Mailmirror_Id="A" * int(s * 200_000)),
    "a forged report": lambda s: _message(
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        + "Final-Recipient: rfc822; kim@customer.example\r\nStatus: 5.1.1\r\n\r\n"
        * int(s * 10_000),
        content_type="multipart/report; report-type=delivery-status; boundary=b",
    ),
    "no fields": lambda s: b"X-Nothing: that can be read\r\n\r\n" + b"x" * int(s * 100),
    "lines that are no fields": lambda s: _message(To=f"{REP}\r\n" + "x\r\n" * int(s * 100_000)),
    "bare carriage returns": lambda s: _message(b"\r" * int(s * 1_000_000)),
    "a stranger's": lambda s: _message("x" * int(s * 1_000_000), sender=STRANGER),
}


def forged(number: int, scale: float) -> Iterator[bytes]:
    """Versions of a good letter that a stranger has sent under its Message-ID and Date."""
    for n in range(int(20 * scale)):
        yield letter(
            number, f"Kim <{STRANGER}>", [REP, KIM], text=f"Forged {scale} {n}\r\n" * (n + 1)
        )


def hostile(html_bytes: int) -> Iterator[tuple[str, float, bytes]]:
    """All hostile messages: kind, scale and bytes.

    Parameters:
        html_bytes: the most of a message of HTML at scale 1.
    """
    for kind, make in PLAIN.items():
        for scale in SCALES:
            yield kind, scale, make(scale)
    for kind, markup in HOSTILE.items():
        text = markup()[: int(html_bytes * SCALES[-1])].encode("utf-8", "surrogatepass")
        for scale in SCALES:
            some = text[: int(html_bytes * scale)]
            yield f"HTML: {kind}", scale, _message(some, content_type="text/html")
    for scale in SCALES:
        for raw in forged(GOOD[0], scale):
            yield "versions of a good letter", scale, raw
