"""What is wrong with a mail server's certificate: chain, name and dates, each by itself.

A TLS library reports one error and no further; the facts of the certificates show the others.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from mailmirror.domain.server_causes import ServerCause


class VerifyError(IntEnum):
    """Errors of OpenSSL's X509_verify_cert (x509_vfy.h), of those that are distinguished."""

    NO_ISSUER = 20
    NO_LEAF_SIGNATURE = 21
    NOT_YET_VALID = 9
    EXPIRED = 10
    SELF_SIGNED_LEAF = 18
    SELF_SIGNED_IN_CHAIN = 19
    OTHER_HOST = 62
    OTHER_IP_ADDRESS = 64


_OF_DATES = (VerifyError.NOT_YET_VALID, VerifyError.EXPIRED)
_OF_NAME = (VerifyError.OTHER_HOST, VerifyError.OTHER_IP_ADDRESS)
_OF_TRUST = (
    VerifyError.NO_ISSUER,
    VerifyError.NO_LEAF_SIGNATURE,
    VerifyError.SELF_SIGNED_LEAF,
    VerifyError.SELF_SIGNED_IN_CHAIN,
)


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What is read of a certificate (RFC 5280)."""

    subject: str
    issuer: str
    names: Sequence[str]
    """DNS names and IP addresses (subjectAltName), else the common name."""
    not_before: datetime
    not_after: datetime
    names_issuer: bool
    """Whether it says where its issuer's certificate is (4.2.2.1), as those of public authorities
    do (CA/Browser Forum, Baseline Requirements 7.1.2.7.7) and private ones seldom."""

    @property
    def self_issued(self) -> bool:
        return self.subject == self.issuer


def chain_cause(chain: Sequence[CertificateFacts], error: int | None) -> ServerCause | None:
    """Why a chain is not trusted; None where it is.

    OpenSSL builds the chain first, then compares the name, then looks at dates: an error of name or
    dates means that the chain leads to an authority that is trusted.

    Parameters:
        chain: as the server has sent it, its own certificate first.
        error: of OpenSSL's verification; None where it succeeded.
    """
    if error is None or error in _OF_DATES or error in _OF_NAME:
        return None
    if error not in _OF_TRUST or not chain:
        return ServerCause.CERTIFICATE_UNCHECKED
    if len(chain) == 1 and chain[0].self_issued:
        return ServerCause.CERTIFICATE_SELF_SIGNED
    last = chain[-1]
    if not last.self_issued and last.names_issuer:
        return ServerCause.CERTIFICATE_CHAIN_INCOMPLETE
    return ServerCause.CERTIFICATE_UNTRUSTED


def name_cause(
    chain: Sequence[CertificateFacts], error: int | None, host: str
) -> ServerCause | None:
    """Whether the certificate is another host's; None where it is this one's."""
    if error in _OF_NAME:
        return ServerCause.CERTIFICATE_OTHER_NAME
    if error is None or not chain or any(_is_of(name, host) for name in chain[0].names):
        return None
    return ServerCause.CERTIFICATE_OTHER_NAME


def dates_cause(
    chain: Sequence[CertificateFacts], error: int | None, now: datetime
) -> ServerCause | None:
    """Whether a certificate of the chain has expired, or is not valid yet."""
    if error is None:
        return None
    if error == VerifyError.EXPIRED or any(one.not_after < now for one in chain):
        return ServerCause.CERTIFICATE_EXPIRED
    if error == VerifyError.NOT_YET_VALID or any(one.not_before > now for one in chain):
        return ServerCause.CERTIFICATE_NOT_YET_VALID
    return None


def _is_of(name: str, host: str) -> bool:
    """Whether a certificate's name is a host's; `*` stands for one label (RFC 6125 6.4.3)."""
    name, host = name.lower().rstrip("."), host.lower().rstrip(".")
    try:
        return ipaddress.ip_address(host) == ipaddress.ip_address(name)
    except ValueError:
        pass
    if not name.startswith("*."):
        return name == host
    return "." in host and host.partition(".")[2] == name[2:]
