"""Explaining where a message is, or why it is missing."""

from collections.abc import Set
from http import HTTPStatus
from typing import Any

import msgspec

from mailmirror.api.answers import Answer
from mailmirror.api.decoding import typed
from mailmirror.api.explain_requests import ExplainBody, ExplainQuery
from mailmirror.api.explanations import MailExplanation
from mailmirror.api.routing import ActingUser, AnyRoute, Call, NoBody, Route
from mailmirror.domain.address import Address
from mailmirror.domain.mail_search import LiveSearch, Sought
from mailmirror.domain.mailbox import Mailbox, MailboxStatus
from mailmirror.domain.problems import Refused
from mailmirror.usecases.cards.acting_user import own_mailbox
from mailmirror.usecases.mailboxes.explain_message import explain_message
from mailmirror.usecases.mailboxes.pasted_headers import sought_in
from mailmirror.usecases.mailboxes.probe_jobs import ProbeJob, Task, ask_probe


def explain(call: Call[NoBody, ExplainQuery]) -> Answer:
    """Explain where a message is, or why it is missing, by Message-ID, or sender and subject."""
    own = own_mailbox(call.account, call.user, call.ids["mailbox_id"], call.runtime)
    return _explained(call, own, call.query.sought(call.runtime.now().date()))


def explain_headers(call: Call[ExplainBody]) -> Answer:
    """Explain where a message is, or why it is missing, by its headers."""
    own = own_mailbox(call.account, call.user, call.ids["mailbox_id"], call.runtime)
    return _explained(call, own, *sought_in(call.body.headers))


def _explained(
    call: Call[Any, Any], own: Mailbox, sought: Sought, addressed: Set[Address] = frozenset()
) -> Answer:
    search = _searched(call, own, sought)
    found = explain_message(call.viewer(), own, sought, search, call.runtime, addressed)
    return Answer(HTTPStatus.OK, MailExplanation.of(found, call.runtime.now(), call.language))


def _searched(call: Call[Any, Any], own: Mailbox, sought: Sought) -> LiveSearch | Refused | None:
    """What the mailbox's server has, or why it cannot be asked; None where it is disconnected."""
    if own.status is not MailboxStatus.CONNECTED:
        return None
    request = msgspec.to_builtins(sought)
    job = ProbeJob(Task.EXPLAIN, own.key.account, own.key.mailbox, request, call.language)
    try:
        return typed(ask_probe(job, call.runtime), LiveSearch)
    except Refused as refusal:
        return refusal


_EXPLAIN = "/v1/mailboxes/{mailbox_id}/explain"

ROUTES: tuple[AnyRoute, ...] = (
    Route(
        method="GET",
        path=_EXPLAIN,
        handler=explain,
        query=ExplainQuery,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: MailExplanation},
    ),
    Route(
        method="POST",
        path=_EXPLAIN,
        handler=explain_headers,
        body=ExplainBody,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: MailExplanation},
    ),
)
