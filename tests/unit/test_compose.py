"""What is composed is read back the same, and nobody's text becomes a header field."""

from datetime import UTC, datetime
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmirror.api.decoding import typed
from mailmirror.api.outbound import ComposeBody
from mailmirror.domain.identity import message_ids
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.mime.compose import Draft, File, Named, bcc_value, compose, with_field
from mailmirror.mail.mime.content import attachment_bytes, parse_message
from mailmirror.usecases.sending.compose_message import Composition

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REP, KIM = Named("Rep", "rep@us.example"), Named("Kim", "kim@customer.example")
OUTLOOK = "DB7PR04MB51780123456789ABCDEF0123456789ABCDEF@DB7PR04MB5178.eurprd04.prod.outlook.com"
FORBIDDEN = [
    "\n",
    "\r",
    "\r\nBcc: who@else.example",
    "\0",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x85",
    "\u2028",
]

printable = st.characters(exclude_categories=("C", "Z")) | st.just(" ")
lines = st.text(printable, max_size=200).map(lambda text: " ".join(text.split()))
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\t"))
"""Other controls our parser leaves out of any mail."""
people = lines.map(lambda name: name.strip("'\" "))
"""Quotes around a name are none of it to our parser."""
names = st.text(printable, min_size=1, max_size=100).map(lambda text: " ".join(text.split()))
files = st.builds(
    File,
    names.map(lambda name: f"a{name}.bin".replace("/", "_").replace("\\", "_")),
    st.sampled_from(["application/pdf", "text/plain", "text/csv", "message/rfc822", "image/png"]),
    st.binary(max_size=500),
)


def draft(**fields: object) -> Draft:
    given: dict[str, object] = {
        "sender": REP,
        "to": [KIM],
        "cc": [],
        "subject": "Hello",
        "text": "Shall we talk?\n",
        "html": None,
        "files": [],
        "message_id": "1@us.example",
        "date": NOON,
    }
    return Draft(**given | fields)  # type: ignore[arg-type]


def parsed(**fields: object) -> Composition:
    body = {"from": REP.address, "to": [KIM.address], "subject": "Hello", "text": "Hello"}
    return typed(body | fields, ComposeBody).composition()


def flat(text: str) -> str:
    return "".join(text.split())


@given(lines, people, texts)
def test_what_is_written_is_read_back_the_same(subject: str, name: str, text: str) -> None:
    raw = compose(draft(subject=subject, to=[Named(name, KIM.address)], text=text))
    content = parse_message(raw)
    assert content.headers.subject == subject
    assert [(one.name, one.address) for one in content.headers.to] == [(name, KIM.address)]
    assert flat(content.text) == flat(text)
    assert content.headers.date == NOON
    assert content.headers.message_id == "1@us.example"


@given(lines, lines, texts, st.lists(files, max_size=2))
@settings(max_examples=50)
def test_lines_are_short_and_of_seven_bits(
    subject: str, name: str, text: str, attached: list[File]
) -> None:
    raw = compose(
        draft(subject=subject, sender=Named(name, REP.address), text=text, files=attached)
    )
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")


@given(st.lists(files, max_size=3))
@settings(max_examples=50)
def test_attachments_are_read_back_byte_by_byte_under_their_names(attached: list[File]) -> None:
    raw = compose(draft(files=attached))
    found = parse_message(raw).attachments
    assert [one.name for one in found] == [normalize("NFC", file.name) for file in attached]
    for index, file in enumerate(attached):
        assert attachment_bytes(raw, index)[1] == file.data


@pytest.mark.parametrize(
    "name", ["レポート 2026 最終.pdf", "a'b%20c;d=e.txt", 'Angebot "neu".pdf', "é" * 150 + ".txt"]
)
def test_a_file_name_of_rfc_2231_is_read_by_our_own_parser(name: str) -> None:
    (found,) = parse_message(compose(draft(files=[File(name, "text/plain", b"x")]))).attachments
    assert found.name == name


@pytest.mark.parametrize("forbidden", FORBIDDEN)
def test_what_would_begin_another_field_is_refused(forbidden: str) -> None:
    text = f"before{forbidden}after"
    attached = {"upload_id": "1" * 32, "name": text, "content_type": "text/plain"}
    for fields in (
        {"subject": text},
        {"to": [{"address": KIM.address, "name": text}]},
        {"cc": [f"kim{forbidden}@customer.example"]},
        {"bcc": [f"kim@customer.example{forbidden}x"]},
        {"from": {"address": REP.address, "name": text}},
        {"attachments": [attached]},
        {"attachments": [{**attached, "name": "x", "content_type": f"text/plain{forbidden}x"}]},
        {"in_reply_to": text},
    ):
        with pytest.raises(Refused) as refusal:
            parsed(**fields)
        assert refusal.value.code in (Code.INVALID_FIELD, Code.INVALID_EMAIL)


@pytest.mark.parametrize("forbidden", ["\n", "\r", "\r\nBcc: who@else.example"])
def test_the_writer_refuses_a_line_end_by_itself(forbidden: str) -> None:
    for fields in (
        {"subject": f"x{forbidden}y"},
        {"to": [Named(f"x{forbidden}y", KIM.address)]},
    ):
        with pytest.raises(ValueError, match=r".*"):
            compose(draft(**fields))


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("kim@bücher.example", "kim@xn--bcher-kva.example"),
        ("Kim.O'Hara+crm@CUSTOMER.example", "Kim.O'Hara+crm@customer.example"),
        ("用户@例え.example", "用户@xn--r8jz45g.example"),
        ("a..b@docomo.example", "a..b@docomo.example"),
    ],
)
def test_addresses_of_the_world_are_kept_as_written_with_their_domain_in_a_labels(
    written: str, address: str
) -> None:
    composition = parsed(to=[written])
    assert composition.recipients == [address]
    raw = compose(draft(to=composition.to))
    assert raw.isascii() is address.isascii()
    (found,) = parse_message(raw).headers.to
    assert found.address == address.casefold()


def test_a_quoted_local_part_is_the_same_address() -> None:
    raw = compose(draft(to=parsed(to=['"kim"@customer.example']).to))
    assert [one.address for one in parse_message(raw).headers.to] == [KIM.address]


def test_nobody_is_written_to_twice() -> None:
    composition = parsed(to=["kim@x.example", "KIM@X.example"], cc=["Kim@x.example"])
    assert len(composition.recipients) == 1


def test_bcc_is_no_part_of_what_goes_out_and_stands_in_what_is_kept() -> None:
    composition = parsed(bcc=["lee@customer.example"])
    assert composition.recipients == [KIM.address, "lee@customer.example"]
    wire = compose(draft(to=composition.to, cc=composition.cc))
    assert b"lee@" not in wire
    kept = with_field("Bcc", bcc_value([f"r{n}@x.example" for n in range(100)]), wire)
    assert len(parse_message(kept).headers.bcc) == 100
    assert max(map(len, kept.split(b"\r\n"))) <= 998


@pytest.mark.parametrize("id", ["1@x.example", OUTLOOK, "x" * 880 + "@x.example"])
def test_a_reply_names_ids_of_any_length_as_they_are(id: str) -> None:
    raw = compose(draft(in_reply_to=id, references=[f"first-{id}"]))
    headers = parse_message(raw).headers
    assert headers.in_reply_to == tuple(message_ids(f"<{id}>"))
    assert headers.references == tuple(message_ids(f"<first-{id}> <{id}>"))
    assert f"\r\nIn-Reply-To: <{id}>\r\n".encode() in b"\r\n" + raw


def test_a_long_message_id_of_our_own_is_written_as_it_is() -> None:
    id = f"{'0' * 32}@{'a' * 60}.{'b' * 60}.example"
    raw = compose(draft(message_id=id))
    assert parse_message(raw).headers.message_id == id
    assert b"=?" not in raw


@pytest.mark.parametrize("id", ["用户@x.example", "a\x01b@x.example", "x" * 990 + "@x.example"])
@pytest.mark.exceeds("MAX_WRITTEN_ID_CHARS")
def test_an_id_that_no_field_can_hold_is_not_named(id: str) -> None:
    raw = compose(draft(in_reply_to="1@x.example", references=[id, "2@x.example"]))
    assert parse_message(raw).headers.references == ("2@x.example", "1@x.example")
    assert parse_message(compose(draft(in_reply_to=id))).headers.in_reply_to == ()


@pytest.mark.exceeds("MAX_WRITTEN_REFERENCES")
def test_of_a_long_thread_the_root_and_the_nearest_are_named() -> None:
    ids = [f"{n}@x.example" for n in range(100)]
    raw = compose(draft(in_reply_to="parent@x.example", references=ids))
    assert parse_message(raw).headers.references == (ids[0], *ids[-18:], "parent@x.example")


def test_html_has_its_text_beside_it_and_is_kept_as_it_was_written() -> None:
    html = '<p onclick="x()">Hello <b>Kim</b> &amp; 例え</p><script>alert(1)</script>'
    content = parse_message(compose(draft(text=None, html=html)))
    assert content.html is not None
    assert content.html.strip() == html
    assert "Hello Kim & 例え" in content.text
    assert "alert" not in content.text


def test_a_message_to_nobody_but_bcc_has_no_to() -> None:
    assert b"\r\nTo:" not in compose(draft(to=[]))


def test_a_draft_shows_none_of_itself() -> None:
    shown = repr(draft(subject="secret", files=[File("secret.txt", "text/plain", b"secret")]))
    assert "secret" not in shown + repr(File("secret.txt", "text/plain", b"secret"))
    assert "secret" not in repr(parsed(subject="secret", text="secret"))
