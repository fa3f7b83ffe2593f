"""The cards of leads and contacts."""

from http import HTTPStatus

from mailmirror.api.answers import Answer
from mailmirror.api.cards import Card, CardQuery
from mailmirror.api.routing import ActingUser, AnyRoute, Call, NoBody, Route
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.problems import Code
from mailmirror.usecases.cards.read_card import read_person_card


def lead_card(call: Call[NoBody, CardQuery]) -> Answer:
    """Read a page of a lead's messages, newest first."""
    return _card(call, PersonRef(PersonKind.LEAD, call.ids["lead_id"]))


def contact_card(call: Call[NoBody, CardQuery]) -> Answer:
    """Read a page of a contact's messages, newest first."""
    return _card(call, PersonRef(PersonKind.CONTACT, call.ids["contact_id"]))


def _card(call: Call[NoBody, CardQuery], person: PersonRef) -> Answer:
    query = call.query
    page = read_person_card(call.viewer(), person, query.cursor, query.limit, call.runtime)
    return Answer(HTTPStatus.OK, Card.of(page, call.language))


ROUTES: tuple[AnyRoute, ...] = (
    Route(
        method="GET",
        path="/v1/leads/{lead_id}/messages",
        handler=lead_card,
        query=CardQuery,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: Card},
        problems=(Code.INVALID_CURSOR,),
    ),
    Route(
        method="GET",
        path="/v1/contacts/{contact_id}/messages",
        handler=contact_card,
        query=CardQuery,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: Card},
        problems=(Code.INVALID_CURSOR,),
    ),
)
