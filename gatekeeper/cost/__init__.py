"""What a teacher and a candidate cost, what the candidate saves, and when it pays back. Pure; money is Decimal USD.

A month has 730 hours. A price or speed that is missing is an error or None, never $0.
"""

from gatekeeper.cost.money import format_usd, round_cents, round_parts
from gatekeeper.cost.payback import (
    BreakEven,
    break_even_volume,
    npv,
    payback_months,
    profitable_volumes,
)
from gatekeeper.cost.price_file import parse_prices
from gatekeeper.cost.prices import DEFAULT_MAX_AGE_DAYS, Price, PriceTier, check_age, find_price
from gatekeeper.cost.scenario import CostCase, CostComparison, Scenario, compare
from gatekeeper.cost.serving import (
    HOURS_PER_MONTH,
    Serving,
    ServingMonth,
    capacity_rps,
    replicas,
    serving_month,
    utilisation,
)
from gatekeeper.cost.usage import RequestCost, mean_request_cost, price_requests, request_cost

__all__ = [
    "DEFAULT_MAX_AGE_DAYS",
    "HOURS_PER_MONTH",
    "BreakEven",
    "CostCase",
    "CostComparison",
    "Price",
    "PriceTier",
    "RequestCost",
    "Scenario",
    "Serving",
    "ServingMonth",
    "break_even_volume",
    "capacity_rps",
    "check_age",
    "compare",
    "find_price",
    "format_usd",
    "mean_request_cost",
    "npv",
    "parse_prices",
    "payback_months",
    "price_requests",
    "profitable_volumes",
    "replicas",
    "request_cost",
    "round_cents",
    "round_parts",
    "serving_month",
    "utilisation",
]
