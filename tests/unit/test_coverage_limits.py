"""The limits within which a mailbox is read."""

import pytest

from mailmirror.domain.coverage_limits import Limit, limits_of
from mailmirror.domain.folder_choice import FolderChoice, LeftOut
from mailmirror.domain.mailbox import FolderRole, FolderScope
from mailmirror.domain.words.coverage_limits import COVERAGE_LIMITS

INBOX = FolderChoice("INBOX", FolderRole.INBOX)
ALL_MAIL = FolderChoice("All", FolderRole.ALL)
UNREAD = [
    FolderChoice(name, FolderRole.OTHER, reason)
    for name, reason in (
        ("Trash", LeftOut.TRASH),
        ("Junk", LeftOut.JUNK),
        ("Drafts", LeftOut.DRAFTS),
    )
]


def test_a_mailbox_whose_folders_are_all_known_has_no_limit() -> None:
    assert limits_of([INBOX, *UNREAD], FolderScope.ALL, gmail=False) == set()
    assert limits_of([ALL_MAIL, *UNREAD], FolderScope.ALL, [7], gmail=True) == set()


def test_what_is_not_recognised_as_trash_junk_or_drafts_may_be_read() -> None:
    assert limits_of([INBOX], FolderScope.ALL, gmail=False) == {
        Limit.TRASH_NOT_FOUND,
        Limit.JUNK_NOT_FOUND,
        Limit.DRAFTS_NOT_FOUND,
    }


def test_folders_that_the_setting_names_have_no_other_limit_than_those_left_out() -> None:
    left = FolderChoice("Old", FolderRole.OTHER, LeftOut.SETTING)
    assert limits_of([INBOX, left], ("INBOX",), gmail=True) == {Limit.FOLDERS_LEFT_OUT}


def test_gmail_may_hide_all_mail() -> None:
    assert limits_of([INBOX, *UNREAD], FolderScope.ALL, gmail=True) == {Limit.ALL_MAIL_HIDDEN}


@pytest.mark.parametrize("messages", [1_000, 2_000, 5_000, 10_000])
def test_gmail_may_show_the_newest_messages_of_a_folder_alone(messages: int) -> None:
    folders = [ALL_MAIL, *UNREAD]
    found = limits_of(folders, FolderScope.ALL, [7, messages], gmail=True)
    assert found == {Limit.FOLDER_LIMITED}
    assert limits_of(folders, FolderScope.ALL, [messages - 1], gmail=True) == set()
    assert limits_of([INBOX, *UNREAD], FolderScope.ALL, [messages], gmail=False) == set()


def test_each_limit_is_explained() -> None:
    assert COVERAGE_LIMITS.keys() == set(Limit)
