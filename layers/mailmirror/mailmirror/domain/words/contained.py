"""The explanation of each cause for which a message could not be read, or not whole."""

from mailmirror.domain.contained import Cause
from mailmirror.domain.verdict import Verdict
from mailmirror.domain.words.explanation import Catalogue, translated
from mailmirror.domain.words.verdicts import VERDICTS

CAUSES: Catalogue[Cause] = {
    Cause.NOT_RETURNED: translated(
        "The server lists the message and does not return it.",
        "Nothing to do: it is tried again. If it stays, ask the server's owner whether it can be"
        " opened; once it is deleted there, it is tried no more.",
        "サーバーの一覧にあるのに、取得できないメールです。",
        "自動で再試行されるため操作は不要です。続く場合は、開けるかどうかサーバーの管理者に確認して"
        "ください。サーバーで削除すると再試行も終わります。",
    ),
    Cause.REFUSED: translated(
        "The server answers with an error when the message is fetched.",
        "Nothing to do: it is tried again. If it stays, ask the server's owner to repair the"
        " message; once it is deleted there, it is tried no more.",
        "メールを取得するとサーバーがエラーを返します。",
        "自動で再試行されるため操作は不要です。続く場合はサーバーの管理者にメールの修復を依頼して"
        "ください。サーバーで削除すると再試行も終わります。",
    ),
    Cause.BREAKS_CONNECTION: translated(
        "The server ends the connection when the message is fetched.",
        "Nothing to do: it is tried again. If it stays, ask the server's owner to repair the"
        " message; once it is deleted there, it is tried no more.",
        "メールを取得するとサーバーが接続を切断します。",
        "自動で再試行されるため操作は不要です。続く場合はサーバーの管理者にメールの修復を依頼して"
        "ください。サーバーで削除すると再試行も終わります。",
    ),
    Cause.TOO_HEAVY: translated(
        "Mailmirror failed, or ran out of memory or time, while it read the message.",
        "Open the message in the mailbox itself, and report it to the stack's operator.",
        "このメールの読み取り中に、Mailmirror の処理が失敗したか、"
        "メモリまたは時間の上限に達しました。",
        "メールボックスで直接開き、運用者に報告してください。",
    ),
    Cause.NOT_STORED: translated(
        "Mailmirror failed at the message.",
        "Open the message in the mailbox itself, and report it to the stack's operator, whose log"
        " says where it failed.",
        "このメールの処理で Mailmirror の内部エラーが発生しました。",
        "メールボックスで直接開き、運用者に報告してください。失敗した箇所はログにあります。",
    ),
    Cause.HEADERS_ONLY: translated(
        "The message is on its cards by its headers alone: reading its body failed.",
        "Open the message in the mailbox itself, and report it to the stack's operator.",
        "本文の処理に失敗したため、ヘッダーだけがカードに表示されています。",
        "メールボックスで直接開き、運用者に報告してください。",
    ),
    Cause.UNREADABLE: VERDICTS[Verdict.UNREADABLE],
}
