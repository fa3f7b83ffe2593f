"""A submission server (RFC 6409) that lets one login in, after STARTTLS."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from tests.servers.authority import certify
from tests.stack.mailing import Login

HOST = "127.0.0.1"


@contextmanager
def submission_server(login: Login, issuer: trustme.CA, folder: Path) -> Iterator[int]:
    """Run a server within the block, and return its port.

    Parameters:
        folder: for its certificate.
    """
    certified = certify(folder, issuer)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certified.chain, certified.key)

    def authenticate(
        server: SMTP, session: object, envelope: object, mechanism: str, data: Any
    ) -> AuthResult:
        right = LoginPassword(login.username.encode(), login.password.encode())
        return AuthResult(success=data == right, handled=False)

    with socket.create_server((HOST, 0)) as free:
        port: int = free.getsockname()[1]
    controller = Controller(
        object(), HOST, port, tls_context=context, authenticator=authenticate, auth_require_tls=True
    )
    controller.start()
    try:
        yield port
    finally:
        controller.stop()
