"""What the registry's server reads to decide: its home, anew for each question."""

from __future__ import annotations

from dataclasses import dataclass

from assay.home import Home, find_home
from assay.policy.rules import Policy, load_policy


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

    def policy(self) -> Policy:
        """Today's policy."""
        return load_policy(self.home.policy)
