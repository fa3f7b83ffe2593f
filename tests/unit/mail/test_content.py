"""What is read out of a message's body."""

import binascii
from base64 import b64encode
from email.message import EmailMessage
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain import limits
from mailmirror.domain.message import Attachment
from mailmirror.mail.mime.content import Content, attachment_bytes, parse_message
from mailmirror.mail.mime.fields import parameters, read_fields
from mailmirror.mail.mime.headers import UnreadableHeaders
from tests.unit.mail.corpus import BOUNCES, EXPECTED, MESSAGES, mutations

HEADERS = b"From: Kim <kim@customer.example>\r\nTo: rep@us.example\r\nMIME-Version: 1.0\r\n"


def message(body: str | bytes, content_type: str = "text/plain", *fields: str) -> bytes:
    head = "".join(f"{field}\r\n" for field in (f"Content-Type: {content_type}", *fields))
    data = body.replace("\n", "\r\n").encode() if isinstance(body, str) else body
    return HEADERS + head.encode() + b"\r\n" + data


def multipart(kind: str, *parts: bytes | str) -> bytes:
    """A multipart body's part or message; each part begins with its own fields."""
    lines = [
        part.replace("\n", "\r\n").encode() if isinstance(part, str) else part for part in parts
    ]
    body = b"".join(b"--" + kind.encode() + b"\r\n" + part + b"\r\n" for part in lines)
    head = f'Content-Type: multipart/{kind}; boundary="{kind}"\r\n\r\n'.encode()
    return head + body + b"--" + kind.encode() + b"--\r\n"


def read(raw: bytes) -> Content:
    return parse_message(raw if raw.startswith(b"From:") else HEADERS + raw)


BASE64 = "Content-Transfer-Encoding: base64"
ROT13 = "Content-Transfer-Encoding: rot13"
PLAIN = "Content-Type: text/plain; charset=utf-8\n\nGrüße in plain\n"
HTML = "Content-Type: text/html; charset=utf-8\n\n<p>Gr&uuml;&szlig;e in <b>HTML</b></p>\n"


@pytest.mark.parametrize("name", EXPECTED)
def test_a_message_of_the_corpus_says_what_stands_in_its_file(name: str) -> None:
    expected, content = EXPECTED[name], parse_message(MESSAGES[name])
    read_headers = content.headers
    assert read_headers.subject == expected["subject"]
    assert [[box.name, box.address] for box in read_headers.from_] == expected["from"]
    named = (*read_headers.to, *read_headers.cc, *read_headers.bcc)
    assert [box.address for box in named] == expected["recipients"]
    assert (read_headers.date and read_headers.date.isoformat()) == expected["date"]
    assert content.text.startswith(expected["text"])
    assert bool(content.text) == bool(expected["text"])
    attached = [[found.name, found.content_type, found.size] for found in content.attachments]
    assert attached == expected["attachments"]


@pytest.mark.parametrize("raw", [*MESSAGES.values(), *BOUNCES.values()])
def test_each_attachment_of_the_corpus_can_be_cut_out(raw: bytes) -> None:
    for attachment in parse_message(raw).attachments:
        cut, data = attachment_bytes(raw, attachment.index)
        assert cut == attachment
        assert len(data) == attachment.size


def test_an_attachment_that_is_not_there_is_an_index_error() -> None:
    for index in (-1, 0, 1):
        with pytest.raises(IndexError):
            attachment_bytes(message("hello"), index)


def test_alternatives_are_the_same_text_twice() -> None:
    content = read(multipart("alternative", PLAIN, HTML))
    assert content.text == "Grüße in plain"
    assert content.html == "<p>Gr&uuml;&szlig;e in <b>HTML</b></p>\n"
    assert content.attachments == ()


def test_text_is_made_of_html_where_there_is_no_plain_text() -> None:
    assert read(multipart("alternative", HTML)).text == "Grüße in HTML"
    blank = "Content-Type: text/plain\n\n \n"
    assert read(multipart("alternative", blank, HTML)).text == "Grüße in HTML"


def test_an_alternative_for_other_readers_is_left_out_and_an_invitation_is_not() -> None:
    amp = "Content-Type: text/x-amp-html\n\n<html amp4email></html>\n"
    invitation = "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\n"
    content = read(multipart("alternative", PLAIN, amp, invitation, HTML))
    assert [attached.content_type for attached in content.attachments] == ["text/calendar"]
    assert "amp4email" not in (content.html or "")


def test_texts_side_by_side_are_all_shown() -> None:
    footer = "Content-Type: text/plain\n\n<list footer>\n"
    content = read(multipart("mixed", multipart("alternative", PLAIN, HTML), footer))
    assert content.text == "Grüße in plain\n<list footer>"
    assert content.html is not None
    assert content.html.endswith("<pre>&lt;list footer&gt;</pre>")


def test_a_text_with_a_file_name_is_attached_unless_it_is_all_there_is() -> None:
    named = "Content-Type: text/plain; name=notes.txt\nContent-Disposition: inline\n\nnotes\n"
    assert read(multipart("mixed", PLAIN, named)).attachments[0].name == "notes.txt"
    assert read(multipart("mixed", named)).text == "notes"
    forced = "Content-Type: text/plain\nContent-Disposition: attachment\n\nnotes\n"
    assert read(multipart("mixed", forced)).text == ""
    assert read(multipart("mixed", forced)).attachments[0].name == "attachment-1.txt"


def test_pictures_of_the_html_are_inline() -> None:
    html = 'Content-Type: text/html\n\n<img src="cid:logo@x"> <img src="cid:far@x">\n'
    logo = "Content-Type: image/png\nContent-ID: <logo@x>\n\nPNG\n"
    far = "Content-Type: image/png\nContent-ID: <far@x>\nContent-Disposition: attachment\n\nPNG\n"
    loose = "Content-Type: image/png\n\nPNG\n"
    content = read(multipart("mixed", multipart("related", html, logo), far, loose))
    assert [(found.content_id, found.inline) for found in content.attachments] == [
        ("logo@x", True),
        ("far@x", True),
        (None, False),
    ]


def test_an_attached_message_comes_out_byte_for_byte() -> None:
    inner = (
        b"Received: x;  odd   spacing\r\nFrom: a@x.example\r\nSubject: =?utf-8?b?6KaL56mN?= 1/2\r\n"
        b"Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\ninner text\r\n--i--\r\n"
    )
    raw = HEADERS + multipart("mixed", PLAIN, b"Content-Type: message/rfc822\r\n\r\n" + inner)
    attached, data = attachment_bytes(raw, 0)
    assert (attached.name, attached.content_type) == ("見積 1_2.eml", "message/rfc822")
    assert data == inner
    assert "inner text" not in parse_message(raw).text


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ('Content-Disposition: attachment; filename="a b.pdf"', "a b.pdf"),
        ("Content-Disposition: attachment; filename=a b.pdf", "a b.pdf"),
        ("Content-Disposition: attachment; filename*=utf-8''%E8%A6%8B%E7%A9%8D.pdf", "見積.pdf"),
        ("Content-Disposition: inline; filename*=iso-2022-jp''%1B$B8%2B@Q%1B(B.pdf", "見積.pdf"),
        ("Content-Disposition: x;\n filename*1*=%8B;\n filename*0*=utf-8''%E8%A6", "見"),
        ("Content-Disposition: x; filename*0=a; filename*1*=%41; filename*2=.pdf", "aA.pdf"),
        ("Content-Disposition: attachment; filename=x.pdf; filename*=utf-8''y.pdf", "y.pdf"),
        ('Content-Disposition: attachment; filename="=?utf-8?b?6KaL56mNLnBkZg==?="', "見積.pdf"),
        ("Content-Disposition: attachment; filename==?utf-8?b?6KaL56mNLnBkZg==?=", "見積.pdf"),
        ('Content-Type: a/b; name="=?utf-8?q?=E8=A6=8B?=\n =?utf-8?q?=E7=A9=8D.pdf?="', "見積.pdf"),
        ('Content-Disposition: attachment; filename="見積.pdf"', "見積.pdf"),
        ('Content-Disposition: attachment; filename="../../etc/passwd"', "passwd"),
        (r'Content-Disposition: attachment; filename="C:\dir\a.pdf"', "a.pdf"),
        ('Content-Disposition: attachment; filename="/tmp/a.pdf"', "a.pdf"),
        ('Content-Disposition: attachment; filename="offers 1/2.pdf"', "offers 1_2.pdf"),
        ("Content-Disposition: attachment; filename='a.pdf'", "a.pdf"),
        ("Content-Disposition: attachment filename=a.pdf", "a.pdf"),
        ('Content-Disposition: x; filename*0="one "; filename*1="two.pdf"', "one two.pdf"),
        ("Content-Disposition: x; filename*0*=utf-8''%C3%A9; filename*1=\" 2.pdf\"", "é 2.pdf"),
        (
            'Content-Disposition: x; filename*0="=?utf-8?Q?=E8=A6?=";'
            ' filename*1="=?utf-8?Q?=8B.pdf?="',
            "見.pdf",
        ),
        ('Content-Disposition: attachment; filename="a\x00\x07\u202efdp.exe"', "a fdp.exe"),
        ('Content-Disposition: attachment; filename=".."', "attachment-1.pdf"),
        ("Content-Type: application/pdf", "attachment-1.pdf"),
        ("Content-Type: image/jpeg", "attachment-1.jpg"),
        ("Content-Type: application/x-never-heard-of", "attachment-1.bin"),
        ("Content-Location: http://x.example/a.pdf", "attachment-1.pdf"),
        ("Content-Location: pictures/a.pdf", "a.pdf"),
        (f"Content-Disposition: attachment; filename={'x' * 300}.pdf", "x" * 196 + ".pdf"),
    ],
)  # fmt: skip
def test_an_attachment_has_a_name_under_which_it_can_be_saved(fields: str, name: str) -> None:
    if "Content-Type" not in fields:
        fields += "\nContent-Type: application/pdf"
    content = read(multipart("mixed", PLAIN, f"{fields}\n\ndata\n"))
    assert [attached.name for attached in content.attachments] == [name]


def test_an_attachment_in_eight_bits_of_another_charset_keeps_its_name() -> None:
    fields = 'Content-Type: text/csv; charset=shift_jis; name="表.csv"\r\n\r\n'.encode("cp932")
    assert read(multipart("mixed", PLAIN, fields + b"a")).attachments[0].name == "表.csv"


@pytest.mark.parametrize(
    ("encoding", "encoded"),
    [
        ("base64", b64encode(b"hello world")),
        ("BASE64 ", b"aGVsbG8g\r\nd29ybGQ"),
        ("base64", b"aGVs!bG8g=20d29ybGQ=".replace(b"=20", b"")),
        ("base64", b64encode(b"hello ") + b"\r\n" + b64encode(b"world")),
        ("base64", b64encode(b"hell") + b64encode(b"o world")),
        ("quoted-printable", b"hello=20=\r\nworld"),
        ("quoted printable", b"hello world"),
        ("x-uuencode", b"begin 644 x.txt\r\n" + binascii.b2a_uu(b"hello world") + b"`\r\nend"),
        ("x-uue", b"begin 644 x.txt\n" + binascii.b2a_uu(b"hello world") + b"end\n"),
        ("7-bit", b"hello world"),
        ("binary", b"hello world"),
        ("", b"hello world"),
    ],
)
def test_transfer_encodings_are_read_as_mail_writes_them(encoding: str, encoded: bytes) -> None:
    content = read(message(encoded, "text/plain", f"Content-Transfer-Encoding: {encoding}"))
    assert (content.text.strip(), content.warnings) == ("hello world", ())


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        ("iso-2022-jp", "iso2022_jp", "お見積書です"),
        ("Shift_JIS", "cp932", "①髙橋㈱"),
        ("x-sjis", "cp932", "～"),
        ("windows-31j", "cp932", "㍻"),
        ("euc-jp", "euc_jp", "お見積書です"),
        ("utf-8", "utf-8-sig", "山田"),
        ("gb2312", "gb18030", "镕"),
        ("ks_c_5601-1987", "cp949", "뷁"),
        ("big5", "cp950", "中文"),
        ("iso-8859-1", "cp1252", "“quoted” – 5 €"),
        ("us-ascii", "utf-8", "Grüße"),
        ("us-ascii", "cp1252", "Grüße"),
        ("utf-16", "utf-16", "Grüße"),
        ("unknown-8bit", "utf-8", "Grüße"),
        ("koi8-r", "koi8_r", "Привет"),
        ("iso-2022-jp", "euc_jp", "お見積書です"),
        ("us-ascii", "iso2022_jp", "お見積書です"),
        ("utf-8", "iso2022_jp", "お見積書です"),
        ("iso-2022-kr", "iso2022_kr", "안녕"),
    ],
)
def test_text_is_read_in_the_charset_that_is_meant(charset: str, codec: str, text: str) -> None:
    raw = message(text.encode(codec), f"text/plain; charset={charset}")
    assert read(raw).text == text


def test_the_extensions_of_iso_2022_jp_are_read() -> None:
    # ① and ㈱ of NEC's row 13, 髙 of IBM's rows as NEC selected them, and half-width kana.
    raw = b"\x1b$B-!-j|b\x1b(B and \x1b(I1\x1b(B\r\n\x1b$B8+@Q\x1b(B"
    assert read(message(raw, "text/plain; charset=ISO-2022-JP")).text == "①㈱髙 and ｱ\n見積"


def test_html_may_name_its_own_charset() -> None:
    markup = '<meta http-equiv="Content-Type" content="text/html; charset=shift_jis"><p>見積</p>'
    assert read(message(markup.encode("cp932"), "text/html")).text == "見積"


@pytest.mark.parametrize(
    ("raw", "text", "warning"),
    [
        (message(b"caf\xe9", "text/plain; charset=x-none"), "café", "charset_unknown"),
        (message(b"caf\xe9", "text/plain; charset=utf-8"), "caf\ufffd", "decoding_failed"),
        (message(b"aGVsbG8x1", "text/plain", BASE64), "hello1", "decoding_failed"),
        (message("hello", "text/plain", ROT13), "hello", "encoding_unknown"),
        (message("hello", "multipart/mixed; boundary=b"), "hello", "boundary_missing"),
        (message("hello", "multipart/mixed"), "hello", "boundary_missing"),
        (message("--b\n\nhello", "multipart/mixed; boundary=b"), "hello", "body_truncated"),
    ],
)  # fmt: skip
def test_of_a_broken_body_there_is_what_can_be_read_and_a_warning(
    raw: bytes, text: str, warning: str
) -> None:
    content = read(raw)
    assert (content.text, content.warnings) == (text, (warning,))


def test_utf_7_is_not_read_for_it_hides_markup() -> None:
    assert "<" not in read(message("+ADw-script+AD4-", "text/plain; charset=utf-7")).text


def test_a_part_without_an_empty_line_after_its_fields_keeps_its_text() -> None:
    raw = b"--b\r\nHello Kim,\r\nfine.\r\n--b\r\nContent-Type: text/plain\r\nMore.\r\n--b--\r\n"
    assert read(message(raw, "multipart/mixed; boundary=b")).text == "Hello Kim,\nfine.\nMore."


def test_a_parameter_that_lost_its_indent_is_found() -> None:
    raw = (
        HEADERS
        + b"Content-Type: multipart/mixed;\r\nboundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b--\r\n"
    )
    assert parse_message(raw).text == "hello"


@pytest.mark.exceeds("MAX_PARTS")
def test_a_message_of_a_thousand_and_more_parts_is_cut() -> None:
    raw = message("--b\n\nx\n" * 5000 + "--b--\n", "multipart/mixed; boundary=b")
    content = read(raw)
    assert content.warnings == ("too_many_parts",)
    assert content.text.count("x") == 999


@pytest.mark.exceeds("MAX_NESTED_PARTS")
def test_a_message_of_more_than_fifty_levels_is_cut() -> None:
    nested = "".join(
        f"--b{i}\nContent-Type: multipart/mixed; boundary=b{i + 1}\n\n" for i in range(9000)
    )
    assert "too_deep" in read(message(nested, "multipart/mixed; boundary=b0")).warnings


def test_the_standard_librarys_messages_are_read_back() -> None:
    sent = EmailMessage()
    sent["From"], sent["To"], sent["Subject"] = "kim@x.example", "rep@us.example", "お見積り"
    sent.set_content("お世話になっております。\n")
    sent.add_alternative('<p>お世話に<img src="cid:p@x"></p>', subtype="html")
    parts = sent.get_payload()
    assert isinstance(parts, list)
    html_part = parts[1]
    assert isinstance(html_part, EmailMessage)
    html_part.add_related(b"\x89PNG", maintype="image", subtype="png", cid="<p@x>")
    sent.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="御見積書.pdf")
    content = parse_message(sent.as_bytes())
    assert content.headers.subject == "お見積り"
    assert content.text == "お世話になっております。"
    assert content.attachments == (
        Attachment(0, "attachment-1.png", "image/png", 4, "p@x", inline=True),
        Attachment(1, "御見積書.pdf", "application/pdf", 4, None, inline=False),
    )


@pytest.mark.parametrize(
    ("text", "snippet"),
    [
        ("Hello Kim,\n\nfine.", "Hello Kim, fine."),
        ("Fine.\n\nOn Mon, 1 Mar 2026, Kim wrote:\n> hello\n> there\n", "Fine."),
        ("Fine.\n\nOn Mon, 1 Mar 2026 at 10:00, Kim <kim@x.example>\nwrote:\n> hello\n", "Fine."),
        (
            "Fine.\n\nOn Mon, 1 Mar 2026 at 10:00, Kim\n<kim@x.example> wrote:\n\nEarlier.\n",
            "Fine.",
        ),
        ("Bien.\n\nLe lun. 1 mars 2026, Kim a écrit :\n\nAvant.\n", "Bien."),
        ("Bien.\n\nLe lun. 1 mars 2026, Kim\n<kim@x.example>\na écrit :\n\nAvant.\n", "Bien."),
        ("On Mon, 1 Mar 2026, Kim wrote:\n\nEarlier.\n", "Earlier."),
        ("On Mon, Kim wrote:\n> hello\n\nFine.\n\nOn Mon, Lee wrote:\n> there\nToo.", "Fine. Too."),
        ("On it.\nWe meet.\nOn Mon, 1 Mar 2026, Kim wrote:\n> hello", "On it. We meet."),
        (
            "承知しました。\n\n2026年3月1日(日) 10:00 山田 <y@x.example>:\n> よろしく\n",
            "承知しました。",
        ),
        ("承知しました。\n2026/03/01 山田さんは書きました:\n> よろしく\n", "承知しました。"),
        ("> hello\nMy answer.\n>> deep\nMore.", "My answer. More."),
        ("Fine.\n-- \nKim\nSales", "Fine."),
        ("Fine.\n\n-----Original Message-----\nFrom: kim\n\nhello", "Fine."),
        ("> only a quote", ""),
        ("a\u3000b\t c\n\n\nd", "a b c d"),
        ("x" * 300, "x" * 199 + "…"),
        ("word " * 40, ("word " * 40).strip()),
        ("Sì.\n\nIl giorno lun 2 mar 2026 alle 10:00 Kim <k@x> ha scritto:\n> ok?", "Sì."),
        ("Sim.\n\nEm seg., 2 de mar. de 2026 10:00, Kim <k@x> escreveu:\n\n> ok?", "Sim."),
        ("Tak.\n\npon., 2 mar 2026 o 10:00 Kim Lee\n<k@x> napisał(a):\n> ok?", "Tak."),
        (
            "Ok.\nOp 2 mrt 2026 om 10:00 heeft Kim\nLee van der\nBerg <k@x> geschreven:\n> x",
            "Ok.",
        ),
        ("I ask, see point 2:\n> which colour?\nBlue.", "Blue."),
        ("I ask:\n> which colour?\nBlue.", "I ask: Blue."),
        ("Yes.\n\nFrom: Kim <k@x>\nSent: Monday\nTo: Rep\nSubject: Offer\n\nShall I?", "Yes."),
        (
            "Ja.\n\n________________________________\nVon: Kim\nGesendet: Montag\nAn: Rep\n\nalt",
            "Ja.",
        ),
        ("はい。\n\n差出人: Kim\n送信日時: 2026年3月2日\n宛先: Rep\n件名: 見積\n\n旧", "はい。"),
        ("From: the station take bus 5.\nSee you", "From: the station take bus 5. See you"),
    ],
)
def test_a_snippet_is_the_beginning_of_what_is_new(text: str, snippet: str) -> None:
    assert read(message(text, "text/plain; charset=utf-8")).snippet == snippet


def test_a_quote_in_html_is_none_of_the_snippet() -> None:
    markup = (
        "<div>Fine.</div><div>On Mon, Kim wrote:<br></div><blockquote>hello<br>there</blockquote>"
    )
    content = read(message(markup, "text/html"))
    assert content.snippet == "Fine."
    assert content.text == "Fine.\nOn Mon, Kim wrote:\n> hello\n> there"


@given(st.binary(max_size=3000))
def test_no_body_raises(body: bytes) -> None:
    for content_type in (
        "text/plain",
        "text/html; charset=iso-2022-jp",
        "multipart/mixed; boundary=a",
    ):
        for encoding in ("8bit", "base64", "quoted-printable", "x-uuencode"):
            content = read(message(body, content_type, f"Content-Transfer-Encoding: {encoding}"))
            content.text.encode("utf-8")
            assert len(content.snippet) <= 200


@given(mutations())
def test_no_broken_message_raises_but_for_its_headers(raw: bytes) -> None:
    try:
        content = parse_message(raw)
    except UnreadableHeaders:
        return
    for attachment in content.attachments:
        assert attachment_bytes(raw, attachment.index)[0] == attachment


@pytest.mark.exceeds("MAX_HEADER_BYTES")
def test_of_a_header_block_that_is_too_long_what_the_rules_need_is_read_and_it_says_so() -> None:
    filler = [b"X-%04d: %s\r\n" % (n, b"x" * 992) for n in range(1_100)]
    lines = limits.MAX_HEADER_BYTES // 1_002
    for count, warnings in ((lines - 1, ()), (lines + 1, ("headers_truncated",))):
        raw = b"".join(filler[:count]) + HEADERS + b"Subject: Offer\r\nX-Other: 1\r\n\r\nhello"
        content = parse_message(raw)
        assert content.warnings == warnings
        assert content.headers.subject == "Offer"
        assert [one.address for one in content.headers.from_] == ["kim@customer.example"]
        assert content.text == "hello"
        assert read_fields(raw).first("x-other") == ("1" if not warnings else "")


@pytest.mark.exceeds("MAX_FIELD_BYTES")
def test_a_field_that_is_cut_is_reported() -> None:
    assert read(message("hello", "text/plain", "X-A: " + "x" * 250_000)).warnings == ()
    long = read(message("hello", "text/plain", "X-A: " + "x" * 300_000))
    assert (long.text, long.warnings) == ("hello", ("headers_truncated",))


@pytest.mark.exceeds("MAX_PART_HEADER_BYTES")
def test_what_is_beyond_a_parts_header_block_is_its_text() -> None:
    filler = f"X-Filler: {'x' * 990}\n"
    for lines in (60, 70):
        part = f"Content-Type: text/plain\n{filler * lines}\nhello"
        content = read(multipart("mixed", part))
        assert content.text.endswith("hello")
        left = max(0, lines - 1 - limits.MAX_PART_HEADER_BYTES // 1_001)
        assert content.text.count("X-Filler") == left


@pytest.mark.exceeds("MAX_PARAMETERS", "MAX_PARAMETERS_CHARS")
def test_parameters_beyond_their_number_or_length_are_not_read() -> None:
    def found(before: str) -> str | None:
        return parameters(f"text/plain{before}; charset=utf-8")[1].get("charset")

    assert found("; a=1" * (limits.MAX_PARAMETERS - 1)) == "utf-8"
    assert found("; a=1" * limits.MAX_PARAMETERS) is None
    assert found("; a=" + "x" * (limits.MAX_PARAMETERS_CHARS - 100)) == "utf-8"
    assert found("; a=" + "x" * (limits.MAX_PARAMETERS_CHARS - 20)) is None
    """Not the beginning of one."""


@pytest.mark.exceeds("MAX_BASE64_STREAMS")
def test_of_too_many_base64_streams_the_first_are_decoded_and_it_says_so() -> None:
    for streams, warnings in (
        (limits.MAX_BASE64_STREAMS, ()),
        (limits.MAX_BASE64_STREAMS + 1, ("decoding_failed",)),
    ):
        content = read(message("YWE=" * streams, "text/plain", BASE64))
        assert content.text == "aa" * limits.MAX_BASE64_STREAMS
        assert content.warnings == warnings


@pytest.mark.exceeds("MAX_UNDECODABLE_LINES")
def test_of_uuencoded_data_with_too_many_bad_lines_the_beginning_is_decoded() -> None:
    good = binascii.b2a_uu(b"good").decode()
    for bad, text in ((limits.MAX_UNDECODABLE_LINES, "goodgood"), (10_001, "good")):
        body = f"begin 644 a\n{good}{'M!\x7f\n' * bad}{good}end\n"
        content = read(message(body, "text/plain", "Content-Transfer-Encoding: x-uuencode"))
        assert content.warnings == ("decoding_failed",)
        assert content.text == text


@pytest.mark.exceeds("MAX_HTML_HEAD_BYTES")
def test_a_charset_that_html_names_late_is_not_searched_for() -> None:
    for before, text in ((4_000, "100 €"), (5_000, "100 ¤")):
        html = b" " * before + b'<meta charset="iso-8859-15"><p>100 \xa4</p>'
        assert read(message(html, "text/html")).text == text


@pytest.mark.exceeds("MAX_INLINE_PICTURES")
def test_a_picture_beyond_the_limit_is_listed_as_an_attachment() -> None:
    picture = "Content-Type: image/png\nContent-ID: <p@x>\n\nx"
    for others, inline in (
        (limits.MAX_INLINE_PICTURES - 1, True),
        (limits.MAX_INLINE_PICTURES, False),
    ):
        html = "Content-Type: text/html\n\n" + "<img src=cid:o>" * others + "<img src=cid:p@x>"
        (attachment,) = read(multipart("mixed", html, picture)).attachments
        assert attachment.inline is inline


@pytest.mark.exceeds("MAX_SNIPPET_SOURCE_CHARS", "MAX_ATTRIBUTION_CHARS")
def test_what_is_new_is_searched_for_in_the_beginning_of_a_text() -> None:
    quoted = "> quoted\n"
    few = limits.MAX_SNIPPET_SOURCE_CHARS // len(quoted) - 1
    assert read(message(quoted * few + "new")).snippet == "new"
    late = read(message(quoted * (few + 2) + "new"))
    assert late.snippet == ""
    assert late.text.endswith("new")
    names = "n" * (limits.MAX_ATTRIBUTION_CHARS - 20)
    assert read(message(f"On Monday, {'n' * 200} wrote:\n> old\nnew")).snippet == "new"
    assert read(message(f"On Monday, {names}  wrote:\nnew")).snippet.startswith("On Monday, nnn")


@pytest.mark.exceeds("MAX_ATTACHMENT_NAME_CHARS")
def test_a_name_that_is_too_long_keeps_its_beginning_and_its_extension() -> None:
    for length in (300, 5_000):
        field = f'attachment; filename="{"n" * length}.pdf"'
        (attachment,) = read(
            multipart("mixed", f"Content-Type: application/pdf\nContent-Disposition: {field}\n\nx")
        ).attachments
        assert attachment.name == "n" * (limits.MAX_ATTACHMENT_NAME_CHARS - 4) + ".pdf"


def test_names_made_to_exhaust_their_normalisation_cost_little() -> None:
    """Putting combining characters in order takes quadratic time."""
    name = "a" + "\u0301" * 2_500 + "\u0327" * 2_500
    part = f'Content-Type: text/x-long; name="{name}"\n\nx'
    begun = process_time()
    content = read(multipart("mixed", *[part] * 200))
    assert len(content.attachments) == 200
    assert process_time() - begun < 6


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ('multipart/mixed boundary="b"', "plain"),
        ("multipart/mixed, boundary=b", "plain"),
        ("multipart/mixed; boundary='b'", "plain"),
        ("multipart / mixed; boundary=b (of no use)", "plain"),
        ("multipart/mixed;\r\nboundary=b;; charset=us-ascii", "plain"),
    ],
)
def test_a_type_and_its_parameters_are_read_however_they_are_divided(
    content_type: str, text: str
) -> None:
    body = "--b\n\nplain\n--b\nContent-Type: application/pdf; name=offer.pdf\n\n%PDF\n--b--\n"
    content = read(message(body, content_type))
    assert content.text == text
    assert [one.name for one in content.attachments] == ["offer.pdf"]


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("x-foo", "application/octet-stream"),
        ("application/", "application/octet-stream"),
        ("image / png", "image/png"),
    ],
)
def test_a_part_of_a_broken_type_is_an_attachment(written: str, kind: str) -> None:
    content = read(multipart("mixed", PLAIN, f"Content-Type: {written}\n{BASE64}\n\nJVBERg==\n"))
    assert content.text == "Grüße in plain"
    assert [(one.content_type, one.size) for one in content.attachments] == [(kind, 4)]


def test_two_multiparts_with_one_boundary_are_read() -> None:
    inner = "Content-Type: multipart/alternative; boundary=b\n\n"
    body = f"--b\n{inner}--b\n{PLAIN}--b\n{HTML}--b--\n--b\nContent-Type: a/b\n\nx\n--b--\n"
    content = read(message(body, "multipart/mixed; boundary=b"))
    assert content.text == "Grüße in plain"
    assert content.html is not None
    assert [one.content_type for one in content.attachments] == ["a/b"]


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("日本 \n語の \nメール", "flowed; delsp=yes", "日本語のメール"),
        (
            "A long line that was \nbroken here.\n\nNew.",
            "flowed",
            "A long line that was broken here.\n\nNew.",
        ),
        ("> quoted \n> further\n>> deeper\nown", "flowed", "> quoted further\n>> deeper\nown"),
        (" From here on \n >not quoted", "flowed", "From here on >not quoted"),
        ("text \n-- \nKim", "flowed", "text \n-- \nKim"),
        ("as it \nis", "fixed", "as it \nis"),
    ],
)
def test_lines_that_were_flowed_are_joined(body: str, content_type: str, text: str) -> None:
    assert read(message(body, f"text/plain; charset=utf-8; format={content_type}")).text == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("aGk=\n____\nlist footer text\n", "hi"),
        ("aGk=\n\nfooter\n", "hi"),
        ("aGk=\naGE=\n", "hiha"),
    ],
)
def test_text_behind_base64_is_no_garbage(body: str, text: str) -> None:
    content = read(message(body, "text/plain", BASE64))
    assert content.text.startswith(text)
    assert "\ufffd" not in content.text


@pytest.mark.parametrize("kind", ["rtf", "x-none"])
def test_an_alternative_of_an_unreadable_text_alone_is_an_attachment(kind: str) -> None:
    content = read(multipart("alternative", f"Content-Type: text/{kind}\n\n*hi*\n"))
    assert [one.content_type for one in content.attachments] == [f"text/{kind}"]


@pytest.mark.parametrize(
    ("charset", "octets", "text"),
    [
        ("koi8-r (Russian)", b"\xf0\xd2\xc9", "При"),
        ("x-mac-cyrillic", b"\x8f\xf0\xe8", "При"),
        ("win-1251", b"\xcf\xf0\xe8", "При"),
        ("koi8-ru", b"\xf0\xd2\xc9", "При"),
        ("cn-big5", b"\xa4\xa4\xa4\xe5", "中文"),
        ("ISO8859-5", b"\xbf\xe0\xd8", "При"),
        ("x-cp1251", b"\xcf\xf0\xe8", "При"),
    ],
)
def test_charsets_have_many_names(charset: str, octets: bytes, text: str) -> None:
    content = read(message(octets, f"text/plain; charset={charset}"))
    assert (content.text, content.warnings) == (text, ())


def test_utf_8_with_one_bad_byte_is_read_as_utf_8() -> None:
    content = read(message("Größe und Übergabe".encode() + b"\xff", "text/plain"))
    assert content.text == "Größe und Übergabe\ufffd"
    assert content.warnings == ("decoding_failed",)
