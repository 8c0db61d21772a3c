"""The checks of one run, from the store alone: rows, scores, verdict, weight files, signatures, input files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.decide.facts import facts_of
from gatekeeper.errors import ArtifactError, GatekeeperError, StoreError, VerificationError
from gatekeeper.records import Verdict
from gatekeeper.store.artifacts import open_artifact
from gatekeeper.store.connection import Store
from gatekeeper.store.evidence import differences, sealed_count, sealed_digest
from gatekeeper.store.training import training_runs_of
from gatekeeper.store.verdicts import StoredVerdict, verdict_of
from gatekeeper.verify.inputs import changed_inputs
from gatekeeper.verify.rederiving import rederived
from gatekeeper.verify.rescoring import rescored
from gatekeeper.verify.signed import CheckedSignature, check_signatures

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SAID = {"missing": "is missing", "changed": "is not what it was", "added": "was added after the verdict"}


@dataclass(frozen=True)
class Verification:
    """What was checked, and what is not as it was.

    Attributes:
        n_inputs: input files that were compared with what the run has read; None where nobody asked.
        signatures: under the verdict, each with whether it holds and whose key it is.
    """

    run: str
    verdict: Verdict
    n_rows: int
    n_scores: int
    n_files: int
    n_inputs: int | None
    signatures: tuple[CheckedSignature, ...]
    problems: tuple[str, ...]


def verify_run(store: Store, run: str, *, public_key: Path | None = None, inputs: Path | None = None) -> Verification:
    """Re-derive the verdict and numbers of `run` and re-hash what they rest on. Loads no model and asks nobody.

    Args:
        public_key: PEM file; the verdict must be signed by this key.
        inputs: the root folder of the suite; its files must be those that the run has read.

    Raises:
        StoreError: the run does not exist or has no verdict yet.
        VerificationError: the verdict's own row cannot be read.
        InputError: the key cannot be read.
    """
    with store.read() as connection:
        stored = _stored(connection, run)
        problems = _changed_rows(connection, run, stored.evidence_digest)
        n_rows = sealed_count(connection, run)
        n_scores, wrong = _derived_again(connection, run, stored.verdict)
        signatures, unsigned = check_signatures(connection, run, public_key)
        n_inputs, moved = changed_inputs(connection, run, inputs)
        artifacts = [one.artifact for one in training_runs_of(connection, run) if one.artifact]
    n_files, broken = _rehashed(store, artifacts)
    found = tuple([*problems, *wrong, *unsigned, *moved, *broken])
    return Verification(run, stored.verdict, n_rows, n_scores, n_files, n_inputs, signatures, found)


def _stored(connection: DuckDBPyConnection, run: str) -> StoredVerdict:
    try:
        stored = verdict_of(connection, run)
    except ValueError as error:
        raise VerificationError(f"table verdicts, row {run}: cannot be read: {_brief(error)}") from error
    if stored is None:
        raise StoreError(f"the run {run!r} has no verdict yet", hint="run the same loop again to continue it")
    return stored


def _derived_again(connection: DuckDBPyConnection, run: str, stored: Verdict) -> tuple[int, list[str]]:
    """Score and derive again; rows that do not even allow it are a problem like any other."""
    try:
        n_scores, problems = rescored(connection, facts_of(connection, run))
        return n_scores, problems + rederived(connection, run, stored)
    except (GatekeeperError, ValueError, LookupError, TypeError, ArithmeticError) as error:
        return 0, [f"verdict: cannot be derived from the stored rows: {_brief(error)}"]


def _brief(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _changed_rows(connection: DuckDBPyConnection, run: str, joint: str) -> list[str]:
    problems = [f"table {one.table}, row {one.key}: {_SAID[one.what]}" for one in differences(connection, run)]
    if sealed_digest(connection, run) != joint:
        problems.append("table evidence: its rows are not those that the verdict was made with")
    return problems


def _rehashed(store: Store, artifacts: list[str]) -> tuple[int, list[str]]:
    count, problems = 0, []
    for digest in sorted(set(artifacts)):
        try:
            folder = open_artifact(store, digest)
            count += sum(1 for path in folder.rglob("*") if path.is_file())
        except ArtifactError as error:
            problems.append(f"artifact: {error.message}")
    return count, problems
