"""A deal's card and its threads; attaching to a deal and detaching from it."""

from http import HTTPStatus

from mailmirror.api.answers import Answer
from mailmirror.api.cards import Card, CardQuery
from mailmirror.api.deals import DealThreads, Override, ThreadsQuery
from mailmirror.api.routing import ActingUser, AnyRoute, Call, NoBody, Route
from mailmirror.domain.deals import DealId
from mailmirror.domain.problems import Code
from mailmirror.usecases.cards.deal_threads import list_taken_off, list_threads
from mailmirror.usecases.cards.read_card import read_deal_card


def deal_card(call: Call[NoBody, CardQuery]) -> Answer:
    """Read a page of a deal's messages, newest first."""
    query, deal = call.query, DealId(call.ids["deal_id"])
    page = read_deal_card(call.viewer(), deal, query.cursor, query.limit, call.runtime)
    return Answer(HTTPStatus.OK, Card.of(page, call.language))


def deal_threads(call: Call[NoBody, ThreadsQuery]) -> Answer:
    """List the threads on a deal, or what persons have taken off it."""
    query, deal = call.query, DealId(call.ids["deal_id"])
    read = list_taken_off if query.detached else list_threads
    page = read(call.viewer(), deal, query.cursor, query.limit, call.runtime)
    return Answer(HTTPStatus.OK, DealThreads.of(page, deal, call.language))


def attach_thread(call: Call) -> Answer:
    """Attach a thread to a deal."""
    return _override(call, attached=True)


def detach_thread(call: Call) -> Answer:
    """Detach a thread from a deal."""
    return _override(call, attached=False)


def attach_message(call: Call) -> Answer:
    """Attach one message to a deal."""
    return _override(call, attached=True)


def detach_message(call: Call) -> Answer:
    """Detach one message from a deal."""
    return _override(call, attached=False)


def _override(call: Call, *, attached: bool) -> Answer:
    from mailmirror.usecases.threads.set_override import set_override

    thread, message = call.ids.get("thread_id"), call.ids.get("message_id")
    deal = DealId(call.ids["deal_id"])
    placed = set_override(call.viewer(), deal, thread, message, call.runtime, attached=attached)
    return Answer(HTTPStatus.OK, Override.of(placed))


_DEAL = "/v1/deals/{deal_id}"
_CALLS = (
    ("PUT", "threads/{thread_id}", attach_thread),
    ("DELETE", "threads/{thread_id}", detach_thread),
    ("PUT", "messages/{message_id}", attach_message),
    ("DELETE", "messages/{message_id}", detach_message),
)

ROUTES: tuple[AnyRoute, ...] = (
    Route(
        method="GET",
        path=f"{_DEAL}/messages",
        handler=deal_card,
        query=CardQuery,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: Card},
        problems=(Code.INVALID_CURSOR,),
    ),
    Route(
        method="GET",
        path=f"{_DEAL}/threads",
        handler=deal_threads,
        query=ThreadsQuery,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: DealThreads},
        problems=(Code.DEAL_UNKNOWN, Code.DEAL_DELETED, Code.INVALID_CURSOR),
    ),
    *(
        Route(
            method=method,
            path=f"{_DEAL}/{path}",
            handler=handler,
            acting_user=ActingUser.REQUIRED,
            answers={HTTPStatus.OK: Override},
            problems=(
                Code.DEAL_UNKNOWN,
                Code.DEAL_DELETED,
                Code.THREAD_UNKNOWN,
                Code.MESSAGE_UNKNOWN,
                Code.TOO_MANY_OVERRIDES,
            ),
        )
        for method, path, handler in _CALLS
    ),
)
