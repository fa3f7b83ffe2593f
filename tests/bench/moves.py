"""A month of moves: what is fetched of messages that are filed, and of folders with other UIDs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mailmirror.domain.mailbox import Mailbox
from mailmirror.store.table import Meter
from tests.integration.office import MARCH, REP, Office, letter, loopback
from tests.servers.bare_aws import BUCKET, BareAws
from tests.servers.dovecot import Dovecot
from tests.servers.slow_link import SlowLink
from tests.servers.tables import own_table

MESSAGES, STEPS, A_STEP = 2_000, 30, 20
_TEXT = "A line of a letter, as long as lines of letters are.\r\n" * 30


@dataclass(frozen=True, slots=True)
class Moved:
    """What the syncs after some moves have cost."""

    copies: int
    """How many have another folder, or another UID."""
    literals: Mapping[str, tuple[int, int]]
    """How many, and their bytes, by what was fetched: BODY[] is a whole message."""
    commands: int
    """Those of the syncs, after their sign-in."""
    meter: Meter


def moves(aws: BareAws) -> None:
    """Print what a month costs, by what was fetched."""
    with (
        Dovecot({REP: "secret"}) as server,
        own_table(aws.client, BUCKET, aws.key) as runtime,
        SlowLink(server) as link,
    ):
        runtime.network_policy = loopback(server.authority)
        office = Office(runtime)
        raws = [letter(number, text=_TEXT) for number in range(MESSAGES)]
        server.fill(REP, "INBOX", {uid: (raw, MARCH) for uid, raw in enumerate(raws, start=1)})
        create_folders(server)
        mailbox = office.connect(link, "rep", REP)
        office.sync(mailbox)
        before = link.round_trips, link.sent.bytes + link.received.bytes
        cost = month(office, server, mailbox, STEPS, A_STEP)
        after = link.round_trips, link.sent.bytes + link.received.bytes
    round_trips, transferred = (now - then for then, now in zip(before, after, strict=True))
    print(f"\n{STEPS} days of moves in a mailbox of {MESSAGES} mirrored messages, a sync a day")
    print(f"  {cost.copies} times a copy has another folder or UID")
    print(f"  {cost.commands} commands, {round_trips} round trips,", end=" ")
    print(f"{transferred / 1e3:.0f} KB both ways")
    print(f"  {cost.meter.requests} requests, {cost.meter.write_units:.0f} write units,", end=" ")
    print(f"{cost.meter.write_units / cost.copies:.1f} a copy")
    print(f"  whole messages fetched: {cost.literals.get('BODY[]', (0, 0))[0]}")
    for item, (number, size) in sorted(cost.literals.items()):
        print(f"  {item:20} {number:6} literals, {size / 1e3:7.0f} KB")


def create_folders(server: Dovecot) -> None:
    """Create the folders into which mail is filed."""
    for name in _FOLDERS:
        server.create(REP, name)


def month(office: Office, server: Dovecot, mailbox: Mailbox, steps: int, a_step: int) -> Moved:
    """File mail of the Inbox day by day, with a sync after each; return what the syncs cost.

    `create_folders` was called before. Each day a rule moves messages to one of four folders. Each
    third day some move back; after a third of the days a folder is renamed, and after two thirds
    another gets new UIDs.
    """
    before = _literals(server)
    office.runtime.table.meter = Meter()
    copies = commands = 0
    for moved in _days(server, steps, a_step):
        copies += moved
        asked = len(server.commands())
        office.sync(mailbox)
        commands += len(server.commands()) - asked
    fetched = {
        item: (number - before.get(item, (0, 0))[0], size - before.get(item, (0, 0))[1])
        for item, (number, size) in _literals(server).items()
    }
    literals = {item: told for item, told in fetched.items() if told[0]}
    return Moved(copies, literals, commands, office.runtime.table.meter)


_FOLDERS = ("Accounts", "Customers", "Offers", "Orders")
_RENAMED = "Old accounts"


def _days(server: Dovecot, steps: int, a_step: int) -> Iterator[int]:
    """Move messages; a day each, and how many copies have another folder or UID."""
    folders = list(_FOLDERS)
    for step in range(1, steps + 1):
        folder = folders[step % len(folders)]
        moved = _move(server, "INBOX", folder, a_step)
        if step % 3 == 0:
            moved += _move(server, folder, "INBOX", a_step // 4)
        if step == steps // 3:
            with server.session(REP) as client:
                client.rename_folder(folders[0], _RENAMED)
            folders[0] = _RENAMED
            moved += _messages(server, _RENAMED)
        if step == 2 * steps // 3:
            server.reset_uidvalidity(REP, folders[1])
            moved += _messages(server, folders[1])
        yield moved


def _move(server: Dovecot, source: str, target: str, number: int) -> int:
    """Move the oldest messages of a folder; return how many."""
    with server.session(REP) as client:
        client.select_folder(source)
        uids = client.search("ALL")[:number]
        client.move(uids, target)
    return len(uids)


def _messages(server: Dovecot, folder: str) -> int:
    with server.session(REP) as client:
        return int(client.folder_status(folder, ["MESSAGES"])[b"MESSAGES"])


def _literals(server: Dovecot) -> dict[str, tuple[int, int]]:
    return {item: (len(sizes), sum(sizes)) for item, sizes in server.literals().items()}
