"""Examine the servers of a mailbox, IMAP and SMTP at the same time; nothing is stored of it.

    IMAP ─ a thread ─► stages, folders ─┐
    SMTP ─ a thread ─► stages ──────────┼─► all stages, and the result of each server
    the mailbox's state, if connected ──┘

The answer comes when both are done or the time is up, whatever a server does. A refusal of a stored
credential that only a person can mend is stored with it, as every other sign-in does.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mailmirror.domain.doctor import (
    ServerStage,
    StageResult,
    Step,
    completed,
    judged,
    mailbox_step,
    with_swap,
)
from mailmirror.domain.known_providers import KnownProvider, known_provider
from mailmirror.domain.mailbox import AccountId, FolderRules, Mailbox, MailboxState, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.server_causes import ServerCause
from mailmirror.domain.services import Service
from mailmirror.mail.doctor.conversations import Conversation, ImapConversation, SmtpConversation
from mailmirror.mail.doctor.examination import Examination
from mailmirror.mail.doctor.notes import Diagnosed, Notes
from mailmirror.mail.imap.session import ImapSession
from mailmirror.mail.sasl import Login
from mailmirror.observing import log_failure
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.connect_mailbox import ConnectRequest
from mailmirror.usecases.mailboxes.examine_folders import (
    ExaminedFolders,
    FolderExaminer,
    asked_rules,
)
from mailmirror.usecases.mailboxes.read_mailbox import MailboxReport, report
from mailmirror.usecases.mailboxes.server_sign_in import login_of, presented

SECONDS = 20.0
"""How long an examination takes at the most: a person waits, and the function has 25."""

type _Present = Callable[[Service, Callable[[Login], None]], None]
type _Rules = Callable[[ImapSession], FolderRules]


@dataclass(frozen=True, slots=True)
class ExaminedServer:
    service: Service
    server: Server
    steps: Sequence[Step]

    @property
    def result(self) -> StageResult:
        return judged(self.steps)


@dataclass(frozen=True, slots=True)
class Examined:
    """What a doctor has found."""

    mailbox: Step | None
    """Of a connected mailbox its stored state."""
    servers: Sequence[ExaminedServer]
    folders: ExaminedFolders | None
    """None where they could not be listed."""
    provider: KnownProvider | None
    """Whose server it is, where that is known."""

    @property
    def connected(self) -> bool:
        return self.mailbox is not None

    @property
    def result(self) -> StageResult:
        own = [] if self.mailbox is None else [self.mailbox]
        return judged([*own, *(step for one in self.servers for step in one.steps)])


def examine_request(
    id: AccountId, request: ConnectRequest, runtime: Runtime, seconds: float = SECONDS
) -> Examined:
    """Examine the servers of settings that a person has entered.

    Parameters:
        seconds: how long it takes at the most.

    Raises:
        Refused: there is no such account.
    """
    if runtime.accounts.find(id) is None:
        raise Refused(Code.NOT_FOUND, "account")
    provider = known_provider(request.email, request.imap.host)

    def present(_: Service, attempt: Callable[[Login], None]) -> None:
        try:
            attempt(login_of(request.username, request.credential))
        except Refused as refusal:
            raise _by_name(refusal, request.username, request.email, provider) from refusal

    servers = {Service.IMAP: request.imap, Service.SMTP: request.smtp}
    rules = asked_rules(request.folders, request.sent_folders)
    return _Doctor(servers, request.email, provider, present, rules, runtime, seconds).run()


def examine_mailbox(mailbox: Mailbox, runtime: Runtime, seconds: float = SECONDS) -> Examined:
    """Examine the servers of a connected mailbox, with its stored credential.

    Parameters:
        seconds: how long it takes at the most.
    """

    def present(service: Service, attempt: Callable[[Login], None]) -> None:
        presented(mailbox, service.lower(), attempt, runtime)

    servers = {Service.IMAP: mailbox.imap, Service.SMTP: mailbox.smtp}
    provider = known_provider(mailbox.email, mailbox.imap.host)

    def rules(_: ImapSession) -> FolderRules:
        return mailbox.folder_rules

    doctor = _Doctor(servers, mailbox.email, provider, present, rules, runtime, seconds)
    (read,) = report([mailbox], runtime)
    # Made here: two threads must not make clients of boto3's default session at the same time.
    _ = runtime.credentials, runtime.providers
    return doctor.run(_stored(read))


def _stored(read: MailboxReport) -> Step:
    """The state of a mailbox, as a stage."""
    due = read.due
    problem = read.problem or (due.sending_error if due else None)
    seen = (due.error_detail or due.sending_detail) if due else ""
    if read.state is MailboxState.FIRST_SYNC:
        left = f", {read.messages_left} messages left" if read.messages_left else ""
        seen = f"{read.progress} %{left}"
    since = due.failing_since if due else None
    return mailbox_step(read.mailbox, read.state, problem, since, seen)


def _by_name(
    refusal: Refused, username: str, email: str, provider: KnownProvider | None
) -> Refused:
    """A refusal of the credential, where the user name has another form than the provider's."""
    if refusal.code is not Code.SIGN_IN_FAILED or provider is None:
        return refusal
    expected = provider.username.of(email)
    if ("@" in expected) is ("@" in username):
        return refusal
    detail = f"{provider.name} has user names such as {expected}; {refusal.detail}"
    return Diagnosed(ServerCause.SIGN_IN_NAME_DIFFERS, detail)


@dataclass(slots=True)
class _Doctor:
    servers: dict[Service, Server] | dict[Service, Server | None]
    email: str
    provider: KnownProvider | None
    present: _Present
    rules: _Rules
    runtime: Runtime
    seconds: float
    folders: FolderExaminer = field(init=False)

    def run(self, mailbox: Step | None = None) -> Examined:
        """Examine all servers at the same time, for as long as there is time."""
        notes = {one: Notes(self.seconds) for one, at in self.servers.items() if at}
        self.folders = FolderExaminer(self.rules, self.runtime)
        examinations = {
            service: self._examination(service, server, notes[service])
            for service, server in self.servers.items()
            if server is not None
        }
        threads = {
            service: threading.Thread(target=_run, args=[one], daemon=True)
            for service, one in examinations.items()
        }
        for thread in threads.values():
            thread.start()
        for service, thread in threads.items():
            thread.join(notes[service].left)
        cut = {service: threads[service].is_alive() or one.cut for service, one in notes.items()}
        found = {service: one.notes.steps() for service, one in examinations.items()}
        others = {service: one.other_service for service, one in examinations.items()}
        if others == {Service.IMAP: Service.SMTP, Service.SMTP: Service.IMAP}:
            found = {service: with_swap(steps) for service, steps in found.items()}
        return Examined(
            mailbox,
            [
                ExaminedServer(
                    one, at, completed(found[one], one, at.security, time_is_up=cut[one])
                )
                for one, at in self.servers.items()
                if at is not None
            ],
            self.folders.found,
            self.provider,
        )

    def _examination(self, service: Service, server: Server, notes: Notes) -> Examination:
        def present(attempt: Callable[[Login], None]) -> None:
            self.present(service, attempt)

        def inside(conversation: Conversation) -> None:
            match conversation:
                case ImapConversation():
                    self.folders.examine(conversation, notes)
                case SmtpConversation():
                    self._sender(conversation, notes)

        policy, now = self.runtime.network_policy, self.runtime.now()
        return Examination(service, server, policy, notes, now, present, inside)

    def _sender(self, conversation: SmtpConversation, notes: Notes) -> None:
        with notes.stage(ServerStage.SENDER) as seen:
            reply, cause = conversation.sender(self.email)
            if cause is not None:
                raise Diagnosed(cause, str(reply))
            seen.text = str(reply)


def _run(examination: Examination) -> None:
    """Run an examination; a defect fails its stage, and ends no other."""
    try:
        examination.run()
    except Exception as error:
        log_failure(error)
        examination.notes.note_defect()
