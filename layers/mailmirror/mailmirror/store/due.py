"""The schedule: one small entry a mailbox, in the mailbox's slot, which never changes."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import batched

from mailmirror.domain.mailbox import (
    POLL_INTERVAL,
    AccountId,
    Due,
    Mailbox,
    MailboxId,
    MailboxKey,
    Seen,
    pause,
)
from mailmirror.domain.passes import Basis
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.slot import Slot
from mailmirror.store import keys
from mailmirror.store.table import ConditionFailed, Item, Put, Table, Update


@dataclass(frozen=True, slots=True)
class DueEntry:
    account: AccountId
    mailbox: MailboxId
    due: Due
    seen: Mapping[str, Seen] = field(default_factory=dict)
    """Inbox, Sent or `\\All` by name, as a sync last left them; empty where none is read."""
    slices: Sequence[int] = ()
    """The hashes of the other folders that are read (`domain.folder_slices`)."""
    slices_at: Sequence[datetime] = ()
    """When polls have last asked for each slice; empty where a sync was the last to ask."""
    retry_at: datetime | None = None
    """When a sync is wanted without news: pending copies are asked for again, or a pass is due."""
    log_line: int = 0
    """Of the account's log, up to which the last finished sync has seen what changes verdicts."""
    look_at: datetime | None = None
    """Before then, further lines cause no sync."""
    rules: str = ""
    """The rules under which that sync has judged, as a text."""
    synced: bool = False
    """Whether a sync has finished since the mailbox was connected, or its folders were chosen."""

    @property
    def key(self) -> MailboxKey:
        return MailboxKey(self.account, self.mailbox)


_FORGOTTEN = ("#error", "error_detail", "failing_since", "news_since", "slices_at")
"""What a sync that has finished ends."""


class DueStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def entries(self, slot: Slot) -> Iterator[DueEntry]:
        """Read a slot: half a read unit a 4 KB, some fifteen mailboxes."""
        return map(_entry, self._table.query(keys.due_slot(slot)))

    def find_many(self, mailboxes: Iterable[Mailbox]) -> Mapping[MailboxId, DueEntry]:
        """Read entries, consistently: a poll must see what a sync has just stored."""
        items = self._table.get_many(map(_at, mailboxes), consistent=True)
        return {entry.mailbox: entry for entry in map(_entry, items)}

    def find(self, mailbox: Mailbox) -> DueEntry | None:
        return self.find_many([mailbox]).get(mailbox.key.mailbox)

    def first(
        self, key: MailboxKey, slot: Slot, now: datetime, known: DueEntry | None = None
    ) -> Put:
        """The entry of a mailbox that has just been connected, and whose sync is queued.

        It is not paused, whatever `known` is.

        Parameters:
            known: the entry of the same mailbox, where it was connected: it goes on from there.
                What came since its last success is news, where no sync has finished before.
        """
        text = keys.time_text(now)
        due_at = keys.time_text(now + POLL_INTERVAL)
        item = {**keys.due(key, slot), "due_at": due_at, "since": text, "failures": 0}
        if known and known.due.last_success_at:
            item["last_success_at"] = keys.time_text(known.due.last_success_at)
            if known.synced:
                item["seen"] = _seen_text(known.seen)
                item["slices"] = _slices_bytes(known.slices)
                item["judged_by"], item["log_line"] = known.rules, known.log_line
                for name, at in (("look_at", known.look_at), ("retry_at", known.retry_at)):
                    item[name] = at and keys.time_text(at)
            else:
                item["news_since"] = text
        return Put(item)

    def polled(self, mailbox: Mailbox, now: datetime, slices_at: Sequence[datetime] = ()) -> None:
        """The server has nothing that the last finished sync has not seen. One write unit.

        Parameters:
            slices_at: when each slice of folders was last asked for; the least is the success.
        """
        self._write(
            mailbox,
            "SET due_at = :due, last_success_at = :asked, slices_at = :slices_at, failures = :none"
            " REMOVE #error, error_detail, failing_since, news_since",
            {
                ":due": keys.time_text(now + POLL_INTERVAL),
                ":asked": keys.time_text(min(slices_at, default=now)),
                ":slices_at": b"".join(int(one.timestamp()).to_bytes(4) for one in slices_at),
                ":none": 0,
            },
        )

    def queued(self, mailbox: Mailbox, due_at: datetime) -> None:
        """A job was queued that stores its own success: poll again at `due_at` otherwise."""
        self._write(mailbox, "SET due_at = :due", {":due": keys.time_text(due_at)})

    def begin_again(self, mailbox: Mailbox) -> None:
        """What a sync has seen is forgotten: other folders are read from now on."""
        self._write(mailbox, "REMOVE seen, slices, slices_at", {})

    def pause(self, mailbox: Mailbox, now: datetime) -> None:
        """Poll it no more; one that is paused stays paused since then. One write unit."""
        self._write(
            mailbox,
            "SET paused_since = if_not_exists(paused_since, :now)",
            {":now": keys.time_text(now)},
        )

    def resume(self, mailbox: Mailbox, now: datetime) -> None:
        """Poll it again, after the sync that is queued; what came meanwhile is news from now on.

        One write unit.
        """
        self._write(
            mailbox,
            "SET due_at = :due, news_since = :now REMOVE paused_since",
            {":due": keys.time_text(now + POLL_INTERVAL), ":now": keys.time_text(now)},
            "attribute_exists(paused_since)",
        )

    def found_news(self, mailbox: Mailbox, due_at: datetime, now: datetime) -> None:
        """A poll found news and a sync was queued, which removes `news_since` when it finishes."""
        self._write(
            mailbox,
            "SET due_at = :due, news_since = if_not_exists(news_since, :now)",
            {":due": keys.time_text(due_at), ":now": keys.time_text(now)},
        )

    def synced(
        self,
        mailbox: Mailbox,
        seen: Mapping[str, Seen],
        now: datetime,
        retry_at: datetime | None = None,
        slices: Sequence[int] = (),
        *,
        basis: Basis,
        look_at: datetime | None = None,
    ) -> None:
        """A sync has finished with the folders as `seen` says.

        Parameters:
            now: when it began.
            retry_at: when a sync is wanted without news.
            slices: the hashes of the folders that `seen` does not name.
            basis: what it has judged under.
            look_at: before then, further lines of the log cause no sync.
        """
        optional: dict[str, object] = {
            "retry_at": retry_at and keys.time_text(retry_at),
            "look_at": look_at and keys.time_text(look_at),
            "log_line": basis.line,
            "judged_by": basis.rules,
        }
        given = {name: value for name, value in optional.items() if value is not None}
        left_out = sorted(optional.keys() - given.keys())
        self._write(
            mailbox,
            f"SET due_at = :due, last_success_at = :now, seen = :seen, slices = :slices,"
            f" failures = :none{''.join(f', {name} = :{name}' for name in given)}"
            f" REMOVE {', '.join([*_FORGOTTEN, *left_out])}",
            {
                ":due": keys.time_text(now + POLL_INTERVAL),
                ":now": keys.time_text(now),
                ":seen": _seen_text(seen),
                ":slices": _slices_bytes(slices),
                ":none": 0,
                **{f":{name}": value for name, value in given.items()},
            },
        )

    def failed(self, mailbox: Mailbox, failures: int, refusal: Refused, now: datetime) -> None:
        """The server could not be read: store why, and wait longer each time.

        Ignored where the mailbox was connected again since, with another credential.

        Parameters:
            failures: how many there were in a row before this one.
        """
        self._write(
            mailbox,
            "SET due_at = :due, #error = :error, error_detail = :detail, failures = :failures,"
            " failing_since = if_not_exists(failing_since, :now)",
            {
                ":due": keys.time_text(now + pause(refusal.code, failures + 1)),
                ":error": refusal.code.value,
                ":detail": refusal.detail,
                ":failures": failures + 1,
                ":now": keys.time_text(now),
                ":since": keys.time_text(mailbox.connected_at),
            },
            "since = :since",
        )

    def sending_refused(self, mailbox: Mailbox, refusal: Refused) -> None:
        """The submission server refuses the present credential. One write unit."""
        self._write(
            mailbox,
            "SET sending_error = :code, sending_detail = :detail",
            {
                ":code": refusal.code.value,
                ":detail": refusal.detail,
                ":since": keys.time_text(mailbox.connected_at),
            },
            "since = :since",
        )

    def sending_works(self, mailbox: Mailbox) -> None:
        self._write(
            mailbox,
            "REMOVE sending_error, sending_detail",
            {},
            "attribute_exists(sending_error)",
        )

    def _write(
        self,
        mailbox: Mailbox,
        expression: str,
        values: Mapping[str, object],
        condition: str = "attribute_exists(pk)",
    ) -> None:
        """Update an entry, unless the mailbox has been disconnected meanwhile."""
        names = {"#error": "error"} if "#error" in expression else None
        try:
            self._table.update(Update(_at(mailbox), expression, values, condition, names))
        except ConditionFailed:
            return

    def delete(self, mailbox: Mailbox) -> None:
        self._table.delete(_at(mailbox))

    def delete_everywhere(self, key: MailboxKey) -> None:
        """Delete the entry of a mailbox that is no longer there: a write unit for each slot."""
        for slot in Slot.all():  # not as a batch, which `poll` may not write
            self._table.delete(keys.due(key, slot))


def _at(mailbox: Mailbox) -> keys.Key:
    return keys.due(mailbox.key, mailbox.slot)


def _seen_text(seen: Mapping[str, Seen]) -> str:
    return json.dumps({name: asdict(one) for name, one in seen.items()})


def _slices_bytes(slices: Sequence[int]) -> bytes:
    return b"".join(one.to_bytes(8) for one in slices)


def _numbers(stored: bytes, size: int) -> Sequence[int]:
    return [int.from_bytes(bytes(one)) for one in batched(stored, size, strict=True)]


def _entry(item: Item) -> DueEntry:
    account, _, mailbox = item[keys.SK].partition("#")
    return DueEntry(
        AccountId(account),
        MailboxId(mailbox),
        Due(
            due_at=datetime.fromisoformat(item["due_at"]),
            last_success_at=_time(item.get("last_success_at")),
            error=Code(item["error"]) if "error" in item else None,
            error_detail=item.get("error_detail", ""),
            failing_since=_time(item.get("failing_since")),
            failures=int(item["failures"]),
            news_since=_time(item.get("news_since")),
            sending_error=Code(item["sending_error"]) if "sending_error" in item else None,
            sending_detail=item.get("sending_detail", ""),
            paused_since=_time(item.get("paused_since")),
        ),
        {name: Seen(**one) for name, one in json.loads(item.get("seen", "{}")).items()},
        _numbers(item.get("slices", b""), 8),
        [datetime.fromtimestamp(one, UTC) for one in _numbers(item.get("slices_at", b""), 4)],
        _time(item.get("retry_at")),
        int(item.get("log_line", 0)),
        _time(item.get("look_at")),
        item.get("judged_by", ""),
        "seen" in item,
    )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
