"""Generate: the teacher's answers to the texts that were chosen from the pool."""

from __future__ import annotations

from collections.abc import Sequence

from gatekeeper.errors import InputError
from gatekeeper.records import Completion, Item
from gatekeeper.run.asking import ask
from gatekeeper.run.session import Session


def generate(session: Session, items: Sequence[Item], round_number: int) -> dict[str, Completion]:
    """Return the teacher's completion for each of `items`, by item id.

    Raises:
        InputError: an item is not of the pool. Nothing that decides or steers may be learned from.
        BudgetExceededError: the next call does not fit into the budget.
    """
    outside = [item for item in items if item.split != "pool"]
    if outside:
        raise InputError(f"item {outside[0].id!r} is of split {outside[0].split!r}; students learn from the pool only")
    return ask(session, items, "generate", f"round {round_number}: asking the teacher")
