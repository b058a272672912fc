"""The acts, in order; each notes what had to happen."""

from __future__ import annotations

import os
from pathlib import Path

from assay.cli.show import print_table, say
from assay.registry.users import read_password
from tools.demo.stage import Stage, altered
from tools.demo.vanilla import attempt, vanilla_server

CREDIT = "pipelines/credit.yaml"
CARELESS = "pipelines/credit-careless.yaml"
MORTGAGE = "pipelines/mortgage.yaml"


def promising(stage: Stage) -> None:
    """A careful pipeline: every gate passes."""
    stage.title("a careful pipeline: raw loan records to a promotable version")
    code = stage.watch("run", CREDIT)
    stage.check("credit: promotable", f"exit code {code}", code == 0)
    say("(the demonstration holds every password of this home; it reads on as the auditor)")
    stage.type("gates", "credit/1", "--as", "auditor")
    verdicts = stage.gates("credit", "1")
    passed = bool(verdicts) and set(verdicts.values()) == {"PASS"}
    stage.check("credit: every gate PASS", f"{len(verdicts)} gates", passed)


def four_eyes(stage: Stage) -> None:
    """The owner may not approve; the approver may."""
    stage.title("four eyes: the owner asks first, then the approver")
    stage.refused(
        "owner approves own version", "not_approver", "approve", "credit", "1", "--as", "trainer"
    )
    done = stage.type("approve", "credit", "1", "--as", "approver")
    stage.check("approver approves: champion", f"exit code {done.returncode}", done.returncode == 0)


def consuming(stage: Stage) -> None:
    """The champion is verified, loaded, and scores."""
    stage.title("a consumer verifies, then loads, then scores")
    done = stage.type("verify", "credit@champion")
    stage.check("champion verified", f"exit code {done.returncode}", done.returncode == 0)
    from assay.serving.champion import load_champion
    from assay.sources import locate
    from assay.spec import load_spec
    from assay.tables import read_table
    from tasks.validation.schema import fold

    spec = load_spec(CREDIT)
    sign_in(stage, "auditor")
    url = stage.registry("auditor").url
    champion = load_champion("credit", trust=stage.home.trust, tracking_uri=url)
    rows = fold(spec, read_table(locate(spec))).head(1000)
    scores = champion.model.score(rows)
    sane = len(scores) == 1000 and bool(((scores >= 0) & (scores <= 1)).all())
    say(f"load_champion('credit').model.score(1,000 rows): mean risk {scores.mean():.3f}")
    stage.check("champion scores 1,000 rows", f"mean {scores.mean():.3f}", sane)


def tampering(stage: Stage) -> None:
    """One evidence file gone, one payload byte flipped: each has its own code."""
    stage.title("tampering: one evidence file is deleted, one byte of the model flipped")
    bundle = stage.registry("auditor").public("credit", "1").bundle_digest
    kept = stage.home.evidence / bundle.removeprefix("sha256:") / "bundle" / "robustness.json"
    say(f"rm {kept.relative_to(stage.home.root)}")
    with altered(kept, None):
        stage.refused("evidence deleted", "missing", "approve", "credit", "1", "--as", "approver")
    weights = payload_of(stage, "credit", "1")
    flipped = bytearray(weights.read_bytes())
    flipped[-1] ^= 1
    say(f"flip one bit of {weights.relative_to(stage.home.root)}")
    with altered(weights, bytes(flipped)):
        stage.refused("payload byte flipped", "swapped", "verify", "credit@champion")
    done = stage.type("verify", "credit@champion")
    stage.check(
        "both restored: verified again", f"exit code {done.returncode}", done.returncode == 0
    )


def careless(stage: Stage) -> None:
    """No privacy, no augmentation, memorising."""
    stage.title("a careless pipeline: no privacy, no augmentation, no regularisation")
    verdicts = blocked(stage, CARELESS, "credit", "2")
    for gate in ("privacy", "overfitting"):
        found = verdicts.get(gate, "absent")
        stage.check(f"careless: {gate} FAIL", found, found == "FAIL")
    for gate in ("membership", "robustness"):
        found = verdicts.get(gate, "absent")
        stage.check(f"careless: {gate} not PASS", found, gate in verdicts and found != "PASS")


def mortgage(stage: Stage) -> None:
    """Real decisions of the past, race never a feature, still unequal."""
    stage.title("real lending decisions of the past, trained without the race column")
    found = blocked(stage, MORTGAGE, "mortgage", "1").get("fairness", "absent")
    stage.check("mortgage: fairness FAIL or INSUFFICIENT", found, found in ("FAIL", "INSUFFICIENT"))


def blocked(stage: Stage, pipeline: str, model: str, version: str) -> dict[str, str]:
    """A run that has to end Blocked, and the sealed verdict of each gate."""
    code = stage.watch("run", pipeline)
    stage.check(f"{Path(pipeline).stem}: Blocked", f"exit code {code}", code == 1)
    stage.type("gates", f"{model}/{version}", "--as", "auditor")
    return stage.gates(model, version)


def bypassing(stage: Stage) -> None:
    """The same bare client, against this server and against a vanilla one."""
    stage.title("around the gate: a bare MLflow client promotes the blocked version")
    sign_in(stage, "approver")
    ours = attempt(stage.registry("approver").url, "credit", "2")
    with vanilla_server(stage.home.root / "vanilla") as url:
        theirs = attempt(url, "credit", None)
    rows = [("this server", ours.text), ("vanilla mlflow server", theirs.text)]
    print_table(
        "client.set_registered_model_alias('credit', 'champion', blocked version)",
        ("server", "answer"),
        rows,
    )
    stage.check(
        "bare client, this server: refused",
        "refused" if not ours.moved else "moved",
        not ours.moved and "[assay] refused" in ours.text,
    )
    stage.check(
        "bare client, vanilla server: succeeds",
        "moved" if theirs.moved else "refused",
        theirs.moved,
    )


def sign_in(stage: Stage, user: str) -> None:
    """MLflow's client reads who it is from the environment."""
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    os.environ["MLFLOW_TRACKING_USERNAME"] = user
    os.environ["MLFLOW_TRACKING_PASSWORD"] = read_password(stage.home, user)


def payload_of(stage: Stage, model: str, version: str) -> Path:
    """The weights on the server's disk that a version rests on."""
    source = str(stage.registry("auditor").version(model, version)["source"])
    logged = source.rpartition("/")[2]
    (weights,) = stage.home.root.glob(
        f"mlflow/artifacts/**/{logged}/artifacts/data/*/*.safetensors"
    )
    return weights


def addresses(stage: Stage) -> None:
    """Where to look on."""
    password = stage.home.credentials / "auditor.password"
    say()
    say(f"`make up` serves the pages over this home, {stage.home.root.name}:")
    say(f"  MLflow   http://127.0.0.1:5050   user auditor, password in {password}")
    say("  Prefect  http://127.0.0.1:4250")
