"""Which folders are synced, on servers that mark them and on servers that do not."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.domain.mailbox import FolderRole
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.imap.folder_names import NAMES, FolderUse, use_by_name
from mailmirror.mail.imap.folders import SENT_NAMES, Listed, RemoteFolder, folders_named, roles


def listed(name: str, *flags: bytes, delimiter: str = "/") -> Listed:
    return Listed(frozenset(flags), delimiter, name)


INBOX = listed("INBOX", b"\\HasNoChildren")


def sent(*folders: Listed) -> str | None:
    """The name of the folder of sent mail beside an inbox."""
    found = {folder.role: folder.name for folder in roles([INBOX, *folders])}
    assert found.pop(FolderRole.INBOX) == "INBOX"
    return found.get(FolderRole.SENT)


def test_special_use_comes_before_any_name() -> None:
    marked = listed("Ausgang", b"\\HasNoChildren", b"\\Sent")
    assert sent(listed("Sent"), marked) == "Ausgang"
    assert sent(marked, listed("Sent")) == "Ausgang"


def test_flags_are_read_without_case() -> None:
    assert sent(listed("Sent"), listed("Ausgang", b"\\SENT")) == "Ausgang"


@pytest.mark.parametrize(
    "name",
    [
        "Sent",
        "SENT",
        "Sent Items",
        "Sent Messages",
        "[Gmail]/Sent Mail",
        "送信済み",
        "送信済みアイテム",
        "Gesendete Elemente",
        "Éléments envoyés",
        "Elementos enviados",
        "Posta inviata",
        "Verzonden items",
        "Elementy wysłane",
        "Отправленные",
        "已发送",
        "보낸 편지함",
    ],
)
def test_without_special_use_the_names_that_servers_give_tell(name: str) -> None:
    assert sent(listed("Drafts"), listed(name), listed("Trash")) == name


@pytest.mark.parametrize("delimiter", [".", "/"])
def test_a_folder_may_lie_below_the_inbox(delimiter: str) -> None:
    name = f"INBOX{delimiter}Sent"
    assert sent(listed(name, delimiter=delimiter)) == name


@pytest.mark.parametrize("name", ["Sentinel", "Not Sent", "Projects/Sent", "INBOXSent", "Outbox"])
def test_a_name_that_only_resembles_one_tells_nothing(name: str) -> None:
    assert sent(listed(name)) is None


def test_of_several_names_the_commonest_counts() -> None:
    assert sent(listed("Gesendet"), listed("Sent Items"), listed("Sent")) == "Sent"


@pytest.mark.parametrize("flag", [b"\\Noselect", b"\\NonExistent", b"\\NOSELECT"])
def test_a_folder_that_cannot_be_opened_is_passed_over(flag: bytes) -> None:
    assert sent(listed("Sent", flag), listed("Sent Items")) == "Sent Items"
    assert sent(listed("Ausgang", b"\\Sent", flag), listed("Sent Items")) == "Sent Items"
    assert roles([listed("INBOX", flag)]) == []


def test_the_inbox_is_named_in_any_case() -> None:
    assert roles([listed("Inbox")]) == [RemoteFolder("Inbox", FolderRole.INBOX)]


def test_a_server_without_a_delimiter_has_its_names_as_they_are() -> None:
    assert sent(listed("Sent", delimiter="")) == "Sent"


@given(
    st.lists(
        st.builds(
            lambda name, flags: Listed(flags, ".", name),
            st.sampled_from(["INBOX", "inbox", "INBOX.Sent", "Ausgang", "Trash", *SENT_NAMES[:6]]),
            st.frozensets(st.sampled_from([b"\\Sent", b"\\Noselect", b"\\Trash"])),
        )
    )
)
def test_each_role_is_given_once_and_to_a_folder_that_can_be_opened(folders: list[Listed]) -> None:
    found = roles(folders)
    assert len({folder.role for folder in found}) == len(found)
    openable = {folder.name for folder in folders if b"\\Noselect" not in folder.flags}
    assert {folder.name for folder in found} <= openable


@pytest.mark.parametrize("use", FolderUse)
def test_a_name_tells_one_use_in_any_case_and_form_and_below_the_inbox(use: FolderUse) -> None:
    for name in NAMES[use]:
        for written in (name, name.upper(), unicodedata.normalize("NFD", name)):
            found = [
                use_by_name(written, "/"),
                use_by_name(f"INBOX.{written}", "."),
                use_by_name(f"[Gmail]/{written}", "/"),
            ]
            assert {one and one[0] for one in found} == {use}, written
    others = {name for other in FolderUse if other is not use for name in NAMES[other]}
    assert others.isdisjoint(NAMES[use])


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("Gesendete Elemente", FolderUse.SENT),
        ("Odeslaná pošta", FolderUse.SENT),
        ("Gönderilmiş Öğeler", FolderUse.SENT),
        ("[Google Mail]/Wysłane", FolderUse.SENT),
        ("寄件備份", FolderUse.SENT),
        ("العناصر المرسلة", FolderUse.SENT),
        ("Gelöschte Elemente", FolderUse.TRASH),
        ("Éléments supprimés", FolderUse.TRASH),
        ("ごみ箱", FolderUse.TRASH),
        ("Correo no deseado", FolderUse.JUNK),
        ("迷惑メール", FolderUse.JUNK),
        ("Нежелательная почта", FolderUse.JUNK),
        ("Bozze", FolderUse.DRAFTS),
        ("Wersje robocze", FolderUse.DRAFTS),
        ("下書き", FolderUse.DRAFTS),
    ],
)
def test_each_language_has_its_names(name: str, use: FolderUse) -> None:
    found = use_by_name(name, "/")
    assert found
    assert found[0] is use


@pytest.mark.parametrize("name", ["Projects", "Sent/2025", "Trash can", "営業", ""])
def test_another_name_tells_no_use(name: str) -> None:
    assert use_by_name(name, "/") is None


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Sent", "INBOX.Sent"),
        ("sent", "INBOX.Sent"),
        ("INBOX.Sent", "INBOX.Sent"),
        ("inbox/Sent", None),
        ("Work/Sent", "INBOX.Work.Sent"),
        ("INBOX.Work.Sent", "INBOX.Work.Sent"),
        (unicodedata.normalize("NFD", "Envoyés"), "INBOX.Envoyés"),
        ("Both", None),
        ("both", "INBOX.both"),
        ("INBOX", None),
        ("Parent", None),
    ],
)
def test_a_folder_is_found_by_the_name_that_a_mail_program_shows(
    name: str, found: str | None
) -> None:
    names = ["INBOX", *(f"INBOX.{one}" for one in ("Sent", "Work.Sent", "Envoyés", "BOTH", "both"))]
    folders = [listed(one, delimiter=".") for one in names]
    folders.append(listed("INBOX.Parent", b"\\Noselect", delimiter="."))
    if found is None:
        with pytest.raises(Refused) as refused:
            folders_named([name], folders)
        assert refused.value.code is Code.FOLDER_UNKNOWN
    else:
        assert folders_named([name, name], folders) == (found,)
