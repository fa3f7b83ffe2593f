"""One start of a function in a fresh process: from its first import to its first answer.

    python tests/bench/start.py functions/<name>/app.py EVENT.json
    python tests/bench/start.py functions/<name>/app.py CLIENTS,CLIENTS

The first form calls the handler once. The second is the baseline: it imports boto3 and what the
function itself imports of Powertools, and makes the named AWS clients, as the runtime does. Both
print one line of JSON: the CPU seconds of the process, the monotonic clock at the end, and the
clients that were made.
"""

import ast
import importlib
import importlib.util
import json
import sys
import time
from pathlib import Path


class Context:
    """What Lambda hands over beside the event."""

    function_name = "bench"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:bench"
    aws_request_id = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"

    def get_remaining_time_in_millis(self) -> int:
        return 300_000


def main() -> None:
    app, what = Path(sys.argv[1]), sys.argv[2]
    clients = baseline(app, what.split(",")) if not what.endswith(".json") else start(app, what)
    ended = {"cpu": time.process_time(), "at": time.monotonic(), "clients": clients}
    print(f"\n{json.dumps(ended)}")


def start(app: Path, event: str) -> list[str]:
    """Import the function and call it; return the AWS clients that it made."""
    spec = importlib.util.spec_from_file_location("app", app)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    make, made = module.runtime._client, []

    def client(service: str) -> object:
        made.append(service)
        return make(service)

    module.runtime._client = client
    print(json.dumps(module.handler(json.loads(Path(event).read_text("utf-8")), Context())))
    return made


def baseline(app: Path, clients: list[str]) -> list[str]:
    """Import boto3 and the function's part of Powertools, and make the clients."""
    import boto3
    from aws_lambda_powertools import Logger, Metrics
    from botocore.config import Config

    Logger()
    Metrics(namespace="Mailmirror")
    for statement in ast.walk(ast.parse(app.read_text("utf-8"))):
        if isinstance(statement, ast.ImportFrom) and "powertools" in (statement.module or ""):
            importlib.import_module(statement.module or "")
    config = Config(max_pool_connections=32, retries={"mode": "standard", "total_max_attempts": 4})
    for service in filter(None, clients):
        boto3.client(service, config=config)  # type: ignore[call-overload]
    return clients


if __name__ == "__main__":
    main()
