"""The calculator's arithmetic in an engine without a browser, and worksheets to hold it against."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import quickjs
from hypothesis import strategies as st

from gatekeeper.cost.prices import PriceTier
from gatekeeper.cost.tokens import RequestTokens
from gatekeeper.records import Quantity
from gatekeeper.whatif.calculator.document import document_of
from gatekeeper.whatif.calculator.render import SCRIPTS, script
from gatekeeper.whatif.defaults import with_defaults
from gatekeeper.whatif.worksheet import Kind, Option, Worksheet

_GLUE = """
function gatekeeperCall(name, texts) {
  try { return JSON.stringify({ value: gatekeeperCost[name](...JSON.parse(texts)) }); }
  catch (error) { if (error.name !== "InputError") throw error; return JSON.stringify({ error: error.toString() }); }
}
function gatekeeperAsk(name, text, ...more) {
  return gatekeeperCall(name, JSON.stringify([gatekeeperCost.worksheetOf(JSON.parse(text)), ...more.map(JSON.parse)]));
}
"""


class RefusedError(Exception):
    """The script raised an InputError."""


@cache
def context() -> quickjs.Context:
    made = quickjs.Context()
    for name in SCRIPTS[:3]:
        made.eval(script(name))
    made.eval(_GLUE)
    return made


def plain(value: Any) -> Any:
    """Return what JSON can hold: decimals as the nearest doubles."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


def answer(text: str) -> Any:
    """Return the value of an answer of the script, or raise RefusedError."""
    found = json.loads(text)
    if "error" in found:
        raise RefusedError(found["error"])
    return found.get("value")


def call(name: str, *arguments: Any) -> Any:
    """Return what a function of the script returns for plain arguments."""
    return answer(context().get("gatekeeperCall")(name, json.dumps(plain(list(arguments)))))


def ask(name: str, worksheet: Worksheet, *arguments: Any) -> Any:
    """Return what a function of the script says about a worksheet."""
    texts = [json.dumps(plain(one)) for one in arguments]
    return answer(context().get("gatekeeperAsk")(name, json.dumps(document_of(worksheet)), *texts))


def number(low: str, high: str, places: int = 4) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(low), Decimal(high), places=places)


COUNT = st.integers(0, 3000).map(Decimal)
PRICE = number("0.05", "20", 2)
SHARE = number("0", "1", 3)
SELDOM = st.sampled_from([Decimal(0)] * 4) | SHARE
"""A share that mostly is 0: a batch without a batch price is refused."""
ALWAYS: dict[str, st.SearchStrategy[Decimal]] = {
    "requests_per_month": st.integers(1, 10**8).map(Decimal),
    "input_tokens": st.integers(300, 3000).map(Decimal),
    "output_tokens": COUNT,
    "teacher.input_per_m": PRICE,
    "teacher.output_per_m": PRICE,
}
PERHAPS: dict[str, st.SearchStrategy[Decimal]] = {
    "growth_per_month": st.just(Decimal(0)) | number("-0.1", "0.2", 3),
    "peak_to_average": number("1", "10", 1),
    "cached_input_tokens": st.integers(0, 200).map(Decimal),
    "cache_write_tokens": st.integers(0, 200).map(Decimal),
    "teacher.cached_input_per_m": PRICE,
    "teacher.cache_write_per_m": PRICE,
    "teacher.batch_input_per_m": PRICE,
    "teacher.batch_output_per_m": PRICE,
    "teacher.batch_cached_input_per_m": PRICE,
    "teacher.batch_share": SELDOM,
    "teacher.retry_rate": number("0", "0.3", 3),
    "teacher.usd_per_call": number("0", "0.001", 5),
    "teacher.quality": SHARE,
    "error_usd": st.just(Decimal(0)) | number("0", "0.2", 3),
    "generation_examples": st.integers(0, 50_000).map(Decimal),
    "generation_batch_share": SELDOM,
    "generation_yield": number("0.1", "1", 2),
    "generation_usd_per_example": number("0", "0.1", 4),
    "label_rows": COUNT,
    "training_tokens_per_example": COUNT,
    "training_epochs": st.integers(1, 5).map(Decimal),
    "evaluation_rows": COUNT,
    "judge_usd": number("0", "0.01", 4),
    "engineering_hours": number("0", "300", 1),
    "deployment_hours": number("0", "300", 1),
    "usd_per_engineering_hour": number("1", "200", 1),
    "integration_usd": number("0", "5000", 2),
    "spent_usd": number("0", "9000", 2),
    "operations_hours_per_month": number("0", "30", 1),
    "operations_usd_per_month": number("0", "3000", 2),
    "audit_share": number("0", "0.1", 3),
    "retrain_usd": number("0", "3000", 2),
    "retrain_months": st.integers(1, 12).map(Decimal),
    "price_decay_per_year": st.just(Decimal(0)) | number("0", "1", 2),
    "horizon_months": st.integers(1, 48).map(Decimal),
    "discount_per_year": number("0", "0.4", 3),
    "gate.reduction": number("1", "10", 1),
    "gate.payback_months": number("1", "24", 0),
}
OF_OPTION: dict[str, st.SearchStrategy[Decimal]] = {
    "input_per_m": PRICE,
    "output_per_m": PRICE,
    "input_tokens": st.integers(200, 2000).map(Decimal),
    "cached_input_tokens": st.integers(0, 250).map(Decimal),
    "batch_share": SELDOM,
    "hosting_usd_per_hour": number("0", "5", 2),
    "quality": SHARE,
    "usd_per_hour": number("0.1", "8", 2),
    "capacity_rps": number("0.5", "500", 2),
    "target_utilisation": number("0.1", "1", 2),
    "min_replicas": st.integers(0, 4).map(Decimal),
    "redundancy": st.integers(0, 3).map(Decimal),
    "overhead": number("0", "0.4", 2),
    "machines_per_replica": st.integers(1, 4).map(Decimal),
    "scale_to_zero": st.integers(0, 1).map(Decimal),
    "usd_per_call": number("0", "0.001", 5),
    "teacher_share": SHARE,
    "verifier_usd": number("0", "0.001", 5),
    "training_usd": number("0", "3000", 2),
    "training_per_m": PRICE,
}
KINDS: tuple[Kind, ...] = (
    "cheaper_api", "caching", "batch", "caching_and_batch", "shorter_prompt", "fine_tuned_tokens",
    "fine_tuned_hosted", "gpu", "gpu_quantised", "pruned", "cpu",
)  # fmt: skip
RETIRES = st.none() | st.dates(date(2026, 10, 1), date(2029, 1, 1))


@st.composite
def _options(draw: st.DrawFn) -> tuple[Option, ...]:
    tier = PriceTier(above_input_tokens=900, input_per_m=Decimal(7), output_per_m=Decimal("22.5"))
    options = [Option(name="teacher", kind="incumbent", tiers=draw(st.sampled_from([(), (tier,)])))]
    weights = st.just(()) | st.lists(st.integers(0, 9).map(Decimal), min_size=24, max_size=24).map(tuple)
    for place, kind in enumerate(draw(st.lists(st.sampled_from(KINDS), max_size=4))):
        profile = draw(weights) if kind == "cpu" else ()
        passes, retires = draw(st.sampled_from([None, True, True, False])), draw(RETIRES)
        name = f"{kind}-{place}"
        options.append(Option(name=name, kind=kind, passes=passes, retires=retires, hourly_weights=profile))
    behind = [one.name for one in options[1:] if one.kind.startswith(("fine", "gpu", "pruned", "cpu"))]
    if behind and draw(st.booleans()):
        for kind in ("cascade", "router"):
            options.append(Option(name=kind, kind=kind, of=draw(st.sampled_from(behind)), passes=True))
    return tuple(options)


@st.composite
def worksheets(draw: st.DrawFn) -> Worksheet:
    """Worksheets of all kinds of options; some lack a number, some have an impossible one."""
    options = draw(_options())
    values = {name: draw(strategy) for name, strategy in ALWAYS.items()}
    wanted = dict(PERHAPS)
    for option in options[1:]:
        wanted |= {f"{option.name}.{name}": strategy for name, strategy in OF_OPTION.items()}
    often = {f"{one.name}.{name}" for one in options for name in ("usd_per_hour", "capacity_rps", "teacher_share")}
    left_out = set(draw(st.lists(st.sampled_from(sorted(wanted)), max_size=len(wanted)))) - often
    values |= {name: draw(strategy) for name, strategy in wanted.items() if name not in left_out}
    measured = draw(st.booleans())
    inputs = tuple(
        Quantity(name=name, value=value, unit="", origin="measured" if measured else "assumed", source="drawn")
        for name, value in values.items()
    )
    requests = draw(st.lists(st.integers(1, 4000), max_size=3))
    return with_defaults(
        Worksheet(
            name="drawn",
            as_of=date(2026, 11, 25),
            inputs=inputs,
            options=options,
            requests=tuple(RequestTokens(input_tokens=Decimal(n), output_tokens=Decimal(n // 4)) for n in requests),
        )
    )
