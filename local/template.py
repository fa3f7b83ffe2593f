"""`template.yaml` as data."""

import json
import subprocess
from collections.abc import Mapping
from functools import cache
from typing import Any

from local.environments import ROOT, executable

TEMPLATE = ROOT / "template.yaml"
_READ = (
    "import json, sys; from samtranslator.yaml_helper import yaml_parse;"
    "json.dump(yaml_parse(sys.stdin.read()), sys.stdout)"
)


@cache
def template() -> Mapping[str, Any]:
    """The template as SAM itself reads it: `!Ref X` is `{"Ref": "X"}`."""
    command = [str(executable("sam", "python")), "-c", _READ]
    text = TEMPLATE.read_text()
    answer = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    found: Mapping[str, Any] = json.loads(answer.stdout)
    return found
