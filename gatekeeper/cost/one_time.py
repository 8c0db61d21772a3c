"""What a project costs once, as two numbers: the program, and what is still ahead.

    I = n_keep / y (c_t,gen + c_filter) + n_lab votes p_lab + I_train
        + n_eval (c_t + c_s + c_judge) + h_eng rate + integration

program: all of it, failed rounds included. forward: what a decision now would still cause. What is spent is spent
whatever is decided, so it must not stop a promotion; it stays in the program. Source: cost design 4.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from gatekeeper.cost.checks import require_positive, require_zero_or_more
from gatekeeper.cost.defaults import LABEL_VOTES, USD_PER_LABEL
from gatekeeper.errors import InputError
from gatekeeper.records import Record


class CostLine(Record):
    """One line of a project's one-time cost, in USD."""

    name: str
    spent_usd: Decimal = Decimal(0)
    ahead_usd: Decimal = Decimal(0)


class OneTime(Record):
    """The one-time cost of a project, in USD. Both totals are sums of the lines."""

    lines: tuple[CostLine, ...]
    program_usd: Decimal
    forward_usd: Decimal


def add_lines(lines: Sequence[CostLine]) -> OneTime:
    """Return the lines with their totals: program = spent + ahead, forward = ahead.

    Raises:
        InputError: an amount is negative or not finite, or a name stands twice.
    """
    names = [line.name for line in lines]
    if len(set(names)) < len(names):
        raise InputError(f"a line of the one-time cost stands twice: {', '.join(names)}", hint="add its amounts up")
    spent = sum((require_zero_or_more(line.spent_usd, f"{line.name}: spent") for line in lines), Decimal(0))
    ahead = sum((require_zero_or_more(line.ahead_usd, f"{line.name}: ahead") for line in lines), Decimal(0))
    return OneTime(lines=tuple(lines), program_usd=spent + ahead, forward_usd=ahead)


def generation_cost(
    kept: int, usd_per_example: Decimal, *, yield_share: Decimal = Decimal(1), filter_usd: Decimal = Decimal(0)
) -> Decimal:
    """Return n_keep / y (c_t,gen + c_filter): what the teacher's examples cost, rejected ones included.

    Args:
        kept: n_keep, examples that the student learns from.
        usd_per_example: c_t,gen, at the price of a batch where they are generated in one.
        yield_share: y, kept per generated example, in (0, 1].
        filter_usd: c_filter, for checking one generated example.
    """
    if require_positive(yield_share, "yield_share") > 1:
        raise InputError(f"yield_share is {yield_share}, above 1", hint="examples kept per example generated")
    each = require_zero_or_more(usd_per_example, "usd_per_example") + require_zero_or_more(filter_usd, "filter_usd")
    return require_zero_or_more(Decimal(kept), "kept") / yield_share * each


def label_cost(rows: int, *, votes: int = LABEL_VOTES, usd_per_label: Decimal = USD_PER_LABEL) -> Decimal:
    """Return n_lab votes p_lab: what `votes` human labels for each of `rows` rows cost in USD."""
    if rows < 0 or votes < 1:
        raise InputError(f"rows ({rows}) must be 0 or more and votes ({votes}) 1 or more")
    return rows * votes * require_zero_or_more(usd_per_label, "usd_per_label")


def evaluation_cost(
    rows: int, *, teacher_usd: Decimal, student_usd: Decimal, judge_usd: Decimal = Decimal(0)
) -> Decimal:
    """Return n_eval (c_t + c_s + c_judge): both models answer `rows` rows and a judge may read them."""
    each = require_zero_or_more(teacher_usd, "teacher_usd") + require_zero_or_more(student_usd, "student_usd")
    return require_zero_or_more(Decimal(rows), "rows") * (each + require_zero_or_more(judge_usd, "judge_usd"))


def engineering_cost(hours: Decimal, usd_per_hour: Decimal) -> Decimal:
    """Return h_eng rate in USD."""
    return require_zero_or_more(hours, "engineering hours") * require_zero_or_more(usd_per_hour, "usd_per_hour")
