"""Why a folder is not read, and why the copies in it do not count, explained."""

from mailmirror.domain.counted_copies import Uncounted
from mailmirror.domain.folder_choice import LeftOut
from mailmirror.domain.words.explanation import Catalogue, translated

LEFT_OUT_FOLDERS: Catalogue[LeftOut] = {
    LeftOut.NOT_SELECTABLE: translated(
        "The folder only holds other folders, and no messages.",
        "Nothing to do: the folders below it stand in this list by themselves.",
        "ほかのフォルダーをまとめるだけで、メールの入らないフォルダーです。",
        "下にあるフォルダーはそれぞれこの一覧に表示されるため、操作は不要です。",
    ),
    LeftOut.OTHER_NAMESPACE: translated(
        "The folder is another user's, or shared by several.",
        "If its mail is wanted, choose the folders by name, this one among them: `folders` of"
        " `PATCH /v1/mailboxes/{mailbox_id}`, or of `POST /v1/mailboxes` when you connect the"
        " mailbox.",
        "ほかのユーザーのフォルダー、または共有フォルダーです。",
        "このフォルダーのメールが必要な場合は、"
        "これも含めて読み取るフォルダーを名前で指定してください（`PATCH"
        " /v1/mailboxes/{mailbox_id}` の `folders`。接続時は `POST /v1/mailboxes` の `folders`）。",
    ),
    LeftOut.TRASH: translated(
        "The folder holds deleted mail.",
        "If a message in it is wanted, move it to a folder that is read.",
        "削除済みのメールのフォルダーです。",
        "必要なメールがある場合は、読み取り対象のフォルダーに移動してください。",
    ),
    LeftOut.JUNK: translated(
        "The folder holds junk mail.",
        "If a message in it is no junk, move it to the Inbox.",
        "迷惑メールのフォルダーです。",
        "迷惑メールではないものがある場合は、受信トレイに移動してください。",
    ),
    LeftOut.DRAFTS: translated(
        "The folder holds drafts that have not been sent.",
        "Nothing to do: what is sent is read in the folder of sent mail.",
        "まだ送信されていない下書きのフォルダーです。",
        "送信したメールは送信済みフォルダーから読み取られるため、操作は不要です。",
    ),
    LeftOut.OUTBOX: translated(
        "The folder holds mail that has not left yet.",
        "Nothing to do: what is sent is read in the folder of sent mail.",
        "送信待ちのメールのフォルダーです。",
        "送信したメールは送信済みフォルダーから読み取られるため、操作は不要です。",
    ),
    LeftOut.NO_MAIL: translated(
        "The folder is meant for appointments, contacts, tasks or the like, and not for mail.",
        "If it holds mail that is wanted, move that to a folder that is read.",
        "予定、連絡先、タスクなど、メール以外の項目のためのフォルダーです。",
        "必要なメールが入っている場合は、読み取り対象のフォルダーに移動してください。",
    ),
    LeftOut.COLLECTION: translated(
        "The folder shows messages of other folders once more.",
        "Nothing to do: the messages are read in their own folders.",
        "ほかのフォルダーのメールを重ねて表示するフォルダーです。",
        "メールは元のフォルダーから読み取られるため、操作は不要です。",
    ),
    LeftOut.IN_ALL_MAIL: translated(
        "The folder's messages are read in All Mail, which has them too.",
        "Nothing to do.",
        "このフォルダーのメールは「すべてのメール」から読み取られます。",
        "操作は不要です。",
    ),
    LeftOut.SETTING: translated(
        "The folder is none of those that were chosen for this mailbox.",
        "If its mail is wanted, add the folder to those that are read: `PATCH"
        " /v1/mailboxes/{mailbox_id}` with `folders`.",
        "このメールボックスで選ばれたフォルダーに含まれていません。",
        "このフォルダーのメールが必要な場合は、`PATCH /v1/mailboxes/{mailbox_id}` の `folders` に"
        "このフォルダーを追加してください。",
    ),
}

UNCOUNTED_FOLDERS: Catalogue[Uncounted] = {
    Uncounted.NAMED: translated(
        "The folder was read because `folders` of this mailbox named it, and `folders` names it no"
        " more: its copies put no message on cards.",
        "If its mail is wanted, name the folder again, and all others that are to be read: `PATCH"
        " /v1/mailboxes/{mailbox_id}` with `folders`.",
        "このメールボックスの `folders` に指定されていたため読み取られていましたが、"
        "指定から外されたフォルダーです。このフォルダーのメールはカードに表示されません。",
        "このフォルダーのメールが必要な場合は、`PATCH /v1/mailboxes/{mailbox_id}` の `folders` に、"
        "読み取るほかのフォルダーとともにもう一度指定してください。",
    ),
    Uncounted.SETTING: translated(
        "The folder is none of those that `folders` of this mailbox chooses: its copies put no"
        " message on cards.",
        "If its mail is wanted, add the folder to those that are read: `PATCH"
        " /v1/mailboxes/{mailbox_id}` with `folders`.",
        "このメールボックスの `folders` の対象に含まれていないフォルダーです。"
        "このフォルダーのメールはカードに表示されません。",
        "このフォルダーのメールが必要な場合は、`PATCH /v1/mailboxes/{mailbox_id}` の `folders` に"
        "このフォルダーを追加してください。",
    ),
}
