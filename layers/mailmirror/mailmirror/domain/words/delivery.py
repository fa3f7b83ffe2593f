"""The explanation of each delivery error."""

from mailmirror.domain.delivery import DeliveryCode
from mailmirror.domain.words.explanation import Catalogue, translated

DELIVERY_ERRORS: Catalogue[DeliveryCode] = {
    DeliveryCode.UNKNOWN_FAILURE: translated(
        "The mail could not be delivered, and the reply of the server does not say why.",
        "Read the server's reply; if it does not help, contact the recipient another way.",
        "メールを配信できませんでしたが、サーバーの応答から理由を特定できません。",
        "サーバーの応答を確認し、分からない場合は別の方法で相手に連絡してください。",
    ),
    DeliveryCode.SENDING_LIMIT_REACHED: translated(
        "The mail provider's limit on sending is reached.",
        "Wait until the limit resets, as a rule within a day, and send again.",
        "メールプロバイダーの送信上限に達しました。",
        "通常は一日以内に上限が解除されますので、解除後に再送してください。",
    ),
    DeliveryCode.RECIPIENT_UNKNOWN: translated(
        "The recipient's server knows no such address.",
        "Correct the address, and send again.",
        "宛先のサーバーにこのアドレスは存在しません。",
        "アドレスを修正して再送してください。",
    ),
    DeliveryCode.MAILBOX_FULL: translated(
        "The recipient's mailbox is full.",
        "While `next_attempt_at` is set it is sent again by itself. Else send again later, or tell"
        " the recipient another way.",
        "宛先のメールボックスの容量が一杯です。",
        "`next_attempt_at` がある間は自動で再送されます。"
        "ない場合は、時間をおいて再送するか、別の方法で相手に知らせてください。",
    ),
    DeliveryCode.MESSAGE_TOO_LARGE: translated(
        "The message is larger than a server on its way takes.",
        "Make the attachments smaller, or send a link to them.",
        "メールのサイズが経路上のサーバーの上限を超えています。",
        "添付ファイルを小さくするか、リンクで送ってください。",
    ),
    DeliveryCode.REFUSED_BY_POLICY: translated(
        "The recipient's server refuses the message as spam, or by a rule of its own.",
        "Check SPF, DKIM and DMARC of your domain, and links and attachments in the message.",
        "宛先のサーバーが迷惑メール判定または独自の規則により受信を拒否しました。",
        "自社ドメインの SPF・DKIM・DMARC と、本文のリンクや添付ファイルを確認してください。",
    ),
    DeliveryCode.SENDER_NOT_ALLOWED: translated(
        "The server does not let this sender's address send.",
        "Send from the mailbox's own address, or ask the stack's operator to verify the address or"
        " its domain at SES.",
        "サーバーがこの送信元アドレスからの送信を許可していません。",
        "メールボックスのアドレスを使うか、"
        "運用者に SES でのアドレスまたはドメインの検証を依頼してください。",
    ),
    DeliveryCode.DOMAIN_NOT_FOUND: translated(
        "The domain of the recipient's address does not exist, or takes no mail.",
        "Correct what stands behind the @, and send again.",
        "宛先のドメインが存在しないか、メールを受け付けていません。",
        "@ 以降を修正して再送してください。",
    ),
    DeliveryCode.SIGN_IN_FAILED: translated(
        "The submission server refuses the sign-in.",
        "Connect the mailbox again, then send again.",
        "送信サーバーへのサインインが拒否されました。",
        "メールボックスを接続し直してから再送してください。",
    ),
    DeliveryCode.TIMED_OUT: translated(
        "No server took the message within a day.",
        "Send again later; if it stays, ask the recipient's administrator.",
        "一日以内にメールを受け取ったサーバーがありませんでした。",
        "時間をおいて再送し、続く場合は相手先の管理者に確認してください。",
    ),
    DeliveryCode.GREYLISTED: translated(
        "The recipient's server makes unknown senders wait (greylisting).",
        "Nothing to do: it is sent again in a few minutes.",
        "宛先のサーバーが未知の送信元を一時的に待たせています（グレイリスト）。",
        "数分後に自動で再送されるため、操作は不要です。",
    ),
    DeliveryCode.SUPPRESSED: translated(
        "The address is on the SES suppression list: mail to it has bounced or was reported.",
        "Make sure that the address works, then ask the stack's operator to take it off the list,"
        " and send again.",
        "過去の不達または苦情により、アドレスが SES の抑制リストに入っています。",
        "アドレスが有効であることを確認し、"
        "運用者にリストからの削除を依頼してから再送してください。",
    ),
    DeliveryCode.SANDBOX: translated(
        "The AWS account's SES is in its sandbox: it sends to verified addresses only.",
        "Ask the stack's operator to verify the address, or to request production access for SES.",
        "AWS アカウントの SES がサンドボックス状態のため、検証済みアドレスにしか送れません。",
        "運用者にアドレスの検証、または SES の本番アクセス申請を依頼してください。",
    ),
    DeliveryCode.ADDRESS_UNSUPPORTED: translated(
        "The server takes no address with letters other than a to z before the @ (SMTPUTF8).",
        "Ask the recipient for an address with plain letters (a to z) and digits only.",
        "サーバーが、@ より前に半角英数字や記号以外の文字を含むアドレス (SMTPUTF8) に対応していま"
        "せん。",
        "半角の英数字と記号だけのアドレスがないか、相手に確認してください。",
    ),
    DeliveryCode.SERVER_UNAVAILABLE: translated(
        "The server cannot be reached, or is busy.",
        "Nothing to do: it is tried again for a day.",
        "サーバーに接続できないか、混み合っています。",
        "一日の間自動で再試行されるため、操作は不要です。",
    ),
    DeliveryCode.COMPLAINT: translated(
        "The recipient has reported the message as spam.",
        "Do not write to this address again unless the recipient asks for it.",
        "受信者がこのメールを迷惑メールとして報告しました。",
        "受信者から求められない限り、このアドレスには送信しないでください。",
    ),
    DeliveryCode.OUTCOME_UNKNOWN: translated(
        "The connection broke while the server accepted the message: it may have been sent.",
        "Look into Sent, or ask the recipient; send it again only if it did not arrive.",
        "サーバーへの引き渡し中に接続が切れたため、送信済みかどうか分かりません。",
        "送信済みフォルダーか相手に確認し、届いていない場合にのみ再送してください。",
    ),
    DeliveryCode.DRAFT_LOST: translated(
        "What was to be sent is no longer kept: its draft was deleted before it could go.",
        "Compose the message again.",
        "送信前に下書きが削除されたため、送信する内容が残っていません。",
        "メールを作成し直してください。",
    ),
    DeliveryCode.INTERNAL_ERROR: translated(
        "Mailmirror itself has failed to send the message.",
        "Nothing to do while it is tried again; if it fails for good, send it again, and tell the"
        " stack's operator.",
        "Mailmirror の内部エラーにより、メールを送信できませんでした。",
        "再試行中は操作不要ですが、最終的に失敗した場合は再送し、運用者に連絡してください。",
    ),
}
