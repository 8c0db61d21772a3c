"""How often does a rule promote a student that keeps exactly the required share, and one that keeps more?

    python -m benchmarks.false_promotion            (all settings, some minutes on two cores)
    python -m benchmarks.false_promotion --quick    (few simulations, printed and not kept)

All students are simulated: right or wrong answers of both models with a given tetrachoric correlation. A student at the
threshold is not better than what is required, so promoting it is false; the crashes that count in one rule are among
its wrong answers. Every rule decides on the same simulated splits.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.false_promotion.designs import DESIGNS, REDRAWN, Design, Setting, exact_bound, promotion_rates
from benchmarks.false_promotion.draws import CRASHES
from benchmarks.false_promotion.figure import write_figure
from benchmarks.false_promotion.pages import write_readme
from benchmarks.false_promotion.rules import MARGIN, REPEATS, RESAMPLES
from benchmarks.results import write_result

SEED = 20
ALPHA = 0.05
CORRELATIONS = (0.3, 0.7, 0.9)


@dataclass(frozen=True)
class World:
    """Required retention, the teacher's accuracy, sizes of the split, and by how much the better students are above."""

    r0: float
    teacher: float
    rows: tuple[int, ...]
    above: tuple[float, ...]


WORLDS = (
    World(0.95, 0.92, (50, 100, 200, 500, 2000), (0.02, 0.04, 0.05)),
    World(0.9, 0.8, (100, 500), (0.04,)),
)


@dataclass(frozen=True)
class Effort:
    """Simulated decisions about a student at the threshold and about a better one, and how many of the first are also
    made by bootstrap, under one look and under more."""

    at_threshold: int = 100_000
    better: int = 20_000
    bootstrap_one_look: int = 40_000
    bootstrap_more_looks: int = 1_000


@dataclass(frozen=True)
class Job:
    """One cell of the table; `number` gives it random numbers of its own."""

    number: int
    design: Design
    setting: Setting
    r: float
    effort: Effort

    @property
    def simulations(self) -> tuple[int, int]:
        """Simulated decisions, and how many of them the bootstrap makes too.

        Under several looks the bootstrap promotes too often at the threshold, so its power there is not asked for.
        """
        effort, one_look = self.effort, self.design.looks == 1
        if self.r == self.setting.r0:
            return effort.at_threshold, effort.bootstrap_one_look if one_look else effort.bootstrap_more_looks
        return effort.better, effort.better if one_look else 0


def main() -> None:
    """Simulate every cell; write the result, the figure and the table in README.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few simulations; print the result and keep nothing")
    quick = parser.parse_args().quick
    rows = simulate(Effort(2_000, 200, 200, 100) if quick else Effort())
    if quick:
        for row in rows:
            print(row)
        return
    write_result(
        "false_promotion",
        seed=SEED,
        alpha=ALPHA,
        effort=vars(Effort()),
        redrawn=REDRAWN,
        crashes=CRASHES,
        margin=MARGIN,
        repeats=REPEATS,
        resamples=RESAMPLES,
        rows=rows,
    )
    write_figure()
    write_readme()


def simulate(effort: Effort, processes: int = 2) -> list[dict[str, Any]]:
    """Return one row per cell. The result does not depend on `processes`."""
    # Not forked: whoever calls may have threads, of torch for example.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(cell, jobs(effort)))


def cell(job: Job) -> dict[str, Any]:
    """Simulate one cell."""
    simulations, bootstrapped = job.simulations
    rates = promotion_rates(
        job.design,
        job.setting,
        job.r,
        alpha=ALPHA,
        simulations=simulations,
        bootstrapped=bootstrapped,
        rng=np.random.default_rng([SEED, job.number]),
    )
    return {
        "design": job.design.key,
        **vars(job.setting),
        "r": job.r,
        "simulations": simulations,
        "bootstrapped": bootstrapped,
        "gate_exact": exact_bound(job.design, job.setting, alpha=ALPHA) if job.r == job.setting.r0 else None,
        "rates": rates,
    }


def jobs(effort: Effort) -> Iterator[Job]:
    """Return every cell, in the order of the result."""
    number = itertools.count()
    for world in WORLDS:
        places = itertools.product(world.rows, CORRELATIONS, (0.0, *world.above), DESIGNS)
        for n, correlation, gain, design in places:
            setting = Setting(world.r0, world.teacher, n, correlation)
            yield Job(next(number), design, setting, round(world.r0 + gain, 4), effort)


if __name__ == "__main__":
    main()
