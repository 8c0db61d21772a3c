"""What a teacher and a candidate cost, what the candidate saves, and when it pays back. Pure; money is Decimal USD.

A month has 730 hours. A price or speed that is missing is an error or None, never $0.

prices/       what tokens cost, by whom, since when; the user's own price file
per request   tokens, usage, api, cascade, quality
per month     serving, hourly, machines, operations, alternative
once          training_cost, one_time
over time     plan, outlook, payback, returns, volumes, lifetime
doubt         information, sensitivity, uncertainty/ (Monte Carlo; loads numpy)
decision      scenario, case, quantities: the comparison that verdicts rest on

What is named here is loaded when it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatekeeper.cost.alternative import Alternative, Bill, cheapest, month_bill
    from gatekeeper.cost.api import ApiCost, ApiPrices, ApiUse, api_cost, hosting_cost
    from gatekeeper.cost.cascade import cascade_cost, most_escalation, router_cost
    from gatekeeper.cost.defaults import DEFAULTS, Default
    from gatekeeper.cost.hourly import mean_replicas
    from gatekeeper.cost.information import (
        chance_positive,
        net_value_of_samples,
        value_of_perfect_information,
        value_of_samples,
    )
    from gatekeeper.cost.lifetime import Horizon, horizon, months_between
    from gatekeeper.cost.machines import (
        MachineMonth,
        Machines,
        economic_utilisation,
        idle_usd,
        machine_month,
        replica_volume,
        usd_per_million,
        usd_per_million_output,
    )
    from gatekeeper.cost.money import format_usd, round_cents, round_parts
    from gatekeeper.cost.one_time import (
        CostLine,
        OneTime,
        add_lines,
        engineering_cost,
        evaluation_cost,
        generation_cost,
        label_cost,
    )
    from gatekeeper.cost.operations import audit_cost, operations_cost
    from gatekeeper.cost.outlook import Outlook, Returns, outlook_of
    from gatekeeper.cost.payback import (
        BreakEven,
        break_even_volume,
        npv,
        payback_months,
        present_values,
        profitable_volumes,
    )
    from gatekeeper.cost.plan import Plan, monthly_savings
    from gatekeeper.cost.prices import DEFAULT_MAX_AGE_DAYS, Price, PriceTier, check_age, find_price
    from gatekeeper.cost.prices.file import parse_prices
    from gatekeeper.cost.quality import break_even_error_cost, cost_per_success, quality_adjusted_cost
    from gatekeeper.cost.returns import irr_per_month, npv_of_waiting, payback_in, roi, sign_changes
    from gatekeeper.cost.scenario import CostCase, CostComparison, Scenario, compare
    from gatekeeper.cost.sensitivity import Bar, tornado
    from gatekeeper.cost.serving import (
        HOURS_PER_MONTH,
        Serving,
        ServingMonth,
        capacity_rps,
        replica_month,
        replicas,
        serving_month,
        utilisation,
    )
    from gatekeeper.cost.tokens import RequestTokens, TokenParts, token_cost, token_parts
    from gatekeeper.cost.training_cost import (
        TrainingEstimate,
        estimate_training,
        gpu_hours,
        hourly_training_cost,
        token_training_cost,
    )
    from gatekeeper.cost.usage import RequestCost, mean_request_cost, price_requests, request_cost
    from gatekeeper.cost.volumes import ProfitableIntervals, Steps, VolumeInterval, profitable_intervals

_MODULES: dict[str, tuple[str, ...]] = {
    "alternative": (
        "Alternative",
        "Bill",
        "cheapest",
        "month_bill",
    ),
    "api": (
        "ApiCost",
        "ApiPrices",
        "ApiUse",
        "api_cost",
        "hosting_cost",
    ),
    "cascade": (
        "cascade_cost",
        "most_escalation",
        "router_cost",
    ),
    "defaults": (
        "DEFAULTS",
        "Default",
    ),
    "hourly": ("mean_replicas",),
    "information": (
        "chance_positive",
        "net_value_of_samples",
        "value_of_perfect_information",
        "value_of_samples",
    ),
    "lifetime": (
        "Horizon",
        "horizon",
        "months_between",
    ),
    "machines": (
        "MachineMonth",
        "Machines",
        "economic_utilisation",
        "idle_usd",
        "machine_month",
        "replica_volume",
        "usd_per_million",
        "usd_per_million_output",
    ),
    "money": (
        "format_usd",
        "round_cents",
        "round_parts",
    ),
    "one_time": (
        "CostLine",
        "OneTime",
        "add_lines",
        "engineering_cost",
        "evaluation_cost",
        "generation_cost",
        "label_cost",
    ),
    "operations": (
        "audit_cost",
        "operations_cost",
    ),
    "outlook": (
        "Outlook",
        "Returns",
        "outlook_of",
    ),
    "payback": (
        "BreakEven",
        "break_even_volume",
        "npv",
        "payback_months",
        "present_values",
        "profitable_volumes",
    ),
    "plan": (
        "Plan",
        "monthly_savings",
    ),
    "prices.file": ("parse_prices",),
    "prices": (
        "DEFAULT_MAX_AGE_DAYS",
        "Price",
        "PriceTier",
        "check_age",
        "find_price",
    ),
    "quality": (
        "break_even_error_cost",
        "cost_per_success",
        "quality_adjusted_cost",
    ),
    "returns": (
        "irr_per_month",
        "npv_of_waiting",
        "payback_in",
        "roi",
        "sign_changes",
    ),
    "scenario": (
        "CostCase",
        "CostComparison",
        "Scenario",
        "compare",
    ),
    "sensitivity": (
        "Bar",
        "tornado",
    ),
    "serving": (
        "HOURS_PER_MONTH",
        "Serving",
        "ServingMonth",
        "capacity_rps",
        "replica_month",
        "replicas",
        "serving_month",
        "utilisation",
    ),
    "tokens": (
        "RequestTokens",
        "TokenParts",
        "token_cost",
        "token_parts",
    ),
    "training_cost": (
        "TrainingEstimate",
        "estimate_training",
        "gpu_hours",
        "hourly_training_cost",
        "token_training_cost",
    ),
    "usage": (
        "RequestCost",
        "mean_request_cost",
        "price_requests",
        "request_cost",
    ),
    "volumes": (
        "ProfitableIntervals",
        "Steps",
        "VolumeInterval",
        "profitable_intervals",
    ),
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "DEFAULTS",
    "DEFAULT_MAX_AGE_DAYS",
    "HOURS_PER_MONTH",
    "Alternative",
    "ApiCost",
    "ApiPrices",
    "ApiUse",
    "Bar",
    "Bill",
    "BreakEven",
    "CostCase",
    "CostComparison",
    "CostLine",
    "Default",
    "Horizon",
    "MachineMonth",
    "Machines",
    "OneTime",
    "Outlook",
    "Plan",
    "Price",
    "PriceTier",
    "ProfitableIntervals",
    "RequestCost",
    "RequestTokens",
    "Returns",
    "Scenario",
    "Serving",
    "ServingMonth",
    "Steps",
    "TokenParts",
    "TrainingEstimate",
    "VolumeInterval",
    "add_lines",
    "api_cost",
    "audit_cost",
    "break_even_error_cost",
    "break_even_volume",
    "capacity_rps",
    "cascade_cost",
    "chance_positive",
    "cheapest",
    "check_age",
    "compare",
    "cost_per_success",
    "economic_utilisation",
    "engineering_cost",
    "estimate_training",
    "evaluation_cost",
    "find_price",
    "format_usd",
    "generation_cost",
    "gpu_hours",
    "horizon",
    "hosting_cost",
    "hourly_training_cost",
    "idle_usd",
    "irr_per_month",
    "label_cost",
    "machine_month",
    "mean_replicas",
    "mean_request_cost",
    "month_bill",
    "monthly_savings",
    "months_between",
    "most_escalation",
    "net_value_of_samples",
    "npv",
    "npv_of_waiting",
    "operations_cost",
    "outlook_of",
    "parse_prices",
    "payback_in",
    "payback_months",
    "present_values",
    "price_requests",
    "profitable_intervals",
    "profitable_volumes",
    "quality_adjusted_cost",
    "replica_month",
    "replica_volume",
    "replicas",
    "request_cost",
    "roi",
    "round_cents",
    "round_parts",
    "router_cost",
    "serving_month",
    "sign_changes",
    "token_cost",
    "token_parts",
    "token_training_cost",
    "tornado",
    "usd_per_million",
    "usd_per_million_output",
    "utilisation",
    "value_of_perfect_information",
    "value_of_samples",
]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(f"gatekeeper.cost.{_PLACES[name]}"), name)
    raise AttributeError(f"module 'gatekeeper.cost' has no attribute {name!r}")
