"""LIST and NAMESPACE, as servers answer them.

With SPECIAL-USE or without, names in modified UTF-7 or in UTF-8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from imapclient import imap_utf7
from imapclient.exceptions import IMAPClientError
from imapclient.response_parser import parse_response

from mailmirror.domain.folder_choice import Listed, Namespaces
from mailmirror.domain.imap_answers import OF_THE_SERVER
from mailmirror.domain.limits import MAX_FOLDER_NAME_BYTES
from mailmirror.domain.problems import Refused
from mailmirror.mail.imap.client import BoundedClient
from mailmirror.mail.imap.opening import STATUS_ITEMS, Status, read_statuses
from mailmirror.mail.imap.pipeline import pipelined

type _Line = tuple[Sequence[bytes], bytes | None, object]


@dataclass(frozen=True, slots=True)
class Listing:
    """What LIST answers."""

    folders: Sequence[Listed]
    statuses: Mapping[str, Status] = field(default_factory=dict)
    """By name, where they were asked for and the server offers LIST-STATUS (RFC 5819)."""

    def __add__(self, further: "Listing") -> "Listing":
        return Listing([*self.folders, *further.folders], {**self.statuses, **further.statuses})


def list_folders(client: BoundedClient, prefix: str = "", *, with_status: bool = False) -> Listing:
    """List all folders whose names can be decoded.

    Parameters:
        prefix: what the names begin with.
        with_status: whether their STATUS is asked for, too, where that takes no further round trip.

    Raises:
        Refused: `connection_lost`, `server_unavailable` or `protocol_error`.
    """
    lines, status_lines = _lines(client, encoded_name(prefix) + b"*", with_status=with_status)
    folders = [
        Listed(
            frozenset(flags),
            (delimiter or b"").decode("ascii", "replace"),
            decoded,
            name if isinstance(name, bytes) else str(name).encode(),
        )
        for flags, delimiter, name in lines
        if (decoded := decoded_name(name)) is not None
    ]
    told = {
        decoded: status
        for name, status in read_statuses(status_lines).items()
        if status and (decoded := decoded_name(name)) is not None
    }
    return Listing(folders, told)


def _lines(
    client: BoundedClient, pattern: bytes, *, with_status: bool
) -> tuple[Sequence[_Line], Sequence[Any]]:
    """LIST, with SPECIAL-USE asked for where it is offered (RFC 6154 2): some tell it only so.

    A server that refuses RETURN is asked without it.
    """
    returned = ["SPECIAL-USE"] if client.offers("SPECIAL-USE") else []
    if with_status and client.offers("LIST-STATUS"):
        returned.append(f"STATUS ({' '.join(STATUS_ITEMS)})")
    if returned:
        imap = client._imap
        imap.untagged_responses.pop("STATUS", None)
        try:
            with client.asking():
                typ, data = imap._simple_command(
                    "LIST", '""', client.quoted(pattern), f"RETURN ({' '.join(returned)})"
                )
                if typ != "OK":
                    raise IMAPClientError(str(data))
                _, lines = imap._untagged_response(typ, data, "LIST")
                statuses = imap.untagged_responses.pop("STATUS", [])
                return list(client._proc_folder_list(lines)), statuses
        except Refused as refusal:
            if not client.alive or refusal.code in OF_THE_SERVER:
                raise
    with client.asking():
        return list(client.list_folders(pattern=pattern)), []


def namespaces(client: BoundedClient) -> Namespaces:
    """Ask for the namespaces (RFC 2342); none where the server does not tell them.

    Raises:
        Refused: `connection_lost` or `server_unavailable`.
    """
    if not client.offers("NAMESPACE"):
        return Namespaces()
    (lines,) = pipelined(client, [("NAMESPACE",)], "NAMESPACE")
    if isinstance(lines, Refused):
        if lines.code in OF_THE_SERVER:
            raise lines
        return Namespaces()
    try:
        personal, *others = parse_response(lines)
        return Namespaces(
            tuple(_prefixes(personal)), tuple(one for some in others for one in _prefixes(some))
        )
    except (IMAPClientError, ValueError, TypeError, LookupError):  # as where it is refused
        return Namespaces()


def _prefixes(namespace: Sequence[Sequence[object]] | None) -> Sequence[str]:
    found = (decoded_name(prefix) for prefix, *_ in namespace or ())
    return [one for one in found if one is not None]


def decoded_name(name: object) -> str | None:
    """Decode a folder's name as LIST gives it; None where it is too long.

    From modified UTF-7 (RFC 3501 5.1.3), or from UTF-8 where it has other bytes than ASCII, as
    IMAP4rev2 demands and some servers do without it. A name that is neither is read byte by byte:
    its folder may hold mail.
    """
    if not isinstance(name, bytes):
        return str(name)  # a number where the name is one
    if len(name) > MAX_FOLDER_NAME_BYTES:
        return None
    try:
        decoded = str(imap_utf7.decode(name)) if name.isascii() else name.decode()
        decoded.encode()  # modified UTF-7 can name halves of characters
    except UnicodeError:
        return name.decode("latin-1")
    return decoded


def encoded_name(name: str) -> bytes:
    """Write a name in modified UTF-7."""
    return bytes(imap_utf7.encode(name))
