"""The loop: which stage comes after which, round after round, to a verdict. Every stage continues where it stopped."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from gatekeeper.decide.baselines import baselines_on_dev, to_ask, unbeatable
from gatekeeper.decide.candidates import Chosen
from gatekeeper.decide.derive import Derived, derive_verdict
from gatekeeper.decide.facts import facts_of
from gatekeeper.decide.looked import stops_of
from gatekeeper.decide.priced import comparison_of, fallback_of, other_rules
from gatekeeper.decide.scores import dev_scores, paired, scores_of_items
from gatekeeper.errors import BudgetExceededError, DataError
from gatekeeper.narrate import say_assessment, say_mined, say_part, say_plan, say_round
from gatekeeper.records import Completion, Decision, Example, Verdict
from gatekeeper.run.candidate import Assessment, Candidate
from gatekeeper.run.plan import plan_loop
from gatekeeper.run.pricing import cost_of_answers
from gatekeeper.run.retirements import retirements_of
from gatekeeper.run.sealing import check_seal
from gatekeeper.run.session import TEACHER_COST, Session
from gatekeeper.stages import assess, baselines, evaluate, look
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


def run_loop(session: Session, *, reason: str | None = None) -> Verdict:
    """Run the loop of an open session to its verdict; a run that has its verdict already returns it.

    Args:
        reason: why the gate's rules may be looser than those that its rows were first looked at with.

    Raises:
        InputError: the rules were loosened after a look, and no reason is given.
        BudgetExceededError: `loop.budget_usd` does not allow the next call. What is done is kept.
        ModelError: a model cannot be used. What is done is kept.
    """
    with session.store.read() as connection:
        stored = verdict_of(connection, session.run)
    if stored is not None:
        session.progress.say("this run has its verdict already")
        _carry_out(session, stored.verdict, stored.model)
        return stored.verdict
    check_seal(session, reason)
    today = datetime.now(UTC).date()
    for warning in retirements_of(session.suite, today):
        session.progress.say(warning, style="yellow")
    say_plan(session, plan_loop(session.suite, session.items, today))
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
    _price_teacher(session, evaluate.evaluate_teacher(session, session.split("dev"), "teacher on dev"))
    baselines.evaluate_baselines(session)
    best: Assessment | None = None
    learned = 0
    for number in range(1, session.suite.loop.rounds + 1):
        examples = _collect(session, number, best.candidate if best else None)
        if len(examples) == learned:
            session.progress.say("  nothing new to learn from; the pool is used up, or its answers were left out")
            break
        learned = len(examples)
        for student in session.suite.students:
            candidate = train(session, number, student, examples)
            assessment = _assess(session, candidate)
            best = assessment if best is None or assessment.better_than(best) else best
            if _gate(session, assessment) or _gate_part(session, candidate) or _is_needless(session, candidate):
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
    """Return what is known of a candidate without its gate rows; they are stored as results of the run."""
    evaluate.evaluate_student(session, candidate.model, candidate.classifier, session.split("dev"))
    measurement = assess.measured(session, candidate)
    with session.store.read() as connection:
        facts = facts_of(connection, session.run)
        chosen = Chosen.of(candidate)
        dev = dev_scores(connection, facts, chosen)
        fallback = fallback_of(connection, facts, chosen)
        others = baselines_on_dev(connection, facts)
        comparison = comparison_of(connection, facts, measurement, fallback, others)
    retention, chance = assess.dev_estimates(session, candidate, dev, alpha=look.next_alpha(session))
    rules = other_rules(facts, comparison, measurement, fallback, others)
    assessment = Assessment(candidate, retention, chance, measurement, rules)
    say_assessment(session, assessment)
    return assessment


def _gate_part(session: Session, candidate: Candidate) -> bool:
    """Let the gate judge the student on the part of the traffic where it is sure, with the teacher elsewhere."""
    if session.suite.partial is None:
        return False
    threshold = look.looked_threshold(session, candidate)  # of a run that was interrupted: the choice stands
    if threshold is None:
        with session.store.read() as connection:
            facts = facts_of(connection, session.run)
            found = scores_of_items(connection, facts, candidate.model, "dev")
        dev = paired(found, Chosen.of(candidate), fidelity=facts.fidelity)
        choice = assess.choose_part(session, candidate, dev, found.confidence, look.next_alpha(session))
        say_part(session, candidate, choice)
        threshold = None if choice.blend is None else choice.blend.threshold
    return threshold is not None and _gate(session, _assess(session, replace(candidate, threshold=threshold)))


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
    verdict, read = _read_gate(session, candidate)
    passed = verdict.decision == "promote"
    look.close_look(session, spent, verdict.rules[0], passed=passed, read=read)
    session.progress.say(f"  {candidate.student}: the gate says {'pass' if passed else 'not passed'}", style="bold")
    return passed


def _read_gate(session: Session, candidate: Candidate) -> tuple[Verdict, int | None]:
    """Read gate rows until the gate passes or all are read; return the verdict and the rows read, None for all."""
    rows, others = session.gate_rows(), session.other_rows()
    with session.store.read() as connection:
        alternatives = to_ask(connection, facts_of(connection, session.run))
    for stop in stops_of(len(rows), session.suite.gates.quality.interim):
        read = (*rows[:stop], *others)
        evaluate.evaluate_teacher(session, read, "teacher on gate")
        baselines.evaluate_on_gate(session, alternatives, rows[:stop])
        evaluate.evaluate_student(session, candidate.model, candidate.classifier, read)
        with session.store.read() as connection:
            verdict = derive_verdict(connection, session.run, first=stop).verdict
        if verdict.decision == "promote":
            break
    return verdict, None if stop == len(rows) else stop


def _is_needless(session: Session, candidate: Candidate) -> bool:
    """Whether the loop ends here, since a baseline passes against which no student of this suite can save enough.

    After a look this knows what gate rows say of the baselines. It may: a loop that ends looks at no other student.
    """
    with session.store.read() as connection:
        chosen = replace(Chosen.of(candidate), look=look.look_of(session, candidate))
        name = unbeatable(connection, facts_of(connection, session.run), chosen)
    if name is not None:
        session.progress.say(f"{name} passes, and no student can save enough against it", style="bold")
    return name is not None


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
        promote(session, model, verdict)
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
    session.note(TEACHER_COST, **cost_of_answers("the teacher", answers, session.price).model_dump(mode="json"))


def _set_state(session: Session, state: RunState) -> None:
    finished = None if state in ("running", "interrupted", "budget") else datetime.now(UTC)
    with session.store.write() as connection:
        set_run_state(connection, session.run, state, finished)
