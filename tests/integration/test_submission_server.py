"""Signing in to a real submission server: Postfix, or the one that `--submission-server` names."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import pytest
import trustme

from mailmirror.domain.mailbox import Security, Server
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.connection import NetworkPolicy
from mailmirror.mail.sasl import PasswordLogin
from mailmirror.mail.smtp.session import SubmissionSession
from tests.integration.office import REP, loopback
from tests.servers.dovecot import Dovecot
from tests.servers.exim import Exim
from tests.servers.postfix import Postfix

LOGINS = {
    REP: "rep's secret",
    "quotes@us.example": 'a "quoted" \\ word: $auth1 ${if}',
    "japanese@us.example": "パスワード—é",
}
SECONDS = 30.0


class SubmissionServer(Protocol):
    @property
    def submission_port(self) -> int: ...

    @property
    def submissions_port(self) -> int: ...

    @property
    def authority(self) -> Path: ...


@contextmanager
def postfix(users: Mapping[str, str]) -> Iterator[Postfix]:
    with Dovecot(users) as dovecot, Postfix(dovecot) as server:
        yield server


STARTED: Mapping[str, Callable[[Mapping[str, str]], AbstractContextManager[SubmissionServer]]] = {
    "postfix": postfix,
    "exim": Exim,
}


@pytest.fixture(scope="module")
def submission_server(pytestconfig: pytest.Config) -> Iterator[SubmissionServer]:
    with STARTED[pytestconfig.getoption("submission_server")](LOGINS) as server:
        yield server


def told(
    at: SubmissionServer,
    security: Security,
    user: str,
    password: str,
    *,
    host: str = "localhost",
    trusted: NetworkPolicy | None = None,
) -> Code | None:
    """The code with which a sign-in is refused; None where it is not."""
    port = at.submissions_port if security is Security.TLS else at.submission_port
    login = PasswordLogin(user, password)
    policy = trusted or loopback(at.authority)
    try:
        with SubmissionSession.sign_in(Server(host, port, security), login, policy, SECONDS):
            return None
    except Refused as refused:
        return refused.code


@pytest.mark.parametrize("security", Security)
@pytest.mark.parametrize("user", LOGINS)
def test_a_password_may_hold_anything(
    submission_server: SubmissionServer, security: Security, user: str
) -> None:
    assert told(submission_server, security, user, LOGINS[user]) is None


@pytest.mark.parametrize("security", Security)
@pytest.mark.parametrize("user", [REP, "nobody@us.example"])
@pytest.mark.parametrize("password", ["wrong", "違う"])
def test_a_wrong_password_is_reported(
    submission_server: SubmissionServer, security: Security, user: str, password: str
) -> None:
    assert told(submission_server, security, user, password) is Code.SIGN_IN_FAILED


@pytest.mark.parametrize("security", Security)
def test_a_certificate_of_another_authority_or_name_is_refused(
    submission_server: SubmissionServer, security: Security, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    for host, trusted in (("localhost", loopback(other)), ("127.1", None)):
        code = told(submission_server, security, REP, LOGINS[REP], host=host, trusted=trusted)
        assert code is Code.CERTIFICATE_INVALID


def test_a_port_without_tls_is_reported(submission_server: SubmissionServer) -> None:
    login = PasswordLogin(REP, LOGINS[REP])
    plain = Server("localhost", submission_server.submission_port, Security.TLS)
    policy = loopback(submission_server.authority)
    with (
        pytest.raises(Refused) as refused,
        SubmissionSession.sign_in(plain, login, policy, SECONDS),
    ):
        pass
    assert refused.value.code is Code.TLS_FAILED
