"""The keys of the table: every shape once, beside the names of the attributes.

A partition key begins with its account, so that no query can cross tenants; the schedule shards,
which only `dispatch` reads, are the one exception. Parts are joined by `#`; a part that may itself
contain one (an address) stands last.
"""

from datetime import UTC, datetime
from zlib import crc32

from mailmirror.domain.address import Address
from mailmirror.domain.containment import Place
from mailmirror.domain.deals import ContactId, DealId
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.identity import MessageKey, SentFields, Vertex
from mailmirror.domain.mailbox import AccountId, MailboxId, MailboxKey, Provider, UserId
from mailmirror.domain.message import Entry
from mailmirror.domain.slot import Slot
from mailmirror.domain.stamp import Stamp
from mailmirror.domain.threads import ThreadId

PK, SK, EXPIRES = "pk", "sk", "expires_at"
DUE_SHARDS = 4
"""Of messages being sent, and of threads. Each takes 1,000 updates a second.

It never changes: a key is computed anew where an entry is deleted.
"""

Key = dict[str, str]


def _key(pk: str, sk: str) -> Key:
    return {PK: pk, SK: sk}


def time_text(instant: datetime) -> str:
    """An instant as text that sorts as instants do."""
    # Not strftime: it does not pad the years before 1000, which Date fields do claim.
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


# The account, its keys and its log


def account(account: AccountId) -> Key:
    return _key(f"{account}#account", "account")


def api_key(account: AccountId, key_id: str) -> Key:
    return _key(f"{account}#account", f"key#{key_id}")


API_KEYS = "key#"


def provider(account: AccountId, provider: Provider) -> Key:
    return _key(f"{account}#account", f"provider#{provider}")


def sign_in(account: AccountId, digest: str) -> Key:
    return _key(f"{account}#signin#{digest}", "signin")


def feed(account: AccountId) -> Key:
    return _key(f"{account}#feed", "head")


def refusals(account: AccountId) -> str:
    return f"{account}#refused"


GAPS, NOTES = "gap#", "note#"
"""What sort keys of listed events begin with: of gaps in the CRM's facts, and of others."""


def listed(account: AccountId, kind: str, number: int) -> Key:
    """An event that could not be applied, or not as a whole.

    Parameters:
        kind: GAPS or NOTES.
    """
    return _key(refusals(account), f"{kind}{number:012d}")


def listed_event(account: AccountId, name: str) -> Key:
    """Under which number an event is listed.

    Parameters:
        name: a hash of its id.
    """
    return _key(refusals(account), f"event#{name}")


def log_head(account: AccountId) -> Key:
    return _key(f"{account}#log", "head")


def matching(account: AccountId) -> Key:
    """The account's cursor on its log: up to which line threads were matched again."""
    return _key(f"{account}#matching", "cursor")


LOG_LINES = "line#"


def log_line(account: AccountId, number: int) -> Key:
    return _key(f"{account}#log", f"{LOG_LINES}{number:012d}")


# People and deals


def team(account: AccountId) -> str:
    return f"{account}#team"


TEAM_USERS, TEAM_MAILBOXES, TEAM_CONFIRMED = "user#", "mailbox#", "confirmed#"


def user(account: AccountId, user: UserId) -> Key:
    return _key(team(account), TEAM_USERS + user)


def team_mailbox(account: AccountId, mailbox: MailboxId) -> Key:
    return _key(team(account), TEAM_MAILBOXES + mailbox)


def confirmed_address(account: AccountId, user: UserId, address: Address) -> Key:
    """An address that a user has proven by a code."""
    return _key(team(account), f"{TEAM_CONFIRMED}{user}#{address}")


def blocks(account: AccountId, user: UserId) -> Key:
    """All that a user has blocked."""
    return _key(f"{account}#user#{user}", "blocks")


def code(account: AccountId, user: UserId, address: Address) -> Key:
    """A code that was sent to an address."""
    return _key(f"{account}#code#user#{user}", f"address#{address}")


def codes_of_user(account: AccountId, user: UserId, now: datetime) -> Key:
    """How many codes were sent for a user within an hour."""
    return _key(f"{account}#code#user#{user}", f"hour#{time_text(now)[:13]}")


def codes_of_address(account: AccountId, address: Address, now: datetime) -> Key:
    """How many codes were sent to an address within an hour."""
    return _key(f"{account}#code#address#{address}", f"hour#{time_text(now)[:13]}")


def person(account: AccountId, person: PersonRef) -> Key:
    return _key(f"{account}#person#{person}", "person")


def contact_deals(account: AccountId, contact: ContactId) -> str:
    """The partition of a contact; its deals stand below `CONTACT_DEALS`."""
    return f"{account}#person#{PersonRef(PersonKind.CONTACT, contact)}"


CONTACT_DEALS = "deal#"
CARD_OVERRIDES = "off#"


def card_override(account: AccountId, person: PersonRef, place: str) -> Key:
    """In the partition of a lead or contact."""
    return _key(f"{account}#person#{person}", CARD_OVERRIDES + place)


def contact_deal(account: AccountId, contact: ContactId, deal: DealId) -> Key:
    return _key(contact_deals(account, contact), CONTACT_DEALS + deal)


def address(account: AccountId, address: Address) -> Key:
    return _key(f"{account}#address#{address}", "persons")


def address_of(pk: str) -> Address:
    return Address(pk.split("#", 2)[2])


def deal(account: AccountId, deal: DealId) -> str:
    return f"{account}#deal#{deal}"


DEAL_VERSIONS = "version#"


def deal_version(account: AccountId, id: DealId, stamp: Stamp) -> Key:
    """A version, by the instant and the id of its event, so that a repeat of the event finds it."""
    return _key(deal(account, id), f"{DEAL_VERSIONS}{stamp.name}")


def deal_mailboxes(account: AccountId, id: DealId) -> Key:
    """Which mailboxes have entries on a deal's timelines."""
    return _key(deal(account, id), "mailboxes")


OVERRIDES = "override#"


def event_overrides(stamp: Stamp) -> str:
    """What the sort keys begin with of the overrides of one event and its repeats."""
    return f"{OVERRIDES}{stamp.name}#"


def deal_override(account: AccountId, deal_id: DealId, target: str, stamp: Stamp, said: str) -> Key:
    """An override in the partition of its deal: what was said, by whom and when.

    The key contains `attached` or `detached`, so that two overrides under one stamp are both
    stored, in whatever order they arrive.

    Parameters:
        target: a message, or a thread by the id that it had when the override was made.
    """
    return _key(deal(account, deal_id), f"{event_overrides(stamp)}{target}#{said}")


# Mailboxes


def mailboxes(account: AccountId) -> str:
    return f"{account}#mailboxes"


def mailbox(account: AccountId, mailbox: MailboxId) -> Key:
    return _key(mailboxes(account), mailbox)


OWNED = "owner#"


def owned_mailboxes(user: UserId) -> str:
    """What the sort keys begin with that name a user's mailboxes."""
    return f"{OWNED}{user}#"


def owned_mailbox(account: AccountId, user: UserId, mailbox: MailboxId) -> Key:
    return _key(mailboxes(account), owned_mailboxes(user) + mailbox)


def connected_address(account: AccountId, address: Address) -> Key:
    return _key(f"{account}#connected#{address}", "mailbox")


def state(key: MailboxKey) -> Key:
    return _key(f"{key.account}#mailbox#{key.mailbox}", "state")


def audit_round(key: MailboxKey) -> Key:
    """The round of a mailbox's deep audit that is under way, or was the last."""
    return _key(f"{key.account}#mailbox#{key.mailbox}", "audit")


def credential(key: MailboxKey) -> Key:
    return _key(f"{key.account}#mailbox#{key.mailbox}", "credential")


def due_slot(slot: Slot) -> str:
    """The partition of a slot's schedule entries."""
    return f"due#{slot.interval_minutes}.{slot.minute}.{slot.shard}"


def due(key: MailboxKey, slot: Slot) -> Key:
    return _key(due_slot(slot), f"{key.account}#{key.mailbox}")


def folders(key: MailboxKey) -> str:
    """The partition of a mailbox's folders, their ledgers' blocks and copies, in its epoch."""
    return f"{key.account}#folders#{key.mailbox}.{key.epoch}"


FOLDERS = "folder#"


def folder(key: MailboxKey, id: str) -> Key:
    return _key(folders(key), FOLDERS + id)


def folder_id(key: Key) -> str:
    """The id of the folder that an item is of."""
    return key[SK].removeprefix(FOLDERS)


CONTAINED = "contained#"


def contained(key: MailboxKey, place: Place) -> Key:
    return _key(folders(key), f"{CONTAINED}{place.folder}#{place.uidvalidity}#{place.uid}")


def contained_place(key: Key) -> Place:
    """The UID that an item is of."""
    _, folder, uidvalidity, uid = key[SK].split("#")
    return Place(folder, int(uidvalidity), int(uid))


LEDGERS = "ledger#"


def ledger_blocks(folder: str) -> str:
    """The blocks of a folder, under whatever UIDVALIDITY."""
    return f"{LEDGERS}{folder}#"


def ledger_block(key: MailboxKey, folder: str, uidvalidity: int, number: int) -> Key:
    return _key(folders(key), f"{ledger_blocks(folder)}{uidvalidity}#{number:06d}")


def ledger_block_of(key: Key) -> tuple[int, int]:
    """The UIDVALIDITY and the number of a block."""
    _, _, uidvalidity, number = key[SK].split("#")
    return int(uidvalidity), int(number)


COPIES = "copy#"


def copies_after(last: Place | None) -> tuple[str, str]:
    """Between which sort keys the copies stand that follow those of a UID; all of them for None."""
    first = f"{COPIES}{last.folder}#{last.uidvalidity}#{last.uid:010d}~" if last else COPIES
    return first, f"{COPIES}~"


def copies_between(folder: str, uidvalidity: int, first: int, last: int) -> tuple[str, str]:
    """Between which sort keys the copies of a range of UIDs stand, both included."""
    of_folder = f"{COPIES}{folder}#{uidvalidity}#"
    return f"{of_folder}{first:010d}#", f"{of_folder}{last:010d}#~"


def copy_place(key: Key) -> Place:
    """The UID that a copy is of."""
    _, folder, uidvalidity, uid, _ = key[SK].split("#")
    return Place(folder, int(uidvalidity), int(uid))


def copy(key: MailboxKey, at: Place, sha256: str) -> Key:
    """With the content's digest: a server may render the same UID differently the next time."""
    return _key(folders(key), f"{COPIES}{at.folder}#{at.uidvalidity}#{at.uid:010d}#{sha256}")


# What is being sent


def outbounds(key: MailboxKey) -> str:
    return f"{key.account}#outbound#{key.mailbox}.{key.epoch}"


def outbound(key: MailboxKey, id: MessageKey) -> Key:
    return _key(outbounds(key), id)


def request(account: AccountId, user: UserId, digest: str) -> Key:
    """The outbound that a request with an Idempotency-Key made."""
    return _key(f"{account}#request#{digest}", user)


def sent_in(key: MailboxKey, period: str) -> Key:
    """How many messages a mailbox has sent within a day or a minute."""
    return _key(f"{key.account}#sending#{key.mailbox}", period)


def due_outbounds(shard: int) -> str:
    return f"due#send#{shard}"


def due_outbound(key: MailboxKey, id: MessageKey) -> Key:
    name = f"{key.account}#{key.mailbox}.{key.epoch}#{id}"
    return _key(due_outbounds(crc32(name.encode()) % DUE_SHARDS), name)


# Messages, threads and timelines


def mailbox_name(key: MailboxKey) -> str:
    """A mailbox in its epoch, as sets of mailboxes name it."""
    return f"{key.mailbox}.{key.epoch}"


def mailbox_of_name(account: AccountId, name: str) -> MailboxKey:
    id, _, epoch = name.rpartition(".")
    return MailboxKey(account, MailboxId(id), int(epoch))


def message(key: MailboxKey, message: MessageKey) -> str:
    """The partition of what a mailbox stores of a message."""
    return f"{key.account}#message#{key.mailbox}.{key.epoch}#{message}"


CONTENTS = "content#"


def content(key: MailboxKey, id: MessageKey, sha256: str) -> Key:
    return _key(message(key, id), CONTENTS + sha256)


def raw(key: MailboxKey, id: MessageKey, sha256: str) -> Key:
    return _key(message(key, id), f"raw#{sha256}")


def further_versions(key: MailboxKey, id: MessageKey) -> Key:
    """How many contents a message has beside those that are kept."""
    return _key(message(key, id), "further")


def card_timeline(key: MailboxKey, address: Address) -> str:
    return f"{key.account}#timeline#{key.mailbox}.{key.epoch}#{address}"


def deal_timeline(key: MailboxKey, deal: DealId) -> str:
    return f"{key.account}#dealtimeline#{key.mailbox}.{key.epoch}#{deal}"


def vertex(account: AccountId, vertex: Vertex) -> Key:
    return _key(f"{account}#vertex#{vertex}", "thread")


SENT_WITH_ID = "id#"
SENT_WITHOUT_ID = "none#"


def sent_copies(account: AccountId, fields: SentFields) -> str:
    """The partition of the messages of the team that have these fields."""
    return f"{account}#sent#{fields}"


def sent_with_id(account: AccountId, fields: SentFields, own: Vertex) -> Key:
    return _key(sent_copies(account, fields), f"{SENT_WITH_ID}{own}")


def sent_without_id(fields: SentFields, key: MailboxKey, message: MessageKey) -> Key:
    name = f"{SENT_WITHOUT_ID}{message}#{mailbox_name(key)}"
    return _key(sent_copies(key.account, fields), name)


def any_sent_without_id(account: AccountId, fields: SentFields) -> Key:
    """Where it is stored that there is a copy without a Message-ID: read without a query."""
    return _key(sent_copies(account, fields), "any")


def sent_mark(account: AccountId, message: MessageKey) -> Key:
    """That a message lies, or lay, in sent mail of the team, or was composed here."""
    return _key(f"{account}#sent#{message}", "sent")


def thread_root(account: AccountId, id: ThreadId) -> Key:
    """The root of a thread is the item of its first vertex, which the thread is named after."""
    return vertex(account, Vertex(id))


def thread(account: AccountId, thread: ThreadId) -> str:
    """The partition of a thread's entries."""
    return f"{account}#thread#{thread}"


def message_entries(message: MessageKey) -> str:
    """What the sort keys of a message's entries in its thread begin with."""
    return f"{message}#"


def thread_entry(entry: Entry) -> Key:
    """The entry of a content of a message, where it is not the mailbox's first of it."""
    first = first_entry(entry)
    return _key(first[PK], f"{first[SK]}#{time_text(entry.instant)}#{entry.sha256}")


def first_entry(entry: Entry) -> Key:
    """The entry of a mailbox's first content of a message: it is found without its digest."""
    name = message_entries(entry.message) + mailbox_name(entry.key)
    return _key(thread(entry.key.account, entry.thread), name)


def due_threads(shard: int) -> str:
    return f"due#thread#{shard}"


def due_thread(account: AccountId, thread: ThreadId, reason: str) -> Key:
    name = f"{account}#{thread}"
    return _key(due_threads(crc32(name.encode()) % DUE_SHARDS), f"{name}#{reason}")


def entry_position(entry: Entry) -> str:
    return position(entry.instant, entry.message, entry.sha256)


def position(instant: datetime, message: MessageKey, sha256: str) -> str:
    """Where an entry stands in a timeline: sorts by instant, then by message."""
    return f"{time_text(instant)}#{message}#{sha256}"
