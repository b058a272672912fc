"""Who is asking: the user whom MLflow authenticated for this request, and nobody else.

Never the Authorization header: it is unverified where no authentication ran. Only Flask's routes
reach the registry's store; a call from anywhere else has no user and may do nothing protected.
"""

from __future__ import annotations

from flask import g, has_request_context

from assay.errors import Refused


def current_user() -> str | None:
    """The authenticated user of this request; None outside of one."""
    user = getattr(g, "mlflow_authenticated_user", None) if has_request_context() else None
    return user if isinstance(user, str) and user else None


def require_user() -> str:
    """The authenticated user.

    Raises:
        Refused: There is none.
    """
    user = current_user()
    if user is None:
        raise Refused(
            "no_identity", "expected a signed-in user, found none; sign in to this server"
        )
    return user


def require_one_of(users: tuple[str, ...], code: str, deed: str) -> str:
    """The authenticated user, who must be one of those named, letter by letter.

    Raises:
        Refused: Somebody else, an administrator included.
    """
    user = require_user()
    if user not in users:
        raise Refused(code, f"expected {' or '.join(users)} to {deed}, found {user}")
    return user
