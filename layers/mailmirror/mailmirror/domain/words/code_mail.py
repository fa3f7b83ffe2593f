"""The mail that brings the code which proves an address."""

from collections.abc import Mapping
from dataclasses import dataclass

from mailmirror.domain.words.explanation import Language


@dataclass(frozen=True, slots=True)
class CodeMail:
    subject: str
    text: str

    def naming(self, code: str) -> "CodeMail":
        """The mail with its code."""
        return CodeMail(self.subject.format(code=code), self.text.format(code=code))


CODE_MAILS: Mapping[Language, CodeMail] = {
    Language.EN: CodeMail(
        "{code} is your Mailmirror code",
        """\
{code}

This address is to be used in a CRM that is connected to Mailmirror. If you have asked for it, enter
this code there within ten minutes. If not, delete this message: without the code nothing happens.
""",
    ),
    Language.JA: CodeMail(
        "{code}：Mailmirror の確認コード",
        """\
{code}

このアドレスを CRM（Mailmirror）で使用する申請がありました。ご本人の場合は、10 分以内に上のコードを
CRM に入力してください。心当たりがない場合は、このメールを削除してください。
コードを入力しない限り、何も変更されません。
""",
    ),
}
