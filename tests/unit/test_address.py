"""Which addresses are the same, and which texts are none."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain import limits
from mailmirror.domain.address import Address, as_written, domain_of, normalise, plain

ANY_TEXT = st.text(st.characters(exclude_categories=()))
"""With halves of surrogate pairs, which JSON and broken mail do hold."""


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("kim@customer.example", "kim@customer.example"),
        ("  Kim@Customer.EXAMPLE \n", "kim@customer.example"),
        ("kim@customer.example.", "kim@customer.example"),
        ('"kim"@customer.example', "kim@customer.example"),
        ('"Kim Lee"@customer.example', '"kim lee"@customer.example'),
        ('"kim  lee "@customer.example', '"kim lee"@customer.example'),
        ('"kim,lee"@customer.example', '"kim,lee"@customer.example'),
        ('"da..me"@docomo.example', "da..me@docomo.example"),
        ("kim+crm@customer.example", "kim+crm@customer.example"),
        ("o'neill@customer.example", "o'neill@customer.example"),
        ("da..me@docomo.example", "da..me@docomo.example"),  # Japanese carriers gave these out
        ("kim@localhost", "kim@localhost"),
        ("kim@例え.example", "kim@xn--r8jz45g.example"),
        ("kim@XN--R8JZ45G.example", "kim@xn--r8jz45g.example"),
        ("kim@MÜNCHEN.example", "kim@xn--mnchen-3ya.example"),
        ("JÜRGEN@customer.example", "jürgen@customer.example"),
        ("ju\u0308rgen@customer.example", "jürgen@customer.example"),
        ("山田@customer.example", "山田@customer.example"),
        ("\u200bkim@customer.example", "kim@customer.example"),
        ("\ufeffkim@customer.example", "kim@customer.example"),
        ("kim\u00ad@customer.example", "kim@customer.example"),
        ("kim@customer.example\u200b", "kim@customer.example"),
        ("kim@customer.example\u00a0", "kim@customer.example"),
        ("\u3000kim@customer.example", "kim@customer.example"),
        (" \u200b kim@customer.example", "kim@customer.example"),
        ("\u202akim@customer.example\u202c", "kim@customer.example"),
        ("kim@cus\u2060tomer.exam\u200bple", "kim@customer.example"),
        ("k\u034fi\ufe0fm\U000e0041@customer.example", "kim@customer.example"),
        ("\uff2bim@customer.example", "kim@customer.example"),
        ("kim\uff20customer\uff0eexample", "kim@customer.example"),
        ("kim\uff0bcrm@customer.example", "kim+crm@customer.example"),
        ("\uff76\uff9e@customer.example", "ガ@customer.example"),
        ("kim²@customer.example", "kim²@customer.example"),  # not kim2@
    ],
)
def test_an_address_is_compared_without_case_dress_or_spelling(text: str, address: str) -> None:
    assert normalise(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kim",
        "@customer.example",
        "kim@",
        "kim@.example",
        "kim@customer..example",
        "kim@-customer.example",
        "kim@customer_.example-",
        "kim@[192.0.2.1]",
        "kim@customer.example, lee@customer.example",
        "Kim <kim@customer.example>",
        "kim lee@customer.example",
        "kim@cust omer.example",
        "kim@customer.example\r\nBcc: x@else.example",
        "k\x00im@customer.example",
        "kim\u2028@customer.example",
        "kim\u00a0lee@customer.example",
        "\u200b@customer.example",
        "\u200b",
        "kim\uff1clee@customer.example",
        '""@customer.example',
        '" "@customer.example',
        '"kim" lee@customer.example',
        '"kim"lee"@customer.example',
        '"kim@lee"@customer.example',
        '"kim>lee"@customer.example',
        '"kim\r\nBcc: x"@customer.example',
        "kim@customer.example@else.example",
        "k\ud800im@customer.example",
        "kim@\udc80customer.example",
        f"kim@{'x' * 64}.example",
        f"{'k' * 240}@customer.example",
    ],
)
def test_what_is_no_address_matches_nobody(text: str) -> None:
    assert normalise(text) is None


@pytest.mark.exceeds("MAX_ADDRESS_OCTETS")
def test_an_address_may_have_254_bytes() -> None:
    longest = "k" * (254 - len("@customer.example")) + "@customer.example"
    assert normalise(longest) == longest
    assert normalise("k" + longest) is None


@given(ANY_TEXT, ANY_TEXT)
def test_any_text_is_an_address_or_none(local: str, domain: str) -> None:
    for text in (local, f"{local}@{domain}", f"{local}@customer.example"):
        address = normalise(text)
        assert address is None or (address.count("@") == 1 and domain_of(address).isascii())


@given(st.text('aß ".,:-', min_size=1), st.sampled_from(['"{}"@x.example', "{}@x.example"]))
def test_a_quoted_local_part_stays_what_it_is(local: str, form: str) -> None:
    address = normalise(form.format(local))
    assert address is None or normalise(address) == address


@given(st.text("aßſAİιΐᾗᾭ\u0301\u0306\u0345.é-", min_size=1), st.text("aßAéπ.-\u0301", min_size=1))
def test_a_normalised_address_stays_what_it_is(local: str, domain: str) -> None:
    address = normalise(f"{local}@{domain}")
    assert address is None or normalise(address) == address


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Kim\u200b@Customer.example", "Kim@customer.example"),
        ("\uff2bim@customer.example", "Kim@customer.example"),
        ("kim²@customer.example", "kim²@customer.example"),
    ],
)
def test_mail_is_sent_to_the_address_that_is_matched(text: str, written: str) -> None:
    assert as_written(text) == written


@given(st.text("\u200b\ufeff\u3000\uff76\uff9e\uff2b\uff20\u00adk@. \U000e0041", max_size=12))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert plain(plain(text)) == plain(text)
    address = normalise(f"{text}@customer.example")
    assert address is None or normalise(address) == address


def test_every_letter_of_full_or_half_width_is_read_as_the_ordinary_one() -> None:
    kinds = {
        letter: unicodedata.decomposition(letter).split()
        for letter in map(chr, range(sys.maxunicode + 1))
    }
    folded = {
        letter: chr(int(kind[1], 16))
        for letter, kind in kinds.items()
        if kind and kind[0] in ("<wide>", "<narrow>")
    }
    assert len(folded) > 200
    for letter, ordinary in folded.items():
        assert plain(f"k{letter}k") == plain(f"k{ordinary}k"), hex(ord(letter))


def test_a_domain_is_what_follows_the_sign() -> None:
    assert domain_of(Address("kim@xn--r8jz45g.example")) == "xn--r8jz45g.example"


@pytest.mark.exceeds("MAX_ADDRESS_CHARS")
def test_a_text_too_long_for_an_address_is_none_before_it_is_normalised() -> None:
    """Putting combining characters in order takes quadratic time: minutes for so many."""
    for text in ("a" + "\u0301" * 60_000 + "\u0327" * 60_000, "ü" * 120_000):
        assert normalise(f"{text}@x.example") is None
        assert normalise(f"kim@{text}") is None
    blanks = " " * (limits.MAX_ADDRESS_CHARS - len("kim@x.example") + 1)
    assert normalise(f"{blanks}kim@x.example") == "kim@x.example"
    assert normalise("kim@x.example" + "." * len(blanks)) is None


@pytest.mark.exceeds("MAX_LOCAL_OCTETS")
def test_an_address_with_a_long_local_part_is_matched_and_not_sent_to() -> None:
    for octets, sendable in ((limits.MAX_LOCAL_OCTETS, True), (limits.MAX_LOCAL_OCTETS + 1, False)):
        address = "k" * octets + "@customer.example"
        assert normalise(address) == address
        assert as_written(address) == (address if sendable else None)
