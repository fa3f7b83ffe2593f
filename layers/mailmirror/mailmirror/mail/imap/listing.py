"""LIST, as servers answer it: with SPECIAL-USE or without, names in modified UTF-7 or in UTF-8."""

from collections.abc import Sequence

from imapclient import imap_utf7
from imapclient.exceptions import IMAPClientError

from mailmirror.domain.imap_answers import OF_THE_SERVER
from mailmirror.domain.limits import MAX_FOLDER_NAME_BYTES
from mailmirror.domain.problems import Refused
from mailmirror.mail.imap.client import BoundedClient
from mailmirror.mail.imap.folders import Listed

type _Line = tuple[Sequence[bytes], bytes | None, object]


def list_folders(client: BoundedClient) -> Sequence[Listed]:
    """List all folders whose names can be decoded.

    Raises:
        Refused: `connection_lost`, `server_unavailable` or `protocol_error`.
    """
    return [
        Listed(
            frozenset(flags),
            (delimiter or b"").decode("ascii", "replace"),
            decoded,
            name if isinstance(name, bytes) else b"",
        )
        for flags, delimiter, name in _lines(client)
        if (decoded := decoded_name(name)) is not None
    ]


def _lines(client: BoundedClient) -> Sequence[_Line]:
    """LIST, with SPECIAL-USE asked for where it is offered (RFC 6154 2): some tell it only so.

    A server that refuses RETURN is asked without it.
    """
    if client.offers("SPECIAL-USE"):
        try:
            with client.asking():
                imap = client._imap
                typ, data = imap._simple_command("LIST", '""', '"*"', "RETURN (SPECIAL-USE)")
                if typ != "OK":
                    raise IMAPClientError(str(data))
                _, lines = imap._untagged_response(typ, data, "LIST")
                return list(client._proc_folder_list(lines))
        except Refused as refusal:
            if not client.alive or refusal.code in OF_THE_SERVER:
                raise
    with client.asking():
        return list(client.list_folders())


def decoded_name(name: object) -> str | None:
    """Decode a folder's name as LIST gives it; None where it is none.

    From modified UTF-7 (RFC 3501 5.1.3), or from UTF-8 where it has other bytes than ASCII, as
    IMAP4rev2 demands and some servers do without it.
    """
    if isinstance(name, bytes) and len(name) > MAX_FOLDER_NAME_BYTES:
        return None
    try:
        if isinstance(name, bytes) and not name.isascii():
            return name.decode("utf-8")
        return str(imap_utf7.decode(name))  # a number where the name is one
    except UnicodeError:
        return None
