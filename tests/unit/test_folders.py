"""What a folder is for by its name, and which folder a person means by one."""

import unicodedata

import pytest

from mailmirror.domain.folder_choice import Listed
from mailmirror.domain.folder_names import NAMES, FolderUse, use_by_name
from mailmirror.domain.problems import Code, Refused
from mailmirror.mail.imap.folders import folders_named


def listed(name: str, *flags: bytes, delimiter: str = "/") -> Listed:
    return Listed(frozenset(flags), delimiter, name)


@pytest.mark.parametrize("use", NAMES)
def test_a_name_tells_one_use_in_any_case_and_form_and_below_the_inbox(use: FolderUse) -> None:
    for name in NAMES[use]:
        for written in (name, name.upper(), unicodedata.normalize("NFD", name)):
            found = [
                use_by_name(written, "/"),
                use_by_name(f"INBOX.{written}", "."),
                use_by_name(f"[Gmail]/{written}", "/"),
            ]
            assert {one and one[0] for one in found} == {use}, written
    others = {name for other in NAMES if other is not use for name in NAMES[other]}
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
        ("INBOX", "INBOX"),
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
