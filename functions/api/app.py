"""The API: bearer keys, JSON, one route a use case."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror.api import shapes
from mailmirror.api.answers import JSON, Answer, answered, json_body, json_text
from mailmirror.domain.deals import DealId
from mailmirror.domain.feed import PersonKind, PersonRef, checked_id
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.words.explanation import Language
from mailmirror.runtime import Runtime, observed
from mailmirror.usecases.cards.acting_user import Viewer, own_mailbox, viewer
from mailmirror.usecases.cards.read_card import MOST, read_deal_card, read_person_card
from mailmirror.usecases.cards.read_message import attachment_link, read_message
from mailmirror.usecases.mailboxes import change_mailbox
from mailmirror.usecases.mailboxes.connect_mailbox import ConnectRequest
from mailmirror.usecases.mailboxes.probe_jobs import ProbeJob, Task, ask_probe
from mailmirror.usecases.mailboxes.read_mailbox import (
    list_mailboxes,
    read_ledger,
    read_mailbox,
    report,
)
from mailmirror.usecases.operating.accounts import authenticate
from mailmirror.usecases.sending.accept_message import accept_message
from mailmirror.usecases.sending.make_upload import make_upload
from mailmirror.usecases.sending.read_outbound import cancel_outbound, read_outbound
from mailmirror.usecases.threads.set_override import set_override

runtime = Runtime.from_environment()
app = APIGatewayRestResolver()


def account() -> AccountId:
    found: AccountId = app.context["account"]
    return found


def acting_user() -> str | None:
    return app.current_event.headers.get("X-Mailmirror-User")


def reader() -> Viewer:
    return viewer(account(), acting_user(), runtime)


def known_id(id: str) -> str:
    """An id of the path; one that can be nobody's is not found."""
    try:
        return checked_id(id, "id")
    except Refused as refusal:
        raise Refused(Code.NOT_FOUND) from refusal


def answer(body: Any, status: HTTPStatus = HTTPStatus.OK) -> Response[str]:
    return Response(status, JSON, json_text(body), {"Cache-Control": "no-store"})


def language() -> Language:
    return Language.preferred(app.current_event.headers.get("Accept-Language"))


def page_size() -> int:
    text = app.current_event.query_string_parameters.get("limit", "50")
    size = int(text) if text.isdecimal() and len(text) < 9 else 0
    if not 1 <= size <= MOST:
        raise Refused(Code.INVALID_FIELD, f"limit: 1 to {MOST}")
    return size


def cursor() -> str | None:
    return app.current_event.query_string_parameters.get("cursor")


@app.post("/v1/mailboxes")
def connect() -> Response[str]:
    request = json_body(app.current_event)
    ConnectRequest.parse(request)  # what is wrong with the form needs no server to say
    asked = ask_probe(ProbeJob(Task.CONNECT, account(), request=request), runtime)
    return answer(shapes.mailbox(read_mailbox(account(), asked["id"], runtime)), HTTPStatus.CREATED)


@app.post("/v1/mailboxes/authorize")
def authorize() -> Response[str]:
    request = json_body(app.current_event)
    return answer(ask_probe(ProbeJob(Task.AUTHORIZE, account(), request=request), runtime))


def prove(task: Task, user: str) -> Response[str]:
    body = json_body(app.current_event)
    request = body | {"user_id": known_id(user)} if isinstance(body, dict) else body
    told = ask_probe(ProbeJob(task, account(), request=request), runtime)
    return answer(told, HTTPStatus.OK if told["proof"] else HTTPStatus.ACCEPTED)


@app.post("/v1/users/<id>/addresses")
def prove_address(id: str) -> Response[str]:
    return prove(Task.SEND_CODE, id)


@app.post("/v1/users/<id>/addresses/confirm")
def confirm_address(id: str) -> Response[str]:
    return prove(Task.CONFIRM_CODE, id)


@app.get("/v1/mailboxes")
def mailboxes() -> Response[str]:
    found = list_mailboxes(account(), runtime)
    return answer({"mailboxes": [shapes.mailbox(one) for one in found]})


@app.get("/v1/mailboxes/<id>")
def mailbox(id: str) -> Response[str]:
    found = read_mailbox(account(), known_id(id), runtime)
    owned = found.mailbox.owner == acting_user()
    counters = shapes.counters(read_ledger(found.mailbox, runtime)) if owned else None
    return answer(shapes.mailbox(found, counters))


@app.post("/v1/mailboxes/<id>/sync")
def sync(id: str) -> Response[str]:
    change_mailbox.request_sync(account(), known_id(id), runtime)
    return answer({"id": id, "queued": True}, HTTPStatus.ACCEPTED)


@app.delete("/v1/mailboxes/<id>")
def disconnect(id: str) -> Response[str]:
    match app.current_event.query_string_parameters.get("mail", "keep"):
        case "keep":
            mailbox = change_mailbox.disconnect(account(), known_id(id), runtime)
        case "erase":
            mailbox = change_mailbox.erase(account(), known_id(id), runtime)
        case _:
            raise Refused(Code.INVALID_FIELD, "mail: keep or erase")
    return answer(shapes.mailbox(report([mailbox], runtime)[0]), HTTPStatus.ACCEPTED)


@app.get("/v1/mailboxes/<id>/ledger")
def ledger(id: str) -> Response[str]:
    own = own_mailbox(account(), acting_user(), id, runtime)
    return answer(shapes.ledger(read_ledger(own, runtime), language()))


@app.get("/v1/mailboxes/<id>/audit")
def audit(id: str) -> Response[str]:
    key = own_mailbox(account(), acting_user(), id, runtime).key
    return answer(ask_probe(ProbeJob(Task.AUDIT, key.account, key.mailbox), runtime))


@app.get("/v1/leads/<id>/messages")
def lead_card(id: str) -> Response[str]:
    lead = PersonRef(PersonKind.LEAD, known_id(id))
    return answer(shapes.page(read_person_card(reader(), lead, cursor(), page_size(), runtime)))


@app.get("/v1/contacts/<id>/messages")
def contact_card(id: str) -> Response[str]:
    contact = PersonRef(PersonKind.CONTACT, known_id(id))
    return answer(shapes.page(read_person_card(reader(), contact, cursor(), page_size(), runtime)))


@app.get("/v1/deals/<id>/messages")
def deal_card(id: str) -> Response[str]:
    deal = DealId(known_id(id))
    return answer(shapes.page(read_deal_card(reader(), deal, cursor(), page_size(), runtime)))


@app.get("/v1/messages/<id>")
def message(id: str) -> Response[str]:
    return answer(shapes.whole_message(read_message(reader(), id, runtime)))


@app.get("/v1/messages/<id>/attachments/<n>")
def attachment(id: str, n: str) -> Response[str]:
    if not n.isdecimal():
        raise Refused(Code.NOT_FOUND)
    link = attachment_link(reader(), id, int(n[:9]), runtime)
    return Response(HTTPStatus.SEE_OTHER, JSON, "", {"Location": link, "Cache-Control": "no-store"})


@app.post("/v1/uploads")
def upload() -> Response[str]:
    made = make_upload(account(), json_body(app.current_event), runtime)
    return answer(shapes.upload(made), HTTPStatus.CREATED)


@app.post("/v1/messages")
def send() -> Response[str]:
    key = app.current_event.headers.get("Idempotency-Key")
    accepted = accept_message(reader(), json_body(app.current_event), key, runtime)
    return answer(shapes.outbound(accepted, language()), HTTPStatus.ACCEPTED)


@app.get("/v1/outbound/<id>")
def outbound(id: str) -> Response[str]:
    return answer(shapes.outbound(read_outbound(reader(), id, runtime), language()))


@app.delete("/v1/outbound/<id>")
def cancel(id: str) -> Response[str]:
    return answer(shapes.outbound(cancel_outbound(reader(), id, runtime), language()))


@app.put("/v1/deals/<id>/threads/<thread_id>")
def attach_thread(id: str, thread_id: str) -> Response[str]:
    deal = DealId(known_id(id))
    placed = set_override(reader(), deal, known_id(thread_id), None, runtime, attached=True)
    return answer(shapes.override(placed))


@app.delete("/v1/deals/<id>/threads/<thread_id>")
def detach_thread(id: str, thread_id: str) -> Response[str]:
    deal = DealId(known_id(id))
    placed = set_override(reader(), deal, known_id(thread_id), None, runtime, attached=False)
    return answer(shapes.override(placed))


@app.put("/v1/deals/<id>/messages/<message_id>")
def attach_message(id: str, message_id: str) -> Response[str]:
    deal = DealId(known_id(id))
    placed = set_override(reader(), deal, None, known_id(message_id), runtime, attached=True)
    return answer(shapes.override(placed))


@app.delete("/v1/deals/<id>/messages/<message_id>")
def detach_message(id: str, message_id: str) -> Response[str]:
    deal = DealId(known_id(id))
    placed = set_override(reader(), deal, None, known_id(message_id), runtime, attached=False)
    return answer(shapes.override(placed))


@app.get("/v1/events/refused")
def refused_events() -> Response[str]:
    refused = runtime.feed.refused(account(), runtime.now())
    return answer({"events": [shapes.refused_event(one) for one in refused]})


@app.not_found
def not_found(_: Exception) -> Response[str]:
    raise Refused(Code.NOT_FOUND, "no such route")


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def problem(error: Exception) -> Response[str]:
    found = Answer.to(error)  # the resolver itself would log the error's text
    return Response(found.status, found.content_type, json_text(found.body))


@observed
@answered
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    authorization = APIGatewayProxyEvent(event).headers.get("Authorization", "")
    app.context["account"] = authenticate(authorization, runtime)
    return app.resolve(event, context)
