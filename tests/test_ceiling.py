"""The teacher as a ceiling: numbers against their definitions, warnings that name the consequence, no gate row read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from noisy_suite import finished
from numpy.typing import NDArray
from tiny_suite import change, copy_store, rows_of

from gatekeeper.decide.ceiling import ceiling_of
from gatekeeper.decide.facts import facts_of
from gatekeeper.errors import InputError
from gatekeeper.gate.ceiling import Ceiling, CeilingRows, ceiling_of_rows
from gatekeeper.stats.agreement import judge_rates
from gatekeeper.stats.intervals import wilson
from gatekeeper.store import Store


def one_answer(
    targets: list[str] | None, teacher: list[str], student: list[str] | None = None, retention: float = 0.98
) -> Ceiling:
    """The ceiling of a teacher that answers once, scored by equality."""
    reference = teacher if targets is None else targets
    scores = np.array([float(a == b) for a, b in zip(teacher, reference, strict=True)])
    own = None if student is None else np.array([float(a == b) for a, b in zip(student, reference, strict=True)])
    return ceiling_of_rows(
        CeilingRows(targets, [[one] for one in teacher], scores.reshape(-1, 1), student, own), retention
    )


def answers(*counts: tuple[str, str, int]) -> tuple[list[str], list[str]]:
    """Targets and answers from (target, answer, how often)."""
    pairs = [(target, answer) for target, answer, count in counts for _ in range(count)]
    return [target for target, _ in pairs], [answer for _, answer in pairs]


# --- numbers ---


def test_the_numbers_of_a_small_table_by_hand() -> None:
    targets, teacher = answers(("yes", "yes", 20), ("yes", "no", 5), ("no", "yes", 10), ("no", "no", 15))
    found = one_answer(targets, teacher)
    assert found.teacher is not None and found.teacher.value == 0.7
    assert (found.teacher.lower, found.teacher.upper) == wilson(35, 50)
    assert found.required_score == pytest.approx(0.98 * 0.7)
    assert found.teacher_kappa is not None
    assert found.teacher_kappa.value == pytest.approx(0.4)  # chance: 0.5 x 0.6 + 0.5 x 0.4 = 0.5
    assert found.majority_label == "no" and found.majority is not None and found.majority.value == 0.5
    assert found.teacher_over_majority is not None
    assert found.teacher_over_majority.value == pytest.approx((0.7 - 0.5) / 0.5)
    assert (found.self_agreement, found.self_retention, found.noise_share, found.judge) == (None, None, None, None)


def test_failed_requests_are_counted_and_a_missing_answer_is_wrong() -> None:
    rows = CeilingRows(
        targets=["a", "a", "b", "b"],
        teacher=[["a"], [None], ["b"], [""]],
        teacher_scores=np.array([[1.0], [np.nan], [1.0], [0.0]]),
    )
    found = ceiling_of_rows(rows, 0.9)
    assert found.teacher is not None and found.teacher_kappa is not None
    assert found.teacher.value == pytest.approx(2 / 3)
    assert (found.teacher.n_expected, found.teacher.n_failed) == (4, 1)
    assert (found.teacher_kappa.n_scored, found.teacher_kappa.n_failed) == (3, 1)


def test_without_any_row_everything_is_unknown() -> None:
    found = ceiling_of_rows(CeilingRows([], [], np.zeros((0, 1))), 0.9)
    assert found.teacher is not None and found.teacher.value is None
    assert (found.teacher_kappa, found.majority, found.self_agreement, found.required_score) == (None,) * 4
    assert found.warnings == ()


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(InputError):
        CeilingRows(["a"], [["a"], ["b"]], np.ones((2, 1)))
    with pytest.raises(InputError):
        CeilingRows(None, [["a", "b"], ["b"]], np.ones((2, 2)))
    with pytest.raises(InputError):
        CeilingRows(None, [["a"], ["b"]], np.ones((2, 2)))


def noisy_teacher(rng: np.random.Generator, n: int, k: int) -> tuple[list[str], list[list[str]], NDArray[np.float64]]:
    """k answers of a teacher that is right on each row with a chance of its own."""
    right = rng.beta(6, 1.5, size=n)
    scores = (rng.random((n, k)) < right[:, None]).astype(float)
    targets = [str(code) for code in rng.integers(0, 4, n)]
    wrong = [["x", "y"][code] for code in rng.integers(0, 2, n)]
    table = [
        [target if hit else other for hit in row] for target, other, row in zip(targets, wrong, scores, strict=True)
    ]
    return targets, table, scores


def test_a_teacher_against_itself_shows_what_a_perfect_copy_may_get() -> None:
    """The interval holds 1, the true retention of a copy, as often as it says; noise and agreement are right."""
    rng = np.random.default_rng(4)
    covered, noise, agreement = list[bool](), list[float](), list[float]()
    for _ in range(300):
        targets, table, scores = noisy_teacher(rng, 200, 3)
        found = ceiling_of_rows(CeilingRows(targets, table, scores), 0.9)
        assert found.self_retention is not None and found.self_agreement is not None
        lower, upper = found.self_retention.lower, found.self_retention.upper
        assert lower is not None and upper is not None
        covered.append(lower <= 1 <= upper)
        noise.append(found.noise_share or np.nan)
        agreement.append(found.self_agreement.value or np.nan)
    a, b = 6.0, 1.5
    between = a * b / ((a + b) ** 2 * (a + b + 1))
    within = a * b / ((a + b) * (a + b + 1))  # mean of p (1 - p)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.03)
    assert np.mean(noise) == pytest.approx(within / (within + between), abs=0.01)
    assert np.mean(agreement) == pytest.approx(1 - 2 * within, abs=0.01)


LABELS = st.sampled_from(["a", "b", "c", ""])


@settings(deadline=None, max_examples=60)
@given(st.data(), st.integers(0, 25), st.integers(1, 3), st.booleans(), st.booleans())
def test_any_rows_give_a_ceiling(data: st.DataObject, n: int, k: int, gold: bool, with_student: bool) -> None:
    targets = [data.draw(st.sampled_from(["a", "b"])) for _ in range(n)]
    teacher = [[data.draw(st.none() | LABELS) for _ in range(k)] for _ in range(n)]
    student = [data.draw(st.none() | LABELS) for _ in range(n)]

    def score(answer: str | None, place: int) -> float:
        reference = targets[place] if gold else teacher[place][0]
        return np.nan if answer is None or reference is None else float(answer == reference)

    scores = np.array([[score(one, place) for one in row] for place, row in enumerate(teacher)]).reshape(n, k)
    own = np.array([score(one, place) for place, one in enumerate(student)])
    extra = (student, own) if with_student else (None, None)
    rows = CeilingRows(targets if gold else None, teacher, scores, *extra)
    found = ceiling_of_rows(rows, 0.9)
    assert Ceiling.model_validate_json(found.model_dump_json()) == found
    assert found.fidelity == (not gold) and (found.teacher is None) == (not gold)
    for name in ("teacher", "student", "majority", "self_agreement"):
        estimate = getattr(found, name)
        if estimate is not None and estimate.value is not None:
            assert 0 <= estimate.value <= 1 and estimate.n_scored + estimate.n_failed == n == estimate.n_expected
    if n:
        order = data.draw(st.permutations(range(n)))
        turned = CeilingRows(
            [targets[place] for place in order] if gold else None,
            [teacher[place] for place in order],
            scores[order],
            [student[place] for place in order] if with_student else None,
            own[order] if with_student else None,
        )
        other = ceiling_of_rows(turned, 0.9)
        assert other.majority_label == found.majority_label
        for name in ("teacher_kappa", "student_kappa", "teacher_over_majority", "self_retention"):
            one, same = getattr(found, name), getattr(other, name)
            assert (one and one.value) == pytest.approx(same and same.value)


# --- warnings ---


def test_a_share_of_a_poor_teacher_is_said_in_right_answers() -> None:
    targets, teacher = answers(("a", "a", 30), ("b", "b", 25), ("a", "b", 20), ("b", "c", 25))
    assert (
        "98 % of a teacher that is right 55 % of the time is right 53.9 % of the time"
        in one_answer(targets, teacher).warnings
    )


def test_a_common_answer_is_said_to_keep_nearly_as_much() -> None:
    targets, teacher = answers(("ham", "ham", 90), ("spam", "spam", 5), ("spam", "ham", 5))
    found = one_answer(targets, teacher)
    assert "always answering 'ham' would be right on 90 %, which keeps 94.7 % of the teacher's score" in found.warnings
    balanced = one_answer(*answers(("ham", "ham", 50), ("spam", "spam", 45), ("spam", "ham", 5)))
    assert balanced.warnings == ()


def test_a_student_that_answers_the_common_label_is_seen_through() -> None:
    targets, teacher = answers(("ham", "ham", 85), ("spam", "spam", 13), ("spam", "ham", 2))
    lazy = one_answer(targets, teacher, student=["ham"] * 100, retention=0.85)
    assert lazy.student_kappa is not None and lazy.student_kappa.value == pytest.approx(0.0)
    assert lazy.student_over_majority is not None and lazy.student_over_majority.value == pytest.approx(0.0)
    assert "the student keeps 86.7 % of the teacher's score, but only 0 % of it above chance" in lazy.warnings
    copy = one_answer(targets, teacher, student=teacher, retention=0.85)
    assert not any("above chance" in warning for warning in copy.warnings)


def test_a_teacher_no_better_than_chance_and_one_that_is_never_right() -> None:
    chance = one_answer(*answers(("a", "a", 25), ("a", "b", 25), ("b", "a", 25), ("b", "b", 25)))
    assert "the teacher is right no more often than the frequencies of the labels give by chance" in chance.warnings
    never = one_answer(*answers(("a", "b", 10), ("b", "a", 10)))
    assert never.warnings[0].startswith("the teacher got no row right, so there is nothing to keep")
    weak = one_answer(*answers(("a", "a", 40), ("a", "b", 10), ("b", "a", 12), ("b", "b", 38)))
    assert weak.teacher_kappa is not None and weak.teacher_kappa.value == pytest.approx(0.56)
    assert any("the teacher gets 56 % (Cohen's kappa)" in warning for warning in weak.warnings)


def _twice(same: int, n: int = 100) -> list[list[str]]:
    """Two answers to each row, equal on `same` of them."""
    return [["ab"[place % 2], "ab"[place % 2] if place < same else "c"] for place in range(n)]


def test_a_teacher_that_contradicts_itself_limits_a_perfect_copy() -> None:
    table = _twice(91)
    agrees = np.array([[float(first == second)] * 2 for first, second in table])
    fidelity = ceiling_of_rows(CeilingRows(None, table, agrees), 0.95)
    assert fidelity.warnings[0].startswith(
        "without right answers this is fidelity: a student that repeats the teacher's"
    )
    assert (
        "the teacher agrees with itself on 91 % only: a student that copies it perfectly would be scored 0.91"
        in fidelity.warnings
    )
    gold = CeilingRows(
        ["ab"[place % 2] for place in range(100)], table, np.array([[1.0, float(a == b)] for a, b in table])
    )
    said = " ".join(ceiling_of_rows(gold, 0.95).warnings)
    assert "the teacher agrees with itself on 91 % only: on so many rows a perfect copy of it may show" in said
    assert "of the variance of its scores is its own sampling" in said
    steady = CeilingRows(None, _twice(95), np.ones((100, 2)))
    assert not any("agrees with itself" in warning for warning in ceiling_of_rows(steady, 0.95).warnings)


def test_a_judge_may_be_put_beside() -> None:
    rates = judge_rates([1, 1, 0, 0], [1, 1, 0, 1])
    found = ceiling_of_rows(CeilingRows(["a"], [["a"]], np.ones((1, 1))), 0.9, judge=rates)
    assert found.judge == rates
    assert Ceiling.model_validate_json(found.model_dump_json()).judge == rates


# --- from a store ---


def test_a_store_gives_the_numbers_of_its_development_rows(tmp_path_factory: pytest.TempPathFactory) -> None:
    run = finished()
    student = rows_of(run.store, "SELECT model FROM training_runs WHERE student = 'linear'")[0][0]
    with Store(run.store).read() as connection:
        facts = facts_of(connection, run.run)
        alone, both = ceiling_of(connection, facts), ceiling_of(connection, facts, student)
    assert alone is not None and both is not None
    right, n = rows_of(
        run.store,
        f"""SELECT sum(value), count(*) FROM scores JOIN items USING (suite, item_id)
            WHERE split = 'dev' AND model = '{facts.teacher.fingerprint}'""",
    )[0]
    assert alone.rows == n / alone.samples and alone.samples == 2
    assert alone.teacher is not None and alone.teacher.value == pytest.approx(right / n)
    kept = rows_of(
        run.store,
        f"""SELECT avg(value) FROM scores JOIN items USING (suite, item_id)
            WHERE split = 'dev' AND model = '{student}'""",
    )[0][0]
    assert both.student is not None and both.student.value == pytest.approx(kept)
    assert both.self_agreement is not None and alone.student is None and alone.student_kappa is None
    commonest = rows_of(
        run.store, "SELECT target, count(*) AS n FROM items WHERE split = 'dev' GROUP BY target ORDER BY n DESC LIMIT 1"
    )[0]
    assert both.majority is not None and both.majority.value == pytest.approx(commonest[1] / alone.rows)
    poisoned = copy_store(run.store, tmp_path_factory.mktemp("poisoned") / "copy")
    gate_rows = "item_id IN (SELECT item_id FROM items WHERE split = 'gate')"
    change(poisoned, f"UPDATE scores SET value = 0.123 WHERE {gate_rows}")
    change(poisoned, f"UPDATE predictions SET output = 'nothing' WHERE {gate_rows}")
    with Store(poisoned).read() as connection:
        assert ceiling_of(connection, facts, student) == both


def test_answers_are_compared_as_the_scorer_compares_them(tmp_path_factory: pytest.TempPathFactory) -> None:
    run = finished()
    shouting = copy_store(run.store, tmp_path_factory.mktemp("shouting") / "copy")
    change(shouting, "UPDATE predictions SET output = upper(output) || ' '")
    found = []
    for store in (run.store, shouting):
        with Store(store).read() as connection:
            found.append(ceiling_of(connection, facts_of(connection, run.run)))
    assert found[0] == found[1] and found[0] is not None
