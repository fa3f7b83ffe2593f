"""The doctor names what is wrong with a certificate, and looks past it where that is safe."""

import ipaddress
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from mailmirror.domain.server_causes import ServerCause
from mailmirror.mail.connection import NetworkPolicy
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.examine_mailbox import Examined
from tests.integration.doctors import (
    answer_of,
    assert_named,
    examine,
    results,
    server,
    settings,
    stage,
)
from tests.integration.office import Office
from tests.servers.certificates import DAY, NOW, Issued, issue, served
from tests.servers.hostile import START_TLS, Answer, Hostile
from tests.servers.scripted_smtp import ScriptedSmtp

CHAIN, NAME, DATES = "certificate_chain", "certificate_name", "certificate_dates"
SIGN_INS = (b"LOGIN", b"AUTHENTICATE")
STARTTLS: Mapping[str, Sequence[Answer]] = {
    "CAPABILITY": [b"* CAPABILITY IMAP4rev1 STARTTLS\r\n<tag> OK done\r\n"],
    "STARTTLS": [b"<tag> OK go on\r\n", START_TLS],
}


@pytest.fixture(scope="module")
def root() -> Issued:
    return issue("Root", names=(), authority=True)


@pytest.fixture
def office(runtime: Runtime, root: Issued) -> Office:
    """An account of a deployment that trusts one authority."""
    trust = ssl.create_default_context(cadata=root.pem)
    networks = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
    runtime.network_policy = NetworkPolicy(trust, networks)
    return Office(runtime)


@dataclass(frozen=True, slots=True)
class Visited:
    found: Examined
    received: Sequence[bytes]
    """The commands that the server was given."""

    @property
    def signed_in(self) -> bool:
        """Whether the server was given a credential."""
        return any(word in one.upper() for one in self.received for word in SIGN_INS)

    @property
    def results(self) -> dict[str, str]:
        return results(self.found, "imap")


def visit(
    office: Office, identity: ssl.SSLContext, host: str = "localhost", *, starttls: bool = False
) -> Visited:
    """Have a server with this certificate examined."""
    script: Mapping[str, Sequence[Answer]] = STARTTLS if starttls else {}
    with Hostile(script, identity=identity, tls=not starttls) as imap:
        security = "starttls" if starttls else "tls"
        found = examine(office, settings(server(imap.port, security, host)))
    return Visited(found, imap.received)


def assert_looked_past(visited: Visited, failed: str) -> None:
    """What the server offers is named nevertheless, and no credential was sent."""
    assert not visited.signed_in
    found = visited.results
    assert found["tls"] == found["greeting"] == found["capabilities"] == "ok"
    assert found["sign_in"] == found["folders"] == "cut_off not_tried"
    for name in ("sign_in", "folders"):
        assert stage(answer_of(visited.found), "imap", name)["after"] == failed


def test_a_certificate_that_is_trusted_is_shown_and_the_credential_is_sent(
    office: Office, root: Issued
) -> None:
    visited = visit(office, served(issue("mail", root)))
    assert visited.signed_in
    assert b"LOGOUT" in visited.received[-1]
    assert [visited.results[one] for one in (CHAIN, NAME, DATES)] == ["ok"] * 3
    answer = answer_of(visited.found)
    assert "CN=mail (issued by CN=Root)" in stage(answer, "imap", CHAIN)["seen"]
    assert stage(answer, "imap", NAME)["seen"] == "localhost"
    assert f"{NOW + 90 * DAY:%Y-%m-%d}" in stage(answer, "imap", DATES)["seen"]
    assert stage(answer, "imap", "tls")["seen"].startswith("TLSv1.3 ")


@pytest.mark.diagnoses("certificate_self_signed", "not_tried")
@pytest.mark.parametrize("starttls", [False, True])
def test_a_certificate_that_signs_itself_is_named(office: Office, *, starttls: bool) -> None:
    own = issue("own")
    visited = visit(office, served(own), starttls=starttls)
    named = assert_named(visited.found, "imap", CHAIN, ServerCause.CERTIFICATE_SELF_SIGNED)
    assert named["sell_number"] == "005"
    assert named["reader"] == "server_owner"
    assert "CN=own (issued by itself)" in named["seen"]
    assert [visited.results[one] for one in (NAME, DATES)] == ["ok"] * 2
    assert_looked_past(visited, CHAIN)
    assert "trust it by the parameter ExtraCaObject" in named["remedy"]
    office.runtime.network_policy.trust.load_verify_locations(cadata=own.pem)
    assert visit(office, served(own), starttls=starttls).signed_in


@pytest.mark.diagnoses("certificate_expired")
def test_a_certificate_that_has_expired_is_named_with_its_dates(
    office: Office, root: Issued
) -> None:
    old = issue("mail", root, since=NOW - 90 * DAY, until=NOW - 2 * DAY)
    visited = visit(office, served(old))
    named = assert_named(visited.found, "imap", DATES, ServerCause.CERTIFICATE_EXPIRED)
    assert f"{NOW - 2 * DAY:%Y-%m-%d}" in named["seen"]
    assert [visited.results[one] for one in (CHAIN, NAME)] == ["ok"] * 2
    assert_looked_past(visited, DATES)
    assert "renew it" in named["remedy"]
    assert visit(office, served(issue("mail", root, key=old.key))).signed_in


@pytest.mark.diagnoses("certificate_not_yet_valid")
def test_a_certificate_that_is_not_valid_yet_is_named(office: Office, root: Issued) -> None:
    visited = visit(office, served(issue("mail", root, since=NOW + DAY)))
    assert_named(visited.found, "imap", DATES, ServerCause.CERTIFICATE_NOT_YET_VALID)
    assert visited.results[CHAIN] == "ok"
    assert_looked_past(visited, DATES)


@pytest.mark.diagnoses("certificate_other_name")
def test_a_certificate_of_another_name_is_named_with_its_names(
    office: Office, root: Issued
) -> None:
    identity = served(issue("mail", root, names=("127.0.0.1", "mail.hoster.example")))
    visited = visit(office, identity)
    named = assert_named(visited.found, "imap", NAME, ServerCause.CERTIFICATE_OTHER_NAME)
    assert named["sell_number"] == "006"
    assert named["seen"] == "mail.hoster.example, 127.0.0.1"
    assert [visited.results[one] for one in (CHAIN, DATES)] == ["ok"] * 2
    assert_looked_past(visited, NAME)
    assert "Enter one of these names as `host`" in named["remedy"]
    assert visit(office, identity, host=named["seen"].split(", ")[1]).signed_in


@pytest.mark.diagnoses("certificate_chain_incomplete")
def test_a_chain_without_its_intermediate_is_named(office: Office, root: Issued) -> None:
    between = issue("Between", root, names=(), authority=True)
    leaf = issue("mail", between, issuer_page=True)
    visited = visit(office, served(leaf))
    named = assert_named(visited.found, "imap", CHAIN, ServerCause.CERTIFICATE_CHAIN_INCOMPLETE)
    assert_looked_past(visited, CHAIN)
    assert "`fullchain`" in named["remedy"]
    assert visit(office, served(leaf, between)).signed_in


@pytest.mark.diagnoses("certificate_untrusted")
def test_a_certificate_of_an_authority_of_ones_own_is_named(office: Office) -> None:
    own = issue("Own Authority", names=(), authority=True)
    for chain in ([issue("mail", own)], [issue("mail", own), own]):
        visited = visit(office, served(*chain))
        named = assert_named(visited.found, "imap", CHAIN, ServerCause.CERTIFICATE_UNTRUSTED)
        assert "CN=Own Authority" in named["seen"]
        assert named["reader"] == "operator"
        assert_looked_past(visited, CHAIN)
    assert "trust it by the parameter ExtraCaObject" in named["remedy"]
    office.runtime.network_policy.trust.load_verify_locations(cadata=own.pem)
    assert visit(office, served(issue("mail", own))).signed_in


@pytest.mark.diagnoses("certificate_unchecked")
@pytest.mark.parametrize("fault", ["too weak", "for clients"])
def test_a_certificate_that_cannot_be_checked_is_named_with_the_reason(
    office: Office, root: Issued, fault: str
) -> None:
    key = rsa.generate_private_key(65_537, 1_024) if fault == "too weak" else None
    leaf = issue("mail", root, key=key, for_clients=fault == "for clients")
    visited = visit(office, served(leaf))
    named = assert_named(visited.found, "imap", CHAIN, ServerCause.CERTIFICATE_UNCHECKED)
    assert named["sell_number"] == "007"
    assert "weak" in named["seen"] or "purpose" in named["seen"]
    assert_looked_past(visited, CHAIN)


def test_one_fault_of_a_certificate_hides_no_other(office: Office) -> None:
    bad = issue("own", names=("other.example",), until=NOW - DAY / 2)
    visited = visit(office, served(bad))
    assert_named(visited.found, "imap", CHAIN, ServerCause.CERTIFICATE_SELF_SIGNED)
    assert_named(visited.found, "imap", NAME, ServerCause.CERTIFICATE_OTHER_NAME)
    assert_named(visited.found, "imap", DATES, ServerCause.CERTIFICATE_EXPIRED)
    assert_looked_past(visited, CHAIN)


@pytest.mark.exceeds("MAX_CERTIFICATE_NAMES")
def test_of_a_thousand_names_a_few_are_shown(office: Office, root: Issued) -> None:
    names = [f"host-{n}.hoster.example" for n in range(1_000)]
    visited = visit(office, served(issue("mail", root, names=names)))
    named = assert_named(visited.found, "imap", NAME, ServerCause.CERTIFICATE_OTHER_NAME)
    assert named["seen"].endswith(" and 997 more")
    assert len(named["seen"]) < 300


@pytest.mark.exceeds("MAX_SHOWN_CERTIFICATES")
def test_of_a_long_chain_a_few_certificates_are_shown(office: Office, root: Issued) -> None:
    chain = [root]
    for n in range(6):
        chain.append(issue(f"A{n}", chain[-1], names=(), authority=True))
    visited = visit(office, served(issue("mail", chain[-1]), *reversed(chain[1:])))
    assert visited.results[CHAIN] == "ok"
    assert stage(answer_of(visited.found), "imap", CHAIN)["seen"].count("issued by") == 4


@pytest.mark.diagnoses("tls_version_refused")
def test_a_server_of_old_versions_of_tls_alone_is_named(office: Office, root: Issued) -> None:
    identity = served(issue("mail", root))
    identity.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    identity.maximum_version = ssl.TLSVersion.TLSv1
    visited = visit(office, identity)
    named = assert_named(visited.found, "imap", "tls", ServerCause.TLS_VERSION_REFUSED)
    assert named["sell_number"] == "008"
    assert named["seen"] == "the server speaks TLSv1"
    assert not visited.signed_in
    assert "switch on TLS 1.2" in named["remedy"]
    identity.maximum_version = ssl.TLSVersion.TLSv1_2
    assert visit(office, identity).signed_in


@pytest.mark.diagnoses("tls_cipher_refused")
def test_a_server_without_a_common_cipher_is_named(office: Office, root: Issued) -> None:
    identity = served(issue("mail", root))
    identity.maximum_version = ssl.TLSVersion.TLSv1_2
    identity.set_ciphers("ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
    visited = visit(office, identity)
    assert_named(visited.found, "imap", "tls", ServerCause.TLS_CIPHER_REFUSED)


def test_a_submission_server_is_not_given_a_credential_without_a_certificate(
    office: Office,
) -> None:
    for tls in (True, False):
        with ScriptedSmtp(tls=tls) as smtp:
            security = "tls" if tls else "starttls"
            body = settings(server(1), server(smtp.port, security))
            found = examine(office, body)
            assert smtp.sign_ins == []
        assert_named(found, "smtp", CHAIN, ServerCause.CERTIFICATE_UNTRUSTED)
        said = results(found, "smtp")
        assert (said["capabilities"], said["limits"]) == ("ok", "ok")
        assert said["sign_in"] == said["sender"] == "cut_off not_tried"
