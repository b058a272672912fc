"""`assay waiver`: two people, each by a key of their own, let a shortfall stand until a day."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

from assay.cli.registry import Registry
from assay.cli.show import say
from assay.errors import InputError
from assay.evidence.decision import Waiver
from assay.evidence.decisions import sign_waiver, waiver_of
from assay.evidence.dsse import MAX_ENVELOPE, countersign, unverified
from assay.evidence.files import put, read_bytes, write_once
from assay.evidence.keys import read_key
from assay.evidence.statement import Subject
from assay.stack.record import running_home

_DAY = 86_400  # seconds


def write(arguments: argparse.Namespace) -> int:
    """Write and sign a waiver; it takes another signature before it counts."""
    if not math.isfinite(arguments.days) or arguments.days <= 0:
        raise InputError("malformed", f"expected days above 0, found {arguments.days}")
    now, file = int(time.time()), Path(arguments.file)
    waiver = Waiver(
        subject=Subject(arguments.model, arguments.payload),
        gate=arguments.gate,
        reason=arguments.reason,
        issued_at=now,
        expires_at=now + max(1, round(arguments.days * _DAY)),
    )
    if not write_once(file, sign_waiver(waiver, read_key(Path(arguments.key)))):
        raise InputError("file_exists", f"expected no {file}, found one")
    say(_told(waiver))
    say(f"{file} is signed once; another signer runs `assay waiver sign {file} --key THEIRS`")
    return 0


def sign(arguments: argparse.Namespace) -> int:
    """Say what a waiver says, and sign just that."""
    file = Path(arguments.file)
    envelope = read_bytes(file, limit=MAX_ENVELOPE)
    say(_told(waiver_of(unverified(envelope))))
    put(file, countersign(envelope, read_key(Path(arguments.key))))
    say(f"{file} has one more signature")
    return 0


def submit(arguments: argparse.Namespace) -> int:
    """Hand a waiver in; 1 when the version is denied all the same."""
    envelope = read_bytes(Path(arguments.file), limit=MAX_ENVELOPE)
    registry = Registry(running_home(arguments.home), arguments.user)
    registry.waive(arguments.model, arguments.version, envelope.decode("ascii", "replace"))
    allowed = registry.public(arguments.model, arguments.version).allowed
    version = f"{arguments.model}/{arguments.version}"
    say(_told(waiver_of(unverified(envelope))))
    say(f"{version} is {'promotable' if allowed else 'BLOCKED all the same'}")
    return 0 if allowed else 1


def _told(waiver: Waiver) -> str:
    return f"{waiver.gate} of {waiver.subject.name} {waiver.subject.digest} waived {waiver}"
