"""Who plays: a team that sells stock scanners, its customers, and its CRM's view of both."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, Literal

from demo.mime import Charset, Mailbox

Event = Mapping[str, Any]
"""A CRM event as it is posted: id, type, occurred_at, data."""

TEAM_DOMAIN: Final = "tidewater.example"
JAPAN: Final = timezone(timedelta(hours=9))
ENGLAND: Final = timezone(timedelta(hours=0))
EUROPE: Final = timezone(timedelta(hours=1))
NEW_YORK: Final = timezone(timedelta(hours=-5))


@dataclass(frozen=True, slots=True)
class Rep:
    """A user of the CRM, who sells."""

    user_id: str
    name: str
    given_name: str
    address: str
    zone: timezone
    japanese_name: str = ""


@dataclass(frozen=True, slots=True)
class Customer:
    person_id: str
    kind: Literal["lead", "contact"]
    name: str
    given_name: str
    """How a letter greets them: the given name, in Japanese the family name."""
    company: str
    addresses: Sequence[str]
    owner: Rep
    zone: timezone
    language: Literal["en", "ja"] = "en"
    charset: Charset = "utf-8"
    writes_html: bool = False

    @property
    def mailbox(self) -> Mailbox:
        return Mailbox(self.name, self.addresses[0])


@dataclass(frozen=True, slots=True)
class Deal:
    deal_id: str
    name: str
    contacts: Sequence[Customer]
    history: Sequence[tuple[int, Literal["open", "won", "lost"]]]
    """Days before now, and the status since then."""


AIKO: Final = Rep("u-aiko", "Aiko Tanaka", "Aiko", f"aiko.tanaka@{TEAM_DOMAIN}", JAPAN, "田中 愛子")
BEN: Final = Rep("u-ben", "Ben Carter", "Ben", f"ben.carter@{TEAM_DOMAIN}", ENGLAND)
MEI: Final = Rep("u-mei", "Mei Sato", "Mei", f"mei.sato@{TEAM_DOMAIN}", JAPAN, "佐藤 芽衣")
"""The head of sales: a user without a connected mailbox, so that mail with her is internal."""

TEAM: Final = (AIKO, BEN, MEI)
REPS: Final = (AIKO, BEN)

LAURA: Final = Customer(
    "c-bennett", "contact", "Laura Bennett", "Laura", "Harbor Coffee Roasters",
    ["laura.bennett@harborcoffee.example"], AIKO, NEW_YORK, writes_html=True,
)  # fmt: skip
JAMES: Final = Customer(
    "c-whitfield", "contact", "James Whitfield", "James", "Harbor Coffee Roasters",
    ["j.whitfield@harborcoffee.example"], AIKO, NEW_YORK, charset="us-ascii",
)  # fmt: skip
MARCUS: Final = Customer(
    "c-lindqvist", "contact", "Marcus Lindqvist", "Marcus", "Nordlys Sykler Tromsø",
    ["marcus@nordlys.example", "marcus.lindqvist@nordlys.example"], BEN, EUROPE,
)  # fmt: skip
PRIYA: Final = Customer(
    "c-raman", "contact", "Priya Raman", "Priya", "Delta Clinics",
    ["priya.raman@deltaclinics.example"], BEN, ENGLAND, writes_html=True,
)  # fmt: skip
TOM: Final = Customer(
    "c-oneill", "contact", "Tom O'Neill", "Tom", "Brightside Hotels",
    ["tom.oneill@brightside.example"], BEN, ENGLAND, charset="us-ascii",
)  # fmt: skip
DANIEL: Final = Customer(
    "c-fischer", "contact", "Daniel Fischer", "Daniel", "Fischer Logistik Köln",
    ["d.fischer@fischer-logistik.example"], BEN, EUROPE, writes_html=True,
)  # fmt: skip
SOFIA: Final = Customer(
    "l-marques", "lead", "Sofia Marques", "Sofia", "Atelier Marques",
    ["hello@ateliermarques.example"], BEN, ENGLAND,
)  # fmt: skip
GRACE: Final = Customer(
    "l-okafor", "lead", "Grace Okafor", "Grace", "Okafor Imports",
    ["grace@okaforimports.example"], BEN, ENGLAND, writes_html=True,
)  # fmt: skip
KENICHI: Final = Customer(
    "c-sato", "contact", "佐藤 健一", "佐藤", "みなと食品株式会社",
    ["k-sato@minato-foods.example"], AIKO, JAPAN, "ja", "iso-2022-jp",
)  # fmt: skip
YUMI: Final = Customer(
    "c-yamamoto", "contact", "山本 由美", "山本", "さくら印刷株式会社",
    ["yamamoto@sakura-print.example"], AIKO, JAPAN, "ja", "utf-8", writes_html=True,
)  # fmt: skip
DAISUKE: Final = Customer(
    "c-suzuki", "contact", "鈴木 大輔", "鈴木", "北斗エンジニアリング株式会社",
    ["suzuki.d@hokuto-eng.example"], AIKO, JAPAN, "ja", "shift_jis",
)  # fmt: skip
AYA: Final = Customer(
    "l-nakamura", "lead", "中村 彩", "中村", "中村茶舗",
    ["nakamura@nakamura-tea.example"], AIKO, JAPAN, "ja", "iso-2022-jp",
)  # fmt: skip

CUSTOMERS: Final = (
    LAURA, JAMES, MARCUS, PRIYA, TOM, DANIEL, SOFIA, GRACE, KENICHI, YUMI, DAISUKE, AYA,
)  # fmt: skip

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


def crm_events(now: datetime) -> list[Event]:
    """All that the CRM knows, as events, each dated before `now`; the last brings `DEALS[-1]`."""
    return [
        {
            "id": f"evt-{number:04d}",
            "type": kind,
            "occurred_at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "data": data,
        }
        for number, (at, kind, data) in enumerate(_facts(now), 1)
    ]


def _facts(now: datetime) -> Iterator[tuple[datetime, str, Mapping[str, Any]]]:
    founded = now - timedelta(days=430)
    for rep in TEAM:
        user = {"id": rep.user_id, "name": rep.name, "emails": [rep.address]}
        yield founded, "user.upserted", user
    for number, customer in enumerate(CUSTOMERS):
        person = {
            "id": customer.person_id,
            "name": customer.name,
            "emails": list(customer.addresses),
        }
        yield founded + timedelta(days=number), f"{customer.kind}.upserted", person
    for deal in DEALS:
        version = {
            "id": deal.deal_id,
            "name": deal.name,
            "contact_ids": [contact.person_id for contact in deal.contacts],
        }
        for days, status in deal.history:
            yield now - timedelta(days=days), "deal.upserted", {**version, "status": status}
