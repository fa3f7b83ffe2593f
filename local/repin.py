"""Pin the newest versions that fit: of every tool, and of the packages in the layer.

python3 -m local.repin
"""

from __future__ import annotations

import subprocess

from local.environments import PINS, PYTHON_VERSION, ROOT, uv
from local.steps import step

LAYER = "layer"
"""First, because the project's environment has the layer's very versions."""


def main() -> None:
    others = sorted(path.stem for path in PINS.glob("*.in") if path.stem != LAYER)
    for name in [LAYER, *others]:
        with step(f"pinning {name}"):
            _pin(name)


def _pin(name: str) -> None:
    pins = PINS / f"{name}.txt"
    if name == LAYER:
        pins = ROOT / "layers" / "mailmirror" / "requirements.txt"
    # Universal: the same pins serve every system, and the layer's both architectures.
    command = [uv(), "pip", "compile", "--quiet", "--upgrade", "--universal", "--no-annotate"]
    command += ["--python-version", ".".join(map(str, PYTHON_VERSION))]
    command += ["--custom-compile-command", "make pins", "--output-file", str(pins)]
    subprocess.run([*command, str(PINS / f"{name}.in")], check=True, cwd=ROOT)


if __name__ == "__main__":
    main()
