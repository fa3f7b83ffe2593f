"""The explanation of each finding about an address, and of what came of each thing asked."""

from mailmirror.domain.findings import Finding, Outcome
from mailmirror.domain.words.explanation import Catalogue, translated

FINDINGS: Catalogue[Finding] = {
    Finding.SIGN_IN: translated(
        "The address's mail is at a provider where you sign in in the browser.",
        "Sign in there: send `authorize` with your `user_id` to `POST /v1/mailboxes/authorize`, and"
        " open the page that it answers.",
        "このアドレスのメールは、ブラウザーでサインインするプロバイダーにあります。",
        "`authorize` に `user_id` を加えて `POST /v1/mailboxes/authorize` に送り、返されたページで"
        "サインインしてください。",
    ),
    Finding.SIGN_IN_NOT_SET_UP: translated(
        "The address's mail is at a provider where people sign in in the browser, and this account"
        " has no OAuth client there.",
        "Ask the stack's operator to register one and enter it with `make provider`;"
        " docs/deploy.md says how. Where `password_page` is given (Google), an app password is"
        " taken too: make it there and connect with `settings`.",
        "このアドレスのメールはブラウザーでサインインするプロバイダーにありますが、このアカウント"
        "には OAuth クライアントが登録されていません。",
        "運用者に、docs/deploy.md に従って登録し `make provider` で設定するよう依頼してください"
        "（`password_page` がある場合（Google）は、そこで作成したアプリパスワードと `settings` でも"
        "接続できます）。",
    ),
    Finding.PASSWORD: translated(
        "The mail server is found, and takes the mailbox's password.",
        "Connect the mailbox by `POST /v1/mailboxes` with `settings`, your `user_id` and the"
        " password. Where two-step sign-in is on at the provider, make an app password there and"
        " use that; where it has a switch for IMAP, switch it on.",
        "メールサーバーが見つかりました。メールボックスのパスワードでサインインできます。",
        "`settings` に `user_id` とパスワードを加え、`POST /v1/mailboxes` で接続してください"
        "（二段階認証が有効な場合はアプリパスワードを作成して使い、IMAP の設定がある場合は有効に"
        "してください）。",
    ),
    Finding.APP_PASSWORD: translated(
        "The provider takes only a password that it makes for mail programs.",
        "Make an app password at `password_page`, switch IMAP on there where it has a switch, and"
        " connect the mailbox by `POST /v1/mailboxes` with `settings`, your `user_id` and this"
        " password.",
        "このプロバイダーは、メールソフト用に発行したパスワードだけを受け付けます。",
        "`password_page` でアプリパスワードを作成し（IMAP の設定がある場合は有効にし）、`settings`"
        " に `user_id` とそのパスワードを加えて `POST /v1/mailboxes` で接続してください。",
    ),
    Finding.ISSUED_SIGN_IN: translated(
        "The provider issues a user name and a password of its own for mail programs.",
        "Look them up at `password_page`, put the user name into `settings`, and connect the"
        " mailbox by `POST /v1/mailboxes` with your `user_id` and this password.",
        "このプロバイダーでは、メールソフト用のユーザー名とパスワードが別に発行されます。",
        "`password_page` で確認し、`settings` のユーザー名を置き換え、`user_id` とパスワードを"
        "加えて `POST /v1/mailboxes` で接続してください。",
    ),
    Finding.BRIDGE_ONLY: translated(
        "The provider shows mail by IMAP only on the user's own computer, by a program that"
        " decrypts it there (its Bridge), which Mailmirror cannot reach.",
        "Connect another address, at a provider that offers IMAP to other programs.",
        "このプロバイダーの IMAP は、利用者のコンピューター上で復号するプログラム（Bridge）でしか"
        "使えず、Mailmirror からは接続できません。",
        "ほかのプログラムに IMAP を提供するプロバイダーのアドレスを接続してください。",
    ),
    Finding.NO_IMAP: translated(
        "The provider offers no IMAP, so that no other program can read its mail.",
        "Connect another address at a provider that offers IMAP.",
        "このプロバイダーは IMAP を提供していないため、ほかのプログラムではメールを読めません。",
        "IMAP を提供するプロバイダーの別のアドレスを接続してください。",
    ),
    Finding.POP3_ONLY: translated(
        "The domain's mail server offers only POP3, which shows no sent mail and an inbox without"
        " stable ids, so its mail cannot be mirrored.",
        "Ask the mail server's administrator to switch IMAP on, with TLS at port 993 or STARTTLS at"
        " port 143, and SMTP submission at port 465 or 587; then look the address up again.",
        "このドメインのメールサーバーは POP3 だけを提供しています。"
        "POP3 では送信済みメールが見えず、受信トレイのメールの ID も安定しないため、"
        "メールを反映できません。",
        "メールサーバーの管理者に、IMAP（TLS のポート 993 または STARTTLS のポート 143）と SMTP"
        " 送信（ポート 465 または 587）の有効化を依頼し、もう一度アドレスを検索してください。",
    ),
    Finding.SERVER_REFUSED: translated(
        "The mail server is found, but cannot be used as it is; `obstacle` says why.",
        "Show `obstacle` to the mail server's administrator, who can do what it says; then look the"
        " address up again.",
        "メールサーバーは見つかりましたが、このままでは使えません。理由は `obstacle` にあります。",
        "メールサーバーの管理者に `obstacle` を伝えて対応を依頼し、もう一度アドレスを検索して"
        "ください。",
    ),
    Finding.DOMAIN_UNKNOWN: translated(
        "The domain of the address does not exist in the public DNS.",
        "Correct the address.",
        "アドレスのドメインは公開 DNS に存在しません。",
        "アドレスを修正してください。",
    ),
    Finding.NO_MAIL: translated(
        "The domain of the address says that it takes no mail (RFC 7505).",
        "Correct the address, or connect one of a domain that has mailboxes.",
        "アドレスのドメインは、メールを受け取らないと宣言しています（RFC 7505）。",
        "アドレスを修正するか、メールボックスのあるドメインのアドレスを接続してください。",
    ),
    Finding.UNANSWERED: translated(
        "The time was up before all was asked: a server does not answer; `tried` names it.",
        "Try again in some minutes. If it stays, ask the mail server's administrator for the IMAP"
        " and SMTP host, and connect the mailbox with them.",
        "一部のサーバーが応答せず、すべてを確認する前に時間切れになりました。対象は `tried` に"
        "あります。",
        "数分後にもう一度お試しください。続く場合はメールサーバーの管理者に IMAP と SMTP の"
        "ホスト名を確認し、それを指定して接続してください。",
    ),
    Finding.NOT_FOUND: translated(
        "The domain names no mail server, and none answers under the usual names.",
        "Ask the mail server's administrator for the IMAP and SMTP host, and connect the mailbox"
        " with them by `POST /v1/mailboxes`.",
        "ドメインにメールサーバーの情報がなく、一般的な名前でも見つかりません。",
        "メールサーバーの管理者に IMAP と SMTP のホスト名を確認し、それを指定して"
        " `POST /v1/mailboxes` で接続してください。",
    ),
}

OUTCOMES: Catalogue[Outcome] = {
    Outcome.FOUND: translated(
        "This source names mail servers of the domain, or is a mail server that answers as it"
        " should.",
        "Nothing to do.",
        "ドメインのメールサーバーが示されているか、サーバーが正しく応答しました。",
        "操作は不要です。",
    ),
    Outcome.NOTHING: translated(
        "This source says nothing of the domain's mail servers.",
        "Nothing to do where another source does. Else ask the domain's administrator to publish"
        " the servers by SRV records (RFC 6186), or by a file at autoconfig.<domain>.",
        "ドメインのメールサーバーについての情報がありません。",
        "ほかで見つかった場合、操作は不要です。見つからない場合は、ドメインの管理者に、"
        "SRV レコード（RFC 6186）か autoconfig.<ドメイン> のファイルでのサーバーの公開を依頼してく"
        "ださい。",
    ),
    Outcome.NO_HOST: translated(
        "No host has this name, which is only guessed.",
        "Nothing to do where another source names the servers. Else ask the domain's administrator"
        " to give the mail server this name, and to have it in the server's certificate.",
        "推測したこの名前のホストはありません。",
        "ほかでサーバーが見つかった場合、操作は不要です。見つからない場合は、ドメインの管理者に、"
        "メールサーバーにこの名前を付け、証明書にも含めるよう依頼してください。",
    ),
    Outcome.UNANSWERED: translated(
        "This source did not answer, or not as it should.",
        "Nothing to do where another source does. If it stays, ask the administrator of the name"
        " server or web server that is named to find the cause.",
        "応答がないか、正しく応答しません。",
        "ほかで見つかった場合、操作は不要です。続く場合は、"
        "示されたネームサーバーまたは Web サーバーの管理者に、原因の確認を依頼してください。",
    ),
    Outcome.REDIRECT_REFUSED: translated(
        "The web server redirects to an address from which no settings are taken; `detail` names"
        " it.",
        "Ask the web server's administrator to redirect to HTTPS at port 443, at most three times,"
        " or to serve the file itself.",
        "設定の取得元として認められないアドレスに転送しています。転送先は `detail` にあります。",
        "Web サーバーの管理者に、転送先を HTTPS のポート 443 にして回数を 3 回以内に抑えるか、"
        "ファイルを直接提供するよう依頼してください。",
    ),
    Outcome.FILE_TOO_LARGE: translated(
        "The autoconfig file is far larger than such a file should be, so it is not read.",
        "Ask the web server's administrator to replace it: such a file has a few kilobytes.",
        "自動設定ファイルが大きすぎるため、読み取られません。",
        "Web サーバーの管理者に、ファイルの置き換えを依頼してください。通常は数キロバイトです。",
    ),
    Outcome.FILE_UNREADABLE: translated(
        "What the web server answers is no autoconfig file.",
        "Nothing to do where another source names the servers. Else ask the web server's"
        " administrator to serve a `clientConfig` in XML there, or to answer 404.",
        "Web サーバーの応答は自動設定ファイルではありません。",
        "ほかでサーバーが見つかった場合、操作は不要です。見つからない場合は、"
        "Web サーバーの管理者に、XML の `clientConfig` を提供するか 404 を返すよう依頼してください"
        "。",
    ),
    Outcome.FILE_WITH_DTD: translated(
        "The autoconfig file has a document type or entities, which are refused.",
        "Ask the web server's administrator to remove the `<!DOCTYPE` from the file.",
        "自動設定ファイルに、拒否される文書型宣言または実体が含まれています。",
        "Web サーバーの管理者に、ファイルからの `<!DOCTYPE` の削除を依頼してください。",
    ),
    Outcome.NO_TLS: translated(
        "The autoconfig file names a server without TLS, over which no password is sent.",
        "Ask the mail server's administrator to offer TLS, and to enter `SSL` or `STARTTLS` as"
        " `socketType` in the file.",
        "自動設定ファイルのサーバーに TLS がなく、パスワードを送れません。",
        "メールサーバーの管理者に、TLS を有効にし、"
        "ファイルの `socketType` を `SSL` または `STARTTLS` にするよう依頼してください。",
    ),
    Outcome.SIGN_IN_UNUSABLE: translated(
        "The autoconfig file names a server that takes no password.",
        "Ask the mail server's administrator to allow a sign-in by password over TLS, and to enter"
        " `password-cleartext` as `authentication` in the file.",
        "自動設定ファイルのサーバーは、パスワードによるサインインを受け付けません。",
        "メールサーバーの管理者に、TLS 上のパスワード認証を許可し、"
        "ファイルの `authentication` を `password-cleartext` にするよう依頼してください。",
    ),
}
