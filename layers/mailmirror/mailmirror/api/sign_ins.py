"""Connecting a mailbox by signing in at its provider."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

from mailmirror.api.decoding import Strict
from mailmirror.api.fields import OauthProvider, OptionalEmail, Printable, Url
from mailmirror.domain.address import Address
from mailmirror.domain.mailbox import MailboxId, Provider, UserId
from mailmirror.domain.problems import Code

if TYPE_CHECKING:  # what speaks to providers is loaded by `probe` alone
    from mailmirror.usecases.mailboxes.oauth_sign_in import (
        AuthorizeRequest,
        CallbackRequest,
        Outcome,
    )


class AuthorizeBody(Strict):
    """The body of `POST /v1/mailboxes/authorize`."""

    user_id: Printable
    provider: OauthProvider
    login_hint: OptionalEmail | None = None
    return_url: Url | None = None

    def request(self) -> "AuthorizeRequest":
        from mailmirror.usecases.mailboxes.oauth_sign_in import AuthorizeRequest

        return AuthorizeRequest(
            user=UserId(self.user_id),
            provider=Provider(self.provider),
            login_hint=Address(self.login_hint) if self.login_hint else None,
            return_url=self.return_url or "",
        )


class CallbackJob(Strict):
    """What a provider's redirect brings, as `probe` is asked."""

    provider: str
    """Of the callback's path."""
    query: Mapping[str, str]
    """`state`, and `code` or `error`."""

    def request(self) -> "CallbackRequest":
        from mailmirror.usecases.mailboxes.oauth_sign_in import CallbackRequest

        return CallbackRequest(self.provider, self.query)


class SignInPage(Struct, frozen=True):
    url: Annotated[str, Meta(description="Where the user signs in; works once, for ten minutes.")]


class RefusedSignIn(Struct, frozen=True):
    code: Code
    detail: str


class SignInOutcome(Struct, frozen=True):
    """What became of a sign-in, as `probe` answers `webhook`."""

    return_url: str
    mailbox_id: MailboxId | None
    refused: RefusedSignIn | None

    @classmethod
    def of(cls, found: "Outcome") -> "SignInOutcome":
        refused = found.refused
        return cls(
            found.return_url,
            found.mailbox,
            RefusedSignIn(refused.code, refused.detail) if refused else None,
        )
