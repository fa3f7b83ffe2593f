"""The built functions in containers, by `sam local`, on what the running stack has deployed."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local import emulator, environments
from local.deployment import architecture
from local.engine import Network
from local.process import Process
from local.sam import SAM, sam_environment
from local.samples import Event
from local.stack import Home, Stack

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

INVOKE_SECONDS = 120
API_SECONDS = 60
ENDPOINT = "AWS_ENDPOINT_URL"
_OF_EMULATOR = emulator.CREDENTIALS | {
    "AWS_SESSION_TOKEN": "",
    "AWS_REGION": emulator.REGION,
    "AWS_DEFAULT_REGION": emulator.REGION,
}
"""In place of those of the shell, which `sam local` would pass on."""

# `sam local` passes on only the variables that the template declares.
_DECLARE = """
import json, sys
from samtranslator.yaml_helper import yaml_parse
template = yaml_parse(open(sys.argv[1]).read())
template["Parameters"]["Architecture"]["Default"] = sys.argv[2]
template["Globals"]["Function"]["Environment"]["Variables"] |= dict.fromkeys(sys.argv[3:], "")
json.dump(template, sys.stdout, default=str)
"""


class InvocationFailed(Exception):
    """There is no answer of the function's; the message says why."""


@dataclass(frozen=True, slots=True)
class SamFunctions:
    """What every `sam local` command is told."""

    template: Path
    variables: Path
    network: Network
    aws_url: str
    home: Home

    @classmethod
    def of(
        cls, home: Home, stack: Stack, network: Network, seen: Mapping[str, str]
    ) -> "SamFunctions":
        """The functions that `home` has built, with the environments that `stack` gave them.

        Parameters:
            seen: each of the emulator's URLs → the same as containers in the network see it.
        """
        aws = emulator.session().client("lambda", endpoint_url=stack.aws_endpoint)
        deployed = environments_of(aws, stack.functions)
        emulated = _OF_EMULATOR | {ENDPOINT: stack.aws_endpoint}
        variables = {
            logical_id: {
                key: seen.get(value, value) for key, value in (environment | emulated).items()
            }
            for logical_id, environment in deployed.items()
        }
        folder = home.directory / "sam-local"
        folder.mkdir(exist_ok=True)
        file = folder / "env.json"
        file.write_text(json.dumps(variables, indent=2))
        return cls(_template(home), file, network, stack.aws_endpoint, home)

    def invoke(self, logical_id: str, event: Event, name: str) -> Any:
        """Call a function once, in a container of its own.

        Parameters:
            name: of the log, and of the event's file.

        Raises:
            InvocationFailed: it did not answer in time, or ended with an error.
        """
        file = self.variables.with_name(f"{name}.json")
        file.write_text(json.dumps(event, ensure_ascii=False))
        log = self.home.log(f"sam-local-{name}")
        with log.open("w") as said:
            try:
                done = subprocess.run(
                    self._command("invoke", logical_id, "--event", str(file)),
                    cwd=environments.ROOT,
                    env=sam_environment(self.aws_url),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=said,
                    text=True,
                    timeout=INVOKE_SECONDS,
                )
            except subprocess.TimeoutExpired as error:
                raise InvocationFailed(f"no answer in {INVOKE_SECONDS} s: see {log}") from error
        with log.open("a") as said:
            said.write(done.stdout)
        return _answer(done.returncode, done.stdout, log)

    @contextmanager
    def api(self) -> Iterator[str]:
        """Serve the functions over HTTP, and yield the base URL.

        Raises:
            InvocationFailed: nobody listens within a minute.
        """
        port, log = emulator.free_port(), self.home.log("sam-local-start-api")
        log.unlink(missing_ok=True)
        command = self._command("start-api", "--host", "127.0.0.1", "--port", str(port))
        server = Process.start(command, sam_environment(self.aws_url), log)
        try:
            _wait_until_listening(port, server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.stop()

    def _command(self, command: str, *arguments: str) -> list[str]:
        options = ["--template", str(self.template), "--env-vars", str(self.variables)]
        options += ["--docker-network", self.network.name, "--skip-pull-image"]
        return [str(SAM), "local", command, *arguments, *options]


def environments_of(aws: "LambdaClient", functions: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Read the variables of deployed functions.

    Parameters:
        functions: logical id → name.
    """
    return {
        logical_id: dict(
            aws.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        )
        for logical_id, name in functions.items()
    }


def _template(home: Home) -> Path:
    """The built template with the endpoint's variable, beside it: its paths are relative."""
    built = home.build / "template.yaml"
    python = str(environments.executable("sam", "python"))
    command = [python, "-c", _DECLARE, str(built), architecture(), *_OF_EMULATOR, ENDPOINT]
    declared = subprocess.run(command, capture_output=True, text=True, check=True)
    template = home.build / "sam-local.json"
    template.write_text(declared.stdout)
    return template


def _answer(status: int, output: str, log: Path) -> Any:
    """What the function answered: the last line that `sam local invoke` prints."""
    lines = output.strip().splitlines()
    if status or not lines:
        raise InvocationFailed(f"sam local invoke ended with status {status}: see {log}")
    try:
        answer = json.loads(lines[-1])
    except ValueError as error:
        raise InvocationFailed(f"the answer is no JSON: see {log}") from error
    if isinstance(answer, dict) and "errorType" in answer:
        raise InvocationFailed(f"{answer['errorType']}: {answer.get('errorMessage')}: see {log}")
    if any(line.startswith('{"level":"ERROR"') for line in log.open(errors="replace")):
        raise InvocationFailed(f"an error is logged: see {log}")
    return answer


def _wait_until_listening(port: int, server: Process, log: Path) -> None:
    deadline = time.monotonic() + API_SECONDS
    while server.is_running() and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise InvocationFailed(f"sam local start-api does not listen: see {log}")
