"""What an operator's file says of an OAuth provider."""

from collections.abc import Mapping

from msgspec import UNSET, UnsetType

from mailmirror.api.decoding import Strict
from mailmirror.api.mailbox_settings import ServerBody
from mailmirror.domain.mailbox import Server


class ProviderFile(Strict):
    """URLs and servers that differ from the provider's own; `smtp` is null where there is none."""

    redirect_uri: str | UnsetType = UNSET
    authorize_url: str | UnsetType = UNSET
    token_url: str | UnsetType = UNSET
    userinfo_url: str | UnsetType = UNSET
    issuer: str | UnsetType = UNSET
    imap: ServerBody | UnsetType = UNSET
    smtp: ServerBody | UnsetType | None = UNSET

    def urls(self) -> Mapping[str, str]:
        names = ("redirect_uri", "authorize_url", "token_url", "userinfo_url", "issuer")
        return {name: url for name in names if isinstance(url := getattr(self, name), str)}

    def servers(self) -> Mapping[str, Server | None]:
        found = {"imap": self.imap, "smtp": self.smtp}
        return {
            name: one.server() if one else None for name, one in found.items() if one is not UNSET
        }
