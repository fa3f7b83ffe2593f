"""Which folders are read, on servers that say what a folder is for and on servers that do not."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.folder_choice import ONE_NAMESPACE, LeftOut, Listed, Namespaces, choose
from mailmirror.domain.folder_names import NAMES, FolderUse
from mailmirror.domain.mailbox import READ_ALL, FolderRole, FolderRules, FolderScope

SENT = FolderRole.SENT


def listed(name: str, *flags: bytes, delimiter: str = "/") -> Listed:
    return Listed(frozenset(flags), delimiter, name)


def server(*names: str, delimiter: str = "/") -> list[Listed]:
    """Folders that nothing but their names tells apart."""
    return [listed(name, delimiter=delimiter) for name in names]


INBOX = listed("INBOX", b"\\HasNoChildren")
DOVECOT = [
    INBOX,
    listed("Archive", b"\\Archive"),
    listed("Drafts", b"\\Drafts"),
    listed("Junk", b"\\Junk"),
    listed("Sent", b"\\Sent"),
    listed("Sent Messages", b"\\Sent"),
    listed("Trash", b"\\Trash"),
    listed("Projects", b"\\HasChildren"),
    listed("Projects/2026"),
    listed("virtual", b"\\Noselect"),
    listed("virtual/All", b"\\All"),
    listed("virtual/Flagged", b"\\Flagged"),
]
GMAIL = [
    INBOX,
    listed("Customers"),
    listed("[Gmail]", b"\\Noselect"),
    listed("[Gmail]/All Mail", b"\\All"),
    listed("[Gmail]/Drafts", b"\\Drafts"),
    listed("[Gmail]/Important", b"\\Important"),
    listed("[Gmail]/Sent Mail", b"\\Sent"),
    listed("[Gmail]/Spam", b"\\Junk"),
    listed("[Gmail]/Starred", b"\\Flagged"),
    listed("[Gmail]/Trash", b"\\Trash"),
]
EXCHANGE = {
    "de": server(
        *("Archiv", "Aufgaben", "Aufgezeichnete Unterhaltungen", "Entwürfe", "Gelöschte Elemente"),
        *(
            "Gesendete Elemente",
            "INBOX",
            "Journal",
            "Junk-E-Mail",
            "Kalender",
            "Kalender/Feiertage",
        ),
        *("Kontakte", "Notizen", "Postausgang", "RSS-Feeds", "Synchronisierungsprobleme"),
        *("Synchronisierungsprobleme/Konflikte", "Kunden", "Kunden/Notizen"),
    ),
    "fr": server(
        *("Archive", "Tâches", "Historique des conversations", "Brouillons", "Éléments supprimés"),
        *("Éléments envoyés", "INBOX", "Journal", "Courrier indésirable", "Calendrier"),
        *("Contacts", "Notes", "Boîte d'envoi", "Flux RSS", "Problèmes de synchronisation"),
        *("Clients", "Clients/Notes"),
    ),
    "ja": server(
        *("アーカイブ", "タスク", "会話の履歴", "下書き", "削除済みアイテム", "送信済みアイテム"),
        *("INBOX", "履歴", "迷惑メール", "予定表", "連絡先", "メモ", "送信トレイ", "RSS フィード"),
        *("同期の失敗", "顧客", "顧客/メモ"),
    ),
}


def read(
    folders: Sequence[Listed],
    rules: FolderRules = READ_ALL,
    namespaces: Namespaces = ONE_NAMESPACE,
    *,
    gmail: bool = False,
) -> dict[str, FolderRole]:
    """The folders that are read, with their roles."""
    found = choose(folders, namespaces, rules, gmail=gmail)
    return {one.name: one.role for one in found if one.left_out is None}


def left_out(
    folders: Sequence[Listed],
    rules: FolderRules = READ_ALL,
    namespaces: Namespaces = ONE_NAMESPACE,
    *,
    gmail: bool = False,
) -> dict[str, LeftOut]:
    found = choose(folders, namespaces, rules, gmail=gmail)
    return {one.name: one.left_out for one in found if one.left_out is not None}


def sent(*folders: Listed) -> list[str]:
    """The folders of sent mail beside an Inbox."""
    return [name for name, role in read([INBOX, *folders]).items() if role is SENT]


# Which are read


def test_every_folder_that_holds_mail_is_read() -> None:
    assert read(DOVECOT) == {
        "INBOX": FolderRole.INBOX,
        "Sent": SENT,
        "Sent Messages": SENT,
        "Archive": FolderRole.ARCHIVE,
        "Projects": FolderRole.OTHER,
        "Projects/2026": FolderRole.OTHER,
    }
    assert left_out(DOVECOT) == {
        "Drafts": LeftOut.DRAFTS,
        "Junk": LeftOut.JUNK,
        "Trash": LeftOut.TRASH,
        "virtual": LeftOut.NOT_SELECTABLE,
        "virtual/All": LeftOut.COLLECTION,
        "virtual/Flagged": LeftOut.COLLECTION,
    }


def test_of_gmail_all_mail_is_read_in_place_of_the_others() -> None:
    assert read(GMAIL, gmail=True) == {"[Gmail]/All Mail": FolderRole.ALL}
    reasons = left_out(GMAIL, gmail=True)
    assert reasons["INBOX"] is reasons["Customers"] is LeftOut.IN_ALL_MAIL
    assert reasons["[Gmail]/Sent Mail"] is LeftOut.IN_ALL_MAIL
    assert reasons["[Gmail]/Trash"] is LeftOut.TRASH
    assert reasons["[Gmail]/Spam"] is LeftOut.JUNK


def test_of_gmail_without_all_mail_each_folder_is_read() -> None:
    hidden = [one for one in GMAIL if b"\\All" not in one.flags]
    assert read(hidden, gmail=True) == {
        "INBOX": FolderRole.INBOX,
        "[Gmail]/Sent Mail": SENT,
        "Customers": FolderRole.OTHER,
    }


@pytest.mark.parametrize("flag", [b"\\Noselect", b"\\NonExistent"])
def test_of_gmail_whose_all_mail_cannot_be_opened_each_folder_is_read(flag: bytes) -> None:
    unopened = [one for one in GMAIL if b"\\All" not in one.flags]
    unopened.append(listed("[Gmail]/All Mail", b"\\All", flag))
    assert list(read(unopened, gmail=True)) == ["INBOX", "[Gmail]/Sent Mail", "Customers"]


def test_all_mail_of_another_server_is_not_read() -> None:
    """Where nothing tells the labels of a message, its folder is not known."""
    assert "[Gmail]/All Mail" not in read(GMAIL)


def test_all_mail_of_another_server_that_is_named_is_a_folder_like_others() -> None:
    """Which of its messages were sent, nothing tells."""
    found = choose(DOVECOT, rules=FolderRules(("virtual/All",)))
    (chosen,) = (one for one in found if one.left_out is None)
    assert (chosen.role, chosen.has_sent_mail) == (FolderRole.OTHER, False)


@pytest.mark.parametrize(
    ("folders", "gmail", "only_named"),
    [
        (DOVECOT, False, {"Trash", "virtual/All", "Nowhere"}),
        (GMAIL, True, {"[Gmail]/Trash", "Nowhere"}),
    ],
)
def test_what_is_read_only_because_it_is_named_is_told(
    folders: Sequence[Listed], gmail: bool, only_named: set[str]
) -> None:
    names = ("INBOX", "Trash", "virtual/All", "[Gmail]/Trash", "[Gmail]/All Mail", "Nowhere")
    listed_or_not = [*(one.name for one in folders if one.name in names), "Nowhere"]
    found = choose(folders, rules=FolderRules(tuple(listed_or_not)), gmail=gmail)
    assert {one.name for one in found if one.only_named} == only_named
    for scope in FolderScope:
        assert not any(one.only_named for one in choose(folders, rules=FolderRules(scope)))


@pytest.mark.parametrize(
    ("language", "mail"),
    [
        ("de", {"INBOX", "Gesendete Elemente", "Archiv", "Kunden", "Kunden/Notizen"}),
        ("fr", {"INBOX", "Éléments envoyés", "Archive", "Clients", "Clients/Notes"}),
        ("ja", {"INBOX", "送信済みアイテム", "アーカイブ", "顧客", "顧客/メモ"}),
    ],
)
def test_exchanges_folders_without_mail_are_left_out_in_any_language(
    language: str, mail: set[str]
) -> None:
    assert read(EXCHANGE[language]).keys() == mail


@pytest.mark.parametrize("name", ["Notes", "Contacts", "Tasks", "Journal", "Agenda", "工作"])
def test_one_name_that_exchange_uses_is_a_persons_own_on_another_server(name: str) -> None:
    assert name in read([*DOVECOT, listed(name)])


@pytest.mark.parametrize("use", [FolderUse.SYNC_ISSUES, FolderUse.CONVERSATIONS, FolderUse.FEEDS])
def test_what_only_exchange_has_is_left_out_wherever_it_is(use: FolderUse) -> None:
    for name in NAMES[use]:
        assert left_out([INBOX, listed(name)]) == {name: LeftOut.NO_MAIL}


@pytest.mark.parametrize("delimiter", [".", "/"])
def test_what_lies_below_a_folder_that_is_left_out_is_left_out_too(delimiter: str) -> None:
    names = ["INBOX", f"INBOX{delimiter}Trash", f"INBOX{delimiter}Trash{delimiter}2026"]
    found = left_out(server(*names, delimiter=delimiter))
    assert found == dict.fromkeys(names[1:], LeftOut.TRASH)


def test_what_lies_below_sent_mail_is_sent_mail() -> None:
    assert sent(listed("Sent"), listed("Sent/2025"), listed("Projects/Sent")) == [
        "Sent",
        "Sent/2025",
    ]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Deleted Items", LeftOut.TRASH),
        ("Deleted Messages", LeftOut.TRASH),
        ("Papierkorb", LeftOut.TRASH),
        ("INBOX/Trash", LeftOut.TRASH),
        ("Spam", LeftOut.JUNK),
        ("Junk E-mail", LeftOut.JUNK),
        ("Entwürfe", LeftOut.DRAFTS),
    ],
)
def test_beside_a_marked_folder_others_are_known_by_their_names(name: str, why: LeftOut) -> None:
    assert left_out([*DOVECOT, listed(name)])[name] is why


def test_where_special_use_tells_a_name_that_is_also_a_word_does_not() -> None:
    """`Concept` is Dutch for drafts, and English for a plan."""
    assert left_out(server("INBOX", "Concept")) == {"Concept": LeftOut.DRAFTS}
    assert "Concept" in read([*DOVECOT, listed("Concept")])


# Namespaces


CYRUS = Namespaces(personal=("INBOX.",), others=("user.", "shared."))


def test_folders_of_others_and_shared_ones_are_not_read() -> None:
    names = ("INBOX", "INBOX.Projects", "user.boss", "user.boss.Projects", "shared.sales", "old")
    folders = server(*names, delimiter=".")
    assert read(folders, namespaces=CYRUS).keys() == {"INBOX", "INBOX.Projects", "old"}
    foreign = {"user.boss", "user.boss.Projects", "shared.sales"}
    assert left_out(folders, namespaces=CYRUS) == dict.fromkeys(foreign, LeftOut.OTHER_NAMESPACE)


def test_a_setting_may_name_a_shared_folder() -> None:
    folders = server("INBOX", "shared.sales", delimiter=".")
    rules = FolderRules(folders=("INBOX", "shared.sales"))
    assert read(folders, rules, CYRUS).keys() == {"INBOX", "shared.sales"}


@pytest.mark.parametrize(
    "namespaces",
    [
        Namespaces(),
        Namespaces(personal=("",), others=("",)),
        Namespaces(others=("INBOX",)),
        Namespaces(personal=("Projects",), others=("Projects",)),
    ],
    ids=["none", "the same prefix for all", "the Inbox is another user's", "one prefix twice"],
)
def test_namespaces_that_contradict_themselves_hide_no_folder(namespaces: Namespaces) -> None:
    assert read(server("INBOX", "Projects"), namespaces=namespaces).keys() == {"INBOX", "Projects"}


def test_the_longest_prefix_tells_the_namespace() -> None:
    nested = Namespaces(personal=("",), others=("Shared/",))
    assert read(server("INBOX", "Shared/x", "Sharedness"), namespaces=nested).keys() == {
        "INBOX",
        "Sharedness",
    }


SHARED = Namespaces(personal=("",), others=("public/",))


def test_special_use_counts_in_the_personal_namespaces_alone() -> None:
    """A public folder of sent mail or Trash says nothing of the user's own."""
    folders = [
        *(INBOX, listed("Sent"), listed("Trash"), listed("public", b"\\NonExistent")),
        *(listed("public/Sent", b"\\Sent"), listed("public/Trash", b"\\Trash")),
    ]
    assert read(folders, namespaces=SHARED) == {"INBOX": FolderRole.INBOX, "Sent": SENT}
    assert left_out(folders, namespaces=SHARED) == {
        "Trash": LeftOut.TRASH,
        "public": LeftOut.NOT_SELECTABLE,
        "public/Sent": LeftOut.OTHER_NAMESPACE,
        "public/Trash": LeftOut.OTHER_NAMESPACE,
    }


def test_another_namespaces_folder_of_sent_mail_is_the_users_only_where_a_setting_says_so() -> None:
    folders = [INBOX, listed("public/Sent", b"\\Sent")]
    assert not any(one.has_sent_mail for one in choose(folders, SHARED))
    named = FolderRules(("INBOX", "public/Sent"))
    assert read(folders, named, SHARED)["public/Sent"] is FolderRole.OTHER
    assert read(folders, FolderRules(sent_folders=("public/Sent",)), SHARED) == {
        "INBOX": FolderRole.INBOX,
        "public/Sent": SENT,
    }


@pytest.mark.parametrize(
    ("names", "named", "asked"),
    [
        (["INBOX"], [], ["Old."]),
        (["INBOX", "Older"], [], ["Old."]),
        (["INBOX", "Old.Projects"], [], []),
        (["INBOX", "Old"], [], []),
        (["INBOX"], ["INBOX", "shared.anna"], ["Old.", "shared."]),
        (["INBOX"], ["Shared/Anna"], ["Old.", "shared."]),
        (["INBOX"], ["~anna"], ["Old.", "~"]),
        (["INBOX", "shared.anna"], ["shared.boss"], ["Old."]),
        ([], [], ["INBOX.", "Old."]),
    ],
)
def test_namespaces_that_list_leaves_out_are_asked_for(
    names: Sequence[str], named: Sequence[str], asked: Sequence[str]
) -> None:
    spaces = Namespaces(("", "INBOX.", "Old."), ("~", "shared."))
    assert spaces.not_listed(server(*names, delimiter="."), named) == asked


def test_a_folder_that_is_named_as_a_namespace_with_another_separator_does_not_stand_for_it() -> (
    None
):
    spaces = Namespaces(personal=("", "Old."))
    assert spaces.not_listed(server("INBOX", "Old", delimiter="/"), []) == ["Old."]


def test_a_name_is_read_behind_the_personal_prefix() -> None:
    found = left_out(server("INBOX", "mail/Trash"), namespaces=Namespaces(personal=("mail/",)))
    assert found == {"mail/Trash": LeftOut.TRASH}


# Settings


def test_inbox_and_sent_mail_alone_may_be_read() -> None:
    rules = FolderRules(FolderScope.INBOX_AND_SENT)
    assert read(DOVECOT, rules).keys() == {"INBOX", "Sent", "Sent Messages"}
    assert left_out(DOVECOT, rules)["Projects"] is LeftOut.SETTING
    assert read(GMAIL, rules, gmail=True).keys() == {"INBOX", "[Gmail]/Sent Mail"}


def test_folders_that_are_named_are_read_and_no_others() -> None:
    rules = FolderRules(("INBOX", "Trash", "virtual"))
    assert read(DOVECOT, rules).keys() == {"INBOX", "Trash"}


def test_a_folder_that_is_named_and_not_there_is_told_as_missing() -> None:
    """Opening it fails, which is a problem of the mailbox."""
    assert read(DOVECOT, FolderRules(("INBOX", "Gone"))) == {
        "INBOX": FolderRole.INBOX,
        "Gone": FolderRole.OTHER,
    }
    rules = FolderRules(sent_folders=("Gone",))
    assert read(DOVECOT, rules)["Gone"] is SENT


def test_folders_of_sent_mail_that_are_named_are_the_only_ones() -> None:
    found = read([*DOVECOT, listed("Raus")], FolderRules(sent_folders=("Raus",)))
    assert [name for name, role in found.items() if role is SENT] == ["Raus"]
    assert found["Sent"] is FolderRole.OTHER


# Roles


def test_flags_are_read_without_case() -> None:
    assert sent(listed("Ausgang", b"\\SENT")) == ["Ausgang"]


def test_a_flag_comes_before_a_name_and_a_common_name_before_another() -> None:
    marked = listed("Ausgang", b"\\HasNoChildren", b"\\Sent")
    assert sent(listed("Gesendet"), listed("Sent"), marked) == ["Ausgang", "Sent", "Gesendet"]


@pytest.mark.parametrize(
    "name",
    [
        "Sent",
        "SENT",
        "Sent Items",
        "[Gmail]/Sent Mail",
        "送信済みアイテム",
        "Éléments envoyés",
        "Отправленные",
        "보낸 편지함",
    ],
)
def test_without_special_use_the_names_that_servers_give_tell(name: str) -> None:
    assert sent(listed("Drafts"), listed(name), listed("Trash")) == [name]


@pytest.mark.parametrize("delimiter", [".", "/"])
def test_a_folder_may_lie_below_the_inbox(delimiter: str) -> None:
    name = f"INBOX{delimiter}Sent"
    assert sent(listed(name, delimiter=delimiter)) == [name]


@pytest.mark.parametrize("name", ["Sentinel", "Not Sent", "Projects/Sent", "INBOXSent"])
def test_a_name_that_only_resembles_one_tells_nothing(name: str) -> None:
    assert read([INBOX, listed(name)])[name] is FolderRole.OTHER


@pytest.mark.parametrize("flag", [b"\\Noselect", b"\\NonExistent", b"\\NOSELECT"])
def test_a_folder_that_cannot_be_opened_is_not_read(flag: bytes) -> None:
    assert sent(listed("Sent", flag), listed("Sent Items")) == ["Sent Items"]
    assert read([listed("INBOX", flag)]) == {}


def test_the_inbox_is_there_in_any_case_also_where_it_is_not_listed() -> None:
    assert read(server("Inbox")) == {"Inbox": FolderRole.INBOX}
    assert read(server("Projects"))["INBOX"] is FolderRole.INBOX
    assert read([]) == {}


def test_names_that_differ_by_case_are_two_folders() -> None:
    assert read(server("INBOX", "Acme", "ACME")).keys() == {"INBOX", "Acme", "ACME"}


def test_a_name_that_is_listed_twice_is_one_folder() -> None:
    assert len(choose([*DOVECOT, *DOVECOT])) == len(DOVECOT)


any_folder = st.builds(
    Listed,
    st.frozensets(st.sampled_from([b"\\Sent", b"\\Noselect", b"\\Trash", b"\\All"])),
    st.sampled_from(["", ".", "/"]),
    st.sampled_from(["INBOX", "inbox", "INBOX.Sent", "Calendar", "Trash", "a.b", "", ".", "a..b"]),
)


@given(st.lists(any_folder), st.booleans(), st.sampled_from([FolderScope.ALL, ("Trash", "x")]))
def test_whatever_a_server_lists_each_folder_is_told_once(
    folders: list[Listed], gmail: bool, setting: FolderScope | tuple[str, ...]
) -> None:
    found = choose(folders, rules=FolderRules(setting), gmail=gmail)
    names = [one.name.upper() if one.name.upper() == "INBOX" else one.name for one in found]
    assert len(set(names)) == len(names)
    assert {one.name for one in folders if not one.is_inbox} <= set(names)
    assert not folders or "INBOX" in names


@pytest.mark.parametrize(
    ("name", "is_own"),
    [("Shared/Sales", False), ("Shared", False), ("Shareddrive", True), ("~kim", False)],
)
def test_a_prefix_without_its_delimiter_is_one_of_whole_names(name: str, is_own: bool) -> None:
    namespaces = Namespaces(("",), ("Shared", "~"))
    assert (namespaces.own_prefix(name) is not None) == is_own
