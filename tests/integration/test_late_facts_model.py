"""When the model of late facts takes a copy that has left the server for erased."""

from datetime import date, timedelta

import pytest

from tests.integration.late_facts_model import HeldCopy, Mail, MailboxModel, TeamModel
from tests.integration.office import KIM, MARCH, REP

DAY = timedelta(days=1)
SINCE, LATER = date(2026, 1, 1), date(2026, 3, 2)


@pytest.fixture
def team() -> TeamModel:
    """A message was mirrored and has left the server; all has settled."""
    mail = Mail(1, KIM, (REP,), MARCH)
    copy = HeldCopy(mail)
    mailbox = MailboxModel(REP, SINCE, {"INBOX": {1: copy}})
    team = TeamModel({REP}, {"rep": mailbox}, {"kim": {KIM}})
    team.settle(MARCH)
    mailbox.leaves("INBOX", mailbox.folders["INBOX"].pop(1))
    team.settle(MARCH)
    return team


def hide(team: TeamModel) -> None:
    team.before_change()
    team.mailboxes["rep"].history_since = LATER


def shows_again(team: TeamModel) -> tuple[bool, bool]:
    """Whether a message surely comes back with its verdict, and whether it may."""
    mailbox = team.mailboxes["rep"]
    mailbox.history_since = SINCE
    return team.mirrored(mailbox) == {1}, team.may_be_mirrored(mailbox) == {1}


def test_what_is_hidden_for_less_than_thirty_days_comes_back(team: TeamModel) -> None:
    hide(team)
    team.settle(MARCH + 10 * DAY)
    assert shows_again(team) == (True, True)


def test_what_is_hidden_for_longer_is_erased(team: TeamModel) -> None:
    hide(team)
    team.settle(MARCH)
    team.settle(MARCH + 33 * DAY)
    assert shows_again(team) == (False, False)


def test_what_the_first_sync_after_weeks_hides_may_come_back_for_thirty_days_from_then_on(
    team: TeamModel,
) -> None:
    hide(team)
    team.settle(MARCH + 35 * DAY)
    team.settle(MARCH + 60 * DAY)
    assert shows_again(team) == (False, True)


def test_what_was_shown_between_was_not_hidden_all_along(team: TeamModel) -> None:
    hide(team)
    team.settle(MARCH)
    team.mailboxes["rep"].history_since = SINCE
    hide(team)
    team.settle(MARCH + 20 * DAY)
    team.settle(MARCH + 40 * DAY)
    assert shows_again(team) == (False, True)
