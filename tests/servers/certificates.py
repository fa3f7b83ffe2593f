"""Certificates with every fault that a server's may have, made for one test."""

import ipaddress
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

type Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def issue(
    name: str,
    issuer: Issued | None = None,
    *,
    names: Sequence[str] = ("localhost",),
    authority: bool = False,
    since: datetime = NOW - DAY,
    until: datetime = NOW + 90 * DAY,
    issuer_page: bool = False,
    for_clients: bool = False,
    key: Key | None = None,
) -> Issued:
    """Issue a certificate; without an issuer it signs itself.

    Parameters:
        issuer_page: whether it says where its issuer's certificate is.
        for_clients: whether it is for clients alone.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
    )
    # As OpenSSL's strict verification wants it, Python's default since 3.13 (RFC 5280 4.2.1.1).
    signed_by = issuer.key if issuer else key
    own, above = (
        x509.SubjectKeyIdentifier.from_public_key(one.public_key()) for one in (key, signed_by)
    )
    builder = builder.add_extension(own, critical=False)
    above_id = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(above)
    builder = builder.add_extension(above_id, critical=False)
    if authority:
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = builder.add_extension(usage, critical=True)
    if names:
        alternatives = x509.SubjectAlternativeName([_general(one) for one in names])
        builder = builder.add_extension(alternatives, critical=False)
    if issuer_page:
        page = x509.UniformResourceIdentifier("http://authority.example/issuer.crt")
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, page)
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    if for_clients:
        clients = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(clients, critical=False)
    return Issued(builder.sign(signed_by, hashes.SHA256()), key)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def served(issued: Issued, *intermediates: Issued) -> ssl.SSLContext:
    """What a server has that shows a certificate and these further ones."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="certificate-") as folder:
        chain, key = Path(folder) / "chain.pem", Path(folder) / "key.pem"
        chain.write_text("".join(one.pem for one in (issued, *intermediates)))
        key.write_bytes(
            issued.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(chain, key)
    return context
