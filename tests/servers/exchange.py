"""Exchange Online's IMAP: no SPECIAL-USE, and folders of no mail listed beside those of mail."""

from dataclasses import dataclass
from enum import Enum

from tests.servers.dovecot import LIKE_MICROSOFT
from tests.servers.memory_imap import MemoryImap

_BEFORE = "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE"


class Language(Enum):
    """Names of the folders with mail that is read, and of those that are left out."""

    GERMAN = (
        ("Archiv", "Gesendete Elemente"),
        (
            *("Entwürfe", "Gelöschte Elemente", "Junk-E-Mail", "Postausgang", "Kalender"),
            *("Kalender/Feiertage in Deutschland", "Kontakte", "Aufgaben", "Notizen", "Journal"),
            *("Synchronisierungsprobleme", "Synchronisierungsprobleme/Konflikte"),
            *("Aufgezeichnete Unterhaltungen", "RSS-Feeds"),
        ),
    )
    FRENCH = (
        ("Archive", "Éléments envoyés"),
        (
            *("Brouillons", "Éléments supprimés", "Courrier indésirable", "Boîte d'envoi"),
            *("Calendrier", "Contacts", "Tâches", "Notes", "Journal"),
            *("Problèmes de synchronisation", "Problèmes de synchronisation/Conflits"),
            *("Historique des conversations", "Flux RSS"),
        ),
    )
    JAPANESE = (
        ("アーカイブ", "送信済みアイテム"),
        (
            *("下書き", "削除済みアイテム", "迷惑メール", "送信トレイ", "予定表", "連絡先"),
            *("タスク", "メモ", "履歴", "同期の失敗", "同期の失敗/競合", "会話の履歴"),
            "RSS フィード",
        ),
    )

    def __init__(self, with_mail: tuple[str, ...], without_mail: tuple[str, ...]) -> None:
        self.with_mail = with_mail
        """Archive and sent mail."""
        self.without_mail = without_mail


@dataclass(slots=True)
class Exchange(MemoryImap):
    """`with Exchange(users, language=Language.JAPANESE) as server: ...`"""

    language: Language = Language.GERMAN

    def __post_init__(self) -> None:
        self.create(*self.language.with_mail, *self.language.without_mail)

    def capabilities(self, *, signed_in: bool) -> str:
        return LIKE_MICROSOFT if signed_in else _BEFORE
