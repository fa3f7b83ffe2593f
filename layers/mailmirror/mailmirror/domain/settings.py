"""The settings of an account and of a mailbox, and what each may be."""

from enum import StrEnum


class DeletedMail(StrEnum):
    """What becomes of mirrored mail that was deleted at the server."""

    KEEP = "keep"
    FOLLOW = "follow"
    """It is hidden within two days, and erased 30 days after that."""


class Setting(StrEnum):
    """A setting that the account's CRM may change."""

    MAX_RECIPIENTS = "max_recipients"
    DEAL_POLICY = "deal_policy"
    DELETED_MAIL = "deleted_mail"
    MAILBOXES_PER_USER = "mailboxes_per_user"
    MESSAGES_A_DAY = "messages_a_day"
    LANGUAGE = "language"
    """Of answers where a request names none, and of what is sent to persons by mail."""

    @property
    def changes_verdicts(self) -> bool:
        """Whether it decides about old mail: what is mirrored, or kept."""
        return self in (Setting.MAX_RECIPIENTS, Setting.DELETED_MAIL)


class MailboxSetting(StrEnum):
    """A setting of a mailbox that its owner may change."""

    FOLDERS = "folders"
    SENT_FOLDERS = "sent_folders"
    HISTORY_SINCE = "history_since"
    PAUSED = "paused"
