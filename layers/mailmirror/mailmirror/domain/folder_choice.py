"""Which folders of a mailbox are read, in which role, and why the others are not.

Read is every folder of the personal namespaces (RFC 2342) that holds mail. What a folder of them is
for says SPECIAL-USE (RFC 6154), else its name; folders below another one are for the same. Of other
namespaces neither counts: another user's sent mail is not this mailbox's.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum

from mailmirror.domain.folder_names import FolderUse, is_plain_word, use_by_name
from mailmirror.domain.mailbox import READ_ALL, FolderRole, FolderRules, FolderScope

INBOX = "INBOX"


def is_inbox_name(name: str) -> bool:
    """Whether a name is the Inbox's, which has no case in ASCII; `ınbox` is another folder."""
    return name.isascii() and name.upper() == INBOX


class LeftOut(StrEnum):
    """Why a folder is not read."""

    NOT_SELECTABLE = "not_selectable"
    """It only has folders below it."""
    OTHER_NAMESPACE = "other_namespace"
    """It is another user's, or shared by several."""
    TRASH = "trash"
    JUNK = "junk"
    DRAFTS = "drafts"
    OUTBOX = "outbox"
    NO_MAIL = "no_mail"
    """Exchange's Calendar, Contacts, Tasks and their like."""
    COLLECTION = "collection"
    """It shows messages of other folders once more."""
    IN_ALL_MAIL = "in_all_mail"
    """Gmail's All Mail, which is read, has its messages."""
    SETTING = "setting"
    """The mailbox's setting `folders` leaves it out."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of LIST."""

    flags: frozenset[bytes]
    delimiter: str
    name: str
    """Decoded."""
    wire: bytes = b""
    """As the server writes it; empty where it has not listed the folder."""

    @property
    def selectable(self) -> bool:
        return self.lowered.isdisjoint({b"\\noselect", b"\\nonexistent"})

    @property
    def lowered(self) -> Set[bytes]:
        return {flag.lower() for flag in self.flags}

    @property
    def is_inbox(self) -> bool:
        return is_inbox_name(self.name)


@dataclass(frozen=True, slots=True)
class Namespaces:
    """What the names of folders begin with (RFC 2342)."""

    personal: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    """Of other users, and shared."""

    def own_prefix(self, name: str) -> str | None:
        """The personal prefix that a name begins with; None in another namespace.

        The longest prefix counts. One that is empty is personal, whatever the server says.
        """
        own = _longest_prefix(name, self.personal)
        other = _longest_prefix(name, self.others)
        return own if len(other) <= len(own) else None

    def not_listed(self, listed: Iterable[Listed], named: Iterable[str]) -> Sequence[str]:
        """The prefixes of namespaces that `LIST "" "*"` has left out, as servers may.

        Of the namespaces that are not personal only those of which a folder is named: there may be
        the folders of a thousand users.

        Parameters:
            listed: what LIST has answered.
            named: the names of folders that a person or a setting gives.
        """
        asked = [name.casefold() for name in named]
        wanted = [
            prefix
            for prefix in self.others
            if any(name.startswith(_without_delimiter(prefix).casefold()) for name in asked)
        ]
        folders = list(listed)
        return [
            prefix
            for prefix in dict.fromkeys([*self.personal, *wanted])
            if prefix and not any(_is_below(one, prefix) for one in folders)
        ]


def _is_below(folder: Listed, prefix: str) -> bool:
    """Whether a folder is of a namespace, or is the parent of all its folders."""
    name = INBOX if folder.is_inbox else folder.name
    return bool(_longest_prefix(name, [prefix])) or name + folder.delimiter == prefix


def above(prefix: str) -> Listed:
    """The folder that the folders of a namespace lie below."""
    name = _without_delimiter(prefix)
    return Listed(frozenset(), prefix.removeprefix(name), name)


def _without_delimiter(prefix: str) -> str:
    return prefix if prefix[-1:].isalnum() else prefix[:-1] or prefix


def _longest_prefix(name: str, prefixes: Iterable[str]) -> str:
    """The longest prefix that a name begins with; some servers leave out the delimiter at its end.

    So `Shared` is a prefix of `Shared/Sales`, and not of `Shareddrive`.
    """
    found = (
        one
        for one in prefixes
        if name.startswith(one) and not (one[-1:].isalnum() and name[len(one) :][:1].isalnum())
    )
    return max(found, key=len, default="")


ONE_NAMESPACE = Namespaces()


class FoundBy(StrEnum):
    """What says what a folder is for."""

    INBOX = "inbox"
    """RFC 9051 5.1 gives the Inbox its name."""
    SETTING = "setting"
    """A setting of the mailbox names the folder."""
    SPECIAL_USE = "special_use"
    """The server marks it, or a folder above it (RFC 6154)."""
    NAME = "name"
    """Its name, or that of a folder above it, is one that servers give."""


@dataclass(frozen=True, slots=True)
class FolderChoice:
    """A folder of the server."""

    name: str
    role: FolderRole
    left_out: LeftOut | None = None
    """Why it is not read; None where it is."""
    only_named: bool = False
    """Whether it is read, and would not be if the setting `folders` were `all`."""
    found_by: FoundBy | None = field(default=None, compare=False)
    """None where nothing says what it is for: it is read as a folder of mail."""

    @property
    def has_sent_mail(self) -> bool:
        """Whether it is a folder of sent mail, or has sent mail with all other."""
        if self.role is FolderRole.SENT:
            return self.left_out is not LeftOut.NOT_SELECTABLE
        return self.role is FolderRole.ALL and self.left_out is None


_SPECIAL_USE = {
    b"\\sent": FolderUse.SENT,
    b"\\trash": FolderUse.TRASH,
    b"\\junk": FolderUse.JUNK,
    b"\\drafts": FolderUse.DRAFTS,
    b"\\archive": FolderUse.ARCHIVE,
    b"\\all": FolderUse.ALL,
    b"\\flagged": FolderUse.FLAGGED,
    b"\\important": FolderUse.FLAGGED,
}
"""RFC 6154, and RFC 8457 for `\\Important`."""
_ROLES = {
    FolderUse.SENT: FolderRole.SENT,
    FolderUse.ARCHIVE: FolderRole.ARCHIVE,
    FolderUse.ALL: FolderRole.ALL,
}
_LEFT_OUT = {
    FolderUse.TRASH: LeftOut.TRASH,
    FolderUse.JUNK: LeftOut.JUNK,
    FolderUse.DRAFTS: LeftOut.DRAFTS,
    FolderUse.OUTBOX: LeftOut.OUTBOX,
    FolderUse.ALL: LeftOut.COLLECTION,
    FolderUse.FLAGGED: LeftOut.COLLECTION,
    FolderUse.SYNC_ISSUES: LeftOut.NO_MAIL,
    FolderUse.CONVERSATIONS: LeftOut.NO_MAIL,
    FolderUse.FEEDS: LeftOut.NO_MAIL,
    FolderUse.CALENDAR: LeftOut.NO_MAIL,
    FolderUse.CONTACTS: LeftOut.NO_MAIL,
    FolderUse.TASKS: LeftOut.NO_MAIL,
    FolderUse.NOTES: LeftOut.NO_MAIL,
    FolderUse.JOURNAL: LeftOut.NO_MAIL,
}
_OF_EXCHANGE = {
    FolderUse.CALENDAR,
    FolderUse.CONTACTS,
    FolderUse.TASKS,
    FolderUse.NOTES,
    FolderUse.JOURNAL,
}
"""Uses whose names persons give to folders of mail, too."""
_ORDER = {FolderRole.INBOX: 0, FolderRole.ALL: 1, FolderRole.SENT: 2}


def choose(
    listed: Iterable[Listed],
    namespaces: Namespaces = ONE_NAMESPACE,
    rules: FolderRules = READ_ALL,
    *,
    gmail: bool = False,
) -> Sequence[FolderChoice]:
    """Choose among the folders of a server: Inbox, `\\All` and sent mail come first.

    A folder that the rules name and the server does not list is among them, to be told as missing.

    Parameters:
        gmail: whether the server offers X-GM-EXT-1: then `\\All` stands for the other folders.
    """
    folders = _with_one_inbox(listed)
    uses = _Uses.of(folders, namespaces)
    as_all = replace(rules, folders=FolderScope.ALL)
    choices = []
    for one in folders:
        use, rank = uses.of_folder(one)
        left_out = _left_out(one, use, rules, namespaces)
        role = _role(one, use, rules, gmail=gmail)
        without_name = None if left_out else _left_out(one, use, as_all, namespaces)
        only_named = without_name is not None and not (gmail and use is FolderUse.ALL)
        found_by = uses.found_by(one, rules)
        choices.append((rank, FolderChoice(one.name, role, left_out, only_named, found_by)))
    named = {name: number for number, name in enumerate(rules.sent_folders)}
    choices.sort(
        key=lambda one: (
            _ORDER.get(one[1].role, len(_ORDER)),
            named.get(one[1].name, len(named)),
            one[0],
        )
    )
    chosen = [choice for _, choice in choices]
    known = {one.name for one in chosen}
    chosen += [
        FolderChoice(name, FolderRole.SENT, found_by=FoundBy.SETTING)
        if name in rules.sent_folders
        else FolderChoice(name, FolderRole.OTHER, only_named=True, found_by=FoundBy.SETTING)
        for name in rules.named
        if name not in known
    ]
    return _of_gmail(chosen) if gmail and rules.folders == FolderScope.ALL else chosen


def _with_one_inbox(listed: Iterable[Listed]) -> Sequence[Listed]:
    """Each name once; INBOX is there (RFC 9051 5.1) also where LIST names other folders only."""
    folders: dict[str, Listed] = {}
    for one in listed:
        folders.setdefault(INBOX if one.is_inbox else one.name, one)
    if folders and INBOX not in folders:
        folders[INBOX] = Listed(frozenset(), "", INBOX)
    return list(folders.values())


@dataclass(frozen=True, slots=True)
class _Uses:
    """What the folders of one server are for."""

    flagged: Mapping[str, FolderUse]
    """By name, where SPECIAL-USE says so of a folder of the personal namespaces."""
    named: Mapping[str, tuple[FolderUse, int]]
    """By name, where the name says so, and how common the name is."""

    @classmethod
    def of(cls, folders: Sequence[Listed], namespaces: Namespaces) -> "_Uses":
        flagged = {
            folder.name: use
            for folder in folders
            for flag, use in _SPECIAL_USE.items()
            if flag in folder.lowered and not folder.is_inbox
            if namespaces.own_prefix(folder.name) is not None
        }
        marked = set(flagged.values())
        # Mail programs in several languages make several folders of one use, and mark one.
        named = {
            folder.name: found
            for folder in folders
            if folder.name not in flagged
            if (found := _use_by_name(folder, namespaces))
            if not (found[0] in marked and is_plain_word(folder.name, folder.delimiter))
        }
        if not {FolderUse.CALENDAR, FolderUse.CONTACTS} <= {use for use, _ in named.values()}:
            # One such name alone is a person's own.
            named = {name: one for name, one in named.items() if one[0] not in _OF_EXCHANGE}
        return cls(flagged, named)

    def of_folder(self, folder: Listed) -> tuple[FolderUse | None, int]:
        """The use of a folder or of the nearest folder above it, and how common its name is."""
        for name in _upwards(folder):
            if name in self.flagged:
                return self.flagged[name], -1
            if name in self.named:
                return self.named[name]
        return None, 0

    def found_by(self, folder: Listed, rules: FolderRules) -> FoundBy | None:
        """What says what a folder is for; None where nothing does."""
        if folder.is_inbox:
            return FoundBy.INBOX
        if folder.name in rules.named:
            return FoundBy.SETTING
        for name in _upwards(folder):
            if name in self.flagged:
                return FoundBy.SPECIAL_USE
            if name in self.named:
                return FoundBy.NAME
        return None


def _use_by_name(folder: Listed, namespaces: Namespaces) -> tuple[FolderUse, int] | None:
    prefix = namespaces.own_prefix(folder.name)
    if prefix is None or folder.is_inbox:
        return None
    return use_by_name(folder.name.removeprefix(prefix), folder.delimiter)


def _upwards(folder: Listed) -> Iterable[str]:
    """The name of a folder, and those of the folders above it but the Inbox."""
    name = folder.name
    while name and not is_inbox_name(name):
        yield name
        name = name.rpartition(folder.delimiter)[0] if folder.delimiter else ""


def _role(folder: Listed, use: FolderUse | None, rules: FolderRules, *, gmail: bool) -> FolderRole:
    if folder.is_inbox:
        return FolderRole.INBOX
    if use is FolderUse.ALL and not gmail:  # nothing tells which of its copies were sent
        return FolderRole.OTHER
    if rules.sent_folders and (use is FolderUse.SENT or folder.name in rules.sent_folders):
        return FolderRole.SENT if folder.name in rules.sent_folders else FolderRole.OTHER
    return _ROLES.get(use, FolderRole.OTHER) if use else FolderRole.OTHER


def _left_out(
    folder: Listed, use: FolderUse | None, rules: FolderRules, namespaces: Namespaces
) -> LeftOut | None:
    """Why a folder is not read, whatever Gmail's All Mail has."""
    if not folder.selectable:
        return LeftOut.NOT_SELECTABLE
    if not isinstance(rules.folders, FolderScope):
        return None if folder.name in rules.folders else LeftOut.SETTING
    if folder.is_inbox or folder.name in rules.sent_folders:
        return None
    if namespaces.own_prefix(folder.name) is None:
        return LeftOut.OTHER_NAMESPACE
    if use in _LEFT_OUT:
        return _LEFT_OUT[use]
    if rules.folders is FolderScope.INBOX_AND_SENT and use is not FolderUse.SENT:
        return LeftOut.SETTING
    return None


def _of_gmail(choices: Sequence[FolderChoice]) -> Sequence[FolderChoice]:
    """Read All Mail in place of the folders whose messages it has."""
    if not any(map(_is_all_mail, choices)):
        return choices
    return [
        replace(one, left_out=None if _is_all_mail(one) else one.left_out or LeftOut.IN_ALL_MAIL)
        for one in choices
    ]


def _is_all_mail(choice: FolderChoice) -> bool:
    return choice.role is FolderRole.ALL and choice.left_out is LeftOut.COLLECTION
