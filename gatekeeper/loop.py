"""The loop: which stage comes after which, round after round, to a verdict. Every stage continues where it stopped."""

from __future__ import annotations

from datetime import UTC, datetime

from gatekeeper.cost.usage import price_requests
from gatekeeper.decide import Derived, comparison_of, derive_verdict, facts_of, other_rules
from gatekeeper.errors import BudgetExceededError, DataError, ModelError
from gatekeeper.models.errors import FAILURES
from gatekeeper.narrate import say_assessment, say_mined, say_round
from gatekeeper.records import Completion, Decision, Example, Verdict
from gatekeeper.run.candidate import Assessment, Candidate
from gatekeeper.run.session import TEACHER_COST, Session
from gatekeeper.stages import assess, evaluate, look
from gatekeeper.stages.curate import curate
from gatekeeper.stages.generate import generate
from gatekeeper.stages.mine import pick_items
from gatekeeper.stages.promote import promote
from gatekeeper.stages.train import train
from gatekeeper.store.evidence import seal
from gatekeeper.store.firewall import OpenItems
from gatekeeper.store.spend import insert_costs
from gatekeeper.store.suites import RunState, run_of, set_run_state
from gatekeeper.store.training import Dropped, dropped_of, examples_of, insert_dropped, insert_examples
from gatekeeper.store.verdicts import StoredVerdict, insert_verdict, verdict_of

STATES: dict[Decision, RunState] = {"promote": "promoted", "reject": "rejected", "inconclusive": "inconclusive"}


def run_loop(session: Session) -> Verdict:
    """Run the loop of an open session to its verdict; a run that has its verdict already returns it.

    Raises:
        BudgetExceededError: `loop.budget_usd` does not allow the next call. What is done is kept.
        ModelError: a model cannot be used. What is done is kept.
    """
    with session.store.read() as connection:
        stored = verdict_of(connection, session.run)
    if stored is not None:
        session.progress.say("this run has its verdict already")
        _carry_out(session, stored.verdict, stored.model)
        return stored.verdict
    _set_state(session, "running")
    try:
        return _rounds(session)
    except BudgetExceededError:
        _set_state(session, "budget")
        raise
    except KeyboardInterrupt:
        _set_state(session, "interrupted")
        raise


def _rounds(session: Session) -> Verdict:
    _price_teacher(session, evaluate.evaluate_teacher(session, "dev"))
    best: Assessment | None = None
    learned = 0
    for number in range(1, session.suite.loop.rounds + 1):
        examples = _collect(session, number, best.candidate if best else None)
        if len(examples) == learned:
            session.progress.say("  nothing new to learn from; the pool is used up, or its answers were left out")
            break
        learned = len(examples)
        for student in session.suite.students:
            assessment = _assess(session, train(session, number, student, examples))
            best = assessment if best is None or assessment.better_than(best) else best
            if _gate(session, assessment):
                return _conclude(session)
    return _conclude(session)


def _collect(session: Session, number: int, best: Candidate | None) -> list[Example]:
    """Mine, generate, curate: return the examples up to round `number`, which are made if they are not stored yet."""
    with session.store.read() as connection:
        examples, dropped = examples_of(connection, session.run), dropped_of(connection, session.run)
    rounds_done = {one.round for one in examples} | {one.round for one in dropped}
    if number not in rounds_done:
        open_items = OpenItems(session.store, session.fingerprint)
        picks = pick_items(
            open_items,
            {one.item_id for one in examples} | {one.item_id for one in dropped},
            best,
            teacher=session.teacher.info.fingerprint,
            count=session.suite.loop.examples_per_round,
            share=session.suite.loop.mine.share,
            rng=session.rng("mine", number),
        )
        items = [item for item, _ in picks]
        say_round(session, number, picks)
        if best is not None:
            say_mined(session, open_items, best, picks)
        answers = generate(session, items, number)
        curated = curate(
            items,
            answers,
            session.suite.eval.labels,
            sources={item.id: source for item, source in picks},
            round_number=number,
        )
        with session.store.write() as connection:
            insert_examples(connection, session.run, curated.examples)
            insert_dropped(
                connection,
                [
                    Dropped(run=session.run, item_id=item_id, reason=reason, round=number)
                    for item_id, reason in curated.dropped.items()
                ],
            )
    with session.store.read() as connection:
        found = examples_of(connection, session.run, up_to_round=number)
    if not found:
        raise DataError(
            "none of the teacher's answers can be learned from",
            hint="look at the table `dropped` for the reasons; often the prompt does not name the labels",
        )
    return found


def _assess(session: Session, candidate: Candidate) -> Assessment:
    evaluate.evaluate_student(session, candidate.model, candidate.classifier, "dev")
    scores = evaluate.paired(session, candidate.model, "dev")
    retention, chance = assess.dev_estimates(
        session, candidate, scores.student, scores.teacher, alpha=look.next_alpha(session)
    )
    measurement = assess.measured(session, candidate)
    with session.store.read() as connection:
        facts = facts_of(connection, session.run)
        comparison = comparison_of(connection, facts, measurement)
    rules = other_rules(facts.spec, comparison, measurement)
    assessment = Assessment(candidate, retention, chance, measurement, rules)
    say_assessment(session, assessment)
    return assessment


def _gate(session: Session, assessment: Assessment) -> bool:
    """Spend a look on the candidate when it is worth one; return whether the loop ends here.

    The one bit that comes back is all that later rounds learn of the gate split.
    """
    candidate = assessment.candidate
    earlier = look.look_of(session, candidate)
    if earlier is not None and earlier.passed is not None:
        return earlier.passed
    if earlier is None and not look.is_worth_a_look(session, assessment):
        return False
    spent = look.spend_look(session, candidate)
    if spent is None:
        return False
    session.progress.say(f"  {candidate.student}: spending look {spent.look} at the gate split", style="bold")
    evaluate.evaluate_teacher(session, "gate")
    evaluate.evaluate_student(session, candidate.model, candidate.classifier, "gate")
    with session.store.read() as connection:
        verdict = derive_verdict(connection, session.run).verdict
    passed = verdict.decision == "promote"
    look.close_look(session, spent, verdict.rules[0], passed=passed)
    session.progress.say(f"  {candidate.student}: the gate says {'pass' if passed else 'not passed'}", style="bold")
    return passed


def _conclude(session: Session) -> Verdict:
    """Derive the verdict from the store, seal what it rests on, and promote where it says so."""
    session.journal.commit()
    with session.store.read() as connection:
        derived = derive_verdict(connection, session.run)
    _write(session, derived)
    _carry_out(session, derived.verdict, derived.chosen.model)
    return derived.verdict


def _carry_out(session: Session, verdict: Verdict, model: str) -> None:
    """Do what the verdict says, once: a process may have been killed between the verdict and its promotion."""
    state = STATES[verdict.decision]
    with session.store.read() as connection:
        run = run_of(connection, session.run)
    if run is not None and run.state == state:
        return
    if verdict.decision == "promote":
        promote(session, model, verdict.sentence)
    _set_state(session, state)


def _write(session: Session, derived: Derived) -> None:
    with session.store.write() as connection:
        insert_costs(connection, session.run, derived.comparison.quantities)
        digest = seal(connection, session.run)
        insert_verdict(
            connection,
            StoredVerdict(
                run=session.run,
                model=derived.chosen.model,
                verdict=derived.verdict,
                evidence_digest=digest,
                decided_at=datetime.now(UTC),
            ),
        )


def _price_teacher(session: Session, answers: list[Completion]) -> None:
    """Write down what one answer of the teacher costs: the mean over its answers on the development split."""
    usages = [answer.usage for answer in answers if answer.ok and answer.usage.input_tokens]
    if not usages:
        raise _no_answers(answers)
    cost = price_requests(usages, session.price)
    session.note(TEACHER_COST, **cost.model_dump(mode="json"))


def _no_answers(answers: list[Completion]) -> ModelError:
    first = next((answer for answer in answers if not answer.ok), None)
    failure = None if first is None or first.error_class is None else FAILURES.get(first.error_class)
    why = "" if first is None else f" ({first.error_class}: {first.error_message})"
    return ModelError(
        f"the teacher answered none of the {len(answers):,} development rows, so its cost is not known{why}",
        kind="model" if failure is None else failure.kind,
        hint="look at error_message in the table `completions`" if failure is None else failure.hint,
    )


def _set_state(session: Session, state: RunState) -> None:
    finished = None if state in ("running", "interrupted", "budget") else datetime.now(UTC)
    with session.store.write() as connection:
        set_run_state(connection, session.run, state, finished)
