"""A certified OpenID provider for tests: npm's `oidc-provider`, run by node over HTTPS.

It speaks OAuth 2.0 (RFC 6749) with PKCE (RFC 7636), revocation (RFC 7009) and introspection
(RFC 7662), knows the scopes of Gmail and Microsoft 365, and does not know Mailmirror. Any number
of them can run at once.
"""

import json
import secrets
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import requests
import trustme

from local import node_packages
from tests.servers.authority import certify
from tests.servers.dovecot import OAuth

GMAIL = "https://mail.google.com/"
MICROSOFT_IMAP = "https://outlook.office.com/IMAP.AccessAsUser.All"
MICROSOFT_SMTP = "https://outlook.office.com/SMTP.Send"

type Claims = Mapping[str, str | bool]
"""`sub`, `email`, `email_verified`, `name`, `preferred_username`, `tid`; of these, any."""

_PROGRAM = Path(__file__).parent / "oidc_provider" / "server.mjs"
_SECONDS = 30
_STEPS = 10
"""More redirects than a sign-in has."""


class NodeMissing(Exception):
    """There is no node on this machine."""


class NotAuthorized(Exception):
    """The provider answered an authorisation request with a page and not with a redirect."""


@dataclass(slots=True)
class OidcServer:
    """`with OidcServer({"rep@us.example": {}}, ["https://app/callback"]) as server:` runs one."""

    users: Mapping[str, Claims]
    """Claims by login name. Without others, `sub` and `email` are made of the login name."""
    redirect_uris: Sequence[str]
    client_id: str = "mailmirror"
    client_secret: str = "client-secret"
    auth_method: str = "client_secret_post"
    """How the client signs in at the token endpoint; or `client_secret_basic`."""
    access_token_seconds: int = 3600
    code_seconds: int = 60
    rotate: bool = True
    """Whether a refresh token is good for one use, as Microsoft's but not Google's. The use of an
    old one revokes all that came of the consent."""
    certifier: trustme.CA | None = None
    """The authority that certifies the server; without one it makes its own."""

    host: str = field(init=False, default="localhost")
    port: int = field(init=False)
    authority: Path = field(init=False)
    """The certificate (PEM) of the authority that the server is certified by."""

    _folder: tempfile.TemporaryDirectory[str] = field(init=False)
    _process: subprocess.Popen[str] = field(init=False)
    _asking: tuple[str, str] = field(init=False)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __enter__(self) -> Self:
        """Start the server, and return when it answers.

        Raises:
            NodeMissing: it is not installed.
            RuntimeError: it does not start; its log is the error's text.
        """
        node = shutil.which("node")
        if node is None:
            raise NodeMissing("install it with: apt-get install nodejs npm")
        modules = node_packages.installed(_PROGRAM.parent)
        self._folder = tempfile.TemporaryDirectory(prefix="oidc-")
        folder = Path(self._folder.name)
        certified = certify(folder, self.certifier)
        self.authority = certified.authority
        self._asking = ("mail-server", secrets.token_hex())
        with (folder / "log").open("w") as log:
            self._process = subprocess.Popen(
                [node, str(_PROGRAM), str(modules)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        try:
            self.port = self._told(
                host=self.host,
                users={user: _whole(user, claims) for user, claims in self.users.items()},
                client_id=self.client_id,
                client_secret=self.client_secret,
                auth_method=self.auth_method,
                redirect_uris=list(self.redirect_uris),
                asking_id=self._asking[0],
                asking_secret=self._asking[1],
                access_token_seconds=self.access_token_seconds,
                code_seconds=self.code_seconds,
                rotate=self.rotate,
                chain=certified.chain.read_text(),
                key=certified.key.read_text(),
            )["port"]
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server and remove all that it wrote."""
        self._stop()

    @property
    def issuer(self) -> str:
        return f"https://{self.host}:{self.port}"

    @property
    def discovery_url(self) -> str:
        return f"{self.issuer}/.well-known/openid-configuration"

    @property
    def authorize_url(self) -> str:
        return f"{self.issuer}/auth"

    @property
    def token_url(self) -> str:
        return f"{self.issuer}/token"

    @property
    def introspection_url(self) -> str:
        return f"{self.issuer}/token/introspection"

    @property
    def revocation_url(self) -> str:
        return f"{self.issuer}/token/revocation"

    @property
    def userinfo_url(self) -> str:
        return f"{self.issuer}/me"

    @property
    def jwks_url(self) -> str:
        return f"{self.issuer}/jwks"

    def oauth(self, username_attribute: str = "username") -> OAuth:
        """What lets a Dovecot take this provider's tokens: `Dovecot(users, oauth=server.oauth())`.

        Parameters:
            username_attribute: what is the login name; `email` and `sub` are others.
        """
        return OAuth(self.introspection_url, *self._asking, self.authority, username_attribute)

    def authorize(self, url: str, user: str | None = None, consent: bool = True) -> str:
        """Follow an authorisation request as a new browser would, and return where it leads.

        Parameters:
            user: who signs in, by login name; without one the first that there is.
            consent: whether they say yes to what they are asked.

        Returns:
            The callback's URL with `code` and `state`, or with `error`; it has not been called.

        Raises:
            NotAuthorized: the request was refused without a redirect.
        """
        said = {"user": user or next(iter(self.users)), "consent": "yes" if consent else "no"}
        with requests.Session() as browser:
            for _ in range(_STEPS):
                asked = urlsplit(url).path.startswith("/interaction/")
                answer = browser.request(
                    "POST" if asked else "GET",
                    url,
                    data=said if asked else None,
                    allow_redirects=False,
                    verify=str(self.authority),
                    timeout=_SECONDS,
                )
                if not answer.is_redirect:
                    raise NotAuthorized(f"{answer.status_code} {answer.text}")
                url = urljoin(url, answer.headers["Location"])
                if not url.startswith(f"{self.issuer}/"):
                    return url
        raise NotAuthorized(f"more than {_STEPS} redirects")

    def revoke(self, user: str) -> None:
        """End all that a user has consented to, and all tokens, as a changed password does."""
        self._told(command="revoke", user=user)

    def set_claims(self, user: str, **claims: str | bool) -> None:
        """Change what ID tokens and the userinfo endpoint say of a user from now on."""
        self._told(command="claims", user=user, claims=claims)

    @property
    def token_requests(self) -> Mapping[str, int]:
        """How often the token endpoint was asked, by grant type."""
        told: dict[str, int] = self._told(command="requests")
        return told

    def answer_next_token_request(self, status: int, body: Mapping[str, Any] | str) -> None:
        """Let one request be answered as told, after those that were told before.

        Parameters:
            body: what is sent as JSON, or text that need not be any.
        """
        text = body if isinstance(body, str) else json.dumps(body)
        self._told(command="script", status=status, body=text)

    def skew(self, seconds: float) -> None:
        """Let the server's clock be ahead by so much, or behind.

        So tokens issued from now on bear another `iat` and `exp`, and those issued before expire
        without a wait.
        """
        self._told(command="skew", seconds=seconds)

    def log(self) -> str:
        """Return what the server has logged."""
        return (Path(self._folder.name) / "log").read_text("utf-8", "replace") or "no log"

    def _told(self, **line: Any) -> Any:
        """Tell the server something, and return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            try:
                print(json.dumps(line), file=self._process.stdin, flush=True)
                answer = self._process.stdout.readline()
            except BrokenPipeError:
                answer = ""
        if not answer:
            raise RuntimeError(self.log())
        return json.loads(answer)

    def _stop(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()


def _whole(user: str, claims: Claims) -> dict[str, str | bool]:
    return {"sub": f"sub-of-{user}", "email": user, "email_verified": True, **claims}
