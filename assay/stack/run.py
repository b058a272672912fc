"""`assay up`: everything on one machine, from an empty folder to a served registry."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from assay.errors import Unavailable
from assay.evidence.keys import make_keys
from assay.home import REPOSITORY, Home
from assay.policy.bundle import build_policy
from assay.policy.rules import Policy, load_policy
from assay.registry.launch import prepare_server, server_command, server_environment
from assay.registry.users import read_password, set_up_users
from assay.stack import keeper, probe
from assay.stack.component import Component
from assay.stack.environment import mlflow_client
from assay.stack.ports import LOOPBACK, Held
from assay.stack.prefect import prefect_server, prefect_urls, prefect_worker
from assay.stack.record import Stack, lock_home, write_stack
from assay.stack.supervisor import Stopped, Supervisor, stop_signals

PATIENCE = 180.0  # seconds until a component must answer


@dataclass(frozen=True, slots=True)
class Ports:
    """Loopback ports; None: any free one, and for OPA a private socket."""

    mlflow: int | None = None
    prefect: int | None = None
    opa: int | None = None
