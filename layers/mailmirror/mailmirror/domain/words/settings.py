"""When a change of each setting takes effect."""

from mailmirror.domain.settings import MailboxSetting, Setting
from mailmirror.domain.words.explanation import Catalogue, translated

EFFECTS: Catalogue[Setting] = {
    Setting.MAX_RECIPIENTS: translated(
        "It holds for all mail within a minute. Where it is higher, old mail over the former limit"
        " is judged again then; where it is lower, mirrored mail over it is hidden, and erased"
        " 30 days later. Until that is done, `gaps` of the cards' `coverage` has `late_facts`.",
        "Open a card again in some minutes, until its `gaps` has neither `first_sync` nor"
        " `late_facts`, which stays where a mailbox is not read. If mail was"
        " hidden by mistake, raise the limit again within the 30 days.",
        "1 分以内にすべてのメールに適用されます。"
        "引き上げた場合は、以前の上限を超えていたメールも判定し直されます。"
        "引き下げた場合は、上限を超える反映済みのメールが非表示になり、"
        "30 日後に消去されます。"
        "完了までは、カードの `coverage` の `gaps` に `late_facts` が含まれます。",
        "数分後に、`gaps` から `first_sync` と `late_facts` がなくなるまでカードを開き直して"
        "ください（読み取られていないメールボックスでは `late_facts` が残ります）。"
        "誤って非表示にした場合は、30 日以内に上限を元に戻してください。",
    ),
    Setting.DEAL_POLICY: translated(
        "It holds for new mail at once. All threads are matched with the deals again now; until"
        " that is done, `gaps` of their cards' `coverage` has `matches_pending`. What persons have"
        " attached or detached stays.",
        "Open a deal's card again in some minutes, until its `gaps` has no `matches_pending`.",
        "新しいメールにはすぐに適用されます。"
        "すべてのスレッドと商談の照合もやり直されます。"
        "完了までは、商談のカードの `coverage` の `gaps` に `matches_pending` が含まれます。"
        "手動での関連付けと解除は変わりません。",
        "数分後に、`gaps` から `matches_pending` がなくなるまで商談のカードを開き直してください。",
    ),
    Setting.DELETED_MAIL: translated(
        "With `follow`, a message of which a mailbox has no copy any more is hidden within two"
        " days, and erased after 30 further days: 100 messages a mailbox and day at the most, or"
        " 5 % where that is less, but always 5. With `keep` it stays; what is hidden is shown again"
        " within a minute.",
        "Nothing to do. Set `keep` within the 30 days where mail was deleted by mistake.",
        "`follow` にすると、メールボックスからなくなったメールが 2 日以内に非表示になり、"
        "さらに 30 日後に消去されます。"
        "1 日に処理されるのは、メールボックスごとに最大 100 件か 5 % の少ない方です"
        "（5 件までは常に処理されます）。"
        "`keep` にするとメールは残り、非表示のメールは 1 分以内に再び表示されます。",
        "操作は不要です。誤って削除した場合は、30 日以内に `keep` に戻してください。",
    ),
    Setting.MAILBOXES_PER_USER: translated(
        "It holds for the next mailbox that is connected. Those that are connected stay.",
        "Disconnect a mailbox by `DELETE /v1/mailboxes/{mailbox_id}` where a user has too many.",
        "次に接続するメールボックスから適用されます。接続済みのものはそのまま残ります。",
        "多すぎる場合は `DELETE /v1/mailboxes/{mailbox_id}` で接続を解除してください。",
    ),
    Setting.MESSAGES_A_DAY: translated(
        "It holds for the next message that is sent. The day is counted in UTC. With 0 no message"
        " is sent: it is refused as `sending_off`.",
        "Nothing to do.",
        "次に送信するメールから適用されます。1 日は UTC で数えます。"
        "0 にするとメールは送信されず、`sending_off` として拒否されます。",
        "操作は不要です。",
    ),
    Setting.LANGUAGE: translated(
        "It holds for the next answer, and the next mail that is sent to a person, such as a code.",
        "Nothing to do. A request's own Accept-Language, `en` or `ja`, goes before it.",
        "次の応答と、次に送信する確認コードなどのメールから適用されます。",
        "操作は不要です。"
        "リクエストの Accept-Language に `en` か `ja` があれば、そちらが優先されます。",
    ),
}

MAILBOX_EFFECTS: Catalogue[MailboxSetting] = {
    MailboxSetting.FOLDERS: translated(
        "A sync begins now: it reads the folders that are new, and hides mirrored mail of which"
        " no copy lies in a folder that is read; that is erased 30 days later.",
        "Open a card again in some minutes; `coverage` says whether it is complete. If mail was"
        " hidden by mistake, add its folder again within the 30 days.",
        "今すぐ同期が始まり、追加されたフォルダーが読み取られます。"
        "対象のフォルダーに残っていない反映済みのメールは非表示になり、30 日後に消去されます。",
        "数分後にカードを開き直してください。完了したかどうかは `coverage` で確認できます。"
        "誤って非表示にした場合は、30 日以内にフォルダーを追加し直してください。",
    ),
    MailboxSetting.SENT_FOLDERS: translated(
        "A sync begins now: mail in these folders is outgoing.",
        "Open a card again in some minutes; `coverage` says whether it is complete.",
        "今すぐ同期が始まり、これらのフォルダーのメールは送信済みとして扱われます。",
        "数分後にカードを開き直してください。完了したかどうかは `coverage` で確認できます。",
    ),
    MailboxSetting.HISTORY_SINCE: translated(
        "A sync begins now: where the day is earlier than before, it reads older mail; where it is"
        " later, it hides mirrored mail of before that day, which is erased 30 days later. Until"
        " that is done, `gaps` of the cards' `coverage` has `late_facts`.",
        "Open a card again in some minutes, until its `gaps` has neither `first_sync` nor"
        " `late_facts`, which stays where a mailbox is not read. If mail was"
        " hidden by mistake, set the earlier day again within the 30 days.",
        "今すぐ同期が始まります。以前より早い日付にすると、古いメールも読み取られます。"
        "遅い日付にすると、それより前の反映済みのメールが非表示になり、30 日後に消去されます。"
        "完了までは、カードの `coverage` の `gaps` に `late_facts` が含まれます。",
        "数分後に、`gaps` から `first_sync` と `late_facts` がなくなるまでカードを開き直して"
        "ください（読み取られていないメールボックスでは `late_facts` が残ります）。"
        "誤って非表示にした場合は、30 日以内に元の日付に戻してください。",
    ),
    MailboxSetting.PAUSED: translated(
        "It holds at once: a paused mailbox is not read until `paused` is `false`; then a sync"
        " begins at once.",
        "Nothing to do. Cards say `paused` until the mailbox is read again.",
        "すぐに適用されます。"
        "一時停止したメールボックスは、`paused` を `false` にするまで読み取られません。"
        "`false` にするとすぐに同期が始まります。",
        "操作は不要です。再開するまで、カードに `paused` と表示されます。",
    ),
}
