"""What the stack promises whoever deploys it, read off its template."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local.environments import ROOT
from local.template import template
from mailmirror.api.routes import outside
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.problems import PROBLEMS
from mailmirror.mail.connection import NetworkPolicy
from mailmirror.runtime import PROBE_WAIT_SECONDS
from mailmirror.usecases.crm_feed.apply_event import MAX_ATTEMPTS
from tests.template import functions, listed, of_type, resources, target, triggers


@dataclass(frozen=True)
class Statement:
    """What a function is allowed."""

    function: str
    actions: list[str]
    resources: list[Any]
    condition: Any


def statements() -> Iterator[Statement]:
    for name, function in functions().items():
        for policy in function.get("Policies", []):
            for one in policy["Statement"]:
                actions, resources = listed(one["Action"]), listed(one["Resource"])
                assert one["Effect"] == "Allow", one
                yield Statement(name, actions, resources, one.get("Condition", {}))


def test_the_stack_has_the_functions_of_the_main_job() -> None:
    assert {function["CodeUri"] for function in functions().values()} >= {
        f"functions/{name}"
        for name in ("dispatch", "poll", "sync", "webhook", "apply", "api", "probe")
    }
    for function in functions().values():
        assert (ROOT / function["CodeUri"] / "app.py").is_file()


def test_every_queue_that_is_read_has_a_dead_letter_queue_with_an_alarm() -> None:
    queues = of_type("AWS::SQS::Queue")
    alarmed = {
        target(dimension["Value"])
        for alarm in of_type("AWS::CloudWatch::Alarm").values()
        for dimension in alarm["Dimensions"]
        if alarm["MetricName"] == "ApproximateNumberOfMessagesVisible" and alarm["Threshold"] == 0
    }
    assert triggers()
    for trigger in triggers():
        dead_letters = target(queues[trigger.queue]["RedrivePolicy"]["deadLetterTargetArn"])
        assert dead_letters in alarmed
        assert queues[dead_letters].get("FifoQueue") == queues[trigger.queue].get("FifoQueue")
        assert queues[dead_letters]["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_an_event_that_always_fails_is_skipped_long_before_the_dead_letters() -> None:
    """Those that come behind it, up to nine in its batch, are received as often, and not tried."""
    feed = of_type("AWS::SQS::Queue")["FeedQueue"]
    (batch,) = [one.event["BatchSize"] for one in triggers() if one.queue == "FeedQueue"]
    assert feed["RedrivePolicy"]["maxReceiveCount"] > MAX_ATTEMPTS + 2 * batch


def test_what_calls_probe_answers_before_its_own_time_is_over() -> None:
    for name in ("ApiFunction", "WebhookFunction"):
        assert sum(PROBE_WAIT_SECONDS) <= functions()[name]["Timeout"] - 3, name


def test_only_the_feed_keeps_an_order() -> None:
    fifo = {name for name, queue in of_type("AWS::SQS::Queue").items() if queue.get("FifoQueue")}
    assert fifo == {"FeedQueue", "FeedDeadLetters"}


def test_a_message_is_not_delivered_again_while_a_function_may_still_work_on_it() -> None:
    """AWS asks for six times the function's timeout: Lambda may retry what was throttled."""
    queues = of_type("AWS::SQS::Queue")
    for trigger in triggers():
        timeout = functions()[trigger.function]["Timeout"]
        assert queues[trigger.queue]["VisibilityTimeout"] >= 6 * timeout, trigger.queue


def test_queues_limit_their_function_by_maximum_concurrency_alone() -> None:
    for trigger in triggers():
        assert trigger.event["ScalingConfig"]["MaximumConcurrency"] >= 2, trigger.queue
    for name, function in functions().items():
        by_queue = any(trigger.function == name for trigger in triggers())
        assert not (by_queue and "ReservedConcurrentExecutions" in function), name


def test_functions_that_strangers_call_take_no_concurrency_from_those_that_sync() -> None:
    for name in ("ApiFunction", "WebhookFunction", "ProbeFunction"):
        condition, reserved, _ = functions()[name]["ReservedConcurrentExecutions"]["Fn::If"]
        assert (condition, target(reserved)) == ("ReservesConcurrency", "ReservedConcurrency")


def test_calls_without_a_key_have_limits_of_their_own() -> None:
    (api,) = of_type("AWS::Serverless::Api").values()
    limited = {
        (one["HttpMethod"], one["ResourcePath"].replace("~1", "/").replace("//", "/"))
        for one in api["MethodSettings"]
    }
    routes = {(route.method, route.path) for route in outside.ROUTES}
    assert limited == routes | {("*", "/*")}
    events = functions()["WebhookFunction"]["Events"].values()
    paths = [(one["Properties"]["Method"], one["Properties"]["Path"]) for one in events]
    assert set(paths) == routes | {("ANY", path) for _, path in routes}


def test_the_access_log_has_no_query_which_may_hold_a_code() -> None:
    (api,) = of_type("AWS::Serverless::Api").values()
    named = re.findall(r"\$context\.([\w.]+)", api["AccessLogSetting"]["Format"])
    assert set(named) == {
        "requestId",
        "requestTime",
        "identity.sourceIp",
        "httpMethod",
        "path",
        "status",
        "error.responseType",
        "responseLength",
        "responseLatency",
    }
    json.loads(api["AccessLogSetting"]["Format"])


def test_deleted_mail_can_be_restored_for_thirty_days_and_ends_then() -> None:
    (bucket,) = of_type("AWS::S3::Bucket").values()
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    ends = {
        rule["Prefix"]: rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
        for rule in bucket["LifecycleConfiguration"]["Rules"]
        if "NoncurrentVersionExpiration" in rule
    }
    assert ends == {"mail/": 30, "downloads/": 1, "uploads/": 1, "drafts/": 1}
    versions = {"s3:DeleteObjectVersion", "s3:PutLifecycleConfiguration"}
    assert not any(versions & set(one.actions) for one in statements())


def test_one_message_that_fails_does_not_bring_back_its_batch() -> None:
    for trigger in triggers():
        assert trigger.event["FunctionResponseTypes"] == ["ReportBatchItemFailures"], trigger.queue


def on_the_table() -> list[Statement]:
    return [
        one for one in statements() if any(action.startswith("dynamodb:") for action in one.actions)
    ]


def partitions(statement: Statement) -> set[str]:
    """The partitions that a statement allows, without the account that they begin with."""
    patterns: list[str] = statement.condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    return {pattern.removeprefix("?" * 12 + "#") for pattern in patterns}


def test_every_function_reads_and_writes_only_the_partitions_that_it_needs() -> None:
    assert {one.function for one in on_the_table()} == set(functions())
    for one in on_the_table():
        assert partitions(one), one


def test_a_request_that_names_no_partition_is_not_one_of_all_that_are_allowed() -> None:
    """`ForAllValues` holds where the key is absent, as in a Scan; `Null` says that it is there."""
    for one in on_the_table():
        assert one.condition["Null"] == {"dynamodb:LeadingKeys": "false"}, one
        assert set(one.condition) == {"ForAllValues:StringLike", "Null"}, one


@pytest.mark.parametrize(
    ("function", "action", "never"),
    [
        ("ApiFunction", "PutItem", {"mailboxes", "mailbox#*", "connected#*", "team", "account"}),
        ("ApiFunction", "UpdateItem", {"mailbox#*", "connected#*", "team"}),
        ("ApiFunction", "GetItem", {"signin#*"}),
        ("SyncFunction", "PutItem", {"account", "team", "person#*", "address#*", "deal#*"}),
        ("SyncFunction", "BatchWriteItem", {"account", "team", "person#*", "address#*", "deal#*"}),
        ("SendFunction", "PutItem", {"mailboxes", "mailbox#*", "team", "account"}),
        ("ApplyFunction", "PutItem", {"mailboxes", "mailbox#*", "account"}),
        ("WebhookFunction", "GetItem", {"mailboxes", "mailbox#*", "team"}),
    ],
)
def test_what_a_function_has_no_business_with_it_may_not_touch(
    function: str, action: str, never: set[str]
) -> None:
    may = {
        partition
        for one in on_the_table()
        if one.function == function and f"dynamodb:{action}" in one.actions
        for partition in partitions(one)
    }
    assert may
    assert not may & never


def test_a_function_takes_messages_from_its_own_queues_and_no_other() -> None:
    """An event of type SQS would give it AWS's managed policy, over every queue of the account."""
    own: dict[str, set[str]] = {}
    for trigger in triggers():
        own.setdefault(trigger.function, set()).add(trigger.queue)
    for name, function in functions().items():
        events = function.get("Events", {}).values()
        assert {event["Type"] for event in events} <= {"Api", "Schedule"}, name
        taken = {
            (target(resource), action)
            for one in statements()
            for action in one.actions
            for resource in one.resources
            if one.function == name and action.startswith("sqs:") and "Send" not in action
        }
        needed = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
        assert taken == {(queue, verb) for queue in own.get(name, ()) for verb in needed}, name


def test_partitions_are_reported_by_their_beginning_and_not_by_what_a_stranger_writes() -> None:
    """A key may end in an address: `a#deal#b@x.example` must not look like a deal's partition."""
    account = "?" * len("5a1e5c0ffee0")
    for one in on_the_table():
        for pattern in one.condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]:
            assert pattern.startswith((f"{account}#", "due#")), one


def test_no_function_may_do_everything_or_touch_everything() -> None:
    for one in statements():
        for action in one.actions:
            service, _, verb = action.partition(":")
            assert service not in ("", "*"), one
            assert verb.strip("*"), one
        assert "*" not in one.resources, one


def test_a_policy_names_its_actions_one_by_one() -> None:
    # SendMessage* is how SQS's batches are allowed: they have no action of their own.
    stars = {action for one in statements() for action in one.actions if "*" in action}
    assert stars <= {"sqs:SendMessage*"}


def test_the_policies_of_a_function_fit_into_its_role() -> None:
    """IAM takes 10,240 characters of inline policies a role, blanks not counted."""
    name = "arn:aws:dynamodb:ap-northeast-1:123456789012:table/" + "n" * 100

    def deployed(value: Any) -> Any:
        if isinstance(value, dict):
            reference = {"Fn::GetAtt", "Fn::Sub", "Ref"} & set(value)
            return name if reference else {key: deployed(one) for key, one in value.items()}
        return [deployed(one) for one in value] if isinstance(value, list) else value

    for function, properties in functions().items():
        document = json.dumps(deployed(properties["Policies"]), separators=(",", ":"))
        assert len(document) <= 10_240, function


def test_no_function_may_scan_the_table() -> None:
    assert not any("dynamodb:Scan" in one.actions for one in statements())


@pytest.mark.parametrize(
    ("purpose", "allowed"),
    [
        ("credentials", {"PollFunction", "SyncFunction", "ProbeFunction", "SendFunction"}),
        ("webhook", {"WebhookFunction"}),
    ],
)
def test_only_who_needs_a_secret_may_unseal_it(purpose: str, allowed: set[str]) -> None:
    may = {
        one.function
        for one in statements()
        if "kms:Decrypt" in one.actions and purpose in json.dumps(one.condition)
    }
    assert may == allowed


def test_every_permission_on_the_key_is_for_one_purpose() -> None:
    for one in statements():
        if not any(action.startswith("kms:") for action in one.actions):
            continue
        assert one.actions == ["kms:Decrypt"], one
        purposes = [value["kms:EncryptionContext:purpose"] for value in one.condition.values()]
        assert purposes in (["credentials"], ["webhook"]), one


def test_the_api_may_not_unseal_what_it_serves() -> None:
    assert not any(
        action.startswith("kms:")
        for one in statements()
        if one.function == "ApiFunction"
        for action in one.actions
    )


def test_what_is_kept_outlives_the_stack() -> None:
    for name in ("Table", "Bucket", "Key"):
        assert resources()[name]["DeletionPolicy"] == "Retain"
        assert resources()[name]["UpdateReplacePolicy"] == "Retain"


def test_every_functions_logs_end() -> None:
    for log in of_type("AWS::Logs::LogGroup").values():
        assert target(log["RetentionInDays"]) == "LogRetentionDays"


def test_a_functions_log_is_made_before_the_function() -> None:
    logs = of_type("AWS::Logs::LogGroup")
    used = [target(function["LoggingConfig"]["LogGroup"]) for function in functions().values()]
    assert len(set(used)) == len(used)
    assert set(used) <= set(logs)


def test_a_remedy_names_the_log_group_of_the_function_whose_log_it_names() -> None:
    logs = of_type("AWS::Logs::LogGroup")
    made = {}
    for function in functions().values():
        group = logs[target(function["LoggingConfig"]["LogGroup"])]["LogGroupName"]["Fn::Sub"]
        name = function["CodeUri"].removeprefix("functions/")
        made[name] = group.replace("${AWS::StackName}", "<stack>")
    named = set()
    for code, words in PROBLEMS.items():
        for name in re.findall(r"\blog of the function `(\w+)`", words[Language.EN].remedy):
            named.add(name)
            assert all(f"`{made[name]}`" in said.remedy for said in words.values()), code
    assert named == {"apply", "probe"}


def sam_config() -> dict[str, dict[str, Any]]:
    """Each command's parameters in `samconfig.toml`."""
    found = tomllib.loads((ROOT / "samconfig.toml").read_text())["default"]
    return {command: section["parameters"] for command, section in found.items()}


def test_build_and_deploy_are_reported_the_same_parameters() -> None:
    """Only `global` reaches both; a section of a command's own would take its place there."""
    for command, parameters in sam_config().items():
        assert ("parameter_overrides" in parameters) == (command == "global"), command
    overrides = dict(one.split("=", 1) for one in sam_config()["global"]["parameter_overrides"])
    assert "Architecture" in overrides
    assert set(overrides) <= set(template()["Parameters"])


def test_what_a_deployment_would_ask_is_answered_by_the_file() -> None:
    assert sam_config()["global"]["stack_name"] == "mailmirror"
    assert sam_config()["deploy"]["capabilities"] == "CAPABILITY_IAM"
    assert sam_config()["deploy"]["resolve_s3"] is True
    for name, parameter in template()["Parameters"].items():
        assert "Default" in parameter, name


def test_parameters_and_outputs_are_described() -> None:
    for section in ("Parameters", "Outputs"):
        for name, one in template()[section].items():
            assert one["Description"].endswith("."), name


def test_two_stacks_of_an_aws_account_have_a_layer_each() -> None:
    (layer,) = of_type("AWS::Serverless::LayerVersion").values()
    assert "${AWS::StackName}" in layer["LayerName"]["Fn::Sub"]


def may_be_allowed(networks: str) -> bool:
    pattern = template()["Parameters"]["AllowedNetworks"]["AllowedPattern"]
    return re.fullmatch(pattern, networks, re.ASCII) is not None


@pytest.mark.parametrize(
    "networks",
    [
        "",
        "10.0.0.0/8",
        "127.0.0.0/8,::1/128",
        "10.0.0.0/8, fd00::/8 ,192.168.1.7/32",
        "10.1.2.3",
        "::/0",
        "::ffff:10.0.0.0/104",
        "10.0.0.0/8,",
    ],
)
def test_networks_that_functions_can_use_are_deployed(networks: str) -> None:
    assert may_be_allowed(networks)
    NetworkPolicy.make(networks)


@pytest.mark.parametrize(
    "networks",
    [
        "garbage",
        "10.0.0.0/8,garbage",
        "10.0.0.0/8;::1",
        "mail.us.example",
        "10.0.0/8",
        "fd00",
        "/8",
    ],
)
def test_what_is_no_network_is_not_deployed(networks: str) -> None:
    assert not may_be_allowed(networks)
    with pytest.raises(ValueError, match="network"):
        NetworkPolicy.make(networks)


def test_whoever_deploys_is_reported_how_networks_are_written() -> None:
    assert "CIDR" in template()["Parameters"]["AllowedNetworks"]["ConstraintDescription"]
