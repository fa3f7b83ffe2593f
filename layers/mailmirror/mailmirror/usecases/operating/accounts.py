"""Accounts and their API keys: the operator's commands, and the check at each call."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from mailmirror.domain.mailbox import AccountId, MailboxId
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.words.explanation import Language
from mailmirror.runtime import Runtime
from mailmirror.store.accounts import Account, ApiKey
from mailmirror.store.keys import time_text
from mailmirror.store.table import ConditionFailed

_FORMER_SECRET = timedelta(days=1)
"""How long a webhook secret is valid after it was replaced."""
_KEY = re.compile(r"mm_([0-9a-f]{12})_([0-9a-f]{8})_([\w-]{43})\Z")


@dataclass(frozen=True, slots=True)
class NewAccount:
    """Shown once: the key and the secret cannot be read again."""

    account_id: AccountId
    api_key: str
    webhook_secret: str


def create_account(name: str, runtime: Runtime) -> NewAccount:
    """Create an account with one API key and a webhook secret."""
    id = AccountId(runtime.new_id()[:12])
    secret = secrets.token_urlsafe(32)
    account = Account(
        id=id,
        name=name,
        webhook_secret=runtime.vault.seal_webhook_secret(id, secret),
        data_key=runtime.vault.new_data_key(id),
    )
    runtime.accounts.create(account, runtime.now())
    return NewAccount(id, add_key(id, "first", runtime), secret)


def add_key(account: AccountId, name: str, runtime: Runtime) -> str:
    """Make another API key for an account and return it, this once.

    Raises:
        Refused: there is no such account.
    """
    if runtime.accounts.find(account) is None:
        raise Refused(Code.NOT_FOUND, f"account {account}")
    key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    key = ApiKey(key_id, name, _digest(secret), time_text(runtime.now()), None)
    runtime.accounts.add_key(account, key)
    return f"mm_{account}_{key_id}_{secret}"


def replace_webhook_secret(id: AccountId, runtime: Runtime) -> str:
    """Make another webhook secret and return it, this once. The present one is valid for a day.

    Raises:
        Refused: there is no such account.
        ConditionFailed: the secret was replaced by another command at the same time.
    """
    account = runtime.accounts.find(id)
    if account is None:
        raise Refused(Code.NOT_FOUND, f"account {id}")
    now, secret = runtime.now(), secrets.token_urlsafe(32)
    sealed = runtime.vault.seal_webhook_secret(id, secret)
    former = {**account.former_secrets_at(now), account.webhook_secret: now + _FORMER_SECRET}
    runtime.accounts.replace_webhook_secret(account, sealed, former)
    return secret


def list_keys(account: AccountId, runtime: Runtime) -> list[ApiKey]:
    """List an account's API keys, revoked ones too."""
    return runtime.accounts.list_keys(account)


def revoke_key(account: AccountId, key_id: str, runtime: Runtime) -> None:
    """Revoke an API key: the next call with it fails.

    Raises:
        Refused: there is no such key.
    """
    try:
        runtime.accounts.revoke_key(account, key_id, runtime.now())
    except ConditionFailed as error:
        raise Refused(Code.NOT_FOUND, f"key {key_id}") from error


def set_return_urls(account: AccountId, urls: str, runtime: Runtime) -> list[str]:
    """Replace the list of where browsers may be sent after a sign-in.

    Parameters:
        urls: separated by commas; a query that comes with one later does not count.

    Raises:
        Refused: one is no https URL (or http on this machine), or there is no such account.
    """
    listed = [url.strip() for url in urls.split(",") if url.strip()]
    for url in listed:
        parts = urlsplit(url)
        at_home = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1")
        plain = not (parts.query or parts.fragment or parts.username)
        if not parts.hostname or not plain or not (parts.scheme == "https" or at_home):
            raise Refused(Code.INVALID_FIELD, f"{url}: an https URL without query")
    try:
        runtime.accounts.set_return_urls(account, frozenset(listed))
    except ConditionFailed as error:
        raise Refused(Code.NOT_FOUND, f"account {account}") from error
    return listed


def set_codes_mailbox(account: AccountId, mailbox: str, runtime: Runtime) -> str:
    """Name the mailbox that sends the codes which prove addresses; return its address.

    Raises:
        Refused: the account has no such mailbox.
    """
    found = runtime.mailboxes.find(account, MailboxId(mailbox.strip()), consistent=True)
    if found is None:
        raise Refused(Code.NOT_FOUND, f"mailbox {mailbox}")
    runtime.accounts.set_codes_mailbox(account, found.key.mailbox)
    return found.email


def authenticate(authorization: str, runtime: Runtime) -> AccountId:
    """Return the account whose key an Authorization header carries.

    Raises:
        Refused: `unauthorized`, whatever is wrong.
    """
    scheme, _, token = authorization.partition(" ")
    match = _KEY.match(token.strip())
    if scheme.lower() != "bearer" or match is None:
        raise Refused(Code.UNAUTHORIZED)
    account, key_id, secret = AccountId(match[1]), match[2], match[3]
    key = runtime.accounts.find_key(account, key_id)
    if key is None or not hmac.compare_digest(key.digest, _digest(secret)) or key.revoked_at:
        raise Refused(Code.UNAUTHORIZED)
    return account


def language_of(id: AccountId, runtime: Runtime) -> Language:
    """The language of an account's answers where a request names none. Half a read unit."""
    account = runtime.accounts.find(id)
    return account.language if account else Language.EN


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
