"""The CRM's events that could not be applied."""

from http import HTTPStatus

from mailmirror.api.answers import Answer
from mailmirror.api.events import RefusedEvent, RefusedEvents, RefusedQuery
from mailmirror.api.routing import AnyRoute, Call, NoBody, Route
from mailmirror.domain.problems import Code


def refused_events(call: Call[NoBody, RefusedQuery]) -> Answer:
    """List the CRM's events that could not be applied, of 30 days, the latest first."""
    from mailmirror.usecases.crm_feed.refused_events import list_refused

    query = call.query
    page = list_refused(call.account, query.cursor, query.limit, call.runtime, gap=query.gap)
    events = [RefusedEvent.of(one, call.language) for one in page.events]
    return Answer(HTTPStatus.OK, RefusedEvents(events, page.next_cursor, page.gaps))


def close_event(call: Call) -> Answer:
    """Take an event off the list, and its gap off the cards: a person has dealt with it."""
    from mailmirror.usecases.crm_feed.refused_events import close_refused

    close_refused(call.account, call.ids["n"], call.runtime)
    return Answer(HTTPStatus.NO_CONTENT)


ROUTES: tuple[AnyRoute, ...] = (
    Route(
        method="GET",
        path="/v1/events/refused",
        handler=refused_events,
        query=RefusedQuery,
        answers={HTTPStatus.OK: RefusedEvents},
        problems=(Code.INVALID_CURSOR,),
    ),
    Route(
        method="DELETE",
        path="/v1/events/refused/{n}",
        handler=close_event,
        answers={HTTPStatus.NO_CONTENT: None},
    ),
)
