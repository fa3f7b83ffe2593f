"""Verdicts in a person's words."""

from mailmirror.domain.verdict import Verdict
from mailmirror.domain.words.explanation import Catalogue, translated

VERDICTS: Catalogue[Verdict] = {
    Verdict.UNREADABLE: translated(
        "The message's headers cannot be understood.",
        "Nothing to do: it is tried again when Mailmirror learns to read more.",
        "メールのヘッダーを解釈できません。",
        "Mailmirror の解析機能が更新されると再試行されるため、操作は不要です。",
    ),
    Verdict.OUTSIDE_WINDOW: translated(
        "The message arrived before the mailbox's history begins.",
        "Move the mailbox's history_since to an earlier day.",
        "メールボックスの同期開始日より前に届いたメールです。",
        "メールボックスの history_since をより前の日付に変更してください。",
    ),
    Verdict.INTERNAL: translated(
        "Everybody in the message is of your own team.",
        "Nothing to do: mail within the team is not mirrored.",
        "チームのメンバーだけのメールです。",
        "チーム内のメールは反映されないため、操作は不要です。",
    ),
    Verdict.REPORT: translated(
        "The message is a mail system's report on another message.",
        "Nothing to do: look at the state of the message that it reports on.",
        "別のメールに関する配送システムからの通知です。",
        "操作は不要で、通知の対象となったメールの状態から結果を確認できます。",
    ),
    Verdict.NO_PERSON: translated(
        "Nobody in the message is a lead or contact of the CRM.",
        "Add the person's address to a lead or contact.",
        "CRM のリードまたは取引先担当者に該当する人がいません。",
        "リードまたは取引先担当者にメールアドレスを追加してください。",
    ),
    Verdict.BLOCKED: translated(
        "The owner of the mailbox has blocked every lead and contact in the message.",
        "Unblock the person, the address or the domain.",
        "該当する相手はすべてブロックされています。",
        "相手、アドレス、またはドメインのブロックを解除してください。",
    ),
    Verdict.TOO_MANY_RECIPIENTS: translated(
        "The message names more addresses than the account's limit of recipients allows.",
        "Raise the account's limit of recipients.",
        "メールに含まれるアドレスの数がアカウントの宛先数の上限を超えています。",
        "アカウントの宛先数の上限を引き上げてください。",
    ),
    Verdict.MIRRORED: translated(
        "The message is on its cards.",
        "Nothing to do.",
        "メールはカードに反映されています。",
        "操作は不要です。",
    ),
    Verdict.PENDING: translated(
        "The mail server listed the message but has not returned it yet.",
        "Wait for the next sync; if it stays, open the message in the mailbox itself.",
        "メールサーバーの一覧にありますが、まだ取得できていません。",
        "次の同期をお待ちいただき、続く場合はメールボックスで直接開いてください。",
    ),
    Verdict.GONE: translated(
        "The message left the mail server before it could be read.",
        "Nothing to do: it is no longer in the mailbox.",
        "読み取る前にメールサーバーから削除されました。",
        "メールボックスには残っていないため、操作は不要です。",
    ),
}
