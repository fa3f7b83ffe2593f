"""Which headers are of the message that is sought, and which folders are searched for it."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from mailmirror.domain.address import Address
from mailmirror.domain.folder_choice import FolderChoice, LeftOut
from mailmirror.domain.mail_search import FailedSearch, LiveSearch, Sought, search_order
from mailmirror.domain.mailbox import FolderRole
from mailmirror.domain.problems import Code

KIM, LEE = Address("kim@customer.example"), Address("lee@customer.example")
MARCH = datetime(2026, 3, 1, 9, tzinfo=UTC)


def is_found(sought: Sought, subject: str = "Offer", at: datetime | None = MARCH) -> bool:
    return sought.is_found("1@mail.example", [KIM], subject, at)


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        (Sought("1@mail.example"), True),
        (Sought("11@mail.example"), False),
        (Sought("1@mail.example", sender=LEE), True),
        (Sought(sender=KIM), True),
        (Sought(sender=LEE), False),
        (Sought(sender=KIM, subject="offer"), True),
        (Sought(sender=KIM, subject="order"), False),
        (Sought(sender=LEE, subject="offer"), False),
        (Sought(subject="Ｏｆｆｅｒ"), True),
        (Sought(subject="ffe"), True),
        (Sought(sender=KIM, date=MARCH), True),
        (Sought(sender=KIM, date=MARCH.astimezone(timezone(timedelta(hours=9)))), True),
        (Sought(sender=KIM, date=MARCH + timedelta(seconds=59)), True),
        (Sought(sender=KIM, date=MARCH + timedelta(minutes=1)), False),
    ],
)
def test_a_message_is_found_by_all_that_is_given(sought: Sought, found: bool) -> None:
    assert is_found(sought) == found


def test_blanks_and_line_ends_in_a_subject_are_not_compared() -> None:
    assert is_found(Sought(subject="ten  chairs "), "An offer: Ten\r\n chairs, red")


def test_the_first_day_has_a_day_of_margin_for_the_servers_zone() -> None:
    sought = Sought(subject="x", since=date(2026, 3, 2))
    assert sought.is_received_in_time(MARCH)
    assert not sought.is_received_in_time(MARCH - timedelta(days=1))
    assert Sought(subject="x").is_received_in_time(datetime(1970, 1, 1, tzinfo=UTC))


def folder(
    name: str, left_out: LeftOut | None = None, role: FolderRole = FolderRole.OTHER
) -> FolderChoice:
    return FolderChoice(name, role, left_out)


def test_what_is_read_is_searched_first_and_folders_of_others_never() -> None:
    folders = [
        folder("Shared", LeftOut.OTHER_NAMESPACE),
        folder("Starred", LeftOut.COLLECTION),
        folder("Junk", LeftOut.JUNK),
        folder("Calendar", LeftOut.NO_MAIL),
        folder("Trash", LeftOut.TRASH),
        folder("Parent", LeftOut.NOT_SELECTABLE),
        folder("Customers"),
        folder("Sent", role=FolderRole.SENT),
        folder("INBOX", role=FolderRole.INBOX),
    ]
    assert [one.name for one in search_order(folders, folders)] == [
        *("INBOX", "Sent", "Customers", "Trash", "Junk", "Calendar", "Starred")
    ]


def test_a_trash_that_a_setting_leaves_out_is_a_trash() -> None:
    by_setting = [folder(name, LeftOut.SETTING) for name in ("Trash", "Customers", "Shared")]
    by_default = [
        folder("Trash", LeftOut.TRASH),
        folder("Customers"),
        folder("Shared", LeftOut.OTHER_NAMESPACE),
    ]
    found = search_order(by_setting, by_default)
    assert [(one.name, one.left_out) for one in found] == [
        ("Trash", LeftOut.TRASH),
        ("Customers", LeftOut.SETTING),
    ]


@pytest.mark.parametrize(
    ("left_out", "complete"),
    [
        (None, False),
        (LeftOut.TRASH, False),
        (LeftOut.SETTING, False),
        (LeftOut.COLLECTION, True),
        (LeftOut.IN_ALL_MAIL, True),
    ],
)
def test_a_search_is_complete_without_what_other_folders_have(
    left_out: LeftOut | None, complete: bool
) -> None:
    one = folder("One", left_out)
    assert LiveSearch(not_reached=[one]).complete == complete
    assert LiveSearch(failed=[FailedSearch(one, Code.FOLDER_REFUSED)]).complete == complete
    assert LiveSearch().complete
