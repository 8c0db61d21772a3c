"""The error budget of a gate split, by the rows that it shares with splits that were looked at before.

Every look charges its alpha to each row of its split. A split inherits the mean of what looks at *other* splits have
charged to its rows, and its own looks may spend the rest: right after a look, the mean charge of the rows that it read
is at most the alpha of the suite that looked. So fresh rows bring budget for the share that is fresh; a part of used-up
rows, or the same rows under another name, bring none; and a split without any used row has the whole alpha.

A single row may be charged more than alpha, since fresh rows beside it bring it new looks: where every split on its way
has at most the share f of fresh rows, and its used rows are charged alike, it stays below alpha / (1 - f).

By the union bound (as in `stats.spending`) looks at one split, and those at others with the very same rows, together
pass a student that is not good enough with a probability of at most alpha, whatever the looks have to do with each
other. Splits with rows of their own have error probabilities of their own, which add up as they do for new data.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import Field

from gatekeeper.records import Record
from gatekeeper.store.gate_rows import wanted_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROUNDING = 1e-12
"""An error probability below this is what float arithmetic leaves of a budget that is spent."""


class GateBudget(Record):
    """What is left of the error budget of one gate split, and why. Shares of alpha are probabilities."""

    gate_digest: str
    alpha: float = Field(description="the budget that a split of fresh rows has under this suite: 1 - confidence")
    spent: float = Field(description="by looks at this very split")
    inherited: float = Field(description="mean over the rows of what looks at other splits have charged to them")
    left: float = Field(description="alpha - inherited - spent, never below 0")
    next_alpha: float | None = Field(description="what the next look would get; None: no look is left")
    looks_planned: int
    looks_spent: int = Field(description="looks at this very split, by any run and suite of the store")
    looks_elsewhere: int = Field(description="looks at other splits that share rows with this one")
    rows: int
    rows_used: int = Field(description="rows that looks at other splits have read")
    rows_fresh: int = Field(description="rows that no look at another split has read")


class Inheritance(Record):
    """What looks at other splits have charged to the rows of this one."""

    alpha: float
    rows: int
    rows_used: int
    looks: int


def budget_of(
    connection: DuckDBPyConnection,
    gate_digest: str,
    row_keys: Collection[str],
    alpha: float,
    looks: int,
    *,
    as_of: datetime | None = None,
) -> GateBudget:
    """Return the error budget of a gate split under a suite that allows `alpha` over `looks` planned looks.

    Args:
        connection: an open connection of the store; reading is enough.
        gate_digest: content hash of the gate split.
        row_keys: of all its rows, see `gate_rows.row_keys`.
        alpha: one-sided error probability over all looks, in (0, 1).
        looks: planned number of looks, at least 1.
        as_of: leave looks out that were reserved later, to see the budget as it was then.

    Raises:
        InputError: alpha or looks are out of range.
        StoreError: there are no rows.
    """
    spent = [
        float(one)
        for (one,) in connection.execute(
            """SELECT alpha FROM looks WHERE gate_digest = $gate
               AND ($as_of::TIMESTAMPTZ IS NULL OR reserved_at <= $as_of) ORDER BY look""",
            {"gate": gate_digest, "as_of": as_of},
        ).fetchall()
    ]
    earlier = inheritance_of(connection, gate_digest, row_keys, as_of=as_of)
    return GateBudget(
        gate_digest=gate_digest,
        alpha=alpha,
        spent=math.fsum(spent),
        inherited=earlier.alpha,
        left=_left(alpha, earlier.alpha, spent),
        next_alpha=alpha_of_next(alpha, looks, inherited=earlier.alpha, spent=spent),
        looks_planned=looks,
        looks_spent=len(spent),
        looks_elsewhere=earlier.looks,
        rows=earlier.rows,
        rows_used=earlier.rows_used,
        rows_fresh=earlier.rows - earlier.rows_used,
    )


def next_alpha_of(
    connection: DuckDBPyConnection, gate_digest: str, row_keys: Collection[str], alpha: float, looks: int
) -> float | None:
    """Return the error probability that the next look would get, or None when no look is left; see `budget_of`."""
    return budget_of(connection, gate_digest, row_keys, alpha, looks).next_alpha


def inherited_alpha(connection: DuckDBPyConnection, gate_digest: str, row_keys: Collection[str]) -> float:
    """Return the sum over looks at other splits of alpha times the share of these rows that the look has read."""
    return inheritance_of(connection, gate_digest, row_keys).alpha


def inheritance_of(
    connection: DuckDBPyConnection, gate_digest: str, row_keys: Collection[str], *, as_of: datetime | None = None
) -> Inheritance:
    """Return what looks at other splits have charged to these rows.

    A look that stopped early charges all rows of its split, since nobody knows which of them it has read.
    """
    named = {"gate": gate_digest, "as_of": as_of}
    with wanted_rows(connection, row_keys) as total:
        charges = connection.execute(
            """WITH earlier AS (
                   SELECT gate_digest, alpha FROM looks WHERE gate_digest <> $gate
                   AND ($as_of::TIMESTAMPTZ IS NULL OR reserved_at <= $as_of)),
               shared AS (
                   SELECT gate_digest, count(*) AS n FROM gate_rows SEMI JOIN wanted_rows USING (row_key)
                   WHERE gate_digest IN (SELECT gate_digest FROM earlier) GROUP BY gate_digest)
               SELECT alpha, n FROM earlier JOIN shared USING (gate_digest)""",
            named,
        ).fetchall()
        used = connection.execute(
            """SELECT count(*) FROM wanted_rows WHERE row_key IN (
                   SELECT row_key FROM gate_rows JOIN looks USING (gate_digest) WHERE gate_digest <> $gate
                   AND ($as_of::TIMESTAMPTZ IS NULL OR reserved_at <= $as_of))""",
            named,
        ).fetchall()
    return Inheritance(
        alpha=math.fsum(alpha * count for alpha, count in charges) / total,  # exact, in whatever order they come
        rows=total,
        rows_used=used[0][0],
        looks=len(charges),
    )


def alpha_of_next(alpha: float, looks: int, *, inherited: float, spent: Sequence[float]) -> float | None:
    """Return what the next look gets: its place in the plan over ``alpha - inherited``, at most what is left. Pure.

    The plan is `look_alphas`. It shrinks when other splits are looked at meanwhile; a look that then no longer fits as
    planned gets the rest. None when the planned looks are used up or nothing is left.
    """
    from gatekeeper.stats.spending import look_alphas  # late: it brings scipy, which reading a store does not need

    whole = look_alphas(alpha, looks)  # also checks both
    left = _left(alpha, inherited, spent)
    if len(spent) >= len(whole) or left <= ROUNDING:
        return None
    return min(look_alphas(alpha - inherited, looks)[len(spent)], left)


def _left(alpha: float, inherited: float, spent: Sequence[float]) -> float:
    return max(math.fsum([alpha, -inherited, *(-one for one in spent)]), 0.0)
