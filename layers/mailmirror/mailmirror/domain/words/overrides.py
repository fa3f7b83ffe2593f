"""The explanation of each reason to be on a deal or off it, and of what became of an override."""

from mailmirror.domain.card_overrides import Scope
from mailmirror.domain.overrides import Reason, Standing
from mailmirror.domain.words.explanation import Catalogue, translated

REASONS: Catalogue[Reason] = {
    Reason.MATCH: translated(
        "A message of the thread is with a contact of the deal, and of a time when the deal was"
        " open, or of the 30 days before it opened.",
        "If the thread does not belong to the deal, detach it: it stays off then.",
        "商談が進行中、または開始前の 30 日以内に、商談の連絡先とやり取りしたメールが"
        "スレッドに含まれています。",
        "商談と関係がない場合はスレッドの関連付けを解除してください。解除した状態は保たれます。",
    ),
    Reason.THREAD_ATTACHED: translated(
        "A person attached the thread to the deal.",
        "If the thread does not belong to the deal, detach it.",
        "スレッドが手動で商談に関連付けられています。",
        "商談と関係がない場合は、スレッドの関連付けを解除してください。",
    ),
    Reason.MESSAGE_ATTACHED: translated(
        "A person attached this message to the deal.",
        "If the message does not belong to the deal, detach it.",
        "このメールが手動で商談に関連付けられています。",
        "商談と関係がない場合は、メールの関連付けを解除してください。",
    ),
    Reason.THREAD_DETACHED: translated(
        "A person took the thread off the deal.",
        "To put the thread back, attach it.",
        "スレッドが手動で商談から外されています。",
        "元に戻すには、スレッドを関連付けてください。",
    ),
    Reason.MESSAGE_DETACHED: translated(
        "A person took this message off the deal.",
        "To put the message back, attach it.",
        "このメールが手動で商談から外されています。",
        "元に戻すには、メールを関連付けてください。",
    ),
}

CARD_OVERRIDES: Catalogue[Scope] = {
    Scope.ACCOUNT: translated(
        "A person took the message or thread off this card for all users.",
        "If it belongs on the card, make the call that `undo` names.",
        "メールまたはスレッドが、すべてのユーザーに対して、手動でこのカードから外されています。",
        "カードに戻す場合は、`undo` が示す呼び出しを実行してください。",
    ),
    Scope.OWNER: translated(
        "You took the message or thread off this card for yourself.",
        "If it belongs on the card, make the call that `undo` names.",
        "メールまたはスレッドを、自分に対してのみ、手動でこのカードから外しています。",
        "カードに戻す場合は、`undo` が示す呼び出しを実行してください。",
    ),
}

STANDINGS: Catalogue[Standing] = {
    Standing.COUNTS: translated(
        "This attach or detach decides whether the message is on the deal.",
        "To undo it, make the call that `undo` names.",
        "メールが商談に表示されるかどうかは、この関連付けまたは解除で決まります。",
        "取り消すには、`undo` が示す呼び出しを実行してください。",
    ),
    Standing.REPLACED: translated(
        "A later attach or detach of the same thread or message has replaced it.",
        "Nothing to do: the later one counts.",
        "同じスレッドまたはメールに対する、より新しい関連付けまたは解除があります。",
        "新しいほうが有効なため、操作は不要です。",
    ),
    Standing.OUTRANKED: translated(
        "It counts for the thread, but this message was attached or detached by itself.",
        "To change where this message is, attach or detach the message itself.",
        "スレッドには有効ですが、このメールには個別の関連付けまたは解除があります。",
        "このメールの表示先を変えるには、メール自体の関連付けまたは解除をしてください。",
    ),
}
