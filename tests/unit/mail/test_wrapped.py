"""Messages whose text stands in another format: read where no key is needed, named where one is."""

import struct
import zlib
from base64 import encodebytes
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain import limits
from mailmirror.mail.mime.cms import NeedsKey, encapsulated
from mailmirror.mail.mime.compressed_rtf import decompress
from mailmirror.mail.mime.content import Content, attachment_bytes, parse_message
from mailmirror.mail.mime.tnef import mime_entity

LETTER = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello Kim\r\n--b\r\n"
    b"Content-Type: application/pdf; name=offer.pdf\r\n\r\n%PDF\r\n--b--\r\n"
)
SIGNED, DATA = "2a864886f70d010702", "2a864886f70d010701"
ENVELOPED, COMPRESSED = "2a864886f70d010703", "2a864886f70d0109100109"


def message(content_type: str, body: bytes, *fields: str) -> bytes:
    lines = ["From: kim@customer.example", f"Content-Type: {content_type}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


def base64(content_type: str, body: bytes) -> bytes:
    return message(content_type, encodebytes(body), "Content-Transfer-Encoding: base64")


def names(content: Content) -> Sequence[str]:
    return [one.name for one in content.attachments]


# --- S/MIME


def ber(tag: int, *contents: bytes, sized: bool = True) -> bytes:
    body = b"".join(contents)
    if not sized:
        return bytes([tag, 0x80]) + body + b"\0\0"
    size = len(body).to_bytes(4)
    return bytes([tag, 0x84]) + size + body


def cms(kind: str, octets: bytes, *, sized: bool = True) -> bytes:
    """A structure whose third field is the encapsulated content (RFC 5652 5.1, RFC 3274 1.1)."""
    inside = ber(0x30, ber(6, bytes.fromhex(DATA)), ber(0xA0, octets, sized=sized), sized=sized)
    fields = ber(0x30, ber(2, b"\1"), ber(0x31), inside, sized=sized)
    return ber(0x30, ber(6, bytes.fromhex(kind)), ber(0xA0, fields, sized=sized), sized=sized)


def in_pieces(data: bytes, size: int) -> bytes:
    pieces = [ber(4, data[at : at + size]) for at in range(0, len(data), size)]
    return ber(0x24, *pieces, sized=False)


@pytest.fixture(scope="module")
def signed() -> bytes:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Kim")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    ).sign(key, SHA256())
    builder = pkcs7.PKCS7SignatureBuilder().set_data(LETTER)
    return builder.add_signer(certificate, key, SHA256()).sign(
        Encoding.DER, [pkcs7.PKCS7Options.Binary]
    )


@pytest.mark.parametrize(
    "content_type",
    [
        "application/pkcs7-mime; smime-type=signed-data; name=smime.p7m",
        "application/x-pkcs7-mime; name=smime.p7m",
        "application/octet-stream; name=smime.p7m",
    ],
)
def test_a_letter_that_is_signed_is_read(signed: bytes, content_type: str) -> None:
    raw = base64(content_type, signed)
    content = parse_message(raw)
    assert (content.text, names(content), content.warnings) == ("Hello Kim", ["offer.pdf"], ())
    assert attachment_bytes(raw, 0)[1] == b"%PDF"


@pytest.mark.parametrize(
    "structure",
    [
        cms(SIGNED, ber(4, LETTER)),
        cms(SIGNED, ber(4, LETTER), sized=False),
        cms(SIGNED, in_pieces(LETTER, 7), sized=False),
        cms(COMPRESSED, ber(4, zlib.compress(LETTER))),
        cms(SIGNED, ber(4, base64("application/pkcs7-mime", cms(SIGNED, ber(4, LETTER))))),
    ],
)
def test_every_form_of_a_letter_without_a_key_is_read(structure: bytes) -> None:
    content = parse_message(base64("application/pkcs7-mime", structure))
    assert (content.text, names(content), content.warnings) == ("Hello Kim", ["offer.pdf"], ())


def test_an_encrypted_letter_is_named_and_kept_as_an_attachment() -> None:
    raw = base64("application/pkcs7-mime; name=smime.p7m", cms(ENVELOPED, b""))
    content = parse_message(raw)
    assert (content.text, names(content), content.warnings) == ("", ["smime.p7m"], ("encrypted",))


@pytest.mark.parametrize(
    "raw",
    [
        message(
            "multipart/encrypted; boundary=b",
            b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
            b"--b\r\nContent-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n"
            b"--b--\r\n",
        ),
        message("text/plain", b"\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA"),
        base64("application/x-microsoft-rpmsg-message", b"x"),
    ],
)
def test_other_encryptions_are_named(raw: bytes) -> None:
    assert parse_message(raw).warnings == ("encrypted",)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"0",
        b"0\x80",
        b"hello",
        b"\x30\x84\xff\xff\xff\xff",
        cms(SIGNED, b""),
        cms(SIGNED, ber(2, b"x")),
        cms(SIGNED, ber(0x24, ber(0x24, ber(4, b"x")))),
        cms(COMPRESSED, ber(4, b"no zlib")),
        cms(DATA, ber(4, LETTER)),
        cms(SIGNED, ber(4, LETTER))[:-5],
    ],
)
def test_a_broken_structure_stays_an_attachment_and_is_named(data: bytes) -> None:
    content = parse_message(base64("application/pkcs7-mime; name=a.p7m", data))
    assert (content.text, names(content)) == ("", ["a.p7m"])
    assert content.warnings == ("decoding_failed",)


@pytest.mark.parametrize(
    "raw",
    [
        base64("application/pkcs7-mime; name=a.p7m", cms(ENVELOPED, ber(4, LETTER))[:-5]),
        base64("application/pkcs7-mime; name=a.p7m", cms(ENVELOPED, b"")[:21]),
        base64("application/octet-stream; name=smime.p7m", cms(ENVELOPED, b"", sized=False)[:40]),
        base64("application/pkcs7-mime; name=a.p7m; smime-type=enveloped-data", b"hello"),
        base64("application/pkcs7-mime; name=a.p7m; smime-type=authEnveloped-data", b""),
    ],
)
def test_an_encrypted_letter_that_is_broken_is_named_as_encrypted(raw: bytes) -> None:
    content = parse_message(raw)
    assert (content.text, len(content.attachments)) == ("", 1)
    assert content.warnings == ("encrypted",)


def test_a_broken_structure_beside_a_text_is_named() -> None:
    part = base64("application/pkcs7-mime; name=a.p7m", cms(SIGNED, ber(4, LETTER))[:-5])
    body = b"--b\r\n" + part + b"\r\n--b\r\n\r\nSent to the list\r\n--b--"
    content = parse_message(message("multipart/mixed; boundary=b", body))
    assert (content.text, names(content)) == ("Sent to the list", ["a.p7m"])
    assert content.warnings == ("decoding_failed",)


def test_certificates_alone_are_an_attachment_without_a_warning() -> None:
    inside = ber(0x30, ber(6, bytes.fromhex(DATA)))
    fields = ber(0x30, ber(2, b"\1"), ber(0x31), inside, ber(0xA0, ber(0x30)), ber(0x31))
    data = ber(0x30, ber(6, bytes.fromhex(SIGNED)), ber(0xA0, fields))
    content = parse_message(base64("application/pkcs7-mime; name=a.p7c", data))
    assert (content.text, names(content), content.warnings) == ("", ["a.p7c"], ())


@given(st.binary(), st.integers(0, 200))
def test_no_bytes_of_a_structure_raise_anything_else(noise: bytes, at: int) -> None:
    whole = cms(SIGNED, in_pieces(LETTER, 50), sized=False)
    for data in (noise, whole[:at] + noise + whole[at + len(noise) :]):
        try:
            encapsulated(data, limits.MAX_UNWRAPPED_BYTES)
        except (ValueError, NeedsKey):
            continue


@pytest.mark.exceeds("MAX_CMS_ELEMENTS")
def test_a_structure_of_too_many_elements_stays_an_attachment() -> None:
    data = cms(SIGNED, in_pieces(b"x" * limits.MAX_CMS_ELEMENTS, 1), sized=False)
    content = parse_message(base64("application/pkcs7-mime; name=a.p7m", data))
    assert (names(content), content.warnings) == (["a.p7m"], ("decoding_failed",))


@pytest.mark.exceeds("MAX_CMS_DEPTH")
def test_a_structure_that_is_too_deep_stays_an_attachment() -> None:
    nested = b"\x30\x80" * (limits.MAX_CMS_DEPTH + 3)
    data = b"\x30\x80\x30\x80" + nested + b"\0\0" * len(nested)
    with pytest.raises(ValueError, match="too deep"):
        encapsulated(data, limits.MAX_UNWRAPPED_BYTES)


@pytest.mark.exceeds("MAX_UNWRAPPED_PARTS")
@pytest.mark.parametrize("nested", [False, True])
def test_so_many_parts_are_unwrapped_and_no_more(nested: bool) -> None:
    part = base64("application/pkcs7-mime; name=a.p7m", cms(SIGNED, ber(4, b"\r\nhello\r\n")))
    if nested:
        for _ in range(limits.MAX_UNWRAPPED_PARTS):
            part = base64("application/pkcs7-mime; name=a.p7m", cms(SIGNED, ber(4, part)))
        content = parse_message(part)
    else:
        body = (b"--b\r\n" + part + b"\r\n") * (limits.MAX_UNWRAPPED_PARTS + 1) + b"--b--"
        content = parse_message(message("multipart/mixed; boundary=b", body))
        assert content.text.count("hello") == limits.MAX_UNWRAPPED_PARTS
    assert (names(content), content.warnings) == (["a.p7m"], ("too_deep",))


@pytest.mark.exceeds("MAX_UNWRAPPED_BYTES")
def test_wrapped_parts_hold_so_many_bytes_together_and_no_more() -> None:
    size = limits.MAX_UNWRAPPED_BYTES // 3
    entity = b"Content-Type: application/octet-stream; name=a.bin\r\n\r\n" + b"a" * size
    structure = cms(COMPRESSED, ber(4, zlib.compress(entity)))
    part = base64("application/pkcs7-mime; name=a.p7m", structure)
    body = (b"--b\r\n" + part + b"\r\n") * 4 + b"--b--"
    content = parse_message(message("multipart/mixed; boundary=b", body))
    assert names(content) == ["a.bin", "a.bin", "a.p7m", "a.p7m"]


def test_pieces_without_a_length_are_no_octets() -> None:
    data = cms(SIGNED, b"\x24\x80" + b"\x04\x80\0\0" * 1_000 + b"\0\0", sized=False)
    with pytest.raises(ValueError, match="without a length"):
        encapsulated(data, limits.MAX_UNWRAPPED_BYTES)


def test_nesting_goes_on_within_wrapped_parts_up_to_the_limit() -> None:
    part = b"Content-Type: text/plain\r\n\r\nHello\r\n"
    for level in range(limits.MAX_UNWRAPPED_PARTS):
        for depth in range(25):
            name = b"b%d-%d" % (level, depth)
            head = b"Content-Type: multipart/alternative; boundary=%b\r\n\r\n" % name
            part = head + b"--%b\r\n%b\r\n--%b--\r\n" % (name, part, name)
        part = base64("application/pkcs7-mime", cms(SIGNED, ber(4, part)))
    assert "too_deep" in parse_message(part).warnings


# --- attached messages


INNER = (
    b"From: =?utf-8?b?5bGx55Sw?= <yamada@else.example>\r\nDate: Sun, 1 Mar 2026 10:00:00 +0900\r\n"
    b"Subject: The offer\r\n" + LETTER
)
INTRODUCED = (
    "From: 山田 <yamada@else.example>\nDate: Sun, 1 Mar 2026 10:00:00 +0900\nSubject: The offer"
)


@pytest.mark.parametrize(
    "raw",
    [
        message("message/rfc822", INNER),
        base64("message/global", INNER),
        message(
            "multipart/mixed; boundary=a",
            b"--a\r\n\r\n \r\n--a\r\nContent-Type: message/rfc822\r\n\r\n" + INNER + b"\r\n--a--",
        ),
        message("multipart/digest; boundary=a", b"--a\r\n\r\n" + INNER + b"\r\n--a--"),
    ],
    ids=["alone", "encoded", "beside an empty text", "digest"],
)
def test_of_a_message_without_a_text_the_text_of_an_attached_one_is_read(raw: bytes) -> None:
    content = parse_message(raw)
    assert (content.text, content.warnings) == (f"{INTRODUCED}\nHello Kim", ())
    assert content.snippet == ""
    (attached,) = content.attachments
    assert attached.content_type in ("message/rfc822", "message/global")
    assert b"offer.pdf" in attachment_bytes(raw, 0)[1]


def test_the_html_of_an_attached_message_stands_behind_who_wrote_it() -> None:
    inner = b"From: kim@x.example\r\nContent-Type: text/html\r\n\r\n<p>Hello</p>"
    content = parse_message(message("message/rfc822", inner))
    assert content.html == "<pre>From: kim@x.example</pre>\n<p>Hello</p>"
    assert content.text == "From: kim@x.example\nHello"


def test_an_attached_message_without_a_text_gives_none_and_the_next_is_read() -> None:
    empty = b"Content-Type: message/rfc822\r\n\r\nFrom: kim@x.example\r\n\r\n"
    body = b"--a\r\n" + empty + b"\r\n--a\r\nContent-Type: message/rfc822\r\n\r\n" + INNER
    content = parse_message(message("multipart/mixed; boundary=a", body + b"\r\n--a--"))
    assert content.text == f"{INTRODUCED}\nHello Kim"
    assert parse_message(message("message/rfc822", b"From: kim@x.example\r\n\r\n")).text == ""


def test_an_encrypted_message_that_is_attached_is_named() -> None:
    inner = base64("application/pkcs7-mime", cms(ENVELOPED, b""))
    assert parse_message(message("message/rfc822", inner)).warnings == ("encrypted",)


@pytest.mark.exceeds("MAX_UNWRAPPED_PARTS")
def test_messages_within_each_other_are_read_up_to_the_limit() -> None:
    inner = LETTER
    for _ in range(limits.MAX_UNWRAPPED_PARTS):
        inner = message("message/rfc822", inner)
    content = parse_message(inner)
    assert content.text.endswith("Hello Kim")
    assert content.warnings == ()
    content = parse_message(message("message/rfc822", inner))
    assert (content.text, content.warnings) == ("", ("too_deep",))


def test_parts_within_attached_messages_are_nested_up_to_the_limit() -> None:
    part = LETTER
    for level in range(limits.MAX_UNWRAPPED_PARTS):
        for depth in range(25):
            name = b"b%d-%d" % (level, depth)
            head = b"Content-Type: multipart/mixed; boundary=%b\r\n\r\n" % name
            part = head + b"--%b\r\n%b\r\n--%b--\r\n" % (name, part, name)
        part = message("message/rfc822", part)
    assert "too_deep" in parse_message(part).warnings


# --- winmail.dat


def attribute(level: int, name: int, value: bytes) -> bytes:
    return (
        struct.pack("<BII", level, name, len(value)) + value + struct.pack("<H", sum(value) % 65536)
    )


def properties(values: Mapping[int, bytes]) -> bytes:
    """Properties by the number of their type and id, each of one value."""
    written = [struct.pack("<I", len(values))]
    for number, value in values.items():
        kind, id = number >> 16, number & 0xFFFF
        padded = value + b"\0" * (-len(value) % 4)
        head = struct.pack("<HH", kind, id)
        written.append(head + (padded if kind == 3 else struct.pack("<II", 1, len(value)) + padded))
    return b"".join(written)


def winmail(*attributes: bytes) -> bytes:
    return b"\x78\x9f\x3e\x22\x01\x00" + b"".join(attributes)


def file(title: bytes, data: bytes, values: Mapping[int, bytes] | None = None) -> bytes:
    return (
        attribute(2, 0x00069002, b"\0" * 14)
        + attribute(2, 0x00018010, title + b"\0")
        + attribute(2, 0x0006800F, data)
        + (attribute(2, 0x00069005, properties(values)) if values else b"")
    )


CODE_PAGE = attribute(1, 0x00069007, struct.pack("<II", 1250, 0))
PLAIN = attribute(1, 0x0002800C, "Dzień dobry\0".encode("cp1250"))
HTML = attribute(
    1,
    0x00069003,
    properties({0x00033FDE: struct.pack("<I", 65001), 0x01021013: "<p>Größe</p>".encode()}),
)
LONG_NAME = {
    0x001F3707: "Größe.png\0".encode("utf-16-le"),
    0x001E370E: b"image/png\0",
    0x001E3712: b"logo@x.example\0",
}
TNEF = "application/ms-tnef; name=winmail.dat"


@pytest.mark.parametrize("kind", [TNEF, "application/octet-stream; name=winmail.dat"])
def test_the_text_and_the_files_of_a_winmail_dat_are_read(kind: str) -> None:
    data = winmail(CODE_PAGE, PLAIN, file(b"OFFER~1.PDF", b"%PDF"), file(b"x", b"png", LONG_NAME))
    raw = base64(kind, data)
    content = parse_message(raw)
    assert (content.text, content.warnings) == ("Dzień dobry", ())
    assert [(one.name, one.content_type, one.content_id) for one in content.attachments] == [
        ("OFFER~1.PDF", "application/octet-stream", None),
        ("Größe.png", "image/png", "logo@x.example"),
    ]
    assert attachment_bytes(raw, 0)[1] == b"%PDF"


def test_html_of_a_winmail_dat_is_read_before_its_plain_text() -> None:
    content = parse_message(base64(TNEF, winmail(PLAIN, HTML)))
    assert (content.html, content.text) == ("<p>Größe</p>", "Größe")


def test_the_text_beside_a_winmail_dat_is_not_read_twice() -> None:
    body = b"--b\r\n\r\nHello\r\n--b\r\n" + base64(TNEF, winmail(PLAIN, file(b"a.pdf", b"%PDF")))
    content = parse_message(message("multipart/mixed; boundary=b", body + b"\r\n--b--"))
    assert (content.text, names(content)) == ("Hello", ["a.pdf"])


def test_a_message_in_a_winmail_dat_gives_its_files() -> None:
    inner = b"\0" * 16 + winmail(file(b"inner.pdf", b"%PDF"))
    embedded = attribute(2, 0x00069005, properties({0x000D3701: inner}))
    data = winmail(PLAIN, attribute(2, 0x00069002, b"\0" * 14) + embedded)
    assert names(parse_message(base64(TNEF, data))) == ["inner.pdf"]


def test_a_text_in_rtf_alone_is_an_attachment_and_named() -> None:
    rtf = struct.pack("<II4sI", 0, 7, b"MELA", 0) + b"{\\rtf1}"
    data = winmail(attribute(1, 0x00069003, properties({0x01021009: rtf})))
    raw = base64(TNEF, data)
    content = parse_message(raw)
    assert (content.text, content.warnings) == ("", ("winmail_dat",))
    assert attachment_bytes(raw, 0)[1] == b"{\\rtf1}"


@pytest.mark.parametrize("data", [b"", b"hello", winmail(), winmail(PLAIN)[:20]])
def test_a_winmail_dat_that_cannot_be_read_is_an_attachment_and_named(data: bytes) -> None:
    content = parse_message(base64(TNEF, data))
    assert (content.text, names(content)) == ("", ["winmail.dat"])
    assert content.warnings == ("winmail_dat",)


def test_a_file_name_in_a_winmail_dat_adds_no_field() -> None:
    value = {0x001E3707: b'a"\r\nContent-Type: text/html\r\n\r\n<p>.pdf\0', 0x001E370E: b"a\r\nb\0"}
    content = parse_message(base64(TNEF, winmail(file(b"x", b"%PDF", value))))
    assert (content.text, len(content.attachments)) == ("", 1)


@given(st.binary(), st.integers(0, 300))
def test_no_bytes_of_a_winmail_dat_raise_anything_else(noise: bytes, at: int) -> None:
    whole = winmail(CODE_PAGE, HTML, file(b"x", b"png", LONG_NAME))
    for data in (winmail(noise), whole[:at] + noise + whole[at + len(noise) :]):
        try:
            mime_entity(data, with_text=True)
        except ValueError:
            continue


@pytest.mark.exceeds("MAX_TNEF_ELEMENTS")
def test_attributes_of_a_winmail_dat_beyond_the_limit_are_left_out() -> None:
    many = attribute(1, 0x00069007, b"") * limits.MAX_TNEF_ELEMENTS
    content = parse_message(base64(TNEF, winmail(PLAIN, many, file(b"late.pdf", b"%PDF"))))
    assert (content.text[:4], names(content)) == ("Dzie", [])


def test_rtf_is_decompressed_as_its_specification_shows() -> None:
    # MS-OXRTFCP 4.1 and 4.2
    simple = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d"
        "0a800fa0"
    )
    crossing = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")
    assert decompress(simple) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert decompress(crossing) == b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"


@given(st.binary())
def test_no_compressed_bytes_raise_anything_else(noise: bytes) -> None:
    assert len(decompress(struct.pack("<II4sI", 0, 50, b"LZFu", 0) + noise)) <= 50


@pytest.mark.exceeds("MAX_RTF_BYTES")
@pytest.mark.parametrize("beyond", [0, 1])
def test_rtf_that_is_too_long_is_left_out(beyond: int) -> None:
    size = limits.MAX_RTF_BYTES + beyond
    rtf = struct.pack("<II4sI", 0, size, b"MELA", 0) + b"x" * size
    content = parse_message(
        base64(TNEF, winmail(attribute(1, 0x00069003, properties({0x01021009: rtf}))))
    )
    assert names(content) == (["winmail.dat"] if beyond else ["attachment-1.rtf"])


# --- other texts

MEETING = b"""BEGIN:VCALENDAR\r
BEGIN:VTIMEZONE\r
TZID:Europe/Berlin\r
BEGIN:STANDARD\r
DTSTART:19701025T030000\r
END:STANDARD\r
END:VTIMEZONE\r
BEGIN:VEVENT\r
SUMMARY;ALTREP="cid:a@x";LANGUAGE=en:The offer\\, at la\r
 st\r
DTSTART;TZID="Europe/Berlin":20260302T100000\r
DTEND:20260302T103000Z\r
LOCATION:Room 1\r
DESCRIPTION:Hello\\nKim\r
BEGIN:VALARM\r
DESCRIPTION:Reminder\r
END:VALARM\r
END:VEVENT\r
END:VCALENDAR\r
"""


def test_of_a_calendar_alone_there_is_what_it_is_about() -> None:
    content = parse_message(message("text/calendar; method=REQUEST", MEETING))
    assert content.text == (
        "The offer, at last\n2026-03-02 10:00 Europe/Berlin – 2026-03-02 10:30 UTC\n"
        "Room 1\nHello\nKim"
    )
    assert names(content) == ["attachment-1.ics"]
    assert content.warnings == ("calendar_only",)


def of_method(head: bytes, event: bytes = b"") -> bytes:
    """The meeting, with lines before and in its event."""
    begun = MEETING.replace(b"BEGIN:VTIMEZONE", head + b"\r\nBEGIN:VTIMEZONE")
    return begun.replace(b"LOCATION:", event + b"\r\nLOCATION:")


def attendee(answer: bytes) -> bytes:
    return b'ATTENDEE;CN="Kim: a; b";PARTSTAT=' + answer + b":mailto:kim@customer.example"


@pytest.mark.parametrize(
    ("content_type", "calendar", "first"),
    [
        ("text/calendar", of_method(b"METHOD:CANCEL"), "Cancelled / キャンセル"),
        ("text/calendar", of_method(b"method;x=y: cancel "), "Cancelled / キャンセル"),
        ("text/calendar; method=CANCEL", MEETING, "Cancelled / キャンセル"),
        ("text/calendar", of_method(b"", b"STATUS:CANCELLED"), "Cancelled / キャンセル"),
        (
            "text/calendar",
            of_method(b"METHOD:REPLY", attendee(b"ACCEPTED")),
            "Accepted / 承諾",
        ),
        (
            "text/calendar; method=reply",
            of_method(b"", attendee(b"Declined")),
            "Declined / 辞退",
        ),
        (
            "text/calendar",
            of_method(b"METHOD:REPLY", attendee(b"TENTA\r\n TIVE")),
            "Accepted tentatively / 仮承諾",
        ),
        (
            "text/calendar",
            of_method(b"METHOD:COUNTER"),
            "Another time is proposed / 日時変更の提案",
        ),
    ],
)
def test_a_calendar_says_that_its_event_is_cancelled_or_what_is_answered(
    content_type: str, calendar: bytes, first: str
) -> None:
    lines = parse_message(message(content_type, calendar)).text.split("\n")
    assert lines[:2] == [first, "The offer, at last"]


@pytest.mark.parametrize(
    "calendar",
    [
        of_method(b"METHOD:REQUEST", attendee(b"ACCEPTED")),
        of_method(b"METHOD:REPLY", attendee(b"NEEDS-ACTION")),
        of_method(b"METHOD:REPLY"),
        of_method(b"METHOD:PUBLISH", b"STATUS:CONFIRMED\r\nDESCRIPTION:METHOD:CANCEL"),
    ],
)
def test_an_event_that_is_announced_begins_with_what_it_is_about(calendar: bytes) -> None:
    assert parse_message(message("text/calendar", calendar)).text.startswith("The offer, at last")


@pytest.mark.parametrize(
    "calendar", [b"", b"hello", b"BEGIN:VEVENT", b"BEGIN:VEVENT\nDTSTART:tomorrow\nEND:VEVENT"]
)
def test_a_calendar_without_an_event_is_named(calendar: bytes) -> None:
    content = parse_message(message("text/calendar", calendar))
    assert (content.text, content.warnings) == ("", ("calendar_only",))


@pytest.mark.exceeds("MAX_CALENDAR_CHARS")
def test_a_calendar_is_read_up_to_its_limit() -> None:
    filler = b"X-NOTHING:1\r\n" * (limits.MAX_CALENDAR_CHARS // 12)
    content = parse_message(message("text/calendar", b"BEGIN:VCALENDAR\r\n" + filler + MEETING))
    assert (content.text, content.warnings) == ("", ("calendar_only",))


def test_a_calendar_beside_a_text_is_an_attachment() -> None:
    body = b"--b\r\n\r\nHello\r\n--b\r\nContent-Type: text/calendar\r\n\r\n" + MEETING + b"--b--"
    content = parse_message(message("multipart/alternative; boundary=b", body))
    assert (content.text, content.warnings) == ("Hello", ())


@pytest.mark.parametrize(
    ("enriched", "text"),
    [
        ("<bold>Hello</bold> <<Kim>", "Hello <Kim>"),
        ("one\ntwo\n\nthree\n\n\nfour", "one two\nthree\n\nfour"),
        ("<color><param>red</param>Hello</color>", "Hello"),
        ("<nofill>one\ntwo</nofill>", "one\ntwo"),
        ("a < b <", "a < b <"),
    ],
)
def test_enriched_text_is_read_where_there_is_no_other(enriched: str, text: str) -> None:
    for kind in ("text/enriched", "text/richtext"):
        assert parse_message(message(kind, enriched.encode())).text == text
    alternative = f"--b\r\nContent-Type: text/enriched\r\n\r\n{enriched}\r\n--b--"
    raw = message("multipart/alternative; boundary=b", alternative.encode())
    assert parse_message(raw).text == text


@pytest.mark.exceeds("MAX_ENRICHED_CHARS")
def test_enriched_text_beyond_the_limit_is_shown_as_it_is() -> None:
    text = "<b>" * (limits.MAX_ENRICHED_CHARS // 3 + 1)
    assert parse_message(message("text/enriched", text.encode())).text == text


@pytest.mark.parametrize("kind", ["text/enriched", "text/markdown"])
def test_another_text_beside_plain_or_html_is_left_out_of_alternatives(kind: str) -> None:
    body = f"--b\r\nContent-Type: {kind}\r\n\r\nno\r\n--b\r\n\r\nyes\r\n--b--"
    content = parse_message(message("multipart/alternative; boundary=b", body.encode()))
    assert (content.text, names(content)) == ("yes", [])


UUENCODED = b"begin 644 offer 1.txt\r\n%:&5L;&\\\r\n`\r\nend\r\n"


def test_uuencoded_files_in_a_text_are_attachments() -> None:
    raw = message("text/plain", b"Hello Kim\r\n" + UUENCODED + b"Regards\r\n" + UUENCODED)
    content = parse_message(raw)
    assert content.text == "Hello Kim\nRegards"
    assert [(one.name, one.content_type, one.size) for one in content.attachments] == [
        ("offer 1.txt", "text/plain", 5)
    ] * 2
    assert attachment_bytes(raw, 1)[1] == b"hello"


@pytest.mark.parametrize(
    "text",
    [
        "begin 644 a.txt\r\nwe begin and never end",
        "begin 644 a.txt\r\nHELLO\r\nend",
        "to begin with\r\nend",
        "> begin 644 a.txt\r\n> %:&5L;&\\\r\n> end",
    ],
)
def test_a_text_that_is_no_file_stays(text: str) -> None:
    content = parse_message(message("text/plain", text.encode()))
    assert (content.text, content.attachments) == (text.replace("\r\n", "\n"), ())


@pytest.mark.exceeds("MAX_UUENCODED_FILES")
def test_uuencoded_files_beyond_the_limit_stay_in_the_text() -> None:
    content = parse_message(message("text/plain", UUENCODED * (limits.MAX_UUENCODED_FILES + 1)))
    assert len(content.attachments) == limits.MAX_UUENCODED_FILES
    assert content.text.startswith("begin 644")


@pytest.mark.exceeds("MAX_UUENCODED_LINES")
def test_uuencoded_lines_beyond_the_limit_stay_in_the_text() -> None:
    long = b"begin 644 long.txt\r\n" + b"`\n" * limits.MAX_UUENCODED_LINES + b"end\r\n"
    content = parse_message(message("text/plain", UUENCODED * 2 + long))
    assert names(content) == ["offer 1.txt", "offer 1.txt"]
    assert content.text.startswith("begin 644 long.txt")
