"""Check: everything about a suite that can be known before a cent is spent. Nothing is sent, trained or stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from gatekeeper.cost.prices import Price
from gatekeeper.cost.usage import request_cost
from gatekeeper.models.tokens import count_request
from gatekeeper.records import Record
from gatekeeper.run.asking import request_of
from gatekeeper.run.teacher import price_of
from gatekeeper.stats.paired import smallest_passable_n
from gatekeeper.stats.power import power_curve
from gatekeeper.stats.spending import look_alphas
from gatekeeper.suite.data import ItemSet, load_items
from gatekeeper.suite.suite import Suite

PLANNING_ACCURACY = 0.92
PLANNING_CORRELATION = 0.7
"""Until answers exist, power is computed for a teacher and a correlation like these (see docs/statistics.md)."""
TARGET_POWER = 0.8
PRICED_ITEMS = 500


class PowerRow(Record):
    """Chance to pass for a student that truly keeps `retention`."""

    retention: float
    first_look: float
    last_look: float
    rows_for_80_percent: int | None


class Plan(Record):
    """What a loop over the suite would do and cost at most."""

    suite: str
    counts: dict[str, int]
    duplicates: dict[str, int]
    retention: float
    looks: int
    smallest_gate_rows: int | None
    power: tuple[PowerRow, ...]
    price: Price
    price_assumed: bool
    usd_per_request: Decimal
    teacher_calls: int
    teacher_usd: Decimal
    budget_usd: Decimal
    teacher_usd_per_month: Decimal
    assumed: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


def check_suite(suite: Suite, *, at: date | None = None) -> Plan:
    """Read and check everything that `suite` names, and plan its loop.

    Args:
        suite: a loaded suite.
        at: the date that prices are wanted for; today by default.

    Raises:
        DataError: the data does not fit the eval.
        PriceError: the teacher has no price, or an old one.
    """
    items = load_items(suite)
    price = price_of(suite, at or datetime.now(UTC).date())
    each = _usd_per_request(suite, items, price)
    calls = _calls(suite, items)
    quality = suite.gates.quality
    smallest = smallest_passable_n(quality.retention, look_alphas(quality.alpha, quality.looks)[0], PLANNING_ACCURACY)
    plan = Plan(
        suite=suite.name,
        counts=items.counts,
        duplicates=items.duplicates,
        retention=quality.retention,
        looks=quality.looks,
        smallest_gate_rows=smallest,
        power=_power(suite, items.counts["gate"]),
        price=price,
        price_assumed=suite.teacher.priced_as is not None,
        usd_per_request=each,
        teacher_calls=calls,
        teacher_usd=each * calls,
        budget_usd=suite.loop.budget_usd,
        teacher_usd_per_month=each * suite.traffic.requests_per_month,
        assumed=tuple((key, str(value)) for key, value in suite.assumed),
        warnings=(),
    )
    return plan.model_copy(update={"warnings": tuple(_warnings(plan))})


def _usd_per_request(suite: Suite, items: ItemSet, price: Price) -> Decimal:
    """Return the mean price of a request with an answer as long as the longest label, tokens estimated."""
    longest = max(suite.eval.labels, key=len)
    sample: Sequence[Decimal] = [
        request_cost(count_request(request_of(suite, item), longest), price)
        for item in items.split("dev")[:PRICED_ITEMS]
    ]
    return sum(sample, Decimal(0)) / len(sample)


def _calls(suite: Suite, items: ItemSet) -> int:
    pool = min(suite.loop.rounds * suite.loop.examples_per_round, items.counts.get("pool", 0))
    return pool + items.counts["dev"] + items.counts["gate"]


def _power(suite: Suite, rows: int) -> tuple[PowerRow, ...]:
    quality = suite.gates.quality
    alphas = look_alphas(quality.alpha, quality.looks)
    retentions = sorted({round(quality.retention + step, 4) for step in (0.01, 0.02, 0.04)} | {1.0})
    points = power_curve(
        rows,
        [one for one in retentions if one <= 1.0],
        r0=quality.retention,
        teacher_accuracy=PLANNING_ACCURACY,
        correlation=PLANNING_CORRELATION,
        alphas=[alphas[0], alphas[-1]],
        target=TARGET_POWER,
    )
    return tuple(
        PowerRow(
            retention=point.retention,
            first_look=point.powers[0],
            last_look=point.powers[-1],
            rows_for_80_percent=point.rows[-1],
        )
        for point in points
    )


def _warnings(plan: Plan) -> list[str]:
    warnings = []
    gate = plan.counts["gate"]
    if plan.smallest_gate_rows is not None and gate < plan.smallest_gate_rows:
        warnings.append(
            f"the gate split has {gate} rows: even a student identical to the teacher cannot pass the first look; "
            f"it takes at least {plan.smallest_gate_rows}"
        )
    if plan.teacher_usd > plan.budget_usd:
        warnings.append(
            f"the loop may call the teacher {plan.teacher_calls:,} times for about ${plan.teacher_usd:,.2f}, above "
            f"loop.budget_usd of ${plan.budget_usd:,.2f}: it would stop with what it has"
        )
    conflicting = plan.duplicates.get("conflicting_labels", 0)
    if conflicting:
        warnings.append(f"{conflicting} duplicate texts had different right answers: look at how the labels were made")
    return warnings
