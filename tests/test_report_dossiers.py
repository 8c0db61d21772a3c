"""Full dossiers (promoted, rejected, inconclusive) that the other report tests render; and the record itself."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
import report_parts as parts
from pydantic import ValidationError

from gatekeeper.records import Estimate, Quantity, RuleResult, Verdict
from gatekeeper.report.data import (
    Assumption,
    Candidate,
    Confusion,
    DataFacts,
    Dossier,
    Failure,
    Lineage,
    Money,
    PriceUse,
    Round,
    RunFacts,
    SpendRow,
    TeacherFacts,
)
from gatekeeper.report.data_gate import GateFacts, Look, PairCounts, PowerFacts, SliceRow

START = parts.START
UNIT = "share of the teacher's score"


def estimate(
    value: float, half: float, n: int, confidence: float = 0.95, method: str = "paired ratio, score test"
) -> Estimate:
    return Estimate(
        value=value,
        lower=value - half,
        upper=value + half,
        confidence=confidence,
        method=method,
        n_expected=n,
        n_scored=n,
        n_failed=0,
    )


def quality_rule(
    outcome: str, value: float, bound: float | None, sentence: str, settle: str | None = None
) -> RuleResult:
    return RuleResult(
        rule="gates.quality.retention",
        outcome=outcome,
        value=value,
        bound=bound,
        requirement=0.95,
        margin=None if bound is None else bound - 0.95,
        unit=UNIT,
        sentence=sentence,
        settle=settle,
    )


def cost_rules(reduction: float, payback: float | None, p95: float) -> tuple[RuleResult, ...]:
    return (
        RuleResult(
            rule="gates.cost.reduction",
            outcome="pass" if reduction >= 5 else "fail",
            value=reduction,
            bound=reduction,
            requirement=5.0,
            margin=reduction - 5,
            unit="x",
            sentence=f"The monthly bill falls {reduction:.1f}x; required 5x.",
        ),
        RuleResult(
            rule="gates.cost.payback_months",
            outcome="fail" if payback is None else "pass",
            value=payback,
            bound=payback,
            requirement=6.0,
            margin=None if payback is None else 6 - payback,
            unit="months",
            better="lower",
            sentence="It never pays back." if payback is None else f"It pays back in {payback:.1f} months; at most 6.",
        ),
        RuleResult(
            rule="gates.latency.p95_ms",
            outcome="pass",
            value=p95 - 0.4,
            bound=p95,
            requirement=100.0,
            margin=100 - p95,
            unit="ms",
            better="lower",
            sentence=f"95 of 100 answers arrive within {p95} ms.",
        ),
    )


def candidate(
    student: str, number: int, retention: float, half: float, state: str = "not sent to the gate"
) -> Candidate:
    return Candidate(
        student=student,
        round=number,
        recipe="linear head on word n-grams" if student == "linear" else "static embeddings",
        model=f"b2:{student}{number}",
        n_examples=2000 * number,
        retention=estimate(retention, half, 1990),
        accuracy=estimate(retention * 0.92, half * 0.9, 1990, method="Wilson"),
        training_seconds=3.2 * number,
        throughput_rps=8120.0 if student == "linear" else 5233.0,
        latency_p50_ms=0.31,
        latency_p95_ms=0.84,
        usd_per_million=Decimal("9.7333"),
        state=state,
    )


def look(number: int, student: str, passed: bool | None, bound: float | None, run: str = "run-7f3a") -> Look:
    return Look(
        look=number,
        alpha=0.05 * 2 * number / 30,
        run=run,
        round=number + 1,
        student=student,
        reserved_at=START + timedelta(minutes=4 * number),
        passed=passed,
        bound=bound,
    )


def money(baseline: str, student: str, payback: str | None) -> Money:
    base, new = Decimal(baseline), Decimal(student)
    rows = (
        Quantity(
            name="requests per month",
            value=Decimal(30_000_000),
            unit="requests",
            origin="assumed",
            source="suite.yaml: traffic",
        ),
        Quantity(
            name="input tokens per request",
            value=Decimal("61.2"),
            unit="tokens",
            origin="measured",
            source="teacher answers of this run",
        ),
        Quantity(
            name="input price",
            value=Decimal("5"),
            unit="USD per million tokens",
            origin="priced",
            source="genai-prices 0.2.3",
            as_of="2026-11-20",
        ),
        Quantity(
            name="throughput of one replica",
            value=Decimal("8120"),
            unit="requests/s",
            origin="measured",
            source="this machine, 2 cores",
        ),
        Quantity(
            name="monthly bill, teacher",
            value=base,
            unit="USD/month",
            origin="derived",
            source="requests x price of each request",
        ),
        Quantity(
            name="monthly bill, student",
            value=new,
            unit="USD/month",
            origin="derived",
            source="replicas x hours x price",
        ),
    )
    return Money(
        requests_per_month=Decimal(30_000_000),
        baseline_monthly=base,
        candidate_monthly=new,
        saving_monthly=base - new,
        reduction=(base / new).quantize(Decimal("0.0001")),
        payback_months=None if payback is None else Decimal(payback),
        pays_back=payback is not None,
        program=Decimal("8014.37"),
        forward=Decimal("8000.00"),
        quantities=rows,
    )


def slices(n: int, weak: float) -> tuple[SliceRow, ...]:
    rows = [("language", "English", n // 2, 0.93, 0.985), ("language", "German", n // 4, 0.91, 0.972)]
    rows += [("language", "Portuguese (Brazil)", n // 8, 0.90, weak), ("length", "over 200 words", n // 9, 0.88, 0.961)]
    return tuple(
        SliceRow(
            slice=name,
            value=value,
            n=count,
            teacher=teacher,
            student=teacher * kept,
            retention=estimate(kept, 0.9 / count**0.5, count),
        )
        for name, value, count, teacher, kept in rows
    )


CONFUSIONS = (
    Confusion(expected="billing", student="refund", n=31),
    Confusion(expected="refund", student="billing", n=17),
    Confusion(expected="cancel_subscription", student="account_access", n=9),
    Confusion(expected="shipping", student="refund", n=4),
)
FAILURES = (
    Failure(
        item_id="t-1041",
        text="You took the money twice in March, and the bank says that it is not theirs to solve.",
        gold="billing",
        teacher="billing",
        student="refund",
        confidence=0.61,
    ),
    Failure(
        item_id="t-2210",
        text="Please stop it. I wrote three times already.",
        gold="cancel_subscription",
        teacher="cancel_subscription",
        student="account_access",
        confidence=0.34,
    ),
    Failure(
        item_id="t-0093",
        text="Wo bleibt mein Paket? Die Nummer wird nicht gefunden.",
        gold="shipping",
        teacher="refund",
        student="refund",
        confidence=0.88,
    ),
)
ROUNDS = tuple(
    Round(
        round=number,
        random_examples=2000 if number == 1 else 1000,
        mined_examples=0 if number == 1 else 1000,
        mined_labels={} if number == 1 else {"billing": 412, "refund": 366, "shipping": 222},
        dropped={"duplicate": 12 * number, "near a gate item": number},
        pass_probability=0.2 + 0.25 * number,
        looks=(number - 1,) if number > 1 else (),
    )
    for number in (1, 2, 3)
)
SPEND = (
    SpendRow(purpose="generate", usd=Decimal("10.8125"), calls=4000, assumed=True),
    SpendRow(purpose="evaluate", usd=Decimal("3.5587"), calls=5971, assumed=True, unsettled=2),
)
ASSUMED = (
    Assumption(
        name="teacher price",
        value="anthropic/claude-opus-5",
        why="the teacher is a local stand-in, priced as this model",
    ),
    Assumption(name="requests per month", value="30,000,000", why="suite.yaml: traffic.requests_per_month"),
    Assumption(name="engineering", value="80 hours at $100", why="default of the suite; nobody measured it"),
)


def lineage() -> Lineage:
    return Lineage(
        suite_fingerprint="b2:5d1f3c9a0b7e44aa91c2d3e4f5061728",
        gate_digest="b2:0aa97c1e2d3f4a5b6c7d8e9f00112233",
        prompt_digest=None,
        scorers={"route": "exact/1:strip,casefold"},
        teacher_fingerprint="b2:aa11bb22cc33dd44ee55ff6600778899",
        student_fingerprint="b2:linear3",
        artifact="b2:9f8e7d6c5b4a39281706f5e4d3c2b1a0",
        examples_digest="b2:1234567890abcdef1234567890abcdef",
        evidence_digest="b2:fedcba0987654321fedcba0987654321",
        prices=(
            PriceUse(
                model="anthropic/claude-opus-5",
                input_per_m=Decimal(5),
                output_per_m=Decimal(25),
                source="genai-prices 0.2.3",
                as_of="2026-11-20",
            ),
        ),
        packages={"gatekeeper": "0.1.0", "numpy": "2.3.1", "duckdb": "2.0.1"},
        seed=7,
        machine="x86_64, 2 cores, Linux 6.1",
    )


def dossier(verdict: Verdict, gate: GateFacts, **changes: object) -> Dossier:
    fields: dict[str, object] = {
        "suite": "headlines",
        "description": "Routes support requests to one of nine queues.",
        "decided_at": START + timedelta(minutes=21),
        "assumed": ASSUMED,
        "verdict": verdict,
        "run": RunFacts(
            run="run-7f3a",
            state="promoted",
            seed=7,
            started_at=START,
            finished_at=START + timedelta(minutes=21),
            machine="x86_64, 2 cores",
        ),
        "teacher": TeacherFacts(
            name="encoder stand-in",
            kind="encoder",
            fingerprint="b2:aa11bb22",
            priced_as="anthropic/claude-opus-5",
            price_assumed=True,
            accuracy=estimate(0.921, 0.009, 3981, method="Wilson"),
            accuracy_split="gate",
        ),
        "candidates": (
            candidate("linear", 1, 0.941, 0.012),
            candidate("static", 1, 0.915, 0.014),
            candidate("linear", 2, 0.968, 0.010, "failed the gate"),
            candidate("static", 2, 0.949, 0.012),
            candidate("linear", 3, 0.984, 0.008, "passed the gate"),
            candidate("static", 3, 0.957, 0.011),
        ),
        "rounds": ROUNDS,
        "gate": gate,
        "budget": parts.budget(*gate.looks),
        "slices": slices(3981, 0.958),
        "confusions": CONFUSIONS,
        "failures": FAILURES,
        "failures_total": 187,
        "money": money("11040", "292", "0.7456"),
        "spend": SPEND,
        "power": PowerFacts(n_gate=3981, smallest_passable_n=102, rows_needed=None),
        "data": DataFacts(
            splits={"pool": 6600, "dev": 1990, "gate": 3981}, duplicates={"exact": 41, "near": 12}, contamination=6
        ),
        "lineage": lineage(),
        "sources": {"split.gate": "SELECT count(*) FROM items WHERE suite = 'b2:5d1f' AND split = 'gate'"},
    }
    return Dossier.model_validate(fields | changes)


def promoted() -> Dossier:
    rules = (
        quality_rule("pass", 0.9784, 0.9713, "On 3,981 gate rows the student keeps 97.8%."),
        *cost_rules(37.808, 0.7456, 0.84),
    )
    verdict = Verdict(
        decision="promote",
        candidate="linear",
        sentence="Promote linear: every rule passed.",
        rules=rules,
        looks_spent=2,
        looks_planned=5,
        alpha=0.05,
    )
    gate = GateFacts(
        retention=Estimate(
            value=0.9784,
            lower=0.9713,
            upper=0.9852,
            confidence=0.9867,
            method="paired ratio, score test",
            n_expected=3981,
            n_scored=3981,
            n_failed=0,
        ),
        upper=0.9841,
        counts=PairCounts(both_right=3561, student_only=26, teacher_only=105, both_wrong=289),
        requirement=0.95,
        alpha=0.05,
        look_alpha=0.05 * 4 / 30,
        looks=(look(1, "linear", False, 0.9448), look(2, "linear", True, 0.9713)),
        looks_planned=5,
    )
    return dossier(verdict, gate)


def rejected() -> Dossier:
    rules = (
        quality_rule("fail", 0.9121, 0.8994, "The student is shown to keep less."),
        *cost_rules(1.3136, None, 0.84),
    )
    verdict = Verdict(
        decision="reject",
        candidate="static",
        sentence="Reject static.",
        rules=rules,
        looks_spent=1,
        looks_planned=5,
        alpha=0.05,
    )
    gate = GateFacts(
        retention=estimate(0.9121, 0.0127, 3981, 0.9933),
        upper=0.9226,
        counts=PairCounts(both_right=3250, student_only=90, teacher_only=412, both_wrong=229),
        requirement=0.95,
        alpha=0.05,
        look_alpha=0.05 * 2 / 30,
        looks=(look(1, "static", False, 0.8994),),
        looks_planned=5,
    )
    return dossier(verdict, gate, money=money("1890.55", "1439.20", None), slices=slices(3981, 0.83))


def inconclusive() -> Dossier:
    settle = "A fresh gate split of about 1,106 rows would show it with 80 % probability."
    rules = (quality_rule("inconclusive", 0.9742, 0.9488, "It keeps 97.4%.", settle), *cost_rules(37.808, 0.7456, 0.84))
    verdict = Verdict(
        decision="inconclusive",
        candidate="linear",
        sentence="Inconclusive for linear.",
        rules=rules,
        looks_spent=1,
        looks_planned=5,
        alpha=0.05,
    )
    gate = GateFacts(
        retention=Estimate(
            value=0.9742,
            lower=0.9488,
            upper=0.9951,
            confidence=0.9933,
            method="paired ratio, score test",
            n_expected=412,
            n_scored=412,
            n_failed=0,
        ),
        counts=PairCounts(both_right=366, student_only=5, teacher_only=14, both_wrong=27),
        requirement=0.95,
        alpha=0.05,
        look_alpha=0.05 * 2 / 30,
        looks=(look(1, "linear", False, 0.9488),),
        looks_planned=5,
    )
    return dossier(
        verdict, gate, power=PowerFacts(n_gate=412, smallest_passable_n=102, rows_needed=1106), slices=slices(412, 0.93)
    )


def unlooked() -> Dossier:
    """A run whose students never looked good enough on dev to spend a look."""
    rules = (
        quality_rule(
            "inconclusive",
            0.931,
            None,
            "No round made a pass probable enough to spend a look.",
            "Add examples or try a stronger recipe.",
        ),
    )
    verdict = Verdict(
        decision="inconclusive",
        candidate="linear",
        sentence="Inconclusive for linear.",
        rules=rules,
        looks_spent=0,
        looks_planned=5,
        alpha=0.05,
    )
    gate = GateFacts(
        retention=None, counts=None, requirement=0.95, alpha=0.05, look_alpha=None, looks=(), looks_planned=5
    )
    nothing = Money(
        requests_per_month=None,
        baseline_monthly=None,
        candidate_monthly=None,
        saving_monthly=None,
        reduction=None,
        payback_months=None,
        pays_back=None,
        program=None,
        forward=None,
    )
    return dossier(
        verdict,
        gate,
        money=nothing,
        teacher=promoted().teacher.model_copy(update={"accuracy_split": "dev"}),
        slices=(),
        confusions=(),
        failures=(),
        failures_total=0,
        assumed=(),
        spend=(),
        candidates=(),
        rounds=(),
        power=PowerFacts(n_gate=412, smallest_passable_n=None),
    )


def for_a_part() -> Dossier:
    """A student that was promoted for a part of the traffic, at a look that stopped early."""
    made = promoted()
    gate = made.gate.model_copy(
        update={"n_read": 3981, "n_planned": 5308, "groups": 900, "samples": 3, "teacher_failed": 2}
    )
    looks = (gate.looks[0], gate.looks[1].model_copy(update={"threshold": 0.83, "n_read": 3981}))
    candidates = (*made.candidates, made.candidates[-2].model_copy(update={"part": True}))
    return made.model_copy(
        update={
            "verdict": made.verdict.model_copy(update={"threshold": 0.83, "teacher_share": 0.29}),
            "gate": gate.model_copy(update={"looks": looks}),
            "part": parts.part(),
            "power": parts.power(5308),
            "ceiling": parts.ceiling(0.92),
            "candidates": candidates,
        }
    )


def weak_slice() -> Dossier:
    """A student that fails on one slice only, on gate rows that have seen much, with other evals beside."""
    made = promoted()
    rules = (made.verdict.rules[0], *parts.new_rules(), *made.verdict.rules[1:])
    return made.model_copy(
        update={
            "verdict": made.verdict.model_copy(update={"decision": "reject", "rules": rules}),
            "gate": made.gate.model_copy(update={"slice_minimum": 0.9}),
            "budget": parts.worn_budget(*made.gate.looks),
            "slices": parts.ruled_slices(),
            "others": parts.others(),
            "power": parts.power(3981),
            "ceiling": parts.ceiling(),
            "data": DataFacts(
                splits=made.data.splits,
                duplicates={"pool_in_gate": 41, "near_pool_in_gate": 12, "cluster_dev_in_gate": 3, "within_pool": 9},
            ),
        }
    )


ALL = {
    "promoted": promoted,
    "rejected": rejected,
    "inconclusive": inconclusive,
    "unlooked": unlooked,
    "for_a_part": for_a_part,
    "weak_slice": weak_slice,
}
EVERY = pytest.mark.parametrize("make", ALL.values(), ids=ALL.keys())


@EVERY
def test_a_dossier_comes_back_from_its_json_unchanged(make) -> None:
    made = make()
    assert Dossier.model_validate_json(made.model_dump_json()) == made


def test_a_dossier_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValidationError, match="applause"):
        dossier(promoted().verdict, promoted().gate, applause=1)
