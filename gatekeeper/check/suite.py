"""Check: everything about a suite that can be known before a cent is spent. Nothing is sent, trained or stored."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from gatekeeper.check.distil import distil_plan
from gatekeeper.check.looks import basis_of, looks_left, power_rows, smallest_rows
from gatekeeper.check.parts import copies_plan, others_plan, slices_plan
from gatekeeper.check.plan import Plan
from gatekeeper.check.stored import Stored, read_store
from gatekeeper.check.warn import warnings_of
from gatekeeper.cost.prices import Price
from gatekeeper.cost.tokens import token_cost
from gatekeeper.run.retirements import retirements_of
from gatekeeper.run.teacher import judge_price_of, price_of
from gatekeeper.stats.paired import smallest_passable_n
from gatekeeper.suite.data import ItemSet, load_items
from gatekeeper.suite.suite import Suite
from gatekeeper.whatif.sources.from_suite import planned_calls, worksheet_of_suite
from gatekeeper.whatif.worksheet import Worksheet


def check_suite(suite: Suite, *, store: Path | None = None, at: date | None = None) -> Plan:
    """Read and check everything that `suite` names, and plan its loop and its gate.

    Args:
        suite: a loaded suite.
        store: a store that may know the suite already: then what it measured replaces what is assumed, and looks that
            it has seen are spent. It is read as it lies there, and may be missing.
        at: the date that prices are wanted for; today by default.

    Raises:
        DataError: the data does not fit the eval.
        PriceError: the teacher, the judge or a baseline has no price, or an old one.
        StoreError: the store is there and cannot be read.
    """
    items = load_items(suite)
    today = at or datetime.now(UTC).date()
    price = price_of(suite, today)
    judge_price_of(suite, today)  # a judge without a price stops here, not in mid-run
    stored = read_store(store, suite, items)
    plan = _plan(suite, items, price, stored, worksheet_of_suite(suite, items=items, at=today))
    warnings = (*warnings_of(plan, suite, items.split("gate"), stored.note), *retirements_of(suite, today))
    return plan.model_copy(update={"warnings": warnings})


def _plan(suite: Suite, items: ItemSet, price: Price, stored: Stored, worksheet: Worksheet) -> Plan:
    """Return the plan, before anything is warned of."""
    quality, spec = suite.gates.quality, suite.eval.spec
    samples, fidelity = spec.samples.teacher, spec.data.target is None
    rows = Counter(item.eval for item in items.items if item.split == "gate")
    each = sum((token_cost(one, price) for one in worksheet.requests), Decimal(0)) / len(worksheet.requests)
    calls = sum(planned_calls(suite, items))
    per_row = each * samples + (Decimal(0) if fidelity else suite.costs.usd_per_label)
    looks, basis = looks_left(quality, stored.budget), basis_of(fidelity, samples, stored.answered)
    return Plan(
        suite=suite.name,
        counts=items.counts,
        duplicates=items.duplicates,
        copies=copies_plan(items, suite.gates.leakage.max_share),
        retention=quality.retention,
        looks=quality.looks,
        interim=quality.interim,
        alphas=looks.alphas,
        basis=basis,
        least_gate_rows=smallest_passable_n(quality.retention, looks.final(looks.first), 1.0),
        smallest_gate_rows=smallest_rows(quality.retention, looks.final(looks.first), basis),
        smallest_gate_rows_last=smallest_rows(quality.retention, looks.final(looks.last), basis),
        power=power_rows(items.counts["gate"], quality.retention, looks, basis, per_row),
        slices=slices_plan(suite.gates.slices, items.split("gate"), looks, basis),
        others=others_plan(suite, rows, looks, basis),
        budget=stored.budget,
        ceiling=None if stored.answered is None else stored.answered.ceiling,
        price=price,
        price_assumed=suite.teacher.priced_as is not None,
        usd_per_request=each,
        usd_per_gate_row=per_row,
        teacher_calls=calls,
        teacher_usd=each * calls,
        budget_usd=suite.loop.budget_usd,
        teacher_usd_per_month=each * suite.traffic.requests_per_month,
        distil=distil_plan(suite, items, worksheet, basis, stored.answered, each),
        assumed=tuple((key, str(value)) for key, value in suite.assumed),
        warnings=(),
    )
