"""What a pipeline does against the server, from a payload to a submitted version."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assay.evidence.bundle import Bundle
from assay.evidence.digest import digest_folder
from assay.evidence.statement import Evidence, Subject
from assay.home import REPOSITORY, Home
from assay.ledger import Ledger, record_look
from assay.policy.force import put_in_force
from assay.policy.opa import OpaServer
from tests.assay.policy.submission import CANDIDATE, digest
from tests.assay.policy.submission import Site as Evidenced
from tests.assay.registry.site import Answer, Logged, Site, gated_site, log_payload


def point_at(home: Home, socket: Path, token_file: Path) -> None:
    """Write where OPA listens, as a running stack does."""
    told = {"opa_socket": str(socket), "opa_token_file": str(token_file)}
    home.stack.write_text(json.dumps(told))


@dataclass(frozen=True)
class Line:
    """The owner's hands: honest unless told otherwise."""

    site: Site
    evidenced: Evidenced

    def bundle(self, payload: Path, now: int | None = None, **changes: Any) -> Bundle:
        """Honest evidence of a payload; a change replaces one kind's envelope, None leaves it out.

        Args:
            payload: The folder.
            now: When it was measured.
            changes: Kind -> envelope's bytes, None, or what `dataclasses.replace` changes.
        """
        moment = int(time.time()) if now is None else now
        subject = Subject("credit", digest_folder(payload))
        envelopes = {}
        for kind, evidence in self.evidenced.evidence.items():
            change = changes.get(kind, {})
            if isinstance(change, Mapping):
                envelopes[kind] = self._envelope(kind, evidence, subject, moment, change)
            elif change is not None:
                envelopes[kind] = change
        return Bundle(envelopes, self.evidenced.spec.canonical())

    def _envelope(
        self,
        kind: str,
        evidence: Evidence,
        subject: Subject,
        moment: int,
        change: Mapping[str, Any],
    ) -> bytes:
        about = subject if evidence.subject == CANDIDATE else evidence.subject
        dated = replace(evidence, subject=about, started_at=moment - 600, finished_at=moment - 60)
        return self.evidenced.envelope(kind, replace(dated, **change))

    def look(self, payload: Path) -> None:
        """Note the look that the evidence rests on."""
        ledger = Ledger.of(self.evidenced.home)
        subject = digest_folder(payload)
        record_look(ledger, digest("holdout"), digest("ask"), subject, int(time.time()), 1000)

    def register(self, payload: Path) -> Logged:
        """Log and register."""
        return log_payload(self.site, "trainer", "credit", payload)

    def upload(self, target: Logged, files: Mapping[str, bytes]) -> None:
        """Put files where the run's evidence belongs."""
        for name, data in files.items():
            path = f"{target.experiment_id}/{target.run_id}/artifacts/assay/bundle/{name}"
            put = self.site.ask(
                "trainer", "PUT", f"/api/2.0/mlflow-artifacts/artifacts/{path}", data
            )
            assert put.status == 200, put.text

    def submit(self, target: Logged, bundle: Bundle, said: str | None = None) -> Answer:
        """Upload a bundle, and submit its digest or another one."""
        self.upload(target, bundle.files())
        return self.hand_in(target, said or bundle.digest)

    def hand_in(self, target: Logged, digest: str) -> Answer:
        """Submit what was uploaded."""
        tag = {"key": "assay.submit", "value": digest}
        body = {"name": target.model, "version": target.version, **tag}
        return self.site.api("trainer", "POST", "model-versions/set-tag", body)

    def approve(self, target: Logged, who: str = "approver") -> Answer:
        """Click."""
        body = {"name": target.model, "version": target.version, "alias": "champion"}
        return self.site.api(who, "POST", "registered-models/alias", body)

    def review(self, target: Logged, said: str, who: str = "approver") -> Answer:
        """Say yes or no, and why."""
        tag = {"key": "approval", "value": said}
        body = {"name": target.model, "version": target.version, **tag}
        return self.site.api(who, "POST", "model-versions/set-tag", body)

    def waive(self, target: Logged, envelope: bytes, who: str = "approver") -> Answer:
        """Hand a waiver in."""
        tag = {"key": "assay.waive", "value": envelope.decode()}
        body = {"name": target.model, "version": target.version, **tag}
        return self.site.api(who, "POST", "model-versions/set-tag", body)

    def tags(self, target: Logged) -> dict[str, str]:
        """The version's tags, as anybody reads them."""
        with self.site.signed_in("auditor") as client:
            return dict(client.get_model_version(target.model, target.version).tags)

    def aliases(self) -> dict[str, str]:
        """The model's aliases."""
        with self.site.signed_in("auditor") as client:
            found = client.get_registered_model("credit").aliases
        return {alias: str(version) for alias, version in found.items()}


@contextmanager
def own_line(root: Path, policies: Path = REPOSITORY / "policies") -> Iterator[Line]:
    """A line with a home, an OPA and a server that nobody shares."""
    evidenced = Evidenced.build(root)
    home = evidenced.home
    Ledger.create(home)
    put_in_force(home, policies, int(time.time()))
    with OpaServer(home.policy) as opa:
        point_at(home, opa.socket, opa.token_file)
        with gated_site(home) as site:
            yield Line(site, evidenced)
