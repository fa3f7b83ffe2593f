"""Whether lines of the log that `match_again` has not worked off may concern a deal."""

from mailmirror.domain.changes import ChangeKind
from mailmirror.domain.deals import Deal
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.mailbox import AccountId
from mailmirror.runtime import Runtime

_MAX_LINES = 100
"""Further ones are taken to concern every deal."""


def matches_pending(account: AccountId, deal: Deal, runtime: Runtime) -> bool:
    """Tell whether a change that is not worked off yet may put mail on a deal, or take it off.

    One and a half read units where all lines are worked off; else one more for each 4 KB of lines
    and for each contact of the deal. A line about a lost address names no person, so it counts for
    every deal.
    """
    matching, heads = runtime.matching.read(account), runtime.change_log.heads(account)
    done = matching.line
    if not matching.is_behind(heads):
        return False
    if heads.number - done > _MAX_LINES or matching.policy_line < heads.policy:
        return True
    changes = [line.change for line in runtime.change_log.lines(account, done, _MAX_LINES)]
    of_all = (ChangeKind.TEAM, ChangeKind.RULES)
    if any(one.deal == deal.id or one.lost or one.kind in of_all for one in changes):
        return True
    contacts = {contact for version in deal.versions for contact in version.contacts}
    refs = (PersonRef(PersonKind.CONTACT, contact) for contact in contacts)
    people = runtime.people.find_many(account, refs).values()
    addresses = {address for person in people for address in person.emails}
    return any(not addresses.isdisjoint(one.gained) for one in changes)
