"""The explanation of each problem."""

from mailmirror.domain.problems import Code
from mailmirror.domain.words.explanation import Catalogue, translated

PROBLEMS: Catalogue[Code] = {
    Code.UNAUTHORIZED: translated(
        "The API key is missing, unknown or revoked.",
        "Send `Authorization: Bearer <API key>` with a key of this account; if you have none, ask"
        " the stack's operator for one.",
        "API キーがないか、不明であるか、失効しています。",
        "このアカウントの API キーを `Authorization: Bearer <API キー>` で送ってください。"
        "キーがない場合は、運用者に発行を依頼してください。",
    ),
    Code.INVALID_SIGNATURE: translated(
        "The webhook's signature is missing or does not match its body.",
        "Sign `<t>.<raw body>` with the account's webhook secret and send"
        " `X-Mailmirror-Signature: t=<unix>,v1=<hex HMAC-SHA256>`.",
        "Webhook の署名がないか、本文と一致しません。",
        "`<t>.<本文のバイト列>` をアカウントの Webhook シークレットで署名し、"
        "`X-Mailmirror-Signature: t=<unix>,v1=<hex HMAC-SHA256>` を送ってください。",
    ),
    Code.STALE_TIMESTAMP: translated(
        "The webhook's timestamp differs from the present time by more than five minutes.",
        "Sign at the time of sending, and set the sender's clock by NTP.",
        "Webhook のタイムスタンプが現在時刻から 5 分を超えてずれています。",
        "送信時に署名し、送信側の時計を NTP で合わせてください。",
    ),
    Code.ACTING_USER_REQUIRED: translated(
        "The request must name the acting user.",
        "Send the acting user's id in the header X-Mailmirror-User.",
        "リクエストには操作ユーザーの指定が必要です。",
        "操作ユーザーの ID をヘッダー X-Mailmirror-User で送ってください。",
    ),
    Code.ACTING_USER_UNKNOWN: translated(
        "The acting user is not a user of this account.",
        "Send the user by a `user.upserted` event first, or correct X-Mailmirror-User.",
        "操作ユーザーはこのアカウントのユーザーではありません。",
        "先に `user.upserted` イベントでユーザーを送るか、X-Mailmirror-User を修正してください。",
    ),
    Code.NOT_FOUND: translated(
        "Nothing has this path or id, or the acting user may not see it.",
        "Check the path, the id, and the acting user.",
        "このパスや ID のものが存在しないか、操作ユーザーには閲覧権限がありません。",
        "パス、ID、操作ユーザーを確認してください。",
    ),
    Code.METHOD_NOT_ALLOWED: translated(
        "This path does not have the method.",
        "Use a method that the header Allow names.",
        "このパスではこのメソッドを使えません。",
        "ヘッダー Allow にあるメソッドを使ってください。",
    ),
    Code.TOO_MANY_REQUESTS: translated(
        "Requests come faster than the API accepts them.",
        "Wait for the seconds that the header Retry-After names, and send fewer at once.",
        "リクエストの頻度が API の上限を超えています。",
        "ヘッダー Retry-After の秒数だけ待ち、頻度を下げてください。",
    ),
    Code.BODY_TOO_LARGE: translated(
        "The body is larger than this call accepts.",
        "Send less at once; `limit`, where it is given, is in bytes.",
        "本文がこの呼び出しの上限を超えています。",
        "一度に送る量を減らしてください。`limit` があれば、単位はバイトです。",
    ),
    Code.MALFORMED_JSON: translated(
        "The body is not the JSON that is expected here.",
        "Send the JSON that docs/api.md describes for this call.",
        "本文が想定された JSON ではありません。",
        "この呼び出しについて docs/api.md に記載された JSON を送ってください。",
    ),
    Code.MISSING_FIELD: translated(
        "A required field is missing.",
        "Add the field that `detail` names.",
        "必須項目がありません。",
        "`detail` に示された項目を追加してください。",
    ),
    Code.INVALID_FIELD: translated(
        "A field has a value that is not allowed.",
        "Correct the field that `detail` names.",
        "項目の値が許可されていません。",
        "`detail` に示された項目を修正してください。",
    ),
    Code.INVALID_EMAIL: translated(
        "A field does not hold an e-mail address.",
        "Correct the address that `detail` names, or leave it out.",
        "メールアドレスとして正しくない項目があります。",
        "`detail` に示されたアドレスを修正するか、省いてください。",
    ),
    Code.INVALID_CURSOR: translated(
        "The cursor was not made by this list.",
        "Pass `next_cursor` unchanged, or start without a cursor.",
        "カーソルがこの一覧で発行されたものではありません。",
        "`next_cursor` をそのまま渡すか、カーソルなしで始めてください。",
    ),
    Code.UNKNOWN_EVENT_TYPE: translated(
        "The event's type is not known.",
        "Send only the types in docs/api.md.",
        "イベントの種類が不明です。",
        "docs/api.md にある種類だけを送ってください。",
    ),
    Code.EVENT_AHEAD: translated(
        "The event is dated more than five minutes ahead.",
        "Send it again under the same id, with the time at which it happened; set the sender's"
        " clock by NTP.",
        "イベントの日時が 5 分を超えて先になっています。",
        "発生時刻を付けて同じ ID で再送し、送信側の時計を NTP で合わせてください。",
    ),
    Code.EVENT_NOT_KEPT: translated(
        "The event is valid, but its content is larger than Mailmirror can store in one item.",
        "Send the event again with less in it: fewer persons with the same address, or fewer"
        " threads on one deal. If it stays, ask the stack's operator to look at the log of the"
        " function `apply` (log group `/aws/lambda/<stack>-apply`).",
        "イベントの形式は正しいものの、内容が一つの項目に保存できる大きさを超えています。",
        "同じアドレスを持つ人、または一つの商談のスレッドを減らして再送し、"
        "続く場合は運用者に関数 `apply` のログ（ロググループ `/aws/lambda/<stack>-apply`）の確認を"
        "依頼してください。",
    ),
    Code.EVENT_FAILED: translated(
        "The event is valid, but applying it failed again and again, by errors of AWS or of"
        " Mailmirror.",
        "Ask the stack's operator to look at the log of the function `apply` (log group"
        " `/aws/lambda/<stack>-apply`); then send the event again under its id.",
        "イベントの形式は正しいものの、AWS または Mailmirror のエラーにより適用に繰り返し"
        "失敗しました。",
        "運用者に関数 `apply` のログ（ロググループ `/aws/lambda/<stack>-apply`）の確認を依頼し、"
        "その後、同じ ID でイベントを再送してください。",
    ),
    Code.CONTACT_UNKNOWN: translated(
        "A lead was converted to a contact, or a contact merged into one, that the CRM has not"
        " sent, or had deleted before. Until it is sent, the lead or contact keeps its own card.",
        "Send the contact that `detail` names by a `contact.upserted` event; the conversion or"
        " merge takes effect then. Nothing is to be done where that event has come meanwhile.",
        "リードの変換先、または連絡先の統合先となる連絡先を、CRM がまだ送っていないか、先に削除"
        "しています。届くまでは元のリードや連絡先のカードがそのまま使われます。",
        "`detail` に示された連絡先を `contact.upserted` イベントで送ってください。届いた時点で変換"
        "や統合が有効になります。すでに届いている場合は何も必要ありません。",
    ),
    Code.REDIRECTS_IN_CIRCLE: translated(
        "Contacts were merged in a circle. The latest of these merges counts: the contact that"
        " `detail` names first keeps its card and shows the mail of the others.",
        "If another contact is the right one, send it by a `contact.upserted` event with the"
        " addresses of all of them: it has a card of its own from then on, with these alone, and"
        " others can be merged into it.",
        "連絡先の統合が循環しています。最後の統合が有効で、`detail` の先頭の連絡先がカードを保ち、"
        "ほかの連絡先のメールも表示します。",
        "別の連絡先が正しい場合は、循環している連絡先すべてのアドレスを含めて、それを"
        " `contact.upserted` イベントで送ってください。以後はそのアドレスだけを持つ独立した"
        "カードになり、ほかの連絡先をそこへ統合できます。",
    ),
    Code.TOO_MANY_JOINED: translated(
        "So many leads and contacts are joined to the contact already that a further conversion or"
        " merge is not applied: the lead or contact keeps its own card.",
        "Give the addresses of the lead or contact that keeps its card to the contact that"
        " `detail` names by a `contact.upserted` event, or send the conversion or merge again"
        " under its id with another contact.",
        "この連絡先に統合されたリードと連絡先が上限に達しているため、これ以上の変換や統合は適用されず、"
        "元のリードや連絡先のカードがそのまま使われます。",
        "`contact.upserted` イベントで、"
        "元のリードや連絡先のアドレスを `detail` に示された連絡先に追加するか、"
        "別の連絡先を指定して変換や統合を同じ ID で再送してください。",
    ),
    Code.DEAL_UNKNOWN: translated(
        "The account has no such deal.",
        "Send the deal by a `deal.upserted` event first, or correct its id.",
        "アカウントにこの商談がありません。",
        "先に `deal.upserted` イベントで商談を送るか、ID を修正してください。",
    ),
    Code.DEAL_DELETED: translated(
        "The deal is deleted.",
        "Send it again by a `deal.upserted` event, or choose another deal.",
        "商談は削除されています。",
        "`deal.upserted` イベントで再送するか、別の商談を選んでください。",
    ),
    Code.THREAD_UNKNOWN: translated(
        "The account has no such thread, or the acting user has no message of it, or none that"
        " names the person of the path.",
        "Take `thread_id` from a message of this card.",
        "アカウントにこのスレッドがないか、操作ユーザーがそのメール、またはパスの人物を含むメールを"
        "持っていません。",
        "`thread_id` はこのカードのメールから取得してください。",
    ),
    Code.MESSAGE_UNKNOWN: translated(
        "The account has no such message, or the acting user has no copy of it, or it does not name"
        " the person of the path.",
        "Take `id` from a message of this card.",
        "アカウントにこのメールがないか、操作ユーザーがその写しを持っていないか、"
        "パスの人物を含んでいません。",
        "`id` はこのカードのメールから取得してください。",
    ),
    Code.MESSAGE_LOST: translated(
        "The stored bytes of the message are missing or damaged.",
        "Open the message in the mailbox itself. A deep audit, which the mailbox's owner asks for"
        " by `POST /v1/mailboxes/{mailbox_id}/audit?deep=true`, stores it again if the mail server"
        " still has it.",
        "保存されているこのメールの本体が失われているか、壊れています。",
        "メールボックスで直接開いてください。メールボックスの所有者が"
        " `POST /v1/mailboxes/{mailbox_id}/audit?deep=true` で詳細な検査を依頼すると、"
        "メールサーバーに残っているメールは保存し直されます。",
    ),
    Code.TOO_MANY_OVERRIDES: translated(
        "The limit for attaching, detaching or taking off single messages of this thread, or on"
        " this card, is reached.",
        "Attach, detach or take off the whole thread, by `thread_id`.",
        "このスレッドまたはカードでは、メールごとの関連付け、解除、"
        "カードからの除外の数が上限に達しています。",
        "`thread_id` を指定して、スレッド全体に対して操作してください。",
    ),
    Code.TOO_MANY_BLOCKS: translated(
        "You have blocked as many leads, contacts, addresses and domains as a user may.",
        "Remove a block that is not needed any more, by `DELETE"
        " /v1/users/{user_id}/blocks/{block_id}`, or block a domain in place of its addresses.",
        "リード、連絡先、アドレス、ドメインのブロック数が上限に達しています。",
        "`DELETE /v1/users/{user_id}/blocks/{block_id}` で不要なブロックを削除するか、"
        "アドレスの代わりにドメインをブロックしてください。",
    ),
    Code.PROVIDER_UNSUPPORTED: translated(
        "The provider is not supported.",
        "Connect it with `provider` `imap` by `POST /v1/mailboxes`, or sign in at `google` or"
        " `microsoft` by `POST /v1/mailboxes/authorize`.",
        "このプロバイダーには対応していません。",
        "`POST /v1/mailboxes` で `provider` を `imap` として接続するか、"
        "`POST /v1/mailboxes/authorize` で `google` または `microsoft` にサインインしてください。",
    ),
    Code.PROVIDER_SIGNS_IN: translated(
        "This provider is signed in to in the browser, not by a password entered here.",
        "Begin with `POST /v1/mailboxes/authorize`, or use `imap` with an app password.",
        "このプロバイダーへのサインインはブラウザーで行い、パスワードは入力しません。",
        "`POST /v1/mailboxes/authorize` から始めるか、アプリパスワードで `imap` を使ってください。",
    ),
    Code.POP3_UNSUPPORTED: translated(
        "POP3 shows only an inbox, without stable ids, so its mail cannot be mirrored.",
        "Switch IMAP on at the provider and use its IMAP host and port 993.",
        "POP3 では受信トレイしか見えず、メールの ID も安定しないため、メールを反映できません。",
        "プロバイダーで IMAP を有効にし、IMAP のホスト名とポート 993 を使ってください。",
    ),
    Code.USER_UNKNOWN: translated(
        "`user_id` is not a user of this account.",
        "Send the user by a `user.upserted` event first, or correct the id.",
        "`user_id` はこのアカウントのユーザーではありません。",
        "先に `user.upserted` イベントでユーザーを送るか、ID を修正してください。",
    ),
    Code.MAILBOX_LIMIT: translated(
        "The user has as many mailboxes as the account allows.",
        "Disconnect one of the user's mailboxes first, or ask your administrator for a higher"
        " limit: `PATCH /v1/account` with `mailboxes_per_user`.",
        "ユーザーのメールボックス数がアカウントの上限に達しています。",
        "先にメールボックスの接続を一つ解除するか、"
        "上限の引き上げ（`PATCH /v1/account` の `mailboxes_per_user`）を管理者に依頼してください。",
    ),
    Code.ADDRESS_CONNECTED: translated(
        "The address is connected by another user of this account.",
        "Ask the other user to disconnect it, or ask your administrator to do so by `DELETE"
        " /v1/mailboxes/{mailbox_id}`; its id is in `GET /v1/mailboxes`.",
        "このアドレスは同じアカウントの別のユーザーが接続しています。",
        "そのユーザーに解除を依頼するか、`GET /v1/mailboxes` で ID を調べて `DELETE"
        " /v1/mailboxes/{mailbox_id}` で解除するよう管理者に依頼してください。",
    ),
    Code.MAILBOX_BUSY: translated(
        "The mailbox is being changed or erased right now.",
        "Try again in a few minutes.",
        "メールボックスは変更中または消去中です。",
        "数分後にもう一度お試しください。",
    ),
    Code.MAILBOX_DISCONNECTED: translated(
        "The mailbox is disconnected.",
        "Connect the address again.",
        "メールボックスの接続が解除されています。",
        "アドレスを接続し直してください。",
    ),
    Code.MAILBOX_PAUSED: translated(
        "The mailbox is paused.",
        'Its owner can resume it by `PATCH /v1/mailboxes/{mailbox_id}` with `{"paused": false}`;'
        " it is synced at once.",
        "メールボックスが一時停止されています。",
        '所有者は `PATCH /v1/mailboxes/{mailbox_id}` に `{"paused": false}` を指定して再開でき'
        "ます。すぐに同期されます。",
    ),
    Code.PROVIDER_NOT_CONFIGURED: translated(
        "The account has no OAuth client at this provider.",
        "Ask the stack's operator to register one and enter it with `make provider`;"
        " docs/deploy.md says how.",
        "このプロバイダーの OAuth クライアントが登録されていません。",
        "運用者に、docs/deploy.md に従って登録し `make provider` で設定するよう依頼してください。",
    ),
    Code.PROVIDER_MISCONFIGURED: translated(
        "The provider refuses Mailmirror's own OAuth client.",
        "Ask the stack's operator to check client id, secret (it may have expired), tenant and"
        " redirect URI.",
        "プロバイダーが Mailmirror の OAuth クライアントを拒否しています。",
        "運用者に、クライアント ID、シークレット（期限切れの可能性があります）、テナント、"
        "リダイレクト URI の確認を依頼してください。",
    ),
    Code.PROVIDER_UNAVAILABLE: translated(
        "The provider's sign-in service does not answer as it should.",
        "Nothing to do: it is tried again. If it stays, look at the provider's status page.",
        "プロバイダーのサインインサービスが正常に応答しません。",
        "自動で再試行されるため操作は不要です。続く場合はプロバイダーの稼働状況を確認してください"
        "。",
    ),
    Code.RETURN_URL_NOT_ALLOWED: translated(
        "The return URL is not on the account's list.",
        "Use a URL that is listed, or ask the stack's operator to add it with `make return_urls`.",
        "戻り先 URL がアカウントの一覧にありません。",
        "一覧にある URL を使うか、運用者に `make return_urls` での追加を依頼してください。",
    ),
    Code.STATE_UNKNOWN: translated(
        "This sign-in was not begun here, or has been used already.",
        "Begin again from the CRM; each link works once.",
        "このサインインはここで開始されたものではないか、すでに使用済みです。",
        "CRM からやり直してください。リンクは一度だけ有効です。",
    ),
    Code.STATE_EXPIRED: translated(
        "The sign-in took longer than ten minutes.",
        "Begin again from the CRM.",
        "サインインに 10 分を超える時間がかかりました。",
        "CRM からやり直してください。",
    ),
    Code.SIGN_IN_CANCELLED: translated(
        "The sign-in was cancelled at the provider.",
        "Begin again, and allow the permissions that Mailmirror asks for.",
        "プロバイダーでのサインインが取り消されました。",
        "やり直して、Mailmirror が求める権限を許可してください。",
    ),
    Code.CODE_REFUSED: translated(
        "The provider refuses the authorisation code: it was used already, or is too old.",
        "Begin again from the CRM.",
        "プロバイダーが認可コードを拒否しました（使用済みまたは期限切れ）。",
        "CRM からやり直してください。",
    ),
    Code.ID_TOKEN_INVALID: translated(
        "The provider's ID token does not belong to this sign-in.",
        "Begin again. If it stays, ask the stack's operator to check the provider's issuer and"
        " client id.",
        "プロバイダーの ID トークンがこのサインインのものではありません。",
        "やり直してください。続く場合は運用者に issuer とクライアント ID"
        " の確認を依頼してください。",
    ),
    Code.ADDRESS_UNKNOWN: translated(
        "The provider does not say which verified address was signed in.",
        "Sign in with an account that has a mailbox and a verified address.",
        "サインインしたアカウントの確認済みメールアドレスを、プロバイダーから取得できません。",
        "メールボックスと確認済みアドレスを持つアカウントでサインインしてください。",
    ),
    Code.ADDRESS_MISMATCH: translated(
        "Another address was signed in than the one expected.",
        "Begin again, and choose the expected account at the provider; or begin with the address"
        " that you want as `login_hint`.",
        "想定と異なるアドレスでサインインされました。",
        "やり直して正しいアカウントを選ぶか、目的のアドレスを login_hint に指定してください。",
    ),
    Code.ADDRESS_OF_ANOTHER_USER: translated(
        "The address belongs to another user of this account.",
        "Ask that user to connect it, or correct the users' addresses in the CRM.",
        "このアドレスは同じアカウントの別のユーザーのものです。",
        "そのユーザーに接続を依頼するか、CRM でユーザーのアドレスを修正してください。",
    ),
    Code.ADDRESS_OF_PERSON: translated(
        "The address belongs to a lead or contact of this account, and the CRM does not give it"
        " to this user.",
        "If it is the user's own, enter it at the user in the CRM; else connect another address.",
        "このアドレスはリードまたは連絡先のもので、CRM ではこのユーザーに割り当てられていません。",
        "ユーザー本人のものであれば CRM でユーザーに登録し、"
        "そうでなければ別のアドレスを接続してください。",
    ),
    Code.ADDRESS_UNPROVEN: translated(
        "Mail through Amazon SES is sent only from addresses that are proven to be the user's, and"
        " this one is not.",
        "Enter it at the user in the CRM, or prove it with a code: `POST"
        " /v1/users/{user_id}/addresses`, then `POST /v1/users/{user_id}/addresses/confirm`.",
        "Amazon SES による送信では、本人のものと確認されたアドレスだけを送信元に使えます。"
        "このアドレスは未確認です。",
        "CRM でユーザーに登録するか、`POST /v1/users/{user_id}/addresses` と `POST"
        " /v1/users/{user_id}/addresses/confirm` で確認してください。",
    ),
    Code.PROOF_SENDER_MISSING: translated(
        "The account has no mailbox that sends codes.",
        "Enter the address at the user in the CRM; or ask the stack's operator to name a"
        " connected mailbox that can send, with `make codes_mailbox`.",
        "確認コードを送るメールボックスが設定されていません。",
        "CRM でアドレスをユーザーに登録するか、運用者に `make codes_mailbox`"
        " での設定を依頼してください。",
    ),
    Code.PROOF_CODE_NOT_SENT: translated(
        "The code could not be sent.",
        "Check the address; if it is right, ask the stack's operator to look at the mailbox"
        " that sends codes.",
        "確認コードを送信できませんでした。",
        "アドレスを確認し、正しい場合は運用者にコード送信用メールボックスの確認を依頼してください"
        "。",
    ),
    Code.PROOF_CODE_LIMIT: translated(
        "The limit of codes an hour for this user, or for this address, is reached.",
        "Use the latest code, or ask again after `resets_at`.",
        "このユーザーまたはアドレスへの 1 時間あたりのコード送信数が上限に達しました。",
        "最新のコードを使うか、`resets_at` 以降にもう一度請求してください。",
    ),
    Code.PROOF_CODE_WRONG: translated(
        "The code is not the one that was sent last.",
        "Enter the six digits of the latest message; `detail` says how many tries are left.",
        "最後に送ったコードと一致しません。",
        "最新のメールにある 6 桁を入力してください。残り回数は `detail` にあります。",
    ),
    Code.PROOF_CODE_EXPIRED: translated(
        "No code can be confirmed: none was sent, it is older than ten minutes, or it was tried"
        " five times.",
        "Ask for another with `POST /v1/users/{user_id}/addresses`.",
        "確認できるコードがありません（未送信、10 分経過、または 5 回失敗）。",
        "`POST /v1/users/{user_id}/addresses` で新しいコードを請求してください。",
    ),
    Code.GRANT_REVOKED: translated(
        "The permission to use the mailbox was withdrawn, or its password changed.",
        "Sign in again. Where it happens every week, Mailmirror's app at Google is still in"
        " testing: ask the stack's operator to publish it, or to make it internal.",
        "メールボックスの利用許可が取り消されたか、パスワードが変更されました。",
        "もう一度サインインしてください。毎週発生する場合は、"
        "Google に登録された Mailmirror のアプリがテスト中のため、"
        "運用者に公開または内部用への変更を依頼してください。",
    ),
    Code.GRANT_EXPIRED: translated(
        "The sign-in has expired by the provider's rules.",
        "Sign in again. Where it happens often, ask an administrator to lengthen how long"
        " sign-ins last.",
        "プロバイダーの規則によりサインインの有効期限が切れました。",
        "もう一度サインインしてください。頻繁に発生する場合は管理者に有効期間の延長を依頼してくだ"
        "さい。",
    ),
    Code.PASSWORD_CHANGED: translated(
        "The password of the mailbox was changed.",
        "Sign in again.",
        "メールボックスのパスワードが変更されました。",
        "もう一度サインインしてください。",
    ),
    Code.MFA_REQUIRED: translated(
        "The provider requires a second factor.",
        "Sign in again, and pass the second step.",
        "プロバイダーが二段階認証を求めています。",
        "もう一度サインインし、二段階目の認証を行ってください。",
    ),
    Code.CONSENT_MISSING: translated(
        "Mailmirror was not given permission to read and send this mailbox's mail.",
        "Sign in again and leave every permission ticked; where an administrator must consent,"
        " ask them to grant it for the organisation.",
        "Mailmirror にこのメールボックスの閲覧と送信の権限が与えられていません。",
        "もう一度サインインしてすべての権限を許可し、管理者の同意が必要な場合は組織全体への同意を"
        "依頼してください。",
    ),
    Code.BLOCKED_BY_POLICY: translated(
        "A policy of the organisation blocks the sign-in (conditional access).",
        "Ask the administrator to allow Mailmirror for this user, then sign in again.",
        "組織のポリシー（条件付きアクセス）によりサインインが遮断されました。",
        "管理者にこのユーザーでの Mailmirror の許可を依頼してから、サインインし直してください。",
    ),
    Code.USER_DISABLED: translated(
        "The provider has locked, disabled or deleted the user.",
        "Ask the administrator to enable the user, then sign in again.",
        "プロバイダー側でユーザーがロック、無効化、または削除されています。",
        "管理者に有効化を依頼してから、サインインし直してください。",
    ),
    Code.TOKEN_REFUSED: translated(
        "The mail server refuses the provider's token.",
        "Check that IMAP and SMTP are on for this mailbox, or ask your administrator to; then sign"
        " in again.",
        "メールサーバーがプロバイダーのトークンを拒否しました。",
        "このメールボックスで IMAP と SMTP が有効か確認するか、管理者に確認を依頼してから、"
        "サインインし直してください。",
    ),
    Code.SMTP_AUTH_DISABLED: translated(
        "Sending by password (SMTP AUTH) is switched off for the mailbox or its tenant; reading"
        " goes on.",
        "Where the mailbox is connected by password, sign in with the provider instead (`POST"
        " /v1/mailboxes/authorize`); no other password helps. Where it is signed in so already,"
        " ask the administrator to allow authenticated SMTP for the mailbox and connect it again,"
        " or send through SES.",
        "メールボックスまたはテナントで、パスワードによる送信（SMTP AUTH）が無効です。"
        "受信の反映は続きます。",
        "パスワードで接続している場合は、代わりにプロバイダーにサインインしてください"
        "（`POST /v1/mailboxes/authorize`）。別のパスワードでは解決しません。サインイン済みの場合は"
        "管理者に認証付き SMTP の許可を依頼して接続し直すか、SES から送信してください。",
    ),
    Code.HOST_UNKNOWN: translated(
        "No server is found under the host's name.",
        "Correct the host's name; the provider's help pages or your administrator have it.",
        "このホスト名のサーバーが見つかりません。",
        "ホスト名を修正してください。正しい名前は、プロバイダーの案内か管理者に確認してください。",
    ),
    Code.HOST_NOT_ALLOWED: translated(
        "The host's IP address is not public.",
        "Use a public host, or ask the stack's operator to allow its network (parameter"
        " AllowedNetworks).",
        "ホストの IP アドレスが、グローバル IP アドレスではありません。",
        "グローバル IP アドレスを持つホストを使うか、"
        "運用者にネットワークの許可（パラメーター AllowedNetworks）を依頼してください。",
    ),
    Code.CONNECT_REFUSED: translated(
        "The host refuses connections at this port, or cannot be reached.",
        "Correct host and port: IMAP is 993 (tls) or 143 (starttls), SMTP 465 or 587. If they are"
        " right, ask the server's owner.",
        "ホストがこのポートへの接続を拒否しているか、到達できません。",
        "ホストとポートを修正してください。IMAP は 993 (tls) か 143 (starttls)、"
        "SMTP は 465 か 587 です。正しい場合はサーバーの管理者に確認してください。",
    ),
    Code.CONNECT_TIMEOUT: translated(
        "The host does not answer, or not in time; `detail` says how far the connection came.",
        'Correct host, port and security (`"tls"` for 993 and 465), or ask the server\'s owner'
        " whether a firewall blocks the connection; where there was one, try again, or ask the"
        " server's owner.",
        "ホストが応答しないか、時間内に応答しません。どこまで進んだかは `detail` にあります。",
        '接続できない場合は、ホスト、ポート、security（993 と 465 は `"tls"`）を修正するか、'
        "ファイアウォールが接続を許可しているかサーバーの管理者に確認してください。"
        "接続できた場合は、もう一度試すか、サーバーの管理者に確認してください。",
    ),
    Code.TLS_FAILED: translated(
        "The host does not speak TLS as expected at this port.",
        'Use `"security": "tls"` where `detail` says that the server begins with TLS, as at ports'
        ' 993 and 465, and `"starttls"` where it begins without, as at 143 and 587.',
        "このポートでは想定どおりに TLS で通信できません。",
        '`detail` が with TLS（ポート 993 と 465 など）であれば `"security": "tls"`、without TLS'
        '（143 と 587 など）であれば `"starttls"` を使ってください。',
    ),
    Code.CERTIFICATE_INVALID: translated(
        "The host's certificate cannot be verified.",
        "Use the host's name as its certificate has it, or ask the server's owner to renew the"
        " certificate; if it is of your organisation's own authority, ask the stack's operator to"
        " trust that by the parameter ExtraCaObject.",
        "ホストの証明書を検証できません。",
        "証明書に記載されたホスト名を使うか、サーバーの管理者に証明書の更新を依頼してください。"
        "組織独自の認証局の証明書であれば、運用者にパラメーター ExtraCaObject での信頼を依頼してく"
        "ださい。",
    ),
    Code.STARTTLS_MISSING: translated(
        "The host does not offer STARTTLS, and passwords are sent only over TLS.",
        'Use `"security": "tls"` with port 993 for IMAP and 465 for SMTP.',
        "ホストが STARTTLS に対応しておらず、TLS なしではパスワードを送れません。",
        '`"security": "tls"` とし、IMAP はポート 993、SMTP は 465 を使ってください。',
    ),
    Code.PROTOCOL_ERROR: translated(
        "The host answers in another protocol than expected, or against its rules.",
        "Check that host and port are those of the right service; if they are, ask the server's"
        " owner.",
        "ホストが想定と異なるプロトコルで応答するか、規則に反した応答をしています。",
        "ホストとポートが正しいサービスのものか確認し、"
        "正しい場合はサーバーの管理者に確認してください。",
    ),
    Code.ANOTHER_SERVICE: translated(
        "Another service answers at this port; `detail` names it.",
        "Enter host and port of the mail server that the first word of `detail` names: `imap` is"
        " at 993 or 143, `smtp` (submission) at 465 or 587.",
        "このポートでは別のサービスが応答しています。`detail` にその名前があります。",
        "`detail` の先頭が示すメールサーバーのホストとポートを入力してください。`imap` は 993 か"
        " 143、`smtp`（送信）は 465 か 587 です。",
    ),
    Code.SIGN_IN_FAILED: translated(
        "The server refuses the user name or the password.",
        "Correct them; where two-step sign-in is on, make an app password at the provider.",
        "サーバーがユーザー名またはパスワードを拒否しました。",
        "修正してください。二段階認証が有効な場合は、プロバイダーでアプリパスワードを作成してくだ"
        "さい。",
    ),
    Code.SIGN_IN_UNSUPPORTED: translated(
        "The server offers no sign-in by password.",
        "Ask the server's owner to allow AUTH PLAIN or LOGIN over TLS.",
        "サーバーがパスワードによるサインインに対応していません。",
        "サーバーの管理者に、TLS 上の AUTH PLAIN または LOGIN の許可を依頼してください。",
    ),
    Code.SIGN_IN_UNANSWERED: translated(
        "The host answers, but has not answered the sign-in in time.",
        "Check the user name and the password: many servers delay the answer after wrong ones."
        " Wait some minutes, then try again.",
        "ホストは応答していますが、サインインへの応答が時間内にありませんでした。",
        "ユーザー名とパスワードを確認してください。誤りが続くと応答を遅らせるサーバーが多いため、"
        "数分待ってからもう一度お試しください。",
    ),
    Code.SIGN_IN_WITH_PROVIDER: translated(
        "The provider accepts no password for mail any more, neither the usual one nor an app"
        " password.",
        "Sign in with Microsoft in the browser: begin with `POST /v1/mailboxes/authorize`.",
        "このプロバイダーは、アプリパスワードを含め、パスワードによるメールへのサインインを"
        "受け付けません。",
        "`POST /v1/mailboxes/authorize` から始めて、ブラウザーで Microsoft にサインインしてください"
        "。",
    ),
    Code.APP_PASSWORD_REQUIRED: translated(
        "The provider accepts only an app password here, not the usual password.",
        "Make an app password in the security settings at the provider, and connect the mailbox"
        " with it.",
        "このプロバイダーは通常のパスワードではなくアプリパスワードを求めています。",
        "プロバイダーのセキュリティ設定でアプリパスワードを作成し、それで接続してください。",
    ),
    Code.PASSWORD_EXPIRED: translated(
        "The mailbox's password has expired.",
        "Set a new password at the provider, then connect the mailbox with it.",
        "メールボックスのパスワードの有効期限が切れています。",
        "プロバイダーで新しいパスワードを設定し、それで接続してください。",
    ),
    Code.IMAP_DISABLED: translated(
        "IMAP is switched off for this mailbox.",
        "Switch IMAP on in the mailbox's settings at the provider, or ask its administrator to;"
        " then connect the mailbox again.",
        "このメールボックスでは IMAP が無効です。",
        "プロバイダーの設定で IMAP を有効にするか、管理者に依頼してから、接続し直してください。",
    ),
    Code.ADMINISTRATOR_NEEDED: translated(
        "The server refuses the user until its administrator has acted.",
        "Show `detail` to the mail server's administrator; connect the mailbox again once they"
        " have solved it.",
        "管理者の対応があるまで、サーバーはこのユーザーを受け付けません。",
        "メールサーバーの管理者に `detail` を伝え、解決後に接続し直してください。",
    ),
    Code.SERVER_ALERT: translated(
        "The server refuses the sign-in, with a message for the mailbox's user.",
        "Do what the server's message in `detail` says, in a browser where it names a page; then"
        " connect the mailbox again.",
        "サーバーが、利用者へのメッセージとともにサインインを拒否しました。",
        "`detail` にあるサーバーのメッセージに従い、ページが示されている場合はブラウザーで操作して"
        "から、接続し直してください。",
    ),
    Code.SERVER_UNAVAILABLE: translated(
        "The server says that it cannot serve this mailbox right now.",
        "Try again in some minutes. If it stays, ask the server's owner.",
        "サーバーが現在このメールボックスを利用できないと応答しています。",
        "数分後にもう一度お試しください。続く場合はサーバーの管理者に確認してください。",
    ),
    Code.MAILBOX_NOT_OPENED: translated(
        "The server has accepted the sign-in, but does not open the mailbox.",
        "Try again in some minutes. If it stays, show `detail` to the administrator of Microsoft"
        " 365 or Exchange, and ask whether the mailbox of this sign-in name exists, has a licence,"
        " or is being moved.",
        "サーバーはサインインを受け付けましたが、メールボックスを開きません。",
        "数分後にもう一度お試しください。続く場合は（Microsoft 365 または Exchange の）管理者に"
        " `detail` を伝え、このサインイン名のメールボックスの有無、ライセンス、移動中でないかの確認"
        "を依頼してください。",
    ),
    Code.CONNECTION_LOST: translated(
        "The server closed the connection, or stopped answering.",
        "Try again in some minutes. If it stays, ask the server's owner.",
        "サーバーが接続を切断したか、応答しなくなりました。",
        "数分後にもう一度お試しください。続く場合はサーバーの管理者に確認してください。",
    ),
    Code.INBOX_NOT_FOUND: translated(
        "The mailbox has no inbox that can be opened.",
        "Ask the server's owner to give the user an INBOX, and show them `detail`.",
        "開ける受信トレイがメールボックスにありません。",
        "サーバーの管理者に `detail` を伝え、INBOX の用意を依頼してください。",
    ),
    Code.SENT_NOT_FOUND: translated(
        "No folder of sent mail was found, so copies of what is sent from the CRM are put nowhere.",
        "Name the folder of sent mail Sent in your mail program, or set its name in"
        " `sent_folders`, as you connect it or by `PATCH /v1/mailboxes/{mailbox_id}`; or ask the"
        " server's owner to mark it with \\Sent.",
        "送信済みフォルダーが見つからないため、CRM から送信したメールの控えを保存できません。",
        "メールソフトで送信済みフォルダーの名前を Sent にするか、"
        "接続時または `PATCH /v1/mailboxes/{mailbox_id}` で `sent_folders` にその名前を指定するか、"
        "サーバーの管理者に \\Sent を付けるよう依頼してください。",
    ),
    Code.FOLDER_UNKNOWN: translated(
        "The mailbox has no such folder; `detail` names it, and folders that there are.",
        "Correct `folders` or `sent_folders`: give the name as your mail program shows it.",
        "そのフォルダーはありません。`detail` に、その名前と実在するフォルダーがあります。",
        "`folders` か `sent_folders` を修正し、メールソフトに表示されるフォルダー名を指定して"
        "ください。",
    ),
    Code.FOLDER_REFUSED: translated(
        "The server lists a folder, but refuses to open it, so its mail is not mirrored; the other"
        " folders are read. `detail` has the server's answer, if it gave one.",
        "Mailmirror tries again by itself. If it stays, `GET /v1/mailboxes/{mailbox_id}/problems`"
        " names the folder: ask its owner or the server's owner to permit you to read it; or, in"
        " your mail program, subscribe to it or rename it. Or leave it out: `PATCH"
        " /v1/mailboxes/{mailbox_id}` with `folders` that names the others; `GET"
        " /v1/mailboxes/{mailbox_id}/preview` lists them.",
        "サーバーが一覧にあるフォルダーを開くことを拒否しているため、"
        "その中のメールは反映されていません。ほかのフォルダーは読み取られています。"
        "サーバーの応答がある場合は `detail` にあります。",
        "自動で再試行されます。続く場合は、`GET /v1/mailboxes/{mailbox_id}/problems` で対象のフォ"
        "ルダーを確認し、フォルダーの所有者かサーバーの管理者に読み取りの許可を依頼してください。"
        "メールソフトでフォルダーを購読するか、名前を変える方法もあります。または、"
        "`PATCH /v1/mailboxes/{mailbox_id}` の `folders` にほかのフォルダーを指定して、"
        "対象から外してください。フォルダーは `GET /v1/mailboxes/{mailbox_id}/preview` で確認でき"
        "ます。",
    ),
    Code.FOLDER_FAILING: translated(
        "A folder of the mailbox cannot be read, so its mail is not mirrored.",
        "`GET /v1/mailboxes/{mailbox_id}/problems` names it, and says why and what to do. It is"
        " tried again by itself.",
        "読み取れないフォルダーがあり、その中のメールは反映されていません。",
        "フォルダー名、原因、対処方法は `GET /v1/mailboxes/{mailbox_id}/problems` で確認できます。"
        "自動で再試行されます。",
    ),
    Code.MESSAGES_PENDING: translated(
        "The server lists messages but does not return them, so they are not mirrored.",
        "Nothing to do: they are tried again. `GET /v1/mailboxes/{mailbox_id}/problems` names them"
        " and says why; if it stays, ask the server's owner.",
        "サーバーの一覧にあるのに取得できないメールがあり、反映されていません。",
        "自動で再試行されるため操作は不要です。対象と原因は"
        " `GET /v1/mailboxes/{mailbox_id}/problems` で確認でき、続く場合はサーバーの管理者に"
        "確認してください。",
    ),
    Code.NEWS_WAITING: translated(
        "New mail on the server, or folders that a setting has added, have not been read by a sync"
        " yet.",
        "Wait for the next sync. If this stays for an hour, ask the stack's operator to look at"
        " the alarms of the function `sync`.",
        "サーバーの新着メール、または設定で追加されたフォルダーがまだ同期されていません。",
        "次の同期をお待ちください。1 時間続く場合は運用者に関数 `sync`"
        " のアラームの確認を依頼してください。",
    ),
    Code.POLL_OVERDUE: translated(
        "The server has not been asked for new mail for more than a quarter of an hour.",
        "Wait some minutes. If this stays for an hour, ask the stack's operator to look at the"
        " alarms of the functions `dispatch` and `poll`.",
        "15 分を超えて、サーバーに新着メールを確認できていません。",
        "数分お待ちください。1 時間続く場合は運用者に関数 `dispatch` と `poll`"
        " のアラームの確認を依頼してください。",
    ),
    Code.TRANSPORT_UNAVAILABLE: translated(
        "The mailbox cannot send by this transport.",
        "Connect it with its submission server (`smtp`), or ask the stack's operator to set SES"
        " up.",
        "メールボックスはこの方法では送信できません。",
        "送信サーバー（`smtp`）を指定して接続するか、運用者に SES の設定を依頼してください。",
    ),
    Code.FROM_NOT_YOURS: translated(
        "The acting user has no connected mailbox with the sender's address.",
        "Send from one of the user's own mailboxes, or connect the address first.",
        "送信元アドレスのメールボックスを操作ユーザーが接続していません。",
        "ユーザー自身のメールボックスから送るか、先にアドレスを接続してください。",
    ),
    Code.NO_RECIPIENT: translated(
        "The message has no recipient.",
        "Add an address to `to`, `cc` or `bcc`.",
        "メールに宛先がありません。",
        "`to`、`cc`、`bcc` のいずれかにアドレスを追加してください。",
    ),
    Code.TOO_MANY_RECIPIENTS: translated(
        "The message has more recipients than the account's limit.",
        "Send it to fewer people at once; `limit` says how many.",
        "宛先の数がアカウントの上限を超えています。",
        "一度に送る人数を減らしてください。上限は `limit` にあります。",
    ),
    Code.MESSAGE_TOO_LARGE: translated(
        "The message, with its attachments encoded, is larger than can be sent.",
        "Make the attachments smaller, or send a link to them; `limit` is in bytes.",
        "添付ファイルを含むメールのサイズが送信の上限を超えています。",
        "添付ファイルを小さくするか、リンクで送ってください。`limit` の単位はバイトです。",
    ),
    Code.UPLOAD_UNKNOWN: translated(
        "An attachment was never uploaded, or more than a day ago.",
        "Put its bytes to the link that `POST /v1/uploads` answers, then send again.",
        "添付ファイルがアップロードされていないか、1 日以上経過しています。",
        "`POST /v1/uploads` が返すリンクに内容を送ってから、再送してください。",
    ),
    Code.SENDING_OFF: translated(
        "This account sends no mail: its setting `messages_a_day` is 0.",
        "Ask your administrator to allow sending, by `PATCH /v1/account` with `messages_a_day`;"
        " then send again.",
        "設定 `messages_a_day` が 0 のため、このアカウントからメールを送信できません。",
        "送信の許可（`PATCH /v1/account` の `messages_a_day`）を管理者に依頼し、"
        "その後に再送してください。",
    ),
    Code.DAILY_LIMIT_REACHED: translated(
        "The mailbox has sent as many messages as it may in a day.",
        "Send again after `resets_at`; or ask your administrator for a higher limit: `PATCH"
        " /v1/account` with `messages_a_day`.",
        "メールボックスの 1 日の送信数が上限に達しました。",
        "`resets_at` 以降に再送するか、上限の引き上げ（`PATCH /v1/account` の `messages_a_day`）を"
        "管理者に依頼してください。",
    ),
    Code.RATE_LIMIT_REACHED: translated(
        "The mailbox has sent as many messages as it may in a minute.",
        "Send again after `resets_at`.",
        "メールボックスの 1 分あたりの送信数が上限に達しました。",
        "`resets_at` 以降に再送してください。",
    ),
    Code.IDEMPOTENCY_CONFLICT: translated(
        "The Idempotency-Key was used for another message.",
        "Use a new key for each message, and the same key only to repeat a request.",
        "Idempotency-Key が別のメールで使用済みです。",
        "メールごとに新しいキーを使い、同じキーは同一リクエストの再送にだけ使ってください。",
    ),
    Code.SENT_ALREADY: translated(
        "The message is being sent, was sent, or has failed: it cannot be cancelled.",
        "Nothing to do; `GET /v1/outbound/{outbound_id}` says how far it is.",
        "メールは送信中、送信済み、または送信に失敗しているため、取り消せません。",
        "操作は不要です。状況は `GET /v1/outbound/{outbound_id}` で確認できます。",
    ),
    Code.NOTIFICATION_FORGED: translated(
        "The notification is not signed by Amazon SNS for this deployment.",
        "Nothing to do: the notification was ignored. If real ones are refused, check the topic's"
        " region.",
        "通知に、このデプロイに対する Amazon SNS の署名がありません。",
        "通知は無視されたため操作は不要です。正規の通知が拒否される場合はトピックのリージョンを確"
        "認してください。",
    ),
    Code.PROBE_FAILED: translated(
        "The function that asks mail servers and providers has failed, or took too long.",
        "Try again; if it stays, let the stack's operator look into the log of the function"
        " `probe` (log group `/aws/lambda/<stack>-probe`), which says why.",
        "メールサーバーやプロバイダーに問い合わせる関数が失敗したか、時間がかかりすぎました。",
        "もう一度お試しください。続く場合は運用者に関数 `probe` のログ（ロググループ"
        " `/aws/lambda/<stack>-probe`）の確認を依頼してください。",
    ),
    Code.INTERNAL_ERROR: translated(
        "Mailmirror failed.",
        "Try again; if it stays, report it to the stack's operator with the request's id.",
        "Mailmirror の内部エラーが発生しました。",
        "もう一度お試しください。続く場合はリクエスト ID を添えて運用者に報告してください。",
    ),
}
