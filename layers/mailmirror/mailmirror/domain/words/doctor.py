"""The explanation of each cause that a doctor names beside the problems and delivery errors."""

from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.problems import Code
from mailmirror.domain.server_causes import Diagnosis, ServerCause
from mailmirror.domain.words.delivery import DELIVERY_ERRORS
from mailmirror.domain.words.explanation import Catalogue, Explanation, Language, translated
from mailmirror.domain.words.mailbox_problems import explain_mailbox_problem
from mailmirror.domain.words.problems import PROBLEMS

SERVER_CAUSES: Catalogue[ServerCause] = {
    ServerCause.HANDSHAKE_FAILED: translated(
        "The server breaks off, or stops answering, while an encrypted connection (TLS) is agreed"
        " on.",
        "Show `seen` to the server's owner, and ask them to look at the server's TLS settings and"
        " at any firewall before it.",
        "暗号化（TLS）の取り決めの途中で、サーバーが通信を打ち切ったか、応答しなくなりました。",
        "サーバーの管理者に `seen` を伝え、サーバーの TLS 設定と手前のファイアウォールの確認を依"
        "頼してください。",
    ),
    ServerCause.TLS_VERSION_REFUSED: translated(
        "The server speaks only versions of TLS that are not safe any more; 1.2 or later is"
        " needed.",
        "Ask the server's owner to switch on TLS 1.2 or 1.3.",
        "サーバーが安全でない古い TLS にしか対応していません（1.2 以降が必要です）。",
        "サーバーの管理者に TLS 1.2 または 1.3 の有効化を依頼してください。",
    ),
    ServerCause.TLS_CIPHER_REFUSED: translated(
        "Server and Mailmirror have no TLS cipher in common.",
        "Ask the server's owner to allow modern ciphers, such as ECDHE with AES-GCM.",
        "サーバーと Mailmirror に共通の TLS 暗号方式がありません。",
        "サーバーの管理者に、ECDHE と AES-GCM などの新しい暗号方式の許可を依頼してください。",
    ),
    ServerCause.STARTTLS_STRIPPED: translated(
        "A device between Mailmirror and the server has overwritten its offer of encryption"
        " (STARTTLS).",
        'Use port 993 for IMAP or 465 for SMTP with `"security": "tls"`; or ask the owner of the'
        " server's network to switch the inspection of mail off in the firewall.",
        "途中の機器が、サーバーの暗号化の案内（STARTTLS）を書き換えています。",
        '`"security": "tls"` とし、IMAP はポート 993、SMTP は 465 を使うか、サーバーのネットワー'
        "クの管理者にファイアウォールのメール検査の無効化を依頼してください。",
    ),
    ServerCause.STARTTLS_REFUSED: translated(
        "The server offers encryption (STARTTLS), and refuses it when it is asked for.",
        "Show `seen` to the server's owner; often its certificate cannot be loaded. Port 993 for"
        ' IMAP or 465 for SMTP with `"security": "tls"` may work meanwhile.',
        "サーバーは暗号化（STARTTLS）を案内しながら、要求すると拒否します。",
        "サーバーの管理者に `seen` を伝えてください（証明書を読み込めないことが多くあります）。そ"
        'の間は`"security": "tls"` とし、IMAP はポート 993、SMTP は 465 を試してください。',
    ),
    ServerCause.CERTIFICATE_SELF_SIGNED: translated(
        "The server's certificate is signed by itself, so no authority confirms it.",
        "Ask the server's owner to install a certificate of a public authority. Where it has to"
        " stay, ask the stack's operator to trust it by the parameter ExtraCaObject.",
        "サーバーの証明書が自己署名のため、信頼できることを確認できません。",
        "サーバーの管理者に公的な認証局の証明書の導入を依頼してください。変更できない場合は、運用"
        "者にパラメーター ExtraCaObject での信頼を依頼してください。",
    ),
    ServerCause.CERTIFICATE_CHAIN_INCOMPLETE: translated(
        "The server does not send the intermediate certificates of its chain.",
        "Ask the server's owner to install the full chain (`fullchain`), not the server's"
        " certificate alone.",
        "サーバーが中間証明書を送っていません。",
        "サーバーの管理者に、サーバー証明書だけでなく中間証明書を含む一式（`fullchain`）の設定を"
        "依頼してください。",
    ),
    ServerCause.CERTIFICATE_UNTRUSTED: translated(
        "The server's certificate is of an authority that is not trusted here; `seen` names it.",
        "If it is your organisation's own authority, ask the stack's operator to trust it by the"
        " parameter ExtraCaObject; else ask the server's owner for a certificate of a public one.",
        "サーバーの証明書の認証局が信頼されていません（名前は `seen` にあります）。",
        "組織独自の認証局であれば、運用者にパラメーター ExtraCaObject での信頼を依頼し、そうでな"
        "ければサーバーの管理者に公的な認証局の証明書を依頼してください。",
    ),
    ServerCause.CERTIFICATE_EXPIRED: translated(
        "A certificate of the server has expired; `seen` says when.",
        "Ask the server's owner to renew it.",
        "サーバーの証明書の有効期限が切れています（期限は `seen` にあります）。",
        "サーバーの管理者に更新を依頼してください。",
    ),
    ServerCause.CERTIFICATE_NOT_YET_VALID: translated(
        "A certificate of the server is not valid yet; `seen` says from when on it is.",
        "Ask the server's owner to install one that is valid now, and to check the clock of the"
        " machine that issued it.",
        "サーバーの証明書がまだ有効になっていません（開始日時は `seen` にあります）。",
        "サーバーの管理者に、現在有効な証明書の導入と、発行した機器の時計の確認を依頼してください。",
    ),
    ServerCause.CERTIFICATE_OTHER_NAME: translated(
        "The server's certificate is of another name than the host's; `seen` has its names.",
        "Enter one of these names as `host`, if it leads to your mail server; else ask the"
        " server's owner to add the host's name to the certificate.",
        "サーバーの証明書の名前が、ホスト名と一致しません（証明書の名前は `seen` にあります）。",
        "その名前のいずれかが自分のメールサーバーであれば `host` に入力し、そうでなければサーバー"
        "の管理者に証明書へのホスト名の追加を依頼してください。",
    ),
    ServerCause.CERTIFICATE_UNCHECKED: translated(
        "The server's certificate could not be checked: it is damaged, too weak, or not meant for"
        " a server.",
        "Show `seen` to the server's owner, and ask for a certificate of a public authority for a"
        " server, with RSA of 2,048 bits or more.",
        "サーバーの証明書を確認できません（破損している、強度が足りない、サーバー用ではないなど）。",
        "サーバーの管理者に `seen` を伝え、公的な認証局のサーバー証明書（RSA は 2,048 ビット以上）"
        "の導入を依頼してください。",
    ),
    ServerCause.SERVERS_SWAPPED: translated(
        "IMAP and SMTP are swapped: each server answers in the place of the other.",
        "Enter host and port of `imap` under `smtp`, and those of `smtp` under `imap`.",
        "IMAP と SMTP が入れ替わっています。",
        "`imap` のホストとポートを `smtp` に、`smtp` のものを `imap` に入力してください。",
    ),
    ServerCause.SIGN_IN_NAME_DIFFERS: translated(
        "The server refuses the user name, and this provider's user names have another form than"
        " the one that was entered; `seen` names the form.",
        "Enter the user name in this form, and the password once more.",
        "サーバーがユーザー名を拒否しました。このプロバイダーのユーザー名は別の形式です（形式は "
        "`seen` にあります）。",
        "この形式でユーザー名を入力し、パスワードも入力し直してください。",
    ),
    ServerCause.COMMAND_REFUSED: translated(
        "Host and port are right, and the server refuses what is asked for at this `stage`, or"
        " answers it in a way that cannot be read; `seen` has its words.",
        "Show `stage` and `seen` to the server's owner, and ask them to find the cause in the"
        " server's log.",
        "ホストとポートは正しいものの、この `stage` での要求をサーバーが拒否したか、応答を読み取れ"
        "ません（サーバーの言葉は `seen` にあります）。",
        "サーバーの管理者に `stage` と `seen` を伝え、サーバーのログで原因を調べるよう依頼してくだ"
        "さい。",
    ),
    ServerCause.TOO_MANY_CONNECTIONS: translated(
        "The server has as many connections of this user as it allows.",
        "Close mail programs that you do not need, on phones too, and try again in some minutes."
        " If it stays, ask the server's owner to allow more.",
        "このユーザーの接続数がサーバーの上限に達しています。",
        "スマートフォンを含む不要なメールソフトを閉じ、数分後にもう一度お試しください。続く場合は"
        "サーバーの管理者に上限の引き上げを依頼してください。",
    ),
    ServerCause.THROTTLED: translated(
        "The server serves this user more slowly or not at all for a while: too much was asked of"
        " it.",
        "Wait: at Gmail up to 24 hours, elsewhere some minutes. Close other programs that read"
        " the whole mailbox.",
        "要求が多すぎるため、サーバーがこのユーザーの利用を一時的に制限しています。",
        "Gmail では最大 24 時間、そのほかでは数分お待ちください。メールボックス全体を読むほかのソ"
        "フトは閉じてください。",
    ),
    ServerCause.OVER_QUOTA: translated(
        "The mailbox is full, so that it takes no further mail; `seen` has the server's figures.",
        "Delete mail at the provider, empty the trash, or ask the mail's administrator for more"
        " room.",
        "メールボックスの容量が上限に達し、新しいメールを受け取れません（数値は `seen` を参照）。",
        "プロバイダーでメールを削除してごみ箱を空にするか、メールの管理者に容量の追加を依頼してく"
        "ださい。",
    ),
    ServerCause.FIRST_SYNC: translated(
        "The first sync is running; `seen` says how far it is.",
        "Wait until it is done; cards show what has come so far.",
        "最初の同期を実行中です（進み具合は `seen` にあります）。",
        "完了までお待ちください。カードには、これまでに届いたメールが表示されます。",
    ),
    ServerCause.SAME_ACCOUNT_NEEDED: translated(
        "The provider wants a new sign-in, with the account that was connected; `seen` names its"
        " address and the cause.",
        "Sign in again with the same account: begin with `POST /v1/mailboxes/authorize` and the"
        " address as `login_hint`.",
        "接続した同じアカウントで、サインインし直す必要があります（アドレスと原因は `seen` にあり"
        "ます）。",
        "`POST /v1/mailboxes/authorize` でアドレスを `login_hint` に指定し、同じアカウントでサイ"
        "ンインし直してください。",
    ),
    ServerCause.APP_IN_TESTING: translated(
        "The sign-in ended after seven days, because Mailmirror's app at Google is still in"
        " testing.",
        "Sign in again, and ask the stack's operator to publish the app or to make it internal,"
        " or it will end again in a week.",
        "Google に登録された Mailmirror のアプリがテスト中のため、"
        "サインインが 7 日で無効になりました。",
        "サインインし直し、運用者にアプリの公開または内部用への変更を依頼してください。"
        "そのままでは 1 週間後にまた無効になります。",
    ),
    ServerCause.TIME_IS_UP: translated(
        "The time was up before the server had answered all of this.",
        "Try again in some minutes. If it stays, ask the server's owner why it answers so slowly.",
        "サーバーの応答が終わる前に時間切れになりました。",
        "数分後にもう一度お試しください。続く場合はサーバーの管理者に、応答が遅い原因を確認してく"
        "ださい。",
    ),
    ServerCause.NOT_TRIED: translated(
        "This was not tried, because the stage that `after` names has failed.",
        "Solve the problem at the stage that `after` names, then run the diagnosis again.",
        "`after` の段階が失敗したため、確認していません。",
        "`after` の段階を解決してから、もう一度診断してください。",
    ),
}


_ANOTHER_SERVICE = translated(
    "Another service answers at this port; `seen` names it.",
    "Enter host and port of this `service`: `imap` is at 993 or 143, `smtp` (submission) at 465 or"
    " 587.",
    "このポートでは別のサービスが応答しています。`seen` にその名前があります。",
    "この `service` のホストとポートを入力してください。"
    "`imap` は 993 か 143、`smtp`（送信）は 465 か 587 です。",
)
"""In a doctor's answer each server has its `service`; elsewhere `detail` begins with it."""


def explain_diagnosis(code: Diagnosis, language: Language, *, connected: bool) -> Explanation:
    """Why a stage is not as it should be.

    A problem's texts name its member `detail`, which is `seen` in a doctor's answer.

    Parameters:
        connected: whether the mailbox is connected, so that its settings have worked before.
    """
    match code:
        case ServerCause():
            return SERVER_CAUSES[code][language]
        case DeliveryCode():
            found = DELIVERY_ERRORS[code][language]
        case Code() if connected:
            found = explain_mailbox_problem(code, language)
        case Code.ANOTHER_SERVICE:
            found = _ANOTHER_SERVICE[language]
        case Code():
            found = PROBLEMS[code][language]
    reason, remedy = (one.replace("`detail`", "`seen`") for one in (found.reason, found.remedy))
    return Explanation(reason, remedy)
