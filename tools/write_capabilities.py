"""Write policies/capabilities.json: what OPA can do, less what a policy may not.

A policy is a function of its question and its table. It reads no clock, no chance, no network,
no environment and no other policy, and checks no signature that the core has not checked.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from assay.policy.binary import find_opa

FORBIDDEN = re.compile(
    r"http\.|net\.|opa\.|providers\.|rand\.|uuid\.|time\.now_ns|trace|io\.jwt\.|graphql\."
    r"|rego\.|crypto\.(x509|parse_private)"
)
TARGET = Path(__file__).resolve().parent.parent / "policies" / "capabilities.json"


def allowed(current: dict[str, Any]) -> dict[str, Any]:
    """OPA's capabilities without the forbidden builtins, and with no host to speak to."""
    kept = [one for one in current["builtins"] if not FORBIDDEN.match(one["name"])]
    return {**current, "builtins": kept, "allow_net": []}


def render(capabilities: dict[str, Any]) -> str:
    """JSON with one builtin a line."""
    lines = ",\n".join(f"  {json.dumps(one)}" for one in capabilities["builtins"])
    others = {key: value for key, value in capabilities.items() if key != "builtins"}
    rest = "".join(f',\n"{key}": {json.dumps(value)}' for key, value in sorted(others.items()))
    return f'{{\n"builtins": [\n{lines}\n]{rest}\n}}\n'


def current() -> dict[str, Any]:
    """What the machine's OPA can do."""
    asked = [str(find_opa()), "capabilities", "--current"]
    found = subprocess.run(asked, env={}, capture_output=True, text=True, check=True).stdout
    parsed: dict[str, Any] = json.loads(found)
    return parsed


if __name__ == "__main__":
    TARGET.write_text(render(allowed(current())), encoding="utf-8")
    sys.stdout.write(f"{TARGET}\n")
