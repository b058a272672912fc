"""The house's sizes and links: modules, functions, and every relative link of every page."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MODULE_LINES = 300
FUNCTION_LINES = 40
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def tracked(*patterns: str) -> list[Path]:
    """Files under version control, or about to be."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    found = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    return [path for path in map(Path, found.splitlines()) if path.is_file()]


def long_modules(path: Path, source: str) -> Iterator[str]:
    """Lines that are neither blank nor a comment, against the limit."""
    lines = [line for line in source.splitlines() if line.strip() and line.lstrip()[0] != "#"]
    if len(lines) > MODULE_LINES:
        yield f"{path}: {len(lines)} lines, at most {MODULE_LINES}"


def long_functions(path: Path, source: str) -> Iterator[str]:
    """Lines of a function's body after its docstring, against the limit."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        body = node.body[1:] if ast.get_docstring(node) else node.body
        size = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
        if size > FUNCTION_LINES:
            yield f"{path}:{node.lineno}: {node.name} has {size} lines, at most {FUNCTION_LINES}"


def dead_links(path: Path) -> Iterator[str]:
    """Relative links whose target is not there."""
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        plain = target.split("#")[0]
        if plain and "://" not in plain and not (path.parent / plain).exists():
            yield f"{path}: dead link {target}"


def main() -> int:
    """Print each broken rule; 1 when there is one."""
    broken: list[str] = []
    for path in tracked("*.py"):
        source = path.read_text(encoding="utf-8")
        if path.parts[0] != "tests":
            broken += long_modules(path, source)
        broken += long_functions(path, source)
    for path in tracked("*.md"):
        broken += dead_links(path)
    for line in broken:
        sys.stdout.write(line + "\n")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
