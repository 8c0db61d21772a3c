"""The dossier as one HTML file that needs nothing else; the only script is the calculator's, allowed by its hash."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from gatekeeper.report import numbers, sections, sentences
from gatekeeper.report.baselines import held_name
from gatekeeper.report.charts import all_charts
from gatekeeper.report.data import Dossier
from gatekeeper.report.headline import decision_word, headline, who
from gatekeeper.report.rules import quantity_text, rule_text
from gatekeeper.report.steps import next_steps
from gatekeeper.report.text import inert, markdown, one_line

if TYPE_CHECKING:
    from jinja2 import Environment


def render_html(dossier: Dossier, *, theme: str | None = None) -> str:
    """Return the dossier as one self-contained HTML document.

    Args:
        dossier: what is shown.
        theme: "light" or "dark" pins the colours; None follows the reader's system.
    """
    template = environment(autoescape=True).get_template("dossier.html.j2")
    return template.render(**context(dossier), **_calculator(dossier), charts=all_charts(dossier), theme=theme) + "\n"


def _calculator(dossier: Dossier) -> dict[str, Any]:
    """Return the calculator of the run's numbers, and the one script that the page allows: its own, by its hash."""
    from markupsafe import Markup

    from gatekeeper.whatif.calculator import fragment, script_source

    if dossier.worksheet is None:
        return {"calculator": None, "script_source": None}
    source = ("--run", dossier.run.run, "--store", "gatekeeper.duckdb")
    return {
        "calculator": Markup(fragment(dossier.worksheet, source=source)),
        "script_source": Markup(script_source()),
    }


def context(dossier: Dossier) -> dict[str, Any]:
    """Return the names that both templates use."""
    return {
        "d": dossier,
        "headline": headline(dossier),
        "decision": decision_word(dossier),
        "who": who(dossier),
        "steps": next_steps(dossier),
        **_of_the_test(dossier),
        **_around_the_test(dossier),
        "rules": [(rule, rule_text(rule)) for rule in dossier.verdict.rules],
        "score_noun": "Accuracy" if dossier.data.gold else "Agreement",
        "held_name": held_name(dossier.baselines),
        "spent": sum((row.usd for row in dossier.spend), start=Decimal(0)) if dossier.spend else None,
    }


def _of_the_test(dossier: Dossier) -> dict[str, Any]:
    return {
        "outcomes": sentences.OUTCOMES,
        "told": sentences.TOLD,
        "gate_sentence": sentences.gate_sentence(dossier),
        "scores_sentence": sentences.scores_sentence(dossier),
        "test_notes": sentences.test_notes(dossier),
        "looks_sentence": sentences.looks_sentence(dossier),
        "slices_sentence": sentences.slices_sentence(dossier),
        "power_sentence": sentences.power_sentence(dossier),
        "power_basis": sentences.power_basis(dossier),
    }


def _around_the_test(dossier: Dossier) -> dict[str, Any]:
    return {
        "roles": sections.ROLES,
        "teacher_parts": sections.teacher_parts(dossier),
        "ceiling_warnings": sections.ceiling_warnings(dossier),
        "ceiling_facts": sections.ceiling_facts(dossier),
        "part_sentences": sections.part_sentences(dossier),
        "part_point": sections.part_point(dossier),
        "calibration_sentence": sections.calibration_sentence(dossier),
        "cautions": sections.cautions(dossier),
        "budget_sentence": sections.budget_sentence(dossier),
        "seal_sentence": sections.seal_sentence,
        "unsealed_sentence": sections.unsealed_sentence(dossier),
        "copies": sections.copies(dossier),
        "copies_sentence": sections.copies_sentence(dossier),
        "dropped_rows": sections.dropped_rows(dossier),
    }


@cache
def environment(*, autoescape: bool) -> Environment:
    """Return the jinja2 environment of the report's own templates, with every number format as a filter."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("gatekeeper.report", "templates"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(_filters())
    return made


def _filters() -> dict[str, Callable[..., Any]]:
    names = (
        "percent",
        "cell",
        "count",
        "ratio",
        "duration",
        "milliseconds",
        "months",
        "per_second",
        "usd",
        "share_interval",
    )
    return {name: getattr(numbers, name) for name in names} | {
        "inert": inert,
        "one_line": one_line,
        "md": markdown,
        "quantity": quantity_text,
        "plural": numbers.counted,
    }
