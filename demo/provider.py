"""A provider that signs people in by OpenID Connect, over TLS on loopback: it plays Google.

The sign-in itself is a package's. A thin layer before it holds it to PKCE (RFC 7636), which that
package passes over.
"""

import base64
import hashlib
import io
import logging
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import oidc_provider_mock
import requests
import trustme
from oidc_provider_mock import User
from werkzeug.serving import make_server

HOST: Final = "127.0.0.1"
SCOPE: Final = "openid email https://mail.google.com/"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class NotSignedIn(Exception):
    """The provider has not sent the browser back."""


class Pkce:
    """Remembers each code's challenge, and takes the code only with what it was made from."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._challenges: dict[str, str] = {}

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/oauth2/authorize" and environ["REQUEST_METHOD"] == "POST":
            return self._application(environ, self._remembering(environ, start_response))
        if environ["PATH_INFO"] == "/oauth2/token" and not self._proved(environ):
            start_response("400 Bad Request", [("Content-Type", "application/json")])
            return [b'{"error": "invalid_grant", "error_description": "PKCE"}']
        return self._application(environ, start_response)

    def _remembering(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Callable[..., Any]:
        asked = dict(parse_qsl(environ["QUERY_STRING"]))

        def respond(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            back = dict(headers).get("Location", "")
            code = dict(parse_qsl(urlsplit(back).query)).get("code")
            if code and asked.get("code_challenge_method") == "S256":
                self._challenges[code] = asked["code_challenge"]
            return start_response(status, headers, *more)

        return respond

    def _proved(self, environ: dict[str, Any]) -> bool:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        fields = dict(parse_qsl(body.decode("ascii")))
        if fields.get("grant_type") != "authorization_code":
            return True
        digest = hashlib.sha256(fields.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        return self._challenges.pop(fields.get("code", ""), None) == challenge


@dataclass(frozen=True, slots=True)
class Registration:
    """Mailmirror as the provider knows it."""

    client_id: str
    client_secret: str


class Provider:
    """The provider; made by `provider`, which also stops it."""

    def __init__(self, port: int, authority: Path) -> None:
        self.url: Final = f"https://{HOST}:{port}"
        self._authority = str(authority)

    @property
    def endpoints(self) -> Mapping[str, str]:
        return {
            "authorize_url": f"{self.url}/oauth2/authorize",
            "token_url": f"{self.url}/oauth2/token",
            "userinfo_url": f"{self.url}/userinfo",
            "issuer": self.url,
        }

    def register(self, redirect_uri: str) -> Registration:
        """Register a client that is sent back to one URL."""
        asked = {
            "redirect_uris": [redirect_uri],
            "scope": SCOPE,
            "token_endpoint_auth_method": "client_secret_post",
        }
        answer = requests.post(
            f"{self.url}/oauth2/clients", json=asked, verify=self._authority, timeout=10
        )
        answer.raise_for_status()
        return Registration(answer.json()["client_id"], answer.json()["client_secret"])

    def browse(self, url: str, address: str) -> str:
        """Sign in as a person does, and return where the browser is sent.

        Raises:
            NotSignedIn: it is sent nowhere.
        """
        with requests.Session() as browser:
            browser.trust_env = False  # nothing of this machine's proxies or authorities
            browser.verify = self._authority
            page = browser.get(url, timeout=10)
            page.raise_for_status()
            answer = browser.post(url, data={"sub": address}, timeout=10, allow_redirects=False)
        if answer.status_code != 302:
            raise NotSignedIn(f"the provider answers HTTP {answer.status_code}")
        return answer.headers["Location"]

    def has_given(self, token: str, address: str) -> bool:
        """Tell whether an access token is one of this address's, as a mail server asks."""
        answer = requests.get(
            f"{self.url}/userinfo",
            headers={"Authorization": f"Bearer {token}"},
            verify=self._authority,
            timeout=10,
        )
        return answer.ok and answer.json().get("email") == address


@contextmanager
def provider(authority: trustme.CA, addresses: Iterable[str]) -> Iterator[Provider]:
    """The provider with these users, for as long as the block runs."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    users = [
        User(sub=address, claims={"email": address, "email_verified": True})
        for address in addresses
    ]
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST, "localhost").configure_cert(tls)
    application = Pkce(oidc_provider_mock.app(user_claims=users))
    with TemporaryDirectory() as folder:
        pem = Path(folder) / "authority.pem"
        authority.cert_pem.write_to_path(str(pem))
        server = make_server(HOST, 0, application, threaded=True, ssl_context=tls)
        thread = Thread(target=server.serve_forever, name="provider", daemon=True)
        thread.start()
        try:
            yield Provider(server.server_port, pem)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
