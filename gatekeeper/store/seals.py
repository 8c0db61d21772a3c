"""Sealed rules: what the first look at a gate split had to meet, and who changed it later, and why.

Rules that are chosen after a look has shown something are no longer rules. So the first look seals them; a later change
is an amendment with a name and a reason, which the dossier shows. Seals belong to the rows: they also hold for other
splits that share rows with the sealed one.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field

from gatekeeper.errors import InputError, StoreError
from gatekeeper.hashing import content_hash
from gatekeeper.records import Record
from gatekeeper.store.gate_rows import splits_sharing
from gatekeeper.store.rows import from_json, insert_rows, select
from gatekeeper.store.rule_changes import Change, changes_between

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = [
    "Amendment",
    "Change",
    "Rules",
    "Seal",
    "amend_rules",
    "amendments_of",
    "changes_between",
    "rules_in_force",
    "seal_of",
    "seal_rules",
    "seals_touching",
]


class Seal(Record):
    """The rules under which a gate split was first looked at."""

    gate_digest: str
    sealed_at: datetime
    run: str = Field(description="the run that spent the first look")
    who: str
    content: dict[str, Any]
    digest: str = Field(description="content hash of `content`")


class Amendment(Record):
    """One later change of the rules."""

    gate_digest: str
    seq: int = Field(description="its number on this gate split, starting at 1")
    at: datetime
    run: str | None = Field(default=None, description="None: outside of a run")
    who: str
    reason: str
    changes: tuple[Change, ...]
    content: dict[str, Any] = Field(description="all rules after the change")
    digest: str = Field(description="content hash of `content`")


class Rules(Record):
    """A seal with its amendments."""

    seal: Seal
    amendments: tuple[Amendment, ...] = ()
    shared_rows: int | None = Field(
        default=None, description="rows that the sealed split shares with the one in question; None: it is that one"
    )

    @property
    def content(self) -> dict[str, Any]:
        """The rules in force."""
        return self.amendments[-1].content if self.amendments else self.seal.content


def seal_rules(
    connection: DuckDBPyConnection,
    gate_digest: str,
    content: dict[str, Any],
    *,
    run: str,
    who: str,
    at: datetime | None = None,
) -> Seal:
    """Seal the rules of a gate split; call it in the transaction that reserves the first look.

    A split that is sealed already stays as it is, and its seal is returned: compare `rules_in_force` with your rules.

    Raises:
        TypeError: `content` holds something that JSON has no form for.
        ValueError: `content` holds NaN or infinity.
    """
    known = seal_of(connection, gate_digest)
    if known is not None:
        return known
    seal = Seal(
        gate_digest=gate_digest,
        sealed_at=at or datetime.now(UTC),
        run=run,
        who=who,
        content=content,
        digest=content_hash(content),
    )
    insert_rows(connection, "seals", [dict(seal)])
    return seal


def seal_of(connection: DuckDBPyConnection, gate_digest: str) -> Seal | None:
    """Return the seal of a gate split; None where no look was spent on it since there are seals."""
    found = select(connection, "SELECT * FROM seals WHERE gate_digest = ?", [gate_digest])
    return Seal(**{**found[0], "content": from_json(found[0]["content"])}) if found else None


def amend_rules(
    connection: DuckDBPyConnection,
    gate_digest: str,
    content: dict[str, Any],
    *,
    who: str,
    reason: str,
    run: str | None = None,
    at: datetime | None = None,
) -> Amendment | None:
    """Write down that the rules of a sealed gate split are other ones from now on.

    Returns:
        The amendment, or None when `content` is what is in force already; then nothing is written.

    Raises:
        InputError: nobody, or no reason, is named.
        StoreError: the gate split is not sealed.
    """
    for name, text in (("who", who), ("reason", reason)):
        if not text.strip():
            raise InputError(f"an amendment needs `{name}`", hint="say who changes the rules, and why")
    rules = rules_in_force(connection, gate_digest)
    if rules is None:
        raise StoreError(
            f"the gate split {gate_digest} has no sealed rules", hint="rules are free to change before the first look"
        )
    changes = changes_between(rules.content, content)
    if not changes:
        return None
    amendment = Amendment(
        gate_digest=gate_digest,
        seq=len(rules.amendments) + 1,
        at=at or datetime.now(UTC),
        run=run,
        who=who,
        reason=reason,
        changes=tuple(changes),
        content=content,
        digest=content_hash(content),
    )
    row = {**dict(amendment), "changes": [change.model_dump(mode="json") for change in changes]}
    if not insert_rows(connection, "amendments", [row]):
        raise StoreError(
            f"amendment {amendment.seq} of the gate split {gate_digest} exists, and an earlier one does not",
            hint="a row of the table `amendments` was removed; restore it",
        )
    return amendment


def amendments_of(connection: DuckDBPyConnection, gate_digest: str) -> list[Amendment]:
    """Return the amendments of a gate split in their order."""
    rows = select(connection, "SELECT * FROM amendments WHERE gate_digest = ? ORDER BY seq", [gate_digest])
    parts = ("changes", "content")
    return [Amendment(**{**row, **{name: from_json(row[name]) for name in parts}}) for row in rows]


def rules_in_force(connection: DuckDBPyConnection, gate_digest: str) -> Rules | None:
    """Return the seal of a gate split with its amendments; None where it is not sealed."""
    seal = seal_of(connection, gate_digest)
    return None if seal is None else Rules(seal=seal, amendments=tuple(amendments_of(connection, gate_digest)))


def seals_touching(connection: DuckDBPyConnection, gate_digest: str, row_keys: Collection[str]) -> list[Rules]:
    """Return the sealed rules that hold for these rows: the split's own first, then those of splits that share rows.

    Compare each `Rules.content` with `changes_between`, for another split (`shared_rows` is given) with
    ``ignore=("split_digest",)``.

    Raises:
        StoreError: there are no rows.
    """
    own = rules_in_force(connection, gate_digest)
    shared = splits_sharing(connection, gate_digest, row_keys)
    others = ((rules_in_force(connection, digest), count) for digest, count in shared.items())
    return [
        *([] if own is None else [own]),
        *(rules.model_copy(update={"shared_rows": count}) for rules, count in others if rules is not None),
    ]
