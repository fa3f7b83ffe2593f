"""The callback of a provider, and its answer where the sign-in has no return URL."""

from typing import Annotated

from msgspec import Meta, Struct


class CallbackQuery(Struct, frozen=True):
    """Other parameters of a provider, such as `scope` and `session_state`, are ignored."""

    state: Annotated[str, Meta(description="As the sign-in began with it")] = ""
    code: Annotated[str, Meta(description="The authorisation code")] = ""
    error: Annotated[str, Meta(description="Why there is no code (RFC 6749 4.1.2.1)")] = ""
    error_description: Annotated[str, Meta(description="The provider's words")] = ""


class Connected(Struct, frozen=True):
    status: str
    mailbox_id: str | None
