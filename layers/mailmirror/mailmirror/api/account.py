"""The settings of an account."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from msgspec import Meta, Struct

from mailmirror.api.decoding import Strict
from mailmirror.domain.deals import DealPolicy
from mailmirror.domain.limits import (
    MAX_MAILBOXES_PER_USER,
    MAX_MESSAGES_A_DAY,
    MAX_RECIPIENTS_SETTING,
)
from mailmirror.domain.settings import DeletedMail, Setting
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.settings import EFFECTS
from mailmirror.store.accounts import Account as Stored


class SettingsBody(Strict):
    """The body of `PATCH /v1/account`: what is left out stays as it is."""

    max_recipients: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=MAX_RECIPIENTS_SETTING,
                description="Up to how many recipients in To, Cc and Bcc a message is mirrored",
            ),
        ]
        | None
    ) = None
    deal_policy: Annotated[
        DealPolicy | None, Meta(description="On which of its persons' open deals a message is put")
    ] = None
    deleted_mail: Annotated[
        DeletedMail | None,
        Meta(description="What becomes of mirrored mail that was deleted at the server"),
    ] = None
    mailboxes_per_user: Annotated[int, Meta(ge=1, le=MAX_MAILBOXES_PER_USER)] | None = None
    messages_a_day: (
        Annotated[
            int, Meta(ge=0, le=MAX_MESSAGES_A_DAY, description="What a mailbox may send a day")
        ]
        | None
    ) = None

    language: Annotated[
        Language | None,
        Meta(description="Of answers where Accept-Language names none, and of mail to persons"),
    ] = None

    def asked(self) -> Mapping[Setting, int | str]:
        given = ((one, getattr(self, one.value)) for one in Setting)
        return {one: value for one, value in given if value is not None}


class Effect(Struct, frozen=True):
    """When the change of a setting takes effect."""

    setting: Setting
    reason: str
    remedy: str


class Account(Struct, frozen=True):
    id: str
    name: str
    max_recipients: int
    deal_policy: DealPolicy
    deleted_mail: DeletedMail
    mailboxes_per_user: int
    messages_a_day: int
    language: Language
    effects: Sequence[Effect]
    """Of the settings that were changed by this request."""

    @classmethod
    def of(cls, account: Stored, language: Language, changed: Sequence[Setting] = ()) -> "Account":
        words = [(one, EFFECTS[one][language]) for one in changed]
        return cls(
            id=account.id,
            name=account.name,
            max_recipients=account.max_recipients,
            deal_policy=account.deal_policy,
            deleted_mail=account.deleted_mail,
            mailboxes_per_user=account.mailboxes_per_user,
            messages_a_day=account.messages_a_day,
            language=account.language,
            effects=[Effect(one, said.reason, said.remedy) for one, said in words],
        )
