"""Who plays: a team that sells stock scanners, its customers, and its CRM's view of both."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final, NamedTuple

from demo.letter import Person

JAPAN, ENGLAND, EUROPE, NEW_YORK = (timezone(timedelta(hours=hours)) for hours in (9, 0, 1, -5))


class Rep(NamedTuple):
    """A user of the CRM, who sells."""

    user_id: str
    name: str
    zone: timezone

    @property
    def given_name(self) -> str:
        return self.name.partition(" ")[0]

    @property
    def address(self) -> str:
        return f"{self.name.lower().replace(' ', '.')}@tidewater.example"

    @property
    def person(self) -> Person:
        return Person(self.name, self.address)


class Customer(NamedTuple):
    id: str
    kind: str
    """`lead` or `contact`."""
    name: str
    greeting: str
    """How a letter greets them: the given name, in Japanese the family name."""
    company: str
    addresses: Sequence[str]
    owner: Rep
    zone: timezone
    charset: str = "utf-8"

    @property
    def person(self) -> Person:
        return Person(self.name, self.addresses[0])


class Deal(NamedTuple):
    id: str
    name: str
    contacts: Sequence[Customer]
    history: Sequence[tuple[int, str]]
    """Days before now, and the status since then: `open`, `won` or `lost`."""

    @property
    def is_open(self) -> bool:
        return self.history[-1][1] == "open"


AIKO: Final = Rep("u-aiko", "Aiko Tanaka", JAPAN)
BEN: Final = Rep("u-ben", "Ben Carter", ENGLAND)
MEI: Final = Rep("u-mei", "Mei Sato", JAPAN)
"""The head of sales: a user without a connected mailbox, so that mail with her is internal."""
TEAM, REPS = (AIKO, BEN, MEI), (AIKO, BEN)

LAURA: Final = Customer("c-bennett", "contact", "Laura Bennett", "Laura", "Harbor Coffee Roasters", ["laura.bennett@harborcoffee.example"], AIKO, NEW_YORK)  # fmt: skip
JAMES: Final = Customer("c-whitfield", "contact", "James Whitfield", "James", "Harbor Coffee Roasters", ["j.whitfield@harborcoffee.example"], AIKO, NEW_YORK, "us-ascii")  # fmt: skip
MARCUS: Final = Customer("c-lindqvist", "contact", "Marcus Lindqvist", "Marcus", "Nordlys Sykler Tromsø", ["marcus@nordlys.example", "marcus.lindqvist@nordlys.example"], BEN, EUROPE)  # fmt: skip
PRIYA: Final = Customer("c-raman", "contact", "Priya Raman", "Priya", "Delta Clinics", ["priya.raman@deltaclinics.example"], BEN, ENGLAND)  # fmt: skip
TOM: Final = Customer("c-oneill", "contact", "Tom O'Neill", "Tom", "Brightside Hotels", ["tom.oneill@brightside.example"], BEN, ENGLAND, "us-ascii")  # fmt: skip
DANIEL: Final = Customer("c-fischer", "contact", "Daniel Fischer", "Daniel", "Fischer Logistik Köln", ["d.fischer@fischer-logistik.example"], BEN, EUROPE)  # fmt: skip
SOFIA: Final = Customer("l-marques", "lead", "Sofia Marques", "Sofia", "Atelier Marques", ["hello@ateliermarques.example"], BEN, ENGLAND)  # fmt: skip
GRACE: Final = Customer("l-okafor", "lead", "Grace Okafor", "Grace", "Okafor Imports", ["grace@okaforimports.example"], BEN, ENGLAND)  # fmt: skip
KENICHI: Final = Customer("c-sato", "contact", "佐藤 健一", "佐藤", "みなと食品株式会社", ["k-sato@minato-foods.example"], AIKO, JAPAN, "iso-2022-jp")  # fmt: skip
YUMI: Final = Customer("c-yamamoto", "contact", "山本 由美", "山本", "さくら印刷株式会社", ["yamamoto@sakura-print.example"], AIKO, JAPAN)  # fmt: skip
DAISUKE: Final = Customer("c-suzuki", "contact", "鈴木 大輔", "鈴木", "北斗エンジニアリング株式会社", ["suzuki.d@hokuto-eng.example"], AIKO, JAPAN, "shift_jis")  # fmt: skip
AYA: Final = Customer("l-nakamura", "lead", "中村 彩", "中村", "中村茶舗", ["nakamura@nakamura-tea.example"], AIKO, JAPAN, "iso-2022-jp")  # fmt: skip
EUROPEANS: Final = (LAURA, JAMES, MARCUS, PRIYA, TOM, DANIEL, SOFIA, GRACE)
JAPANESE: Final = (KENICHI, YUMI, DAISUKE, AYA)
CUSTOMERS: Final = (*EUROPEANS, *JAPANESE)

DEALS: Final = (
    Deal("d-harbor", "Harbor Coffee: 40 scanners", [LAURA, JAMES], [(70, "open")]),
    Deal("d-nordlys", "Nordlys Cycles: pilot, two shops", [MARCUS], [(55, "open")]),
    # Two open deals of one person: mail with her is on neither, until somebody says which.
    Deal("d-delta-wards", "Delta Clinics: ward stock", [PRIYA], [(90, "open")]),
    Deal("d-delta-labs", "Delta Clinics: laboratories", [PRIYA], [(60, "open")]),
    Deal("d-brightside", "Brightside Hotels: linen", [TOM], [(160, "open"), (45, "won")]),
    Deal("d-fischer", "Fischer Logistik: depot", [DANIEL], [(120, "open"), (40, "lost")]),
    Deal("d-minato", "みなと食品: 在庫管理", [KENICHI], [(65, "open")]),
    # Won within the month: mail that began before stays on it, with its whole thread.
    Deal("d-hokuto", "北斗エンジニアリング: 部品棚", [DAISUKE], [(75, "open"), (8, "won")]),
    Deal("d-sakura", "さくら印刷: 用紙管理", [YUMI], [(50, "open")]),
)


def crm_events(now: datetime) -> list[dict[str, Any]]:
    """All that the CRM knows, as events, each dated before `now`; the last brings `DEALS[-1]`."""
    founded = now - timedelta(days=430)
    facts: list[tuple[datetime, str, dict[str, Any]]] = []
    for rep in TEAM:
        user = {"id": rep.user_id, "name": rep.name, "emails": [rep.address]}
        facts.append((founded, "user.upserted", user))
    for one in CUSTOMERS:
        person = {"id": one.id, "name": one.name, "emails": list(one.addresses)}
        facts.append((founded, f"{one.kind}.upserted", person))
    for deal in DEALS:
        version = {"id": deal.id, "name": deal.name, "contact_ids": [c.id for c in deal.contacts]}
        for days, status in deal.history:
            at = now - timedelta(days=days)
            facts.append((at, "deal.upserted", version | {"status": status}))
    return [
        {"id": f"evt-{n:04d}", "type": kind, "occurred_at": at.isoformat(), "data": data}
        for n, (at, kind, data) in enumerate(facts, 1)
    ]
