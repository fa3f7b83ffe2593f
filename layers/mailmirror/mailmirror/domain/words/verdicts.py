"""The explanation of each verdict."""

from mailmirror.domain.verdict import Verdict
from mailmirror.domain.words.explanation import Catalogue, translated

VERDICTS: Catalogue[Verdict] = {
    Verdict.UNREADABLE: translated(
        "The message's headers cannot be understood.",
        "Open the message in the mailbox itself.",
        "メールのヘッダーを解釈できません。",
        "メールボックスで直接開いてください。",
    ),
    Verdict.OUTSIDE_WINDOW: translated(
        "The message arrived before the day from which this mailbox's mail is mirrored.",
        "If older mail is wanted, set an earlier day: `PATCH /v1/mailboxes/{mailbox_id}` with"
        " `history_since`.",
        "メールボックスの同期開始日より前に届いたメールです。",
        "古いメールが必要な場合は、`PATCH /v1/mailboxes/{mailbox_id}` の `history_since` に、"
        "より前の日付を指定してください。",
    ),
    Verdict.DRAFT: translated(
        "The message is a draft that has not been sent.",
        "Send it: what is sent is mirrored.",
        "まだ送信されていない下書きです。",
        "送信してください。送信したメールは反映されます。",
    ),
    Verdict.INTERNAL: translated(
        "All participants of the message are of your own team.",
        "Nothing to do: mail within the team is not mirrored.",
        "チームのメンバーだけのメールです。",
        "チーム内のメールは反映されないため、操作は不要です。",
    ),
    Verdict.REPORT: translated(
        "The message is a mail system's report on another message.",
        "Nothing to do: look at the state of the message that it reports on.",
        "別のメールに関するメールシステムからの通知です。",
        "操作は不要で、通知の対象となったメールの状態から結果を確認できます。",
    ),
    Verdict.NO_PERSON: translated(
        "Nobody in the message is a lead or contact of the CRM.",
        "Add the person's address to a lead or contact: the message is on their card within an"
        " hour.",
        "CRM のリードまたは連絡先に該当する人がいません。",
        "リードまたは連絡先にメールアドレスを追加してください。1 時間以内にカードに反映されます。",
    ),
    Verdict.BLOCKED: translated(
        "The owner of the mailbox has blocked every lead and contact in the message.",
        "If it is wanted, the owner removes the block: `GET /v1/users/{user_id}/blocks` lists them,"
        " and `DELETE /v1/users/{user_id}/blocks/{block_id}` removes one.",
        "メールボックスの所有者が、該当する相手をすべてブロックしています。",
        "必要な場合は、所有者が `GET /v1/users/{user_id}/blocks` でブロックを確認し、"
        "`DELETE /v1/users/{user_id}/blocks/{block_id}` で解除してください。",
    ),
    Verdict.TOO_MANY_RECIPIENTS: translated(
        "The message names more addresses than the account's limit of recipients allows, "
        "or over 256 KB of them.",
        "If such mail is wanted, ask your administrator to raise the limit: `PATCH /v1/account`"
        " with `max_recipients`, up to 500. A message with more than 500 addresses, or over 256 KB"
        " of them, can only be opened in the mailbox itself.",
        "メールに含まれるアドレスの数がアカウントの宛先数の上限を超えているか、"
        "アドレスの合計が 256 KB を超えています。",
        "必要な場合は、CRM の管理者に `PATCH /v1/account` の `max_recipients` を（500 まで）引き上"
        "げるよう依頼してください。アドレスが 500 件または合計 256 KB を超えるメールは、"
        "メールボックスで直接開いてください。",
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
