"""Routes without an API key: signed events of the CRM, and callbacks of providers."""

from http import HTTPStatus

from msgspec import UNSET

from mailmirror.api.answers import Answer
from mailmirror.api.callback import CallbackQuery, Connected
from mailmirror.api.decoding import json_value, typed
from mailmirror.api.events import EventsAccepted, EventsBody, LeftOutAtOnce, RefusedAtOnce
from mailmirror.api.pages import page, wants_page
from mailmirror.api.routing import AnyRoute, Call, NoBody, Route
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.words.pages import CONNECTED
from mailmirror.domain.words.problems import PROBLEMS


def events(call: Call[EventsBody]) -> Answer:
    """Accept events of the CRM; each is accepted or refused by itself."""
    from mailmirror.usecases.crm_feed.accept_events import accept_events, verify
    from mailmirror.usecases.operating.accounts import language_of

    body, signature = call.request.body, call.header("X-Mailmirror-Signature") or ""
    account = verify(call.ids["account_id"], body, signature, call.runtime)
    given = typed(json_value(body), EventsBody).events
    language = call.request.language or language_of(account, call.runtime)
    found = accept_events(account, given, call.runtime, language)
    refused = [RefusedAtOnce(**one) for one in found.refused]
    left_out = [LeftOutAtOnce(**one) for one in found.left_out] or UNSET
    return Answer(HTTPStatus.ACCEPTED, EventsAccepted(found.accepted, refused, left_out))


def callback(call: Call[NoBody, CallbackQuery]) -> Answer:
    """Complete a sign-in, and send the browser to the return URL with the outcome.

    Without a return URL a browser (`Accept: text/html`) is shown a page.
    """
    from mailmirror.usecases.mailboxes.complete_sign_in import complete_sign_in

    query = {name: getattr(call.query, name) for name in CallbackQuery.__struct_fields__}
    for_browser = wants_page(call.header("Accept"))
    try:
        back = complete_sign_in(call.ids["provider"], query, call.request.language, call.runtime)
    except Refused as refusal:
        if not for_browser:
            raise
        call.runtime.count(f"Refused_{refusal.code}")
        explanation = PROBLEMS[refusal.code][call.language]
        return page(refusal.status, explanation, call.language, refusal.detail)
    if back.url:
        return Answer(HTTPStatus.SEE_OTHER, headers={"Location": back.url})
    if for_browser:
        return page(HTTPStatus.OK, CONNECTED[call.language], call.language)
    return Answer(HTTPStatus.OK, Connected("connected", back.mailbox))


ROUTES: tuple[AnyRoute, ...] = (
    Route(
        method="POST",
        path="/webhooks/crm/{account_id}",
        handler=events,
        body=EventsBody,
        needs_key=False,
        reads_body=False,
        headers={
            "X-Mailmirror-Signature": '`t=<unix>,v1=<hex HMAC-SHA256 of "<t>.<raw body>">`',
        },
        answers={HTTPStatus.ACCEPTED: EventsAccepted},
        problems=(Code.INVALID_SIGNATURE, Code.STALE_TIMESTAMP),
    ),
    Route(
        method="GET",
        path="/oauth/{provider}/callback",
        handler=callback,
        query=CallbackQuery,
        needs_key=False,
        answers={HTTPStatus.SEE_OTHER: None, HTTPStatus.OK: Connected},
        problems=(
            Code.STATE_UNKNOWN,
            Code.STATE_EXPIRED,
            Code.SIGN_IN_CANCELLED,
            Code.CODE_REFUSED,
            Code.ID_TOKEN_INVALID,
            Code.ADDRESS_UNKNOWN,
            Code.ADDRESS_MISMATCH,
            Code.PROVIDER_NOT_CONFIGURED,
            Code.PROVIDER_MISCONFIGURED,
            Code.PROVIDER_UNAVAILABLE,
            Code.CONSENT_MISSING,
            Code.TOKEN_REFUSED,
            Code.ADDRESS_CONNECTED,
            Code.ADDRESS_OF_ANOTHER_USER,
            Code.ADDRESS_OF_PERSON,
            Code.MAILBOX_LIMIT,
            Code.MAILBOX_BUSY,
            Code.PROBE_FAILED,
        ),
    ),
)
