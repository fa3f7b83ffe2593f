"""Any bytes as an autoconfig file give servers, or are refused by name."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailmirror.domain.address import Address
from mailmirror.domain.autoconfig import read_config
from mailmirror.domain.findings import Origin, Outcome
from mailmirror.domain.limits import (
    MAX_AUTOCONFIG_BYTES,
    MAX_AUTOCONFIG_FIELD_CHARS,
    MAX_AUTOCONFIG_SERVERS,
)
from mailmirror.mail.autoconfig_file import NotAutoconfig, parse_autoconfig

REP = Address("rep@us.example")
SERVER = (
    b'<incomingServer type="imap"><hostname>imap.us.example</hostname><port>993</port>'
    b"<socketType>SSL</socketType><username>%EMAILADDRESS%</username>"
    b"<authentication>OAuth2</authentication><authentication>password-cleartext</authentication>"
    b"</incomingServer>"
)


def file(servers: bytes) -> bytes:
    return b"<clientConfig><emailProvider>%s</emailProvider></clientConfig>" % servers


def outcome(data: bytes) -> Outcome:
    with pytest.raises(NotAutoconfig) as refused:
        parse_autoconfig(data)
    return refused.value.outcome


def test_the_servers_of_a_file_are_read() -> None:
    (one,) = parse_autoconfig(file(SERVER)).servers
    assert (one.kind, one.host, one.port, one.socket) == ("imap", "imap.us.example", "993", "SSL")
    assert one.authentications == ["OAuth2", "password-cleartext"]


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_a_file_in_another_charset_is_read(charset: str) -> None:
    text = f'<?xml version="1.0" encoding="{charset}"?>' + file(SERVER).decode()
    assert len(parse_autoconfig(text.encode(charset)).servers) == 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", Outcome.FILE_UNREADABLE),
        (b"<a/>", Outcome.FILE_UNREADABLE),
        (b"<!DOCTYPE html><html></html>", Outcome.FILE_UNREADABLE),
        (b"<!DOCTYPE clientConfig><clientConfig/>", Outcome.FILE_WITH_DTD),
        (b'<?xml version="1.0" encoding="utf-7"?><clientConfig/>', Outcome.FILE_UNREADABLE),
        (b'<?xml version="1.0" encoding="idna"?><clientConfig/>', Outcome.FILE_UNREADABLE),
        (b"<clientConfig>&a;</clientConfig>", Outcome.FILE_UNREADABLE),
        (b"<a>" * 40_000, Outcome.FILE_UNREADABLE),
        (file(b"<a>" * 15_000 + b"</a>" * 15_000) + b" " * (1 << 20), Outcome.FILE_TOO_LARGE),
    ],
)
def test_what_is_no_file_is_refused_by_name(data: bytes, expected: Outcome) -> None:
    assert outcome(data) is expected


def test_deep_elements_are_read() -> None:
    assert parse_autoconfig(file(b"<a>" * 15_000 + b"</a>" * 15_000)).servers == []


@pytest.mark.exceeds("MAX_AUTOCONFIG_BYTES")
def test_a_file_that_is_too_long_is_refused_before_it_is_parsed() -> None:
    whole = file(SERVER)
    fits = whole + b" " * (MAX_AUTOCONFIG_BYTES - len(whole))
    assert len(parse_autoconfig(fits).servers) == 1
    assert outcome(fits + b" ") is Outcome.FILE_TOO_LARGE


@pytest.mark.exceeds("MAX_AUTOCONFIG_SERVERS")
def test_of_many_servers_the_first_are_read() -> None:
    found = parse_autoconfig(file(SERVER * (MAX_AUTOCONFIG_SERVERS + 1))).servers
    assert len(found) == MAX_AUTOCONFIG_SERVERS


@pytest.mark.exceeds("MAX_AUTOCONFIG_FIELD_CHARS")
def test_a_field_that_is_too_long_counts_as_empty() -> None:
    for size, expected in (
        (MAX_AUTOCONFIG_FIELD_CHARS, True),
        (MAX_AUTOCONFIG_FIELD_CHARS + 1, False),
    ):
        name = b"a" * size
        (one,) = parse_autoconfig(file(SERVER.replace(b"%EMAILADDRESS%", name))).servers
        assert (one.username == name.decode()) is expected


pieces = st.sampled_from(
    [
        *(b"<", b">", b"/", b"<?xml version='1.0'?>", b"<!DOCTYPE a>", b"<!ENTITY a 'b'>", b"&a;"),
        *(b"<clientConfig>", b"</clientConfig>", b"<emailProvider>", b"</emailProvider>"),
        *(SERVER, b"<incomingServer>", b"</incomingServer>", b"<hostname>", b"</hostname>"),
        *(b"<![CDATA[", b"]]>", b"<!--", b"-->", b"\xff\xfe", b"\x00", b"imap"),
    ]
)


@given(
    st.one_of(st.binary(), st.lists(pieces).map(b"".join), st.lists(pieces).map(b"".join).map(file))
)
@example(b"<?xml version='1.0' encoding='utf-8-sig'?><clientConfig/>")
def test_any_bytes_give_servers_or_a_named_refusal(data: bytes) -> None:
    with suppress(NotAutoconfig):
        read_config(parse_autoconfig(data), REP, Origin.AUTOCONFIG)
