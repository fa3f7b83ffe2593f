"""Gmail's IMAP, as far as the sync meets it: labels as folders, and All Mail with every message.

Of the folder that is selected X-GM-LABELS does not name the label.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from imapclient import imap_utf7

from tests.servers.memory_imap import MemoryImap
from tests.servers.memory_mail import RECEIVED_AT, Letter, MemoryFolder

_BEFORE = (
    "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 XYZZY SASL-IR"
    " AUTH=XOAUTH2 AUTH=PLAIN AUTH=PLAIN-CLIENTTOKEN AUTH=OAUTHBEARER"
)
_AFTER = (
    "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS COMPRESS=DEFLATE"
    " ENABLE MOVE CONDSTORE ESEARCH UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE"
    " APPENDLIMIT=35651584"
)
_LABELS = ("\\Inbox", "\\Sent", "\\Draft", "\\Starred", "\\Important")
_OUTSIDE = ("\\Trash", "\\Junk")
"""Of messages that All Mail has not."""


class Language(Enum):
    """The names of All Mail, Drafts, Important, Sent Mail, Spam, Starred and Trash."""

    ENGLISH = (
        *("[Gmail]", "All Mail", "Drafts", "Important"),
        *("Sent Mail", "Spam", "Starred", "Trash"),
    )
    GERMAN = (
        *("[Google Mail]", "Alle Nachrichten", "Entwürfe", "Wichtig"),
        *("Gesendet", "Spam", "Markiert", "Papierkorb"),
    )
    JAPANESE = (
        *("[Gmail]", "すべてのメール", "下書き", "重要"),
        *("送信済みメール", "迷惑メール", "スター付き", "ゴミ箱"),
    )


_USES = ("\\All", "\\Drafts", "\\Important", "\\Sent", "\\Junk", "\\Flagged", "\\Trash")


@dataclass(slots=True)
class Gmail(MemoryImap):
    """`with Gmail(users) as server: server.receive(raw, "Customers")`"""

    language: Language = Language.ENGLISH
    hides_all_mail: bool = False
    """The setting of All Mail: Show in IMAP."""
    limit: int | None = None
    """The setting that limits each folder to so many messages."""
    list_status: bool = True
    """Whether LIST-STATUS is offered, as Gmail does."""
    label_text: Mapping[str, bytes] = field(default_factory=dict)
    """Labels that are written otherwise than Gmail does."""

    def __post_init__(self) -> None:
        root, *names = self.language.value
        self.create(root, attributes=("\\HasChildren", "\\Noselect"))
        for use, name in zip(_USES, names, strict=True):
            self.create(f"{root}/{name}", attributes=("\\HasNoChildren", use))

    def special(self, use: str) -> MemoryFolder:
        """The folder of a use, as `\\All`."""
        return next(one for one in self.folders.values() if use in one.attributes)

    def receive(
        self,
        raw: bytes,
        *labels: str,
        at: datetime = RECEIVED_AT,
        flags: Iterable[str] = (),
    ) -> Letter:
        """A message with these labels; archived where it has none."""
        letter = Letter(raw, at, set(flags), set(labels))
        for folder in self._folders_of(labels):
            folder.add(letter)
        return letter

    def save_draft(self, raw: bytes, before: Letter | None = None) -> Letter:
        """Save an open draft in place of how it was before; the flag is often missing."""
        if before is not None:
            self.remove(before)
        return self.receive(raw, "\\Draft")

    def remove(self, letter: Letter) -> None:
        for folder in self.folders.values():
            folder.remove(letter)

    def capabilities(self, *, signed_in: bool) -> str:
        offered = _AFTER if signed_in else _BEFORE
        return offered if self.list_status else offered.replace(" LIST-STATUS", "")

    def listed(self) -> list[MemoryFolder]:
        return [one for one in self.folders.values() if not self._is_hidden(one)]

    def shown(self, folder: MemoryFolder) -> Mapping[int, Letter]:
        return dict(list(folder.copies.items())[-(self.limit or len(folder.copies) or 1) :])

    def labels(self, folder: MemoryFolder, letter: Letter) -> bytes:
        own = self._label_of(folder)
        told = [self._label_text(one) for one in sorted(letter.labels) if one != own]
        return b"(" + b" ".join(told) + b")"

    def append(self, folder: str, raw: bytes, *, flags: Iterable[str] = ()) -> Letter:
        """What a client appends to a folder has its label."""
        label = self._label_of(self.folders[folder])
        return self.receive(raw, *([label] if label else []), flags=flags)

    def _is_hidden(self, folder: MemoryFolder) -> bool:
        return self.hides_all_mail and "\\All" in folder.attributes

    def _label_text(self, label: str) -> bytes:
        if label in self.label_text:
            return self.label_text[label]
        if label.startswith("\\"):
            return b'"\\\\' + label[1:].encode() + b'"'
        encoded = bytes(imap_utf7.encode(label))
        return b'"' + encoded + b'"' if b" " in encoded else encoded

    def _label_of(self, folder: MemoryFolder) -> str | None:
        if folder.name == "INBOX":
            return "\\Inbox"
        uses: Mapping[str, str | None] = {
            "\\All": None,
            "\\Drafts": "\\Draft",
            "\\Important": "\\Important",
            "\\Sent": "\\Sent",
            "\\Junk": "\\Junk",
            "\\Flagged": "\\Starred",
            "\\Trash": "\\Trash",
        }
        return next((uses[one] for one in folder.attributes if one in uses), folder.name)

    def _folders_of(self, labels: Collection[str]) -> list[MemoryFolder]:
        for label in labels:
            if label not in _LABELS + _OUTSIDE and label not in self.folders:
                self.create(label)
        in_all = not set(labels) & set(_OUTSIDE)
        folders = [one for one in self.folders.values() if self._label_of(one) in labels]
        return [*([self.special("\\All")] if in_all else []), *folders]
