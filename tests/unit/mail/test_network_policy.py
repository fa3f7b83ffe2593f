"""Whom a connection may go to: hosts come from strangers, who would like to see our network."""

import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import pytest

from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.connection import NetworkPolicy, limited, second_handle, stage

Address = tuple[str, int]
Resolve = Callable[..., list[tuple[int, int, int, str, Address]]]

PUBLIC = ("93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822")
PRIVATE = (
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::10.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "2002:a00:1::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff0e::1",
    "::ffff:0:127.0.0.1",
    "::ffff:0:10.0.0.1",
    "100:0:0:1::1",
    "3fff::1",
    "3fff:fff::1",
    "5f00::1",
    "4000::1",
    "2001:db8::1",
)


class Tried(list[str]):
    """The addresses to which a connection was tried; none is made."""


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> Tried:
    addresses = Tried()

    class Unreachable:
        def __init__(self, family: int, kind: int) -> None:
            pass

        def settimeout(self, seconds: float) -> None:
            pass

        def connect(self, address: Address) -> None:
            addresses.append(address[0])
            raise ConnectionRefusedError

        def close(self) -> None:
            pass

    monkeypatch.setattr(socket, "socket", Unreachable)
    return addresses


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, and nobody else can take."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def server(host: str, port: int = 993) -> Server:
    return Server(host, port, Security.TLS)


def refusal(host: str, port: int = 993, allowed: str = "") -> Code:
    """The code with which a connection is refused."""
    with pytest.raises(Refused) as refused:
        NetworkPolicy.make(allowed).connect(server(host, port))
    return refused.value.code


def answering(*addresses: str) -> Resolve:
    """A resolver that gives every name the same addresses."""

    def resolve(host: str, port: int, **options: int) -> list[tuple[int, int, int, str, Address]]:
        return [
            (
                socket.AF_INET6 if ":" in one else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (one, port),
            )
            for one in addresses
        ]

    return resolve


# Networks


@pytest.mark.parametrize("host", PUBLIC)
def test_a_global_address_is_tried(host: str, tried: Tried) -> None:
    assert refusal(host) is Code.CONNECT_REFUSED
    assert len(tried) == 1


@pytest.mark.parametrize("host", PRIVATE)
def test_an_address_of_no_global_network_is_not_even_tried(host: str, tried: Tried) -> None:
    assert refusal(host) is Code.HOST_NOT_ALLOWED
    assert tried == []


def test_a_zone_is_no_way_around(tried: Tried, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answering("fe80::1%eth0"))
    assert refusal("mail.example") is Code.HOST_NOT_ALLOWED
    assert tried == []


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("10.1.2.3", "10.0.0.0/8"),
        ("::ffff:10.1.2.3", "10.0.0.0/8"),
        ("fd00::1", "10.0.0.0/8, fd00::/8,"),
        ("::1", "127.0.0.0/8,::1/128"),
        ("93.184.216.34", "10.0.0.0/8"),
    ],
)
def test_a_network_may_be_allowed(host: str, allowed: str, tried: Tried) -> None:
    assert refusal(host, allowed=allowed) is Code.CONNECT_REFUSED
    assert len(tried) == 1


@pytest.mark.parametrize("host", ["169.254.169.254", "10.128.0.1", "::1", "::ffff:127.0.0.1"])
def test_an_allowed_network_allows_no_other(host: str, tried: Tried) -> None:
    assert refusal(host, allowed="10.0.0.0/9,fd00::/8") is Code.HOST_NOT_ALLOWED
    assert tried == []


@pytest.mark.parametrize("port", [110, 995])
def test_pop3_is_refused_before_anything_is_asked(
    port: int, tried: Tried, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "getaddrinfo")
    assert refusal("mail.example", port) is Code.POP3_UNSUPPORTED
    assert tried == []


# Names


@pytest.mark.parametrize("forbidden_at", [0, 1, 2])
def test_one_forbidden_address_refuses_all(
    forbidden_at: int, tried: Tried, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = [*PUBLIC[:2]]
    addresses.insert(forbidden_at, "169.254.169.254")
    monkeypatch.setattr(socket, "getaddrinfo", answering(*addresses))
    assert refusal("mail.example") is Code.HOST_NOT_ALLOWED
    assert tried == []


def test_the_address_that_was_checked_is_the_one_connected_to(
    tried: Tried, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers otherwise the second time is not asked a second time."""
    answers = iter([answering(PUBLIC[0]), answering("169.254.169.254")])
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *args, **options: next(answers)(*args, **options)
    )
    assert refusal("mail.example") is Code.CONNECT_REFUSED
    assert tried == [PUBLIC[0]]
    assert len(list(answers)) == 1


@pytest.mark.exceeds("MAX_HOST_ADDRESSES")
def test_each_address_is_tried_but_not_without_end(
    tried: Tried, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [f"93.184.216.{n}" for n in range(1, 200)]
    monkeypatch.setattr(socket, "getaddrinfo", answering(*many))
    assert refusal("mail.example") is Code.CONNECT_REFUSED
    assert tried == many[:4]


def test_the_next_address_is_tried_where_one_refuses(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = listener.getsockname()[1]
    monkeypatch.setattr(socket, "getaddrinfo", answering("127.0.0.2", "127.0.0.1"))
    with NetworkPolicy.make("127.0.0.0/8").connect(server("mail.example", port)) as connection:
        assert connection.getpeername() == ("127.0.0.1", port)


@pytest.mark.parametrize("host", ["a" * 64 + ".example", ".", "a..b"])
def test_a_name_that_cannot_be_one_is_an_unknown_host(host: str) -> None:
    assert refusal(host) is Code.HOST_UNKNOWN


def test_a_name_that_nobody_knows_is_an_unknown_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*args: object, **options: object) -> Sequence[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert refusal("no-such-host.example") is Code.HOST_UNKNOWN


# Answers


def test_a_closed_port_is_refused(closed_port: int) -> None:
    assert refusal("127.0.0.1", closed_port, "127.0.0.0/8") is Code.CONNECT_REFUSED


def test_an_address_that_does_not_answer_is_a_timeout(
    tried: Tried, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(self: object, address: Address) -> None:
        raise TimeoutError

    monkeypatch.setattr(socket.socket, "connect", connect)
    assert refusal(PUBLIC[0]) is Code.CONNECT_TIMEOUT


def test_a_refusal_names_the_stage() -> None:
    with pytest.raises(Refused) as refused, stage("imap"):
        raise Refused(Code.CONNECT_REFUSED, "imap.example:993")
    assert (refused.value.code, refused.value.detail) == (
        Code.CONNECT_REFUSED,
        "imap: imap.example:993",
    )


# Time


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_conversation_that_lasts_too_long_is_ended(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    began = time.monotonic()

    def listen() -> None:
        if ours.recv(1) == b"":
            raise Refused(Code.CONNECTION_LOST)

    with pytest.raises(Refused) as refused, limited(0.2, ours):
        listen()
    assert refused.value.code is Code.CONNECT_TIMEOUT
    assert 0.2 <= time.monotonic() - began < 2
    assert theirs.recv(1) == b""


def test_a_conversation_that_ends_in_time_goes_on_as_it_likes(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    with limited(0.1, ours):
        theirs.sendall(b"hello")
        assert ours.recv(5) == b"hello"
    theirs.settimeout(0.2)
    with suppress(TimeoutError):
        assert theirs.recv(1), "ended after the block"
    ours.sendall(b"goodbye")
    assert theirs.recv(7) == b"goodbye"


def test_what_fails_in_time_keeps_its_code(pair: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(Refused) as refused, limited(60, pair[0]):
        raise Refused(Code.CONNECTION_LOST)
    assert refused.value.code is Code.CONNECTION_LOST


def test_a_peer_that_never_begins_with_tls_is_ended_in_time(listener: socket.socket) -> None:
    policy = NetworkPolicy.make("127.0.0.0/8")
    began = time.monotonic()
    connection = policy.connect(server("127.0.0.1", listener.getsockname()[1]))
    with pytest.raises(Refused) as refused, limited(0.2, connection):
        policy.secure(connection, "127.0.0.1")
    assert refused.value.code is Code.CONNECT_TIMEOUT
    assert time.monotonic() - began < 2


def test_a_limit_that_is_set_later_leaves_reading_as_the_protocols_library_has_set_it() -> None:
    """A blocking socket whose descriptor does not block reads what looks like the end."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        with second_handle(ours) as held:
            ours.settimeout(None)
            with limited(5, held):
                assert os.get_blocking(ours.fileno())
                theirs.sendall(b"later")
                assert ours.makefile("rb").read(5) == b"later"
