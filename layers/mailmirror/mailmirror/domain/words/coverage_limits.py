"""The explanation of each limit within which a mailbox is read."""

from mailmirror.domain.coverage_limits import Limit
from mailmirror.domain.words.explanation import Catalogue, translated

_UNFOUND_REMEDY = (
    "Nothing to do where there is none. Else name the folders that are to be read in `folders`, as"
    " you connect the mailbox or by `PATCH /v1/mailboxes/{mailbox_id}`; or ask the server's owner"
    " to mark the folder (SPECIAL-USE)."
)
_UNFOUND_REMEDY_JA = (
    "該当するフォルダーがない場合、操作は不要です。"
    "ある場合は、接続時または `PATCH /v1/mailboxes/{mailbox_id}` で、読み取るフォルダーを"
    " `folders` に指定するか、"
    "サーバーの管理者に SPECIAL-USE の印を付けるよう依頼してください。"
)

COVERAGE_LIMITS: Catalogue[Limit] = {
    Limit.FOLDERS_LEFT_OUT: translated(
        "The setting `folders` leaves folders of the mailbox out.",
        "Set `folders` to `all`, or add their names: `PATCH /v1/mailboxes/{mailbox_id}`.",
        "設定 `folders` により、読み取られないフォルダーがあります。",
        "`PATCH /v1/mailboxes/{mailbox_id}` で `folders` を `all` にするか、フォルダー名を加えて"
        "ください。",
    ),
    Limit.PERSONS_BLOCKED: translated(
        "You have blocked persons, addresses or domains: this mailbox brings none of their mail.",
        "Look whether one of them is on this card: `GET /v1/users/{user_id}/blocks`. To have the"
        " mail on the card within some minutes, remove the block: `DELETE"
        " /v1/users/{user_id}/blocks/{block_id}`.",
        "ブロックした相手、アドレス、ドメインのメールは、このメールボックスから取り込まれません。",
        "このカードの相手が含まれるかどうかは `GET /v1/users/{user_id}/blocks` で確認できます。"
        "`DELETE /v1/users/{user_id}/blocks/{block_id}` でブロックを解除すると、"
        "数分以内にカードに反映されます。",
    ),
    Limit.TOO_MANY_RECIPIENTS: translated(
        "Messages in this mailbox name more addresses than the account's limit of recipients"
        " allows: they are on no card, and may be of leads or contacts.",
        "See whether a message that you miss is one of them:"
        " `GET /v1/mailboxes/{mailbox_id}/explain` with `from` and `since`. If such mail is wanted,"
        " ask your administrator to raise the limit: `PATCH /v1/account` with `max_recipients`, up"
        " to 500. Messages beyond that can only be opened in the mailbox itself.",
        "アカウントの宛先数の上限を超えるメールがこのメールボックスにあり、どのカードにも"
        "反映されません。リードや連絡先のメールが含まれる場合があります。",
        "見当たらないメールがこれに該当するかどうかは "
        "`GET /v1/mailboxes/{mailbox_id}/explain` の `from` と `since` で確認できます。"
        "必要な場合は、CRM の管理者に `PATCH /v1/account` の `max_recipients` を（500 まで）"
        "引き上げるよう依頼してください。それを超えるメールは、メールボックスで直接開いて"
        "ください。",
    ),
    Limit.ALL_MAIL_HIDDEN: translated(
        "Gmail does not show All Mail to mail programs, so archived mail without a label is"
        " missing.",
        'In Gmail\'s settings, under Labels, tick "Show in IMAP" for All Mail.',
        "Gmail の「すべてのメール」が IMAP に表示されないため、ラベルのないアーカイブ済みメールは"
        "反映されません。",
        "Gmail の設定の「ラベル」で「すべてのメール」の「IMAP で表示」を選択してください。",
    ),
    Limit.FOLDER_LIMITED: translated(
        "Gmail shows only the newest messages of a folder to mail programs, so older ones may be"
        " missing.",
        "In Gmail's settings, under Forwarding and POP/IMAP, choose not to limit the number of"
        " messages in an IMAP folder.",
        "Gmail がフォルダーの新しいメールだけを IMAP に表示するため、古いメールが反映されない場合が"
        "あります。",
        "Gmail の設定の「メール転送と POP/IMAP」で、IMAP フォルダーのメール数を制限しないように"
        "してください。",
    ),
    Limit.FOLDER_UNREADABLE: translated(
        "The server lists a folder whose name is empty, too long or cannot be read, so its mail is"
        " missing.",
        "Rename that folder to a short name without quotes or line breaks, or move its mail to"
        " another folder.",
        "サーバーの一覧に、名前が空、長すぎる、または読み取れないフォルダーがあり、その中のメールは"
        "反映されません。",
        "そのフォルダーを、引用符や改行を含まない短い名前に変更するか、中のメールを別のフォルダーに"
        "移動してください。",
    ),
    Limit.TRASH_NOT_FOUND: translated(
        "No folder was recognised as Trash: if there is one, its mail is on cards.",
        _UNFOUND_REMEDY,
        "ごみ箱のフォルダーを判別できませんでした。ある場合、その中のメールもカードに反映されます。",
        _UNFOUND_REMEDY_JA,
    ),
    Limit.JUNK_NOT_FOUND: translated(
        "No folder was recognised as Junk: if there is one, its mail is on cards.",
        _UNFOUND_REMEDY,
        "迷惑メールのフォルダーを判別できませんでした。ある場合、その中のメールもカードに"
        "反映されます。",
        _UNFOUND_REMEDY_JA,
    ),
    Limit.DRAFTS_NOT_FOUND: translated(
        "No folder was recognised as Drafts: if there is one, drafts in it may be on cards.",
        _UNFOUND_REMEDY,
        "下書きのフォルダーを判別できませんでした。ある場合、その中の下書きがカードに反映される"
        "場合があります。",
        _UNFOUND_REMEDY_JA,
    ),
}
