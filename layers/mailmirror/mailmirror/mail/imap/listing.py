"""LIST and NAMESPACE, as servers answer them.

With SPECIAL-USE or without, names in modified UTF-7 or in UTF-8.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from imapclient import imap_utf7

from mailmirror.domain.folder_choice import Listed, Namespaces
from mailmirror.domain.imap_answers import OF_THE_SERVER
from mailmirror.domain.limits import MAX_FOLDER_NAME_BYTES
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.imap.client import BoundedClient
from mailmirror.mail.imap.opening import STATUS_ITEMS, Status, read_statuses
from mailmirror.mail.imap.pipeline import Command, Data, pipelined
from mailmirror.mail.imap.untagged import answers_in, parsed

_NAMESPACE: Command = ("NAMESPACE",)
_NAMES = ("NAMESPACE", "LIST", "STATUS")

type _Line = tuple[Sequence[bytes], bytes | None, bytes]
"""Attributes, delimiter and name."""

_LENIENT = re.compile(rb'\(([^()]*+)\) ++(?:NIL|"(.{0,2})") ++(.+)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Listing:
    """What LIST answers."""

    folders: Sequence[Listed]
    statuses: Mapping[str, Status] = field(default_factory=dict)
    """By name, where they were asked for and the server offers LIST-STATUS (RFC 5819)."""
    namespaces: Namespaces = field(default_factory=Namespaces)
    """Empty where they were not asked for (RFC 2342), or cannot be read."""
    unreadable: int = 0
    """Folders whose lines cannot be read, or whose names are empty or too long."""

    def __add__(self, further: "Listing") -> "Listing":
        return Listing(
            [*self.folders, *further.folders],
            {**self.statuses, **further.statuses},
            self.namespaces,
            self.unreadable + further.unreadable,
        )


def list_folders(
    client: BoundedClient,
    prefix: str = "",
    *,
    with_status: bool = False,
) -> Listing:
    """List all folders, and ask for the namespaces in the same round trip.

    A line that cannot be read hides no other.

    Parameters:
        prefix: what their names begin with; with it the namespaces are not asked for.
        with_status: whether their STATUS is asked for, too, where the server offers LIST-STATUS.

    Raises:
        Refused: `connection_lost`, `server_unavailable`, or `protocol_error`, as where no line can
            be read.
    """
    pattern = client.quoted(encoded_name(prefix) + b"*")
    further = [] if prefix or not client.offers("NAMESPACE") else [_NAMESPACE]
    answer = _answers(client, pattern, further, with_status=with_status)
    read = [_listed(line) for line in answers_in(answer["LIST"])]
    folders = [one for one in read if one is not None and one.name]
    # A line without a name can be the root of all folders, which holds no mail.
    unreadable = sum(one is None or (not one.name and one.selectable) for one in read)
    if unreadable and not folders and not prefix:
        raise Refused(Code.PROTOCOL_ERROR, "LIST cannot be read")
    statuses = {
        decoded: status
        for name, status in read_statuses(answer["STATUS"]).items()
        if status and (decoded := decoded_name(name)) is not None
    }
    return Listing(folders, statuses, _namespaces(answer["NAMESPACE"]), unreadable)


def _answers(
    client: BoundedClient, pattern: bytes, further: Sequence[Command], *, with_status: bool
) -> Data:
    """The answers to LIST and further commands; a further one that is refused has none.

    SPECIAL-USE is asked for where it is offered (RFC 6154 2): some servers tell it only so. A
    server that refuses RETURN is asked without it.
    """
    returned = ["SPECIAL-USE"] if client.offers("SPECIAL-USE") else []
    if with_status and client.offers("LIST-STATUS"):
        returned.append(f"STATUS ({' '.join(STATUS_ITEMS)})")
    plain: Command = ("LIST", '""', pattern)
    asked: Command = (*plain, f"RETURN ({' '.join(returned)})") if returned else plain
    listed, *others = pipelined(client, [asked, *further], *_NAMES)
    if isinstance(listed, Refused) and returned and listed.code not in OF_THE_SERVER:
        (listed,) = pipelined(client, [plain], *_NAMES)
    if isinstance(listed, Refused):
        raise listed
    # Together, for a server may answer the second command first.
    answers = [listed]
    for other in others:
        if not isinstance(other, Refused):
            answers.append(other)
        elif other.code in OF_THE_SERVER:
            raise other
    return {name: [line for answer in answers for line in answer[name]] for name in _NAMES}


def _listed(line: Sequence[Any]) -> Listed | None:
    """Read a line of LIST; None where that is not possible.

    What follows the name is passed over (RFC 5258 and RFC 9051 have extended data items).
    """
    flags, delimiter, name = _strictly(line) or _leniently(line) or ((), None, None)
    decoded = decoded_name(name) if name is not None else None
    if name is None or decoded is None:
        return None
    return Listed(frozenset(flags), (delimiter or b"").decode("ascii", "replace"), decoded, name)


def _strictly(line: Sequence[Any]) -> _Line | None:
    """Read a line by the grammar; None where it breaks it, or its name is read as a number.

    A number has lost its leading zeros.
    """
    match parsed(line):
        case (tuple(flags), bytes() | None as delimiter, bytes(name), *extended):
            keeps_grammar = all(isinstance(flag, bytes) for flag in flags) and all(
                isinstance(one, tuple) for one in extended
            )
            return (flags, delimiter, name) if keeps_grammar else None
    return None


def _leniently(line: Sequence[Any]) -> _Line | None:
    """Read a name up to the end of the line: without quotes, or with quotes in it."""
    first, *literals = line
    found = _LENIENT.fullmatch(first) if isinstance(first, bytes) and not literals else None
    if found is None:
        return None
    flags, delimiter, name = found.groups()
    name = name.strip().removeprefix(b'"').removesuffix(b'"')
    return flags.split(), delimiter[-1:] if delimiter else None, name


def _namespaces(lines: Sequence[Any]) -> Namespaces:
    """Read the answer to NAMESPACE; no namespace where it cannot be read."""
    try:
        personal, *others = parsed(lines) or ()
        return Namespaces(
            tuple(_prefixes(personal)), tuple(one for some in others for one in _prefixes(some))
        )
    except (ValueError, TypeError):
        return Namespaces()


def _prefixes(namespace: Sequence[Sequence[object]] | None) -> Sequence[str]:
    prefixes = (prefix for prefix, *_ in namespace or () if isinstance(prefix, bytes))
    return [one for prefix in prefixes if (one := decoded_name(prefix)) is not None]


def decoded_name(name: bytes) -> str | None:
    """Decode a folder's name as LIST gives it; None where it is too long.

    From modified UTF-7 (RFC 3501 5.1.3), or from UTF-8 where it has other bytes than ASCII, as
    IMAP4rev2 demands and some servers do without it. A name that is neither is read byte by byte:
    its folder may hold mail.
    """
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
