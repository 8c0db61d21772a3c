"""Do data, teacher and students suit: how many rows, where their curve leads, how stable, how small?"""

from __future__ import annotations

from decimal import Decimal

from gatekeeper.check.distil_plan import DistilLine, Speaks, line_of, span
from gatekeeper.check.sizes import ELSEWHERE, RECIPES, SOURCE
from gatekeeper.check.task_lines import Labelled, Learned
from gatekeeper.cost.money import format_usd
from gatekeeper.gate.ceiling import Ceiling
from gatekeeper.suite.suite import Suite

FEW_ROWS, MANY_ROWS = 5_000, 50_000
"""A rule of thumb of practitioners for one task, not a law; benchmarks here keep 97 to 99 % with about 10,000."""
ASKED_TWICE = 100


def data_line(pool: int, answered: int) -> DistilLine:
    """Return whether there are rows enough by the rule of thumb."""
    outcome: Speaks = "for" if pool >= FEW_ROWS else "open"
    beyond = ", beyond what is usually needed" if pool > MANY_ROWS else ""
    usual = f"{FEW_ROWS:,} to {MANY_ROWS:,} are usual{beyond}"
    sentence = f"{pool:,} pool rows can be labelled, {answered:,} of them are; {usual}."
    return line_of(
        "data",
        "Are there rows enough?",
        outcome,
        float(pool),
        float(FEW_ROWS),
        "rows",
        f"{FEW_ROWS:,} to {MANY_ROWS:,} examples for one task, a rule of thumb of practitioners; students on BANKING77 "
        "kept 98 % with 9,772 (benchmarks/README.md)",
        sentence,
        "more texts of the traffic in the pool; or the learning curve shows that fewer are enough",
        {"pool_rows": float(pool), "answered_rows": float(answered), "usual_most": float(MANY_ROWS)},
    )


def curve_line(learned: Learned, rows: Labelled, required: float, only_words: bool) -> DistilLine:
    """Return where the learning curve leads with all rows that are planned, against the score that is required."""
    key, question = "curve", "Does the learning curve reach the required score?"
    source = (
        "gates.quality.retention x the teacher's score; error(n) = a n^-b + c (Hestness et al. 2017; no shape fits all "
        "curves, Viering & Loog 2021)"
    )
    if learned.curve is None or learned.found is None:
        sentence = f"Nothing can be forecast: {learned.reason or 'no labelled rows'}."
        change = "more labelled rows"
        return line_of(key, question, "open", None, required, "share", source, sentence, change, {})
    curve = learned.curve
    outcome: Speaks = "for" if curve.lower >= required else "open"
    if curve.upper < required and only_words:
        outcome = "against"
    needed = curve.rows_for(required)
    reach = "no number of rows does" if needed is None else f"that takes about {needed:,.0f} rows by the same curve"
    sentence = (
        f"By its curve over {learned.found.sizes[0]:,} to {learned.found.sizes[-1]:,} rows a bag-of-words model is "
        f"right on {curve.value:.1%} ({curve.lower:.1%} to {curve.upper:.1%}) after {curve.n:,} rows; required is "
        f"{required:.1%}{' of agreement' if rows.of_teacher else ''}: {reach}."
    )
    change = "more rows, and students that know more than words: static and encoder start from a pretrained model"
    numbers = {
        "forecast": curve.value,
        "forecast_lower": curve.lower,
        "forecast_upper": curve.upper,
        "forecast_rows": float(curve.n),
        "rows_for_required": needed,
        "a": curve.a,
        "b": curve.b,
        "c": curve.c,
    } | {f"accuracy_at_{n}": float(a) for n, a in zip(learned.found.sizes, learned.found.accuracy, strict=True)}
    return line_of(key, question, outcome, curve.value, required, "share", source, sentence, change, numbers)


def stable_line(ceiling: Ceiling | None, retention: float, usd_per_request: Decimal, dev_rows: int) -> DistilLine:
    """Return how often the teacher agrees with itself: a student cannot be held to more than that."""
    agreement = None if ceiling is None else ceiling.self_agreement
    asked = min(ASKED_TWICE, dev_rows)
    price = usd_per_request * asked
    outcome: Speaks = "open"
    if agreement is None or agreement.value is None:
        sentence = "Not known: no development row has two answers of the teacher."
        change = f"`samples: {{teacher: 2}}`; a second answer to {asked:,} rows costs about {format_usd(price)}"
        value = None
    else:
        value = agreement.value
        if agreement.lower is not None and agreement.lower >= retention:
            outcome = "for"
        elif agreement.upper is not None and agreement.upper < retention:
            outcome = "against"
        sentence = f"The teacher agrees with itself on {span(agreement)} of development rows; {retention:.1%} is asked."
        change = "a lower temperature, a clearer prompt, or several answers that are voted on"
    return line_of(
        "stable",
        "Does the teacher give the same answer twice?",
        outcome,
        value,
        retention,
        "share",
        "gates.quality.retention: who agrees less with itself than a student must with it is no clear target",
        sentence,
        change,
        {"usd_to_find_out": float(price)},
    )


def size_line(suite: Suite, retention: float, teacher: str) -> DistilLine:
    """Return how much smaller students were that kept as much elsewhere."""
    known = [(one.name, RECIPES[one.recipe]) for one in suite.students if one.recipe in RECIPES]
    upper = max((one.upper for _, one in known), default=None)
    surest = max((one.lower for _, one in known), default=0.0)
    outcome: Speaks = "for" if surest >= retention else "open" if upper is None or upper >= retention else "against"
    each = "; ".join(f"{name}: {one.size}, kept {one.lower:.1%} to {one.upper:.1%}" for name, one in known)
    sentence = (
        f"{each or 'Nothing is known of such students'}. The parameters of {teacher} are not known here. {ELSEWHERE}"
    )
    numbers = {f"{name}_{end}": getattr(one, end) for name, one in known for end in ("lower", "upper")}
    return line_of(
        "size",
        "Can students this small keep enough?",
        outcome,
        upper,
        retention,
        "share kept",
        f"gates.quality.retention, against {SOURCE}",
        sentence,
        "a larger student, an easier task, or a lower gates.quality.retention; a run measures it on this task",
        numbers,
    )
