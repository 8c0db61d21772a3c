"""The look ledger: keyed by the gate split, idempotent, never above its alpha."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatekeeper.errors import StoreError
from gatekeeper.store import Store, looks_of, reserve_look, settle_look
from gatekeeper.store.looks import Look

PLAN = (0.01, 0.02, 0.02)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "g.duckdb")


def _reserve(store: Store, run: str, model: str, plan: tuple[float, ...] = PLAN, gate: str = "g") -> Look | None:
    with store.write() as connection:
        return reserve_look(connection, gate, plan, run=run, round=1, student="linear", model=model)


def test_looks_are_spent_over_runs_until_none_is_left(store: Store) -> None:
    looks = [_reserve(store, run, model) for run, model in [("r1", "a"), ("r1", "b"), ("r2", "c")]]
    assert [(look.look, look.alpha) for look in looks if look] == [(1, 0.01), (2, 0.02), (3, 0.02)]
    assert _reserve(store, "r3", "d") is None
    other = _reserve(store, "r3", "d", gate="another split")
    assert other is not None and other.look == 1


def test_the_same_run_and_model_spend_one_look(store: Store) -> None:
    first = _reserve(store, "r1", "a")
    assert first is not None
    assert _reserve(store, "r1", "a") == first
    with store.write() as connection:
        settled = settle_look(connection, first, passed=False, statistic=1.2, bound=0.93)
    assert _reserve(store, "r1", "a") == settled
    with store.read() as connection:
        assert looks_of(connection, "g") == [settled]
    assert (settled.passed, settled.statistic, settled.bound) == (False, 1.2, 0.93)


def test_a_settled_look_is_final(store: Store) -> None:
    look = _reserve(store, "r1", "a")
    assert look is not None
    with store.write() as connection:
        settled = settle_look(connection, look, passed=True, statistic=None, bound=None)
        assert settle_look(connection, look, passed=True, statistic=9.0, bound=9.0) == settled
        with pytest.raises(StoreError, match="passed=True"):
            settle_look(connection, look, passed=False, statistic=None, bound=None)
        with pytest.raises(StoreError, match="never reserved"):
            settle_look(connection, look.model_copy(update={"look": 2}), passed=True, statistic=None, bound=None)
        with pytest.raises(StoreError, match="belongs to run r1"):
            settle_look(connection, look.model_copy(update={"run": "r2"}), passed=True, statistic=None, bound=None)


def test_another_plan_cannot_spend_more_than_its_alpha(store: Store) -> None:
    assert _reserve(store, "r1", "a", plan=(0.05,)) is not None
    assert _reserve(store, "r2", "b", plan=(0.01, 0.02, 0.02)) is None
    assert _reserve(store, "r2", "b", plan=(0.01, 0.02, 0.07)) is not None


def test_sums_that_differ_only_by_rounding_fit(store: Store) -> None:
    plan = tuple(0.05 * 2 * k / (5 * 6) for k in range(1, 6))
    assert all(_reserve(store, "r", str(number), plan) for number in range(5))
    assert _reserve(store, "r", "5", plan) is None
