"""Names that servers give to folders of one use, in their languages.

As Exchange, Gmail, Zimbra, Dovecot and large providers name them where SPECIAL-USE (RFC 6154) is
not offered. The names of one use are separated by `|`; the commonest language stands first.
"""

import unicodedata
from enum import StrEnum


class FolderUse(StrEnum):
    """What a folder is for."""

    SENT = "sent"
    TRASH = "trash"
    JUNK = "junk"
    DRAFTS = "drafts"
    OUTBOX = "outbox"
    ARCHIVE = "archive"
    ALL = "all"
    FLAGGED = "flagged"
    SYNC_ISSUES = "sync_issues"
    CONVERSATIONS = "conversations"
    FEEDS = "feeds"
    CALENDAR = "calendar"
    CONTACTS = "contacts"
    TASKS = "tasks"
    NOTES = "notes"
    JOURNAL = "journal"


_SENT = """
sent|sent items|sent messages|sent mail|sent-mail
送信済み|送信済みアイテム|送信済みメール|送信済みトレイ|送信済みメッセージ
gesendet|gesendete elemente|gesendete objekte|gesendete nachrichten|gesendete e-mails
envoyés|éléments envoyés|messages envoyés|courrier envoyé|envoyé
enviados|elementos enviados|mensajes enviados|correo enviado
itens enviados|mensagens enviadas|e-mails enviados|email enviado
posta inviata|inviata|inviati|messaggi inviati|elementi inviati
verzonden|verzonden items|verzonden berichten
skickat|skickade objekt|skickade|skickade meddelanden
sendt|sendte elementer|sendt post|sendt mail|sendte
lähetetyt|lähetetyt viestit
wysłane|elementy wysłane|wiadomości wysłane
odeslané|odeslaná pošta|odeslané zprávy|odoslané|odoslaná pošta|odoslané položky
elküldött|elküldött elemek|elküldött üzenetek
trimise|elemente trimise|mesaje trimise
изпратени|изпратени елементи|изпратена поща
απεσταλμένα|απεσταλμένα στοιχεία|σταλμένα
gönderilmiş öğeler|gönderilen|gönderilmiş postalar|gönderilmiş|gönderilenler
отправленные|отправленные элементы|исходящие отправленные
надіслані|надіслані елементи|відправлені
已发送|已发送邮件|已发送的邮件|已傳送|寄件備份|已傳送的郵件|已寄出的郵件
보낸 편지함|보낸편지함|보낸 메일함|보낸메일함
פריטים שנשלחו|דואר שנשלח|נשלחו|العناصر المرسلة|المرسل|البريد المرسل
รายการที่ถูกส่ง|จดหมายที่ส่ง|ส่งแล้ว|thư đã gửi|mục đã gửi|đã gửi
item terkirim|terkirim|pesan terkirim
poslano|poslane stavke|poslana pošta|poslate stavke|послато
saadetud|saadetud üksused|saadetud kirjad
nosūtītie|nosūtītie vienumi|nosūtītās vēstules|išsiųsta|išsiųsti laiškai|išsiųsti elementai
enviats|elements enviats|bidalitakoak|elementos enviados|भेजे गए आइटम|भेजे गए
"""
_TRASH = """
trash|deleted items|deleted messages|deleted|bin|wastebasket
削除済みアイテム|ごみ箱|ゴミ箱|削除済みメッセージ
gelöschte elemente|papierkorb|gelöscht|gelöschte objekte
éléments supprimés|corbeille|messages supprimés
elementos eliminados|papelera|papelera de reciclaje|eliminados
itens excluídos|itens eliminados|lixeira|lixo
posta eliminata|cestino|elementi eliminati|eliminata
verwijderde items|prullenbak|verwijderd
borttagna objekt|papperskorgen|borttaget
slettet post|slettede elementer|papirkurv|papirkurven|slettet
poistetut|roskakori
elementy usunięte|kosz|usunięte
odstraněná pošta|koš|odstraněné|odstránené položky|kôš|odstránená pošta
törölt elemek|kuka|lomtár|törölt
elemente șterse|coș de gunoi|gunoi
изтрити елементи|кошче|изтрити
διαγραμμένα στοιχεία|κάδος|κάδος απορριμμάτων|διαγραμμένα
silinmiş öğeler|çöp kutusu|silinmiş
удаленные|удалённые|корзина
видалені|кошик|видалені елементи
已删除邮件|已删除|已删除的邮件|废纸篓|垃圾桶|刪除的郵件|已刪除的郵件|已刪除
지운 편지함|휴지통|지운편지함
פריטים שנמחקו|אשפה|العناصر المحذوفة|المهملات|سلة المهملات
รายการที่ถูกลบ|ถังขยะ|thư đã xóa|mục đã xóa|thùng rác
item dihapus|sampah|tong sampah
izbrisane stavke|izbrisano|smeće|otpad|obrisane stavke
kustutatud üksused|prügikast|kustutatud
izdzēstie vienumi|atkritne|ištrinti elementai|šiukšliadėžė|panaikinta
elements suprimits|paperera|हटाए गए आइटम
"""
_JUNK = """
junk|spam|junk e-mail|junk email|junk mail|bulk mail|bulk
迷惑メール|スパム
junk-e-mail|spamverdacht|unerwünscht|unerwünschte werbung
courrier indésirable|indésirables|pourriel
correo no deseado|no deseado
lixo eletrônico|lixo eletrónico|lixo electrónico|e-mail de lixo|email de lixo
posta indesiderata|indesiderata
ongewenste e-mail|ongewenst|ongewenste mail
skräppost|uønsket e-post|uønsket mail|uønsket e-mail|uønsket post|søppelpost
roskaposti|wiadomości-śmieci|wiadomości śmieci
nevyžádaná pošta|nevyžiadaná pošta|nevyžiadaná e-mailová pošta
levélszemét|e-mail nedorit|mesaje nedorite
нежелана поща|спам|ανεπιθύμητη αλληλογραφία|ανεπιθύμητα
önemsiz e-posta|önemsiz|gereksiz e-posta|istenmeyen
нежелательная почта|небажана пошта
垃圾邮件|垃圾郵件|垃圾箱|정크 메일|스팸 메일함|스팸메일함|스팸함|스팸
דואר זבל|ספאם|البريد الإلكتروني غير الهام|البريد غير الهام|البريد العشوائي
อีเมลขยะ|จดหมายขยะ|thư rác|email sampah
neželjena pošta|neželjena e-pošta|neželena e-pošta|rämpspost
surogātpasts|mēstules|nepageidaujami laiškai|šlamštas|correu brossa|जंक ईमेल
"""
_DRAFTS = """
drafts|draft
下書き
entwürfe|entwurf
brouillons|brouillon
borradores|borrador
rascunhos|rascunho
bozze|bozza
concepten|concept
utkast|kladder|kladde
luonnokset|wersje robocze|kopie robocze|szkice
koncepty|rozepsané|rozpracované
piszkozatok|schițe|ciorne|mesaje nefinalizate
чернови|πρόχειρα|taslaklar|taslak
черновики|чернетки
草稿|草稿箱|草稿匣|임시 보관함|임시보관함|임시 보관 메일
טיוטות|المسودات|مسودات
แบบร่าง|ร่างจดหมาย|bản nháp|thư nháp|draf|konsep
skice|osnutki|nacrti|mustandid|melnraksti|juodraščiai
esborranys|zirriborroak|ड्राफ़्ट
"""
_OUTBOX = """
outbox|送信トレイ|postausgang|boîte d'envoi|boîte d’envoi|bandeja de salida|caixa de saída|a enviar
posta in uscita|postvak uit|utkorgen|udbakke|utboks|lähtevät|skrzynka nadawcza|pošta k odeslání
na odoslanie|postázandó üzenetek|outbox|mesaje de expediat|изходящи|εξερχόμενα|giden kutusu
исходящие|вихідні|发件箱|寄件匣|보낼 편지함|דואר יוצא|صندوق الصادر|علبة الصادر|กล่องขาออก|hộp thư đi
kotak keluar|odlazna pošta|odlazne poruke|poslano na čakanju|väljundkaust|izsūtne|siunčiamieji
"""
_ARCHIVE = """
archive|archives|アーカイブ|archiv|archivage|archivo|arquivo|arquivo morto|archivio|archief|arkiv
arkisto|archiwum|archív|archívum|arhivă|архив|αρχειοθέτηση|arşiv|архів|存档|封存|归档|보관함|보관
ארכיון|أرشيف|เก็บถาวร|lưu trữ|arsip|arhiva|arhiiv|arhīvs|archyvas
"""
_SYNC_ISSUES = """
sync issues|同期の失敗|synchronisierungsprobleme|problèmes de synchronisation
problemas de sincronización|problemas de sincronização|problemi di sincronizzazione
synchronisatieproblemen|synkroniseringsproblem|synkroniseringsproblemer|synkronointiongelmat
problemy z synchronizacją|problémy se synchronizací|problémy so synchronizáciou
szinkronizálási hibák|probleme de sincronizare|eşitleme sorunları|ошибки синхронизации
проблеми синхронізації|проблемы синхронизации|同步问题|同步處理問題|동기화 문제
"""
_CONVERSATIONS = """
conversation history|会話の履歴|スレッド履歴|aufgezeichnete unterhaltungen|unterhaltungsverlauf
historique des conversations|historial de conversaciones|histórico de conversas
histórico de conversação|cronologia conversazioni|gespreksgeschiedenis|konversationshistorik
samtalehistorik|samtalelogg|keskusteluhistoria|historia konwersacji|historie konverzací
história konverzácií|beszélgetések előzményei|istoric conversații|konuşma geçmişi
журнал бесед|история разговоров|журнал розмов|对话历史记录|交談記錄|대화 내용|대화 기록
"""
_FEEDS = """
rss feeds|rss subscriptions|rss フィード|rss-feeds|rss-abonnements|flux rss|fuentes rss|feeds rss
feed rss|rss-flöden|rss-feed|rss-syötteet|źródła wiadomości rss|kanały rss|informační kanály rss
rss-hírcsatornák|fluxuri rss|rss akışları|rss-каналы|rss-канали|rss 源|rss 摘要|rss 피드
"""
_CALENDAR = """
calendar|予定表|カレンダー|kalender|calendrier|calendario|calendário|agenda|kalenteri|kalendarz
kalendář|kalendár|naptár|calendar|календар|ημερολόγιο|takvim|календарь|日历|行事曆|일정|לוח שנה
التقويم|ปฏิทิน|lịch|kalendar|koledar|kalendārs|kalendorius
"""
_CONTACTS = """
contacts|連絡先|kontakte|contactos|contatos|contatti|contactpersonen|kontakter|kontaktpersoner
yhteystiedot|kontakty|névjegyek|kapcsolatok|persoane de contact|contacte|контакти|επαφές|kişiler
контакты|联系人|連絡人|연락처|אנשי קשר|جهات الاتصال|ที่ติดต่อ|danh bạ|liên hệ|kontak|kontakti|stiki
kontaktid|kontaktpersonas|adresatai
"""
_TASKS = """
tasks|タスク|aufgaben|tâches|tareas|tarefas|attività|taken|uppgifter|opgaver|oppgaver
tehtävät|zadania|úkoly|úlohy|feladatok|activități|задачи|εργασίες|görevler|завдання|任务|工作|작업
משימות|المهام|งาน|tác vụ|nhiệm vụ|tugas|zadaci|opravila|ülesanded|uzdevumi|užduotys
"""
_NOTES = """
notes|メモ|notizen|notas|anotações|note|notities|anteckningar|noter|notater|muistiinpanot|notatki
poznámky|feljegyzések|jegyzetek|бележки|σημειώσεις|notlar|заметки|нотатки|便笺|記事|메모|הערות
الملاحظات|บันทึกย่อ|ghi chú|catatan|bilješke|beleške|opombe|märkmed|piezīmes|pastabos
"""
_JOURNAL = """
journal|履歴|diario|diário|logboek|dagbok|päiväkirja|dziennik|deník|denník|napló|jurnal
дневник|ημερολόγιο καταγραφής|günlük|журнал|日记|日誌|업무 일지|יומן|دفتر اليومية|สมุดบันทึก|nhật ký
buku harian|dnevnik|päevik|žurnāls|žurnalas
"""
_PREFIXES = ("[gmail]/", "[google mail]/")


def _normal(name: str) -> str:
    """Without case, also of the Turkish dotless i, whose capital is that of i."""
    folded = unicodedata.normalize("NFC", name).casefold().replace("ı", "i")
    return unicodedata.normalize("NFC", folded)


def _names(table: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_normal(one) for one in table.replace("\n", "|").split("|") if one))


NAMES: dict[FolderUse, tuple[str, ...]] = {
    FolderUse.SENT: _names(_SENT),
    FolderUse.TRASH: _names(_TRASH),
    FolderUse.JUNK: _names(_JUNK),
    FolderUse.DRAFTS: _names(_DRAFTS),
    FolderUse.OUTBOX: _names(_OUTBOX),
    FolderUse.ARCHIVE: _names(_ARCHIVE),
    FolderUse.SYNC_ISSUES: _names(_SYNC_ISSUES),
    FolderUse.CONVERSATIONS: _names(_CONVERSATIONS),
    FolderUse.FEEDS: _names(_FEEDS),
    FolderUse.CALENDAR: _names(_CALENDAR),
    FolderUse.CONTACTS: _names(_CONTACTS),
    FolderUse.TASKS: _names(_TASKS),
    FolderUse.NOTES: _names(_NOTES),
    FolderUse.JOURNAL: _names(_JOURNAL),
}
"""Normalised, the commonest first."""
_PLAIN_WORDS = frozenset(
    _names(
        "bin|bulk|draft|entwurf|brouillon|borrador|rascunho|bozza|concept|kladde|koncepty|szkice"
        "|skice|schițe|nacrti|osnutki|konsep|draf"
    )
)
_RANKS = {name: (use, rank) for use, names in NAMES.items() for rank, name in enumerate(names)}


def use_by_name(name: str, delimiter: str) -> tuple[FolderUse, int] | None:
    """Say what a folder is for, and how common its name is for that (0 is the commonest).

    Also below INBOX, as Courier has it, and below Gmail's own folder.

    Parameters:
        delimiter: of the hierarchy; empty where the server has none.
    """
    return _RANKS.get(_short(name, delimiter))


def is_plain_word(name: str, delimiter: str) -> bool:
    """Tell whether a name that says what a folder is for is also a word for something else.

    A person's folder of plans may be named `Concept`, which is Dutch for drafts.
    """
    return _short(name, delimiter) in _PLAIN_WORDS


def _short(name: str, delimiter: str) -> str:
    short = _normal(name)
    if delimiter:
        short = short.removeprefix(_normal(f"inbox{delimiter}"))
    for prefix in _PREFIXES:
        short = short.removeprefix(prefix)
    return short
