"""Signatures under a verdict: do they hold, and does the store still say what was signed?"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.decide.statement import statement_changes, statement_of
from gatekeeper.signing import check, key_id, load_public_key, parse_public
from gatekeeper.store.signatures import Signature, signatures_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class CheckedSignature:
    """One signature. `trusted` is True for the key that the caller gave, and None where no key was given."""

    key_id: str
    who: str
    signed_at: datetime
    holds: bool
    trusted: bool | None


def check_signatures(
    connection: DuckDBPyConnection, run: str, public_key: Path | None
) -> tuple[tuple[CheckedSignature, ...], list[str]]:
    """Return the signatures under the verdict of `run`, and what is wrong with them.

    A signature holds when it is that of its key under the statement, and the store still bears the statement out.

    Raises:
        InputError: `public_key` cannot be read.
    """
    stored = signatures_of(connection, run)
    wanted = None if public_key is None else key_id(load_public_key(public_key))
    found, problems = [], []
    for one in stored:
        wrong = _wrong(connection, one)
        trusted = None if wanted is None else one.key_id == wanted
        found.append(CheckedSignature(one.key_id, one.who, one.signed_at, not wrong, trusted))
        problems += [f"signature of {one.who} ({one.key_id}): {text}" for text in wrong]
    if wanted is not None and not any(one.holds and one.trusted for one in found):
        problems.append(f"no signature by the key {public_key} holds under this verdict")
    return tuple(found), problems


def _wrong(connection: DuckDBPyConnection, one: Signature) -> list[str]:
    public = parse_public(one.public_key, f"the key of {one.who}")
    if key_id(public) != one.key_id:
        return ["its public key is not the one that it names"]
    try:
        signature = base64.b64decode(one.signature, validate=True)
    except binascii.Error:
        return ["it is not base64"]
    if not check(one.statement, signature, public):
        return ["it is not that of its statement"]
    changed = statement_changes(one.statement, statement_of(connection, one.run))
    return [f"the store says something else now about {', '.join(changed)}"] if changed else []
