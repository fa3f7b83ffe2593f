"""Check a mail server up to its greeting over TLS, as connecting does; no one signs in."""

import time
from collections.abc import Callable
from dataclasses import replace

from mailmirror.domain.discovery import Candidate
from mailmirror.domain.limits import MAX_HEARD_LINE_BYTES
from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.services import Service, service_of
from mailmirror.mail.byte_budget import ByteBudget
from mailmirror.mail.certificate_names import certificate_names
from mailmirror.mail.connection import NetworkPolicy, limited
from mailmirror.mail.imap.sign_in import check_imap
from mailmirror.mail.smtp.session import check_smtp

type Check = Callable[[Server, NetworkPolicy, float, ByteBudget], None]


def check_server(
    candidate: Candidate, policy: NetworkPolicy, until: float, budget: ByteBudget
) -> None:
    """Connect to a server, and hear whether it is the mail server that it is said to be.

    Parameters:
        until: by `time.monotonic`.
        budget: what this and other conversations may read together.

    Raises:
        Refused: the stage that failed; of a certificate for another host its detail has the names.
    """
    server, begun = candidate.server, time.monotonic()
    half = (until - begun) / 2
    if half <= 0:
        raise Refused(Code.CONNECT_TIMEOUT, "not asked: the time is up")
    hasty = replace(policy, connect_seconds=half)
    try:
        _CHECKS[candidate.service](server, hasty, half, budget)
    except Refused as refusal:
        left = until - time.monotonic()
        wrong = refusal.code is Code.CERTIFICATE_INVALID and server.security is Security.TLS
        if not wrong or left <= 0:
            raise
        names = certificate_names(server, replace(policy, connect_seconds=left / 2), left / 2)
        detail = (
            f"{refusal.detail.rstrip('.')}; the certificate is of {names}"
            if names
            else refusal.detail
        )
        raise Refused(refusal.code, detail) from refusal


def _check_pop3(server: Server, policy: NetworkPolicy, seconds: float, budget: ByteBudget) -> None:
    plain = connection = policy.reach(server)
    try:
        with limited(seconds, plain):
            if server.security is Security.TLS:
                connection = policy.secure(plain, server.host)
            connection.settimeout(seconds)
            try:
                said = connection.recv(MAX_HEARD_LINE_BYTES)
            except OSError as error:
                raise Refused(Code.CONNECTION_LOST) from error
        budget.spend(len(said))
        if service_of(said.partition(b"\n")[0].decode("utf-8", "replace")) is not Service.POP3:
            raise Refused(Code.PROTOCOL_ERROR, "no POP3 greeting")
    finally:
        connection.close()


_CHECKS: dict[Service, Check] = {
    Service.IMAP: check_imap,
    Service.SMTP: check_smtp,
    Service.POP3: _check_pop3,
}
