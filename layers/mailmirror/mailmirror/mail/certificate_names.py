"""Whose certificate a host shows that is refused: so that a person knows whom to ask.

The certificate is not trusted, and nothing is sent over the connection.
"""

import ssl

from mailmirror.domain.imap_answers import visible
from mailmirror.domain.limits import MAX_CERTIFICATE_NAME_CHARS, MAX_CERTIFICATE_NAMES
from mailmirror.domain.mailbox import Server
from mailmirror.domain.problems import Refused
from mailmirror.mail.connection import NetworkPolicy, limited


def certificate_names(server: Server, policy: NetworkPolicy, seconds: float) -> str:
    """The names in a certificate, as a text; empty where it cannot be read.

    Parameters:
        server: one that begins with TLS.
    """
    try:
        connection = policy.reach(server)
        try:
            with limited(seconds, connection):
                # Named, for a host may show another certificate to a client that names no host.
                context, host = any_certificate(), server.host
                with context.wrap_socket(connection, server_hostname=host) as secured:
                    return described(names_in(secured.getpeercert(binary_form=True) or b""))
        finally:
            connection.close()
    except (Refused, OSError, ValueError):
        return ""


def described(names: list[str]) -> str:
    """A few names, and how many there are beside them."""
    shown = [visible(one[:MAX_CERTIFICATE_NAME_CHARS]) for one in names[:MAX_CERTIFICATE_NAMES]]
    further = len(names) - len(shown)
    return ", ".join(shown) + (f" and {further} more" if further else "")


def names_in(der: bytes) -> list[str]:
    """The DNS names of a certificate (RFC 5280 4.2.1.6), else its common name.

    Raises:
        ValueError: it cannot be read.
    """
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        certificate = x509.load_der_x509_certificate(der)
        try:
            found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
            names = found.value.get_values_for_type(x509.DNSName)
        except x509.ExtensionNotFound:
            names = []
        subject = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return list(names) or [str(one.value) for one in subject]
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise ValueError("extensions") from error


def any_certificate() -> ssl.SSLContext:
    """A context that verifies nothing: no credential may be sent over its connections."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
