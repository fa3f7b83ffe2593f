"""Certificates of the tests' own for their servers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme

LOCAL_NAMES = ("localhost", "127.0.0.1")
"""What a server calls itself that has no other name."""


@dataclass(frozen=True, slots=True)
class Certified:
    """The files of a server."""

    authority: Path
    """The authority's certificate (PEM), which a client must trust."""
    chain: Path
    """The server's certificate (PEM)."""
    key: Path


def certify(
    folder: Path, issuer: trustme.CA | None = None, names: Sequence[str] = LOCAL_NAMES
) -> Certified:
    """Write the certificates of one server into a folder, by an authority given or a new one."""
    authority = issuer or trustme.CA()
    server = authority.issue_cert(*names)
    files = Certified(folder / "authority.pem", folder / "server.pem", folder / "server.key")
    authority.cert_pem.write_to_path(files.authority)
    for blob in server.cert_chain_pems:
        blob.write_to_path(files.chain, append=True)
    server.private_key_pem.write_to_path(files.key)
    return files
