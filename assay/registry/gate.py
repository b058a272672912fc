"""What the registry's server reads and writes to decide: its home, anew for each question."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from assay.errors import Unavailable
from assay.evidence.decision import GateDecision
from assay.evidence.keys import load_key
from assay.evidence.trust import Trust
from assay.home import Home, find_home
from assay.ledger import Ledger, waivers_of
from assay.policy.client import ask
from assay.policy.decide import Ask, decide
from assay.policy.force import policy_in_force, sealed_in_force
from assay.policy.looks import LedgerLooks
from assay.policy.rules import Policy
from assay.policy.verify import Submission


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate of one home."""

    home: Home

    @classmethod
    def here(cls) -> Gate:
        """The gate of `$ASSAY_HOME`.

        Raises:
            InputError: There is no such home.
        """
        return cls(find_home())

    def check(self) -> None:
        """Whether everything that a decision takes is here.

        Raises:
            AssayError: Policy, trust, a key, the ledger or a folder is missing or malformed.
        """
        self.policy()
        self.trust()
        for role in ("gate", "promoter"):
            load_key(self.home, role)
        self.ledger().verify()
        for folder in (self.home.evidence, self.home.sealed_outcomes):
            if not folder.is_dir():
                told = f"expected a folder {folder.name}, found none"
                raise Unavailable("disk_unavailable", told)

    def policy(self) -> Policy:
        """Today's policy.

        Raises:
            AssayError: There is none, or none that may rule.
        """
        return policy_in_force(self.home, int(time.time()))

    def trust(self) -> Trust:
        """Whose keys are believed today."""
        return Trust.load(self.home.trust)

    def ledger(self) -> Ledger:
        """The append-only chain."""
        return Ledger.of(self.home)

    def judge(self, submission: Submission, now: int) -> GateDecision:
        """The answer of core and OPA, under today's policy.

        Args:
            submission: What was handed in, and what was hashed here.
            now: Unix seconds.
        """
        sealed = sealed_in_force(self.home, int(time.time()))
        policy, trust = sealed.policy, sealed.trust
        put = partial(self._ask, policy=policy)
        return self.judge_by(policy, trust, put, submission, now)

    def judge_by(
        self, policy: Policy, trust: Trust, ask: Ask, submission: Submission, now: int
    ) -> GateDecision:
        """The answer of core and OPA, under any policy.

        Args:
            policy: The core's.
            trust: Whose keys are believed.
            ask: Puts the question to an OPA that runs the same policy.
            submission: What was handed in, and what was hashed here.
            now: Unix seconds.
        """
        return decide(
            submission,
            policy=policy,
            trust=trust,
            outcomes=self.home.sealed_outcomes,
            looks=LedgerLooks(self.ledger()),
            ask=ask,
            now=now,
            waivers=waivers_of(self.ledger(), submission.subject),
        )

    def reach_opa(self) -> None:
        """Whether OPA answers under today's policy; no question is decided.

        Raises:
            Unavailable: It does not.
        """
        self._ask({"nonce": secrets.token_hex(16)}, self.policy())

    def _ask(self, question: dict[str, Any], policy: Policy) -> Any:
        socket, token = _opa(self.home)
        return ask(socket, token, question, policy_digest=policy.digest)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While this lasts, nobody else decides or promotes in this home."""
        with self._locked("registry.lock", fcntl.LOCK_EX):
            yield

    def uploading(self) -> AbstractContextManager[None]:
        """While this lasts, no version is registered; others may upload."""
        return self._locked("artifacts.lock", fcntl.LOCK_SH)

    def registering(self) -> AbstractContextManager[None]:
        """While this lasts, no artifact is written."""
        return self._locked("artifacts.lock", fcntl.LOCK_EX)

    @contextmanager
    def _locked(self, name: str, how: int) -> Iterator[None]:
        lock = os.open(self.home.root / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, how)
            yield
        finally:
            os.close(lock)


def _opa(home: Home) -> tuple[Path, str]:
    """Where OPA listens, and the token that it asks for."""
    try:
        stack = json.loads(home.stack.read_bytes())
        token = Path(stack["opa_token_file"]).read_text(encoding="ascii").strip()
        return Path(stack["opa_socket"]), token
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unavailable(
            "opa_unavailable", f"expected OPA's address in {home.stack.name}, found {error!r}"
        ) from None
