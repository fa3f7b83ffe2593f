"""A deal that a request or an event names."""

from mailmirror.domain.deals import Deal, DealId, DealStatus
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime


def existing_deal(account: AccountId, id: DealId, runtime: Runtime) -> Deal:
    """Read a deal with all its versions: a read unit a 4 KB.

    Raises:
        Refused: `deal_unknown`, `deal_deleted`.
    """
    deal = runtime.deals.find(account, id)
    if deal is None:
        raise Refused(Code.DEAL_UNKNOWN)
    if deal.latest.status is DealStatus.DELETED:
        raise Refused(Code.DEAL_DELETED)
    return deal
