"""Codes that prove an address: one at a time for a user and an address, and few an hour."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailmirror.domain.address import Address
from mailmirror.domain.changes import Change, ChangeKind
from mailmirror.domain.mailbox import AccountId, UserId
from mailmirror.domain.ownership import CODE_LIFETIME, CODE_TRIES, CODES_AN_HOUR
from mailmirror.store import keys
from mailmirror.store.change_log import ChangeLog
from mailmirror.store.table import ConditionFailed, Delete, Put, Table, Update

_COUNTED_FOR = timedelta(hours=2)


class TooManyCodes(Exception):
    """The user, or the address, has been sent as many codes as an hour may have."""


class CodeGone(Exception):
    """There is no code: none was sent, it has expired, or it was tried too often."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A code's digest, and how many tries are left after this one."""

    digest: str
    tries_left: int


class CodeStore:
    def __init__(self, table: Table, log: ChangeLog) -> None:
        self._table = table
        self._log = log

    def put(
        self, account: AccountId, user: UserId, address: Address, digest: str, now: datetime
    ) -> datetime:
        """Store a code's digest in place of an earlier one, and count it. Six write units.

        Returns:
            When it expires.

        Raises:
            TooManyCodes: nothing was stored.
        """
        expires_at = now + CODE_LIFETIME
        counts = [
            Update(
                key,
                "SET #expires = :expires ADD #count :one",
                {
                    ":one": 1,
                    ":most": CODES_AN_HOUR,
                    ":expires": int((now + _COUNTED_FOR).timestamp()),
                },
                "attribute_not_exists(#count) OR #count < :most",
                {"#count": "count", "#expires": keys.EXPIRES},
            )
            for key in (
                keys.codes_of_user(account, user, now),
                keys.codes_of_address(account, address, now),
            )
        ]
        code = {
            **keys.code(account, user, address),
            "digest": digest,
            "tries": 0,
            keys.EXPIRES: int(expires_at.timestamp()),
        }
        try:
            self._table.transact([*counts, Put(code)])
        except ConditionFailed as error:
            raise TooManyCodes from error
        return expires_at

    def take_try(self, account: AccountId, user: UserId, address: Address, now: datetime) -> Tried:
        """Count a try, and return what the code must digest to. One write unit.

        Counted before the answer is known, so that tries side by side are no more than five.

        Raises:
            CodeGone: there is none that may be tried.
        """
        try:
            item = self._table.update(
                Update(
                    keys.code(account, user, address),
                    "ADD tries :one",
                    {":one": 1, ":most": CODE_TRIES, ":now": int(now.timestamp())},
                    "attribute_exists(pk) AND tries < :most AND #expires > :now",
                    {"#expires": keys.EXPIRES},
                )
            )
        except ConditionFailed as error:
            raise CodeGone from error
        return Tried(item["digest"], CODE_TRIES - int(item["tries"]))

    def confirm(
        self, account: AccountId, user: UserId, address: Address, now: datetime, head: int
    ) -> None:
        """Store that a user has proven an address, and delete the code.

        Parameters:
            head: the log's head, read before the owner of the address was looked up.

        Raises:
            ConditionFailed: the log has a further line.
        """
        proof = {
            **keys.confirmed_address(account, user, address),
            "user": user,
            "address": address,
            "proven_at": keys.time_text(now),
        }
        change = Change(ChangeKind.TEAM, gained={address})
        writes: list[Put | Delete] = [Put(proof), Delete(keys.code(account, user, address))]
        self._log.write(account, change, writes, now, head)
