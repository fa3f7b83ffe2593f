"""The settings of an account, and what each may be."""

from enum import StrEnum


class Setting(StrEnum):
    """A setting that the account's CRM may change."""

    MAX_RECIPIENTS = "max_recipients"
    DEAL_POLICY = "deal_policy"
    MAILBOXES_PER_USER = "mailboxes_per_user"
    MESSAGES_A_DAY = "messages_a_day"
    LANGUAGE = "language"
    """Of answers where a request names none, and of what is sent to persons by mail."""

    @property
    def changes_mail(self) -> bool:
        """Whether verdicts or deal matches of old mail depend on it."""
        return self in (Setting.MAX_RECIPIENTS, Setting.DEAL_POLICY)
