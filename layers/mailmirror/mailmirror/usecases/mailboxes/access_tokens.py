"""A mailbox's access token: refreshed shortly before it expires, by one function.

    fresh ─► used
    not fresh ─► claimed by us ─► refreshed ─► stored, with the refresh token that was rotated
                                     └► refused ─► stored; not asked again for an hour
             └─► claimed by another ─► the old one while it is valid, else wait

A crash between the provider's answer and the write loses the refresh token where the provider
rotates it at once: then the person has to sign in again. This cannot be prevented here.
"""

import time

from mailmirror.domain.mailbox import NEEDS_PERSON, Mailbox
from mailmirror.domain.oauth import Grant
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.oauth import OAuthClient, refresh
from mailmirror.runtime import Runtime
from mailmirror.store.accounts import Account
from mailmirror.store.credentials import StoredCredential
from mailmirror.store.providers import Registration

_MAX_READS = 40
_READ_PAUSE_SECONDS = 0.25
"""Ten seconds in all, for another function's refresh."""


def client_of(registration: Registration) -> OAuthClient:
    return OAuthClient(
        client_id=registration.client_id,
        client_secret=registration.client_secret,
        redirect_uri=registration.redirect_uri,
        authorize_url=registration.authorize_url,
        token_url=registration.token_url,
        userinfo_url=registration.userinfo_url,
    )


def fresh_grant(
    account: Account, mailbox: Mailbox, kept: StoredCredential, runtime: Runtime, stale: str = ""
) -> StoredCredential:
    """Return a stored credential whose access token can be used now.

    Parameters:
        kept: a stored credential that is a grant.
        stale: an access token that a server has refused, however long it was to live.

    Raises:
        Refused: what the provider says, or `provider_unavailable`.
    """
    for _ in range(_MAX_READS):
        now = runtime.now()
        grant = kept.credential
        assert isinstance(grant, Grant)
        if grant.access_token != stale and grant.is_fresh(now):
            return kept
        if "token" in kept.refusals:
            raise kept.refusals["token"]
        if runtime.credentials.claim(mailbox.key, kept.version, now):
            if renewed := _refreshed(account, mailbox, kept, grant, stale, runtime):
                return renewed
        elif grant.access_token != stale and grant.is_valid(now):
            return kept
        else:
            time.sleep(_READ_PAUSE_SECONDS)
        again = runtime.credentials.get(account, mailbox.key, runtime.now())
        if again is None or not isinstance(again.credential, Grant):
            break  # disconnected, or connected by password
        kept = again
    raise Refused(Code.PROVIDER_UNAVAILABLE, "the token is being refreshed")


def _refreshed(
    account: Account,
    mailbox: Mailbox,
    kept: StoredCredential,
    grant: Grant,
    stale: str,
    runtime: Runtime,
) -> StoredCredential | None:
    """Refresh a token after claiming the refresh; None where the person has signed in again."""
    try:
        registration = runtime.providers.find(account, mailbox.provider, runtime.now())
        if registration is None:
            raise Refused(Code.PROVIDER_NOT_CONFIGURED)
        renewed = refresh(
            client_of(registration), grant, runtime.network_policy.trust, runtime.now()
        )
    except Refused as refusal:
        if refusal.code in NEEDS_PERSON:
            runtime.credentials.refuse(mailbox.key, kept.version, "token", refusal, runtime.now())
        else:
            runtime.credentials.release(mailbox.key, kept.version)
            if grant.access_token != stale and grant.is_valid(runtime.now()):
                return kept
        raise
    runtime.count("TokensRefreshed")
    if not runtime.credentials.replace(account, mailbox.key, kept.version, renewed, runtime.now()):
        return None
    return StoredCredential(renewed, kept.version + 1, kept.refusals)
