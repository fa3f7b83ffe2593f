"""A deep audit finds what is wrong with what is stored of a mailbox, and repairs it.

Faults are chosen by a seed, which the test prints, over all kinds of items, ten a round; then the
whole mailbox is audited. Each is reported by its kind, and afterwards every item of the table and
the bucket is what it was. What an audit cannot tell, or not repair:

- of an address which persons have it: copies that no rule mirrors then are counted as disputed, and
  stay as they are (`test_mail_of_a_person_who_is_not_found_any_more_stays`);
- of a copy that has left the server the bytes
  (`test_of_what_has_left_the_server_everything_but_the_bytes_is_repaired`);
- an attach to a deal that no participant of the thread is on, where the root is lost: the deals of
  the participants, and those that the root names, are where overrides are looked for;
- a reference of a message that points at another stored thread: it is reported, and the threads
  stay apart, since joining them cannot be undone;
- items beyond those that are needed, and the matched addresses beside a deal's entries, which no
  page relies on.
"""

import json
import os
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pprint import pformat
from typing import Any

import pytest

from mailmirror.domain.address import Address
from mailmirror.domain.deals import DealId
from mailmirror.domain.deep_audit import ROUND, FaultKind, Found, Round
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.ledger import Ledger
from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.threads import ThreadId
from mailmirror.domain.uids import UidSet
from mailmirror.domain.verdict import Verdict
from mailmirror.runtime import Runtime
from mailmirror.store import keys
from mailmirror.usecases.cards.read_message import find_message
from mailmirror.usecases.mailboxes.change_mailbox import request_audit
from mailmirror.usecases.mailboxes.read_mailbox import read_ledger
from mailmirror.usecases.sync.judge_copies import judge_copies
from mailmirror.usecases.sync.mail_server import Fetched
from mailmirror.usecases.threads.set_override import set_override
from tests.integration.api_calls import Api
from tests.integration.office import (
    BOSS,
    KIM,
    LEE,
    MARCH,
    REP,
    STRANGER,
    Clock,
    Office,
    letter,
)
from tests.integration.test_polls import syncs
from tests.servers.dovecot import Dovecot

SEED = int(os.environ.get("AUDIT_SEED", "20261127"))
ROUNDS = int(os.environ.get("AUDIT_ROUNDS", "22"))
FAULTS = 10
"""Of a round."""

Item = dict[str, Any]
_VOLATILE = {"version", "fence", "facts", "pending", "left", "put_at", "announced", "log_line"}


def noise(number: int, size: int) -> str:
    """Text that does not become smaller when it is compressed."""
    chars = random.Random(number).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=size)
    return "\r\n".join("".join(chars[n : n + 70]) for n in range(0, size, 70)) + "\r\n"


@pytest.fixture
def mailbox(office: Office, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> Mailbox:
    """Some sixty messages of all kinds, with deals, overrides and sealed ledger blocks."""
    monkeypatch.setattr("mailmirror.domain.ledger_parts.MAX_HEAD_BYTES", 48)
    monkeypatch.setattr("mailmirror.domain.ledger_parts.MAX_BLOCK_BYTES", 60)
    for deal, contact in (("d-kim", "kim"), ("d-lee", "lee")):
        office.tell("deal.upserted", id=deal, name=deal, status="open", contact_ids=[contact])
    office.match_again()
    with dovecot.session(REP) as client:
        client.create_folder("Customers")
    for n in range(1, 11):  # conversations with KIM: a letter, and a reply from sent mail
        dovecot.append(REP, "INBOX", letter(n), MARCH)
        dovecot.append(REP, "Sent", letter(100 + n, REP, [KIM], replies_to=[n]), MARCH)
    connected = office.connect(dovecot, "rep", REP)
    office.sync(connected)
    for n in range(11, 17):
        dovecot.append(REP, "INBOX", letter(n, STRANGER), MARCH)
    for n in range(17, 20):
        dovecot.append(REP, "INBOX", letter(n, BOSS), MARCH)
    for n in range(20, 26):
        dovecot.append(REP, "Customers", letter(n, LEE, [REP, STRANGER, BOSS]), MARCH)
    office.sync(connected)
    for n in range(26, 29):
        dovecot.append(REP, "INBOX", letter(n, text=noise(n, 5_000)), MARCH)
        dovecot.append(REP, "INBOX", letter(n + 10, LEE, text=noise(n, 30_000)), MARCH)
    dovecot.append(REP, "INBOX", letter(40, STRANGER), MARCH - timedelta(days=4000))
    dovecot.append(REP, "Customers", letter(1), MARCH)  # one message in two folders
    dovecot.append(REP, "Customers", letter(2, text="Hello,\r\nanother text.\r\n"), MARCH)
    office.sync(connected)
    dovecot.append(REP, "INBOX", letter(50), MARCH)
    dovecot.append(REP, "INBOX", letter(51), MARCH)
    office.sync(connected)
    dovecot.append(REP, "INBOX", letter(52, replies_to=[50, 51]), MARCH)  # joins their threads
    for n in range(60, 64):
        dovecot.append(REP, "INBOX", letter(n, KIM, [REP, LEE], replies_to=[3]), MARCH)
    office.sync(connected)
    viewer = office.viewer("rep")
    by_subject = {one.summary.subject: one for one in office.card("rep", "kim")}
    for number, deal, attached, whole in (
        (4, "d-kim", False, True),
        (5, "d-lee", True, True),
        (6, "d-kim", False, False),
        (50, "d-lee", True, True),
    ):
        line = by_subject[f"Letter {number}"]
        thread, message = (line.thread, None) if whole else (None, line.summary.message)
        set_override(viewer, DealId(deal), thread, message, office.runtime, attached=attached)
    office.sync(connected)
    return connected


# What is stored, and what is shown of it


def scanned(runtime: Runtime) -> dict[tuple[str, str], Item]:
    """Every item of the table."""
    client: Any = runtime._client("dynamodb")
    items: list[Item] = []
    for page in client.get_paginator("scan").paginate(TableName=runtime.settings.table):
        items += page["Items"]
    return {(one["pk"]["S"], one["sk"]["S"]): one for one in items}


def of_mail(runtime: Runtime, account: str) -> Mapping[tuple[str, str], Any]:
    """What is stored of messages, without what says when and by whom it was written."""
    mail = ("message", "timeline", "dealtimeline", "thread", "vertex", "sent")
    kinds = [f"{account}#{kind}#" for kind in mail]
    return {
        name: {key: _plain(value) for key, value in item.items() if key not in _VOLATILE}
        for name, item in scanned(runtime).items()
        if any(name[0].startswith(kind) for kind in kinds)
        or name[1].startswith("copy#")
        or name[1] == "mailboxes"
        or "#address#" in name[0]
    }


def _plain(value: Any) -> Any:
    ((kind, one),) = value.items()
    return sorted(one) if kind in ("SS", "NS") else one if kind != "B" else bytes(one)


def shown(office: Office, mailbox: Mailbox) -> Mapping[str, Any]:
    """Every card, deal page, message and ledger."""
    found: dict[str, Any] = {}
    viewer = office.viewer("rep")
    for contact in ("kim", "lee"):
        found[contact] = office.card("rep", contact)
        for line in found[contact]:
            for version in line.versions:
                at = (line.summary.message, version.sha256)
                found[str(at)] = find_message(viewer, at[0], office.runtime, at[1])[1]
    for deal in ("d-kim", "d-lee"):
        found[deal] = office.deal("rep", deal)
    for one in read_ledger(mailbox, office.runtime):
        ledger, folder = one.ledger, one.folder
        counts = (folder.judged, folder.present, folder.pending)
        verdicts = {kind: str(ledger.of(kind)) for kind in Verdict if ledger.of(kind)}
        found[folder.name] = (verdicts, str(ledger.removed), counts)
    return found


def audited(office: Office, mailbox: Mailbox) -> Round:
    """Audit the whole mailbox, as a person asks for it; return the round, which has ended."""
    runtime = office.runtime
    request_audit(mailbox, runtime)
    begun_at = runtime.now()
    for _ in range(6):
        office.sync(mailbox)
        present = runtime.audit_rounds.read(mailbox.key).present
        if present and present.finished_at and present.begun_at >= begun_at:
            return present
    raise AssertionError(f"not ended: {present}")


# Faults


@dataclass(slots=True)
class Injector:
    """Puts faults into what is stored, one item each."""

    office: Office
    mailbox: Mailbox
    chosen: random.Random
    items: dict[tuple[str, str], Item] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    """What was chosen in this round: items, and of roots their whole threads."""

    @property
    def runtime(self) -> Runtime:
        return self.office.runtime

    def begin(self) -> None:
        self.items, self.touched = scanned(self.runtime), set()

    def inject(self, kind: str) -> Counter[FaultKind]:
        """Put a fault of a kind; return what is to be reported of it, nothing where none fits."""
        found: Counter[FaultKind] = getattr(self, f"_{kind}")()
        return found

    # Choosing

    def _pick(
        self, fits: Callable[[tuple[str, str], Item], bool]
    ) -> tuple[tuple[str, str], Item] | None:
        fitting = [
            (name, item)
            for name, item in sorted(self.items.items())
            if fits(name, item) and str(name) not in self.touched
        ]
        if not fitting:
            return None
        name, item = self.chosen.choice(fitting)
        self.touched.add(str(name))
        return name, item

    def _of(self, kind: str) -> str:
        return f"{self.office.account}#{kind}#"

    def _put(self, item: Item) -> None:
        self.runtime._client("dynamodb").put_item(TableName=self.runtime.settings.table, Item=item)

    def _delete(self, name: tuple[str, str]) -> None:
        key = {"pk": {"S": name[0]}, "sk": {"S": name[1]}}
        self.runtime._client("dynamodb").delete_item(TableName=self.runtime.settings.table, Key=key)

    def _harm(
        self, name: tuple[str, str], item: Item, *changes: Callable[[Item], Item | None]
    ) -> None:
        """Delete an item, or change it in one of these ways."""
        change = self.chosen.choice([lambda _: None, *changes])
        changed = change(dict(item))
        self._delete(name) if changed is None else self._put(changed)

    def _one(
        self,
        kind: FaultKind,
        fits: Callable[[tuple[str, str], Item], bool],
        *changes: Callable[[Item], Item | None],
    ) -> Counter[FaultKind]:
        found = self._pick(fits)
        if found is None:
            return Counter()
        self._harm(*found, *changes)
        return Counter([kind])

    # Kinds

    def _copy(self) -> Counter[FaultKind]:
        return self._one(
            FaultKind.COPY,
            lambda name, item: name[1].startswith("copy#"),
            lambda item: item | {"message": {"S": "0" * 32}},
            lambda item: item | {"participants": {"SS": ["guest@else.example"]}},
            lambda item: item | {"instant": {"S": "yesterday"}},
            lambda item: {key: value for key, value in item.items() if key != "thread"},
        )

    def _content(self) -> Counter[FaultKind]:
        return self._one(
            FaultKind.CONTENT,
            lambda name, item: name[1].startswith("content#"),
            lambda item: item | {"subject": {"S": "Another"}},
            lambda item: item | {"snippet": {"S": "Another"}},
            lambda item: item | {"instant": {"S": "2027-01-01T00:00:00.000000Z"}},
            lambda item: {key: value for key, value in item.items() if key != "from"},
            lambda item: item | {"raw": {"B": b"garbled"}} if "raw" in item else None,
        )

    def _raw(self) -> Counter[FaultKind]:
        return self._one(
            FaultKind.RAW,
            lambda name, item: name[1].startswith("raw#"),
            lambda item: item | {"raw": {"B": b"garbled"}},
            lambda item: item | {"raw": {"B": bytes(item["raw"]["B"])[:-9]}},
        )

    def _object(self) -> Counter[FaultKind]:
        s3, bucket = self.runtime._client("s3"), self.runtime.settings.bucket
        prefix = f"mail/{self.office.account}/"
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]
        names = [one["Key"] for one in listed if one["Key"] not in self.touched]
        if not names:
            return Counter()
        name = self.chosen.choice(sorted(names))
        self.touched.add(name)
        if self.chosen.random() < 0.5:
            s3.delete_object(Bucket=bucket, Key=name)
        else:
            s3.put_object(Bucket=bucket, Key=name, Body=b"garbled")
        return Counter([FaultKind.RAW])

    def _entry(self) -> Counter[FaultKind]:
        return self._one(
            FaultKind.ENTRY,
            lambda name, item: name[0].startswith(self._of("thread")),
            lambda item: item | {"participants": {"SS": ["guest@else.example"]}},
            lambda item: item | {"date": {"S": "2020-01-01T00:00:00.000000Z"}},
            lambda item: {key: value for key, value in item.items() if key != "message"},
        )

    def _timeline(self) -> Counter[FaultKind]:
        of = self._of("timeline")
        return self._one(FaultKind.TIMELINE, lambda name, item: name[0].startswith(of))

    def _address(self) -> Counter[FaultKind]:
        found = self._pick(lambda name, item: "#address#" in name[0] and "mailboxes" in item)
        if found is None:
            return Counter()
        self._put({key: value for key, value in found[1].items() if key != "mailboxes"})
        return Counter([FaultKind.ADDRESS])

    def _deal_entry(self) -> Counter[FaultKind]:
        of = self._of("dealtimeline")

        def fits(name: tuple[str, str], item: Item) -> bool:
            if not name[0].startswith(of) or f"root {item['thread']['S']}" in self.touched:
                return False
            root = self.runtime.roots.read(self.office.account, ThreadId(item["thread"]["S"]))
            deal = name[0].rpartition("#")[2]
            return deal in root.deals_of(MessageKey(name[1].split("#")[1]))

        return self._one(
            FaultKind.DEAL_ENTRY, fits, lambda item: item | {"thread": {"S": "0" * 32}}
        )

    def _deal(self) -> Counter[FaultKind]:
        of = self._of("deal")
        return self._one(
            FaultKind.DEAL, lambda name, item: name[0].startswith(of) and name[1] == "mailboxes"
        )

    def _vertex(self) -> Counter[FaultKind]:
        of = self._of("vertex")
        return self._one(
            FaultKind.VERTEX,
            lambda name, item: name[0].startswith(of) and "version" not in item,
            lambda item: item | {"thread": {"S": "0" * 32}},
        )

    def _root(self) -> Counter[FaultKind]:
        of = self._of("vertex")

        def fits(name: tuple[str, str], item: Item) -> bool:
            thread = name[0].removeprefix(of)
            return name[0].startswith(of) and "version" in item and not self._is_touched(thread)

        found = self._pick(fits)
        if found is None:
            return Counter()
        name, item = found
        root = self.runtime.roots.read(self.office.account, ThreadId(name[0].removeprefix(of)))
        self.touched |= {f"root {one}" for one in root.threads}
        parts = [one for one in ("deals", "overrides", "absorbed", "redirect") if one in item]
        outside = any(one.attached for one in root.overrides)  # to a deal of no participant
        part = self.chosen.choice([*parts, *([] if outside else [None])])
        if part is None:
            self._delete(name)
        else:
            self._put({key: value for key, value in item.items() if key != part})
        return Counter([FaultKind.ROOT])

    def _is_touched(self, thread: str) -> bool:
        """Whether a root, or an entry on a deal, of its thread was chosen before."""
        root = self.runtime.roots.read(self.office.account, ThreadId(thread))
        threads = {str(one) for one in root.threads}
        return any(
            f"root {one}" in self.touched
            or any(
                str(name) in self.touched and item.get("thread", {}).get("S") == one
                for name, item in self.items.items()
                if name[0].startswith((self._of("dealtimeline"), self._of("vertex")))
            )
            for one in threads
        )

    def _sent_mark(self) -> Counter[FaultKind]:
        of = self._of("sent")
        return self._one(
            FaultKind.SENT_MARK, lambda name, item: name[0].startswith(of) and name[1] == "sent"
        )

    # The ledger; one fault a folder and round

    def _verdict(self) -> Counter[FaultKind]:
        """In the head or in a block: the latest part that names the UID."""
        for name, item, attribute, ledger, later in self._parts():
            named = [uid for uid in ledger.named & ledger.present if uid not in later]
            if not named or f"folder {self._folder(name)}" in self.touched:
                continue
            self.touched.add(f"folder {self._folder(name)}")
            uid = self.chosen.choice(named)
            others = {Verdict.MIRRORED, Verdict.NO_PERSON, Verdict.INTERNAL, Verdict.UNREADABLE}
            wrong = self.chosen.choice(sorted(one for one in others if uid not in ledger.of(one)))
            changed = ledger.record({uid: wrong})
            self._put(item | {attribute: {"S": changed.encode()}})
            return Counter([FaultKind.VERDICT])
        return Counter()

    def _presence(self) -> Counter[FaultKind]:
        """Only the head may say it: the folder's own numbers stay, and are wrong as well."""
        for name, item, attribute, ledger, later in self._parts():
            present = [uid for uid in ledger.present if uid not in later]
            if not present or f"folder {self._folder(name)}" in self.touched:
                continue
            self.touched.add(f"folder {self._folder(name)}")
            uid = self.chosen.choice(present)
            changed = replace(ledger, removed=ledger.removed | UidSet.of([uid]))
            self._put(item | {attribute: {"S": changed.encode()}})
            return Counter([FaultKind.PRESENCE, FaultKind.FOLDER_COUNTS])
        return Counter()

    def _ledger_block(self) -> Counter[FaultKind]:
        listed = [one for one in self._parts() if one[0][1].startswith("ledger#")]
        for name, item, *_ in listed:
            if f"folder {self._folder(name)}" in self.touched:
                continue
            self.touched.add(f"folder {self._folder(name)}")
            self._harm(name, item, lambda item: item | {"ledger": {"S": "garbled"}})
            return Counter([FaultKind.LEDGER_BLOCK])
        return Counter()

    def _folder_counts(self) -> Counter[FaultKind]:
        found = self._pick(
            lambda name, item: (
                name[1].startswith("folder#") and f"folder {self._folder(name)}" not in self.touched
            )
        )
        if found is None:
            return Counter()
        name, item = found
        self.touched.add(f"folder {self._folder(name)}")
        self._put(item | {"judged": {"N": str(int(item["judged"]["N"]) + 3)}})
        return Counter([FaultKind.FOLDER_COUNTS])

    def _folder(self, name: tuple[str, str]) -> str:
        return name[1].split("#")[1]

    def _parts(self) -> Sequence[tuple[tuple[str, str], Item, str, Ledger, set[int]]]:
        """The parts of all ledgers in an order by chance, each with the UIDs of later parts."""
        parts = []
        for name, item in self.items.items():
            if not name[1].startswith("folder#"):
                continue
            head = Ledger.decode(item["head"]["S"])
            first, stop = (int(one["N"]) for one in item["blocks"]["L"])
            later = set(head.named)
            parts.append((name, item, "head", head, set[int]()))
            for number in reversed(range(first, stop)):
                uidvalidity = int(item["uidvalidity"]["N"])
                at = keys.ledger_block(self.mailbox.key, self._folder(name), uidvalidity, number)
                block = self.items[at["pk"], at["sk"]]
                ledger = Ledger.decode(block["ledger"]["S"])
                parts.append(((at["pk"], at["sk"]), block, "ledger", ledger, set(later)))
                later |= set(ledger.named)
        self.chosen.shuffle(parts)
        return parts


KINDS = (
    "copy", "content", "raw", "object", "entry", "timeline", "address", "deal_entry", "deal",
    "vertex", "root", "sent_mark", "verdict", "presence", "ledger_block", "folder_counts",
)  # fmt: skip


def test_an_audit_without_faults_finds_none_and_changes_nothing(
    office: Office, mailbox: Mailbox, runtime: Runtime
) -> None:
    before = of_mail(runtime, office.account), shown(office, mailbox)
    done = audited(office, mailbox)
    assert done.found == Found(uids=done.found.uids)
    assert done.found.uids == sum(one.folder.present for one in read_ledger(mailbox, runtime))
    assert (of_mail(runtime, office.account), shown(office, mailbox)) == before


@pytest.mark.long
def test_every_fault_is_reported_by_its_kind_and_repaired(
    office: Office, mailbox: Mailbox, runtime: Runtime
) -> None:
    print(f"seed {SEED}")
    before = of_mail(runtime, office.account)
    seen = shown(office, mailbox)
    injector = Injector(office, mailbox, random.Random(SEED))
    together: Counter[FaultKind] = Counter()
    for number in range(ROUNDS):
        injector.begin()
        injected: Counter[FaultKind] = Counter()
        kinds = injector.chosen.choices(KINDS, k=FAULTS - 2) + [
            KINDS[(2 * number + n) % len(KINDS)] for n in range(2)
        ]
        for kind in kinds:
            injected += injector.inject(kind)
        done = audited(office, mailbox)
        told = f"round {number}: {json.dumps(sorted(injector.touched), indent=1)}"
        assert Counter(done.found.faults) == injected, told
        assert (done.found.lost, done.found.disputed) == (0, 0), told
        assert done.found.repaired == sum(injected.values()), told
        settled(office, mailbox)
        after = of_mail(runtime, office.account)
        wrong = {
            name: (before.get(name), after.get(name))
            for name in before.keys() | after.keys()
            if before.get(name) != after.get(name)
        }
        assert not wrong, f"{told}\n{pformat(wrong)}"
        assert shown(office, mailbox) == seen, told
        together += injected
    print({kind.value: count for kind, count in sorted(together.items())})
    assert sum(together.values()) >= 8 * ROUNDS
    assert together.keys() == set(FaultKind) - {FaultKind.NOT_AUDITED}  # none of what is stored


def settled(office: Office, mailbox: Mailbox) -> None:
    """Have a pass that a lost ledger block has asked for come to its end."""
    for _ in range(5):
        office.sync(mailbox)
        if not any(
            one.state.stale for one in office.runtime.folders.read_all(mailbox.key).values()
        ):
            return
    raise AssertionError("a folder is stale")


# What cannot be told, or not be repaired


def folder_item(mailbox: Mailbox, name: str, runtime: Runtime) -> str:
    """The id of a folder."""
    folders = runtime.folders.read_all(mailbox.key)
    (id,) = (id for id, one in folders.items() if one.state.name == name)
    return id


def copies_of(mailbox: Mailbox, name: str, runtime: Runtime) -> Sequence[Item]:
    id, all_uids = folder_item(mailbox, name, runtime), (1, 10**9)
    uidvalidity = runtime.folders.read_all(mailbox.key)[id].state.uidvalidity
    return runtime.stored_items.copies(mailbox.key, id, uidvalidity, *all_uids)


@pytest.fixture
def small(office: Office, dovecot: Dovecot) -> Mailbox:
    """Two letters of KIM and one of a stranger."""
    dovecot.append(REP, "INBOX", letter(1), MARCH)
    dovecot.append(REP, "INBOX", letter(2, text=noise(2, 5_000)), MARCH)
    dovecot.append(REP, "INBOX", letter(3, STRANGER), MARCH)
    connected = office.connect(dovecot, "rep", REP)
    office.sync(connected)
    return connected


def test_mail_of_a_person_who_is_not_found_any_more_stays(
    office: Office, small: Mailbox, runtime: Runtime
) -> None:
    """Where an address's item has lost its persons, its mail is disputed, and no fault."""
    key = keys.address(office.account, Address(KIM))
    (item,) = runtime.table.get_many([key], consistent=True)
    before = of_mail(runtime, office.account)
    runtime.table.write([{name: one for name, one in item.items() if name != "persons"}])
    done = audited(office, small)
    assert (done.found.disputed, done.found.faults) == (2, {})
    assert office.counts(small)["INBOX"] == {"mirrored": 2, "no_person": 1}
    runtime.table.write([item])
    assert of_mail(runtime, office.account) == before
    assert audited(office, small).found.disputed == 0


def test_of_what_has_left_the_server_everything_but_the_bytes_is_repaired(
    office: Office, dovecot: Dovecot, small: Mailbox, runtime: Runtime
) -> None:
    dovecot.expunge(REP, "INBOX", [1, 2])
    office.sync(small)
    before = of_mail(runtime, office.account)
    (_, second) = copies_of(small, "INBOX", runtime)
    entry = {"pk": keys.card_timeline(small.key, Address(KIM))}
    (one, _) = runtime.table.query(entry["pk"])
    runtime.table.write(deletes=[{"pk": one["pk"], "sk": one["sk"]}])
    content = {"pk": keys.message(small.key, second["message"])}
    runtime.table.write(deletes=[{**content, "sk": f"content#{second['sha256']}"}])
    done = audited(office, small)
    assert done.found.faults == {FaultKind.TIMELINE: 1, FaultKind.CONTENT: 1}
    assert (done.found.repaired, done.found.lost) == (2, 0)
    assert of_mail(runtime, office.account) == before

    runtime.table.write(deletes=[{**content, "sk": f"raw#{second['sha256']}"}])
    lost = audited(office, small)
    assert (lost.found.faults, lost.found.lost) == ({FaultKind.RAW: 1}, 1)
    ((kind, uid),) = [(one.kind, one.uid) for one in lost.listed]
    assert (kind, uid) == (FaultKind.RAW, 2)
    assert len(office.card("rep", "kim")) == 2


def test_a_repair_that_does_not_hold_is_named(
    office: Office, small: Mailbox, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: Counter[str] = Counter()
    count = runtime.count
    monkeypatch.setattr(
        runtime, "count", lambda name, value=1: (counted.update({name: value}), count(name, value))
    )
    for returned in (0, 1, 1):
        counted.clear()
        (copy, _) = copies_of(small, "INBOX", runtime)
        runtime.table.write(deletes=[{"pk": copy["pk"], "sk": copy["sk"]}])
        done = audited(office, small)
        assert (done.found.faults, done.found.repaired) == ({FaultKind.COPY: 1}, 1)
        assert (done.found.returned, len(done.listed)) == (returned, returned)
        told = {name: counted[name] for name in ("AuditFaults", "AuditRepaired", "AuditLost")}
        assert told == {"AuditFaults": 1, "AuditRepaired": 1, "AuditLost": returned}
    assert audited(office, small).found.clean


def test_a_lost_block_ends_no_sync(
    office: Office, dovecot: Dovecot, mailbox: Mailbox, runtime: Runtime
) -> None:
    """A sync that needs the ledger stores it anew; a pass and the next syncs judge again."""
    seen = shown(office, mailbox)["INBOX"][0]
    blocks = [name for name in scanned(runtime) if name[1].startswith("ledger#")]
    runtime.table.write(deletes=[{"pk": pk, "sk": sk} for pk, sk in blocks])
    dovecot.expunge(REP, "INBOX", [2])
    for _ in range(4):
        office.sync(mailbox)
    after = shown(office, mailbox)["INBOX"]
    assert after[0] == seen
    assert after[1] == "2"


def test_raw_mail_that_is_damaged_is_fetched_again_where_its_message_is_moved(
    office: Office, dovecot: Dovecot, small: Mailbox, runtime: Runtime
) -> None:
    """What compares a moved message with the stored bytes raised zstd's error in every sync."""
    (_, second) = copies_of(small, "INBOX", runtime)
    at = keys.message(small.key, second["message"])
    runtime.table.write([{"pk": at, "sk": f"raw#{second['sha256']}", "raw": b"garbled"}])
    dovecot.append(REP, "Sent", letter(2, text=noise(2, 5_000)), MARCH)
    office.sync(small)
    found = find_message(office.viewer("rep"), second["message"], runtime, second["sha256"])
    assert found[1].startswith(b"From: kim@customer.example")


# When it is due


def test_every_message_is_judged_again_within_a_round_a_slice_a_day(
    office: Office, small: Mailbox, runtime: Runtime, clock: Clock, dovecot: Dovecot
) -> None:
    """Polls queue a sync a day; twelve days without one are made up for by the next."""
    dovecot.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(4, 29)])
    office.sync(small)
    first = runtime.sync_states.read(small.key).audit_at
    assert first is not None
    second_day = runtime.now() + timedelta(hours=23)
    assert second_day < first < second_day + timedelta(hours=25)
    entry = runtime.due.find(small)
    assert entry is not None
    assert entry.retry_at == first
    clock.advance(timedelta(days=1))
    judged = []
    for _ in range(3):
        clock.advance(timedelta(days=1))
        office.sync(small)
        office.sync(small)  # another on the same day does nothing
        present = runtime.audit_rounds.read(small.key).present
        assert present is not None
        judged.append(present.found.uids)
    assert judged == [2, 5, 7]  # of 28, at the least 2 a day
    clock.advance(timedelta(days=12))
    office.sync(small)
    done = runtime.audit_rounds.read(small.key).present
    assert done is not None
    assert (done.found.uids, done.found.clean) == (28, True)
    assert done.finished_at is not None
    following = runtime.sync_states.read(small.key).audit_at
    assert following is not None
    clock.advance(timedelta(days=1))
    office.sync(small)
    again = runtime.audit_rounds.read(small.key)
    assert again.present is not None
    assert again.last == done
    assert again.present.begun_at >= done.begun_at + ROUND


def test_an_audit_waits_for_what_a_change_may_still_take_to_a_pass(
    office: Office, small: Mailbox, runtime: Runtime, clock: Clock
) -> None:
    office.tell("contact.upserted", id="who", name="Who", emails=["late@else.example"])
    request_audit(small, runtime)
    office.sync(small)
    assert runtime.audit_rounds.read(small.key).present is None
    clock.advance(timedelta(hours=2))
    office.sync(small)
    present = runtime.audit_rounds.read(small.key).present
    assert present is not None
    assert present.finished_at is not None


def test_an_audit_of_a_slow_server_goes_on_where_its_time_was_over(
    office: Office,
    mailbox: Mailbox,
    runtime: Runtime,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each look at a piece takes 40 seconds, of the minute that a slice has."""
    monkeypatch.setattr("mailmirror.usecases.sync.deep_audit.HEADER_RANGE", 5)

    def slowly(*args: Any) -> Mapping[int, Verdict]:
        clock.advance(timedelta(seconds=40))
        return judge_copies(*args)

    monkeypatch.setattr("mailmirror.usecases.sync.audit_folder.judge_copies", slowly)
    request_audit(mailbox, runtime)
    uids: list[int] = []
    finished = False
    while not finished and len(uids) < 30:
        office.sync(mailbox)
        present = runtime.audit_rounds.read(mailbox.key).present
        assert present is not None
        uids.append(present.found.uids)
        finished = present.finished_at is not None
    assert finished
    assert len(uids) > 3
    assert uids == sorted(set(uids))
    assert uids[-1] == sum(one.folder.present for one in read_ledger(mailbox, runtime))


def test_an_owner_asks_for_an_audit_and_reads_what_it_found(
    office: Office, small: Mailbox, runtime: Runtime
) -> None:
    api = Api(office)
    path = f"/v1/mailboxes/{small.key.mailbox}/audit"
    assert api.ask("POST", path, "boss", params={"deep": "true"})[0] == 404
    assert api.ask("POST", path)[0] == 422
    assert api.get(f"{path}/deep")["present"] is None
    syncs(runtime)
    status, asked = api.ask("POST", path, params={"deep": "true"})
    assert (status, asked["result"]) == (202, f"{path}/deep")
    assert syncs(runtime) == [small.key.mailbox]
    assert api.get(asked["result"])["asked_at"] is not None

    first, second = copies_of(small, "INBOX", runtime)
    runtime.table.write(deletes=[{"pk": first["pk"], "sk": first["sk"]}])
    office.sync(small)
    found = api.get(asked["result"])
    present = found["present"]
    assert (found["asked_at"], present["uids"], present["faults"]) == (None, 3, {"copy": 1})
    assert (present["repaired"], present["lost"], present["listed"]) == (1, 0, [])
    assert present["finished_at"] is not None
    assert found["explanations"]["copy"]["reason"].startswith("The record of which message")
    (_, japanese) = api.ask("GET", asked["result"], language="ja")
    assert japanese["explanations"].keys() == {kind.value for kind in FaultKind}

    runtime.table.write(
        deletes=[
            {"pk": keys.message(small.key, second["message"]), "sk": f"raw#{second['sha256']}"}
        ]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "mailmirror.usecases.sync.mail_server.MailServer.copies", lambda *_: Fetched({})
        )
        done = audited(office, small)
    assert done.found.lost == 1
    (listed,) = api.get(asked["result"])["present"]["listed"]
    wanted = {"kind": "raw", "folder": "INBOX", "uid": 2, "returned": False}
    assert listed == wanted
