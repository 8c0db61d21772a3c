"""The results of a table by id, ``<option>.<result>``: what `explain` explains and JSON lists."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from gatekeeper.cost.volumes import ProfitableIntervals
from gatekeeper.whatif.table import Row, Table


class Result(NamedTuple):
    """How one result of a row is told."""

    unit: str
    formula: str
    undefined: str
    """What it means that there is no number."""


RESULTS: dict[str, Result] = {
    "usd_per_request": Result("USD/request", "bill of the first month / V", "the option lacks numbers"),
    "month_usd": Result(
        "USD/month",
        "V (C + c_teacher) + F_host + F_machines + O + V a, with C = c + (1 - Q) epsilon and whole replicas",
        "the option lacks numbers",
    ),
    "one_time_usd": Result(
        "USD",
        "I = n_keep / y c_t,gen + n_lab votes p_lab + I_train + n_eval (c_t + c_s + c_judge) + h_eng rate + rest",
        "the option lacks numbers",
    ),
    "forward_usd": Result("USD", "the part of I that is still ahead", "the option lacks numbers"),
    "teacher_reduction": Result("times", "incumbent's month / month", "the option is free"),
    "reduction": Result("times", "CRR = C_base / C_cand at V, fixed costs and operations included", "it is free"),
    "saving_usd": Result("USD/month", "S_1 = C_base - C_cand of the first month", "it is the incumbent"),
    "payback_months": Result("months", "first m with S_1 + .. + S_m >= what is ahead of I, linear within it", "never"),
    "program_payback_months": Result("months", "the same for all of I", "never"),
    "npv_usd": Result("USD", "NPV = -I + sum of S_m / (1 + r)^(m / 12) over the horizon", "it is the incumbent"),
    "volumes": Result(
        "requests/month",
        "V s >= F_cand - F_base + O with s = C_base - C_cand - a, replica by replica: intervals",
        "no question of one volume",
    ),
    "volumes_with_program": Result("requests/month", "the same with I / T on the right", "no question of one volume"),
    "break_even_error_usd": Result(
        "USD/bad answer", "epsilon* = (c_t - c_s) / (Q_t - Q_s)", "it is no worse, or a quality is not known"
    ),
}
"""Formulas are those of the cost model (docs/money.md, `gatekeeper.cost`)."""

Value = Decimal | str | None


def results_of(row: Row) -> dict[str, Value]:
    """Return the results of one row by name; None where there is no number, intervals as text."""
    outlook, bill = row.outlook, row.bill
    found: dict[str, Value] = dict.fromkeys(RESULTS)
    found["usd_per_request"] = row.usd_per_request
    found["month_usd"] = None if bill is None else bill.usd
    found["one_time_usd"] = None if row.one_time is None else row.one_time.program_usd
    found["forward_usd"] = None if row.one_time is None else row.one_time.forward_usd
    found["teacher_reduction"] = row.teacher_reduction
    if outlook is not None:
        found["reduction"] = outlook.reduction
        found["saving_usd"] = outlook.saving_usd
        found["payback_months"] = outlook.forward.payback_months
        found["program_payback_months"] = outlook.program.payback_months
        found["npv_usd"] = outlook.program.npv_usd
        found["break_even_error_usd"] = outlook.break_even_error_usd
        found["volumes"] = said(outlook.volumes)
        found["volumes_with_program"] = said(outlook.volumes_with_program)
    return found


def all_results(table: Table) -> dict[str, Value]:
    """Return the results of all options that there are, by id."""
    return {f"{row.name}.{name}": value for row in table.rows if row.name for name, value in results_of(row).items()}


def said(volumes: ProfitableIntervals | None) -> str | None:
    """Return intervals of monthly requests as text; None: they are no question of one volume."""
    if volumes is None:
        return None
    parts = [
        f"{_whole(one.start)} and more" if one.end is None else f"{_whole(one.start)} to {_whole(one.end)}"
        for one in volumes.intervals
    ]
    scanned = "" if volumes.scanned_to is None else f" (looked at up to {_whole(volumes.scanned_to)})"
    return ("; ".join(parts) or "none") + scanned


def _whole(number: Decimal) -> str:
    return f"{number:,.0f}"
