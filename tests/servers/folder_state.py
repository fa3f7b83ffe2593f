"""What a server says of a folder and of its messages, to be compared with what it says later."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from imapclient import IMAPClient

_STATUS = ["UIDVALIDITY", "UIDNEXT"]
_ITEMS = ["FLAGS", "INTERNALDATE", "RFC822.SIZE"]


@dataclass(frozen=True, slots=True)
class Message:
    """What a server says of one message."""

    flags: frozenset[str]
    """With `\\Recent`, which a client that selects a folder takes away from all others."""
    received_at: datetime
    size: int
    modseq: int | None
    """None where the server has no CONDSTORE."""


@dataclass(frozen=True, slots=True)
class FolderState:
    """What a server says of one folder; two are equal where nothing was changed between them."""

    uidvalidity: int
    uidnext: int
    highestmodseq: int | None
    subscribed: bool
    attributes: frozenset[str]
    messages: Mapping[int, Message]
    """By UID."""


def state(
    client: IMAPClient, name: str, subscribed: bool, attributes: Iterable[bytes]
) -> FolderState:
    """Ask for the state of one folder, without a change to it."""
    # Whether a folder has gained mail since it was last selected is a client's own affair.
    kept = frozenset(map(bytes.decode, attributes)) - {"\\Marked", "\\UnMarked"}
    if kept & {"\\Noselect", "\\NonExistent"}:
        return FolderState(0, 0, 0, subscribed, kept, {})
    modseqs = client.has_capability("CONDSTORE")
    status = client.folder_status(name, _STATUS + (["HIGHESTMODSEQ"] if modseqs else []))
    client.select_folder(name, readonly=True)
    items = _ITEMS + (["MODSEQ"] if modseqs else [])
    fetched = client.fetch(uids, items) if (uids := client.search("ALL")) else {}
    client.close_folder()  # which removes nothing from a folder that was opened read-only
    return FolderState(
        uidvalidity=status[b"UIDVALIDITY"],
        uidnext=status[b"UIDNEXT"],
        highestmodseq=status.get(b"HIGHESTMODSEQ"),
        subscribed=subscribed,
        attributes=kept,
        messages={
            uid: Message(
                flags=frozenset(map(bytes.decode, said[b"FLAGS"])),
                received_at=said[b"INTERNALDATE"],
                size=said[b"RFC822.SIZE"],
                modseq=said[b"MODSEQ"][0] if modseqs else None,
            )
            for uid, said in sorted(fetched.items())
        },
    )
