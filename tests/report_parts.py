"""Parts of full dossiers: error budgets with changed rules and readers, power, a part of the traffic, other evals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gatekeeper.gate.ceiling import Ceiling
from gatekeeper.gate.ceiling_warnings import warnings_of
from gatekeeper.records import Estimate, RuleResult
from gatekeeper.report.data_gate import (
    AmendmentRow,
    BudgetFacts,
    Look,
    OtherEval,
    PartFacts,
    PartPoint,
    PowerCurve,
    PowerFacts,
    ReadRow,
    RuleChange,
    SealFacts,
    SliceRow,
)

START = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def share(value: float, half: float, n: int, confidence: float = 0.95, method: str = "wilson") -> Estimate:
    """An estimate with a symmetric interval."""
    return Estimate(
        value=value, lower=value - half, upper=value + half, confidence=confidence, method=method, n_expected=n,
        n_scored=n, n_failed=0,
    )  # fmt: skip


def budget(*looks: Look, rows: int = 3981) -> BudgetFacts:
    """A budget that only these looks have touched."""
    spent = sum(one.alpha for one in looks)
    seal = SealFacts(at=START, who="ann", run="run-7f3a", digest="b2:5ea1ed00112233445566778899aabbcc")
    return BudgetFacts(
        alpha=0.05, spent=spent, inherited=0.0, left=0.05 - spent, next_alpha=0.05 * 2 * (len(looks) + 1) / 30,
        looks_planned=5, looks_spent=len(looks), looks_elsewhere=0, rows=rows, rows_used=0,
        seals=(seal,) if looks else (),
    )  # fmt: skip


def worn_budget(*looks: Look, rows: int = 3981) -> BudgetFacts:
    """A budget with everything that can happen to one: shared rows, changed rules, people who have read rows."""
    spent = sum(one.alpha for one in looks)
    looser = RuleChange(sentence="gates.quality.retention was 0.97 and is 0.95", loosening=True)
    stricter = RuleChange(sentence="gates.latency is new: p95_ms 50", loosening=False)
    hour = timedelta(hours=1)
    return budget(*looks, rows=rows).model_copy(
        update={
            "inherited": 0.05 - spent,
            "left": 0.0,
            "next_alpha": None,
            "looks_elsewhere": 2,
            "rows_used": rows // 2,
            "seals": (
                SealFacts(at=START - hour, who="ann", run="run-0001", digest="b2:5ea1ed", shared_rows=None),
                SealFacts(at=START - 2 * hour, who="bo", run="run-0000", digest="b2:0ther", shared_rows=rows // 2),
            ),
            "amendments": (
                AmendmentRow(
                    at=START - hour / 2, who="bo", run="run-7f3a", reason="97 was a slip of the pen",
                    changes=(looser, stricter), after_verdict=False, shared_rows=rows // 2,
                ),
                AmendmentRow(
                    at=START + hour, who="ann", run=None, reason="too slow for the app", changes=(stricter,),
                    after_verdict=True,
                ),
            ),
            "reads": (
                ReadRow(
                    at=START - hour / 3, who="cy", what="rows that the student got wrong", n_rows=117, run="run-7f3a",
                    after_verdict=False,
                ),
                ReadRow(at=START + hour, who="ann", what="all rows", n_rows=rows, run=None, after_verdict=True),
            ),
        }
    )  # fmt: skip


def power(n_gate: int, rows_needed: int | None = None) -> PowerFacts:
    """What a split of this size can show, in four curves of made-up but rising chances."""
    grid = [n_gate // 20, n_gate // 4, n_gate, 4 * n_gate]
    chances = {0.96: (0.01, 0.05, 0.2, 0.6), 0.97: (0.03, 0.2, 0.75, 1.0), 0.99: (0.1, 0.7, 1.0, 1.0)}
    curves = tuple(
        PowerCurve(
            retention=kept, chance_now=row[2], rows_needed=None if kept == 0.96 else round(n_gate * 1.2 * (1 - row[1])),
            points=tuple(zip(grid, row, strict=True)),
        )
        for kept, row in chances.items()
    )  # fmt: skip
    return PowerFacts(
        n_gate=n_gate, smallest_passable_n=102, rows_needed=rows_needed, alpha=0.0067, look=2, teacher_accuracy=0.921,
        correlation=0.72, measured_on="gate", curves=curves,
    )  # fmt: skip


def part() -> PartFacts:
    """A student that answers 71 % of requests."""
    points = [(0.99, 0.2, 1.0, 0.99), (0.95, 0.5, 0.995, 0.98), (0.83, 0.71, 0.985, 0.96), (0.4, 1.0, 0.93, 0.86)]
    return PartFacts(
        threshold=0.83, decides=True, teacher_share=share(0.29, 0.02, 3981), share_split="gate",
        most_teacher_share=0.5, alone=share(0.93, 0.01, 1990), together=share(0.985, 0.01, 1990),
        curve=tuple(
            PartPoint(threshold=at, coverage=covered, retention=kept, accuracy=right, teacher_accuracy=0.95)
            for at, covered, kept, right in points
        ),
        calibration_error=0.041, calibration_error_mapped=0.012,
    )  # fmt: skip


def others() -> tuple[OtherEval, ...]:
    """A foreign eval with two rules, a guard with one, and one without any."""
    return (
        OtherEval(
            eval="smalltalk", role="ood", description="Chat that no queue is for.", n=400, teacher=0.61, student=0.28,
            sure=0.37, sure_on_main=0.83, rules=("gates.ood.smalltalk.retention", "gates.ood.smalltalk.auroc"),
        ),
        OtherEval(
            eval="vip", role="guard", n=500, teacher=0.97, student=0.93, sure=0.8, sure_on_main=0.83,
            rules=("gates.guards.vip",),
        ),
        OtherEval(eval="poems", role="ood", n=50, teacher=None, student=None, sure=None, sure_on_main=None),
    )  # fmt: skip


def ceiling(teacher: float = 0.55) -> Ceiling:
    """A teacher that is right on so many rows, with all that can be said of it."""
    n = 1990
    made = Ceiling(
        rows=n, samples=3, fidelity=False, retention=0.95, teacher=share(teacher, 0.02, n),
        student=share(teacher * 0.97, 0.02, n), required_score=0.95 * teacher,
        teacher_kappa=share(0.5, 0.03, n), student_kappa=share(0.42, 0.03, n), majority_label="billing",
        majority=share(0.31, 0.02, n), teacher_over_majority=share(0.35, 0.03, n),
        student_over_majority=share(0.32, 0.03, n), self_agreement=share(0.9, 0.01, n),
        self_retention=share(1.0, 0.03, n), noise_share=0.2,
    )  # fmt: skip
    return made.model_copy(update={"warnings": warnings_of(made)})


def ruled_slices() -> tuple[SliceRow, ...]:
    """Slices with a rule, one of them below, and one for information."""
    rows = [
        ("language", "English", 2000, 0.985, True, "above"),
        ("language", "German", 700, 0.803, True, "below"),
        ("language", "Welsh", 24, 0.9, True, "unclear"),
        ("length", "over 200 words", 441, 0.961, False, "unclear"),
    ]
    return tuple(
        SliceRow(
            slice=name, value=value, n=n, teacher=0.92, student=0.92 * kept,
            retention=share(kept, 0.9 / n**0.5, n, 0.993), in_rule=in_rule, told=told,
            adjusted=0.0001 if told == "below" else 0.9,
        )
        for name, value, n, kept, in_rule, told in rows
    )  # fmt: skip


def rule(
    key: str, outcome: str, value: float, bound: float, requirement: float, unit: str, **more: object
) -> RuleResult:
    """A rule with a sentence that names its key."""
    fields: dict[str, object] = {
        "rule": key, "outcome": outcome, "value": value, "bound": bound, "requirement": requirement,
        "margin": bound - requirement, "unit": unit, "sentence": f"What {key} found.",
    }  # fmt: skip
    return RuleResult.model_validate(fields | more)


def new_rules(failed: str = "gates.slices.min") -> tuple[RuleResult, ...]:
    """The rules that only gate rows decide, of which `failed` fails."""

    def outcome(key: str) -> str:
        return "fail" if key == failed else "pass"

    kept, pairs = "share of the teacher's score", "area under the ROC curve"
    rows = [
        ("gates.slices.min", 0.803, 0.842, 0.9, kept),
        ("gates.ood.smalltalk.retention", 0.46, 0.4, 0.3, kept),
        ("gates.ood.smalltalk.auroc", 0.984, 0.975, 0.8, pairs),
        ("gates.guards.vip", -0.04, -0.061, -0.05, "difference of mean scores"),
        ("gates.format.parses", 1.0, 0.994, 0.98, "share of answers"),
    ]
    return tuple(rule(key, outcome(key), *numbers) for key, *numbers in rows)
