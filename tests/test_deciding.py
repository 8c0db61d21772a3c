"""The way through SQL to a verdict gives what the same arrays give directly, and the benchmark on it measures that."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pytest
from scipy.special import ndtr
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from benchmarks.bulk_rows import KINDS, SLICES, Kind, Rows
from benchmarks.bulk_store import ALPHA, DEV, GATE, LOOKS, MODEL, RUNS, build_store
from benchmarks.deciding import STEPS
from gatekeeper.decide.derive import derive_verdict
from gatekeeper.decide.facts import facts_of
from gatekeeper.decide.scores import outputs_of_items, scores_of_items, slice_codes
from gatekeeper.records import Estimate, RuleResult
from gatekeeper.stats.paired import paired_counts, paired_p, ratio_score_z, retention_binary
from gatekeeper.stats.scored import fieller
from gatekeeper.stats.spending import look_alphas
from gatekeeper.store.connection import Store

N, R0, MINIMUM = 5_000, 0.95, 0.95
RUN = next(iter(RUNS))


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Kind, tuple[Path, Rows]]]:
    folder = tmp_path_factory.mktemp("bulk")
    paths = {kind: folder / f"{number}.duckdb" for number, kind in enumerate(KINDS)}
    yield {kind: (path, build_store(path, kind, N, seed=3)) for kind, path in paths.items()}


def rules_of(path: Path, run: str) -> dict[str, RuleResult]:
    with Store(path, create=False).read() as connection:
        return {rule.rule: rule for rule in derive_verdict(connection, run).verdict.rules}


def directly(
    kind: Kind, rows: Rows, mask: np.ndarray, fill: float, r0: float, alpha: float
) -> tuple[Estimate, float, float]:
    """Retention on some rows, and the p values of "at most r0" and of "at least r0"."""
    student, teacher = rows.student[mask], np.where(np.isnan(rows.teacher), fill, rows.teacher)[mask]
    if kind == "right or wrong":
        counts = paired_counts(student, teacher)
        above, z = paired_p(counts, r0), ratio_score_z(counts, r0)
        assert above is not None and z is not None
        return retention_binary(student, teacher, alpha=alpha, r0=r0), above, float(ndtr(z))
    clusters = rows.cluster[mask] if kind == "in clusters" else None
    test = fieller(student, teacher, r0=r0, alpha=alpha, clusters=clusters)
    assert test.p is not None
    return test.estimate, test.p, 1 - test.p


def same(kind: Kind, found: float | None, expected: float | None) -> bool:
    """Counts give the very same number; sums of floats depend on their order in the last digits."""
    return found == expected if kind == "right or wrong" else found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_rule_is_what_the_arrays_give(stores, kind, run):
    path, rows = stores[kind]
    rules = rules_of(path, run)
    alpha = look_alphas(ALPHA, LOOKS)[list(RUNS).index(run)]

    everywhere = np.ones(N, bool)
    ways = [directly(kind, rows, everywhere, fill, R0, alpha) for fill in (0.0, 1.0)]
    worse = min((one[0] for one in ways), key=lambda estimate: estimate.lower)
    quality = rules["gates.quality.retention"]
    assert same(kind, quality.value, worse.value) and same(kind, quality.bound, worse.lower)
    assert quality.outcome == "pass" and max(p for _, p, _ in ways) < alpha

    parts = [directly(kind, rows, rows.region == region, 1.0, MINIMUM, alpha) for region in range(SLICES)]
    weakest = min((one[0] for one in parts), key=lambda estimate: estimate.value)
    slices = rules["gates.slices.min"]
    prove = RUNS[run]
    assert same(kind, slices.value, weakest.value)
    assert same(kind, slices.bound, weakest.lower if prove else weakest.upper)
    assert not multipletests([below for _, _, below in parts], ALPHA, "holm")[0].any()
    proven = all(above < alpha for _, above, _ in parts)
    assert slices.outcome == ("pass" if proven or not prove else "inconclusive")

    form = rules["gates.format.parses"]
    parsed = int((rows.said >= 0).sum())
    assert form.value == parsed / N < 1
    assert form.bound == pytest.approx(proportion_confint(parsed, N, 2 * alpha, "wilson")[0], rel=1e-12)
    assert {rules[f"gates.{one}"].outcome for one in ("cost.reduction", "cost.payback_months", "latency.p95_ms")} == {
        "pass"
    }
    assert rules["gates.latency.p95_ms"].bound == pytest.approx(9.6)


def test_proving_each_slice_asks_for_more(stores):
    """Both ways to judge slices occur among the samples, so the test above has seen both."""
    outcomes = {rules_of(path, run)["gates.slices.min"].outcome for path, _ in stores.values() for run in RUNS}
    assert outcomes == {"pass", "inconclusive"}


def ids() -> list[str]:
    """The id of each gate row of a store, in the order of its arrays."""
    return ["b2:" + hashlib.md5(f"gate{number}".encode()).hexdigest() for number in range(N)]


@pytest.mark.parametrize("first", [None, 137, N])
def test_rows_come_in_the_order_of_a_look_or_of_their_ids(stores, first):
    path, rows = stores["in clusters"]
    by_look = [hashlib.sha256(f"{GATE}{one}".encode()).hexdigest() for one in ids()]
    order = np.argsort(np.array(ids() if first is None else by_look))[:first]
    with Store(path, create=False).read() as connection:
        facts = facts_of(connection, RUN)
        found = scores_of_items(connection, facts, MODEL, "gate", first=first)
        codes, names = slice_codes(connection, facts, "region", first=first)
        outputs = outputs_of_items(connection, facts, MODEL, first=first)
        dev = scores_of_items(connection, facts, MODEL, "dev")
    for name in ("student", "teacher", "confidence"):
        np.testing.assert_array_equal(getattr(found, name), getattr(rows, name)[order])
    assert [names[code] for code in codes] == [f"region {region}" for region in rows.region[order]]
    together = np.unique(found.clusters, return_inverse=True)[1]
    expected = np.unique([f"thread {cluster}" for cluster in rows.cluster[order]], return_inverse=True)[1]
    np.testing.assert_array_equal(together, expected)
    assert sum(outputs.values()) == len(order) and None not in outputs
    assert len(dev.student) == DEV


@pytest.fixture
def changed(stores, tmp_path: Path) -> tuple[Path, Rows]:
    """A copy of the store of right and wrong answers, to be changed."""
    path, rows = stores["right or wrong"]
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes(path.read_bytes())
    return copy, rows


def test_what_is_missing_stays_missing_and_samples_count_once(changed):
    path, rows = changed
    gone, sliceless, again = ids()[:5], ids()[5:12], ids()[100:]
    with duckdb.connect(str(path)) as connection:
        for table in ("scores", "predictions"):
            connection.execute(f"DELETE FROM {table} WHERE model = ? AND item_id IN (FROM unnest(?))", [MODEL, gone])
        connection.execute("UPDATE items SET slices = NULL WHERE item_id IN (FROM unnest(?))", [sliceless])
        connection.execute(
            """INSERT INTO scores SELECT scores.* REPLACE (sample.n AS sample_index, sample.n / 3.0 AS value)
               FROM scores, range(1, 4) sample(n)
               WHERE model <> ? AND item_id IN (FROM unnest(?))""",
            [MODEL, again],
        )
    with Store(path, create=False).read() as connection:
        facts = facts_of(connection, RUN)
        found = scores_of_items(connection, facts, MODEL, "gate")
        codes, names = slice_codes(connection, facts, "region")
        outputs = outputs_of_items(connection, facts, MODEL)
        rules = {rule.rule: rule for rule in derive_verdict(connection, RUN).verdict.rules}
    places = np.argsort(np.argsort(np.array(ids())))
    assert np.isnan(found.student[places[:5]]).all() and np.isnan(found.student).sum() == 5
    assert np.isnan(found.confidence).sum() == 5
    assert (codes[places[5:12]] == -1).all() and (codes == -1).sum() == 7 and len(names) == SLICES
    assert outputs[None] == 5 and sum(outputs.values()) == N
    np.testing.assert_array_equal(found.teacher[places[:100]], rows.teacher[:100])
    known = np.where(np.isnan(rows.teacher), 0, 1)[100:]
    mean = (np.nan_to_num(rows.teacher[100:]) + 1 / 3 + 2 / 3 + 1) / (3 + known)
    np.testing.assert_allclose(found.teacher[places[100:]], mean, rtol=1e-15)
    assert rules["gates.quality.retention"].outcome == rules["gates.slices.min"].outcome == "inconclusive"
    assert rules["gates.format.parses"].value == (int((rows.said[5:] >= 0).sum())) / N


@pytest.mark.slow
def test_the_steps_of_the_benchmark_measure_a_store_that_verifies(changed):
    path, _ = changed
    derived = STEPS["derive"](str(path), RUN, "128")
    assert derived["decision"] == "promote" and len(derived["rules"]) == 7
    sealed = STEPS["seal"](str(path))
    # items; predictions and scores of both models, dev rows included; and a few rows of other tables
    assert 5 * (N + DEV) < sealed["evidence_rows"] < 5 * (N + DEV) + 100
    verified = STEPS["verify"](str(path))
    assert (verified["problems"], verified["scores"]) == (0, 2 * (N + DEV))
    for one in (derived, sealed, verified):
        assert one["peak_mb"] >= one["imported_mb"] > 10 and math.isfinite(one["seconds"])
