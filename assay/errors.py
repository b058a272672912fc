"""The one tree of errors.

AssayError
├── InputError       the request is wrong: a file, a key, a value      (exit 2)
├── Refused          the request is understood, and the answer is no   (exit 1)
│   └── EvidenceError    bytes, a signature or a statement do not verify
└── Unavailable      a component is absent, too old, slow or lying     (exit 3)

Every message says what was expected and what was found, and never a personal value.
"""

from __future__ import annotations


class AssayError(Exception):
    """Root of all errors that Assay raises on purpose.

    Args:
        code: Stable lower-case word that tests and pages pin, such as `epsilon_spent`.
        message: One or two sentences: what was expected, what was found, what to do.
    """

    exit_code = 1

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"[{self.code}] {self.message}"


class InputError(AssayError):
    """A file, key or value that the caller gave is absent or malformed."""

    exit_code = 2


class Refused(AssayError):
    """The request is well formed and the answer is no."""


class EvidenceError(Refused):
    """Bytes, a signature or a statement do not verify; nothing may be decided from them."""


class Unavailable(AssayError):
    """A component that must answer is absent, too old, late or not to be believed."""

    exit_code = 3
