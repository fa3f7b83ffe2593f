"""A Dovecot with namespaces (RFC 2342) beside a user's own folders.

| namespace | has |
| --- | --- |
| shared/ | what other users share by an ACL (RFC 4314), as shared/anna/INBOX |
| public/ | folders of all users; SPECIAL-USE marks Sent and Trash |
| Virtual/ | All (`\\All`) and Flagged (`\\Flagged`): messages of the user's other folders |
| Old/ | folders of the user, with another separator; `LIST "" "*"` leaves them out |

Dovecot has another separator only in a namespace that LIST leaves out (`list = no`).
"""

from dataclasses import dataclass
from typing import Self

from tests.servers.dovecot import Dovecot

_FURTHER = """
mail_plugins = acl virtual
mail_shared_explicit_inbox = <explicit>
protocol imap {
  mail_plugins = $mail_plugins imap_acl
}
plugin {
  acl = vfile:{folder}/acls
  acl_shared_dict = file:{folder}/state/shared
}
namespace shared {
  type = shared
  prefix = shared<separator>%%n<separator>
  separator = <separator>
  location = maildir:{folder}/mail/%%u/Maildir
  list = children
  subscriptions = no
}
namespace public {
  type = public
  prefix = public<separator>
  separator = <separator>
  location = maildir:{folder}/mail/public
  list = children
  mailbox Sent {
    auto = create
    special_use = \\Sent
  }
  mailbox Trash {
    auto = create
    special_use = \\Trash
  }
}
namespace virtual {
  prefix = Virtual<separator>
  separator = <separator>
  location = virtual:{folder}/virtual:INDEX=~/virtual
  list = children
  subscriptions = no
  mailbox All {
    special_use = \\All
  }
  mailbox Flagged {
    special_use = \\Flagged
  }
}
namespace old {
  prefix = Old<other>
  separator = <other>
  location = maildir:~/Old
  list = no
}
"""
_RIGHTS_IN_PUBLIC = "public anyone lrwstipekxa\npublic<separator>* anyone lrwstipekxa\n"
_BESIDE_OWN = {"shared", "public", "Virtual"}


@dataclass(slots=True)
class NamespacedDovecot(Dovecot):
    """`prefix` and `separator` are those of the user's own folders; see the module for the others.

    Names that methods take have `/` for every separator.
    """

    explicit_inbox: bool = True
    """Whether another user's Inbox is `shared/anna/INBOX`; else it is `shared/anna`."""

    def __enter__(self) -> Self:
        self.further = self._written(_FURTHER)
        Dovecot.__enter__(self)
        acls = self._folder / "acls"
        acls.write_text(self._written(_RIGHTS_IN_PUBLIC))
        self._give(acls)
        self.show("All", "all")
        self.show("Flagged", "flagged")
        return self

    def named(self, folder: str) -> str:
        space = folder.partition("/")[0]
        if space in _BESIDE_OWN:
            return folder.replace("/", self.separator)
        if space == "Old":
            return folder.replace("/", self._other_separator)
        return Dovecot.named(self, folder)

    def share(self, owner: str, folder: str, user: str) -> None:
        """Let another user list and read a folder."""
        with self.session(owner) as client:
            client.setacl(self.named(folder), user, "lr")

    def unshare(self, owner: str, folder: str, user: str) -> None:
        with self.session(owner) as client:
            client.setacl(self.named(folder), user, '""')

    def show(self, name: str, found: str) -> None:
        """Create a virtual folder of every user.

        Parameters:
            found: which messages of the user's own folders it shows, as SEARCH has it.
        """
        folder = self._folder / "virtual" / name
        folder.mkdir(parents=True)
        query = folder / "dovecot-virtual"
        query.write_text(f"{self.prefix}*\nINBOX\n  {found}\n")
        for path in (folder.parent, folder, query):
            self._give(path)

    @property
    def _other_separator(self) -> str:
        return "." if self.separator == "/" else "/"

    def _written(self, settings: str) -> str:
        settings = settings.replace("<separator>", self.separator)
        settings = settings.replace("<explicit>", "yes" if self.explicit_inbox else "no")
        return settings.replace("<other>", self._other_separator)
