"""Read the certificates that a server shows, whether they are trusted or not."""

import ssl
from collections.abc import Sequence
from datetime import datetime

from mailmirror.domain.certificates import (
    CertificateFacts,
    chain_cause,
    dates_cause,
    name_cause,
)
from mailmirror.domain.doctor import ServerStage, StageResult, Step
from mailmirror.domain.imap_answers import visible
from mailmirror.domain.limits import MAX_CERTIFICATE_NAME_CHARS, MAX_SHOWN_CERTIFICATES
from mailmirror.domain.server_causes import ServerCause
from mailmirror.mail.certificate_names import described


def shown_chain(secured: ssl.SSLSocket) -> Sequence[CertificateFacts]:
    """The certificates that a server has sent, its own first; up to one that cannot be read."""
    chain = []
    for der in secured.get_unverified_chain()[:MAX_SHOWN_CERTIFICATES]:
        try:
            chain.append(facts_of(der))
        except ValueError:
            break
    return chain


def facts_of(der: bytes) -> CertificateFacts:
    """Read a certificate.

    Raises:
        ValueError: it cannot be read.
    """
    from cryptography import x509
    from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

    try:
        certificate = x509.load_der_x509_certificate(der)
        extensions = certificate.extensions
        names: list[str] = []
        names_issuer = False
        for one in extensions:
            match one.value:
                case x509.SubjectAlternativeName() as alternatives:
                    names += alternatives.get_values_for_type(x509.DNSName)
                    names += map(str, alternatives.get_values_for_type(x509.IPAddress))
                case x509.AuthorityInformationAccess() as access:
                    names_issuer = any(
                        each.access_method == AuthorityInformationAccessOID.CA_ISSUERS
                        for each in access
                    )
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return CertificateFacts(
            subject=certificate.subject.rfc4514_string(),
            issuer=certificate.issuer.rfc4514_string(),
            names=names or [str(one.value) for one in common],
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            names_issuer=names_issuer,
        )
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise ValueError("extensions") from error


def certificate_steps(
    chain: Sequence[CertificateFacts],
    error: ssl.SSLCertVerificationError | None,
    host: str,
    now: datetime,
) -> Sequence[Step]:
    """What a server's certificates come to: the stages of chain, name and dates.

    Parameters:
        chain: as it was shown; empty where it could not be read.
        error: of the verification; None where it succeeded.
    """
    number = error.verify_code if error else None
    said = error.verify_message if error else ""
    causes = {
        ServerStage.CHAIN: chain_cause(chain, number),
        ServerStage.HOST_NAME: name_cause(chain, number, host),
        ServerStage.DATES: dates_cause(chain, number, now),
    }
    if error is not None and not any(causes.values()):  # another certificate was shown this time
        causes[ServerStage.CHAIN] = ServerCause.CERTIFICATE_UNCHECKED
    seen = {
        ServerStage.CHAIN: " ← ".join(map(_named, chain)) or said,
        ServerStage.HOST_NAME: described(list(chain[0].names)) if chain else said,
        ServerStage.DATES: "; ".join(map(_dated, chain)) or said,
    }
    if causes[ServerStage.CHAIN] is ServerCause.CERTIFICATE_UNCHECKED:
        seen[ServerStage.CHAIN] = f"{said}: {seen[ServerStage.CHAIN]}"
    return [
        Step(stage, StageResult.FAILED if cause else StageResult.OK, cause, visible(seen[stage]))
        for stage, cause in causes.items()
    ]


def _named(one: CertificateFacts) -> str:
    issuer = "itself" if one.self_issued else one.issuer
    parts = (one.subject or "(no subject)", issuer)
    subject, by = (visible(part)[:MAX_CERTIFICATE_NAME_CHARS] for part in parts)
    return f"{subject} (issued by {by})"


def _dated(one: CertificateFacts) -> str:
    return f"{one.not_before:%Y-%m-%d %H:%M} to {one.not_after:%Y-%m-%d %H:%M} UTC"
