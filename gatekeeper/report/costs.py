"""The money of a dossier from stored quantities, and the list of what was assumed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gatekeeper.cost.serving import Serving, capacity_rps, serving_month
from gatekeeper.errors import InputError
from gatekeeper.records import Measurement, Quantity
from gatekeeper.report.data import Assumption, Money
from gatekeeper.report.rules import quantity_text

if TYPE_CHECKING:
    from gatekeeper.report.rows import StoredRows

FIELDS = {
    "requests_per_month": "requests_per_month",
    "baseline_monthly": "baseline_usd_per_month",
    "candidate_monthly": "candidate_usd_per_month",
    "saving_monthly": "saving_usd_per_month",
    "reduction": "reduction",
    "payback_months": "payback_months",
    "program": "program_usd",
    "forward": "forward_usd",
}
"""Field of `Money` to the name of the stored quantity that it shows."""

_IN_SUITE = ("traffic.", "serving.", "costs.")
_CHOICES = ("loop.", "data.")
_ORDER = {"assumed": 0, "priced": 1, "measured": 2, "derived": 3}


def money(costs: Mapping[str, Quantity]) -> Money:
    """Return the money of a comparison; what was never computed is None."""
    values = {field: costs[name].value if name in costs else None for field, name in FIELDS.items()}
    known = costs.get("payback_months")
    ordered = sorted(
        costs.values(), key=lambda one: (one.name.startswith("pessimistic_"), _ORDER[one.origin], one.name)
    )
    return Money(**values, pays_back=None if known is None else known.value is not None, quantities=tuple(ordered))


def assumptions(rows: StoredRows) -> tuple[Assumption, ...]:
    """Return what nobody measured: a stand-in's price first, then what the suite states, then what it left open.

    Defaults of `loop` and `data` are left out: they are choices that are carried out, not claims about the world.
    """
    teacher = rows.facts.teacher
    listed: list[Assumption] = []
    if teacher.price_assumed:
        why = "The teacher of this run is a stand-in; its answers are priced as this model, and nobody billed them."
        listed.append(Assumption(name="teacher price", value=str(teacher.price_id), why=why))
    defaults = dict(_defaults(rows.facts.suite.assumed))
    by_source = {one.source: one for one in rows.costs.values() if one.origin == "assumed"}
    for source in sorted((name for name in by_source if name.startswith(_IN_SUITE)), key=_place):
        if source not in defaults:
            listed.append(Assumption(name=source, value=quantity_text(by_source[source]), why="Not measured."))
    for path in sorted(defaults, key=_place):
        if not path.startswith(_CHOICES):
            value = defaults[path]
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            shown = quantity_text(by_source[path]) if path in by_source else text
            listed.append(
                Assumption(name=path, value=shown, why="A default that the suite does not set; not measured.")
            )
    return tuple(listed)


def usd_per_million(costs: Mapping[str, Quantity], speed: Mapping[str, Any]) -> Decimal | None:
    """Return what machines for one million requests cost with a student of this measured speed, in US dollars.

    None where the speed or an input of the comparison is unknown.
    """
    payload = speed.get("payload")
    names = ("requests_per_month", "peak_to_average", "machine_usd_per_hour", "target_utilisation", "min_replicas")
    inputs = {name: costs[name].value for name in (*names, "redundancy") if name in costs}
    if payload is None or len(inputs) < len(names) + 1 or any(value is None for value in inputs.values()):
        return None
    values = {name: Decimal(value) for name, value in inputs.items() if value is not None}
    measurement = Measurement.model_validate_json(payload)
    overhead, cores = costs.get("infrastructure_overhead"), costs.get("cores_billed")
    try:
        capacity = capacity_rps(
            measurement.throughput_rps,
            cores_measured=measurement.cores,
            cores_billed=int(cores.value) if cores is not None and cores.value is not None else None,
        )
        month = serving_month(
            int(values["requests_per_month"]),
            peak_to_average=values["peak_to_average"],
            capacity_rps=capacity,
            serving=Serving(
                usd_per_hour=values["machine_usd_per_hour"],
                target_utilisation=values["target_utilisation"],
                min_replicas=int(values["min_replicas"]),
                redundancy=int(values["redundancy"]),
                overhead=overhead.value if overhead is not None and overhead.value is not None else Decimal(0),
            ),
        )
    except InputError:
        return None
    return month.usd_per_request * 1_000_000


def _place(path: str) -> tuple[int, str]:
    section = path.partition(".")[0] + "."
    return (_IN_SUITE.index(section) if section in _IN_SUITE else len(_IN_SUITE), path)


def _defaults(stored: Any) -> list[tuple[str, Any]]:
    if isinstance(stored, Mapping):
        return [(str(path), value) for path, value in stored.items()]
    pairs = stored if isinstance(stored, list) else []
    return [(str(pair[0]), pair[1]) for pair in pairs if isinstance(pair, list | tuple) and len(pair) == 2]
