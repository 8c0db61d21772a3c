"""What the loop says while it runs: rounds, what was wrong, what was mined, and how a candidate stands."""

from __future__ import annotations

from collections.abc import Sequence

from gatekeeper.cost.money import format_usd
from gatekeeper.gate.blend import BlendChoice
from gatekeeper.records import Item
from gatekeeper.run.candidate import Assessment, Candidate
from gatekeeper.run.planned import LoopPlan
from gatekeeper.run.session import Session
from gatekeeper.stages.mine import Source, dev_failures
from gatekeeper.store.firewall import OpenItems

Picks = Sequence[tuple[Item, Source]]
SHOWN_CHARACTERS = 70


def say_plan(session: Session, plan: LoopPlan) -> None:
    """Say what the loop may ask for and what that costs, before it asks for anything."""
    spent = session.budget.spent
    before = f"; {format_usd(spent)} of it are spent by this run already" if spent else ""
    session.progress.say(
        f"plan: at most {plan.calls:,} calls, about {format_usd(plan.usd)}, and the time of training; what is stored "
        f"is not asked again (`--dry-run` counts it). The budget is {format_usd(plan.budget_usd)}{before}",
        style="bold",
    )
    for line in plan.lines:
        assumed = (" in batches" if line.batch else "") + (" (assumed price)" if line.assumed else "")
        session.progress.say(
            f"  {line.stage}: {line.calls:,} calls to {line.model}, about {format_usd(line.usd)}{assumed}", style="dim"
        )
    if plan.usd > plan.budget_usd:
        session.progress.say(
            "  this does not fit the budget if every round and look is used: the loop then stops with exit code 12, "
            "and goes on where it was once loop.budget_usd is raised",
            style="yellow",
        )


def say_round(session: Session, number: int, picks: Picks) -> None:
    """Say how many texts a round adds, and how they were chosen."""
    mined = sum(source == "mined" for _, source in picks)
    how = f", {mined:,} of them mined where the student was wrong or unsure" if mined else ", drawn at random"
    session.progress.say(f"round {number}: {len(picks):,} new texts{how}", style="bold cyan")


def say_mined(session: Session, open_items: OpenItems, best: Candidate, picks: Picks) -> None:
    """Say what the best student got wrong on the development split, and what was mined for it."""
    failures = dev_failures(open_items, best.model, session.teacher.info.fingerprint)
    mined = [item for item, source in picks if source == "mined"]
    if failures and mined:
        count = f"{best.student} differs from the teacher on {len(failures):,} development rows"
        session.progress.say(f"  {count}, such as: {_brief(failures[0].text)}", style="dim")
        session.progress.say(f"  mined for it, among others: {_brief(mined[0].text)}", style="dim")


def _brief(text: str) -> str:
    # Text of the data goes to a terminal: whatever could steer it is left out.
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return f'"{line[:SHOWN_CHARACTERS]}..."' if len(line) > SHOWN_CHARACTERS else f'"{line}"'


def say_part(session: Session, candidate: Candidate, choice: BlendChoice) -> None:
    """Say which part of the traffic a student could take over, or why none."""
    blend = choice.blend
    if blend is None:
        session.progress.say(f"  {candidate.student} for a part of the traffic: {choice.reason}", style="dim")
        return
    session.progress.say(
        f"  {candidate.student} where it is at least {blend.threshold:.2f} sure: "
        f"{blend.teacher_share.value or 0:.0%} of requests would stay with the teacher"
    )


def say_assessment(session: Session, assessment: Assessment) -> None:
    """Say what the development split says of a candidate, and which rule stands in its way."""
    kept, speed = assessment.retention, assessment.measurement.throughput_rps.value
    shown = "?" if kept.value is None else f"{kept.value:.1%} ({kept.lower or 0:.1%} to {kept.upper or 0:.1%})"
    stopped = [rule for rule in assessment.rules if rule.outcome != "pass"]
    pace = "" if speed is None else f", {speed:,.0f} texts/s"
    session.progress.say(
        f"  {_named(assessment.candidate)}: keeps {shown} of the teacher on dev{pace}; "
        f"chance to pass a look {assessment.pass_probability:.0%}"
    )
    for rule in stopped:
        session.progress.say(f"    {rule.rule}: {rule.sentence}", style="yellow")


def _named(candidate: Candidate) -> str:
    return candidate.student if candidate.threshold is None else f"{candidate.student} with the teacher as fallback"
