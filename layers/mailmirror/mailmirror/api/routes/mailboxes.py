"""Connecting, reading, syncing and disconnecting mailboxes."""

from http import HTTPStatus
from typing import Any

from mailmirror.api.answers import Answer
from mailmirror.api.audits import AuditAnswer
from mailmirror.api.decoding import typed
from mailmirror.api.deep_audits import DeepAuditAnswer, DeepAuditQueued
from mailmirror.api.discoveries import DiscoverBody, DiscoveryAnswer
from mailmirror.api.doctors import DoctorAnswer
from mailmirror.api.ledgers import Ledger, counters
from mailmirror.api.mailbox_settings import (
    AuditQuery,
    ChangeBody,
    ConnectBody,
    DisconnectQuery,
    SyncQuery,
)
from mailmirror.api.mailboxes import ChangedMailbox, Mailbox, Mailboxes, MailboxProblems, SyncQueued
from mailmirror.api.previews import Preview
from mailmirror.api.routes.explain import ROUTES as EXPLAIN
from mailmirror.api.routing import ActingUser, AnyRoute, Call, NoBody, Route
from mailmirror.api.sign_ins import AuthorizeBody, SignInPage
from mailmirror.domain.problems import Code
from mailmirror.usecases.cards.acting_user import own_mailbox
from mailmirror.usecases.mailboxes import change_mailbox, read_mailbox
from mailmirror.usecases.mailboxes.list_problems import list_problems
from mailmirror.usecases.mailboxes.probe_jobs import ProbeJob, Task, ask_probe
from mailmirror.usecases.mailboxes.read_deep_audit import read_deep_audit

CONNECTING = (
    Code.USER_UNKNOWN,
    Code.ADDRESS_CONNECTED,
    Code.ADDRESS_OF_ANOTHER_USER,
    Code.ADDRESS_OF_PERSON,
    Code.MAILBOX_LIMIT,
    Code.MAILBOX_BUSY,
    Code.PROBE_FAILED,
)
_SERVERS = (
    Code.HOST_UNKNOWN,
    Code.HOST_NOT_ALLOWED,
    Code.CONNECT_REFUSED,
    Code.CONNECT_TIMEOUT,
    Code.TLS_FAILED,
    Code.CERTIFICATE_INVALID,
    Code.STARTTLS_MISSING,
    Code.PROTOCOL_ERROR,
    Code.SIGN_IN_FAILED,
    Code.SIGN_IN_UNSUPPORTED,
    Code.SIGN_IN_UNANSWERED,
    Code.SIGN_IN_WITH_PROVIDER,
    Code.APP_PASSWORD_REQUIRED,
    Code.PASSWORD_EXPIRED,
    Code.IMAP_DISABLED,
    Code.ADMINISTRATOR_NEEDED,
    Code.SERVER_ALERT,
    Code.USER_DISABLED,
    Code.SMTP_AUTH_DISABLED,
    Code.SERVER_UNAVAILABLE,
    Code.MAILBOX_NOT_OPENED,
    Code.CONNECTION_LOST,
    Code.INBOX_NOT_FOUND,
)
_SETTINGS = (
    *CONNECTING,
    *_SERVERS,
    Code.INVALID_EMAIL,
    Code.PROVIDER_UNSUPPORTED,
    Code.PROVIDER_SIGNS_IN,
    Code.POP3_UNSUPPORTED,
    Code.ANOTHER_SERVICE,
    Code.FOLDER_UNKNOWN,
)
_SIGNED_IN = (Code.TOKEN_REFUSED, Code.GRANT_REVOKED, Code.GRANT_EXPIRED, Code.SENT_NOT_FOUND)


def connect(call: Call[ConnectBody]) -> Answer:
    """Connect a mailbox; its servers are tried first, and where one fails nothing is kept."""
    asked = ask_probe(ProbeJob(Task.CONNECT, call.account, request=call.raw), call.runtime)
    report = read_mailbox.read_mailbox(call.account, asked["id"], call.runtime)
    return Answer(HTTPStatus.CREATED, Mailbox.of(report, call.language))


def discover(call: Call[DiscoverBody]) -> Answer:
    """Find an address's mail servers and how its owner signs in; nothing is stored."""
    job = ProbeJob(Task.DISCOVER, call.account, request=call.raw, language=call.language)
    return Answer(HTTPStatus.OK, typed(ask_probe(job, call.runtime), DiscoveryAnswer))


def authorize(call: Call[AuthorizeBody]) -> Answer:
    """Begin to connect a mailbox by signing in at its provider."""
    asked = ask_probe(ProbeJob(Task.AUTHORIZE, call.account, request=call.raw), call.runtime)
    return Answer(HTTPStatus.OK, typed(asked, SignInPage))


def mailboxes(call: Call) -> Answer:
    """List the account's mailboxes."""
    found = read_mailbox.list_mailboxes(call.account, call.runtime)
    return Answer(HTTPStatus.OK, Mailboxes([Mailbox.of(one, call.language) for one in found]))


def mailbox(call: Call) -> Answer:
    """Read how a mailbox is doing; its owner sees progress and counters as well."""
    return Answer(HTTPStatus.OK, _mailbox(call))


def _mailbox(call: Call[Any, Any]) -> Mailbox:
    found = read_mailbox.read_mailbox(call.account, call.ids["mailbox_id"], call.runtime)
    owned = found.mailbox.owner == call.user
    counted = counters(read_mailbox.read_ledger(found.mailbox, call.runtime)) if owned else None
    to_another = call.user is not None and not owned
    return Mailbox.of(found, call.language, counted, to_another=to_another)


def sync(call: Call[NoBody, SyncQuery]) -> Answer:
    """Queue a sync of a mailbox now; on demand it judges old mail again as well."""
    id, everything = call.ids["mailbox_id"], call.query.pass_ == "full"
    change_mailbox.request_sync(call.account, id, call.runtime, everything=everything)
    return Answer(HTTPStatus.ACCEPTED, SyncQueued(id))


def change(call: Call[ChangeBody]) -> Answer:
    """Change which folders of a mailbox are read, and since when; pause it, or go on."""
    own = own_mailbox(call.account, call.user, call.ids["mailbox_id"], call.runtime)
    since = call.body.history_since
    if since is not None:
        change_mailbox.check_window(since, call.runtime.now())
    if call.body.chooses_folders:
        job = ProbeJob(Task.FOLDERS, own.key.account, own.key.mailbox, request=call.raw)
        ask_probe(job, call.runtime)
    if since is not None:
        change_mailbox.change_window(own, since, call.runtime)
    if call.body.paused is not None:  # last, so that a sync that begins then goes by the rest
        change_mailbox.set_paused(own, call.runtime, paused=call.body.paused)
    changed = ChangedMailbox.after(_mailbox(call), call.body.named(), call.language)
    return Answer(HTTPStatus.OK, changed)


def disconnect(call: Call[NoBody, DisconnectQuery]) -> Answer:
    """Disconnect a mailbox; keep its mail, or erase it where its owner asks for that."""
    id = call.ids["mailbox_id"]
    if call.query.mail == "keep":
        changed = change_mailbox.disconnect(call.account, id, call.runtime)
    else:
        changed = change_mailbox.erase(call.account, call.user, id, call.runtime)
    report = read_mailbox.report([changed], call.runtime)[0]
    return Answer(HTTPStatus.ACCEPTED, Mailbox.of(report, call.language))


def ledger(call: Call) -> Answer:
    """Read which verdict each folder's UIDs have."""
    own = own_mailbox(call.account, call.user, call.ids["mailbox_id"], call.runtime)
    folders = read_mailbox.read_ledger(own, call.runtime)
    return Answer(HTTPStatus.OK, Ledger.of(folders, call.language))


def problems(call: Call) -> Answer:
    """List what fails of a mailbox, and the messages that could not be read."""
    own = own_mailbox(call.account, call.user, call.ids["mailbox_id"], call.runtime)
    found = list_problems(own, call.runtime)
    return Answer(HTTPStatus.OK, MailboxProblems.of(found, call.language))


def audit(call: Call) -> Answer:
    """Prove the ledger against the mail server, now."""
    key = own_mailbox(call.account, call.user, call.ids["mailbox_id"], call.runtime).key
    job = ProbeJob(Task.AUDIT, key.account, key.mailbox, language=call.language)
    asked = ask_probe(job, call.runtime)
    return Answer(HTTPStatus.OK, typed(asked, AuditAnswer))


def begin_audit(call: Call[NoBody, AuditQuery]) -> Answer:
    """Queue a deep audit: every message is judged again, and what is wrong is repaired."""
    own = own_mailbox(call.account, call.user, call.ids["mailbox_id"], call.runtime)
    change_mailbox.request_audit(own, call.runtime)
    path = f"/v1/mailboxes/{own.key.mailbox}/audit/deep"
    return Answer(HTTPStatus.ACCEPTED, DeepAuditQueued(own.key.mailbox, path))


def deep_audit(call: Call) -> Answer:
    """Read what the deep audits of a mailbox have found."""
    own = own_mailbox(call.account, call.user, call.ids["mailbox_id"], call.runtime)
    found = read_deep_audit(own, call.runtime)
    return Answer(HTTPStatus.OK, DeepAuditAnswer.of(found, call.language))


def preview_settings(call: Call[ConnectBody]) -> Answer:
    """Show what connecting a mailbox with these settings would read; nothing is stored."""
    job = ProbeJob(Task.PREVIEW, call.account, request=call.raw, language=call.language)
    return Answer(HTTPStatus.OK, typed(ask_probe(job, call.runtime), Preview))


def preview(call: Call) -> Answer:
    """Show what is read of a connected mailbox, from the server, now."""
    key = own_mailbox(call.account, call.user, call.ids["mailbox_id"], call.runtime).key
    job = ProbeJob(Task.PREVIEW, key.account, key.mailbox, language=call.language)
    return Answer(HTTPStatus.OK, typed(ask_probe(job, call.runtime), Preview))


def doctor_settings(call: Call[ConnectBody]) -> Answer:
    """Examine the servers of these settings stage by stage; nothing is stored."""
    job = ProbeJob(Task.DOCTOR, call.account, request=call.raw, language=call.language)
    return Answer(HTTPStatus.OK, typed(ask_probe(job, call.runtime), DoctorAnswer))


def doctor(call: Call) -> Answer:
    """Examine a connected mailbox and its servers stage by stage, now."""
    key = own_mailbox(call.account, call.user, call.ids["mailbox_id"], call.runtime).key
    job = ProbeJob(Task.DOCTOR, key.account, key.mailbox, language=call.language)
    return Answer(HTTPStatus.OK, typed(ask_probe(job, call.runtime), DoctorAnswer))


_MAILBOX = "/v1/mailboxes/{mailbox_id}"

ROUTES: tuple[AnyRoute, ...] = (
    Route(
        method="POST",
        path="/v1/mailboxes",
        handler=connect,
        body=ConnectBody,
        answers={HTTPStatus.CREATED: Mailbox},
        problems=_SETTINGS,
    ),
    Route(
        method="POST",
        path="/v1/mailboxes/preview",
        handler=preview_settings,
        body=ConnectBody,
        answers={HTTPStatus.OK: Preview},
        problems=_SETTINGS,
    ),
    Route(
        method="POST",
        path="/v1/mailboxes/doctor",
        handler=doctor_settings,
        body=ConnectBody,
        answers={HTTPStatus.OK: DoctorAnswer},
        problems=(
            Code.INVALID_EMAIL,
            Code.PROVIDER_UNSUPPORTED,
            Code.PROVIDER_SIGNS_IN,
            Code.POP3_UNSUPPORTED,
            Code.PROBE_FAILED,
        ),
    ),
    Route(
        method="POST",
        path="/v1/mailboxes/discover",
        handler=discover,
        body=DiscoverBody,
        answers={HTTPStatus.OK: DiscoveryAnswer},
        problems=(Code.INVALID_EMAIL, Code.PROBE_FAILED),
    ),
    Route(
        method="GET", path="/v1/mailboxes", handler=mailboxes, answers={HTTPStatus.OK: Mailboxes}
    ),
    Route(
        method="POST",
        path="/v1/mailboxes/authorize",
        handler=authorize,
        body=AuthorizeBody,
        answers={HTTPStatus.OK: SignInPage},
        problems=(
            Code.USER_UNKNOWN,
            Code.INVALID_EMAIL,
            Code.PROVIDER_UNSUPPORTED,
            Code.PROVIDER_NOT_CONFIGURED,
            Code.RETURN_URL_NOT_ALLOWED,
            Code.ADDRESS_OF_ANOTHER_USER,
            Code.ADDRESS_OF_PERSON,
            Code.ADDRESS_CONNECTED,
            Code.MAILBOX_LIMIT,
            Code.MAILBOX_BUSY,
            Code.PROBE_FAILED,
        ),
    ),
    Route(
        method="GET",
        path=_MAILBOX,
        handler=mailbox,
        acting_user=ActingUser.OPTIONAL,
        answers={HTTPStatus.OK: Mailbox},
    ),
    Route(
        method="PATCH",
        path=_MAILBOX,
        handler=change,
        body=ChangeBody,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: ChangedMailbox},
        problems=(
            *_SERVERS,
            *_SIGNED_IN,
            Code.FOLDER_UNKNOWN,
            Code.MAILBOX_DISCONNECTED,
            Code.PROBE_FAILED,
        ),
    ),
    Route(
        method="DELETE",
        path=_MAILBOX,
        handler=disconnect,
        query=DisconnectQuery,
        acting_user=ActingUser.OPTIONAL,
        answers={HTTPStatus.ACCEPTED: Mailbox},
        problems=(Code.MAILBOX_BUSY, Code.ACTING_USER_REQUIRED, Code.ACTING_USER_UNKNOWN),
    ),
    Route(
        method="POST",
        path=f"{_MAILBOX}/sync",
        handler=sync,
        query=SyncQuery,
        answers={HTTPStatus.ACCEPTED: SyncQueued},
        problems=(Code.MAILBOX_DISCONNECTED, Code.MAILBOX_PAUSED),
    ),
    Route(
        method="GET",
        path=f"{_MAILBOX}/ledger",
        handler=ledger,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: Ledger},
    ),
    Route(
        method="GET",
        path=f"{_MAILBOX}/problems",
        handler=problems,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: MailboxProblems},
    ),
    Route(
        method="GET",
        path=f"{_MAILBOX}/audit",
        handler=audit,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: AuditAnswer},
        problems=(
            *(Code.MAILBOX_DISCONNECTED, Code.MAILBOX_PAUSED, Code.PROBE_FAILED),
            *_SERVERS,
            *_SIGNED_IN,
        ),
    ),
    Route(
        method="POST",
        path=f"{_MAILBOX}/audit",
        handler=begin_audit,
        query=AuditQuery,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.ACCEPTED: DeepAuditQueued},
        problems=(Code.MAILBOX_DISCONNECTED,),
    ),
    Route(
        method="GET",
        path=f"{_MAILBOX}/audit/deep",
        handler=deep_audit,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: DeepAuditAnswer},
    ),
    Route(
        method="GET",
        path=f"{_MAILBOX}/preview",
        handler=preview,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: Preview},
        problems=(Code.MAILBOX_DISCONNECTED, Code.PROBE_FAILED, *_SERVERS, *_SIGNED_IN),
    ),
    Route(
        method="GET",
        path=f"{_MAILBOX}/doctor",
        handler=doctor,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: DoctorAnswer},
        problems=(Code.MAILBOX_DISCONNECTED, Code.PROBE_FAILED),
    ),
    *EXPLAIN,
)
