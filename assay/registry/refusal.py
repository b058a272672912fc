"""How a refusal leaves MLflow's server: a 403 whose text names the code and what to do."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from assay.errors import AssayError, Unavailable
from assay.evidence.access import signed_in
from assay.registry.identity import current_user
from assay.registry.words import say

_P = ParamSpec("_P")
_T = TypeVar("_T")


def as_denial(error: AssayError) -> MlflowException:
    """MLflow's form of an error; its text reaches the user's dialog as it stands."""
    return MlflowException(say(error), error_code=PERMISSION_DENIED)


def answered(method: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let a method raise our errors and its caller see MLflow's; what it opens, the user opens.

    A component that is down is a denial too: MLflow's clients would repeat a 503 for minutes.
    """

    @wraps(method)
    def answer(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            with signed_in(current_user()):
                return method(*args, **kwargs)
        except AssayError as error:
            raise as_denial(error) from error
        except OSError as error:
            told = f"expected the server's disk to answer, found: {error.strerror}"
            raise as_denial(Unavailable("disk_unavailable", told)) from error

    return answer
