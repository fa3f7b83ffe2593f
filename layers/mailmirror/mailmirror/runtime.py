"""The environment of a function, parsed once, and the stores made from it.

Each store is imported and made when it is first used, and kept for the life of the environment, so
that a function pays only for what it needs.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from mailmirror import observing
from mailmirror.observing import Misconfigured

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from dns.resolver import Resolver

    from mailmirror.aws.notifications import Notifications
    from mailmirror.aws.queues import FeedQueue, Queue
    from mailmirror.aws.ses import SesTransport
    from mailmirror.mail.connection import NetworkPolicy
    from mailmirror.store.accounts import Accounts
    from mailmirror.store.audit_rounds import AuditRounds
    from mailmirror.store.blocks import BlockStore
    from mailmirror.store.card_overrides import CardOverrideStore
    from mailmirror.store.change_log import ChangeLog
    from mailmirror.store.codes import CodeStore
    from mailmirror.store.contained import ContainedStore
    from mailmirror.store.contents import ContentStore
    from mailmirror.store.credentials import Credentials
    from mailmirror.store.deals import DealStore
    from mailmirror.store.due import DueStore
    from mailmirror.store.due_threads import DueThreads
    from mailmirror.store.feed import FeedStore
    from mailmirror.store.folders import FolderStore
    from mailmirror.store.ledgers import LedgerStore
    from mailmirror.store.mailboxes import MailboxStore
    from mailmirror.store.matching import MatchingStore
    from mailmirror.store.objects import ObjectStore
    from mailmirror.store.outbounds import OutboundStore
    from mailmirror.store.overrides import OverrideStore
    from mailmirror.store.people import PeopleStore
    from mailmirror.store.providers import ProviderStore
    from mailmirror.store.roots import RootStore
    from mailmirror.store.sent_copies import SentCopies
    from mailmirror.store.sign_ins import SignInStore
    from mailmirror.store.stored_items import StoredItems
    from mailmirror.store.sync_state import SyncStates
    from mailmirror.store.table import Table
    from mailmirror.store.threads import ThreadStore
    from mailmirror.store.timelines import TimelineStore
    from mailmirror.store.vault import Vault

_MARGIN = timedelta(seconds=20)
"""Before the function's own deadline: a batch must still be able to end well."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment, as the template sets it. Variables that a function lacks are empty."""

    table: str
    bucket: str
    key_id: str
    feed_queue: str
    poll_queue: str
    sync_queue: str
    first_sync_queue: str
    send_queue: str
    thread_queue: str
    ses_configuration_set: str
    feedback_topic: str
    notifications_signed: str
    aws_region: str
    probe_function: str
    allowed_networks: str
    extra_ca_object: str

    @classmethod
    def from_environment(cls) -> Settings:
        return cls(**{name: os.environ.get(name.upper(), "") for name in cls.__dataclass_fields__})

    def need(self, name: str) -> str:
        """Return a setting that must be there.

        Raises:
            Misconfigured: it is not.
        """
        value: str = getattr(self, name)
        if not value:
            raise Misconfigured(f"the environment variable {name.upper()} is not set")
        return value


PROBE_WAIT_SECONDS = 1, 25
"""For a connection, and for the answer: callers of `probe` themselves have 29 s to answer."""


def aws_client(service: str) -> Any:
    """Make a client of an AWS service, with the environment's credentials and region."""
    # The stubs know a client by its literal name only.
    return boto3.client(service, config=client_config(service))  # type: ignore[call-overload]


def client_config(service: str) -> Config:
    """How a client of an AWS service waits, and repeats what has failed."""
    # A retried call would do the work twice: a message would be sent twice. The table repeats its
    # requests itself.
    attempts = 1 if service in ("dynamodb", "lambda", "sesv2") else 4
    connect, read = PROBE_WAIT_SECONDS if service == "lambda" else (3, 27)
    return Config(
        max_pool_connections=32,
        connect_timeout=connect,
        read_timeout=read,
        retries={"mode": "standard", "total_max_attempts": attempts},
        # Links to objects that are signed by an older version are refused in most regions.
        signature_version="s3v4" if service == "s3" else None,
    )


class Runtime:
    """The stores and servers of one environment.

    Parameters:
        settings: which table, bucket and queues.
        client: makes the client of an AWS service.
        clock: returns the time, in UTC.
        new_id: makes ids that cannot be guessed.
    """

    def __init__(
        self,
        settings: Settings,
        client: Callable[[str], Any] = aws_client,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self.settings = settings
        self._client = client
        self.now = clock
        self.new_id = new_id

    @classmethod
    def from_environment(cls) -> Runtime:
        return cls(Settings.from_environment())

    def deadline(self, context: LambdaContext) -> datetime:
        """When to leave the rest of the work to the queue."""
        left = timedelta(milliseconds=context.get_remaining_time_in_millis())
        return self.now() + left - _MARGIN

    def count(self, name: str, value: float = 1) -> None:
        """Add to a metric, named in CamelCase."""
        observing.count(name, value)

    @cached_property
    def table(self) -> Table:
        from mailmirror.store.table import Table

        return Table(self._client("dynamodb"), self.settings.need("table"))

    @cached_property
    def objects(self) -> ObjectStore:
        from mailmirror.store.objects import ObjectStore

        return ObjectStore(self._client("s3"), self.settings.need("bucket"))

    @cached_property
    def vault(self) -> Vault:
        from mailmirror.store.vault import Vault

        return Vault(self._client("kms"), self.settings.need("key_id"))

    @cached_property
    def accounts(self) -> Accounts:
        from mailmirror.store.accounts import Accounts

        return Accounts(self.table)

    @cached_property
    def credentials(self) -> Credentials:
        from mailmirror.store.credentials import Credentials

        return Credentials(self.table, self.vault)

    @cached_property
    def providers(self) -> ProviderStore:
        from mailmirror.store.providers import ProviderStore

        return ProviderStore(self.table, self.vault)

    @cached_property
    def sign_ins(self) -> SignInStore:
        from mailmirror.store.sign_ins import SignInStore

        return SignInStore(self.table, self.vault)

    @cached_property
    def change_log(self) -> ChangeLog:
        from mailmirror.store.change_log import ChangeLog

        return ChangeLog(self.table)

    @cached_property
    def blocks(self) -> BlockStore:
        from mailmirror.store.blocks import BlockStore

        return BlockStore(self.table)

    @cached_property
    def people(self) -> PeopleStore:
        from mailmirror.store.people import PeopleStore

        return PeopleStore(self.table, self.change_log)

    @cached_property
    def codes(self) -> CodeStore:
        from mailmirror.store.codes import CodeStore

        return CodeStore(self.table, self.change_log)

    @cached_property
    def deals(self) -> DealStore:
        from mailmirror.store.deals import DealStore

        return DealStore(self.table, self.change_log)

    @cached_property
    def overrides(self) -> OverrideStore:
        from mailmirror.store.overrides import OverrideStore

        return OverrideStore(self.table)

    @cached_property
    def card_overrides(self) -> CardOverrideStore:
        from mailmirror.store.card_overrides import CardOverrideStore

        return CardOverrideStore(self.table)

    @cached_property
    def roots(self) -> RootStore:
        from mailmirror.store.roots import RootStore

        return RootStore(self.table)

    @cached_property
    def matching(self) -> MatchingStore:
        from mailmirror.store.matching import MatchingStore

        return MatchingStore(self.table)

    @cached_property
    def due_threads(self) -> DueThreads:
        from mailmirror.store.due_threads import DueThreads

        return DueThreads(self.table)

    @cached_property
    def feed(self) -> FeedStore:
        from mailmirror.store.feed import FeedStore

        return FeedStore(self.table)

    @cached_property
    def due(self) -> DueStore:
        from mailmirror.store.due import DueStore

        return DueStore(self.table)

    @cached_property
    def mailboxes(self) -> MailboxStore:
        from mailmirror.store.mailboxes import MailboxStore

        return MailboxStore(self.table, self.change_log, self.due)

    @cached_property
    def sync_states(self) -> SyncStates:
        from mailmirror.store.sync_state import SyncStates

        return SyncStates(self.table)

    @cached_property
    def audit_rounds(self) -> AuditRounds:
        from mailmirror.store.audit_rounds import AuditRounds

        return AuditRounds(self.table)

    @cached_property
    def stored_items(self) -> StoredItems:
        from mailmirror.store.stored_items import StoredItems

        return StoredItems(self.table, self.objects)

    @cached_property
    def contained(self) -> ContainedStore:
        from mailmirror.store.contained import ContainedStore

        return ContainedStore(self.table)

    @cached_property
    def ledgers(self) -> LedgerStore:
        from mailmirror.store.ledgers import LedgerStore

        return LedgerStore(self.table, self.folders)

    @cached_property
    def folders(self) -> FolderStore:
        from mailmirror.store.folders import FolderStore

        return FolderStore(self.table)

    @cached_property
    def threads(self) -> ThreadStore:
        from mailmirror.store.threads import ThreadStore

        return ThreadStore(self.table)

    @cached_property
    def sent_copies(self) -> SentCopies:
        from mailmirror.store.sent_copies import SentCopies

        return SentCopies(self.table)

    @cached_property
    def timelines(self) -> TimelineStore:
        from mailmirror.store.timelines import TimelineStore

        return TimelineStore(self.table)

    @cached_property
    def contents(self) -> ContentStore:
        from mailmirror.store.contents import ContentStore

        return ContentStore(self.table, self.objects)

    @cached_property
    def _sqs(self) -> Any:
        return self._client("sqs")

    @cached_property
    def feed_queue(self) -> FeedQueue:
        from mailmirror.aws.queues import FeedQueue

        return FeedQueue(self._sqs, self.settings.need("feed_queue"))

    @cached_property
    def poll_queue(self) -> Queue:
        from mailmirror.aws.queues import Queue

        return Queue(self._sqs, self.settings.need("poll_queue"))

    @cached_property
    def sync_queue(self) -> Queue:
        from mailmirror.aws.queues import Queue

        return Queue(self._sqs, self.settings.need("sync_queue"))

    @cached_property
    def first_sync_queue(self) -> Queue:
        from mailmirror.aws.queues import Queue

        return Queue(self._sqs, self.settings.need("first_sync_queue"))

    @cached_property
    def send_queue(self) -> Queue:
        from mailmirror.aws.queues import Queue

        return Queue(self._sqs, self.settings.need("send_queue"))

    @cached_property
    def thread_queue(self) -> Queue:
        from mailmirror.aws.queues import Queue

        return Queue(self._sqs, self.settings.need("thread_queue"))

    @cached_property
    def outbounds(self) -> OutboundStore:
        from mailmirror.store.outbounds import OutboundStore

        return OutboundStore(self.table)

    @cached_property
    def ses(self) -> SesTransport:
        from mailmirror.aws.ses import SesTransport

        return SesTransport(
            self._client("sesv2"),
            self.settings.need("ses_configuration_set"),
            self.settings.need("aws_region"),
        )

    @cached_property
    def notifications(self) -> Notifications:
        """Verifies the notifications of the stack's own topic."""
        from mailmirror.aws.notifications import Notifications

        return Notifications(
            self.settings.need("feedback_topic"),
            signed=self.settings.notifications_signed != "no",
            region=self.settings.aws_region,
        )

    @cached_property
    def network_policy(self) -> NetworkPolicy:
        """The networks that may be connected to, and the authorities that are trusted.

        Raises:
            Misconfigured: a network or an authority is none.
        """
        from ssl import SSLError

        from mailmirror.mail.connection import NetworkPolicy

        at = self.settings.extra_ca_object
        try:
            authority = self.objects.read_text(at) if at else None
            return NetworkPolicy.make(self.settings.allowed_networks, authority)
        except (UnicodeDecodeError, SSLError, TypeError) as error:
            raise Misconfigured("what EXTRA_CA_OBJECT names is not PEM in ASCII") from error
        except ValueError as error:
            raise Misconfigured("ALLOWED_NETWORKS is not networks in CIDR notation") from error

    @cached_property
    def resolver(self) -> Resolver:
        """Asks the name servers of this system."""
        from dns.resolver import Resolver

        return Resolver()

    @cached_property
    def lambda_client(self) -> Any:
        return self._client("lambda")
