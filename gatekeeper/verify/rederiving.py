"""Derive the verdict from the stored rows again and compare every number."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gatekeeper import __version__
from gatekeeper.decide.derive import Derived, derive_verdict
from gatekeeper.records import Verdict
from gatekeeper.run.session import VERSIONS
from gatekeeper.store.events import events_of
from gatekeeper.store.rows import select
from gatekeeper.store.spend import costs_of
from gatekeeper.store.verdicts import rules_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def rederived(connection: DuckDBPyConnection, run: str, stored: Verdict) -> list[str]:
    """Run the pure gate and the bill again on the stored rows and compare every number."""
    derived = derive_verdict(connection, run)
    if not _same_version(connection, run):
        derived = replace(derived, verdict=_in_words_of(stored, derived.verdict))
    problems = _verdict_row(connection, run, stored, derived) + _promoted(connection, run, derived)
    again = {rule.rule: rule for rule in derived.verdict.rules}
    for rule in [*stored.rules, *rules_of(connection, run)]:
        if rule != again.get(rule.rule):
            problems.append(f"rule {rule.rule}: its numbers are not what the stored rows give")
    problems += [f"rule {name}: is missing" for name in again.keys() - {rule.rule for rule in stored.rules}]
    costs = costs_of(connection, run)
    for quantity in derived.comparison.quantities:
        found = costs.get(quantity.name)
        if found is None or found.value != quantity.value:
            value = None if found is None else found.value
            problems.append(f"table costs, {quantity.name}: is {value}, the stored rows give {quantity.value}")
    return sorted(set(problems))


def _same_version(connection: DuckDBPyConnection, run: str) -> bool:
    versions = events_of(connection, run, VERSIONS)
    return bool(versions) and versions[-1].detail.get("gatekeeper") == __version__


def _in_words_of(stored: Verdict, derived: Verdict) -> Verdict:
    """Return `derived` with the sentences of `stored`: another version may say the same numbers in other words."""
    said = {rule.rule: rule for rule in stored.rules}
    rules = tuple(
        rule.model_copy(update={"sentence": said[rule.rule].sentence, "settle": said[rule.rule].settle})
        if rule.rule in said
        else rule
        for rule in derived.rules
    )
    return derived.model_copy(update={"rules": rules, "sentence": stored.sentence})


def _verdict_row(connection: DuckDBPyConnection, run: str, stored: Verdict, derived: Derived) -> list[str]:
    """Compare the row of the table `verdicts`: the columns that people read, and the JSON that `stored` came from."""
    again = derived.verdict
    wanted = {
        "decision": again.decision,
        "candidate": again.candidate,
        "sentence": again.sentence,
        "model": derived.chosen.model,
    }
    names = ", ".join(wanted)
    row = select(connection, f"SELECT {names} FROM verdicts WHERE run = ?", [run])[0]
    problems = [
        f"table verdicts, {name}: is {row[name]!r}, the stored rows give {value!r}"
        for name, value in wanted.items()
        if row[name] != value
    ]
    kept, given = (one.model_dump(mode="json", exclude={"rules"}) for one in (stored, again))
    problems += [
        f"table verdicts, verdict.{name}: is {kept[name]!r}, the stored rows give {value!r}"
        for name, value in given.items()
        if kept[name] != value
    ]
    return problems


def _promoted(connection: DuckDBPyConnection, run: str, derived: Derived) -> list[str]:
    """Whatever was promoted from this run is what its verdict is about."""
    rows = select(connection, "SELECT id, artifact FROM promotions WHERE run = ? ORDER BY id", [run])
    return [
        f"table promotions, row {row['id']}: promotes {row['artifact']}, which the verdict does not"
        for row in rows
        if derived.verdict.decision != "promote" or row["artifact"] != derived.chosen.model
    ]
