"""The explanation of each cause for which a message is missing; `calls` and others are fields."""

from collections.abc import Mapping

from mailmirror.domain.missing_mail import MissingCause
from mailmirror.domain.words.explanation import Catalogue, Explanations, translated

_OF_COPIES: Mapping[MissingCause, Explanations] = {
    MissingCause.CONTAINED: translated(
        "The message could not be read, or not whole: `contained` says why.",
        "Do what `contained` says. Where `calls` has a call, it tries again now.",
        "メールを読み取れないか、一部しか読み取れませんでした。理由は `contained` にあります。",
        "`contained` に従ってください。`calls` に呼び出しがあれば、それで今すぐ再試行できます。",
    ),
    MissingCause.NOT_SYNCED: translated(
        "No sync has read the message yet.",
        "Wait some minutes, or make the call in `calls`, which syncs the mailbox now.",
        "このメールはまだ同期されていません。",
        "数分待つか、`calls` の呼び出しで今すぐメールボックスを同期してください。",
    ),
    MissingCause.FIRST_SYNC: translated(
        "The mailbox's first sync, which reads the newest mail first, has not come to the message"
        " yet.",
        "Nothing to do: it comes by itself. `GET /v1/mailboxes/{mailbox_id}` says how much is"
        " left.",
        "最初の同期は新しいメールから順に読み取るため、このメールにはまだ達していません。",
        "自動で反映されるため操作は不要です。残りは `GET /v1/mailboxes/{mailbox_id}` で確認でき"
        "ます。",
    ),
    MissingCause.WAITS: translated(
        "The message was checked before something changed, such as an address, a block or a"
        " setting, and is going to be checked again.",
        "Wait up to an hour, or make the call in `calls`, which has all mail checked again now.",
        "メールアドレス、ブロック、設定などの変更より前に判定されたメールで、これから再び判定"
        "されます。",
        "1 時間ほど待つか、`calls` の呼び出しで今すぐすべてのメールを判定し直してください。",
    ),
    MissingCause.NOT_STORED: translated(
        "The message belongs on cards, but what should be stored of it is missing.",
        "Make the call in `calls`: a deep audit stores it again. If it is missing after that,"
        " report it to the stack's operator.",
        "カードに表示されるべきメールですが、保存されているはずの内容がありません。",
        "`calls` の呼び出しで詳細な検査を行うと、再び保存されます。それでも表示されない場合は、"
        "運用者に報告してください。",
    ),
    MissingCause.PAUSED: translated(
        "The mailbox is paused, so it is not read.",
        "Have it read again: `calls` has the call.",
        "メールボックスが一時停止中のため、読み取られていません。",
        "`calls` の呼び出しで読み取りを再開してください。",
    ),
    MissingCause.BLOCKED: translated(
        "The owner of the mailbox has blocked every lead and contact in the message.",
        "If it is wanted, remove the blocks: `calls` has the calls.",
        "メールボックスの所有者が、該当する相手をすべてブロックしています。",
        "必要な場合は、`calls` の呼び出しでブロックを解除してください。",
    ),
    MissingCause.NO_PERSON: translated(
        "None of the message's addresses is on a lead or contact of the CRM: `addresses` has them.",
        "Add the right one of these addresses to the lead or contact: the message is on the card"
        " within an hour.",
        "メールのアドレスが、CRM のどのリードまたは連絡先にも登録されていません。アドレスは"
        " `addresses` にあります。",
        "該当するアドレスをリードまたは連絡先に追加してください。1 時間以内にカードに反映され"
        "ます。",
    ),
    MissingCause.OUTSIDE_WINDOW: translated(
        "The message arrived before the day from which this mailbox's mail is mirrored.",
        "If it is wanted, have mail mirrored from the day on which the message arrived: `calls`"
        " has the call.",
        "メールボックスの同期開始日より前に届いたメールです。",
        "必要な場合は、`calls` の呼び出しで、このメールが届いた日を同期開始日にしてください。",
    ),
    MissingCause.TOO_MANY_RECIPIENTS: translated(
        "The message names more addresses than the account's limit of recipients allows.",
        "If such mail is wanted, ask your administrator to raise the limit as far as the message"
        " needs: `calls` has the call.",
        "メールに含まれるアドレスの数が、アカウントの宛先数の上限を超えています。",
        "必要な場合は、このメールに必要な数まで上限を引き上げるよう CRM の管理者に依頼して"
        "ください。呼び出しは `calls` にあります。",
    ),
    MissingCause.BEYOND_RECIPIENTS: translated(
        "The message names more addresses than any limit of recipients may allow.",
        "Open it in the mailbox itself: such a message cannot be on a card.",
        "メールに含まれるアドレスの数が、設定できる宛先数の上限を超えています。",
        "カードには表示できないため、メールボックスで直接開いてください。",
    ),
    MissingCause.FOLDER_LEFT_OUT: translated(
        "The message lies in a folder that the mailbox's setting `folders` leaves out.",
        "Move it to a folder that is read; or have its folder read, too: `calls` has the call.",
        "メールボックスの設定 `folders` で読み取り対象外のフォルダーにあるメールです。",
        "読み取り対象のフォルダーに移動するか、`calls` の呼び出しでこのフォルダーも対象にして"
        "ください。",
    ),
    MissingCause.JUNK: translated(
        "The message lies in the folder of junk mail, which is not read.",
        "If it is no junk, move it to the Inbox in your mail program.",
        "読み取り対象外の迷惑メールフォルダーにあるメールです。",
        "迷惑メールでない場合は、メールソフトで受信トレイに移動してください。",
    ),
    MissingCause.TRASH: translated(
        "The message lies in the trash, which is not read.",
        "If it is wanted, move it to the Inbox in your mail program.",
        "読み取り対象外のごみ箱にあるメールです。",
        "必要な場合は、メールソフトで受信トレイに移動してください。",
    ),
    MissingCause.NO_MAIL_FOLDER: translated(
        "The message lies in a folder that is meant for appointments, contacts, tasks or the like.",
        "Move it to the Inbox in your mail program.",
        "予定、連絡先、タスクなどのためのフォルダーにあるメールです。",
        "メールソフトで受信トレイに移動してください。",
    ),
    MissingCause.COLLECTION: translated(
        "The message was found only in a folder that shows messages of other folders once more.",
        "Ask again later. If it stays so, move the message to the Inbox in your mail program.",
        "ほかのフォルダーのメールを重ねて表示するフォルダーでのみ見つかりました。",
        "しばらくしてからもう一度確認し、変わらない場合はメールソフトで受信トレイに移動して"
        "ください。",
    ),
    MissingCause.DRAFT: translated(
        "The message is a draft, or has not left yet.",
        "Send it: what is sent is mirrored.",
        "下書き、または送信待ちのメールです。",
        "送信してください。送信したメールは反映されます。",
    ),
    MissingCause.REPORT: translated(
        "The message is a mail system's report on another message.",
        "Nothing to do: look at the state of the message that it reports on.",
        "別のメールに関するメールシステムからの通知です。",
        "操作は不要で、通知の対象となったメールの状態から結果を確認できます。",
    ),
    MissingCause.INTERNAL: translated(
        "All participants of the message are of your own team.",
        "Nothing to do: mail within the team is not mirrored.",
        "チームのメンバーだけのメールです。",
        "チーム内のメールは反映されないため、操作は不要です。",
    ),
    MissingCause.UNREADABLE: translated(
        "The message's headers cannot be understood.",
        "Open the message in the mailbox itself.",
        "メールのヘッダーを解釈できません。",
        "メールボックスで直接開いてください。",
    ),
}
_OF_MESSAGES: Mapping[MissingCause, Explanations] = {
    MissingCause.SHOWN: translated(
        "The message is on the cards of those `persons` of whom `taken_off` is empty, and of the"
        " `deals`.",
        "Nothing to do: open one of these cards.",
        "このメールは、`taken_off` が空の `persons` と、`deals` のカードに表示されています。",
        "操作は不要です。いずれかのカードを開いてください。",
    ),
    MissingCause.DETACHED: translated(
        "A person has taken the message, or its whole thread, off a deal: `detached` says off"
        " which, who and when.",
        "If it belongs on the deal, put it back: `calls` has the call.",
        "このメールまたはスレッドは、手動で商談から外されています。どの商談から、誰が、いつ外したか"
        "は `detached` にあります。",
        "商談に戻す場合は、`calls` の呼び出しを実行してください。",
    ),
    MissingCause.TAKEN_OFF: translated(
        "A person has taken the message, or its whole thread, off the card of a lead or contact:"
        " `taken_off` says off which, who and when.",
        "If it belongs on the card, put it back: `calls` has the call.",
        "このメールまたはスレッドは、手動でリードまたは連絡先のカードから外されています。"
        "どのカードから、誰が、いつ外したかは `taken_off` にあります。",
        "カードに戻す場合は、`calls` の呼び出しを実行してください。",
    ),
    MissingCause.DELETED: translated(
        "The message was deleted at the mail server, and the account's setting `deleted_mail`"
        " takes deleted mail off its cards.",
        "If it is wanted, move it back from the trash in your mail program within 30 days; or ask"
        " your administrator to keep deleted mail: `calls` has the call.",
        "メールサーバーから削除されたメールです。アカウントの設定 `deleted_mail` により、カードにも"
        "表示されなくなりました。",
        "必要な場合は、30 日以内にメールソフトでごみ箱から戻すか、削除したメールを残すよう CRM の"
        "管理者に依頼してください。呼び出しは `calls` にあります。",
    ),
}
_OF_MAILBOXES: Mapping[MissingCause, Explanations] = {
    MissingCause.SIGN_IN_NEEDED: translated(
        "The mailbox cannot be signed in to, so new mail is not read, and its server could not be"
        " searched: `error` says why.",
        "Do what `error` says, and ask again. Where `calls` has a call, it begins the sign-in.",
        "メールボックスにサインインできないため、新しいメールが読み取られず、サーバーの検索もでき"
        "ませんでした。理由は `error` にあります。",
        "`error` に従って対処し、もう一度確認してください。`calls` に呼び出しがあれば、それで"
        "サインインを開始できます。",
    ),
    MissingCause.UNREACHABLE: translated(
        "The mailbox's server could not be searched now: `error` says why. Only what is stored is"
        " explained.",
        "Ask again in some minutes. If it stays so, do what `error` says.",
        "現在メールサーバーを検索できないため、保存されている内容だけを説明しています。理由は"
        " `error` にあります。",
        "数分後にもう一度確認し、変わらない場合は `error` に従ってください。",
    ),
    MissingCause.DISCONNECTED: translated(
        "The mailbox is disconnected: its mail is not read any more. Only what is stored is"
        " explained.",
        "If its mail is wanted, connect it again. Where `calls` has a call, it begins the sign-in.",
        "メールボックスは接続が解除されており、メールは読み取られません。保存されている内容だけを"
        "説明しています。",
        "必要な場合は、もう一度接続してください。`calls` に呼び出しがあれば、それでサインインを開始"
        "できます。",
    ),
    MissingCause.SEARCH_INCOMPLETE: translated(
        "No such message was found, but not every folder could be searched: `failed` and"
        " `not_reached` name the others, where it may be.",
        "Ask again, by the Message-ID where you have it; or look into these folders in your mail"
        " program.",
        "該当するメールは見つかりませんでしたが、`failed` と `not_reached` のフォルダーは検索でき"
        "なかったため、そこにある可能性があります。",
        "できれば Message-ID を指定してもう一度確認するか、メールソフトでこれらのフォルダーを確認"
        "してください。",
    ),
    MissingCause.COLLEAGUE: translated(
        "A mailbox of a colleague has the message, and it is not shared: a card shows each user the"
        " mail of their own mailboxes.",
        "Ask the colleague who writes with this customer to forward the message to you.",
        "同僚のメールボックスにあるメールですが、共有されていません。カードには、自分のメール"
        "ボックスのメールだけが表示されます。",
        "この顧客とやり取りしている同僚に、メールの転送を依頼してください。",
    ),
    MissingCause.DELETED_UNREAD: translated(
        "The message was sent to or from the mailbox, and is in no folder of it: it was deleted"
        " before it was read.",
        "Restore it with your mail program, where the server keeps deleted mail, and leave it in"
        " the Inbox; or ask the sender to send it again.",
        "このメールボックスから、またはこのメールボックスあてに送信されたメールですが、"
        "どのフォルダーにもありません。読み取る前に削除されています。",
        "削除したメールがサーバーに残っている場合はメールソフトで受信トレイに復元し、なければ差出人"
        "に再送を依頼してください。",
    ),
    MissingCause.NOT_IN_MAILBOX: translated(
        "No folder of the mailbox has such a message: it went to another address, or was deleted"
        " before it was read.",
        "Check what you have asked with: the Message-ID, or the sender, subject and day; or ask the"
        " sender to which address it went, and to send it again.",
        "メールボックスのどのフォルダーにも、該当するメールがありません。別のアドレスに届いたか、"
        "読み取る前に削除されています。",
        "指定した Message-ID、または差出人、件名、日付を確認するか、差出人に宛先を確認して再送を"
        "依頼してください。",
    ),
}
MISSING_CAUSES: Catalogue[MissingCause] = {**_OF_MESSAGES, **_OF_COPIES, **_OF_MAILBOXES}

WOULD_BE_MIRRORED = translated(
    "By its headers the message belongs on cards.",
    "Nothing to do about this copy: `causes` says what is in the way.",
    "ヘッダーの内容から、カードに表示されるべきメールです。",
    "このメール自体への操作は不要です。表示されない理由は `causes` にあります。",
)
"""The verdict `mirrored` of a copy whose message is on no card."""
