"""The explanation of each gap of a card."""

from dataclasses import replace

from mailmirror.domain.coverage import Coverage, FeedCoverage, Gap, MailboxCoverage
from mailmirror.domain.limits import MAX_COUNTED_GAPS
from mailmirror.domain.problems import Code
from mailmirror.domain.words.explanation import Catalogue, Explanation, Language, translated
from mailmirror.domain.words.mailbox_problems import explain_mailbox_problem

GAPS: Catalogue[Gap] = {
    Gap.NO_MAILBOX: translated(
        "You have no mailbox here, so no mail is shown.",
        "Connect your mailbox.",
        "接続済みのメールボックスがないため、メールは表示されません。",
        "メールボックスを接続してください。",
    ),
    Gap.FIRST_SYNC: translated(
        "The first sync is at {progress} %.",
        "Wait until it is done.",
        "初回の同期が {progress} % まで進んでいます。",
        "完了までお待ちください。",
    ),
    Gap.DISCONNECTED: translated(
        "The mailbox is disconnected: newer mail is missing.",
        "Connect it again.",
        "メールボックスの接続が解除されているため、新しいメールは表示されません。",
        "接続し直してください。",
    ),
    Gap.PAUSED: translated(
        "The mailbox is paused: newer mail is missing.",
        'Resume it by `PATCH /v1/mailboxes/{mailbox_id}` with `{"paused": false}`.',
        "メールボックスが一時停止されているため、新しいメールは表示されません。",
        '`PATCH /v1/mailboxes/{mailbox_id}` に `{"paused": false}` を指定して再開してください。',
    ),
    Gap.ERASING: translated(
        "The mailbox's mail is being erased.",
        "Nothing to do.",
        "メールボックスのメールを消去中です。",
        "操作は不要です。",
    ),
    Gap.LATE_FACTS: translated(
        "The CRM sent this person, or a setting or a user's addresses were changed, after old mail"
        " of the mailbox was checked. That mail is searched for within a quarter of an hour and"
        " checked again within an hour, or a day in a very large mailbox; until then earlier mail"
        " may be missing.",
        "Wait, or have old mail checked again now: `POST"
        " /v1/mailboxes/{mailbox_id}/sync?pass=full`. Newer mail is on the card.",
        "以前のメールを判定した後に、CRM からこの人物が届いたか、"
        "設定またはユーザーのアドレスが変更されました。"
        "以前のメールは 15 分以内に検索され、"
        "1 時間以内（非常に大きなメールボックスでは 1 日以内）に判定し直されます。"
        "それまでは以前のメールが欠けている場合があります。",
        "お待ちいただくか、`POST /v1/mailboxes/{mailbox_id}/sync?pass=full` ですぐに判定し直して"
        "ください。新しいメールは表示されています。",
    ),
    Gap.THREAD_PENDING: translated(
        "A thread was just put on this deal, and some of its messages are not shown yet.",
        "Open the card again in a minute.",
        "この商談に関連付けたばかりのスレッドがあり、一部のメールがまだ表示されていません。",
        "1 分ほど後にカードを開き直してください。",
    ),
    Gap.MATCHES_PENDING: translated(
        "The CRM has just changed this deal or one of its contacts, and some mail is not matched"
        " again yet.",
        "Open the card again in a minute.",
        "CRM でこの商談または連絡先が変更されたばかりで、一部のメールがまだ照合されていません。",
        "1 分ほど後にカードを開き直してください。",
    ),
    Gap.FEED_SILENT: translated(
        "The CRM has not sent any event yet.",
        "Ask your administrator to have the CRM send its events to Mailmirror's webhook;"
        " docs/api.md says how.",
        "CRM からのイベントがまだ届いていません。",
        "CRM の管理者に、docs/api.md に従った Webhook の設定を依頼してください。",
    ),
    Gap.EVENTS_REFUSED: translated(
        "{refused} of the CRM's events could not be applied.",
        "Ask your administrator to have them corrected as `GET /v1/events/refused` says, and sent"
        " again under the same ids, or to close those that no longer matter.",
        "適用できなかった CRM のイベントが{refused}あります。",
        "CRM の管理者に、`GET /v1/events/refused` に従って修正し、同じ ID で再送するか、"
        "不要なものを閉じるよう依頼してください。",
    ),
    Gap.EVENTS_WAITING: translated(
        "Events that the CRM sent are not applied yet: mail of the persons and deals that they name"
        " may be missing.",
        "Open the card again in a minute. After an import it takes longer: `as_of` of the feed says"
        " up to when the CRM's events are applied.",
        "CRM から届いたイベントの一部がまだ適用されていないため、"
        "該当する人物や商談のメールが欠けている場合があります。",
        "1 分ほど後にカードを開き直してください。インポートの直後はさらに時間がかかります。"
        "フィードの `as_of` は、いつまでに届いた CRM のイベントが適用済みかを示します。",
    ),
    Gap.ENTRIES_UNREAD: translated(
        "{unread} of this card's addresses or contacts in the CRM cannot be read: their mail may be"
        " missing.",
        "Correct them in the CRM. Your administrator sees which they are by `GET"
        " /v1/events/refused`.",
        "CRM にあるこのカードのアドレスまたは連絡先のうち {unread} 件を読み取れないため、"
        "そのメールが欠けている場合があります。",
        "CRM で修正してください。どれであるかは、CRM の管理者が `GET /v1/events/refused` で"
        "確認できます。",
    ),
}

_EXACTLY = {Language.EN: "{}", Language.JA: " {} 件"}
_AT_LEAST = {Language.EN: "{} or more", Language.JA: " {} 件以上"}
_SO_FAR = {
    Language.EN: " So far {} of them could not be applied; `GET /v1/events/refused` lists these.",
    Language.JA: "これまでに{}を適用できませんでした。`GET /v1/events/refused` で確認できます。",
}
_SINCE = {Language.EN: " Since {:%Y-%m-%d %H:%M} UTC.", Language.JA: "{:%Y-%m-%d %H:%M} UTC から。"}


def explain_gap(gap: Gap, language: Language, **figures: int | str) -> Explanation:
    """Why a card may lack mail, with its figures filled in."""
    said = GAPS[gap][language]
    return replace(said, reason=said.reason.format(**figures))


def explain_mailbox(coverage: MailboxCoverage, language: Language) -> Explanation | None:
    """Why a mailbox's mail may be missing on a card; None where it is complete."""
    match coverage.gap:
        case None:
            return None
        case Gap() as gap:
            said = explain_gap(gap, language, progress=coverage.progress)
        case Code() as problem:
            said = explain_mailbox_problem(problem, language)
    since = _SINCE[language].format(coverage.since) if coverage.since else ""
    return replace(said, reason=said.reason + since)


def explain_feed(coverage: FeedCoverage, language: Language) -> Explanation | None:
    """Why facts of the CRM may be missing; None where they are complete."""
    gap = coverage.gap
    if gap is None:
        return None
    words = _AT_LEAST if coverage.refused >= MAX_COUNTED_GAPS else _EXACTLY
    refused = words[language].format(coverage.refused)
    said = explain_gap(gap, language, refused=refused)
    if gap is Gap.EVENTS_WAITING and coverage.refused:
        return replace(said, reason=said.reason + _SO_FAR[language].format(refused))
    return said


def explain_card(coverage: Coverage, language: Language) -> tuple[Gap | Code, Explanation] | None:
    """The reason to tell why a card may lack mail; None where it is complete."""
    match coverage.cause:
        case Gap() as gap:
            return gap, explain_gap(gap, language, unread=coverage.unread)
        case MailboxCoverage(gap=cause) as part if cause and (
            said := explain_mailbox(part, language)
        ):
            return cause, said
        case FeedCoverage(gap=cause) as part if cause and (said := explain_feed(part, language)):
            return cause, said
    return None
