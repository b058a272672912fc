"""What the demonstration's acts share: commands that are typed for you, and checks that count."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.cli.registry import Registry
from assay.cli.show import print_table, say
from assay.home import Home


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that had to happen.

    Attributes:
        what: Said in a few words.
        found: What happened.
        ok: Whether it was that.
    """

    what: str
    found: str
    ok: bool


@dataclass
class Stage:
    """One run of the demonstration over one home."""

    home: Home
    checks: list[Check] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def title(self, text: str) -> None:
        """Open an act."""
        say()
        say(f"== {text}  [{time.monotonic() - self.started:.0f} s]")

    def check(self, what: str, found: str, ok: bool) -> None:
        """Note one thing that had to happen."""
        self.checks.append(Check(what, found, ok))
        if not ok:
            say(f"!! expected {what}; found {found}")

    def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Show a command, run it, show what it says."""
        say(f"$ assay {' '.join(words)}")
        command = [sys.executable, "-m", "assay.cli", *words, "--home", str(self.home.root)]
        done = subprocess.run(command, text=True, capture_output=True, stdin=subprocess.DEVNULL)
        for text in (done.stdout, done.stderr):
            if text.strip():
                say(text.rstrip())
        return done

    def watch(self, *words: str) -> int:
        """Show a command and let it write to the terminal itself."""
        say(f"$ assay {' '.join(words)}")
        command = [sys.executable, "-m", "assay.cli", *words, "--home", str(self.home.root)]
        return subprocess.run(command, stdin=subprocess.DEVNULL).returncode

    def refused(self, what: str, code: str, *words: str) -> None:
        """A command that has to be refused with this code."""
        done = self.type(*words)
        said = done.stderr.strip().splitlines()
        told = said[-1][:100] if said else "nothing"
        self.check(f"{what}: refused", told, done.returncode == 1 and f"[{code}]" in done.stderr)

    def gates(self, model: str, version: str) -> dict[str, str]:
        """Gate -> verdict on the sealed rows, read as the auditor; {} when nothing was decided."""
        words = ["gates", f"{model}/{version}", "--as", "auditor", "--json"]
        command = [sys.executable, "-m", "assay.cli", *words, "--home", str(self.home.root)]
        done = subprocess.run(command, text=True, capture_output=True, stdin=subprocess.DEVNULL)
        if not done.stdout.strip():
            return {}
        decision: dict[str, Any] = json.loads(done.stdout)
        return {name: gate["verdict"] for name, gate in decision["gates"].items()}

    def registry(self, user: str) -> Registry:
        """The registry as a user."""
        return Registry(self.home, user)

    def summary(self) -> bool:
        """Print what was checked; whether all of it happened."""
        rows = [(check.what, check.found, "yes" if check.ok else "NO") for check in self.checks]
        say()
        print_table("What had to happen", ("what", "found", "happened"), rows)
        return bool(self.checks) and all(check.ok for check in self.checks)


@contextmanager
def altered(path: Path, content: bytes | None) -> Iterator[None]:
    """A file with other content, or without any, and afterwards as it was."""
    before, mode = path.read_bytes(), path.stat().st_mode
    path.chmod(0o600)
    path.unlink() if content is None else path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)
        path.chmod(mode)
