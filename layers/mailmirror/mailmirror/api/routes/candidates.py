"""Who a user writes with that is not in the CRM."""

from http import HTTPStatus

from mailmirror.api.answers import Answer
from mailmirror.api.candidates import CandidateList
from mailmirror.api.decoding import typed
from mailmirror.api.routing import ActingUser, AnyRoute, Call, Route
from mailmirror.domain.problems import Code
from mailmirror.usecases.mailboxes.probe_jobs import ProbeJob, Task, ask_probe


def candidates(call: Call) -> Answer:
    """List the correspondents of the acting user's unmatched mail, from the servers, now."""
    request = {"user_id": call.own_viewer().user}
    job = ProbeJob(Task.CANDIDATES, call.account, request=request, language=call.language)
    return Answer(HTTPStatus.OK, typed(ask_probe(job, call.runtime), CandidateList))


ROUTES: tuple[AnyRoute, ...] = (
    Route(
        method="GET",
        path="/v1/users/{user_id}/candidates",
        handler=candidates,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: CandidateList},
        problems=(Code.PROBE_FAILED,),
    ),
)
