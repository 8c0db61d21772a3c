"""Cost together with quality: wrong answers have a price too.

    C         = c + (1 - Q) epsilon                     Q: share of good answers, epsilon: USD that a bad one costs
    per good  = c / Q
    epsilon*  = (c_t - c_s) / (Q_t - Q_s)  if Q_t > Q_s   above it the dearer, better teacher is the cheaper one

Source: cost design 4.2, Quality.
"""

from __future__ import annotations

from decimal import Decimal

from gatekeeper.cost.checks import require_share, require_zero_or_more


def quality_adjusted_cost(request_usd: Decimal, quality: Decimal, error_usd: Decimal) -> Decimal:
    """Return C: what a request costs with the bad answers that it brings, in USD."""
    missed = 1 - require_share(quality, "quality")
    return require_zero_or_more(request_usd, "request_usd") + missed * require_zero_or_more(error_usd, "error_usd")


def cost_per_success(request_usd: Decimal, quality: Decimal) -> Decimal | None:
    """Return c / Q, what one good answer costs in USD; None where there are none."""
    share = require_share(quality, "quality")
    return require_zero_or_more(request_usd, "request_usd") / share if share else None


def break_even_error_cost(
    teacher_usd: Decimal, student_usd: Decimal, *, teacher_quality: Decimal, student_quality: Decimal
) -> Decimal | None:
    """Return epsilon*, the USD per bad answer at which teacher and student cost the same with their errors.

    Below it the student is the cheaper one. A number of 0 or less means that it never is: it is worse and not cheaper.
    None: the student is no worse, so no price of errors speaks for the teacher.
    """
    gap = require_share(teacher_quality, "teacher_quality") - require_share(student_quality, "student_quality")
    if gap <= 0:
        return None
    saved = require_zero_or_more(teacher_usd, "teacher_usd") - require_zero_or_more(student_usd, "student_usd")
    return saved / gap
