"""Should this be distilled at all? Each reason that can be known before anything is spent, for and against.

Nothing is sent, and no gate row's label or answer is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from gatekeeper.check.cheaper import cheaper_line, generation_line
from gatekeeper.check.data_lines import curve_line, data_line, size_line, stable_line
from gatekeeper.check.distil_plan import DistilLine, DistilPlan, Speaks, advice_of, line_of
from gatekeeper.check.narrow import label_shape
from gatekeeper.check.plan import Basis
from gatekeeper.check.stored import Answered
from gatekeeper.check.task_lines import Labelled, learn, learnable_line, narrow_line, scope_line
from gatekeeper.check.terms import READ, Terms, terms_of_provider, terms_of_weights
from gatekeeper.check.volume import volume_line
from gatekeeper.records import Split
from gatekeeper.suite.data import ItemSet
from gatekeeper.suite.spec import ChatTeacher, EncoderTeacher
from gatekeeper.suite.suite import Suite
from gatekeeper.whatif.sources.from_suite import planned_calls
from gatekeeper.whatif.worksheet import Worksheet

MOST_ROWS = 800
"""Labelled rows that are drawn: the first few hundred answers, which take a fraction of a second."""
LEAST_ANSWERS = 200
"""Stored answers of the teacher from which on they are learned from in place of right answers."""
_OPEN_SPLITS: tuple[Split, ...] = ("teacher", "pool", "dev")


def distil_plan(
    suite: Suite,
    items: ItemSet,
    worksheet: Worksheet,
    basis: Basis,
    answered: Answered | None,
    usd_per_request: Decimal,
) -> DistilPlan:
    """Return all reasons for and against a student.

    Args:
        suite: a loaded suite.
        items: of the suite.
        worksheet: of the suite (`worksheet_of_suite`).
        basis: how good the teacher is, assumed or measured.
        answered: what a store knows already; None without one.
        usd_per_request: price of one answer of the teacher.
    """
    seed = suite.loop.seed
    rng = np.random.default_rng([seed, MOST_ROWS])
    rows = _labelled(items, answered, rng)
    planned, _ = planned_calls(suite, items)
    retention, n_labels = suite.gates.quality.retention, len(suite.eval.labels)
    required = retention * (1.0 if rows.of_teacher else basis.teacher_accuracy)
    shape = label_shape(rows.labels, n_labels) if rows.labels else None
    learned = learn(rows, planned, n_labels, rng)
    gate = Counter(item.eval for item in items.items if item.split == "gate")
    answers = 0 if answered is None else len(answered.examples)
    ceiling = None if answered is None else answered.ceiling
    lines = (
        volume_line(worksheet, () if answered is None else answered.speeds),
        cheaper_line(worksheet),
        narrow_line(shape, n_labels, required, rows),
        learnable_line(learned, shape, rows, usd_per_request),
        scope_line(suite, gate),
        data_line(items.counts["pool"], answers),
        curve_line(learned, rows, required, all(one.recipe == "linear" for one in suite.students)),
        stable_line(ceiling, retention, usd_per_request, items.counts["dev"]),
        generation_line(worksheet, suite.loop.budget_usd),
        terms_line(suite),
        size_line(suite, retention, worksheet.option("teacher").model),
    )
    return DistilPlan(lines=lines, advice=advice_of(lines), seed=seed)


def terms_line(suite: Suite) -> DistilLine:
    """Return what is known of the terms under which the teacher's answers may be learned from. Never legal advice."""
    terms, who, sentence = _terms(suite)
    decided = suite.policy.teacher_terms
    known = f"the terms of {who} are not known here." if terms is None else f"{who}: {terms.says} ({terms.source})."
    stand_in = bool(sentence)
    outcome: Speaks = "open"
    sentence = f"{sentence} {known}".strip()
    if decided is not None:
        outcome, sentence = "for", f"People have decided, policy.teacher_terms: {decided!r}. {sentence}"
    elif terms is not None and not stand_in:
        outcome = terms.outcome
    return line_of(
        "terms",
        "Do the teacher's terms allow it?",
        outcome,
        None,
        None,
        "",
        f"clauses as read on {READ} in public copies; terms change, and this is no legal advice",
        f"{sentence[0].upper()}{sentence[1:]}",
        "someone who may decide reads the terms and writes the decision under policy.teacher_terms",
        {},
    )


def _terms(suite: Suite) -> tuple[Terms | None, str, str]:
    """Return (the terms, whose they are, what has to be said before them)."""
    teacher = suite.teacher
    init = teacher.init if isinstance(teacher, EncoderTeacher | ChatTeacher) else ""
    if teacher.priced_as is not None:
        own = terms_of_weights(init)
        said = f"The teacher is a stand-in{'' if own is None else f' ({init}: {own.says})'}."
        return terms_of_provider(teacher.priced_as), teacher.priced_as, f"{said} Once {teacher.priced_as} is asked:"
    if init:
        return terms_of_weights(init), init, ""
    endpoint = getattr(teacher, "base_url", None)
    if endpoint is not None:
        return None, f"the endpoint {endpoint}", ""
    return terms_of_provider(teacher.model), teacher.model, ""


def _labelled(items: ItemSet, answered: Answered | None, rng: np.random.Generator) -> Labelled:
    """Return up to `MOST_ROWS` labelled rows: the teacher's stored answers where there are enough, else gold."""
    clusters = {item.id: item.cluster for item in items.items}
    # Mined texts lie near a student's errors, so they do not stand for the traffic.
    examples = () if answered is None else tuple(one for one in answered.examples if one.source == "random")
    of_teacher = len(examples) >= LEAST_ANSWERS
    if of_teacher:
        rows = [(one.text, one.label, clusters.get(one.item_id, one.item_id)) for one in examples]
    else:
        found = [item for split in _OPEN_SPLITS for item in items.split(split)]
        rows = [(item.text, item.target, item.cluster) for item in found if item.target is not None]
    drawn = _drawn(rows, rng)
    texts, labels, groups = zip(*drawn, strict=True) if drawn else ((), (), ())
    return Labelled(tuple(texts), tuple(labels), tuple(groups), of_teacher, len(rows))


def _drawn(rows: Sequence[tuple[str, str, str]], rng: np.random.Generator) -> list[tuple[str, str, str]]:
    if len(rows) <= MOST_ROWS:
        return list(rows)
    return [rows[place] for place in np.sort(rng.choice(len(rows), MOST_ROWS, replace=False))]
