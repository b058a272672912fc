"""A bucket of a real S3-compatible server, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import requests

from assay.stack.ports import Held
from tests.assay.registry.site import PATIENCE

NAME = "models"


@dataclass(frozen=True)
class Bucket:
    """What its owner does to it directly, past every server of ours."""

    endpoint: str
    client: Any

    @property
    def variables(self) -> Mapping[str, str]:
        """What a process needs that writes to it."""
        return _variables(self.endpoint)

    def read(self, prefix: str) -> dict[str, bytes]:
        """Each key below a prefix, without it, and its bytes."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=NAME, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return {
            key.removeprefix(prefix): self.client.get_object(Bucket=NAME, Key=key)["Body"].read()
            for key in keys
        }

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=NAME, Key=key, Body=data)

    def remove(self, prefix: str) -> None:
        for name in self.read(prefix):
            self.client.delete_object(Bucket=NAME, Key=prefix + name)


def _variables(endpoint: str) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
        "AWS_DEFAULT_REGION": "us-east-1",
        "MLFLOW_S3_ENDPOINT_URL": endpoint,
    }


@contextmanager
def bucket_server() -> Iterator[Bucket]:
    """A server with one empty bucket until the block ends."""
    held = Held()
    held.release()
    endpoint = f"http://127.0.0.1:{held.port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(held.port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_up(endpoint)
        keys = {"aws_access_key_id": "tests", "aws_secret_access_key": "tests"}
        client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)
        client.create_bucket(Bucket=NAME)
        yield Bucket(endpoint, client)
    finally:
        server.terminate()
        server.wait()


def _wait_until_up(endpoint: str) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            requests.get(endpoint, timeout=5)
        except requests.ConnectionError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"no bucket at {endpoint}")
