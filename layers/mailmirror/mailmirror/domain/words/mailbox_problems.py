"""The explanation of problems of a mailbox that is connected: its server has worked before.

So its reader is not asked to correct what was right when the mailbox was connected.
"""

from mailmirror.domain.problems import Code
from mailmirror.domain.words.explanation import Catalogue, Explanation, Language, translated
from mailmirror.domain.words.problems import PROBLEMS

_RETRIED = "Nothing to do: it is tried again. If it stays, ask the server's owner"
_RETRIED_JA = "自動で再試行されるため操作は不要です。続く場合はサーバーの管理者に確認し"

MAILBOX_PROBLEMS: Catalogue[Code] = {
    Code.HOST_UNKNOWN: translated(
        "The name of the mail server does not resolve any more.",
        f"{_RETRIED}; where the server has another name now, connect the mailbox again with it.",
        "メールサーバーの名前を解決できなくなりました。",
        f"{_RETRIED_JA}、サーバー名が変わった場合はその名前で接続し直してください。",
    ),
    Code.HOST_NOT_ALLOWED: translated(
        "The name of the mail server leads to an IP address that is not public.",
        "Ask the server's owner whether that is right; if it is, ask the stack's operator to allow"
        " its network (parameter AllowedNetworks).",
        "メールサーバーの IP アドレスが、グローバル IP アドレスではありません。",
        "正しいかどうかサーバーの管理者に確認し、正しい場合は運用者にネットワークの許可"
        "（パラメーター AllowedNetworks）を依頼してください。",
    ),
    Code.CONNECT_REFUSED: translated(
        "The mail server refuses connections, or cannot be reached.",
        f"{_RETRIED}; where it has another host or port now, connect the mailbox again with it.",
        "メールサーバーが接続を拒否しているか、到達できません。",
        f"{_RETRIED_JA}、ホストかポートが変わった場合はそれで接続し直してください。",
    ),
    Code.CONNECT_TIMEOUT: translated(
        "The mail server does not answer.",
        f"{_RETRIED}; where it has another host or port now, connect the mailbox again with it.",
        "メールサーバーが応答しません。",
        f"{_RETRIED_JA}、ホストかポートが変わった場合はそれで接続し直してください。",
    ),
    Code.SERVER_UNAVAILABLE: translated(
        "The server says that it cannot serve this mailbox right now.",
        f"{_RETRIED}.",
        "サーバーが現在このメールボックスを利用できないと応答しています。",
        f"{_RETRIED_JA}てください。",
    ),
    Code.CONNECTION_LOST: translated(
        "The server closed the connection, or stopped answering.",
        f"{_RETRIED}.",
        "サーバーが接続を切断したか、応答しなくなりました。",
        f"{_RETRIED_JA}てください。",
    ),
    Code.MAILBOX_NOT_OPENED: translated(
        "The server has accepted the sign-in, but does not open the mailbox.",
        "It is tried again. If it stays, show `detail` to the administrator of Microsoft 365 or"
        " Exchange, and ask whether the mailbox of this sign-in name exists, has a licence, or is"
        " being moved.",
        "サーバーはサインインを受け付けましたが、メールボックスを開きません。",
        "自動で再試行されます。続く場合は（Microsoft 365 または Exchange の）管理者に `detail` を"
        "伝え、このサインイン名のメールボックスの有無、ライセンス、移動中でないかの確認を依頼して"
        "ください。",
    ),
    Code.FOLDER_UNKNOWN: translated(
        "A folder that `folders` or `sent_folders` names is not there, or cannot be opened.",
        "Set `folders` or `sent_folders` again, to folders that there are, or `folders` to `all`:"
        " `PATCH /v1/mailboxes/{mailbox_id}`. `GET /v1/mailboxes/{mailbox_id}/preview` lists them.",
        "`folders` か `sent_folders` に指定されたフォルダーが見つからないか、開けません。",
        "`PATCH /v1/mailboxes/{mailbox_id}` で実在するフォルダーを指定するか、`folders` を `all` に"
        "してください。フォルダーは `GET /v1/mailboxes/{mailbox_id}/preview` で確認できます。",
    ),
    Code.SIGN_IN_UNANSWERED: translated(
        "The mail server does not answer the sign-in in time.",
        f"{_RETRIED}; where the password was changed, connect the mailbox again with it.",
        "メールサーバーがサインインに時間内に応答しません。",
        f"{_RETRIED_JA}、パスワードを変更した場合はそれで接続し直してください。",
    ),
    Code.TLS_FAILED: translated(
        "The mail server does not speak TLS as it did when the mailbox was connected.",
        f"{_RETRIED}; where TLS is at another port now, connect the mailbox again with it.",
        "メールサーバーとの TLS 通信が、接続時のようには行えなくなりました。",
        f"{_RETRIED_JA}、TLS のポートが変わった場合はそれで接続し直してください。",
    ),
    Code.CERTIFICATE_INVALID: translated(
        "The certificate of the mail server does not verify.",
        "Ask the server's owner to renew it; where the server has another name now, connect the"
        " mailbox again with it.",
        "メールサーバーの証明書を検証できません。",
        "サーバーの管理者に更新を依頼してください。サーバー名が変わった場合はその名前で"
        "接続し直してください。",
    ),
    Code.STARTTLS_MISSING: translated(
        "The mail server does not offer STARTTLS any more, and passwords are sent only over TLS.",
        "Ask the server's owner to offer STARTTLS again; where TLS is at another port now, connect"
        " the mailbox again with it.",
        "メールサーバーが STARTTLS に対応しなくなり、TLS なしではパスワードを送れません。",
        "サーバーの管理者に STARTTLS の再開を依頼してください。"
        "TLS のポートが変わった場合はそれで接続し直してください。",
    ),
    Code.PROTOCOL_ERROR: translated(
        "The mail server answers against the rules of its protocol.",
        f"{_RETRIED}, and show them `detail`.",
        "メールサーバーが規則に反した応答をしています。",
        f"{_RETRIED_JA}、`detail` を伝えてください。",
    ),
    Code.SIGN_IN_FAILED: translated(
        "The server does not accept the user name or the password any more.",
        "Connect the mailbox again with the present password; where two-step sign-in is on, make"
        " an app password at the provider.",
        "サーバーがユーザー名またはパスワードを受け付けなくなりました。",
        "現在のパスワードで接続し直してください。二段階認証が有効な場合は、プロバイダーで"
        "アプリパスワードを作成してください。",
    ),
    Code.INTERNAL_ERROR: translated(
        "Mailmirror itself has failed at this mailbox.",
        "Nothing to do: it is tried again. If it stays, ask the stack's operator, whose log has the"
        " cause.",
        "Mailmirror の内部エラーで、このメールボックスを処理できません。",
        "自動で再試行されるため操作は不要です。続く場合は運用者に、ログでの原因の確認を依頼して"
        "ください。",
    ),
}


def explain_mailbox_problem(code: Code, language: Language) -> Explanation:
    """Why a connected mailbox cannot be read, or cannot send."""
    return MAILBOX_PROBLEMS.get(code, PROBLEMS[code])[language]
