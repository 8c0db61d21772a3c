"""Profitable volumes against a walk over every volume, replicas by the hour, and bills of machines."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gatekeeper.cost import (
    Machines,
    Serving,
    Steps,
    VolumeInterval,
    economic_utilisation,
    machine_month,
    mean_replicas,
    profitable_intervals,
    profitable_volumes,
    replica_volume,
    usd_per_million,
)
from gatekeeper.cost.volumes import MOST_STEPS
from gatekeeper.errors import InputError

D = Decimal
GPU = Serving(usd_per_hour=D("1.59"), target_utilisation=D("0.7"), min_replicas=2, redundancy=1)


def _saved(volume: int, saving: int, fixed: int, replica: int, capacity: int, least: int, spare: int) -> int:
    """Return what a month with this volume saves, by the definition."""
    return volume * saving - max(least, ceil(volume / capacity) + spare) * replica - fixed


@settings(max_examples=300, deadline=None)
@given(
    saving=st.integers(-20, 40),
    fixed=st.integers(-300, 300),
    replica=st.integers(0, 200),
    capacity=st.integers(1, 20),
    least=st.integers(0, 6),
    spare=st.integers(0, 3),
)
def test_intervals_agree_with_a_walk_over_every_volume(
    saving: int, fixed: int, replica: int, capacity: int, least: int, spare: int
) -> None:
    steps = Steps(
        replica_usd_per_month=D(replica),
        replica_requests_per_month=D(capacity),
        min_replicas=least,
        redundancy=spare,
    )
    found = profitable_intervals(D(saving), fixed_usd_per_month=D(fixed), steps=steps)
    assert all(one.end is not None and one.end < two.start for one, two in pairwise(found.intervals))
    for volume in range(1, 700):
        paid = _saved(volume, saving, fixed, replica, capacity, least, spare) >= 0
        assert found.contains(D(volume)) == paid, volume
    far = 10**6
    if found.scanned_to is None and saving * capacity != replica:
        for volume in (far, far + 1, far + capacity):
            assert found.contains(D(volume)) == (_saved(volume, saving, fixed, replica, capacity, least, spare) >= 0)


@settings(max_examples=200, deadline=None)
@given(
    saving=st.integers(1, 40),
    fixed=st.integers(0, 300),
    replica=st.integers(0, 200),
    capacity=st.integers(1, 60),
    least=st.integers(0, 6),
    spare=st.integers(0, 3),
)
def test_intervals_begin_and_end_where_the_closed_form_says(
    saving: int, fixed: int, replica: int, capacity: int, least: int, spare: int
) -> None:
    assume(saving * capacity != replica)
    edge = profitable_volumes(
        D(saving),
        fixed_usd_per_month=D(fixed),
        replica_usd_per_month=D(replica),
        replica_requests_per_month=D(capacity),
        min_replicas=least,
        redundancy=spare,
    )
    steps = Steps(
        replica_usd_per_month=D(replica),
        replica_requests_per_month=D(capacity),
        min_replicas=least,
        redundancy=spare,
    )
    intervals = profitable_intervals(D(saving), fixed_usd_per_month=D(fixed), steps=steps).intervals
    assert (edge.first_from is None) == (intervals == ())
    if intervals:
        assert (edge.first_from, edge.first_to) == (intervals[0].start, intervals[0].end)
        assert edge.always_from == (intervals[-1].start if intervals[-1].end is None else None)


@settings(max_examples=200, deadline=None)
@given(saving=st.integers(-20, 40), fixed=st.integers(-300, 300), volume=st.integers(1, 500))
def test_without_machines_one_volume_decides(saving: int, fixed: int, volume: int) -> None:
    found = profitable_intervals(D(saving), fixed_usd_per_month=D(fixed))
    assert len(found.intervals) <= 1
    assert found.contains(D(volume)) == (volume * saving >= fixed)


def test_holes_that_never_end_are_scanned_to_a_limit_and_said_so() -> None:
    # A full replica earns exactly its cost, and the baseline's hosting of 5 is saved: each step pays near its end.
    steps = Steps(replica_usd_per_month=D(10), replica_requests_per_month=D(10))
    found = profitable_intervals(D(1), fixed_usd_per_month=D(-5), steps=steps)
    assert found.scanned_to == MOST_STEPS * 10
    assert found.intervals[:2] == (
        VolumeInterval(start=D(5), end=D(10)),
        VolumeInterval(start=D(15), end=D(20)),
    )
    assert len(found.intervals) == MOST_STEPS


day = st.lists(st.integers(0, 50), min_size=24, max_size=24).filter(any)


@settings(max_examples=200, deadline=None)
@given(
    volume=st.integers(1, 10**9),
    weights=day,
    capacity=st.integers(1, 2000),
    share=st.integers(1, 100),
    least=st.integers(0, 4),
    spare=st.integers(0, 2),
)
def test_hourly_replicas_are_the_mean_of_each_hours_need(
    volume: int, weights: list[int], capacity: int, share: int, least: int, spare: int
) -> None:
    serving = GPU.model_copy(update={"target_utilisation": D(share) / 100, "min_replicas": least, "redundancy": spare})
    count = mean_replicas(D(volume), [D(one) for one in weights], capacity_rps=D(capacity) / 10, serving=serving)
    usable = Fraction(capacity, 10) * Fraction(share, 100)
    average = Fraction(volume) / (730 * 3600)
    hours = [ceil(average * one * 24 / sum(weights) / usable) for one in weights]
    assert abs(Fraction(count) - Fraction(sum(max(least, n + spare) for n in hours), 24)) < Fraction(1, 10**20)


def test_scaling_to_zero_pays_for_the_hours_with_requests_only() -> None:
    night_off = [D(0)] * 12 + [D(1)] * 12
    serving = GPU.model_copy(update={"min_replicas": 0, "redundancy": 1})
    zero = serving.model_copy(update={"scale_to_zero": True})
    assert mean_replicas(D(1_000_000), night_off, capacity_rps=D(9), serving=serving) == D("1.5")
    assert mean_replicas(D(1_000_000), night_off, capacity_rps=D(9), serving=zero) == 1
    month = machine_month(D(1_000_000), Machines(serving=zero, capacity_rps=D(9), hourly_weights=tuple(night_off)))
    assert (month.replicas, month.usd) == (1, D("1.59") * 730)
    with pytest.raises(InputError, match="scale_to_zero with min_replicas 2"):
        mean_replicas(D(1), night_off, capacity_rps=D(9), serving=GPU.model_copy(update={"scale_to_zero": True}))


def test_an_even_profile_costs_what_a_peak_of_one_costs() -> None:
    for volume in (D(1_000_000), D(50_000_000)):
        even = Machines(serving=GPU, capacity_rps=D(9), hourly_weights=(D(7),) * 24)
        flat = Machines(serving=GPU, capacity_rps=D(9), peak_to_average=D(1))
        assert machine_month(volume, even).usd == machine_month(volume, flat).usd
    with pytest.raises(InputError, match="hourly profile"):
        replica_volume(even)


@pytest.mark.parametrize("weights", [[], [D(0)] * 24, [D(-1), D(2)]])
def test_a_profile_without_traffic_is_an_error(weights: list[Decimal]) -> None:
    with pytest.raises(InputError, match="hourly profile"):
        mean_replicas(D(1000), weights, capacity_rps=D(9), serving=GPU)


def test_a_replica_of_several_machines_costs_all_of_them() -> None:
    four = GPU.model_copy(update={"units": 4, "overhead": D("0.15")})
    month = machine_month(D(3_000_000), Machines(serving=four, capacity_rps=D("8.935")))
    assert month.machines_usd == 2 * 4 * D("1.59") * 730
    assert month.overhead_usd == month.machines_usd * D("0.15")
    assert month.usd == month.machines_usd + month.overhead_usd
    with pytest.raises(InputError, match="units is 0"):
        machine_month(D(1), Machines(serving=GPU.model_copy(update={"units": 0}), capacity_rps=D(1)))


def test_more_tokens_than_machines_can_make_are_an_error_and_no_use_above_one() -> None:
    month = D(3600 * 730)
    full = economic_utilisation(month, D(100), replicas=D(1), saturated_tokens_per_second=D(100))
    assert full == 1
    with pytest.raises(InputError, match="times the tokens"):
        economic_utilisation(month, D(101), replicas=D(1), saturated_tokens_per_second=D(100))
    with pytest.raises(InputError, match="speed"):
        usd_per_million(D(1), D(0))
