"""Read and score again what a store has of a suite: the front door of rescoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gatekeeper.records import Completion, Item, Prediction, Split
from gatekeeper.rescore.models import StoredStudent, answers_of_student, asked_models, students_of
from gatekeeper.rescore.readings import AskedModel, Readings, readings_of
from gatekeeper.rescore.result import Rescored, RescoredRows
from gatekeeper.rescore.scores import Now, mean_of, scores_before, scores_now
from gatekeeper.rescore.writing import kept_because, write_again
from gatekeeper.run.asking import params_of
from gatekeeper.run.judging import Judging
from gatekeeper.run.opening import register_suite
from gatekeeper.run.scoring import Answers
from gatekeeper.run.session import JUDGE, TEACHER
from gatekeeper.scorers import Judge, Scorer
from gatekeeper.store.completions import completions_by_key
from gatekeeper.store.connection import Store
from gatekeeper.store.recovery import recover
from gatekeeper.suite.data import ItemSet, load_items
from gatekeeper.suite.suite import Suite

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def rescore_suite(suite: Suite, store: Store) -> Rescored:
    """Read the stored answers to a suite's questions again, score those to development rows, and store both.

    Nothing is sent and nothing is paid: answers are found by their request keys and read from their stored bodies.
    Predictions and scores are written under the suite as it is now, so a changed scorer leaves the scores of the
    version before as they are. Where a run of this very version has looked at its gate or has its verdict, nothing is
    written, since that rests on what is stored.

    Of gate rows answers are counted and no more: they are scored when a look has been spent on them. A judge is not
    asked: what it has said is used, and answers that it has not seen are counted.

    Args:
        suite: as it is now.
        store: with the answers.

    Raises:
        DataError: the data does not fit the eval.
        StoreLockedError: a loop is at work on this store.
    """
    items = load_items(suite)
    with store.hold("rescore"):
        recover(store)
        return _Rescoring(suite, items, store).run()


class _Rescoring:
    def __init__(self, suite: Suite, items: ItemSet, store: Store) -> None:
        self._suite, self._items, self._store = suite, items, store
        self._fingerprint = suite.fingerprint(items.digest)
        self._models, self._notes = asked_models(store, suite, items)
        self._scorer = self._scorer_of_suite()
        self._dev = {item.id: item for item in items.split("dev")}
        self._predictions: list[Prediction] = []
        self._now: list[Now] = []

    def run(self) -> Rescored:
        """Count, score and write; return what was found."""
        with self._store.read() as connection:
            kept = kept_because(connection, self._fingerprint)
            students = students_of(connection, self._suite.name)
        asked = [one for role, one in self._models.items() if role != JUDGE]
        dev = list(self._dev.values())
        on_dev = {one.name: readings_of(self._store, self._suite, one, dev, keep=True) for one in asked}
        teacher = on_dev[TEACHER].predictions if TEACHER in on_dev else {}
        rows: list[RescoredRows] = []
        for one in asked:
            if one.name == TEACHER:
                rows.append(self._counted(one, "pool", self._items.split("pool")))
            rows.append(self._scored(self._row(one, "dev", on_dev[one.name]), on_dev[one.name].predictions, teacher))
            rows.append(self._counted(one, "gate", self._gate_rows(one)))
        rows += [self._student_row(one, teacher) for one in students]
        written = kept is None and bool(self._predictions)
        if written:
            self._write()
        return Rescored(
            suite=self._suite.name,
            fingerprint=self._fingerprint,
            scorer=self._scorer.name,
            version=self._scorer.version,
            rows=tuple(row for row in rows if row.answers or row.missing),
            written=written,
            kept_because=kept,
            notes=tuple(self._notes),
        )

    def _scorer_of_suite(self) -> Scorer | Judge:
        scorer = self._suite.eval.scorer
        known = self._models.get(JUDGE)
        return scorer.by(known.fingerprint) if isinstance(scorer, Judge) and known is not None else scorer

    def _gate_rows(self, one: AskedModel) -> Sequence[Item]:
        if one.name != TEACHER:
            return self._items.split("gate")
        return [item for item in self._items.items if item.split == "gate"]

    def _counted(self, one: AskedModel, split: Split, items: Sequence[Item]) -> RescoredRows:
        return self._row(one, split, readings_of(self._store, self._suite, one, items, keep=False))

    @staticmethod
    def _row(one: AskedModel, split: Split, found: Readings) -> RescoredRows:
        return RescoredRows(
            model=one.name,
            fingerprint=one.fingerprint,
            split=split,
            answers=found.answers,
            missing=None if split == "pool" else found.expected - found.answers,
            reread=found.reread,
            unreadable=found.unreadable,
        )

    def _student_row(self, one: StoredStudent, teacher: Answers) -> RescoredRows:
        with self._store.read() as connection:
            answers = answers_of_student(connection, one.model, self._dev.values())
        row = RescoredRows(
            model=one.name, round=one.round, fingerprint=one.model, split="dev", answers=len(answers), missing=0
        )
        return self._scored(row, answers, teacher)

    def _scored(self, row: RescoredRows, answers: Answers, teacher: Answers) -> RescoredRows:
        """Score the answers of one model to development rows; return its row with what that changes."""
        if not row.answers:
            return row
        flat = [(self._dev[item_id], one) for item_id, several in answers.items() for one in several]
        with self._store.read() as connection:
            judging, verdicts = self._verdicts(connection, flat)
            version, before = scores_before(connection, self._suite, self._fingerprint, row.fingerprint, self._dev)
        now = scores_now(self._suite, flat, teacher, judging, verdicts)
        self._predictions += [one for _, one in flat]
        self._now.append(now)
        after = now.values(self._scorer.name)
        return row.model_copy(
            update={
                "unjudged": len(now.unjudged),
                "changed": None if version is None else sum(after[key] != before[key] for key in after.keys() & before),
                "compared_with": version,
                "before": None if version is None else mean_of(before, len(self._dev)),
                "after": mean_of(after, len(self._dev)),
            }
        )

    def _verdicts(
        self, connection: DuckDBPyConnection, answers: Sequence[tuple[Item, Prediction]]
    ) -> tuple[Judging | None, Mapping[str, Completion]]:
        """Return how answers are judged, and what the judge has said of these."""
        if not isinstance(self._scorer, Judge) or not self._scorer.model:
            return None, {}
        judging = Judging(self._scorer, params_of(self._suite.judge), self._suite.eval.labels)
        keys = {key for item, one in answers if (key := judging.key(item, one)) is not None}
        return judging, completions_by_key(connection, sorted(keys))

    def _write(self) -> None:
        with self._store.write() as connection:
            register_suite(connection, self._suite, self._items, datetime.now(UTC))
            scores = [score for now in self._now for score in now.scores]
            write_again(connection, self._fingerprint, self._predictions, scores)
