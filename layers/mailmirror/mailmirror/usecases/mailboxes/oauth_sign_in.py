"""Connect a mailbox by signing in at its provider.

    begin ─► the provider's page ─► callback ─► the sign-in is taken, once
                                                 └─► code exchanged ─► address compared ─► connected

Both ends run in `probe`, which alone seals. The state is a key of the account's and nothing else:
whom it is for, and where the browser goes then, lies sealed under its hash.
"""

import secrets
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from mailmirror.domain.address import Address
from mailmirror.domain.event_fields import is_id
from mailmirror.domain.mailbox import AccountId, MailboxId, Provider, UserId
from mailmirror.domain.oauth import (
    SIGN_IN_LIFETIME,
    Identified,
    account_of,
    check_id_token,
    identify,
    refusal,
)
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.providers import (
    CONSUMERS_SMTP,
    MICROSOFT_CONSUMERS,
    SIGN_IN,
    SignInFacts,
)
from mailmirror.mail.oauth import Tokens, authorization_url, exchange, new_verifier, profile
from mailmirror.runtime import Runtime
from mailmirror.store.accounts import Account
from mailmirror.store.providers import Registration
from mailmirror.store.sign_ins import SignIn
from mailmirror.usecases.mailboxes.access_tokens import client_of
from mailmirror.usecases.mailboxes.connect_mailbox import (
    ConnectRequest,
    check_address,
    check_may_connect,
    connect_mailbox,
)


@dataclass(frozen=True, slots=True)
class AuthorizeRequest:
    """Who is to sign in, and where the browser goes then."""

    user: UserId
    provider: Provider
    login_hint: Address | None
    return_url: str
    """Empty where none is wanted."""


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """What a provider's redirect brings. Its text form shows none of it."""

    provider: str
    """Of the callback's path."""
    query: Mapping[str, str]
    """`state`, and `code` or `error`."""

    def __repr__(self) -> str:
        return "CallbackRequest(…)"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a sign-in, and where to send the browser; nowhere where that is empty."""

    return_url: str
    mailbox: MailboxId | None
    refused: Refused | None


def begin_sign_in(id: AccountId, request: AuthorizeRequest, runtime: Runtime) -> str:
    """Return where the person has to sign in; the sign-in can be finished once, for ten minutes.

    Raises:
        Refused: the user is unknown, the provider not configured, the return URL not allowed, or
            the address expected is another user's or cannot be connected.
    """
    account = _account(id, runtime)
    if not is_id(request.user) or not runtime.people.user_exists(id, request.user):
        raise Refused(Code.USER_UNKNOWN, "user_id")
    if request.return_url and request.return_url.partition("?")[0] not in account.return_urls:
        raise Refused(Code.RETURN_URL_NOT_ALLOWED, "return_url")
    if request.login_hint:
        check_address(account.id, request.user, request.login_hint, runtime)
        check_may_connect(account, request.user, request.login_hint, runtime)
    registration = _registration(account, request.provider, runtime)
    facts = SIGN_IN[request.provider]
    state = f"{id}.{secrets.token_urlsafe(32)}"
    begun = SignIn(
        provider=request.provider,
        user=request.user,
        login_hint=request.login_hint or "",
        return_url=request.return_url,
        verifier=new_verifier(),
        nonce=secrets.token_urlsafe(24),
        expires_at=runtime.now() + SIGN_IN_LIFETIME,
    )
    runtime.sign_ins.put(account, state, begun, runtime.now())
    extra = dict(facts.extra) | {"nonce": begun.nonce}
    if request.login_hint:
        extra["login_hint"] = request.login_hint
    client = client_of(registration)
    return authorization_url(client, facts.scopes, state, begun.verifier, extra)


def finish_sign_in(callback: CallbackRequest, runtime: Runtime) -> Outcome:
    """Finish a sign-in: connect the mailbox, or return why not.

    Raises:
        Refused: the state is unknown, used, or expired, so that no return URL is known.
    """
    provider, query = callback.provider, callback.query
    state = query.get("state", "")
    account_id = account_of(state)
    if account_id is None:
        raise Refused(Code.STATE_UNKNOWN)
    account = runtime.accounts.find(account_id)
    begun = account and runtime.sign_ins.take(account, state, runtime.now())
    if not account or not begun or begun.provider != provider:
        raise Refused(Code.STATE_UNKNOWN)
    try:
        if runtime.now() >= begun.expires_at:
            raise Refused(Code.STATE_EXPIRED)
        mailbox = _connect(account, begun, query, runtime)
    except Refused as refused:
        runtime.count("SignInsRefused")
        return Outcome(begun.return_url, None, refused)
    return Outcome(begun.return_url, mailbox, None)


def _connect(
    account: Account, begun: SignIn, query: Mapping[str, str], runtime: Runtime
) -> MailboxId:
    if "error" in query:
        raise refusal(query["error"], query.get("error_description", ""))
    if not query.get("code"):
        raise Refused(Code.CODE_REFUSED, "no code")
    registration = _registration(account, begun.provider, runtime)
    facts = SIGN_IN[begun.provider]
    client, trust = client_of(registration), runtime.network_policy.trust
    tokens = exchange(client, query["code"], begun.verifier, trust, runtime.now())
    if tokens.scopes and not _granted(tokens, facts):
        raise Refused(Code.CONSENT_MISSING)
    check_id_token(tokens.claims, client.client_id, registration.issuer, begun.nonce, runtime.now())
    who = identify(tokens.claims, facts.address_claim)
    if who is None:
        claims = profile(client, tokens.grant, trust)
        same = claims.get("sub") == tokens.claims.get("sub")
        who = identify(claims, facts.address_claim) if same else None
    if who is None:
        raise Refused(Code.ADDRESS_UNKNOWN)
    address, usernames = _expected(account, begun, who, runtime)
    consumer = who.tenant == MICROSOFT_CONSUMERS and registration.smtp == facts.smtp
    request = ConnectRequest(
        user=begun.user,
        email=address,
        imap=registration.imap,
        smtp=CONSUMERS_SMTP if consumer else registration.smtp,
        username=address,
        credential=tokens.grant,
        provider=begun.provider,
    )
    not_taken = Refused(Code.TOKEN_REFUSED)
    for username in usernames:
        try:
            return connect_mailbox(account.id, replace(request, username=username), runtime)
        except Refused as refused:
            if refused.code is not Code.TOKEN_REFUSED:
                raise
            not_taken = refused
    if address in (who.address, who.mail):
        raise not_taken
    raise Refused(Code.ADDRESS_MISMATCH, f"{who.address} instead of {address}")


def _granted(tokens: Tokens, facts: SignInFacts) -> bool:
    """Microsoft writes scopes with or without the resource's host, and in other cases."""
    granted = {scope.rpartition("/")[2].lower() for scope in tokens.scopes} | tokens.scopes
    return all(
        scope in granted or scope.rpartition("/")[2].lower() in granted - {""}
        for scope in facts.mail_scopes
    )


def _expected(
    account: Account, begun: SignIn, who: Identified, runtime: Runtime
) -> tuple[Address, Sequence[str]]:
    """Return the address of the mailbox, and the names under which its server is to be tried.

    Only an expected address is connected, so that a link that was passed on brings no other
    person's mail to the user who began it. At Microsoft the sign-in name may be another than the
    mail address. The server proves the address by letting the token sign in under it; under the
    sign-in name alone it does not, which is enough where the provider names the same address.

    Raises:
        Refused: another address was signed in, or it cannot become the user's.
    """
    check_address(account.id, begun.user, who.address, runtime)
    given = runtime.people.team(account.id).claims.given.get(begun.user, set())
    mailboxes = runtime.mailboxes.list_all(account.id)
    own = given | {one.email for one in mailboxes if one.owner == begun.user}
    hint = Address(begun.login_hint)
    expected: Set[Address] = {hint} if hint else own
    named = hint or "an address of the user's own"
    if who.address in expected & own:
        return who.address, [who.address]
    if who.mail is not None:
        check_address(account.id, begun.user, who.mail, runtime)
        if who.mail in (expected | own if who.address in expected else expected):
            return who.mail, list(dict.fromkeys((who.mail, who.address)))
    if who.address in expected:
        return who.address, [who.address]
    if begun.provider is Provider.MICROSOFT and hint in given:
        return hint, [hint]
    raise Refused(Code.ADDRESS_MISMATCH, f"{who.address} instead of {named}")


def _account(id: AccountId, runtime: Runtime) -> Account:
    account = runtime.accounts.find(id)
    if account is None:
        raise Refused(Code.NOT_FOUND, "account")
    return account


def _registration(account: Account, provider: Provider, runtime: Runtime) -> Registration:
    found = runtime.providers.find(account, provider, runtime.now())
    if found is None:
        raise Refused(Code.PROVIDER_NOT_CONFIGURED, provider)
    return found
