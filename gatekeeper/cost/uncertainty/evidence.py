"""What is known of a plan's uncertain inputs: measurements as they are, and ranges where nothing was measured.

Inputs are drawn independently of each other, but for the pairs that belong together: both models' scores of a row, and
both models' costs of a request.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple

from numpy.typing import ArrayLike

from gatekeeper.records import Record


class Points(NamedTuple):
    """The lowest, the most likely and the highest value of something assumed."""

    low: float
    mode: float
    high: float


@dataclass(frozen=True, eq=False)
class Evidence:
    """What was measured or assumed of each input; None or empty: the plan's number is taken as certain.

    Costs of requests, prices and speeds move the plan's numbers in proportion: a draw of the plan's price is the plan's
    price x resampled mean / mean. So retries, batch shares or another number of cores that the plan has on top of what
    was measured hold in the draws too. Volumes, qualities, hours and decay replace the plan's numbers.
    """

    volume_p10_p90: tuple[float, float] | None = None
    """Requests of the first month: one chance in ten to be below the first, one in ten to be above the second. The
    plan's volume lies between them."""
    teacher_scores: ArrayLike | None = None
    """Scores in [0, 1] of the rows of an eval; the teacher is the baseline, the student the candidate."""
    student_scores: ArrayLike | None = None
    clusters: ArrayLike | None = None
    """The cluster of each row; None: each row is its own."""
    baseline_requests_usd: ArrayLike | None = None
    """USD of each measured request, each priced on its own."""
    candidate_requests_usd: ArrayLike | None = None
    same_requests: bool = True
    """Whether both models' costs are of the same requests in the same order; they are then resampled together."""
    baseline_is_teacher: bool = True
    """Whether what a cascade or router pays to the teacher moves with the baseline's cost per request."""
    throughput_rps: ArrayLike | None = None
    """Measurements of the candidate's requests per second, of one replica or in proportion to it."""
    baseline_throughput_rps: ArrayLike | None = None
    price_decay: Points | None = None
    """Shares per year in [0, 1), triangular."""
    engineering_hours: Points | None = None
    """Hours still ahead, PERT. They replace what is ahead in the line `engineering_line` of the one-time cost."""
    usd_per_hour: Decimal | None = None
    engineering_line: str = "engineering"
    operations_usd: Points | None = None
    """USD a month, PERT."""
    baseline_prices_usd: tuple[float, ...] = ()
    """USD of a mean request of the baseline by each source of prices that disagrees. The plan's lies among them."""
    candidate_prices_usd: tuple[float, ...] = ()


class DrawnInput(Record):
    """An input that was drawn."""

    name: str
    distribution: str
    parameters: dict[str, float | tuple[float, ...]]
    origin: Literal["measured", "priced", "assumed"]
