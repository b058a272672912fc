"""Both sides of a ratio run in turn, in one run, and the side without the gate has no gate."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assay.home import REPOSITORY, Home
from assay.registry.launch import server_command
from benchmarks.registry import compare_hashing, in_turn, plain_command, told


def test_each_round_runs_both_and_who_is_first_changes() -> None:
    ran: list[str] = []

    def side(name: str, seconds: float) -> float:
        ran.append(name)
        return seconds + len(ran)

    pairs = in_turn(lambda: side("ours", 100.0), lambda: side("theirs", 0.0), 2)
    assert "".join(name[0] for name in ran) == "tootto"
    assert pairs == [(103.0, 4.0), (106.0, 5.0)]


def test_the_ratio_is_of_rounds_and_not_of_medians() -> None:
    assert told([(2.0, 1.0), (9.0, 3.0), (40.0, 10.0)]) == (
        "3.00 [2.50, 3.50] over 3 rounds; 9.000 s against 3.000 s here"
    )


def test_both_hash_the_same_bytes(tmp_path: Path) -> None:
    pairs = compare_hashing(tmp_path, 1, 2)
    assert len(pairs) == 2
    assert all(seconds > 0 for pair in pairs for seconds in pair)


def test_the_peer_is_the_same_server_without_the_gate(tmp_path: Path) -> None:
    home = Home(tmp_path)
    gated, plain = server_command(home, 5000), plain_command(home, 5000)
    assert len(plain) == len(gated)
    changed = [(ours, peer) for ours, peer in zip(gated, plain, strict=True) if ours != peer]
    assert [ours.partition("+")[0] for ours, _ in changed] == ["assay", "gated", "sealed"]
    assert not any("assay" in peer or "+" in peer.replace(str(tmp_path), "") for _, peer in changed)


@pytest.mark.slow
def test_every_ratio_is_measured_and_nothing_is_left(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.registry", "--rounds", "2", "--megabytes", "8"]
    temporary = {**os.environ, "TMPDIR": str(tmp_path)}
    ran = subprocess.run(
        command, cwd=REPOSITORY, env=temporary, check=True, capture_output=True, text=True
    )
    assert ran.stdout.count("over 2 rounds") == 3
    assert not list(tmp_path.iterdir())
