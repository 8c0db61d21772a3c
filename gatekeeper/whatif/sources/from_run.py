"""A worksheet from a run: the suite as it was when the run began, with what the run has measured and spent.

For a run with a verdict, the bills of the candidate and of what it is held against are those of the verdict. What is
spent is spent: nothing is ahead but the deployment.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from gatekeeper.cost.prices import DEFAULT_MAX_AGE_DAYS, Price
from gatekeeper.cost.serving import capacity_rps
from gatekeeper.cost.usage import RequestCost
from gatekeeper.errors import InputError
from gatekeeper.records import Measurement, Message, Quantity
from gatekeeper.run.teacher import NO_LIMIT_DAYS
from gatekeeper.store.as_it_is import StoreAsItIs
from gatekeeper.store.firewall import OpenItems
from gatekeeper.store.suites import latest_run
from gatekeeper.suite.prompt import render_rubric
from gatekeeper.whatif.defaults import with_defaults
from gatekeeper.whatif.sources.from_suite import PRICED_ITEMS, fixed_answer_inputs
from gatekeeper.whatif.sources.run_facts import RunFacts, read_run
from gatekeeper.whatif.sources.spec_inputs import free_name, machine_inputs, price_inputs, quantity, spec_inputs
from gatekeeper.whatif.sources.teacher_ways import Ways, further_prices, repeated_tokens, ways_of
from gatekeeper.whatif.worksheet import TEACHER, Option, Worksheet

_ABOUT_ANSWERS = ("gates.quality.", "gates.slices.", "gates.ood.", "gates.guards.", "gates.format.")
"""Rules of a verdict that make up the quality gate. Cost, latency and copies are other questions."""


def worksheet_of_run(store: Path, run: str | None = None) -> Worksheet:
    """Return the money of a run as a worksheet, with all defaults as inputs of their own.

    The store is only read. `as_of` is the day that the run began: prices are those of the run, and further ones (a
    batch, a cache) are looked up for that day; those of the suite's own price file are not stored and so not known.

    Args:
        store: the DuckDB file.
        run: id of the run; the one that started last by default.

    Raises:
        StoreError: there is no such store or run, or the teacher has not answered yet.
        InputError: a student or baseline is called like the incumbent.
    """
    opened = StoreAsItIs(store)
    run = latest_run(opened) if run is None else run
    with opened.read() as connection:
        found = read_run(connection, run)
    facts, cost = found.facts, found.facts.teacher_cost
    reason = _stand_in(facts.teacher.price_assumed, "the teacher", cost.price)
    ways, teacher = _teacher(opened, found, reason)
    bids = _baselines(found)
    students = _students(found)
    spent = f"all that run {run} has spent, failed rounds included"
    inputs = [
        *spec_inputs(facts.spec, _defaults(found)),
        *_deployment(found),
        quantity(
            "spent_usd",
            found.spent_usd + found.facts.spec.costs.labels_usd,
            "USD",
            spent,
            origin="assumed" if reason else "measured",
        ),
        *_token_inputs("", cost),
        *price_inputs(TEACHER, cost.price, reason),
        *_quality(TEACHER, found.teacher_quality, f"mean score in run {run}"),
        *ways.inputs,
        *(one for _, several in (*bids, *students) for one in several),
    ]
    return with_defaults(
        Worksheet(
            name=facts.spec.suite,
            as_of=found.started,
            inputs=tuple(inputs),
            options=(teacher, *ways.options, *(option for option, _ in (*bids, *students))),
            requests=found.requests,
            notes=(*ways.notes, *_notes(found)),
        )
    )


def _teacher(store: StoreAsItIs, found: RunFacts, reason: str) -> tuple[Ways, Option]:
    """Return the ways to use the teacher for less, and the incumbent."""
    price = found.facts.teacher_cost.price
    limit = NO_LIMIT_DAYS if reason else DEFAULT_MAX_AGE_DAYS
    prices = further_prices(price, at=found.started, own=None, max_age_days=limit)
    ways = ways_of(
        found.facts.spec,
        prices,
        repeated=repeated_tokens(_requests_as_sent(store, found)),
        mean_input=found.facts.teacher_cost.mean_input_tokens,
        cached=found.facts.teacher_cost.mean_cached_input_tokens,
        writes=found.facts.teacher_cost.mean_cache_write_tokens > 0,
        why_assumed=reason,
        known="estimated from development rows",
    )
    retires = None if reason else prices.retires  # a stand-in itself does not retire
    option = Option(
        name=TEACHER,
        kind="incumbent",
        model=price.model,
        tiers=price.tiers,
        retires=retires,
        passes_source="the incumbent",
    )
    return ways, option


def _requests_as_sent(store: StoreAsItIs, found: RunFacts) -> list[tuple[Message, ...]]:
    """Return what the teacher was sent about development rows: the rows' own messages, or the suite's prompt."""
    facts = found.facts
    rows = [one for one in OpenItems(store, facts.suite.fingerprint).items("dev") if one.eval == facts.eval_spec.eval]
    prompt: list[str | None] | None = facts.suite.spec.get("prompt")
    if prompt is None:
        return [one.messages for one in rows[:PRICED_ITEMS]]
    turns = [(role, text) for role, text in zip(("system", "user"), prompt, strict=True) if text is not None]
    return [
        tuple(
            Message.model_validate({"role": role, "content": render_rubric(text, one, "", facts.labels)})
            for role, text in turns
        )
        for one in rows[:PRICED_ITEMS]
    ]


def _students(found: RunFacts) -> list[tuple[Option, list[Quantity]]]:
    """Return the suite's students, and the cascade where the candidate hands requests on to the teacher."""
    listed: list[tuple[Option, list[Quantity]]] = []
    spec, share = found.facts.spec, None if found.fallback is None else found.fallback.share
    for student in spec.students:
        one = found.answerers.get(student.name)
        partial = one is not None and student.name == found.candidate and one.chosen.threshold is not None
        judged = {} if student.name != found.candidate or partial else _judged(found)
        option = Option(name=student.name, kind="cpu", model=student.recipe, **judged)
        inputs = list(machine_inputs(student.name, spec, _defaults(found)))
        if one is not None:
            inputs += [
                *speed_inputs(student.name, one.measurement, spec.serving.cpu.cores),
                *_quality(student.name, one.quality, one.rows),
            ]
        listed.append((option, inputs))
        if partial and one is not None and share is not None and share.value is not None:
            name = free_name("cascade", spec)
            kept = f"requests on which {student.name} is less than {one.chosen.threshold:.4g} sure, {one.rows}"
            cascade = Option(name=name, kind="cascade", of=student.name, model=student.recipe, **_judged(found))
            shared = quantity(f"{name}.teacher_share", share.value, "share", kept, origin="measured")
            listed.append((cascade, [shared, *_quality(name, one.blended, one.rows)]))
    return listed


def _judged(found: RunFacts) -> dict[str, Any]:
    """Return whether the candidate passes the quality gate, by the rules of its verdict that are about answers."""
    verdict = found.verdict
    if verdict is None:
        return {}
    rules = {one.rule: one.outcome for one in verdict.rules if one.rule.startswith(_ABOUT_ANSWERS)}
    open_rules = [rule for rule, outcome in rules.items() if outcome == "inconclusive"]
    failed = [rule for rule, outcome in rules.items() if outcome == "fail"]
    named = failed or open_rules
    words = f": {', '.join(named)}" if named else ""
    passes = False if failed else None if open_rules else True
    return {"passes": passes, "passes_source": f"verdict of run {found.facts.run}{words}"}


def speed_inputs(name: str, measurement: Measurement | None, cores: int) -> Iterator[Quantity]:
    """Yield the requests per second of one billed machine of a student; none where nothing usable was measured.

    Args:
        name: of the student.
        measurement: of its speed.
        cores: of the machine that is billed.
    """
    if measurement is None:
        return
    try:
        rps = capacity_rps(measurement.throughput_rps, cores_measured=measurement.cores, cores_billed=cores)
    except InputError:
        return  # it was measured, and the number cannot be used
    scaled = f", from {measurement.cores} measured to {cores} billed cores" if measurement.cores != cores else ""
    source = f"measured on {measurement.machine}{scaled}"
    day = measurement.measured_at.date()
    yield quantity(f"{name}.capacity_rps", rps, "requests/s", source, origin="measured", as_of=day)


def _baselines(found: RunFacts) -> list[tuple[Option, list[Quantity]]]:
    """Return the baselines with the tokens that they reported; none where the suite does not count them."""
    if found.facts.spec.gates.cost.vs == "teacher":
        return []
    results = {one.name: one for one in found.baselines}
    listed: list[tuple[Option, list[Quantity]]] = []
    for stored in found.facts.baselines:
        name, cost, result = stored.name, stored.cost, results.get(stored.name)
        outcome = None if result is None else result.outcome
        option = Option(
            name=name,
            kind="cheaper_api",
            model="majority" if cost is None else cost.price.model,
            tiers=() if cost is None else cost.price.tiers,
            passes={"pass": True, "fail": False}.get(outcome or ""),
            passes_source="" if result is None else f"it {result.sentence}",
        )
        inputs = list(_quality(name, found.baseline_quality.get(name), f"mean score in run {found.facts.run}"))
        if cost is None:
            inputs += fixed_answer_inputs(name)
        else:
            reason = _stand_in(stored.price_assumed, f"the baseline {name}", cost.price)
            inputs += [*price_inputs(name, cost.price, reason), *_token_inputs(f"{name}.", cost)]
        listed.append((option, inputs))
    return listed


def _token_inputs(prefix: str, cost: RequestCost) -> Iterator[Quantity]:
    """Yield the mean tokens of a model's answers to development rows."""
    counted = cost.n_requests - cost.n_reported
    source = f"mean of {cost.n_requests:,} requests"
    if counted:
        source += f"; assumed: {counted:,} of them counted with a local tokenizer, not reported by the provider"
    for name, mean in (
        ("input_tokens", cost.mean_input_tokens),
        ("cached_input_tokens", cost.mean_cached_input_tokens),
        *([("cache_write_tokens", cost.mean_cache_write_tokens)] if cost.mean_cache_write_tokens else []),
        ("output_tokens", cost.mean_output_tokens),
    ):
        yield quantity(f"{prefix}{name}", mean, "tokens/request", source, origin="assumed" if counted else "measured")


def _deployment(found: RunFacts) -> Iterator[Quantity]:
    hours = found.facts.spec.costs.deployment_hours
    if hours is not None:
        yield quantity("deployment_hours", hours, "h", "costs.deployment_hours")


def _quality(name: str, value: Decimal | None, source: str) -> Iterator[Quantity]:
    if value is not None:
        yield quantity(f"{name}.quality", value, "score", source, origin="measured")


def _notes(found: RunFacts) -> Iterator[str]:
    if found.facts.spec.gates.cost.vs == "teacher":
        yield "baselines are left out, since the suite says gates.cost.vs: teacher"
    if found.verdict is None:
        yield "the run has no verdict yet, so nobody knows whether its student passes"
    for name, one in found.answerers.items():
        if one.measurement is None:
            yield f"the speed of {name} was not measured in this run"


def _defaults(found: RunFacts) -> frozenset[str]:
    return frozenset(str(key) for key, _ in found.facts.suite.assumed or ())


def _stand_in(assumed: bool, who: str, price: Price) -> str:
    return f"{who} is a stand-in, priced as {price.model}" if assumed else ""
