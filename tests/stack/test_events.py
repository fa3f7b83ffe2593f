"""Each sample of `events/` through its handler, in this process, on a table of its own."""

import importlib.util
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from local import emulator, samples
from local.samples import ACCOUNT, MAILBOX
from local.stack import Stack
from mailmirror.api.decoding import typed
from mailmirror.api.mailbox_settings import ConnectBody
from mailmirror.aws.queues import FeedJob, MatchJob, PollJob, SyncJob
from mailmirror.domain.feed import PersonKind, PersonRef
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.mailbox import AccountId, MailboxId, MailboxKey, MailboxStatus
from mailmirror.domain.threads import ThreadId
from mailmirror.runtime import Runtime
from mailmirror.store.due_threads import DueThread
from mailmirror.store.keys import DUE_SHARDS
from mailmirror.usecases.crm_feed.apply_event import apply_event
from mailmirror.usecases.mailboxes.connect_mailbox import connect_mailbox
from mailmirror.usecases.mailboxes.read_mailbox import read_mailbox
from mailmirror.usecases.operating.accounts import NewAccount, create_account
from tests.crm import Json, contact, user
from tests.servers.dovecot import Dovecot
from tests.servers.postfix import Postfix
from tests.stack.mailing import Login, form, letter
from tests.stack.team import ANN, KIM, QUOTE

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda hands over beside the event."""

    function_name: str = "sample"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:sample"
    aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def get_remaining_time_in_millis(self) -> int:
        return 300_000


@dataclass(frozen=True, slots=True)
class Place:
    """An account with Ann and Kim, and how the samples' handlers are called there."""

    runtime: Runtime
    account: NewAccount

    def sample(self, name: str) -> Json:
        return samples.sample(name)

    def api_sample(self, name: str) -> Json:
        """A sample with the account's key in place of the one in the file."""
        return samples.with_key(self.sample(name), self.account.api_key)

    def handle(self, function: str, event: Json) -> Json:
        """Call a function's handler in a new environment."""
        path = ROOT / "functions" / function / "app.py"
        spec = importlib.util.spec_from_file_location(f"functions.{function}.app", path)
        assert spec is not None
        assert spec.loader is not None
        app = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(app)
        answer: Json = app.handler(event, Context())
        json.dumps(answer)
        return answer


@pytest.fixture
def place(
    runtime: Runtime, stack: Stack, aws: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """The environment is that of a function on the table of `runtime`."""
    sqs = aws("sqs")
    feed = sqs.create_queue(
        QueueName=f"{runtime.settings.table}.fifo", Attributes={"FifoQueue": "true"}
    )["QueueUrl"]
    settings = replace(
        runtime.settings,
        feed_queue=feed,
        allowed_networks="127.0.0.0/8",
        extra_ca_object="config/extra-ca.pem",
        probe_function=stack.functions["ProbeFunction"],
        feedback_topic="arn:aws:sns:us-east-1:123456789012:mailmirror-FeedbackTopic-5a1e5c0ffee0",
        notifications_signed="no",
    )
    environment = {name.upper(): value for name, value in asdict(settings).items()}
    region = {"AWS_REGION": emulator.REGION, "AWS_DEFAULT_REGION": emulator.REGION}
    endpoint = {"AWS_ENDPOINT_URL": stack.aws_endpoint}
    for name, value in (environment | emulator.CREDENTIALS | region | endpoint).items():
        monkeypatch.setenv(name, value)
    runtime.settings = settings
    runtime.new_id = lambda: ACCOUNT
    yield Place(runtime, create_account("samples", runtime))
    sqs.delete_queue(QueueUrl=feed)


@pytest.fixture
def people(place: Place) -> None:
    """Ann and Kim are known."""
    for event in (user("ann"), contact("kim", KIM)):
        apply_event(FeedJob(place.account.account_id, event), place.runtime)


@pytest.fixture
def filled(mail_server: Dovecot, new_login: Callable[[], Login]) -> Json:
    """The form to connect a mailbox with one message from Kim."""
    login = new_login()
    mail_server.append(login.username, "INBOX", letter(KIM, ANN, subject=QUOTE).as_bytes())
    return form(mail_server, login, "ann", ANN)


@pytest.fixture
def mailbox(place: Place, people: None, filled: Json) -> Json:
    """The mailbox, connected; its form."""
    place.runtime.new_id = lambda: MAILBOX
    account = place.account.account_id
    assert connect_mailbox(account, typed(filled, ConnectBody).request(), place.runtime) == MAILBOX
    return filled


def taken(place: Place, aws: Any, queue: str) -> list[str]:
    """The bodies of a queue's messages."""
    url = getattr(place.runtime.settings, queue)
    answer = aws("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [message["Body"] for message in answer.get("Messages", ())]


def test_every_sample_is_replayed() -> None:
    names = set(samples.names())
    table = (samples.EVENTS / "README.md").read_text("utf-8")
    replayed = Path(__file__).read_text("utf-8")

    assert {name for name in names if f"`{name}.json`" not in table} == set()
    assert {name for name in names if f'sample("{name}"' not in replayed} == set()
    functions = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert {samples.function(name) for name in names} == functions


@pytest.mark.usefixtures("mailbox")
def test_dispatch_by_the_schedule(place: Place, aws: Any) -> None:
    found = place.runtime.mailboxes.find(place.account.account_id, MailboxId(MAILBOX))
    assert found is not None
    place.runtime.due.queued(found, place.runtime.now())
    assert place.handle("dispatch", place.sample("dispatch-schedule")) == {
        "due": 1,
        "to_send": 0,
        "to_refile": 0,
    }

    (job,) = map(PollJob.from_json, taken(place, aws, "poll_queue"))
    assert [(key.account, key.mailbox) for key in job.mailboxes] == [(ACCOUNT, MAILBOX)]


@pytest.mark.usefixtures("mailbox")
def test_poll_from_its_queue(place: Place, aws: Any) -> None:
    (at_once,) = map(SyncJob.from_json, taken(place, aws, "first_sync_queue"))
    assert place.handle("poll", place.sample("poll-sqs")) == {"batchItemFailures": []}

    (job,) = map(SyncJob.from_json, taken(place, aws, "first_sync_queue"))
    assert (job.account, job.mailbox) == (ACCOUNT, MAILBOX)
    assert at_once == job


@pytest.mark.usefixtures("mailbox")
def test_sync_from_its_queue(place: Place) -> None:
    assert place.handle("sync", place.sample("sync-sqs")) == {"batchItemFailures": []}

    report = read_mailbox(place.account.account_id, MAILBOX, place.runtime)
    assert (report.state, report.progress) == ("healthy", 100)


def test_webhook_over_http(place: Place, aws: Any) -> None:
    sample = place.sample("webhook-api")
    event = samples.signed(sample, place.account.webhook_secret, int(time.time()))

    answer = place.handle("webhook", event)

    assert (answer["statusCode"], json.loads(answer["body"])) == (
        202,
        {"accepted": 1, "refused": []},
    )
    (job,) = map(FeedJob.from_json, taken(place, aws, "feed_queue"))
    assert job == FeedJob(place.account.account_id, json.loads(event["body"])["events"][0])


def test_webhook_with_the_signature_of_the_file(place: Place, aws: Any) -> None:
    answer = place.handle("webhook", place.sample("webhook-api"))

    assert answer["statusCode"] == 401
    assert taken(place, aws, "feed_queue") == []


def test_apply_from_its_queue(place: Place, aws: Any) -> None:
    assert place.handle("apply", place.sample("apply-sqs")) == {"batchItemFailures": []}
    bodies = taken(place, aws, "thread_queue")
    assert bodies == [MatchJob(place.account.account_id).to_json()]  # once, for all its events

    account, people = place.account.account_id, place.runtime.people
    assert place.runtime.people.team(account).users.keys() == {"ann"}
    kim = people.find(account, PersonRef(PersonKind.CONTACT, "kim"))
    assert kim is not None
    assert (kim.name, kim.emails) == ("Kim Larsen", {KIM})
    assert people.find(account, PersonRef(PersonKind.LEAD, "lena")) is None
    assert place.runtime.feed.state(account, place.runtime.now()).refused == 1


@pytest.mark.usefixtures("mailbox")
def test_api_get(place: Place) -> None:
    place.handle("sync", place.sample("sync-sqs"))

    answer = place.handle("api", place.api_sample("api-get"))

    assert answer["statusCode"] == 200
    page = json.loads(answer["body"])
    assert [message["subject"] for message in page["messages"]] == [QUOTE]
    assert page["coverage"]["complete"] is True


@pytest.mark.usefixtures("mailbox")
def test_api_post(place: Place, aws: Any) -> None:
    answer = place.handle("api", place.api_sample("api-post"))

    assert (answer["statusCode"], json.loads(answer["body"])["queued"]) == (202, True)
    (job,) = map(SyncJob.from_json, taken(place, aws, "sync_queue"))
    assert (job.account, job.mailbox) == (ACCOUNT, MAILBOX)


@pytest.mark.usefixtures("mailbox")
def test_api_delete(place: Place) -> None:
    answer = place.handle("api", place.api_sample("api-delete"))

    assert (answer["statusCode"], json.loads(answer["body"])["state"]) == (202, "disconnected")
    (kept,) = place.runtime.mailboxes.list_all(place.account.account_id)
    assert kept.status is MailboxStatus.DISCONNECTED


@pytest.mark.parametrize("name", ["api-get", "api-post", "api-delete"])
def test_api_with_the_key_of_the_file(place: Place, name: str) -> None:
    assert place.handle("api", place.sample(name))["statusCode"] == 401


@pytest.mark.usefixtures("people")
def test_probe_connects(place: Place, filled: Json) -> None:
    event = place.sample("probe-connect")
    event["request"] |= {name: filled[name] for name in ("imap", "username", "password")}

    id = place.handle("probe", event)["answer"]["id"]

    (kept,) = place.runtime.mailboxes.list_all(place.account.account_id)
    assert (kept.key.mailbox, kept.email, kept.owner) == (id, ANN, "ann")


@pytest.mark.usefixtures("people")
def test_probe_says_why_it_does_not_connect(place: Place, filled: Json) -> None:
    event = place.sample("probe-connect")
    event["request"] |= {"imap": filled["imap"], "password": "wrong"}

    assert place.handle("probe", event)["refused"]["code"] == "sign_in_failed"
    assert place.runtime.mailboxes.list_all(place.account.account_id) == []


@pytest.mark.usefixtures("people")
def test_probe_previews(place: Place, filled: Json) -> None:
    event = place.sample("probe-preview")
    event["request"] |= {name: filled[name] for name in ("imap", "username", "password")}

    preview = place.handle("probe", event)["answer"]

    assert preview["sample"]["verdicts"]["mirrored"] == 1
    assert preview["messages"] == preview["sample"]["size"] == 1
    assert place.runtime.mailboxes.list_all(place.account.account_id) == []


def test_probe_examines_servers(place: Place, filled: Json) -> None:
    event = place.sample("probe-doctor")
    event["request"] |= {name: filled[name] for name in ("imap", "username", "password")}

    found = place.handle("probe", event)["answer"]

    imap, smtp = found["servers"]
    assert imap["result"] in ("ok", "warning"), imap
    assert [one["code"] for one in smtp["stages"]][:2] == ["host_unknown", "not_tried"]
    assert place.runtime.mailboxes.list_all(place.account.account_id) == []


@pytest.mark.usefixtures("mailbox")
def test_probe_lists_candidates(place: Place) -> None:
    place.handle("sync", place.sample("sync-sqs"))

    found = place.handle("probe", place.sample("probe-candidates"))["answer"]

    assert found["candidates"] == []
    assert [one["complete"] for one in found["mailboxes"]] == [True]


@pytest.mark.usefixtures("mailbox")
def test_probe_searches_for_a_message(place: Place) -> None:
    found = place.handle("probe", place.sample("probe-explain"))["answer"]

    (copy,) = found["copies"]
    assert (copy["folder"]["name"], copy["obstacles"]) == ("INBOX", [])
    assert (found["failed"], found["not_reached"]) == ([], [])


@pytest.mark.usefixtures("mailbox")
def test_probe_audits(place: Place) -> None:
    place.handle("sync", place.sample("sync-sqs"))

    audit = place.handle("probe", place.sample("probe-audit"))["answer"]

    assert audit["clean"] is True
    assert {folder["role"]: folder["server_uids"] for folder in audit["folders"]} == {
        "inbox": 1,
        "sent": 0,
    }


@pytest.mark.usefixtures("mailbox")
def test_probe_changes_which_folders_are_read(place: Place) -> None:
    event = place.sample("probe-folders")
    event["request"] = {"folders": "inbox_and_sent"}

    answer = place.handle("probe", event)["answer"]

    found = place.runtime.mailboxes.find(place.account.account_id, answer["id"])
    assert found is not None
    assert found.folders == "inbox_and_sent"


@pytest.fixture
def accepted(place: Place, people: None, filled: Json, postfix: Postfix) -> str:
    """The id of a message from Ann to Kim that was accepted, and is not sent yet."""
    place.runtime.new_id = lambda: MAILBOX
    smtp = {"host": postfix.host, "port": postfix.submission_port, "security": "starttls"}
    request = typed(filled | {"smtp": smtp}, ConnectBody).request()
    connect_mailbox(place.account.account_id, request, place.runtime)
    message = {"from": ANN, "to": [{"address": KIM}], "subject": QUOTE, "text": "Hello."}
    event = samples.with_header(place.api_sample("api-post"), "X-Mailmirror-User", "ann")
    event |= {"path": "/v1/messages", "body": json.dumps(message)}
    answer = place.handle("api", event)
    assert answer["statusCode"] == 202
    return str(json.loads(answer["body"])["id"])


def state(place: Place, outbound: str) -> str:
    found = place.runtime.outbounds.find(
        MailboxKey(AccountId(ACCOUNT), MailboxId(MAILBOX)), MessageKey(outbound)
    )
    assert found is not None
    return str(found.outbound.state)


def test_send_from_its_queue(place: Place, accepted: str, postfix: Postfix) -> None:
    before = len(postfix.received(KIM))

    event = samples.sample("send-sqs", outbound=accepted)
    assert place.handle("send", event) == {"batchItemFailures": []}

    assert state(place, accepted) == "sent"
    postfix.await_received(KIM, before + 1)


def test_feedback_from_its_queue(place: Place, accepted: str) -> None:
    place.handle("send", samples.sample("send-sqs", outbound=accepted))

    event = samples.sample("feedback-sqs", outbound=accepted)
    assert place.handle("feedback", event) == {"batchItemFailures": []}

    assert state(place, accepted) == "delivered"


def test_refile_from_its_queue(place: Place, people: None) -> None:
    job = json.loads(place.sample("refile-sqs")["Records"][0]["body"])
    due = DueThread(AccountId(ACCOUNT), ThreadId(job["thread"]), *job["reasons"])
    place.runtime.due_threads.put(due, place.runtime.now())
    assert place.handle("refile", place.sample("refile-sqs")) == {"batchItemFailures": []}
    left = [place.runtime.due_threads.find(n, place.runtime.now()) for n in range(DUE_SHARDS)]
    assert not any(left)


def test_refile_after_a_change_of_the_crms(place: Place, people: None) -> None:
    assert place.handle("refile", place.sample("refile-match")) == {"batchItemFailures": []}
    head = place.runtime.change_log.head(AccountId(ACCOUNT))
    assert place.runtime.matching.read(AccountId(ACCOUNT)).line == head > 0


def test_an_override_on_an_unknown_deal_is_refused(place: Place, people: None) -> None:
    answer = place.handle("api", place.api_sample("api-put"))
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (404, "deal_unknown")


def test_a_sign_in_at_a_provider_that_nobody_has_entered(place: Place, people: None) -> None:
    answer = place.handle("probe", place.sample("probe-authorize"))
    assert answer["refused"]["code"] == "provider_not_configured"


def test_a_callback_that_nobody_has_begun(place: Place) -> None:
    answer = place.handle("probe", place.sample("probe-callback"))
    assert answer["refused"]["code"] == "state_unknown"
    answer = place.handle("webhook", place.sample("webhook-oauth"))
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (400, "state_unknown")


def test_an_address_whose_provider_is_known(place: Place) -> None:
    answer = place.handle("probe", place.sample("probe-discover"))["answer"]
    assert answer["settings"]["imap"]["host"] == "imap.gmail.com"
    assert answer["finding"]["code"] == "sign_in_not_set_up"


def test_a_code_that_no_mailbox_could_send(place: Place, people: None) -> None:
    answer = place.handle("probe", place.sample("probe-code"))
    assert answer["refused"]["code"] == "proof_sender_missing"
