"""Find out which service answers at a port where a mail server was expected."""

import socket
from contextlib import suppress

from mailmirror.domain.limits import MAX_HEARD_LINE_BYTES
from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.services import Service, service_of
from mailmirror.mail.connection import NetworkPolicy

_LINE_SECONDS = 1.5
_REQUEST = b"HEAD / HTTP/1.0\r\n\r\n"
"""A web server waits for one; mail servers speak first."""


def answering_service(server: Server, policy: NetworkPolicy) -> Service | None:
    """Name the service that speaks at a port, with TLS or without; None where it is not known.

    It takes up to eight seconds, of which five are for the connection.
    """
    if server.security is Security.TLS:
        try:
            return _said(server, policy, tls=True)
        except Refused as refusal:
            if refusal.code is not Code.TLS_FAILED:
                return None
    with suppress(Refused):
        return _said(server, policy, tls=False)
    return None


def _said(server: Server, policy: NetworkPolicy, *, tls: bool) -> Service | None:
    connection = policy.connect(server)
    try:
        if tls:
            connection = policy.secure(connection, server.host)
        connection.settimeout(_LINE_SECONDS)
        line = _first_line(connection)
        if not line:
            with suppress(OSError):
                connection.sendall(_REQUEST)
            line = _first_line(connection)
        return service_of(line)
    finally:
        connection.close()


def _first_line(connection: socket.socket) -> str:
    """What is said at once; empty where nothing is."""
    try:
        said = connection.recv(MAX_HEARD_LINE_BYTES)
    except OSError:
        return ""
    return said.partition(b"\n")[0].decode("utf-8", "replace")
