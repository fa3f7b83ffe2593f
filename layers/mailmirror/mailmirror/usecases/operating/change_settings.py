"""Change the settings of an account."""

from collections.abc import Collection, Mapping

from mailmirror.aws.queues import MatchJob
from mailmirror.domain.changes import Change, ChangeKind
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.settings import Setting
from mailmirror.runtime import Runtime
from mailmirror.store.accounts import Account
from mailmirror.store.table import ConditionFailed

_ATTEMPTS = 20


def read_settings(id: AccountId, runtime: Runtime) -> Account:
    """Read an account, consistently.

    Raises:
        Refused: there is no such account.
    """
    account = runtime.accounts.find(id, consistent=True)
    if account is None:
        raise Refused(Code.NOT_FOUND, "account")
    return account


def change_settings(
    id: AccountId, asked: Mapping[Setting, int | str], runtime: Runtime
) -> tuple[Account, list[Setting]]:
    """Change settings, and have old mail follow those that it depends on.

    Mailboxes find a new limit of recipients by their polls. Under a new deal policy the account's
    whole log is worked off again.

    Returns:
        The account, and which settings are others now.

    Raises:
        Refused: there is no such account, or the log is written to all the time.
    """
    for _ in range(_ATTEMPTS):
        head = runtime.change_log.head(id)
        account = read_settings(id, runtime)
        changed = {one: value for one, value in asked.items() if account.setting(one) != value}
        if not changed:
            break
        write = runtime.accounts.change(id, changed, head + 1)
        try:
            runtime.change_log.write(id, _line(changed), [write], runtime.now(), head)
        except ConditionFailed:
            continue
        break
    else:
        raise Refused(Code.TOO_MANY_REQUESTS)
    if Setting.DEAL_POLICY in asked:  # after a repeat too: the first call may have been cut off
        runtime.thread_queue.send([MatchJob(id)])
    return read_settings(id, runtime), list(changed)


def _line(changed: Collection[Setting]) -> Change:
    """What the log says of a change; nothing where neither verdicts nor matches depend on it."""
    of_policy = Setting.DEAL_POLICY in changed
    if any(one.changes_verdicts for one in changed):
        return Change(ChangeKind.RULES, of_policy=of_policy)
    return Change(ChangeKind.POLICY if of_policy else ChangeKind.TEAM, of_policy=of_policy)
