"""The explanation of each kind of fault that a deep audit finds.

What can be repaired is, by the audit itself.
"""

from mailmirror.domain.deep_audit import FaultKind
from mailmirror.domain.words.explanation import Catalogue, Explanations, translated


def _fault(reason: str, reason_ja: str) -> Explanations:
    return translated(
        reason,
        "Nothing to do where it was repaired. If it is listed as not repaired or as returned, ask"
        " your administrator to report it with the folder and the UID.",
        reason_ja,
        "修復済みの場合、操作は不要です。修復できなかったもの、再発したものとして表示されている場合は、"
        "フォルダーと UID を添えて報告するよう管理者に依頼してください。",
    )


FAULTS: Catalogue[FaultKind] = {
    FaultKind.VERDICT: _fault(
        "The stored verdict of a message was not the one that its headers give, or was missing.",
        "保存されている判定が、メールのヘッダーによる判定と異なるか、失われていました。",
    ),
    FaultKind.PRESENCE: _fault(
        "It was stored wrongly whether the mail server still has a message.",
        "メールがメールサーバーに残っているかどうかの記録が誤っていました。",
    ),
    FaultKind.LEDGER_BLOCK: _fault(
        "A part of a folder's ledger was missing or could not be read.",
        "フォルダーの台帳の一部が失われているか、読み取れませんでした。",
    ),
    FaultKind.FOLDER_COUNTS: _fault(
        "A folder's stored numbers were not those of its ledger.",
        "フォルダーの件数の記録が、台帳の内容と一致していませんでした。",
    ),
    FaultKind.COPY: _fault(
        "It was missing or wrong which message a mirrored copy is.",
        "ミラーされたコピーがどのメールであるかの記録が、失われているか誤っていました。",
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
        "A message was missing in its thread, or wrong.",
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
        "A message was missing on one of its deals, or wrong.",
        "取引に関連付けられたメールの記録が、失われているか誤っていました。",
    ),
    FaultKind.DEAL: _fault(
        "It was not stored that this mailbox has messages on a deal.",
        "このメールボックスにその取引のメールがあるという記録が失われていました。",
    ),
    FaultKind.VERTEX: _fault(
        "It was missing or wrong which thread a Message-ID belongs to.",
        "Message-ID がどのスレッドに属するかの記録が、失われているか誤っていました。",
    ),
    FaultKind.ROOT: _fault(
        "A thread's deals, what persons said of them, or its joined threads were missing.",
        "スレッドの取引、その関連付けの変更、または結合されたスレッドの記録が失われていました。",
    ),
    FaultKind.SENT_MARK: _fault(
        "It was not stored that a message was sent by the team.",
        "チームが送信したメールであるという記録が失われていました。",
    ),
    FaultKind.NOT_AUDITED: translated(
        "A message was not audited: functions failed, or ran out of memory or time, while they"
        " checked it.",
        "Open the message in the mailbox itself, and ask your administrator to report it with the"
        " folder and the UID. The next audit tries it again.",
        "このメールの検査中に関数が失敗したか、メモリまたは時間の上限に達したため、検査されていません。",
        "メールボックスで直接開き、フォルダーと UID を添えて報告するよう管理者に依頼してください。"
        "次回の検査で再試行されます。",
    ),
}
