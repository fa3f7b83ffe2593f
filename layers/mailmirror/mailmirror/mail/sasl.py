"""Signing in to a mail server: by password, or by an OAuth token (SASL).

XOAUTH2 is Google's and Microsoft's, OAUTHBEARER is RFC 7628. A server that refuses a token says why
in a challenge, as JSON, which has to be answered before it ends the exchange.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from mailmirror.domain.limits import MAX_CHALLENGE_CHARS
from mailmirror.domain.mailbox import Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.repeated_secrets import SecretForms


@dataclass(frozen=True)
class PasswordLogin:
    """Its text form shows no password."""

    username: str
    password: str = field(repr=False)

    def redact(self, text: str) -> str:
        """Hide the password in a server's words, also as SASL PLAIN has it."""
        return self._forms.hide(text)

    @cached_property
    def _forms(self) -> SecretForms:
        return SecretForms.of(self.password, f"\0{self.username}\0{self.password}")


@dataclass(frozen=True)
class TokenLogin:
    """Its text form shows no token."""

    username: str
    token: str = field(repr=False)

    def redact(self, text: str) -> str:
        """Hide the token in a server's words."""
        return self._forms.hide(text)

    @cached_property
    def _forms(self) -> SecretForms:
        return SecretForms.of(self.token)


Login = PasswordLogin | TokenLogin


XOAUTH2, OAUTHBEARER = "XOAUTH2", "OAUTHBEARER"


@dataclass(frozen=True, slots=True)
class TokenExchange:
    """One way of presenting a token. Its text form shows none."""

    mechanism: str
    first: bytes = field(repr=False)
    """The client's initial response."""
    last: bytes
    """What a server's refusal is answered with."""

    @classmethod
    def choose(
        cls, login: TokenLogin, server: Server, offers: Callable[[str], bool]
    ) -> "TokenExchange":
        """Take the mechanism that the server offers.

        Raises:
            Refused: `sign_in_unsupported`; it offers none for tokens.
        """
        bearer = f"auth=Bearer {login.token}\1\1"
        if offers(XOAUTH2):
            return cls(XOAUTH2, f"user={login.username}\1{bearer}".encode(), b"")
        if offers(OAUTHBEARER):
            # RFC 5801: `=` and `,` have a meaning of their own in this header.
            user = login.username.replace("=", "=3D").replace(",", "=2C")
            where = f"host={server.host}\1port={server.port}\1"
            return cls(OAUTHBEARER, f"n,a={user},\1{where}{bearer}".encode(), b"\1")
        raise Refused(Code.SIGN_IN_UNSUPPORTED, "no sign-in by token")


def token_refusal(challenge: bytes, redact: Callable[[str], str] = str) -> Refused:
    """Read a server's JSON error challenge (RFC 7628 3.2.2); an unreadable one refuses too.

    Parameters:
        redact: hides the token, where the server repeats it.
    """
    try:
        said = json.loads(challenge)
        status = str(said.get("status", "")) if isinstance(said, dict) else ""
        scope = str(said.get("scope", "")) if isinstance(said, dict) else ""
    except (ValueError, RecursionError):
        status = scope = ""
    lacks_scope = status in ("403", "insufficient_scope")
    detail = redact(f"status {status or 'unknown'}" + (f", wants {scope}" if scope else ""))
    visible = "".join(c if c.isprintable() else "?" for c in detail)[:MAX_CHALLENGE_CHARS]
    return Refused(Code.CONSENT_MISSING if lacks_scope else Code.TOKEN_REFUSED, visible)
