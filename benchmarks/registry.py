"""What the gate costs: each time against the same thing without it, in turn, on this machine.

* A click on the protected alias against a click on a plain one, over HTTP on one running server.
  The protected one verifies everything anew and recomputes every number from the outcome tables,
  so its cost grows with their rows, which are printed; a plain one writes one row.
* `digest_folder` of one large file against `sha256sum` of it.
* From the command to the first answer: the gated server against `mlflow server` with MLflow's own
  basic authentication and the same options.

Each ratio is of one round, in which both run one after the other and change who is first; the
first round is not counted. The seconds are this machine's and say nothing of another.

Run it in the repository, after `make data`: `python -m benchmarks.registry [--rounds 9]`.
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pyarrow.parquet as pq
import requests

from assay.evidence.digest import digest_file, digest_folder
from assay.home import REPOSITORY, Home
from assay.policy.opa import OpaServer
from assay.policy.rules import Policy, load_policy
from assay.registry.launch import prepare_server, server_command, server_environment
from assay.registry.names import CHAMPION
from assay.registry.users import read_password, set_up_users
from assay.spec import load_spec
from assay.stack.component import Component, Running
from assay.stack.environment import QUIET, mlflow_client
from assay.stack.pipeline import environment
from assay.stack.ports import LOOPBACK, Held
from assay.stack.probe import is_ok
from assay.stack.record import Stack, write_stack
from benchmarks.plain_line import make_home, measure

PLAIN = "shadow"  # an alias that nothing protects
PATIENCE = 180.0  # seconds for a server to answer
BLOCK = 1 << 20  # bytes
Pairs: TypeAlias = Sequence[tuple[float, float]]


def timed(run: Callable[[], object]) -> float:
    """Wall seconds."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def in_turn(ours: Callable[[], float], theirs: Callable[[], float], rounds: int) -> Pairs:
    """Seconds of both in each round; who is first changes, and round 0 is not counted.

    Args:
        ours: Runs once and returns its seconds.
        theirs: The same without the gate.
        rounds: At least 2, for there to be quartiles.
    """
    pairs = []
    for index in range(rounds + 1):
        if index % 2:
            ours_took, theirs_took = ours(), theirs()
        else:
            theirs_took, ours_took = theirs(), ours()
        pairs.append((ours_took, theirs_took))
    return pairs[1:]


def told(pairs: Pairs) -> str:
    """The ratio's median and quartiles over the rounds, and both medians in seconds."""
    low, middle, high = statistics.quantiles(
        [ours / theirs for ours, theirs in pairs], n=4, method="inclusive"
    )
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return (
        f"{middle:.2f} [{low:.2f}, {high:.2f}] over {len(pairs)} rounds; "
        f"{ours:.3f} s against {theirs:.3f} s here"
    )


def compare_hashing(folder: Path, blocks: int, rounds: int) -> Pairs:
    """`digest_folder` against `sha256sum`, on one new file of random bytes.

    Args:
        folder: An empty one.
        blocks: MiB.
        rounds: How many.
    """
    file = folder / "weights.safetensors"
    with file.open("wb") as stream:
        for _ in range(blocks):
            stream.write(os.urandom(BLOCK))
    command = ["sha256sum", str(file)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert digest_file(file) == f"sha256:{said.split()[0]}"
    peer = partial(subprocess.run, command, check=True, stdout=subprocess.DEVNULL)
    return in_turn(lambda: timed(lambda: digest_folder(folder)), lambda: timed(peer), rounds)


def plain_command(home: Home, port: int) -> list[str]:
    """The gated server's command with the gate taken out of it: MLflow's own parts instead."""
    parts = (part.removeprefix("gated+") for part in server_command(home, port))
    return ["basic-auth" if part == "assay" else part.removeprefix("sealed+") for part in parts]


Command: TypeAlias = Callable[[Home, int], list[str]]


@contextmanager
def served(home: Home, command: Command) -> Iterator[str]:
    """The URL of a server that answers, until the block ends; nothing of it is left then."""
    held = Held()
    held.release()
    url = f"http://{LOOPBACK}:{held.port}"
    variables = server_environment(home, os.environ)
    component = Component("mlflow", tuple(command(home, held.port)), variables)
    running = Running(component, REPOSITORY, home.root)
    try:
        end = time.monotonic() + PATIENCE
        while not is_ok(f"{url}/health"):
            running.check()
            if time.monotonic() > end:
                raise TimeoutError(f"no answer of {url}; see {running.log}")
            time.sleep(0.01)
        yield url
    finally:
        running.ask_to_stop()
        running.wait()


def seconds_to_start(home: Home, command: Command) -> float:
    """From the command to the first answer."""
    started = time.perf_counter()
    with served(home, command):
        return time.perf_counter() - started


def announce(home: Home, url: str, opa: OpaServer) -> None:
    """Write where OPA is for the server, as `assay up` does; there is no Prefect here."""
    socket, token = str(opa.socket), str(opa.token_file)
    write_stack(home, Stack(url, "", "", socket, token, os.getpid(), str(home.root)))


def promotable(home: Home, url: str, pipeline: Path, policy: Policy) -> str:
    """Run a pipeline without Prefect and hand its evidence in; the version that may be promoted.

    Raises:
        SystemExit: This draw of the pipeline is blocked.
    """
    from tasks.promotion.register import register
    from tasks.promotion.submit import submit

    spec = load_spec(pipeline)
    owner = policy.model(spec.model).owner
    variables = {**QUIET, **mlflow_client(home, url, owner)}
    with environment(variables), warnings.catch_warnings(action="ignore"):
        made = measure(spec, home)
        version = register(spec, made.candidate, made.evidence["training"], made.history, "")
        if not submit(spec, version, made.evidence.values(), [], home).allowed:
            raise SystemExit("this draw is blocked; run it again, which draws anew")
    return version.number


def compare_clicks(home: Home, url: str, model: str, version: str, rounds: int) -> Pairs:
    """A click on `champion` against one on a plain alias, of the same version, by its approver."""
    approver = load_policy(home.policy).model(model).approvers[0]
    with requests.Session() as session:
        session.trust_env = False
        session.auth = (approver, read_password(home, approver))

        def click(alias: str) -> None:
            body = {"name": model, "version": version, "alias": alias}
            address = f"{url}/api/2.0/mlflow/registered-models/alias"
            answer = session.post(address, json=body, timeout=PATIENCE)
            assert answer.status_code == http.client.OK, answer.text

        ours, theirs = (partial(timed, partial(click, alias)) for alias in (CHAMPION, PLAIN))
        return in_turn(ours, theirs, rounds)


def rows_of(tables: Path) -> Mapping[str, int]:
    """How large the outcome tables are that a promotion is recomputed from."""
    rows = [pq.read_metadata(file).num_rows for file in tables.glob("*.parquet")]
    return {"tables": len(rows), "rows": sum(rows), "largest": max(rows)}


def prepared(root: Path) -> Home:
    """A home whose server can start."""
    home = make_home(root)
    prepare_server(home, load_policy(home.policy))
    return home


def main() -> int:
    """Print the three ratios; 0 once all were measured."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--pipeline", type=Path, default=REPOSITORY / "pipelines/credit.yaml")
    asked.add_argument("--rounds", type=int, default=9)
    asked.add_argument("--megabytes", type=int, default=256)
    arguments = asked.parse_args()
    rounds = arguments.rounds
    os.umask(0o077)
    with tempfile.TemporaryDirectory(prefix="assay-registry-") as scratch:
        file = Path(scratch) / "file"
        file.mkdir()
        hashing = compare_hashing(file, arguments.megabytes, rounds)
        print(f"digest_folder / sha256sum, {arguments.megabytes} MiB: {told(hashing)}", flush=True)
        home, plain = (prepared(Path(scratch) / name) for name in ("gated", "plain"))
        starts = in_turn(
            partial(seconds_to_start, home, server_command),
            partial(seconds_to_start, plain, plain_command),
            rounds,
        )
        print(f"start, gated / basic-auth: {told(starts)}", flush=True)
        compare_aliases(home, arguments.pipeline, rounds)
    return 0


def compare_aliases(home: Home, pipeline: Path, rounds: int) -> None:
    """Print the ratio of the clicks, and what a protected one reads."""
    policy, model = load_policy(home.policy), load_spec(pipeline).model
    with OpaServer(home.policy) as opa, served(home, server_command) as url:
        announce(home, url, opa)
        set_up_users(url, home, policy)
        version = promotable(home, url, pipeline, policy)
        clicks = compare_clicks(home, url, model, version, rounds)
    size = rows_of(home.sealed_outcomes)
    print(f"champion / plain alias: {told(clicks)}")
    print(
        f"each champion click reads up to {size['tables']} outcome tables of {pipeline.stem}, "
        f"{size['rows']:,} rows in all, {size['largest']:,} in the largest"
    )


if __name__ == "__main__":
    sys.exit(main())
