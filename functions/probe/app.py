"""Work on request that connects to servers: discovering, connecting, auditing, searching."""

from typing import Any

import msgspec
from aws_lambda_powertools.utilities.typing import LambdaContext

from mailmirror.api.addresses import AddressJob, ConfirmJob, ProvenAddress
from mailmirror.api.audits import AuditAnswer
from mailmirror.api.candidates import CandidateList, CandidatesJob
from mailmirror.api.decoding import typed
from mailmirror.api.discoveries import DiscoverBody, DiscoveryAnswer
from mailmirror.api.doctors import DoctorAnswer
from mailmirror.api.mailbox_settings import ChangeBody, ConnectBody
from mailmirror.api.previews import Preview
from mailmirror.api.sign_ins import AuthorizeBody, CallbackJob, SignInOutcome, SignInPage
from mailmirror.domain.address import Address
from mailmirror.domain.mail_search import Sought
from mailmirror.domain.mailbox import UserId
from mailmirror.domain.problems import Refused
from mailmirror.observing import observed
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.probe_jobs import ProbeJob, Task

runtime = Runtime.from_environment()


def connect(job: ProbeJob) -> object:
    from mailmirror.usecases.mailboxes.connect_mailbox import connect_mailbox

    request = typed(job.request, ConnectBody).request()
    return {"id": connect_mailbox(job.account, request, runtime)}


def authorize(job: ProbeJob) -> object:
    from mailmirror.usecases.mailboxes.oauth_sign_in import begin_sign_in

    request = typed(job.request, AuthorizeBody).request()
    return SignInPage(begin_sign_in(job.account, request, runtime))


def callback(job: ProbeJob) -> object:
    from mailmirror.usecases.mailboxes.oauth_sign_in import finish_sign_in

    return SignInOutcome.of(finish_sign_in(typed(job.request, CallbackJob).request(), runtime))


def audit(job: ProbeJob) -> object:
    from mailmirror.usecases.sync.audit_mailbox import audit_mailbox, connected_mailbox

    mailbox = connected_mailbox(job.account, job.mailbox, runtime)
    return AuditAnswer.of(audit_mailbox(mailbox, runtime), runtime.now(), job.language)


def preview(job: ProbeJob) -> object:
    from mailmirror.usecases.mailboxes import preview_mailbox
    from mailmirror.usecases.sync.audit_mailbox import connected_mailbox

    if job.mailbox is None:
        request = typed(job.request, ConnectBody).request()
        found = preview_mailbox.preview_request(job.account, request, runtime)
    else:
        mailbox = connected_mailbox(job.account, job.mailbox, runtime)
        found = preview_mailbox.preview_mailbox(mailbox, runtime)
    return Preview.of(found, runtime.now(), job.language)


def discover(job: ProbeJob) -> object:
    from mailmirror.usecases.mailboxes.discover_mailbox import discover_mailbox

    email = Address(typed(job.request, DiscoverBody).email)
    return DiscoveryAnswer.of(discover_mailbox(job.account, email, runtime), job.language)


def explain(job: ProbeJob) -> object:
    from mailmirror.usecases.mailboxes.find_copies import find_copies
    from mailmirror.usecases.sync.audit_mailbox import connected_mailbox

    mailbox = connected_mailbox(job.account, job.mailbox, runtime)
    return find_copies(mailbox, typed(job.request, Sought), runtime)


def folders(job: ProbeJob) -> object:
    from mailmirror.usecases.mailboxes.choose_folders import choose_folders
    from mailmirror.usecases.sync.audit_mailbox import connected_mailbox

    mailbox = connected_mailbox(job.account, job.mailbox, runtime)
    choose_folders(mailbox, *typed(job.request, ChangeBody).chosen(), runtime)
    return {"id": mailbox.key.mailbox}


def send_code(job: ProbeJob) -> object:
    from mailmirror.usecases.mailboxes import prove_address

    request = typed(job.request, AddressJob).request()
    return ProvenAddress.of(prove_address.send_code(job.account, request, runtime))


def confirm_code(job: ProbeJob) -> object:
    from mailmirror.usecases.mailboxes import prove_address

    request = typed(job.request, ConfirmJob).request()
    return ProvenAddress.of(prove_address.confirm_code(job.account, request, runtime))


def candidates(job: ProbeJob) -> object:
    from mailmirror.usecases.mailboxes.list_candidates import list_candidates

    user = UserId(typed(job.request, CandidatesJob).user_id)
    return CandidateList.of(list_candidates(job.account, user, runtime), job.language)


def doctor(job: ProbeJob) -> object:
    from mailmirror.usecases.mailboxes import examine_mailbox
    from mailmirror.usecases.sync.audit_mailbox import connected_mailbox

    if job.mailbox is None:
        request = typed(job.request, ConnectBody).request()
        found = examine_mailbox.examine_request(job.account, request, runtime)
    else:
        mailbox = connected_mailbox(job.account, job.mailbox, runtime)
        found = examine_mailbox.examine_mailbox(mailbox, runtime)
    return DoctorAnswer.of(found, runtime.now(), job.language)


TASKS = {
    Task.CONNECT: connect,
    Task.AUTHORIZE: authorize,
    Task.CALLBACK: callback,
    Task.AUDIT: audit,
    Task.FOLDERS: folders,
    Task.PREVIEW: preview,
    Task.DISCOVER: discover,
    Task.EXPLAIN: explain,
    Task.SEND_CODE: send_code,
    Task.CONFIRM_CODE: confirm_code,
    Task.CANDIDATES: candidates,
    Task.DOCTOR: doctor,
}


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    job = ProbeJob.from_event(event)
    try:
        return {"answer": msgspec.to_builtins(TASKS[job.task](job))}
    except Refused as refusal:
        return {"refused": refusal.as_refused()}
