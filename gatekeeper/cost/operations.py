"""What keeps a student in service: hours of operations, audits against the teacher, and training it again.

    O           = hours x rate + V s_audit (c_t + c_judge)
    retraining  = R in month m if m mod m_R = 0 and m < T      (none in the last month: nothing would use it)

Source: cost design 4.1 (O) and 4.4 (R).
"""

from __future__ import annotations

from decimal import Decimal

from gatekeeper.cost.checks import require_share, require_zero_or_more
from gatekeeper.cost.defaults import AUDIT_SHARE
from gatekeeper.errors import InputError


def operations_cost(hours_per_month: Decimal, usd_per_hour: Decimal) -> Decimal:
    """Return the fixed part of O: hours x rate in USD a month."""
    hours = require_zero_or_more(hours_per_month, "operations hours")
    return hours * require_zero_or_more(usd_per_hour, "usd_per_hour")


def audit_cost(teacher_usd: Decimal, *, judge_usd: Decimal = Decimal(0), share: Decimal = AUDIT_SHARE) -> Decimal:
    """Return s_audit (c_t + c_judge): what audits add to each request, in USD. Times V it is a month's audits."""
    read = require_zero_or_more(teacher_usd, "teacher_usd") + require_zero_or_more(judge_usd, "judge_usd")
    return require_share(share, "the audited share") * read


def retrains_in(month: int, *, every_months: int, horizon_months: int) -> bool:
    """Return whether the student is trained again in `month` (1 is the first): m mod m_R = 0 and m < T."""
    if every_months < 1:
        raise InputError(f"retrain_months is {every_months}", hint="1 or more; set the retraining cost to 0 for never")
    return month % every_months == 0 and month < horizon_months
