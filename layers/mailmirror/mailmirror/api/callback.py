"""What a browser brings back from a provider, and what it is answered without a return URL."""

from typing import Annotated

from msgspec import Meta, Struct


class CallbackQuery(Struct, frozen=True):
    """Providers add parameters of their own, such as `scope` and `session_state`: they are let be.
    What the known ones hold is looked at by `take_callback`."""

    state: Annotated[str, Meta(description="As the sign-in began with it")] = ""
    code: Annotated[str, Meta(description="The authorisation code")] = ""
    error: Annotated[str, Meta(description="Why there is no code (RFC 6749 4.1.2.1)")] = ""
    error_description: Annotated[str, Meta(description="The provider's words")] = ""


class Connected(Struct, frozen=True):
    status: str
    mailbox_id: str | None
