"""Options that need no student and that nobody has to list: caching and batches, where their prices are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from gatekeeper.records import Quantity
from gatekeeper.whatif.names import OF_OPTION
from gatekeeper.whatif.usage.amounts import Entry, entry_of
from gatekeeper.whatif.usage.spec import UsageSpec
from gatekeeper.whatif.worksheet import TEACHER, Option

Kinds = tuple[str, ...]


class Added(NamedTuple):
    """What was added to a worksheet."""

    options: list[Option]
    inputs: list[Quantity]
    notes: list[str]


def automatic_options(
    spec: UsageSpec,
    options: Iterable[Option],
    inputs: Mapping[str, Quantity],
    source: Callable[[tuple[str | int, ...]], str],
) -> Added:
    """Return the ways to pay less for the same answers that follow from the file and the teacher's prices.

    Caching needs `tokens.repeated` and a price of cached tokens, batches need `batchable_share` and a batch price. A
    kind that the file lists itself, or a name that it uses, is left alone.

    Args:
        spec: the usage file.
        options: that it lists.
        inputs: with the teacher's prices.
        source: the place of a key of the file.
    """
    taken = {one.kind for one in options} | {one.name for one in options}
    added = Added([], [], [])
    repeated, share = spec.tokens.repeated, spec.batchable_share
    cached = repeated is not None and f"{TEACHER}.cached_input_per_m" in inputs
    batched = share is not None and f"{TEACHER}.batch_input_per_m" in inputs
    for kind, wanted in (
        ("caching", cached),
        ("batch", batched),
        ("caching_and_batch", cached and batched),
    ):
        if not wanted or kind in taken:
            continue
        added.options.append(Option(name=kind, kind=kind, model=spec.teacher.model))  # type: ignore[arg-type]
        if kind != "batch" and repeated is not None:
            added.inputs.append(_input(f"{kind}.cached_input_tokens", repeated, source(("tokens", "repeated"))))
        if kind != "caching" and share is not None:
            added.inputs.append(_input(f"{kind}.batch_share", share, source(("batchable_share",))))
    if cached and "caching" not in taken:
        added.notes.append("caching: every request is taken to find its repeated tokens in the cache")
    return added


def _input(key: str, amount: Decimal | Entry, source: str) -> Quantity:
    entry = entry_of(amount)
    return Quantity(
        name=key,
        value=entry.value,
        unit=OF_OPTION[key.rpartition(".")[2]].unit,
        origin="measured" if entry.measured else "assumed",
        source=f"{entry.measured} ({source})" if entry.measured else source,
        as_of=None if entry.as_of is None else entry.as_of.isoformat(),
    )
