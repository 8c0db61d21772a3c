"""Is the planned volume large enough to earn a student back, with the speed that is known or with any speed at all?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from gatekeeper.check.distil_plan import DistilLine, Speaks, line_of
from gatekeeper.check.sizes import RECIPES
from gatekeeper.cost.machines import Machines
from gatekeeper.cost.money import format_usd
from gatekeeper.cost.outlook import Outlook
from gatekeeper.cost.serving import HOURS_PER_MONTH, replica_month
from gatekeeper.cost.volumes import ProfitableIntervals
from gatekeeper.errors import GatekeeperError
from gatekeeper.records import Quantity
from gatekeeper.whatif.options import machines_of
from gatekeeper.whatif.table import table_of
from gatekeeper.whatif.worksheet import Values, Worksheet

NO_LIMIT_RPS = Decimal(10) ** 9
"""A speed at which one machine takes any traffic: what is left is the floor that redundancy and minimum set."""
_SPANS = 4
"""As many spans of volumes are named."""
_PROPOSAL = "a proposal without a source"


@dataclass(frozen=True)
class Floor:
    """The row of a student with the speed that is known, or without any limit of speed.

    Attributes:
        measured: whether the speed is a measured one.
        least_rps: requests per second of one machine at which the planned volume still earns the program back; None:
            it never does, however fast.
    """

    name: str
    outlook: Outlook
    machines: Machines
    measured: bool
    least_rps: Decimal | None


def volume_line(worksheet: Worksheet, speeds: Sequence[Quantity]) -> DistilLine:
    """Return whether the planned volume earns the program back.

    Args:
        worksheet: of the suite.
        speeds: measured `<student>.capacity_rps`; empty before any run.
    """
    floor, values = _floor(worksheet, speeds), Values(worksheet)
    planned, safety = values["requests_per_month"], values["gate.volume_safety"]
    volumes = None if floor is None else floor.outlook.volumes_with_program
    if floor is None or volumes is None:
        sentence = "The bill of a student cannot be computed with what the suite says."
        return _line("open", planned, None, safety, sentence, "give what is missing", {})
    first = volumes.intervals[0].start if volumes.intervals else None
    kept = volumes.contains(planned)
    sure = kept and volumes.contains(planned / safety) and _fast_enough(worksheet, floor)
    monthly = floor.outlook.volumes
    numbers = {
        "break_even_requests_per_month": monthly.intervals[0].start if monthly and monthly.intervals else None,
        "break_even_with_program_requests_per_month": first,
        "saving_usd_per_month": floor.outlook.saving_usd,
        "program_usd": floor.outlook.program.one_time_usd,
        "least_capacity_rps": floor.least_rps,
    }
    outcome: Speaks = "for" if sure else "open" if kept else "against"
    sentence, change = _sentence(floor, planned, volumes), _change(floor, planned, first, safety)
    return _line(outcome, planned, first, safety, sentence, change, numbers)


def _line(
    outcome: Speaks,
    planned: Decimal,
    first: Decimal | None,
    safety: Decimal,
    sentence: str,
    change: str,
    numbers: dict[str, Decimal | None],
) -> DistilLine:
    source = f"computed: where the horizon's savings equal the program; {safety:g} times that is {_PROPOSAL}"
    question = "Is the volume large enough?"
    return line_of("volume", question, outcome, planned, first, "requests/month", source, sentence, change, numbers)


def _floor(worksheet: Worksheet, speeds: Sequence[Quantity]) -> Floor | None:
    """Return the student of the highest measured speed; without one, the first with no limit of speed."""
    students = [one for one in worksheet.options if one.kind == "cpu"]
    known = [one for one in speeds if one.value and one.name.rpartition(".")[0] in {s.name for s in students}]
    fastest = max(known, key=lambda one: one.value or Decimal(0), default=None)
    name = students[0].name if fastest is None else fastest.name.rpartition(".")[0]
    speed = fastest or Quantity(
        name=f"{name}.capacity_rps", value=NO_LIMIT_RPS, unit="requests/s", origin="assumed", source="no limit"
    )
    filled = worksheet.model_copy(update={"inputs": (*worksheet.inputs, speed)})
    try:
        outlook, values = table_of(filled).row(name).outlook, Values(filled)
        machines = machines_of(filled.option(name), values)
    except GatekeeperError:
        return None
    if outlook is None:
        return None
    return Floor(name, outlook, machines, fastest is not None, _least_rps(outlook, machines, values))


def _least_rps(outlook: Outlook, machines: Machines, values: Values) -> Decimal | None:
    """Return kappa V / (3600 H u* n), n the machines that may serve the peak before the program is not earned back."""
    serving = machines.serving
    replica = sum(replica_month(serving), Decimal(0))
    bill = outlook.candidate.machines_usd + outlook.candidate.overhead_usd
    slack = outlook.saving_usd - outlook.program.one_time_usd / values["horizon_months"]
    if slack < 0 or not replica:
        return None
    most = int((bill + slack) // replica) - serving.redundancy
    if most < 1:
        return None
    peak = machines.peak_to_average * values["requests_per_month"] / (3600 * HOURS_PER_MONTH)
    return peak / (serving.target_utilisation * most)


def _fast_enough(worksheet: Worksheet, floor: Floor) -> bool:
    """Return whether students of the suite's recipes were fast enough elsewhere, where nothing was measured here."""
    if floor.measured:
        return True
    models = [one.model for one in worksheet.options if one.kind == "cpu"]
    best = max((RECIPES[model].rps for model in models if model in RECIPES), default=0)
    return floor.least_rps is not None and floor.least_rps <= best


def _sentence(floor: Floor, planned: Decimal, volumes: ProfitableIntervals) -> str:
    machines = floor.machines.serving
    how = f"with the measured speed of {floor.name}" if floor.measured else "with no limit of speed"
    least = max(machines.min_replicas, 1 + machines.redundancy)
    bill = floor.outlook
    spans = [
        f"{one.start:,.0f} on" if one.end is None else f"{one.start:,.0f} to {one.end:,.0f}"
        for one in volumes.intervals[:_SPANS]
    ]
    end = f"the program is earned back from {', from '.join(spans)}" if spans else "no volume earns the program back"
    more = f" and {len(volumes.intervals) - _SPANS} more spans" if len(volumes.intervals) > _SPANS else ""
    return (
        f"{planned:,.0f} requests a month are planned; {how} (machines: {least} or more) {end}{more}. A month saves "
        f"{format_usd(bill.saving_usd)}, and the program costs {format_usd(bill.program.one_time_usd)}."
    )


def _change(floor: Floor, planned: Decimal, first: Decimal | None, safety: Decimal) -> str:
    if floor.least_rps is not None and not floor.measured:
        return f"a student that takes less than {floor.least_rps:,.3g} requests/s on one machine; a run measures it"
    if first is None or planned < first * safety:
        return "more traffic, a dearer teacher, fewer hours of engineering and operations, or fewer machines at least"
    return f"fewer than {first * safety:,.0f} requests a month, or a cheaper baseline"
