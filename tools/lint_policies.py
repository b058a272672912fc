"""Hold every Rego file to the laws of `policy_laws.rego`, which Regal would not know.

Usage: python -m tools.lint_policies FOLDER
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from assay.policy.binary import find_opa

LAWS = Path(__file__).with_name("policy_laws.rego")
QUERY = "data.tools.policy_laws.broken"


def broken_laws(folder: Path) -> list[str]:
    """Each broken law as one line, by file.

    Args:
        folder: The policy's sources; a package's name is its path below this folder.

    Raises:
        ValueError: There is no Rego, or OPA cannot read it.
    """
    files = sorted(folder.rglob("*.rego"))
    if not files:
        raise ValueError(f"{folder}: expected Rego files, found none")
    texts = {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in files}
    command = [find_opa(), "eval", "--data", LAWS, "--stdin-input", "--strict-builtin-errors"]
    ran = subprocess.run(
        [*command, "--format", "json", QUERY],
        input=json.dumps(texts),
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    answer = json.loads(ran.stdout)
    if "result" not in answer:
        raise ValueError(f"{folder}: {answer['errors'][0]['message']}")
    broken = answer["result"][0]["expressions"][0]["value"]
    return sorted(f"{folder / one['path']}: {one['law']}" for one in broken)


def main(arguments: list[str]) -> int:
    """Print each broken law; 1 when there is one."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m tools.lint_policies FOLDER\n")
        return 2
    try:
        broken = broken_laws(Path(arguments[0]))
    except ValueError as error:
        broken = [str(error)]
    for line in broken:
        sys.stdout.write(line + "\n")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
