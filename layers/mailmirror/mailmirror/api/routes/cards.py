"""The cards of leads and contacts; taking mail off them, and putting it back."""

from http import HTTPStatus
from typing import Any

from mailmirror.api.answers import Answer
from mailmirror.api.card_overrides import CardOverride, CardOverrideQuery
from mailmirror.api.cards import Card, CardQuery
from mailmirror.api.routing import ActingUser, AnyRoute, Call, NoBody, Route
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.problems import Code
from mailmirror.usecases.cards.card_overrides import override_card
from mailmirror.usecases.cards.read_card import read_person_card


def lead_card(call: Call[NoBody, CardQuery]) -> Answer:
    """Read a page of a lead's messages, newest first."""
    return _card(call)


def contact_card(call: Call[NoBody, CardQuery]) -> Answer:
    """Read a page of a contact's messages, newest first."""
    return _card(call)


def put_on_lead(call: Call[NoBody, CardOverrideQuery]) -> Answer:
    """Put a thread or message back on a lead's card."""
    return _override(call, on=True)


def take_off_lead(call: Call[NoBody, CardOverrideQuery]) -> Answer:
    """Take a thread or message off a lead's card."""
    return _override(call, on=False)


def put_on_contact(call: Call[NoBody, CardOverrideQuery]) -> Answer:
    """Put a thread or message back on a contact's card."""
    return _override(call, on=True)


def take_off_contact(call: Call[NoBody, CardOverrideQuery]) -> Answer:
    """Take a thread or message off a contact's card."""
    return _override(call, on=False)


def _card(call: Call[NoBody, CardQuery]) -> Answer:
    query = call.query
    page = read_person_card(call.viewer(), _person(call), query.cursor, query.limit, call.runtime)
    return Answer(HTTPStatus.OK, Card.of(page, call.language))


def _override(call: Call[NoBody, CardOverrideQuery], *, on: bool) -> Answer:
    thread, message = call.ids.get("thread_id"), call.ids.get("message_id")
    given = override_card(
        call.viewer(), _person(call), thread, message, call.query.for_, call.runtime, on=on
    )
    return Answer(HTTPStatus.OK, CardOverride.of(given, call.language))


def _person(call: Call[Any, Any]) -> PersonRef:
    if lead := call.ids.get("lead_id"):
        return PersonRef(PersonKind.LEAD, lead)
    return PersonRef(PersonKind.CONTACT, call.ids["contact_id"])


_CARDS = (
    ("/v1/leads/{lead_id}", lead_card, put_on_lead, take_off_lead),
    ("/v1/contacts/{contact_id}", contact_card, put_on_contact, take_off_contact),
)

ROUTES: tuple[AnyRoute, ...] = (
    *(
        Route(
            method="GET",
            path=f"{path}/messages",
            handler=card,
            query=CardQuery,
            acting_user=ActingUser.REQUIRED,
            answers={HTTPStatus.OK: Card},
            problems=(Code.INVALID_CURSOR,),
        )
        for path, card, _, _ in _CARDS
    ),
    *(
        Route(
            method=method,
            path=f"{path}/{target}",
            handler=handler,
            query=CardOverrideQuery,
            acting_user=ActingUser.REQUIRED,
            answers={HTTPStatus.OK: CardOverride},
            problems=(missing, Code.TOO_MANY_OVERRIDES, Code.TOO_MANY_REQUESTS),
        )
        for path, _, put, delete in _CARDS
        for target, missing in (
            ("threads/{thread_id}", Code.THREAD_UNKNOWN),
            ("messages/{message_id}", Code.MESSAGE_UNKNOWN),
        )
        for method, handler in (("PUT", put), ("DELETE", delete))
    ),
)
