"""The rules of the gate are sealed at the first look, and nobody loosens them unnoticed after it."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

from gatekeeper.errors import InputError
from gatekeeper.run.session import Session
from gatekeeper.store.seals import Change, Rules, amend_rules, changes_between, seal_rules, seals_touching
from gatekeeper.suite.data import ItemSet, split_digest
from gatekeeper.suite.identity import model_identity
from gatekeeper.suite.spec_api import HOW_ASKED
from gatekeeper.suite.suite import Eval, Suite

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_NEW_SPLIT = ("split_digest",)
_NOT_IN_RULES = {*HOW_ASKED, "priced_as", "name"}


def who_runs() -> str:
    """Return the name of the person or account that runs this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in some containers
        return "unknown"


def rules_of(suite: Suite, items: ItemSet) -> dict[str, Any]:
    """Return everything that decides what a look has to meet, in JSON values: what a seal holds."""
    prompt = None if suite.prompt is None else {"system": suite.prompt.system, "user": suite.prompt.user}
    judge = suite.spec.judge
    return {
        "gates": _gates(suite),
        "partial": None if suite.spec.partial is None else suite.spec.partial.model_dump(mode="json"),
        "scorers": {
            f"{one.name}/{name}": scorer.version for one in suite.evals for name, scorer in one.scorers.items()
        },
        "primary": suite.eval.primary,
        "prompt": prompt,
        "labels": list(suite.eval.labels),
        "teacher": model_identity(suite.spec.teacher, _NOT_IN_RULES),
        "judge": None if judge is None else model_identity(judge, _NOT_IN_RULES),
        "baselines": {one.name: model_identity(one, _NOT_IN_RULES) for one in suite.spec.baselines},
        "evals": {one.name: _eval(one, items) for one in suite.evals},
        "split_digest": items.gate_digest,
    }


def _gates(suite: Suite) -> dict[str, Any]:
    """Return the gates; without a baseline there is nothing that a student could be held against but the teacher."""
    gates: dict[str, Any] = suite.gates.model_dump(mode="json", exclude_none=True)
    if not suite.spec.baselines:
        del gates["cost"]["vs"]
    return gates


def _eval(one: Eval, items: ItemSet) -> dict[str, Any]:
    rows = None if one.spec.role == "main" else split_digest(item for item in items.items if item.eval == one.name)
    return {"role": one.spec.role, "primary": one.primary, "samples": one.spec.samples.teacher, "rows": rows}


def seal_gate(connection: DuckDBPyConnection, session: Session) -> None:
    """Seal the rules, in the transaction that spends the look: no look may exist without them.

    Rules that are sealed already stay as they are.
    """
    rules = rules_of(session.suite, session.items)
    seal_rules(connection, session.items.gate_digest, rules, run=session.run, who=who_runs())


def check_seal(session: Session, reason: str | None) -> None:
    """Compare the suite's rules with those that are sealed for its gate rows, and write changes down.

    Rules that became stricter need no reason. Looser ones need one; it is kept with who and when, and the dossier shows
    it.

    Raises:
        InputError: rules were loosened, and no reason is given. Nothing is spent or changed.
    """
    digest = session.items.gate_digest
    content = rules_of(session.suite, session.items)
    with session.store.read() as connection:
        sealed = seals_touching(connection, digest, session.gate_row_keys())
    changed = [(rules, changes) for rules in sealed if (changes := _changes(rules, content))]
    for rules, changes in changed:
        loosened = [change for change in changes if change.loosening]
        if loosened and not (reason and reason.strip()):
            raise _refusal(rules, loosened)
    with session.store.write() as connection:
        for rules, _ in changed:
            amend_rules(
                connection,
                rules.seal.gate_digest,
                {**content, "split_digest": rules.seal.gate_digest},
                run=session.run,
                who=who_runs(),
                reason=reason or "the rules are stricter than before",
            )


def _changes(rules: Rules, content: dict[str, Any]) -> list[Change]:
    ignore = () if rules.shared_rows is None else _NEW_SPLIT
    return changes_between(rules.content, content, ignore=ignore)


def _refusal(rules: Rules, loosened: list[Change]) -> InputError:
    listed = "\n".join(f"  - {change.sentence}" for change in loosened)
    shared = "" if rules.shared_rows is None else f", which shares {rules.shared_rows:,} rows with this one"
    return InputError(
        f"the rules of this gate split were sealed by {rules.seal.who} on {rules.seal.sealed_at:%Y-%m-%d} with run "
        f"{rules.seal.run}{shared}, and this suite is looser or not comparable:\n{listed}",
        hint='put the rules back, use fresh gate rows, or say why: --reason "..."; the dossier shows it',
    )
