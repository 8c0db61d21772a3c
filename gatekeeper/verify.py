"""Verify: from the store alone, do the verdict and its numbers come out again, and are all bytes what they were?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gatekeeper import __version__
from gatekeeper.decide import Derived, Facts, derive_verdict, facts_of
from gatekeeper.errors import ArtifactError, GatekeeperError, StoreError, VerificationError
from gatekeeper.records import Item, Score, Verdict
from gatekeeper.run.session import VERSIONS
from gatekeeper.scorers import Scorer, build_scorer
from gatekeeper.store.artifacts import open_artifact
from gatekeeper.store.connection import Store
from gatekeeper.store.events import events_of
from gatekeeper.store.evidence import digests, joint_digest, sealed
from gatekeeper.store.predictions import predictions_of, scores_of
from gatekeeper.store.rows import select
from gatekeeper.store.spend import costs_of
from gatekeeper.store.suites import items_of
from gatekeeper.store.training import training_runs_of
from gatekeeper.store.verdicts import StoredVerdict, rules_of, verdict_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SHARED = {"items", "predictions", "scores", "suites"}
"""Tables where other runs on the same suite add rows of their own."""


@dataclass(frozen=True)
class Verification:
    """What was checked, and what is not as it was."""

    run: str
    verdict: Verdict
    n_rows: int
    n_scores: int
    n_files: int
    problems: tuple[str, ...]


def verify_run(store: Store, run: str) -> Verification:
    """Re-derive the verdict and numbers of `run` and re-hash what they rest on. Loads no model and asks nobody.

    Raises:
        StoreError: the run does not exist or has no verdict yet.
        VerificationError: the verdict's own row cannot be read.
    """
    with store.read() as connection:
        stored = _stored(connection, run)
        rows = digests(connection, run)
        problems = _changed_rows(sealed(connection, run), rows, stored.evidence_digest)
        n_scores, wrong = _derived_again(connection, run, stored.verdict)
        problems += wrong
        artifacts = [one.artifact for one in training_runs_of(connection, run) if one.artifact]
    n_files, broken = _rehashed(store, artifacts)
    return Verification(run, stored.verdict, len(rows), n_scores, n_files, tuple(problems + broken))


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
        n_scores, problems = _rescored(connection, facts_of(connection, run))
        return n_scores, problems + _rederived(connection, run, stored)
    except (GatekeeperError, ValueError, LookupError, TypeError, ArithmeticError) as error:
        return 0, [f"verdict: cannot be derived from the stored rows: {_brief(error)}"]


def _brief(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _changed_rows(before: dict[tuple[str, str], str], now: dict[tuple[str, str], str], joint: str) -> list[str]:
    problems = [
        f"table {table}, row {key}: {'is missing' if (table, key) not in now else 'is not what it was'}"
        for (table, key), digest in sorted(before.items())
        if now.get((table, key)) != digest
    ]
    problems += [
        f"table {table}, row {key}: was added after the verdict"
        for table, key in sorted(now.keys() - before.keys())
        if table not in SHARED
    ]
    if joint_digest(before) != joint:
        problems.append("table evidence: its rows are not those that the verdict was made with")
    return problems


def _rescored(connection: DuckDBPyConnection, facts: Facts) -> tuple[int, list[str]]:
    """Score the stored predictions again and compare."""
    scorers = {name: build_scorer(name, spec) for name, spec in facts.eval_spec.scorers.items()}
    suite = facts.suite.fingerprint
    items = {item.id: item for item in items_of(connection, suite)}
    teacher = {row.item_id: row.output for row in predictions_of(connection, suite, facts.teacher.fingerprint)}
    models = {one.model for one in training_runs_of(connection, facts.run)} | {facts.teacher.fingerprint}
    count, problems = 0, []
    for model in sorted(models):
        outputs = {row.item_id: row for row in predictions_of(connection, suite, model)}
        for score in scores_of(connection, suite, model):
            prediction, item = outputs.get(score.item_id), items.get(score.item_id)
            count += 1
            if prediction is None or item is None:
                problems.append(f"table scores, item {score.item_id}, model {model}: its prediction or item is missing")
            elif prediction.error_class is None:
                reference = item.model_copy(update={"target": teacher.get(item.id)}) if facts.fidelity else item
                problems += _differs(scorers, score, reference, prediction.output)
    return count, problems


def _differs(scorers: dict[str, Scorer], score: Score, item: Item, output: str | None) -> list[str]:
    scorer = scorers.get(score.scorer)
    if scorer is None or scorer.version != score.version:
        return []  # made by another version of the scorer; its digest still vouches for the row
    again = scorer.score(item, output, model=score.model)
    if again.value == score.value:
        return []
    return [f"table scores, item {score.item_id}, model {score.model}: is {score.value}, scoring gives {again.value}"]


def _rederived(connection: DuckDBPyConnection, run: str, stored: Verdict) -> list[str]:
    """Run the pure gate and the bill again on the stored rows and compare every number."""
    derived = derive_verdict(connection, run)
    if not _same_version(connection, run):
        derived = replace(derived, verdict=_in_words_of(stored, derived.verdict))
    problems = _verdict_row(connection, run, stored, derived) + _promoted(connection, run, derived)
    again = {rule.rule: rule for rule in derived.verdict.rules}
    for rule in [*stored.rules, *rules_of(connection, run)]:
        if rule != again.get(rule.rule):
            problems.append(f"rule {rule.rule}: its numbers are not what the stored rows give")
    problems += [f"rule {name}: is missing" for name in again.keys() - {rule.rule for rule in stored.rules}]
    costs = costs_of(connection, run)
    for quantity in derived.comparison.quantities:
        found = costs.get(quantity.name)
        if found is None or found.value != quantity.value:
            value = None if found is None else found.value
            problems.append(f"table costs, {quantity.name}: is {value}, the stored rows give {quantity.value}")
    return sorted(set(problems))


def _same_version(connection: DuckDBPyConnection, run: str) -> bool:
    versions = events_of(connection, run, VERSIONS)
    return bool(versions) and versions[-1].detail.get("gatekeeper") == __version__


def _in_words_of(stored: Verdict, derived: Verdict) -> Verdict:
    """Return `derived` with the sentences of `stored`: another version may say the same numbers in other words."""
    said = {rule.rule: rule for rule in stored.rules}
    rules = tuple(
        rule.model_copy(update={"sentence": said[rule.rule].sentence, "settle": said[rule.rule].settle})
        if rule.rule in said
        else rule
        for rule in derived.rules
    )
    return derived.model_copy(update={"rules": rules, "sentence": stored.sentence})


def _verdict_row(connection: DuckDBPyConnection, run: str, stored: Verdict, derived: Derived) -> list[str]:
    """Compare the row of the table `verdicts`: the columns that people read, and the JSON that `stored` came from."""
    again = derived.verdict
    wanted = {
        "decision": again.decision,
        "candidate": again.candidate,
        "sentence": again.sentence,
        "model": derived.chosen.model,
    }
    names = ", ".join(wanted)
    row = select(connection, f"SELECT {names} FROM verdicts WHERE run = ?", [run])[0]
    problems = [
        f"table verdicts, {name}: is {row[name]!r}, the stored rows give {value!r}"
        for name, value in wanted.items()
        if row[name] != value
    ]
    kept, given = (one.model_dump(mode="json", exclude={"rules"}) for one in (stored, again))
    problems += [
        f"table verdicts, verdict.{name}: is {kept[name]!r}, the stored rows give {value!r}"
        for name, value in given.items()
        if kept[name] != value
    ]
    return problems


def _promoted(connection: DuckDBPyConnection, run: str, derived: Derived) -> list[str]:
    """Whatever was promoted from this run is what its verdict is about."""
    rows = select(connection, "SELECT id, artifact FROM promotions WHERE run = ? ORDER BY id", [run])
    return [
        f"table promotions, row {row['id']}: promotes {row['artifact']}, which the verdict does not"
        for row in rows
        if derived.verdict.decision != "promote" or row["artifact"] != derived.chosen.model
    ]


def _rehashed(store: Store, artifacts: list[str]) -> tuple[int, list[str]]:
    count, problems = 0, []
    for digest in sorted(set(artifacts)):
        try:
            folder = open_artifact(store, digest)
            count += sum(1 for path in folder.rglob("*") if path.is_file())
        except ArtifactError as error:
            problems.append(f"artifact: {error.message}")
    return count, problems
