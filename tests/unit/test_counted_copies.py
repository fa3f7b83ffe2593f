"""Whether the copies in a folder count, by what the server lists and the setting says."""

import pytest

from mailmirror.domain.counted_copies import KnownFolders, Uncounted
from mailmirror.domain.folder import COMPOSED
from mailmirror.domain.folder_choice import FolderChoice, LeftOut
from mailmirror.domain.mailbox import FolderRole, FolderScope, FolderSetting

NARROW: tuple[FolderSetting, ...] = (FolderScope.INBOX_AND_SENT, ("INBOX", "Projects"))
EACH_BEFORE = pytest.mark.parametrize("before", [None, Uncounted.SETTING, Uncounted.DEFAULT])
EACH_SETTING = pytest.mark.parametrize("setting", [FolderScope.ALL, *NARROW])


def known(
    setting: FolderSetting, left_out: LeftOut | None = None, role: FolderRole = FolderRole.OTHER
) -> KnownFolders:
    """INBOX is read, and a folder `f` is listed where it is left out for a reason."""
    choices = {"inbox": FolderChoice("INBOX", FolderRole.INBOX)}
    if left_out:
        choices["f"] = FolderChoice("F", role, left_out)
    return KnownFolders.of({"inbox"}, choices, setting)


@EACH_SETTING
@EACH_BEFORE
def test_what_is_read_or_was_composed_here_counts(
    setting: FolderSetting, before: Uncounted | None
) -> None:
    assert known(setting).uncounted("inbox", before) is None
    assert known(setting).uncounted(COMPOSED, before) is None


@EACH_BEFORE
def test_what_the_setting_leaves_out_does_not_count(before: Uncounted | None) -> None:
    narrow = known(FolderScope.INBOX_AND_SENT, LeftOut.SETTING)
    assert narrow.uncounted("f", before) is Uncounted.SETTING


@EACH_BEFORE
@pytest.mark.parametrize(
    "reason",
    [
        LeftOut.TRASH,
        LeftOut.JUNK,
        LeftOut.DRAFTS,
        LeftOut.OUTBOX,
        LeftOut.NO_MAIL,
        LeftOut.COLLECTION,
        LeftOut.OTHER_NAMESPACE,
    ],
)
def test_what_is_left_out_by_default_does_not_count(
    reason: LeftOut, before: Uncounted | None
) -> None:
    assert known(FolderScope.ALL, reason).uncounted("f", before) is Uncounted.DEFAULT


@EACH_BEFORE
def test_what_is_read_in_all_mail_counts(before: Uncounted | None) -> None:
    assert known(FolderScope.ALL, LeftOut.IN_ALL_MAIL).uncounted("f", before) is None


def test_all_mail_itself_is_left_out_by_the_setting() -> None:
    narrow = known(FolderScope.INBOX_AND_SENT, LeftOut.COLLECTION, FolderRole.ALL)
    assert narrow.uncounted("f", None) is Uncounted.SETTING


@EACH_SETTING
@pytest.mark.parametrize("left_out", [None, LeftOut.NOT_SELECTABLE])
def test_what_is_gone_stays_as_it_was(setting: FolderSetting, left_out: LeftOut | None) -> None:
    folders = known(setting, left_out)
    assert folders.uncounted("f", None) is None
    assert folders.uncounted("f", Uncounted.DEFAULT) is Uncounted.DEFAULT


def test_what_is_gone_counts_again_once_the_setting_leaves_nothing_out() -> None:
    assert known(FolderScope.ALL).uncounted("f", Uncounted.SETTING) is None
    for narrow in NARROW:
        assert known(narrow).uncounted("f", Uncounted.SETTING) is Uncounted.SETTING
