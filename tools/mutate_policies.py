"""Spoil the policy one place at a time, and see whether its tests notice.

Usage: python -m tools.mutate_policies [--jobs N] [--only TEXT] [FOLDER]

Line coverage does not say that a line is tested: a mutant is the policy with one line or rule
left out, one operator flipped, one `not` dropped, or one constant changed. It is killed when
`opa test` fails. At least 95 % have to be killed, and each survivor has to stand in
policy_equivalents.json with the reason why it is no different policy, or why that is harmless.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from assay.policy.binary import find_opa

EQUIVALENTS = Path(__file__).with_name("policy_equivalents.json")
LEAST_KILLED = 0.95
PASSED, BROKEN, FAILED = 0, 1, 2  # exit codes of `opa test`; broken could not be loaded
TOKENS = re.compile(
    r"""(?P<text>"[^"\\]*"|`[^`]*`)|(?P<number>(?<![\w.])\d+(?:\.\d+)?(?![\w.]))"""
    r"""|(?P<operator>\s(?:==|!=|<=|>=|<|>|\||-|\*)\s)|(?P<word>\bnot |\btrue\b|\bfalse\b)"""
)
OPERATORS = {
    "==": ["!="],
    "!=": ["=="],
    "<=": ["<", ">"],
    ">=": [">", "<"],
    "<": ["<=", ">="],
    ">": [">=", "<="],
    "|": ["&"],
    "-": ["+"],
    "*": ["+"],
}
WORDS = {"not ": [""], "true": ["false"], "false": ["true"]}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One spoilt place.

    Attributes:
        path: Module, below the policy's folder.
        rule: First line of the rule that is spoilt.
        before: Line, or lines, as they are.
        after: The same, spoilt; empty when left out.
        text: The whole spoilt module.
    """

    path: str
    rule: str
    before: str
    after: str
    text: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What names it, whatever line it stands on."""
        return (self.path, self.rule, self.before, self.after)

    def __str__(self) -> str:
        return f"{self.path}: {self.rule}\n    - {self.before}\n    + {self.after}"


def mutants(path: str, text: str) -> Iterator[Mutant]:
    """Every mutant of one module."""
    lines = text.splitlines()
    for start, end in _rules(lines):
        rule = next(line for line in lines[start:end] if not line.startswith("#"))
        for number, before, after in _spoilt(lines, start, end):
            spoilt = [*lines[:number], *after, *lines[number + len(before) :]]
            yield Mutant(
                path,
                rule,
                "\n".join(before).strip(),
                "\n".join(after).strip(),
                "\n".join(spoilt) + "\n",
            )


def _rules(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Spans of lines between blank ones, without METADATA, package and imports."""
    start = 0
    for number, line in enumerate([*lines, ""]):
        if line:
            continue
        block = [one for one in lines[start:number] if not one.startswith("#")]
        if block and not block[0].startswith(("package ", "import ")):
            yield start, number
        start = number + 1


def _spoilt(lines: list[str], start: int, end: int) -> Iterator[tuple[int, list[str], list[str]]]:
    """Line number, lines before and lines after."""
    yield start, lines[start:end], []
    for number in range(start, end):
        line = lines[number]
        if line.lstrip().startswith("#"):
            continue
        if end - start > 1:
            yield number, [line], []
        for after in _edits(line):
            yield number, [line], [after]


def _edits(line: str) -> Iterator[str]:
    for token in TOKENS.finditer(line):
        for new in _replacements(token):
            yield line[: token.start()] + new + line[token.end() :]


def _replacements(token: re.Match[str]) -> Iterable[str]:
    found = token.group()
    match token.lastgroup:
        case "operator":
            return [f" {new} " for new in OPERATORS[found.strip()]]
        case "word":
            return WORDS[found]
        case "number":
            return [str(float(found) + step) for step in (1, -1)]
        case _:
            return ['"mutant"'] if found != '""' else []


def verdict(mutant: Mutant, folder: Path) -> int:
    """The exit code of `opa test`: the module's own tests first, since most mutants die there."""
    with tempfile.TemporaryDirectory(prefix="assay-mutant-") as scratch:
        copy = Path(shutil.copytree(folder, Path(scratch, "policies")))
        (copy / mutant.path).write_text(mutant.text, encoding="utf-8")
        package = mutant.path.removesuffix(".rego").replace("/", r"\.")
        for run in (rf"^data\.{package}_test\.", "."):
            command = [find_opa(), "test", "--timeout", "60s", "--run", run, copy]
            code = subprocess.run(command, env={}, capture_output=True, check=False).returncode
            if code not in (PASSED, BROKEN, FAILED):
                raise RuntimeError(f"`opa test` was ended from outside ({code}): {mutant}")
            if code:
                break
        return code


def listed() -> dict[tuple[str, str, str, str], str]:
    """Survivors that are known -> reason."""
    rows = json.loads(EQUIVALENTS.read_text(encoding="utf-8"))
    return {
        tuple(row[name] for name in ("path", "rule", "before", "after")): row["reason"]
        for row in rows
    }  # type: ignore[misc]


def report(
    folder: Path,
    only: str = "",
    jobs: int = 2,
    progress: Callable[[str, float], None] | None = None,
) -> tuple[list[str], bool]:
    """Spoil everything; the report's lines, and whether enough was noticed."""
    found = [
        mutant
        for path in sorted(folder.rglob("*.rego"))
        if not path.name.endswith("_test.rego") and only in str(path)
        for mutant in mutants(path.relative_to(folder).as_posix(), path.read_text("utf-8"))
    ]
    codes = []
    with ThreadPoolExecutor(jobs) as pool:
        for code in pool.map(lambda mutant: verdict(mutant, folder), found):
            codes.append(code)
            if progress:
                progress("survived" if not code else "", len(codes) / len(found))
    whole = [(mutant, code) for mutant, code in zip(found, codes, strict=True) if code != BROKEN]
    survivors = [mutant for mutant, code in whole if code == PASSED]
    known = listed()
    new = [mutant for mutant in survivors if mutant.key not in known]
    gone = [key for key in known if only in key[0] and key not in {one.key for one in survivors}]
    killed = len(whole) - len(survivors)
    lines = [f"survived: {mutant}" for mutant in new]
    lines += [f"listed, but no survivor: {' | '.join(key)}" for key in gone]
    share = killed / len(whole) if whole else 0.0
    lines.append(
        f"{killed} of {len(whole)} mutants killed ({share:.1%}); "
        f"{len(survivors) - len(new)} survivors are listed with a reason, {len(new)} are not"
    )
    return lines, share >= LEAST_KILLED and not new and not gone


def main(arguments: list[str]) -> int:
    """Print the report; 1 when too many survive, or one without a reason."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutate_policies")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("policies"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="part of the paths of the modules to spoil")
    asked = parser.parse_args(arguments)
    lines, enough = report(asked.folder, asked.only, asked.jobs, _show)
    sys.stdout.write("\n".join(lines) + "\n")
    return not enough


def _show(_: str, share: float) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{share:.0%} of the mutants judged")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
