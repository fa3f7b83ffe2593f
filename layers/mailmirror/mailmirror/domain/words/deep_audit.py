"""The explanation of each kind of fault that a deep audit finds.

What can be repaired is, by the audit itself.
"""

from mailmirror.domain.deep_audit import FaultKind
from mailmirror.domain.words.explanation import Catalogue, Explanations, translated


def _fault(reason: str, reason_ja: str) -> Explanations:
    return translated(
        reason,
        "Nothing to do where it was repaired. If it is listed as not repaired, or as returned after"
        " a repair, ask your administrator to report it to the stack's operator with the folder and"
        " the UID.",
        reason_ja,
        "修復済みの場合、操作は不要です。"
        "修復できなかったもの、または再発したものとして表示されている場合は、"
        "フォルダーと UID を添えて運用者に報告するよう管理者に依頼してください。",
    )


FAULTS: Catalogue[FaultKind] = {
    FaultKind.VERDICT: _fault(
        "The stored decision whether a message belongs on cards was wrong or missing.",
        "メールをカードに表示するかどうかの判定の記録が、失われているか誤っていました。",
    ),
    FaultKind.PRESENCE: _fault(
        "It was stored wrongly whether the mail server still has a message.",
        "メールがメールサーバーに残っているかどうかの記録が誤っていました。",
    ),
    FaultKind.LEDGER_BLOCK: _fault(
        "A part of the stored list of a folder's messages was missing or could not be read.",
        "フォルダーのメール一覧の記録の一部が失われているか、読み取れませんでした。",
    ),
    FaultKind.FOLDER_COUNTS: _fault(
        "The stored counts of a folder's messages did not match the stored list of them.",
        "フォルダーの件数の記録が、メール一覧の記録と一致していませんでした。",
    ),
    FaultKind.COPY: _fault(
        "The record of which message a mirrored copy belongs to was missing or wrong.",
        "反映されたメールの写しがどのメールのものかの記録が、失われているか誤っていました。",
    ),
    FaultKind.CONTENT: _fault(
        "What lists show of a message was missing or wrong.",
        "一覧に表示するメールの情報が、失われているか誤っていました。",
    ),
    FaultKind.RAW: _fault(
        "The stored bytes of a message were missing or damaged.",
        "保存されているメールの本体が、失われているか壊れていました。",
    ),
    FaultKind.ENTRY: _fault(
        "The record of a message in its thread was missing or wrong.",
        "スレッドの中のメールの記録が、失われているか誤っていました。",
    ),
    FaultKind.TIMELINE: _fault(
        "A message was missing on the card of one of its participants.",
        "参加者のカードにメールが表示されていませんでした。",
    ),
    FaultKind.ADDRESS: _fault(
        "It was not stored that this mailbox has messages of an address.",
        "このメールボックスにそのアドレスのメールがあるという記録が失われていました。",
    ),
    FaultKind.DEAL_ENTRY: _fault(
        "The record of a message on one of its deals was missing or wrong.",
        "商談に関連付けられたメールの記録が、失われているか誤っていました。",
    ),
    FaultKind.DEAL: _fault(
        "It was not stored that this mailbox has messages on a deal.",
        "このメールボックスにその商談のメールがあるという記録が失われていました。",
    ),
    FaultKind.VERTEX: _fault(
        "The record of which thread a Message-ID belongs to was missing or wrong.",
        "Message-ID がどのスレッドに属するかの記録が、失われているか誤っていました。",
    ),
    FaultKind.ROOT: _fault(
        "The record of a thread's deals, of its attaches and detaches, or of the threads joined to"
        " it was missing.",
        "スレッドの商談、その関連付けや解除、または結合されたスレッドの記録が失われていました。",
    ),
    FaultKind.SENT_MARK: _fault(
        "It was not stored that a message was sent by the team.",
        "チームが送信したメールであるという記録が失われていました。",
    ),
    FaultKind.NOT_AUDITED: translated(
        "A message was not audited: Mailmirror failed, or ran out of memory or time, while it"
        " checked the message.",
        "Open the message in the mailbox itself, and ask your administrator to report it to the"
        " stack's operator with the folder and the UID. The next audit tries it again.",
        "このメールの検査中に、Mailmirror の処理が失敗したか、メモリまたは時間の上限に達したため、"
        "検査されていません。",
        "メールボックスで直接開き、フォルダーと UID を添えて運用者に報告するよう管理者に依頼してく"
        "ださい。次回の検査で再試行されます。",
    ),
}
