"""The `assay` command: every command's options, and nothing that is slow to import."""

from __future__ import annotations

import argparse
import importlib
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from assay.errors import AssayError, Unavailable

EXIT_CODES = (
    "exit codes: 0 done, 1 blocked or cannot pass, 2 usage or input, 3 component unavailable"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its module is imported only now, so that `--help` answers at once."""
    arguments = _parser().parse_args(argv)
    try:
        command = importlib.import_module(f"assay.cli.{arguments.module}")
        return int(getattr(command, arguments.function)(arguments))
    except AssayError as error:
        sys.stderr.write(f"assay: {error}\n")
        return error.exit_code
    except ModuleNotFoundError as error:
        told = f"expected the module {error.name}, found none; `assay verify BUNDLE` takes the"
        sys.stderr.write(f"assay: [not_installed] {told} light install, this the whole one\n")
        return Unavailable.exit_code
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        # 1 would say that a model was judged and blocked; a foreign text may quote a row.
        place = traceback.extract_tb(error.__traceback__)[-1]
        told = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        sys.stderr.write(f"assay: [defect] expected no such end, found {told}\n")
        return Unavailable.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="assay", description="No model carries the hallmark before it is assayed.",
        epilog=f"example: assay run pipelines/credit.yaml    {EXIT_CODES}",
    )  # fmt: skip
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _stack_commands(commands)
    _pipeline_commands(commands)
    _decision_commands(commands)
    _review_commands(commands)
    _waiver_commands(commands)
    _key_commands(commands)
    _policy_commands(commands)
    _data_commands(commands)
    _database_commands(commands)
    return parser


class _Commands:
    """Adds commands that all take --home, show an example, and name where they are implemented."""

    def __init__(self, commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
        self._commands = commands

    def group(self, name: str, text: str, example: str) -> _Commands:
        """Commands below a word of their own."""
        below = self._commands.add_parser(
            name, help=text, description=text, epilog=f"example: {example}    {EXIT_CODES}"
        )
        return _Commands(below.add_subparsers(metavar="ACTION", required=True))

    def add(self, name: str, module: str, text: str, example: str) -> argparse.ArgumentParser:
        command = self._commands.add_parser(
            name, help=text, description=text, epilog=f"example: {example}    {EXIT_CODES}"
        )
        command.add_argument(
            "--home", metavar="DIR", help="default: $ASSAY_HOME, else .assay/current"
        )
        command.set_defaults(module=module, function=name)
        return command


def _stack_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    new = _Commands(commands)
    up = new.add("up", "stack", "Start OPA, MLflow, Prefect and a worker.", "assay up --home h")
    up.add_argument("--mlflow-port", type=int, default=0, metavar="N", help="default: a free one")
    up.add_argument("--prefect-port", type=int, default=0, metavar="N", help="default: a free one")
    up.add_argument("--opa-port", type=int, metavar="N", help="loopback TCP; default: a socket")
    up.add_argument("--no-worker", action="store_true", help="start no process worker")
    up.add_argument("--background", action="store_true", help="return when all answer")
    new.add("down", "stack", "Stop what `assay up` started.", "assay down --home h")
    new.add("watch", "watch", "Verify every champion anew, and revert what fails.", "assay watch")
    audit = new.add("audit", "audit", "Show who opened what.", "assay audit --what holdout")
    audit.add_argument("--by", metavar="NAME", help="an account, or a user of the registry's")
    audit.add_argument("--what", metavar="WORD", help="lines whose `what` has this word")
    audit.add_argument("--json", action="store_true", help="a line of JSON each")
    new.add("doctor", "doctor", "Say what is missing, old, expiring or unsafe.", "assay doctor")


def _pipeline_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    new = _Commands(commands)
    run = new.add(
        "run", "pipeline", "Run a pipeline to a decision.", "assay run pipelines/credit.yaml"
    )
    run.add_argument("pipeline", metavar="PIPELINE.yaml")
    check = new.add(
        "check", "plan", "Validate a pipeline and say what it costs.",
        "assay check pipelines/credit.yaml",
    )  # fmt: skip
    check.add_argument("pipeline", metavar="PIPELINE.yaml")
    init = new.add(
        "init", "pipeline", "Draft a pipeline, a suite and a policy row for a table.",
        "assay init loans.csv --label default --sensitive sex age",
    )  # fmt: skip
    init.add_argument("file", metavar="FILE.csv")
    init.add_argument("--label", required=True, metavar="COL")
    init.add_argument("--sensitive", required=True, nargs="+", metavar="COL")


def _decision_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    new = _Commands(commands)
    for name, text in (
        ("gates", "Show a decision: verdict, bound, bar, distance, remedy."),
        ("explain", "Say what would change each verdict."),
    ):
        shown = new.add(name, "decision", text, f"assay {name} credit/1 --as auditor")
        shown.add_argument(
            "target", nargs="?", metavar="RUN | MODEL/VERSION", help="default: the newest version"
        )
        _shown_to(shown, "the whole decision, for machines")
    verify = new.add(
        "verify", "bundle", "Verify a champion, or an exported bundle offline.",
        "assay verify credit@champion",
    )  # fmt: skip
    verify.add_argument("target", metavar="MODEL@ALIAS | BUNDLE")
    verify.add_argument(
        "--trust", metavar="FILE", help="trust.json; default: the home's, or a bundle's own"
    )
    verify.add_argument("--outcomes", metavar="DIR", help="recompute every number from these")
    verify.add_argument(
        "--at", metavar="TIME", help="whether a bundle held then: 2026-11-25T12:00:00Z"
    )
    export = new.add(
        "export", "bundle", "Write a bundle for an auditor.", "assay export credit@champion b.tar"
    )
    export.add_argument("target", metavar="MODEL@ALIAS")
    export.add_argument("file", metavar="FILE")


def _review_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    new = _Commands(commands)
    approve = new.add(
        "approve", "decision", "Make a version champion, as an approver.",
        "assay approve credit 1 --as approver",
    )  # fmt: skip
    reject = new.add(
        "reject", "decision", "Say no to a version, as an approver, and why.",
        "assay reject credit 1 --as approver --comment 'a feed is missing'",
    )  # fmt: skip
    for reviewed, told in (
        (approve, "everybody may read it; it stands also where more approvals are asked for"),
        (reject, "why; everybody may read it"),
    ):
        reviewed.add_argument("model", metavar="MODEL")
        reviewed.add_argument("version", metavar="VERSION")
        reviewed.add_argument("--as", dest="user", required=True, metavar="USER")
        reviewed.add_argument("--comment", required=reviewed is reject, metavar="TEXT", help=told)


def _waiver_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    new = _Commands(commands)
    text = "Let one gate's shortfall of one payload stand until a day, by two signers."
    waiver = new.group("waiver", text, "assay waiver write --help")
    write = waiver.add(
        "write", "waiver", "Write a waiver and sign it, as the first of two; takes no server.",
        "assay waiver write w.json --model credit --payload sha256:… --gate stress --days 7 "
        "--reason 'the feed is back on Monday' --key a.pem",
    )  # fmt: skip
    sign = waiver.add(
        "sign", "waiver", "Print what a waiver says, and sign it too.",
        "assay waiver sign w.json --key b.pem",
    )  # fmt: skip
    hand_in = waiver.add(
        "submit", "waiver", "Hand a waiver in; the version is judged anew.",
        "assay waiver submit w.json credit 3 --as approver",
    )  # fmt: skip
    for command in (write, sign, hand_in):
        command.add_argument("file", metavar="FILE")
    for command in (write, sign):
        command.add_argument("--key", required=True, metavar="FILE", help="what `keys make` made")
    for option, told in (
        ("--model", "registered model"),
        ("--payload", "digest of the version's payload, as `assay gates --json` has it"),
        ("--gate", "the one gate that is waived"),
        ("--reason", "one line; everybody may read it"),
    ):
        write.add_argument(option, required=True, metavar="TEXT", help=told)
    write.add_argument("--days", required=True, type=float, metavar="N", help="until it ends")
    hand_in.add_argument("model", metavar="MODEL")
    hand_in.add_argument("version", metavar="VERSION")
    hand_in.add_argument("--as", dest="user", required=True, metavar="USER")


def _key_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    new = _Commands(commands)
    text = "List, rotate or revoke the keys that sign for a role."
    keys = new.group("keys", text, "assay keys list")
    shown = keys.add("list", "keys", "Which key signs, and which verify.", "assay keys list")
    shown.set_defaults(function="show")
    rotate = keys.add(
        "rotate", "keys", "Give a role a new key; what the old one signed stays verifiable.",
        "assay keys rotate evaluator",
    )  # fmt: skip
    rotate.add_argument(
        "role", metavar="ROLE", help="data, trainer, evaluator, gate, promoter or policy"
    )
    made = keys.add(
        "make", "keys", "Make a key for somebody who signs elsewhere, and print its public half.",
        "assay keys make waiver.pem",
    )  # fmt: skip
    made.add_argument("file", metavar="FILE", help="the private key: keep it to yourself")
    trusted = keys.add(
        "trust", "keys", "Believe keys that this home does not hold.",
        "assay keys trust waiver KEY KEY",
    )  # fmt: skip
    trusted.add_argument("role", metavar="ROLE", help="waiver or policy")
    trusted.add_argument("keys", nargs="+", metavar="KEY", help="what `assay keys make` printed")
    revoke = keys.add(
        "revoke", "keys", "Believe a key no longer, nor anything that it signed.",
        "assay keys revoke KEYID",
    )  # fmt: skip
    revoke.add_argument("key", metavar="KEYID", help="64 hexadecimal digits: assay keys list")


def _shown_to(shown: argparse.ArgumentParser, whole: str) -> None:
    """Whose eyes the numbers are for."""
    shown.add_argument(
        "--as", dest="user", default="trainer", metavar="USER",
        help="approver and auditor see the sealed numbers; default: trainer",
    )  # fmt: skip
    shown.add_argument("--json", action="store_true", help=whole)


def _policy_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    new = _Commands(commands)
    policy = new.group(
        "policy", "Look at a policy before it rules, or sign it elsewhere.", "assay policy diff"
    )
    diff = policy.add(
        "diff", "policy", "Say what a policy would change, and which champion would fall; for "
        "whoever operates the server, since it reads the home itself.",
        "assay policy diff policies --as auditor",
    )  # fmt: skip
    diff.add_argument(
        "policies", nargs="?", metavar="POLICIES", help="folder; default: what `assay up` builds"
    )
    _shown_to(diff, "all that changes, for machines")
    seal = policy.add(
        "seal", "policy", "Build and sign a policy, by a key that is in no home.",
        "assay policy seal policies --key officer.pem --out sealed",
    )  # fmt: skip
    seal.add_argument("policies", metavar="POLICIES")
    seal.add_argument("--key", required=True, metavar="FILE", help="what `assay keys make` made")
    seal.add_argument("--trust", required=True, metavar="FILE", help="whose keys it is for")
    seal.add_argument("--out", required=True, metavar="DIR", help="made; nothing is replaced")
    put = policy.add(
        "put", "policy", "Let a policy rule that was signed elsewhere; no stack may run.",
        "assay policy put sealed",
    )  # fmt: skip
    put.add_argument("sealed", metavar="DIR", help="what `assay policy seal` wrote")


def _data_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    new = _Commands(commands)
    data = new.group("data", "List or fetch the data sets.", "assay data list")
    shown = data.add("list", "data", "Source, licence, size, checksum.", "assay data list")
    shown.set_defaults(function="show")
    get = data.add(
        "get", "data", "Fetch into the cache, by pinned checksum.",
        "assay data get uci-credit --yes",
    )  # fmt: skip
    get.add_argument("names", nargs="+", metavar="NAME")
    get.add_argument("--yes", action="store_true", help="accept the licence that is printed")


def _database_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    new = _Commands(commands)
    text = "Make ready the PostgreSQL databases that settings.yaml names."
    database = new.group("database", text, "assay database prepare --owner assay_owner")
    prepare = database.add(
        "prepare", "database", "Make or upgrade their tables, as their owner, and guard them.",
        "assay database prepare --owner assay_owner",
    )  # fmt: skip
    prepare.add_argument(
        "--owner", required=True, metavar="ROLE", help="its password: PGPASSWORD, or ~/.pgpass"
    )
