"""What is read out of a message's headers."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.address import Address
from mailmirror.domain.limits import MAX_DATE_CHARS, MAX_FIELD_BYTES, MAX_HEADER_BYTES
from mailmirror.domain.message import Participant
from mailmirror.mail.imap.fetch_answers import START_BYTES, joined
from mailmirror.mail.mime.headers import (
    HEADER_FIELDS,
    MessageHeaders,
    UnreadableHeaders,
    parse_headers,
)
from tests.unit.mail.corpus import BOUNCES, MESSAGES, mutations


def headers(*lines: str | bytes, encoding: str = "utf-8") -> MessageHeaders:
    """Read header lines, to which a From is added where they have none."""
    encoded = [line.encode(encoding) if isinstance(line, str) else line for line in lines]
    if not any(line.lower().startswith(b"from") for line in encoded):
        encoded.insert(0, b"From: rep@us.example")
    return parse_headers(b"\r\n".join(encoded) + b"\r\n\r\n")


def recipients(field: str | bytes) -> list[Address]:
    value = field.encode() if isinstance(field, str) else field
    return [mailbox.address for mailbox in headers(b"To: " + value).to]


def test_a_display_name_that_looks_like_an_address_makes_nobody_a_participant() -> None:
    for name in (
        '"kim@customer.example"',
        "kim@customer.example",
        "=?utf-8?q?kim=40customer=2Eexample?=",
        "=?utf-8?q?=22Kim=22_=3Ckim=40customer=2Eexample=3E,?=",
        "=?utf-8?b?S2ltIDxraW1AY3VzdG9tZXIuZXhhbXBsZT4s?=",
        "(kim@customer.example)",
        r'"\"kim@customer.example\" <kim@customer.example>, "',
        "kim@customer.example: ",
    ):
        assert headers(f"From: {name} <evil@else.example>").participants == {"evil@else.example"}


def test_an_address_beside_a_name_in_quotes_is_the_one_that_counts() -> None:
    for name in ('"kim@customer.example"', "(kim@customer.example)"):
        assert recipients(f"{name} Evil evil@else.example") == ["evil@else.example"]


def test_a_field_too_long_to_be_read_is_not_cut_within_an_address() -> None:
    field = ", ".join(f"person{number}@customer.example" for number in range(20_000))
    assert {address.partition("@")[2] for address in recipients(field)} == {"customer.example"}
    folded = field.replace(", ", ",\r\n ") * 3
    assert {address.partition("@")[2] for address in recipients(folded)} == {"customer.example"}


def test_a_display_name_is_not_searched_even_where_the_address_is_none() -> None:
    with pytest.raises(UnreadableHeaders):
        headers("From: kim@customer.example <no address>")


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (
            "kim@customer.example, lee@customer.example",
            ["kim@customer.example", "lee@customer.example"],
        ),
        (
            "kim@customer.example; lee@customer.example",
            ["kim@customer.example", "lee@customer.example"],
        ),
        ("Kim <KIM@Customer.EXAMPLE>", ["kim@customer.example"]),
        ("<@relay.example:kim@customer.example>", ["kim@customer.example"]),
        ("kim(a)@(b) customer . example (c)", ["kim@customer.example"]),
        (
            "Team: kim@x.example, Lee <l@x.example>;, z@x.example",
            ["kim@x.example", "l@x.example", "z@x.example"],
        ),
        ("undisclosed-recipients:;", []),
        ("Empty: ; , kim@x.example", ["kim@x.example"]),
        (", , kim@x.example,", ["kim@x.example"]),
        ('"Doe, John" <john@x.example>', ["john@x.example"]),
        ('"unclosed <john@x.example>', ["john@x.example"]),
        ("(unclosed <john@x.example>", ["john@x.example"]),
        ("John <john@x.example", ["john@x.example"]),
        ("John <john@x.example> Mary <mary@x.example>", ["john@x.example", "mary@x.example"]),
        ("'kim@x.example' <'kim@x.example'>", ["kim@x.example"]),
        ('"kim"@x.example', ["kim@x.example"]),
        ('"kim lee"@x.example', ['"kim lee"@x.example']),
        ('Kim <"kim . lee"@x.example>', ['"kim . lee"@x.example']),
        ('"kim lee"@x.example, "a@b"@y.example', ['"kim lee"@x.example']),
        ('"a@b"@y.example', []),
        ("kim@x.example@y.example", []),
        (f"{'k' * 70}@x.example?", []),
        ("mailto:kim@x.example", ["kim@x.example"]),
        ("mailto:kim@x.example?subject=Hello", ["kim@x.example"]),
        ("kim@bücher.example", ["kim@xn--bcher-kva.example"]),
        ("Big Bug bug@x.example", ["bug@x.example"]),
        ("kim@x.example lee@x.example", ["kim@x.example", "lee@x.example"]),
        ("=?utf-8?b?S2ltIDxraW1AeC5leGFtcGxlPg==?=", ["kim@x.example"]),
        ("root", []),
        ("user@[192.0.2.1]", []),
    ],
)
def test_addresses_are_read_as_people_and_programs_write_them(
    field: str, expected: list[str]
) -> None:
    assert recipients(field) == expected


def test_a_name_is_decoded_after_the_addresses_were_split_off() -> None:
    john = "=?utf-8?q?Doe=2C_J=C3=B6hn?= <john@x.example>"
    yamada = "=?iso-2022-jp?B?GyRCOzNFRBsoQg==?= <y@x.example>"
    assert headers(f"To: {john}, {yamada}").to == (
        Participant("Doe, Jöhn", recipients("john@x.example")[0]),
        Participant("山田", recipients("y@x.example")[0]),
    )


def test_a_comment_is_the_name_where_there_is_no_other() -> None:
    assert headers("From: kim@x.example (Kim Doe)").from_[0].name == "Kim Doe"
    assert headers("From: Kim <kim@x.example> (at work)").from_[0].name == "Kim"


def test_every_address_field_and_each_of_its_repetitions_counts() -> None:
    read = headers(
        "From: a@x.example",
        "From: b@x.example",
        "Sender: c@x.example",
        "Reply-To: d@x.example",
        "TO : e@x.example, f@x.example",
        "cc: F@x.example",
        "Bcc: g@x.example",
    )
    assert read.participants == {f"{letter}@x.example" for letter in "abcdefg"}
    assert read.recipients == 3


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("=?utf-8?q?caf=C3=A9?= au lait", "café au lait"),
        ("=?utf-8?b?5bGx?= =?utf-8?b?55Sw?=", "山田"),
        ("=?utf-8?b?5bE=?= =?utf-8?b?seeUsA==?=", "山田"),
        ("=?utf-8?B?5bGx55Sw?= to =?UTF-8?Q?=E5=B1=B1?=", "山田 to 山"),
        ("=?utf-8?b?44GC44GE?=\r\n =?utf-8?b?44GG?=", "あいう"),
        ("=?iso-2022-jp?B?GyRCLSEbKEI=?=", "①"),
        ("=?ISO-2022-JP?B?GyRCRnxLXBsoQg=?=", "日本"),
        ("=?windows-31j?Q?=87=40?=", "①"),
        ("=?gb2312?B?1tA=?=", "中"),
        ("=?ks_c_5601-1987?B?x9E=?=", "한"),
        ("=?utf-8*ja?q?=E5=B1=B1?=", "山"),
        ("=?no-such-charset?q?caf=C3=A9?=", "café"),
        ("=?no-such-charset?q?caf=E9?=", "café"),
        ("=?utf-7?q?+ADw-script+AD4-?=", "<script>"),
        ('"=?utf-8?q?caf=C3=A9?="', '"café"'),
        ("=?utf-8?q?a=0D=0ABcc:_b@x.example?=", "a  Bcc: b@x.example"),
        ("=?utf-8?z?abc?=", "=?utf-8?z?abc?="),
        ("folded\r\n\tsubject", "folded subject"),
        ("", ""),
    ],
)
def test_a_subject_is_decoded_as_far_as_may_be(field: str, expected: str) -> None:
    assert headers(f"Subject: {field}").subject == expected


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252"])
def test_eight_bits_in_a_header_are_utf_8_or_what_the_message_declares(charset: str) -> None:
    raw = "Subject: Größe".encode(charset)
    assert headers(raw, f"Content-Type: text/plain; charset={charset}").subject == "Größe"


def test_japanese_headers_without_rfc_2047_are_read() -> None:
    shift_jis = "Content-Type: text/plain; charset=shift_jis"
    assert headers("Subject: 見積書①".encode("cp932"), shift_jis).subject == "見積書①"
    assert headers("Subject: 見積書".encode("iso2022_jp")).subject == "見積書"
    # The second byte of `ソ` is a backslash in Shift_JIS, and that of `ポ` could be a bracket.
    raw = 'To: "ソポ" <kim@x.example>'.encode("cp932")
    read = headers(raw, shift_jis)
    assert [(box.name, box.address) for box in read.to] == [("ソポ", "kim@x.example")]


def test_a_charset_whose_ascii_is_not_ascii_is_not_believed_for_headers() -> None:
    read = headers(b"To: \xe9 <kim@x.example>", "Content-Type: text/plain; charset=utf-16")
    assert read.participants == {"rep@us.example", "kim@x.example"}


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("Fri, 21 Nov 1997 09:55:06 -0600", datetime(1997, 11, 21, 15, 55, 6, tzinfo=UTC)),
        ("21 Nov 97 09:55:06 GMT", datetime(1997, 11, 21, 9, 55, 6, tzinfo=UTC)),
        ("1 Mar 105 10:00:00 +0000", datetime(2005, 3, 1, 10, tzinfo=UTC)),
        ("Sun, 1 Mar 2026 10:00:00 UT", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("Sun, 1 Mar 2026 10:00:00 JST", datetime(2026, 3, 1, 1, tzinfo=UTC)),
        ("Sun, 1 Mar 2026 10:00:00 -0000", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("Sun, 1 Mar 2026 10:00:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("Sun, 1 Mar 2026 10 : 00(a):00 +0900 (JST)", datetime(2026, 3, 1, 1, tzinfo=UTC)),
        ("Sun, 1 Mar 2026 23:59:60 +0000", datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)),
        ("2026-03-01T10:00:00+09:00", datetime(2026, 3, 1, 1, tzinfo=UTC)),
        ("2026-03-01 10:00:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("Sun, 1 Mar 2026 10:00:00 +09:00", datetime(2026, 3, 1, 1, tzinfo=UTC)),
        ("Sun, 1 Mar 2026 10:00:00 GMT+0900", datetime(2026, 3, 1, 1, tzinfo=UTC)),
        ("Sun, 1 Mar 2026 10:00:00 GMT +9", datetime(2026, 3, 1, 1, tzinfo=UTC)),
        ("Sun, 1 Mar 2026 10:00:00 UTC-05:30", datetime(2026, 3, 1, 15, 30, tzinfo=UTC)),
        ("Sun, 1 Mar 2026 10:00:00.25 PST", datetime(2026, 3, 1, 18, tzinfo=UTC)),
        ("Sun, 1 Mar 2026 10:00:00 PM -0500", datetime(2026, 3, 2, 3, tzinfo=UTC)),
        ("Sun, 1 Mar 2026 12:10 a.m. GMT", datetime(2026, 3, 1, 0, 10, tzinfo=UTC)),
        ("Sun, 1 Mar 2026 22:00:00 PM +0000", datetime(2026, 3, 1, 22, tzinfo=UTC)),
        ("Sun Mar  1 10:00:00 EST 2026", datetime(2026, 3, 1, 15, tzinfo=UTC)),
        ("Sun Mar  1 10:00:00 2026", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("Sun, 1 Mar 2026 10:00:00 Sommerzeit", None),
        ("Sun, 1 Mar 2026 10:00:00 QQT", None),
        ("Wed, 15 Dec 2010    59:10 -0500", None),
        ("Pn, 29 paX 2007 21:13:00 +0100", None),
        ("Mon, 1 Jan 99999 00:00:00 +0000", None),
        ("Fri, 31 Dec 9999 23:59:59 -1200", None),
        ("Sun, 1 Mar 2026 10:00:00 +9999", None),
        ("Sun, 1 Mar " + "9" * 5000 + " 10:00:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_date_is_an_instant_or_none(field: str, expected: datetime | None) -> None:
    assert headers(f"Date: {field}").date == expected


def test_a_date_keeps_the_zone_of_its_sender() -> None:
    read = headers("Date: Sun, 1 Mar 2026 10:00:00 +0900").date
    assert read is not None
    assert read.utcoffset() == timedelta(hours=9)


def test_ids_are_read_in_their_order_from_repeated_and_folded_fields() -> None:
    read = headers(
        "Message-ID: <One@X.Example>",
        "In-Reply-To: <two@x.example> of Monday",
        "References: <three@x.example>\r\n\t<two@x.example>",
        "References: <four@x.example>",
    )
    assert read.message_id == "One@x.example"
    assert read.in_reply_to == ("two@x.example",)
    assert read.references == ("three@x.example", "two@x.example", "four@x.example")


def test_lines_that_are_no_fields_are_skipped() -> None:
    read = parse_headers(
        b"From kim@x.example Mon May  2 16:07:05 2005\n"
        b"From: kim@x.example\nquite Delivered-To: lee@x.example\n lee@x.example\n"
        b"To: Mary\n__\n <mary@x.example>\nSubject: hello\n\nCc: body@x.example\n"
    )
    assert read.participants == {"kim@x.example", "mary@x.example"}
    assert read.subject == "hello"


def test_a_bare_carriage_return_begins_no_field() -> None:
    assert headers(b"Subject: a\rCc: kim@x.example").participants == {"rep@us.example"}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"X-Other: 1\r\n\r\n",
        b"From: root@\r\nTo: postmaster\r\n\r\n",
        b"From: Kim <@x.example>\r\nTo: someone else\r\n\r\n",
        b"no headers at all",
    ],
)
def test_headers_without_a_field_or_without_an_address_are_unreadable(raw: bytes) -> None:
    with pytest.raises(UnreadableHeaders):
        parse_headers(raw)


def test_headers_that_name_nobody_are_readable() -> None:
    assert parse_headers(b"Subject: draft\r\n\r\n").participants == frozenset()
    assert parse_headers(b"To: undisclosed-recipients:;\r\n\r\n").participants == frozenset()
    assert parse_headers(b"From: root\r\nTo: postmaster\r\n\r\n").participants == frozenset()
    assert parse_headers(b"From: Me <>\r\nTo: some one\r\n\r\n").participants == frozenset()


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Content-Type: multipart/report; report-type=delivery-status"], True),
        (["Content-Type: Multipart/Report;\r\n Report-Type=\"disposition-notification\""], True),
        (["Content-Type: multipart/report; boundary=x; report-type=feedback-report"], True),
        (["Content-Type: multipart/report"], True),
        (["Content-Type: multipart/report; report-type=tlsrpt"], False),
        (["From: MAILER-DAEMON@mx.example", "Auto-Submitted: auto-replied"], True),
        (["From: P <PostMaster@mx.example>", "Auto-Submitted: auto-generated (failure)"], True),
        (["From: <>", "To: rep@us.example", "Auto-Submitted: auto-replied"], True),
        (["From: MAILER-DAEMON", "To: root", "Auto-Submitted: auto-generated"], True),
        (["From: kim@customer.example", "Auto-Submitted: auto-replied"], False),
        (["From: MAILER-DAEMON@mx.example", "Auto-Submitted: no"], False),
        (["From: MAILER-DAEMON@mx.example"], False),
    ],
)  # fmt: skip
def test_a_report_is_a_mail_systems_and_an_out_of_office_is_none(
    lines: list[str], expected: bool
) -> None:
    assert headers(*lines).is_report is expected


def test_the_header_pass_fetches_all_that_is_read() -> None:
    message = next(raw for name, raw in MESSAGES.items() if name.endswith("raw_email_reply.eml"))
    head, _, _ = message.partition(b"\r\n\r\n")
    wanted = tuple(f"{name}:".lower().encode() for name in HEADER_FIELDS)
    kept, keep = [], False
    for line in head.split(b"\r\n"):
        keep = keep if line[:1] in b" \t" else line.lower().startswith(wanted)
        if keep:
            kept.append(line)
    assert parse_headers(b"\r\n".join(kept) + b"\r\n\r\n") == parse_headers(message)


def test_most_bounces_are_reports() -> None:
    """The others, as qmail's, carry neither mark; they are judged by whom they name."""
    reports = [name for name, raw in BOUNCES.items() if parse_headers(raw).is_report]
    assert len(BOUNCES) == 295
    assert len(reports) == 188


@given(st.binary(max_size=2000))
def test_no_bytes_raise_anything_else(raw: bytes) -> None:
    with suppress(UnreadableHeaders):
        parse_headers(b"From: a@x.example\r\nSubject: " + raw)
        parse_headers(raw)


@given(
    st.sampled_from(HEADER_FIELDS),
    st.text(alphabet='a@b.c<>,;:"()[]\\=?utf-8q?=\r\n\t é', max_size=80),
)
def test_no_field_raises_anything_else(name: str, value: str) -> None:
    with suppress(UnreadableHeaders):
        parse_headers(f"{name}: {value}".encode())


@given(mutations())
def test_no_broken_message_raises_anything_else(raw: bytes) -> None:
    with suppress(UnreadableHeaders):
        parse_headers(raw)


def test_a_header_block_takes_time_in_proportion_to_its_length() -> None:
    """Each takes minutes where an expression or a loop looks at a field again and again."""
    for unit in (b"(", b"<", b'"\\', b"a", b"=?a?q?", b"[", b"a@", b',"', b" ", b"=?utf-8?q?a?= "):
        with suppress(UnreadableHeaders):
            parse_headers(b"From: a@x.example\r\nTo: " + unit * 500_000)
            parse_headers(b"To: a" + unit * 500_000 + b"b")
    zone = timezone(timedelta(hours=9))
    assert headers("Date: Sun, 1 Mar 2026 10:00:00 +0900").date == datetime(
        2026, 3, 1, 10, tzinfo=zone
    )


PERSONS = [f"person{number}@customer.example" for number in range(12_000)]
WORDS = ["word" * 10] * 7_500
"""300 KB."""
LONG_FIELDS = {
    "many addresses": ", ".join(PERSONS),
    "many addresses, folded": ",\r\n ".join(PERSONS),
    "few addresses with long names": ", ".join(
        f'"{"n" * 20_000}" <{person}>' for person in PERSONS[:60]
    ),
    "no comma": " ".join(PERSONS),
    "no comma, folded": "\r\n ".join(PERSONS),
    "a long comment first": f"({' '.join(WORDS)}) {', '.join(PERSONS[:10])}",
    "a long comment first, folded": "({}) {}".format("\r\n ".join(WORDS), ", ".join(PERSONS[:10])),
    "a long name first": f"{' '.join(WORDS)} <{PERSONS[0]}>, {PERSONS[1]}",
    "a long name in quotes first": f'"{", ".join(WORDS)}" <{PERSONS[0]}>, {PERSONS[1]}',
    "one long word": "x" * 300_000 + "@customer.example",
    "letters beyond ASCII": ", ".join(f"ü{n}@bücher.example" for n in range(20_000)),
}


def fetched_by_starts(lines: list[tuple[str, str]]) -> bytes:
    """What `header_starts` makes of a message's fields, at a server that follows RFC 9051."""
    named = dict.fromkeys(name for name, _ in lines)
    fields = ["".join(f"{n}: {value}\r\n" for n, value in lines if n == name) for name in named]
    starts = [f"{field}\r\n".encode()[:START_BYTES] for field in fields]
    return joined(starts) or b""


@pytest.mark.exceeds("MAX_FIELD_BYTES", "MAX_HEADER_BYTES")
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((kind, name) for kind in LONG_FIELDS for name in ("From", "To")),
        *(("few addresses with long names", name) for name in ("Reply-To", "Cc", "Bcc")),
    ],
)
def test_of_an_address_field_that_is_too_long_the_same_is_read_however_it_was_fetched(
    kind: str, name: str
) -> None:
    lines = [
        ("Subject", "Offer"),
        (name, LONG_FIELDS[kind]),
        ("Sender", "kim@customer.example"),
        ("Date", "Sun, 1 Mar 2026 10:00:00 +0900"),
        ("Message-ID", "<1@x.example>"),
    ]
    plain = "".join(f"{field}: {value}\r\n" for field, value in lines).encode() + b"\r\n"
    behind = b"X-Spam: " + b"x" * MAX_HEADER_BYTES + b"\r\n" + plain
    read = parse_headers(plain)
    assert read.addresses_cut
    assert read.message_id == "1@x.example"
    assert read.date is not None
    assert Address("kim@customer.example") in read.participants
    others = read.participants - {Address("kim@customer.example"), *map(Address, PERSONS)}
    assert all(address.endswith("@xn--bcher-kva.example") for address in others)
    assert parse_headers(fetched_by_starts(lines)) == read
    assert parse_headers(behind) == read


@pytest.mark.parametrize("beyond", range(-4, 5))
def test_a_field_of_the_greatest_length_is_read_whole_and_one_byte_more_is_not(beyond: int) -> None:
    """The limit counts the field's name and the end of its line."""
    length = MAX_FIELD_BYTES + beyond - len("To: , kim@x.example\r\n")
    lines = [("From", "rep@us.example"), ("To", f"{'a' * length}, kim@x.example")]
    for raw in (
        "".join(f"{name}: {value}\r\n" for name, value in lines).encode() + b"\r\n",
        fetched_by_starts(lines),
    ):
        read = parse_headers(raw)
        assert read.addresses_cut is (beyond > 0)
        assert read.recipients == (0 if beyond > 0 else 1)


def test_repeated_fields_are_cut_together() -> None:
    lines = [("From", "rep@us.example"), ("To", ", ".join(PERSONS[:4_000]))]
    lines.append(("To", ", ".join(PERSONS[4_500:])))
    read = headers(*(f"{name}: {value}" for name, value in lines))
    assert read.addresses_cut
    assert parse_headers(fetched_by_starts(lines)) == read
    assert Address(PERSONS[3_999]) in read.participants
    assert Address(PERSONS[4_500]) in read.participants


@pytest.mark.exceeds("MAX_FIELD_BYTES")
def test_an_id_that_is_cut_is_no_id() -> None:
    long = "x" * MAX_FIELD_BYTES
    assert headers(f"Message-ID: <{long}@x.example>").message_id is None
    assert headers(f"Message-ID: {long}@x.example").message_id is None
    assert headers(f"Message-ID: <1@x.example> {long}").message_id == "1@x.example"
    named = headers(f"References: <1@x.example> <{long}@x.example> <2@x.example>")
    assert named.references == ("1@x.example",)
    assert not named.addresses_cut


@pytest.mark.exceeds("MAX_DATE_CHARS")
def test_a_date_that_is_too_long_is_none_and_not_another() -> None:
    comment = "(" + "c" * (MAX_DATE_CHARS - len("Sun, 1 Mar 2026 10:00:00 +09") - 3) + ")"
    assert headers(f"Date: {comment} Sun, 1 Mar 2026 10:00:00 +0900").date is None
    assert headers(f"Date: {comment[:100]}) Sun, 1 Mar 2026 10:00:00 +0900").date is not None


def test_a_sender_who_is_not_read_is_taken_for_no_daemon() -> None:
    sender = f"{'n' * MAX_FIELD_BYTES} <kim@customer.example>"
    assert not headers(f"From: {sender}", "Auto-Submitted: auto-replied").is_report


@pytest.mark.parametrize(
    ("field", "ids"),
    [
        ("first@x.example", ("first@x.example",)),
        ("kim@customer.example", ()),
        ("=?utf-8?q?=3Cfirst=40x=2Eexample=3E?=", ("first@x.example",)),
        ("<first@\r\n x.example>", ("first@x.example",)),
        ("<undefined>", ()),
    ],
)
def test_what_a_reply_answers_is_read_however_it_is_written(
    field: str, ids: tuple[str, ...]
) -> None:
    assert headers(f"From: kim@customer.example\r\nIn-Reply-To: {field}").in_reply_to == ids


@pytest.mark.parametrize(
    ("field", "id"),
    [
        ("=?utf-8?q?=3C2=40x=2Eex?=\r\n =?utf-8?q?ample=3E?=", "2@x.example"),
        ("<1234   @   local(blah)  .machine .example>", "1234@local.machine.example"),
        ("<null>", None),
    ],
)
def test_a_message_id_is_decoded_before_it_is_read(field: str, id: str | None) -> None:
    assert headers(f"Message-ID: {field}").message_id == id


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        (b"=?iso-8859-1?Q?J\xfcrgen?=", "J\u00fcrgen"),
        (b"=?koi8-r?Q?\xf0\xd2\xc9?=", "\u041f\u0440\u0438"),
        ("=?iso-8859-1?Q?J\u00fcrgen?=".encode(), "J\u00fcrgen"),
        (b"=?utf-8?Q?Are_you_there??=", "Are you there?"),
        (b"=?utf-8?Q?What?_Why??= =?utf-8?Q?_Now?=", "What? Why? Now"),
        (b"=?utf-7?Q?Fr+APY-sche?=", "Fr\u00f6sche"),
        (b"=?utf-8?Q?a?= and =?utf-8?Q?no end", "a and =?utf-8?Q?no end"),
        (b"=?utf-8?Q?" + b"no = end ? " * 500, ("=?utf-8?Q?" + "no = end ? " * 500).strip()),
        (b"=?u?Q?a " * 5_000, ("=?u?Q?a " * 5_000).strip()),
    ],
)
def test_words_that_break_their_rules_are_read(raw: bytes, subject: str) -> None:
    assert parse_headers(b"From: a@x.example\r\nSubject: " + raw).subject == subject


@pytest.mark.parametrize(
    ("field", "name"),
    [("<k@x.example> (Kim Lee)", "Kim Lee"), ("k@x.example (Kim Lee)", "Kim Lee")],
)
def test_a_name_in_a_comment_is_read(field: str, name: str) -> None:
    (sender,) = headers(f"From: {field}").from_
    assert (sender.name, sender.address) == (name, "k@x.example")


@pytest.mark.parametrize(
    ("sender", "rewritten"),
    [
        ("Kim via Sales <sales@us.example>\r\nList-ID: <sales.us.example>", True),
        ("Sales <sales@us.example>\r\nList-ID: <sales.us.example>", True),
        ("'Kim' via Sales <sales@us.example>", True),
        ("Sales <sales@us.example>", False),
        ("Olivia <sales@us.example>", False),
    ],
)
def test_who_wrote_a_message_takes_part_where_a_list_has_rewritten_from(
    sender: str, rewritten: bool
) -> None:
    fields = "X-Original-From: Kim <kim@x.example>\r\nX-Original-Sender: kim@x.example"
    read = headers(f"From: {sender}\r\nTo: rep@us.example\r\n{fields}")
    assert ("kim@x.example" in read.participants) == rewritten


def test_words_without_an_end_cost_no_more_than_their_length() -> None:
    field = "=?utf-8?Q?" + "no = end ? " * 20_000
    assert headers(f"From: {field} <kim@customer.example>").participants
    assert headers(f"From: kim@customer.example\r\nSubject: {'=?u?Q?a ' * 30_000}").subject
