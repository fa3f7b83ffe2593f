"""What people type into a field for addresses: read as a whole, or not at all."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.address import normalise
from mailmirror.domain.typed_addresses import read_typed

KIM, LEE = "kim@customer.example", "lee@customer.example"


@pytest.mark.parametrize(
    ("text", "addresses", "unread"),
    [
        (KIM, [KIM], []),
        ("", [], []),
        (" \t\u200b", [], []),
        ("  KIM@Customer.EXAMPLE\t", [KIM], []),
        ("mailto:kim@customer.example", [KIM], []),
        ("MAILTO:kim%40customer.example?subject=Hello", [KIM], []),
        ("<mailto:kim@customer.example>", [KIM], []),
        ("Kim <kim@customer.example>", [KIM], []),
        ("<kim@customer.example>", [KIM], []),
        ("Kim <kim@customer.example> (old)", [KIM], []),
        ("Larsen, Kim <kim@customer.example>", [KIM], []),
        ("Larsen,Kim <kim@customer.example>", [KIM], []),
        ('"Larsen; Kim" <kim@customer.example>', [KIM], []),
        ('"kim"@customer.example', [KIM], []),
        ("kim@customer.example (office, old)", [KIM], []),
        (f"{KIM}; {LEE}", [KIM, LEE], []),
        (f"{KIM},{LEE};", [KIM, LEE], []),
        (f"{KIM}\r\n{LEE}", [KIM, LEE], []),
        (f"{KIM} {LEE}", [KIM, LEE], []),
        (f"{KIM}、{LEE}", [KIM, LEE], []),
        ("\uff2bim\uff20customer.example\uff1b\u200blee@customer.example", [KIM, LEE], []),
        (f"Kim <{KIM}>, Lee <{LEE}>", [KIM, LEE], []),
        ("n/a", [], ["n/a"]),
        ("+49 555 1234", [], ["+49 555 1234"]),
        (f"{KIM}, n/a", [KIM], ["n/a"]),
        (f"n/a,{KIM}", [KIM], ["n/a"]),
        (f"{KIM}, kim@", [KIM], ["kim@"]),
        # None of these is silently another address.
        ("kim lee@customer.example", [], ["kim lee@customer.example"]),
        ("kim@customer,example", [], ["kim@customer,example"]),
        ("kim@customer.co,jp", [], ["kim@customer.co,jp"]),
        (f"{LEE},kim@customer.co;jp", [LEE], ["kim@customer.co;jp"]),
        ("kim @customer.example", [], ["kim @customer.example"]),
        (f"Kim <{KIM}> <{LEE}>", [], [f"Kim <{KIM}> <{LEE}>"]),
        (f"<{KIM}> {LEE}", [], [f"<{KIM}> {LEE}"]),
        ("Kim <>", [], ["Kim <>"]),
        ("kim@customer.example>", [], ["kim@customer.example>"]),
    ],
)
def test_a_typed_text_is_addresses_and_what_is_none(
    text: str, addresses: list[str], unread: list[str]
) -> None:
    found = read_typed(text)
    assert (list(found.addresses), list(found.unread)) == (addresses, unread)


@given(st.text(st.characters(exclude_categories=())) | st.text('ab@.,;<>()" \u200b\uff20:'))
def test_any_text_is_read(text: str) -> None:
    found = read_typed(text)
    assert all(normalise(address) == address for address in found.addresses)
    one = normalise(text)
    assert one is None or list(found.addresses) == [one] or found.unread


@pytest.mark.parametrize(
    "piece",
    [
        *("<", '"', "(", "<a", "(a,", '"a,', '"a\n', "a@", " @", "Kim <", "mailto:", ",a", "a,b;"),
        *("\uff2b", "\u0301\u0327", "kim@x.example,", "<a@b>("),
    ],
)
def test_a_long_text_is_read_in_linear_time(piece: str) -> None:
    """A second for as much as a webhook can hold: quadratic time would be minutes."""
    started = time.process_time()
    read_typed(piece * (256_000 // len(piece)))
    assert time.process_time() - started < 5
