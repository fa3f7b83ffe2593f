"""Which copies are mirrored, and why the others are not."""

from collections.abc import Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum

from mailmirror.domain.address import Address, domain_of

_MAX_SENDERS = 150
"""Addresses in From, Sender and Reply-To beside the recipients; ordinary mail has one to three."""


class Verdict(StrEnum):
    """Why a copy is, or is not, mirrored. Each UID of a synced folder has exactly one."""

    UNREADABLE = "unreadable"
    OUTSIDE_WINDOW = "outside_window"
    INTERNAL = "internal"
    REPORT = "report"
    NO_PERSON = "no_person"
    BLOCKED = "blocked"
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    MIRRORED = "mirrored"
    PENDING = "pending"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Headers:
    """What the rules need to know of a copy; nothing else is fetched before they have spoken."""

    received_at: datetime
    """INTERNALDATE: the server's word, where Date is the sender's."""
    participants: Set[Address]
    """From, Sender, Reply-To, To, Cc and Bcc."""
    recipients: int = 1
    """How many addresses stand in To, Cc and Bcc together."""
    is_report: bool = False


@dataclass(frozen=True, slots=True)
class People:
    """Whom the account knows, as the mailbox's owner sees them."""

    team: Set[Address]
    customers: Set[Address]
    blocked: Set[Address | str] = field(default_factory=frozenset)
    """Addresses, and domains, that the mailbox's owner has blocked."""

    def outsiders(self, participants: Set[Address]) -> Set[Address]:
        """The participants that are not of the team."""
        return participants - self.team


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings that verdicts depend on."""

    history_since: date
    """The first day of the window, in UTC."""
    max_recipients: int = 100

    @property
    def max_participants(self) -> int:
        """Up to how many participants of a copy are looked up, at a read request unit each.

        A message that names more is not mirrored, whoever they are: either its recipients are over
        the limit, or From, Sender and Reply-To name more than `_MAX_SENDERS`.
        """
        return self.max_recipients + _MAX_SENDERS


def outside_window(received_at: datetime, rules: Rules) -> bool:
    """Tell whether a copy is older than the mailbox's window, from its INTERNALDATE alone."""
    return received_at.astimezone(UTC).date() < rules.history_since


def is_looked_up(participants: Set[Address], rules: Rules) -> bool:
    """Tell whether the persons of a copy's participants are looked up before it is judged."""
    return len(participants) <= rules.max_participants


def judge(copy: Headers, people: People, rules: Rules) -> Verdict:
    """Say why a copy is, or is not, mirrored: the first rule that holds decides.

    There is no clock here: a verdict given again, by an audit or after a UIDVALIDITY change,
    is the same verdict. `unreadable` is not among these: there are no headers to judge.
    """
    if outside_window(copy.received_at, rules):
        return Verdict.OUTSIDE_WINDOW
    outsiders = people.outsiders(copy.participants)
    if copy.participants and not outsiders:
        return Verdict.INTERNAL
    if copy.is_report:
        return Verdict.REPORT
    if not is_looked_up(copy.participants, rules):
        return Verdict.TOO_MANY_RECIPIENTS
    matched = outsiders & people.customers
    if not matched:
        return Verdict.NO_PERSON
    if all(
        address in people.blocked or domain_of(address) in people.blocked for address in matched
    ):
        return Verdict.BLOCKED
    if copy.recipients > rules.max_recipients:
        return Verdict.TOO_MANY_RECIPIENTS
    return Verdict.MIRRORED


@dataclass(frozen=True, slots=True)
class Explanation:
    """A verdict in a person's words: one sentence of reason and one of remedy."""

    reason: str
    remedy: str


EXPLANATIONS: dict[Verdict, dict[str, Explanation]] = {
    Verdict.UNREADABLE: {
        "en": Explanation(
            "The message's headers cannot be understood.",
            "Nothing to do: it is tried again when Mailmirror learns to read more.",
        ),
        "ja": Explanation(
            "メールのヘッダーを解釈できません。",
            "Mailmirror の解析機能が更新されると再試行されるため、操作は不要です。",
        ),
    },
    Verdict.OUTSIDE_WINDOW: {
        "en": Explanation(
            "The message arrived before the mailbox's history begins.",
            "Move the mailbox's history_since to an earlier day.",
        ),
        "ja": Explanation(
            "メールボックスの同期開始日より前に届いたメールです。",
            "メールボックスの history_since をより前の日付に変更してください。",
        ),
    },
    Verdict.INTERNAL: {
        "en": Explanation(
            "Everybody in the message is of your own team.",
            "Nothing to do: mail within the team is not mirrored.",
        ),
        "ja": Explanation(
            "チームのメンバーだけのメールです。",
            "チーム内のメールは反映されないため、操作は不要です。",
        ),
    },
    Verdict.REPORT: {
        "en": Explanation(
            "The message is a mail system's report on another message.",
            "Nothing to do: look at the state of the message that it reports on.",
        ),
        "ja": Explanation(
            "別のメールに関する配送システムからの通知です。",
            "操作は不要で、通知の対象となったメールの状態から結果を確認できます。",
        ),
    },
    Verdict.NO_PERSON: {
        "en": Explanation(
            "Nobody in the message is a lead or contact of the CRM.",
            "Add the person's address to a lead or contact.",
        ),
        "ja": Explanation(
            "CRM のリードまたは取引先担当者に該当する人がいません。",
            "リードまたは取引先担当者にメールアドレスを追加してください。",
        ),
    },
    Verdict.BLOCKED: {
        "en": Explanation(
            "You have blocked everybody in the message who is known.",
            "Unblock the person, the address or the domain.",
        ),
        "ja": Explanation(
            "該当する相手はすべてブロックされています。",
            "相手、アドレス、またはドメインのブロックを解除してください。",
        ),
    },
    Verdict.TOO_MANY_RECIPIENTS: {
        "en": Explanation(
            "The message names more addresses than the account's limit of recipients allows.",
            "Raise the account's limit of recipients.",
        ),
        "ja": Explanation(
            "メールに含まれるアドレスの数がアカウントの宛先数の上限を超えています。",
            "アカウントの宛先数の上限を引き上げてください。",
        ),
    },
    Verdict.MIRRORED: {
        "en": Explanation("The message is on its cards.", "Nothing to do."),
        "ja": Explanation("メールはカードに反映されています。", "操作は不要です。"),
    },
    Verdict.PENDING: {
        "en": Explanation(
            "The mail server listed the message but has not handed it over yet.",
            "Wait for the next sync; if it stays, open the message in the mailbox itself.",
        ),
        "ja": Explanation(
            "メールサーバーの一覧にありますが、まだ取得できていません。",
            "次の同期をお待ちいただき、続く場合はメールボックスで直接開いてください。",
        ),
    },
    Verdict.GONE: {
        "en": Explanation(
            "The message left the mail server before it could be read.",
            "Nothing to do: it is no longer in the mailbox.",
        ),
        "ja": Explanation(
            "読み取る前にメールサーバーから削除されました。",
            "メールボックスには残っていないため、操作は不要です。",
        ),
    },
}
"""By verdict and language (BCP 47)."""
