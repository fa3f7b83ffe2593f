"""Asking a provider's token endpoint: what it may not make us do."""

import gzip
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import trustme

from mailmirror.domain.limits import MAX_PROVIDER_ANSWER_BYTES
from mailmirror.domain.oauth import Grant
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.oauth import OAuthClient, exchange, profile, refresh

NOW = datetime(2026, 3, 1, tzinfo=UTC)
GRANT = Grant("refresh", "access", NOW, NOW)


class Elsewhere:
    """A provider that answers each request by sending it on to another place of its own."""

    def __init__(self, authority: trustme.CA) -> None:
        asked: list[str] = []

        class Answering(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked.append(self.path)
                self.send_response(307)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(context)
        self.asked = asked
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    @property
    def client(self) -> OAuthClient:
        url = f"https://localhost:{self.server.server_address[1]}"
        return OAuthClient("id", "secret", "https://us.example/back", url, f"{url}/t", f"{url}/u")


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trust(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def provider(authority: trustme.CA) -> Iterator[Elsewhere]:
    made = Elsewhere(authority)
    thread = Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


class Flood:
    """A provider whose answers have no end, or little less than the limit."""

    def __init__(self, authority: trustme.CA, size: int) -> None:
        head = b'{"access_token": "a", "refresh_token": "r", "x": "'
        body = head + b"x" * (size - len(head) - 2) + b'"}'

        class Answering(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                with suppress(OSError):
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Encoding", "gzip")
                    self.end_headers()
                    self.wfile.write(gzip.compress(body))

            do_GET = do_POST

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost").configure_cert(context)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    @property
    def client(self) -> OAuthClient:
        url = f"https://localhost:{self.server.server_address[1]}"
        return OAuthClient("id", "secret", "https://us.example/back", url, f"{url}/t", f"{url}/u")


@contextmanager
def flooding(authority: trustme.CA, size: int) -> Iterator[OAuthClient]:
    made = Flood(authority, size)
    thread = Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made.client
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()


@pytest.mark.exceeds("MAX_PROVIDER_ANSWER_BYTES")
def test_an_answer_beyond_the_limit_is_not_read_though_it_is_short_when_compressed(
    authority: trustme.CA, trust: ssl.SSLContext
) -> None:
    with flooding(authority, MAX_PROVIDER_ANSWER_BYTES) as client:
        assert refresh(client, GRANT, trust, NOW).access_token == "a"
        assert profile(client, GRANT, trust)["access_token"] == "a"
    with flooding(authority, MAX_PROVIDER_ANSWER_BYTES + 1) as client:
        for ask in (
            lambda: exchange(client, "code", "verifier", trust, NOW),
            lambda: refresh(client, GRANT, trust, NOW),
            lambda: profile(client, GRANT, trust),
        ):
            with pytest.raises(Refused) as refused:
                ask()
            assert refused.value.code is Code.PROVIDER_UNAVAILABLE


def test_no_code_secret_or_token_follows_a_redirect(
    provider: Elsewhere, trust: ssl.SSLContext
) -> None:
    for ask in (
        lambda: exchange(provider.client, "code", "verifier", trust, NOW),
        lambda: refresh(provider.client, GRANT, trust, NOW),
        lambda: profile(provider.client, GRANT, trust),
    ):
        with pytest.raises(Refused) as refused:
            ask()
        assert refused.value.code is Code.PROVIDER_UNAVAILABLE
    assert "/elsewhere" not in provider.asked
    assert len(provider.asked) == 3
