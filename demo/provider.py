"""A provider that signs people in by OpenID Connect, over TLS on loopback: it plays Google."""

import logging
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Final

import oidc_provider_mock
import requests
import trustme
from oidc_provider_mock import User
from werkzeug.serving import make_server

from demo.crm import PATIENCE

HOST: Final = "127.0.0.1"


class Provider:
    """The provider; made by `provider`, which also stops it."""

    def __init__(self, port: int, authority: Path) -> None:
        self.url: Final = f"https://{HOST}:{port}"
        self._authority = str(authority)

    @property
    def endpoints(self) -> dict[str, object]:
        return {
            "authorize_url": f"{self.url}/oauth2/authorize",
            "token_url": f"{self.url}/oauth2/token",
            "userinfo_url": f"{self.url}/userinfo",
            "issuer": self.url,
        }

    def register(self, redirect_uri: str) -> tuple[str, str]:
        """Register a client that is sent back to one URL; return its id and secret."""
        asked = {
            "redirect_uris": [redirect_uri],
            "scope": "openid email https://mail.google.com/",
            "token_endpoint_auth_method": "client_secret_post",
        }
        url = f"{self.url}/oauth2/clients"
        answer = requests.post(url, json=asked, verify=self._authority, timeout=PATIENCE)
        answer.raise_for_status()
        return answer.json()["client_id"], answer.json()["client_secret"]

    def browse(self, url: str, address: str) -> str:
        """Sign in as a person does, and return where the browser is sent."""
        with requests.Session() as browser:
            browser.trust_env = False  # nothing of this machine's proxies or authorities
            browser.verify = self._authority
            browser.get(url, timeout=PATIENCE).raise_for_status()
            answer = browser.post(
                url, data={"sub": address}, timeout=PATIENCE, allow_redirects=False
            )
        answer.raise_for_status()
        return answer.headers["Location"]

    def has_given(self, token: str, address: str) -> bool:
        """Tell whether an access token is one of this address's, as a mail server asks."""
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self.url}/userinfo"
        answer = requests.get(url, headers=headers, verify=self._authority, timeout=PATIENCE)
        return answer.ok and answer.json().get("email") == address


@contextmanager
def provider(authority: trustme.CA, addresses: Iterable[str]) -> Iterator[Provider]:
    """The provider with these users, for as long as the block runs."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    users = [User(sub=one, claims={"email": one, "email_verified": True}) for one in addresses]
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST, "localhost").configure_cert(tls)
    application = oidc_provider_mock.app(user_claims=users)
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
