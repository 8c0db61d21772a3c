"""What a simulation found, by cell: rates, which rules keep to alpha, and where one of them has more power."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.false_promotion.rules import BOOTSTRAP, GATE

WITHIN = 2
"""Standard errors of simulation within which a rate counts as at most alpha."""

POINT = 0.01
"""A difference in power below this is none."""

Place = Mapping[str, Any]
"""r0, teacher, n and correlation; a row of the result is one as well."""


@dataclass(frozen=True)
class Shortfall:
    """A cell in which `rule` promotes a better student more often than the gate, and keeps to alpha there.

    rates: of the gate and of the rule. at_threshold: false promotions of the rule at each correlation, in order.
    """

    row: dict[str, Any]
    rule: str
    rates: tuple[float, float]
    at_threshold: tuple[float, ...]

    @property
    def size(self) -> float:
        """By how much the gate falls short."""
        return self.rates[1] - self.rates[0]


class Outcomes:
    """The rows of a result."""

    def __init__(self, result: dict[str, Any]) -> None:
        self.alpha: float = result["alpha"]
        self.rows: list[dict[str, Any]] = result["rows"]
        self._by_place = {_key(row["design"], row, row["r"]): row for row in self.rows}

    def row(self, design: str, place: Place, r: float) -> dict[str, Any]:
        """Return the cell of a design and a true retention."""
        found: dict[str, Any] = self._by_place[_key(design, place, r)]
        return found

    def rate(self, rule: str, design: str, place: Place, r: float) -> float | None:
        """Return how often `rule` promotes; None where it was not simulated."""
        rate: float | None = self.row(design, place, r)["rates"].get(rule)
        return rate

    def at_threshold(self) -> Iterator[dict[str, Any]]:
        """Return the cells whose student is exactly at the threshold."""
        return (row for row in self.rows if row["r"] == row["r0"])

    def errors_above(self, rule: str, row: dict[str, Any]) -> float:
        """Return by how many standard errors of simulation a rate at the threshold is above alpha."""
        decisions = row["bootstrapped"] if rule == BOOTSTRAP else row["simulations"]
        error = math.sqrt(self.alpha * (1 - self.alpha) / decisions)
        return float(row["rates"][rule] - self.alpha) / error

    def keeps(self, rule: str, design: str, place: Place) -> bool:
        """Return whether `rule` promotes at most alpha of the students at the threshold, within simulation error."""
        return self.errors_above(rule, self.row(design, place, place["r0"])) <= WITHIN

    def shortfalls(self) -> list[Shortfall]:
        """Return, for each design and setting, the true retention at which the gate falls short most, if it does."""
        worst: dict[tuple[Any, ...], Shortfall] = {}
        for row in self.rows:
            found = self._shortfall(row)
            place = _key(row["design"], row, 0.0)
            if found is not None and (place not in worst or found.size > worst[place].size):
                worst[place] = found
        return list(worst.values())

    def _shortfall(self, row: dict[str, Any]) -> Shortfall | None:
        if row["r"] == row["r0"]:
            return None
        rates = {
            rule: rate for rule, rate in row["rates"].items() if rule != GATE and self.keeps(rule, row["design"], row)
        }
        best = max(rates, key=lambda rule: rates[rule], default=None)
        if best is None or rates[best] <= row["rates"][GATE] + POINT:
            return None
        correlations = sorted({other["correlation"] for other in self.rows})
        sizes = [self.rate(best, row["design"], {**row, "correlation": one}, row["r0"]) for one in correlations]
        return Shortfall(
            row, best, (row["rates"][GATE], rates[best]), tuple(size for size in sizes if size is not None)
        )


def _key(design: str, place: Place, r: float) -> tuple[Any, ...]:
    return design, place["r0"], place["teacher"], place["n"], place["correlation"], r
