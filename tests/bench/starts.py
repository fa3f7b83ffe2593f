"""How long each function takes from the start of its process to the answer of its sample event.

Each start is a process of its own, beside a baseline process that imports boto3 and Powertools and
makes the same AWS clients. CPU seconds are compared: they count neither the emulator's work nor
what else the machine does. What a function takes beyond its baseline is our own code's share,
requests to AWS included.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local import emulator, samples
from local.environments import ROOT
from local.sample_account import SampleAccount, open_account
from mailmirror.runtime import Runtime

STARTS = 10
MOST = {"dispatch": 0.5, "webhook": 0.5}
"""How much our own code may add, as a multiple of the baseline."""
MOST_OF_OTHERS = 1.2
_TOPIC = "arn:aws:sns:us-east-1:123456789012:mailmirror-FeedbackTopic-5a1e5c0ffee0"
"""As the feedback's sample names it."""
_START = Path(__file__).with_name("start.py")


@dataclass(frozen=True, slots=True)
class Start:
    cpu: float
    """Seconds of CPU time, user and system."""
    wall: float
    """Seconds from the creation of the process to the answer."""
    clients: list[str]


def starts(runtime: Runtime, aws_endpoint: str, feed_queue: str) -> None:
    """Measure every function, and print a line a sample."""
    print("\nFrom process start to the first answer, median of", STARTS, "starts each, ms")
    print("  sample              baseline  ours adds  of baseline   (wall: baseline, all)")
    account = open_account(runtime)
    environment = environment_of(runtime, aws_endpoint, feed_queue)
    with tempfile.TemporaryDirectory() as folder:
        for name in samples.names():
            event = Path(folder) / f"{name}.json"
            _measure(name, account, event, environment)


def _measure(name: str, account: SampleAccount, file: Path, environment: Mapping[str, str]) -> None:
    function = samples.function(name)
    file.write_text(json.dumps(account.event(name)))
    clients = _started(function, str(file), environment).clients  # and its bytecode is written
    made, bare = [], []
    for _ in range(STARTS):  # in turn, so that both see the same machine
        file.write_text(json.dumps(account.event(name)))
        made.append(_started(function, str(file), environment))
        bare.append(_started(function, ",".join(clients), environment))
    baseline = statistics.median(one.cpu for one in bare)
    ours = statistics.median(one.cpu for one in made) - baseline
    verdict = "" if ours <= MOST.get(function, MOST_OF_OTHERS) * baseline else "   over its limit"
    walls = [statistics.median(one.wall for one in each) * 1000 for each in (bare, made)]
    print(
        f"  {name:18}  {baseline * 1000:8.0f}  {ours * 1000:9.0f}  {ours / baseline:11.2f}"
        f"   ({walls[0]:.0f}, {walls[1]:.0f}){verdict}"
    )


def _started(function: str, argument: str, environment: Mapping[str, str]) -> Start:
    command = [sys.executable, str(_START), f"functions/{function}/app.py", argument]
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=ROOT, env=dict(environment), capture_output=True, text=True, check=True
    )
    ended = json.loads(done.stdout.splitlines()[-1])
    return Start(ended["cpu"], ended["at"] - began, ended["clients"])


def environment_of(runtime: Runtime, aws_endpoint: str, feed_queue: str) -> dict[str, str]:
    """A function's environment: as the template sets it, on this runtime's table and queues."""
    settings: dict[str, Any] = asdict(runtime.settings) | {
        "feed_queue": feed_queue,
        "feedback_topic": _TOPIC,
        "notifications_signed": "no",
        "probe_function": "mailmirror-ProbeFunction",
        "ses_configuration_set": "mailmirror",
        "aws_region": emulator.REGION,
    }
    return (
        {name.upper(): value for name, value in settings.items()}
        | emulator.CREDENTIALS
        | {
            "AWS_DEFAULT_REGION": emulator.REGION,
            "AWS_ENDPOINT_URL": aws_endpoint,
            "POWERTOOLS_SERVICE_NAME": "mailmirror",
            "PATH": os.environ.get("PATH", os.defpath),
        }
    )
