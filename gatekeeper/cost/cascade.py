"""A student in front of a teacher: a cascade asks the student first, a router decides before anybody answers.

    cascade  c = c_s + c_ver + e c_t      e: share of the requests that escalate; each is paid for twice, once per model
    router   c = c_rt + w c_t + (1 - w) c_s    w: share that the router sends to the teacher

c_ver is the verifier's cost per request, c_rt the router's. The quality of either is measured end to end; it is not
that of the student. Source: cost design 4.2 and 4.4.
"""

from __future__ import annotations

from decimal import Decimal

from gatekeeper.cost.checks import require_positive, require_share, require_zero_or_more


def cascade_cost(
    student_usd: Decimal, teacher_usd: Decimal, escalation: Decimal, *, verifier_usd: Decimal = Decimal(0)
) -> Decimal:
    """Return c_s + c_ver + e c_t, what one request to a cascade costs in USD."""
    share = require_share(escalation, "the share of escalated requests")
    own = require_zero_or_more(student_usd, "student_usd") + require_zero_or_more(verifier_usd, "verifier_usd")
    return own + share * require_zero_or_more(teacher_usd, "teacher_usd")


def router_cost(
    student_usd: Decimal, teacher_usd: Decimal, teacher_share: Decimal, *, router_usd: Decimal = Decimal(0)
) -> Decimal:
    """Return c_rt + w c_t + (1 - w) c_s, what one request to a router costs in USD."""
    share = require_share(teacher_share, "the teacher's share")
    both = share * require_zero_or_more(teacher_usd, "teacher_usd")
    both += (1 - share) * require_zero_or_more(student_usd, "student_usd")
    return require_zero_or_more(router_usd, "router_usd") + both


def most_escalation(
    student_usd: Decimal,
    teacher_usd: Decimal,
    *,
    verifier_usd: Decimal = Decimal(0),
    reduction: Decimal = Decimal(1),
) -> Decimal | None:
    """Return the share of escalated requests at which a cascade costs 1 / `reduction` of the teacher.

    e = 1 / R - (c_s + c_ver) / c_t. With R = 1 the cascade saves anything below this share. None: no share reaches the
    reduction, since the student and the verifier alone cost too much.
    """
    teacher = require_positive(teacher_usd, "teacher_usd")
    own = require_zero_or_more(student_usd, "student_usd") + require_zero_or_more(verifier_usd, "verifier_usd")
    share = 1 / require_positive(reduction, "reduction") - own / teacher
    return share if share >= 0 else None
