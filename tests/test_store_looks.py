"""The look ledger: keyed by the gate split, idempotent, never above its alpha."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatekeeper.errors import StoreError
from gatekeeper.stats.spending import look_alphas
from gatekeeper.store import Store, looks_of, reserve_look, row_keys, settle_look
from gatekeeper.store.looks import Look


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "g.duckdb")


def _reserve(
    store: Store,
    run: str,
    model: str,
    *,
    alpha: float = 0.05,
    looks: int = 3,
    gate: str = "g",
    threshold: float | None = None,
) -> Look | None:
    keys = row_keys(f"{gate} {number}" for number in range(20))
    with store.write() as connection:
        return reserve_look(
            connection, gate, keys, alpha, looks, run=run, round=1, student="linear", model=model, threshold=threshold
        )


def test_looks_are_spent_over_runs_until_none_is_left(store: Store) -> None:
    looks = [_reserve(store, run, model) for run, model in [("r1", "a"), ("r1", "b"), ("r2", "c")]]
    assert [look.look for look in looks if look] == [1, 2, 3]
    assert [look.alpha for look in looks if look] == pytest.approx(look_alphas(0.05, 3))
    assert _reserve(store, "r3", "d") is None
    other = _reserve(store, "r3", "d", gate="another split")
    assert other is not None and (other.look, other.inherited) == (1, 0.0)


def test_the_same_run_model_and_threshold_spend_one_look(store: Store) -> None:
    first = _reserve(store, "r1", "a")
    assert first is not None
    assert _reserve(store, "r1", "a") == first
    with store.write() as connection:
        settled = settle_look(connection, first, passed=False, statistic=1.2, bound=0.93, n_read=12)
    assert _reserve(store, "r1", "a") == settled
    with store.read() as connection:
        assert looks_of(connection, "g") == [settled]
    assert (settled.passed, settled.statistic, settled.bound, settled.n_read) == (False, 1.2, 0.93, 12)


def test_a_part_of_the_traffic_is_another_look(store: Store) -> None:
    whole, part = _reserve(store, "r1", "a"), _reserve(store, "r1", "a", threshold=0.9)
    assert whole is not None and part is not None
    assert [(one.look, one.threshold) for one in (whole, part)] == [(1, None), (2, 0.9)]
    assert _reserve(store, "r1", "a", threshold=0.9) == part
    assert _reserve(store, "r1", "a") == whole
    with store.write() as connection:
        settle_look(connection, part, passed=True, statistic=None, bound=None)
        with pytest.raises(StoreError, match="belongs to run r1, model a"):
            settle_look(connection, whole.model_copy(update={"look": 2}), passed=True, statistic=None, bound=None)
        assert [one.passed for one in looks_of(connection, "g")] == [None, True]


def test_a_settled_look_is_final(store: Store) -> None:
    look = _reserve(store, "r1", "a")
    assert look is not None
    with store.write() as connection:
        settled = settle_look(connection, look, passed=True, statistic=None, bound=None)
        assert settle_look(connection, look, passed=True, statistic=9.0, bound=9.0, n_read=9) == settled
        assert looks_of(connection, "g") == [settled]
        with pytest.raises(StoreError, match="passed=True"):
            settle_look(connection, look, passed=False, statistic=None, bound=None)
        with pytest.raises(StoreError, match="never reserved"):
            settle_look(connection, look.model_copy(update={"look": 2}), passed=True, statistic=None, bound=None)
        with pytest.raises(StoreError, match="belongs to run r1"):
            settle_look(connection, look.model_copy(update={"run": "r2"}), passed=True, statistic=None, bound=None)


def test_another_plan_cannot_spend_more_than_its_alpha(store: Store) -> None:
    assert _reserve(store, "r1", "a", looks=1) is not None
    assert _reserve(store, "r2", "b", looks=3) is None
    more = _reserve(store, "r2", "b", alpha=0.1, looks=3)
    assert more is not None and more.alpha == pytest.approx(0.1 * 4 / 12)
    # the third look would get 0.05 under its plan; 0.1 - 0.05 - 0.0333 is left
    rest = _reserve(store, "r2", "c", alpha=0.1, looks=3)
    assert rest is not None and rest.alpha == pytest.approx(0.1 - 0.05 - 0.1 * 4 / 12)
    assert _reserve(store, "r2", "d", alpha=0.1, looks=9) is None


def test_sums_that_differ_only_by_rounding_fit(store: Store) -> None:
    looks = [_reserve(store, "r", str(number), looks=5) for number in range(5)]
    assert [look.alpha for look in looks if look] == pytest.approx(look_alphas(0.05, 5), rel=1e-12)
    assert _reserve(store, "r", "5", looks=5) is None
