"""What a browser shows after a sign-in that was begun without a return URL."""

from mailmirror.domain.words.explanation import translated

CONNECTED = translated(
    "Your mailbox is connected.",
    "You can close this page. Your mail appears in the CRM as it is read.",
    "メールボックスを接続しました。",
    "このページは閉じてかまいません。メールは読み込まれしだい CRM に表示されます。",
)
