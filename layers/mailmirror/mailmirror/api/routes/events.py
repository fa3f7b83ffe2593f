"""The CRM's events that could not be applied."""

from http import HTTPStatus

from mailmirror.api.answers import Answer
from mailmirror.api.events import RefusedEvent, RefusedEvents
from mailmirror.api.routing import AnyRoute, Call, Route


def refused_events(call: Call) -> Answer:
    """List the CRM's events that could not be applied; at most a hundred, of 30 days."""
    refused = call.runtime.feed.refused(call.account, call.runtime.now())
    return Answer(
        HTTPStatus.OK, RefusedEvents([RefusedEvent.of(one, call.language) for one in refused])
    )


ROUTES: tuple[AnyRoute, ...] = (
    Route(
        method="GET",
        path="/v1/events/refused",
        handler=refused_events,
        answers={HTTPStatus.OK: RefusedEvents},
    ),
)
