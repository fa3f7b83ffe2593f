"""Mail providers: their sign-in endpoints, servers and limits.

Sources: Google, "OAuth 2.0 for Web Server Applications" and "IMAP, POP, and SMTP"; Microsoft,
"Authenticate an IMAP, POP or SMTP connection using OAuth", and their sending limits.
"""

from dataclasses import dataclass
from enum import StrEnum

from mailmirror.domain.mailbox import Provider, Security, Server

MICROSOFT_CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of personal Microsoft accounts, whose submission server is another."""


class AddressClaim(StrEnum):
    """Which claim of an ID token has the address that was authorised."""

    EMAIL = "email"
    """Where `email_verified` does not deny it."""
    PREFERRED_USERNAME = "preferred_username"
    """Microsoft's `email` can be set to anything by the administrator of any tenant."""


@dataclass(frozen=True, slots=True)
class SignInFacts:
    """How a provider signs people in by OAuth 2. URLs may have a `{tenant}`."""

    authorize_url: str
    token_url: str
    userinfo_url: str
    issuer: str
    """With `{tid}` where it depends on the token's own tenant."""
    mail_scopes: tuple[str, ...]
    """Without these there is nothing to connect: people can untick them."""
    other_scopes: tuple[str, ...]
    address_claim: AddressClaim
    extra: tuple[tuple[str, str], ...]
    """Parameters of the authorisation request beside the standard's."""
    imap: Server
    smtp: Server

    @property
    def scopes(self) -> tuple[str, ...]:
        return (*self.other_scopes, *self.mail_scopes)


SIGN_IN: dict[Provider, SignInFacts] = {
    Provider.GOOGLE: SignInFacts(
        authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
        token_url="https://oauth2.googleapis.com/token",
        userinfo_url="https://openidconnect.googleapis.com/v1/userinfo",
        issuer="https://accounts.google.com",
        mail_scopes=("https://mail.google.com/",),
        other_scopes=("openid", "email"),
        address_claim=AddressClaim.EMAIL,
        # Without these Google gives a refresh token at the first consent only.
        extra=(("access_type", "offline"), ("prompt", "consent")),
        imap=Server("imap.gmail.com", 993, Security.TLS),
        smtp=Server("smtp.gmail.com", 465, Security.TLS),
    ),
    Provider.MICROSOFT: SignInFacts(
        authorize_url="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize",
        token_url="https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
        userinfo_url="",  # Graph's, which takes no token for Outlook
        issuer="https://login.microsoftonline.com/{tid}/v2.0",
        mail_scopes=(
            "https://outlook.office.com/IMAP.AccessAsUser.All",
            "https://outlook.office.com/SMTP.Send",
        ),
        other_scopes=("openid", "profile", "email", "offline_access"),
        address_claim=AddressClaim.PREFERRED_USERNAME,
        extra=(("prompt", "select_account"),),
        imap=Server("outlook.office365.com", 993, Security.TLS),
        smtp=Server("smtp.office365.com", 587, Security.STARTTLS),
    ),
}
CONSUMERS_SMTP = Server("smtp-mail.outlook.com", 587, Security.STARTTLS)


@dataclass(frozen=True, slots=True)
class SendingFacts:
    """What a provider does with mail that is sent through its submission server."""

    saves_to_sent: bool
    """Whether the server saves a copy in Sent by itself."""
    a_minute: int
    a_day: int
    message_bytes: int
    """Of the whole message, attachments encoded."""


SENDING: dict[Provider, SendingFacts] = {
    Provider.IMAP: SendingFacts(False, 30, 300, 25 << 20),
    Provider.GOOGLE: SendingFacts(True, 30, 500, 25 << 20),
    Provider.MICROSOFT: SendingFacts(True, 30, 10_000, 35 << 20),
}

_OF_HOSTS = {
    "smtp.gmail.com": Provider.GOOGLE,
    "smtp.office365.com": Provider.MICROSOFT,
    "smtp-mail.outlook.com": Provider.MICROSOFT,
}


def sending_facts(provider: Provider, smtp: Server | None) -> SendingFacts:
    """Facts about a submission server; a provider is recognised by its host."""
    return SENDING[_OF_HOSTS.get(smtp.host.lower(), provider) if smtp else provider]
