"""Whether the copies in a folder count that is not read, by the server's list and the setting."""

import pytest

from mailmirror.domain.counted_copies import Uncounted, while_left_out, while_read
from mailmirror.domain.folder_choice import FolderChoice, LeftOut
from mailmirror.domain.mailbox import FolderRole, FolderScope, FolderSetting

OTHER = FolderRole.OTHER
ALL, INBOX_AND_SENT = FolderScope.ALL, FolderScope.INBOX_AND_SENT
NARROW: tuple[FolderSetting, ...] = (INBOX_AND_SENT, ("INBOX", "Projects"))
GONE = (None, LeftOut.NOT_SELECTABLE)
LISTED = [one for one in LeftOut if one is not LeftOut.NOT_SELECTABLE]


@pytest.mark.parametrize("before", [None, Uncounted.SETTING])
@pytest.mark.parametrize("listed", [*GONE, *LISTED])
def test_what_all_has_read_counts_whatever_the_server_makes_of_it(
    before: Uncounted | None, listed: LeftOut | None
) -> None:
    assert while_left_out(before, OTHER, listed, ALL) is None


@pytest.mark.parametrize("setting", [ALL, *NARROW])
@pytest.mark.parametrize("listed", [*GONE, *LISTED])
def test_what_was_read_only_because_it_was_named_does_not_count(
    setting: FolderSetting, listed: LeftOut | None
) -> None:
    before = while_read(FolderChoice("Trash", OTHER, only_named=True))
    assert while_left_out(before, OTHER, listed, setting) is Uncounted.NAMED


def test_what_was_read_before_it_was_named_counts() -> None:
    named = FolderChoice("Trash", OTHER, only_named=True)
    for before in (None, Uncounted.SETTING):
        assert while_read(named, before) is None


def test_what_would_be_read_without_its_name_counts() -> None:
    for before in (None, *Uncounted):
        assert while_read(FolderChoice("Projects", OTHER), before) is None


@pytest.mark.parametrize("setting", NARROW)
@pytest.mark.parametrize("listed", LISTED)
@pytest.mark.parametrize("before", [None, Uncounted.SETTING])
def test_a_narrower_setting_leaves_out_what_it_does_not_read(
    setting: FolderSetting, listed: LeftOut, before: Uncounted | None
) -> None:
    assert while_left_out(before, OTHER, listed, setting) is Uncounted.SETTING


@pytest.mark.parametrize("setting", NARROW)
@pytest.mark.parametrize("listed", GONE)
@pytest.mark.parametrize("before", [None, Uncounted.SETTING])
def test_what_is_gone_stays_as_it_was_under_a_narrower_setting(
    setting: FolderSetting, listed: LeftOut | None, before: Uncounted | None
) -> None:
    assert while_left_out(before, OTHER, listed, setting) is before


@pytest.mark.parametrize("role", [FolderRole.INBOX, FolderRole.SENT])
@pytest.mark.parametrize("listed", LISTED)
def test_sent_mail_counts_that_the_server_takes_for_another_folder_by_now(
    role: FolderRole, listed: LeftOut
) -> None:
    assert while_left_out(None, role, listed, INBOX_AND_SENT) is None
    assert while_left_out(None, role, listed, ("INBOX",)) is Uncounted.SETTING
