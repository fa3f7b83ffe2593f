"""Examine one mail server stage by stage; what fails is looked past where that is safe.

    name, address, port ─► visit over TLS that is verified ─► sign-in and what follows
                             │ the certificate fails ─► visit without verifying: no sign-in
                             └ it begins otherwise than the settings say ─► visit in this way

Credentials are sent in a visit whose certificate was verified, and in no other.
"""

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from socket import socket

from mailmirror.domain.doctor import ServerStage
from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.server_causes import ServerCause
from mailmirror.domain.services import Service
from mailmirror.mail.answering import (
    OtherSecurity,
    OtherService,
    may_be_another_service,
    named_by_service,
)
from mailmirror.mail.certificate_names import any_certificate
from mailmirror.mail.connection import Endpoint, NetworkPolicy, limited, refuse_pop3, second_handle
from mailmirror.mail.doctor.certificates import certificate_steps, shown_chain
from mailmirror.mail.doctor.conversations import (
    CONVERSATIONS,
    Conversation,
    SmtpConversation,
    is_overwritten,
    shown,
)
from mailmirror.mail.doctor.notes import Diagnosed, Notes, Seen
from mailmirror.mail.sasl import Login

_GREETING_PART, _SIGN_IN_PART = 0.25, 0.5
"""Of the whole time: a server that does not greet is asked which service it is, and one that does
not answer a sign-in is distinguished from one for which there was no time."""
_VERSIONS = frozenset(
    {
        *("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "WRONG_SSL_VERSION"),
        *("NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW", "UNSUPPORTED_SSL_VERSION"),
    }
)
_CIPHERS = frozenset(
    {
        *("SSLV3_ALERT_HANDSHAKE_FAILURE", "NO_SHARED_CIPHER", "NO_CIPHERS_AVAILABLE"),
        *("WRONG_CIPHER_RETURNED", "DH_KEY_TOO_SMALL", "TLSV1_ALERT_INSUFFICIENT_SECURITY"),
    }
)
"""Reasons of OpenSSL's errors (sslerr.h): where both sides have no version or cipher in common."""


class _Unverified(Exception):
    """The server's certificate does not verify."""

    def __init__(self, error: ssl.SSLCertVerificationError) -> None:
        self.error = error


@dataclass(slots=True)
class Examination:
    """One server. `run` in a thread of its own; `notes` has what came of it at any time."""

    service: Service
    server: Server
    policy: NetworkPolicy
    notes: Notes
    now: datetime
    present: Callable[[Callable[[Login], None]], None]
    """Presents a credential to the server, by the function that it is given."""
    inside: Callable[[Conversation], None]
    """Examines what can be seen after the sign-in."""
    other_service: Service | None = field(init=False, default=None)
    """What answers in place of the expected service."""

    def run(self) -> None:
        """Examine the server; it raises nothing that a server can cause."""
        with suppress(Refused):
            try:
                self._visit(self.server)
            except OtherSecurity as other:
                self._visit(replace(self.server, security=other.security))

    def _visit(self, server: Server) -> None:
        endpoints = self._endpoints(server)
        seconds = min(self.policy.connect_seconds, self.notes.left)
        policy = replace(self.policy, connect_seconds=seconds)
        try:
            self._converse(server, endpoints, policy)
        except _Unverified as unverified:
            untrusted = replace(policy, trust=any_certificate())
            try:
                self._converse(server, endpoints, untrusted, unverified.error)
            finally:
                self.notes.note(certificate_steps([], unverified.error, server.host, self.now))

    def _endpoints(self, server: Server) -> Sequence[Endpoint]:
        with self.notes.stage(ServerStage.NAME):
            found = self.policy.lookup(server.host, server.port)
        with self.notes.stage(ServerStage.ADDRESS) as seen:
            permitted = self.policy.permitted(server, found)
            # Not before: the addresses of a network that is not public are not shown.
            seen.text = ", ".join(dict.fromkeys(str(address[0]) for _, address in permitted))
            return permitted

    def _converse(
        self,
        server: Server,
        endpoints: Sequence[Endpoint],
        policy: NetworkPolicy,
        error: ssl.SSLCertVerificationError | None = None,
    ) -> None:
        """Speak with the server as far as it goes.

        Parameters:
            error: why the certificate does not verify, where it is looked past.
        """
        conversation = CONVERSATIONS[self.service](server)
        with ExitStack() as stack:
            connection = self._connected(server, endpoints, policy)
            stack.callback(lambda: connection.close())
            # Of our own: TLS takes the descriptor from the plain socket.
            held = stack.enter_context(second_handle(connection))
            stack.enter_context(limited(self.notes.left, held))
            stack.callback(conversation.end)
            if server.security is Security.TLS:
                plain = connection
                connection = self._secured(
                    server, policy, error, held, lambda: policy.secure(plain, server.host)
                )
            with self._watched(ServerStage.GREETING, server, held) as seen:
                seen.text = conversation.greet(connection)
            if server.security is Security.STARTTLS:
                self._offered(conversation)
                self._secured(server, policy, error, held, lambda: conversation.start_tls(policy))
            with self.notes.stage(ServerStage.CAPABILITIES) as seen:
                seen.text = shown(conversation.capabilities())
            if isinstance(conversation, SmtpConversation):
                with self.notes.stage(ServerStage.LIMITS) as seen:
                    size = conversation.size_limit
                    seen.text = f"SIZE {size}" if size else "no SIZE"
            if error is None:
                self._sign_in(conversation, held)
                self.inside(conversation)

    def _sign_in(self, conversation: Conversation, held: socket) -> None:
        with (
            self.notes.stage(ServerStage.SIGN_IN),
            limited(self._part(_SIGN_IN_PART), held) as limit,
        ):
            self.present(lambda login: conversation.sign_in(login, limit))

    def _connected(
        self, server: Server, endpoints: Sequence[Endpoint], policy: NetworkPolicy
    ) -> socket:
        with self.notes.stage(ServerStage.PORT) as seen:
            try:
                refuse_pop3(server)
            except Refused as refusal:
                if self.service is Service.IMAP:
                    raise
                place = f"{server.host}:{server.port}"
                raise OtherService(Code.ANOTHER_SERVICE, Service.POP3, place) from refusal
            connection = policy.open(server, endpoints)
            seen.text = f"{connection.getpeername()[0]} port {server.port}"
            return connection

    @contextmanager
    def _watched(self, stage: ServerStage, server: Server, held: socket) -> Iterator[Seen]:
        """Bound a stage in which another service may be noticed, and name that service."""
        with self.notes.stage(stage) as seen:
            try:
                with limited(self._part(_GREETING_PART), held):
                    yield seen
            except Diagnosed:
                raise
            except Refused as refusal:
                if not may_be_another_service(refusal) or not self.notes.in_time:
                    raise
                named = named_by_service(refusal, server, self.service, self.policy)
                if isinstance(named, OtherService):
                    self.other_service = named.service
                if named is not refusal:
                    raise named from refusal
                if stage is ServerStage.TLS:
                    detail = refusal.detail or str(refusal.code)
                    raise Diagnosed(ServerCause.HANDSHAKE_FAILED, detail) from refusal
                raise

    def _offered(self, conversation: Conversation) -> None:
        """Note whether STARTTLS is offered."""
        with self.notes.stage(ServerStage.STARTTLS) as seen:
            if conversation.offers_starttls():
                seen.text = "offered"
                return
            offered = conversation.capabilities()
            if is_overwritten(offered):
                raise Diagnosed(ServerCause.STARTTLS_STRIPPED, shown(offered))
            raise Refused(Code.STARTTLS_MISSING, shown(offered))

    def _secured(
        self,
        server: Server,
        policy: NetworkPolicy,
        error: ssl.SSLCertVerificationError | None,
        held: socket,
        handshake: Callable[[], socket],
    ) -> socket:
        """Go on over TLS, and note what the server's certificates come to."""
        with self._watched(ServerStage.TLS, server, held) as seen:
            try:
                secured = handshake()
            except Refused as refusal:
                raise self._of_tls(refusal, server) from refusal
            if not isinstance(secured, ssl.SSLSocket):
                raise Diagnosed(ServerCause.HANDSHAKE_FAILED, "the connection is not encrypted")
            cipher = secured.cipher()
            seen.text = f"{secured.version()} {cipher[0] if cipher else ''}"
        chain = shown_chain(secured)
        self.notes.note(certificate_steps(chain, error, server.host, self.now))
        return secured

    def _of_tls(self, refusal: Refused, server: Server) -> Exception:
        """Why a handshake failed, by the error beneath its refusal."""
        beneath = refusal.__cause__
        if isinstance(beneath, ssl.SSLCertVerificationError):
            return _Unverified(beneath)
        reason = beneath.reason if isinstance(beneath, ssl.SSLError) else None
        if reason in _VERSIONS:
            return Diagnosed(ServerCause.TLS_VERSION_REFUSED, self._spoken_version(server))
        if reason in _CIPHERS:
            return Diagnosed(ServerCause.TLS_CIPHER_REFUSED, f"OpenSSL: {reason}")
        is_said = refusal.code in (Code.TLS_FAILED, Code.PROTOCOL_ERROR)
        if is_said and server.security is Security.STARTTLS and not isinstance(beneath, OSError):
            return Diagnosed(ServerCause.STARTTLS_REFUSED, refusal.detail)
        return refusal

    def _spoken_version(self, server: Server) -> str:
        """The version of TLS that a server speaks, which is older than is allowed here."""
        if server.security is not Security.TLS:
            return ""
        context = any_certificate()
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.set_ciphers("ALL:@SECLEVEL=0")
        policy = replace(self.policy, trust=context)
        with suppress(Refused), policy.reach(server) as connection:
            with limited(self._part(_GREETING_PART), connection):
                secured = policy.secure(connection, server.host)
            with secured:
                return f"the server speaks {secured.version()}"
        return ""

    def _part(self, part: float) -> float:
        return min(self.notes.left, part * self.notes.seconds)
