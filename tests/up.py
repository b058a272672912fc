"""`assay up` with a policy and deployments of one's own.

Usage: python -m tests.up HOME POLICIES PREFECT_YAML [no-worker] [mlflow=PORT]
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from assay.errors import AssayError
from assay.home import Home
from assay.stack.keeper import SET_PDEATHSIG, prctl
from assay.stack.run import Ports, run_stack


def main(home: str, policies: str, deployments: str, *options: str) -> int:
    """Run a stack; options are `no-worker` and `mlflow=PORT`."""
    prctl(SET_PDEATHSIG, signal.SIGTERM)  # a test run that is killed leaves no stack behind
    wanted = [int(option.partition("=")[2]) for option in options if option.startswith("mlflow=")]
    try:
        run_stack(
            Home(Path(home)),
            Ports(mlflow=wanted[0] if wanted else None),
            worker="no-worker" not in options,
            policies=Path(policies),
            deployments=Path(deployments),
        )
    except AssayError as error:
        sys.stderr.write(f"assay: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
