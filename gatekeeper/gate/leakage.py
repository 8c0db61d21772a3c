"""Leakage: how much of what students learn from was a copy of gate rows before it was left out. Pure.

The copies are gone when a student is trained. A large share of them says that both splits come from one hand, and then
copies in other words, which nobody found, are likely to be there too. So the rule withholds a verdict; it never fails.
"""

from __future__ import annotations

from collections.abc import Mapping

from gatekeeper.errors import InputError
from gatekeeper.records import RuleResult

RULE = "gates.leakage.max_share"
COPIES = ("pool_in_gate", "near_pool_in_gate")
"""Kinds of dropped rows, in `ItemSet.duplicates`, that are copies of gate rows."""


def leaked_rows(duplicates: Mapping[str, int], pool_kept: int) -> tuple[int, int]:
    """Return the pool rows that were dropped as copies of gate rows, and all pool rows with them.

    Args:
        duplicates: dropped rows by kind, as `ItemSet.duplicates` counts them.
        pool_kept: rows of the pool that are left.
    """
    dropped = sum(duplicates.get(kind, 0) for kind in COPIES)
    return dropped, pool_kept + dropped


def leakage_rule(dropped: int, pool_rows: int, max_share: float) -> RuleResult:
    """Judge the share of pool rows that were copies of gate rows: pass up to `max_share`, inconclusive above.

    The share is a count over all rows, not an estimate, so it is its own bound. Without pool rows it is undefined, and
    the rule is inconclusive.

    Args:
        dropped: pool rows that were left out as exact or near copies of gate rows.
        pool_rows: pool rows before that, `dropped` among them.
        max_share: largest share that is allowed, in [0, 1].

    Raises:
        InputError: the counts or the share cannot be.
    """
    if not 0 <= dropped <= pool_rows or not 0 <= max_share <= 1:
        raise InputError(
            f"{dropped} copies among {pool_rows} pool rows, at most {max_share} of them allowed",
            hint="give counts with 0 <= dropped <= pool_rows, and a share in [0, 1]",
        )
    share = dropped / pool_rows if pool_rows else None
    passed = share is not None and share <= max_share
    if share is None:
        sentence = "There are no pool rows to compare with gate rows."
    elif dropped == 0:
        sentence = f"None of {pool_rows:,} pool rows is a copy of a gate row."
    else:
        sentence = (
            f"{dropped:,} of {pool_rows:,} pool rows ({share:.2%}) were copies of gate rows and were left out; "
            f"at most {max_share:.2%} may be."
        )
    return RuleResult(
        rule=RULE,
        outcome="pass" if passed else "inconclusive",
        value=share,
        bound=share,
        requirement=max_share,
        margin=None if share is None else max_share - share,
        unit="share of pool rows",
        better="lower",
        sentence=sentence,
        settle=None if passed else _settle(share),
    )


def _settle(share: float | None) -> str:
    if share is None:
        return "Add rows to the pool."
    return (
        "Take gate rows from another source or a later time than the pool. Where rows come from one document, "
        "conversation or template, name that column in `data.cluster`, so that it stays in one split."
    )
