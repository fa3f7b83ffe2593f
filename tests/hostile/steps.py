"""A history of one account, made from a seed, and how each step of it is done to a world."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from mailmirror.domain.identity import message_key
from mailmirror.mail.mime.content import parse_message
from tests.hostile.world import BEGUN, USERS, World
from tests.integration.office import BOSS, KIM, LEE, REP, STRANGER, letter

FOLDERS = ("INBOX", "Sent", "Archive")
CONTACTS = {"kim": KIM, "lee": LEE, "who": STRANGER}
DEALS = ("d1", "d2", "d3")
INTERVAL = timedelta(days=3)
"""Between two steps: longer than all attempts at one."""


@dataclass(frozen=True, slots=True)
class Step:
    kind: str
    at: datetime
    data: Mapping[str, Any]

    def __str__(self) -> str:
        told = {name: value for name, value in self.data.items() if name != "mail"}
        mail = [(folder, number) for folder, number, _ in self.data.get("mail", ())]
        return f"{self.at:%Y-%m-%d} {self.kind} {told or ''} {mail or ''}"


@dataclass(slots=True)
class History:
    """Makes steps. It knows what the mailboxes hold, and nothing of what is mirrored of it."""

    random: Random
    now: datetime = BEGUN
    letters: dict[int, bytes] = field(default_factory=dict)
    lying: dict[tuple[str, int], str] = field(default_factory=dict)
    """The folder of each (user, letter) on the server."""
    gone: list[tuple[str, int]] = field(default_factory=list)

    def steps(self, count: int) -> Sequence[Step]:
        made: list[Step] = []
        for user in USERS:
            self.now += INTERVAL
            made.append(self._step("arrive", user=user, mail=self._mail(user, 4)))
        weights = {
            self._arrive: 20,
            self._delete: 6,
            self._put_back: 10,
            self._move: 8,
            self._renumber: 6,
            self._contact: 6,
            self._deal: 10,
            self._event_override: 6,
            self._attach: 10,
            self._sync: 10,
            self._schedule: 12,
            self._reconnect: 8,
        }
        while len(made) < count:
            maker: Callable[[], Step | None]
            (maker,) = self.random.choices(list(weights), list(weights.values()))
            self.now += INTERVAL
            if (step := maker()) is not None:
                made.append(step)
        return made

    def _step(self, kind: str, **data: Any) -> Step:
        return Step(kind, self.now, data)

    def _user(self) -> str:
        return self.random.choice(list(USERS))

    def _arrive(self) -> Step:
        user = self._user()
        return self._step("arrive", user=user, mail=self._mail(user, self.random.randint(1, 6)))

    def _mail(self, user: str, count: int) -> Sequence[tuple[str, int, bytes]]:
        """Letters for a user: new ones, replies, and some that the other user has as well."""
        mail = []
        for _ in range(count):
            known = [one for one in self.letters if (user, one) not in self.lying]
            if known and self.random.random() < 0.15:
                number = self.random.choice(known)
                raw = self.letters[number]
                if (
                    self.random.random() < 0.4
                ):  # as a list that adds a footer, or a forger, sends it
                    raw += b"-- \r\nTo leave this list, write to list@x.example\r\n"
            else:
                number = len(self.letters) + 1
                raw = self.letters[number] = self._letter(number)
            folder = self.random.choices(FOLDERS, [6, 2, 1])[0]
            self.lying[user, number] = folder
            mail.append((folder, number, raw))
        return mail

    def _letter(self, number: int) -> bytes:
        sender = self.random.choices([KIM, LEE, STRANGER, REP, BOSS], [6, 3, 3, 3, 1])[0]
        to = self.random.sample([REP, BOSS, KIM, LEE, STRANGER], self.random.randint(1, 3))
        # Some answer letters that are not there yet, or bring two threads together.
        past = range(max(1, number - 30), number + 3)
        named = self.random.sample(past, self.random.choices([0, 1, 2], [4, 5, 1])[0])
        size = self.random.choices([20, 3_000, 30_000], [8, 1, 1])[0]
        text = self.random.randbytes(size // 2).hex()
        lines = "\r\n".join(text[n : n + 70] for n in range(0, len(text), 70))
        return letter(
            number,
            sender,
            to,
            replies_to=[one for one in named if one != number],
            at=self.now - timedelta(minutes=self.random.randint(0, 5_000)),
            text=f"Letter {number}\r\n{lines}\r\n",
        )

    def _delete(self) -> Step | None:
        if not self.lying:
            return None
        user, number = self.random.choice(list(self.lying))
        self.gone.append((user, number))
        return self._step("delete", user=user, folder=self.lying.pop((user, number)), number=number)

    def _put_back(self) -> Step | None:
        back = [one for one in self.gone if one not in self.lying]
        if not back:
            return None
        user, number = self.random.choice(back)
        folder = self.lying[user, number] = self.random.choice(FOLDERS)
        mail = [(folder, number, self.letters[number])]
        return self._step("put back", user=user, mail=mail)

    def _move(self) -> Step | None:
        if not self.lying:
            return None
        user, number = self.random.choice(list(self.lying))
        folder = self.lying[user, number]
        to = self.random.choice([one for one in FOLDERS if one != folder])
        self.lying[user, number] = to
        return self._step("move", user=user, folder=folder, number=number, to=to)

    def _renumber(self) -> Step:
        return self._step("renumber", user=self._user(), folder=self.random.choice(FOLDERS))

    def _contact(self) -> Step:
        kind = self.random.choice(["contact.upserted", "contact.upserted", "contact.deleted"])
        contact = "who" if kind == "contact.deleted" else self.random.choice(list(CONTACTS))
        data: dict[str, object] = {"id": contact}
        if kind == "contact.upserted":
            data |= {"name": contact, "emails": [CONTACTS[contact]]}
        return self._step("contact", type=kind, event=data)

    def _deal(self) -> Step:
        contacts = self.random.sample(list(CONTACTS), self.random.randint(1, 2))
        status = self.random.choices(["open", "won", "lost"], [4, 1, 1])[0]
        data = {"id": self.random.choice(DEALS), "name": "Deal", "status": status}
        return self._step("deal", type="deal.upserted", event={**data, "contact_ids": contacts})

    def _event_override(self) -> Step | None:
        if not self.letters:
            return None
        kind = f"association.{self.random.choice(['attached', 'detached'])}"
        message = message_of(self.random.choice(list(self.letters.values())))
        data = {"deal_id": self.random.choice(DEALS), "user_id": self._user()}
        return self._step("override", type=kind, event={**data, "message_id": message})

    def _attach(self) -> Step:
        attached = self.random.random() < 0.6
        return self._step(
            "attach" if attached else "detach",
            user=self._user(),
            deal=self.random.choice(DEALS),
            message=message_of(self.random.choice(list(self.letters.values()))),
            alone=self.random.random() < 0.3,
            attached=attached,
        )

    def _sync(self) -> Step:
        return self._step("sync", user=self._user())

    def _schedule(self) -> Step:
        return self._step("schedule")

    def _reconnect(self) -> Step:
        return self._step("reconnect", user=self._user())


def message_of(raw: bytes) -> str:
    """The identity of a letter."""
    headers = parse_message(raw).headers
    return message_key(headers.message_id, headers.date)


def perform(step: Step, world: World) -> str:
    """Do a step; return what a person was answered.

    What is seen at another time is judged by other facts; so what the server has is judged before
    facts change, and before it has it no more.
    """
    world.at(step.at)
    data = step.data
    if step.kind not in ("arrive", "put back", "sync", "schedule"):
        for user in USERS:
            world.settle(user)
    match step.kind:
        case "arrive" | "put back":
            for folder, _, raw in data["mail"]:
                world.dovecot.append(world.logins[data["user"]], folder, raw, step.at)
            world.dirty.add(data["user"])
        case "delete":
            _with_copies(world, step, lambda client, uids: client.uid_expunge(uids))
        case "move":
            _with_copies(world, step, lambda client, uids: client.move(uids, data["to"]))
        case "renumber":
            _renumber(world, data["user"], data["folder"])
        case "contact":
            world.tell(data["type"], **data["event"])
            # Late facts do not reach old mail yet but by another judgment of it.
            for user in USERS:
                for folder in FOLDERS:
                    _renumber(world, user, folder)
                world.settle(user)
        case "deal" | "override":
            world.tell(data["type"], **data["event"])
        case "attach" | "detach":
            return world.repeated("override", account=world.account, **data)
        case "sync":
            world.settle(data["user"])
        case "schedule":
            world.schedule()
        case "reconnect":
            world.erase(data["user"])
            world.connect(data["user"])
    return "done"


def _renumber(world: World, user: str, folder: str) -> None:
    world.dovecot.reset_uidvalidity(world.logins[user], folder)
    world.dirty.add(user)


def _with_copies(world: World, step: Step, act: Callable[[Any, Sequence[int]], None]) -> None:
    """Do something to the copies of a letter in a folder."""
    user, folder, number = (step.data[name] for name in ("user", "folder", "number"))
    with world.dovecot.session(world.logins[user]) as client:
        client.select_folder(folder)
        uids = client.search(["HEADER", "Message-ID", f"<{number}@mail.example>"])
        if step.kind == "delete":
            client.delete_messages(uids)
        act(client, uids)
    world.dirty.add(user)
