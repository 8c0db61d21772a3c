"""Which models have answers that a suite can use: those that it names, and the students that were trained for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gatekeeper.errors import GatekeeperError
from gatekeeper.hashing import canonical_json, content_hash
from gatekeeper.models.reread import reader_in
from gatekeeper.records import Item, Prediction, Record
from gatekeeper.rescore.readings import AskedModel
from gatekeeper.run.built import built_models, roles_of
from gatekeeper.run.session import JUDGE, TEACHER
from gatekeeper.store.connection import Store
from gatekeeper.store.predictions import prediction_from_row
from gatekeeper.store.rows import select
from gatekeeper.suite.data import ItemSet
from gatekeeper.suite.spec import ChatTeacher, EncoderTeacher, TeacherSpec
from gatekeeper.suite.suite import Suite

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_HEADS = """SELECT t.model FROM training_runs t JOIN runs r USING (run) JOIN suites s ON s.fingerprint = r.suite
            WHERE t.round = 0 AND t.examples_digest = $gold AND t.seed = $seed
              AND CAST(t.recipe AS VARCHAR) = $recipe AND CAST(s.spec -> '$.labels' AS VARCHAR) = $labels
            ORDER BY r.started_at DESC LIMIT 1"""
_STUDENTS = """SELECT t.model, arg_max(t.student, r.started_at) AS student, max(t.round) AS round
               FROM training_runs t JOIN runs r USING (run) JOIN suites s ON s.fingerprint = r.suite
               WHERE s.name = $name AND t.round > 0 GROUP BY t.model ORDER BY student, round, t.model"""
_ANSWERS = """SELECT p.*, i.text FROM predictions p JOIN items i USING (suite, item_id)
              WHERE p.model = $model AND i.split = 'dev' AND p.output IS NOT NULL ORDER BY p.item_id, p.suite"""


class StoredStudent(Record):
    """A student that was trained for a suite of this name."""

    name: str
    round: int
    model: str


def asked_models(store: Store, suite: Suite, items: ItemSet) -> tuple[dict[str, AskedModel], list[str]]:
    """Return the models that the suite names, by role, and why one is left out.

    No key is needed, and nothing is sent. The weights of a local chat model are loaded, since they are its identity.
    The head of an encoder is looked up among those that were fitted.
    """
    built, problems = built_models(suite)
    samples = {one.name: one.spec.samples.teacher for one in suite.evals}
    found: dict[str, AskedModel] = {}
    for role, spec in roles_of(suite):
        repeats = samples if role == TEACHER else {}
        if role in built:
            model = built[role]
            found[role] = AskedModel(role, spec, model.info.fingerprint, reader_in(model), repeats)
            continue
        try:
            fingerprint = _local_fingerprint(store, suite, items, role, spec)
        except GatekeeperError as error:
            problems[role] = f"stored answers of {role} are not read: {error}"
            continue
        if fingerprint is not None:
            found[role] = AskedModel(role, spec, fingerprint, None, repeats)
        elif role not in problems:
            problems[role] = f"stored answers of {role} are not read: its head has not been fitted on these gold rows"
    return found, list(problems.values())


def _local_fingerprint(store: Store, suite: Suite, items: ItemSet, role: str, spec: TeacherSpec) -> str | None:
    if isinstance(spec, ChatTeacher):
        from gatekeeper.models import build_judge, build_teacher

        seed = suite.loop.seed
        model = (
            build_judge(spec, seed=seed) if role == JUDGE else build_teacher(spec, labels=suite.eval.labels, seed=seed)
        )
        return model.info.fingerprint
    if not isinstance(spec, EncoderTeacher):
        return None
    gold = [[item.id, item.text, item.target] for item in items.split("teacher") if item.target is not None]
    named = {
        "gold": content_hash(gold),
        "seed": suite.loop.seed,
        "recipe": canonical_json(spec.model_dump(mode="json")),
        "labels": canonical_json(list(suite.eval.labels)),
    }
    with store.read() as connection:
        rows = select(connection, _HEADS, named)
    return str(rows[0]["model"]) if rows else None


def students_of(connection: DuckDBPyConnection, name: str) -> list[StoredStudent]:
    """Return the students that runs of suites with this name have trained, each once."""
    rows = select(connection, _STUDENTS, {"name": name})
    return [StoredStudent(name=row["student"], round=row["round"], model=row["model"]) for row in rows]


def answers_of_student(
    connection: DuckDBPyConnection, model: str, items: Iterable[Item]
) -> dict[str, list[Prediction]]:
    """Return a student's stored answers to development rows, by item id; its answer to a text is always the same."""
    texts = {item.id: item.text for item in items}
    found: dict[str, list[Prediction]] = {}
    for row in select(connection, _ANSWERS, {"model": model}):
        if texts.get(row["item_id"]) == row["text"] and row["sample_index"] == 0:
            found[row["item_id"]] = [prediction_from_row(row)]
    return found
