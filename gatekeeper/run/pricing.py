"""What one answer of a model costs, over the answers that it gave on the development split."""

from __future__ import annotations

from collections.abc import Sequence

from gatekeeper.cost.prices import Price
from gatekeeper.cost.usage import RequestCost, price_requests
from gatekeeper.errors import ModelError
from gatekeeper.models.errors import FAILURES
from gatekeeper.records import Completion


def cost_of_answers(who: str, answers: Sequence[Completion], price: Price) -> RequestCost:
    """Return the mean cost of an answer; failed ones are left out.

    Args:
        who: has answered, in words: "the teacher".

    Raises:
        ModelError: none of them is an answer. What nobody knows is not free.
    """
    usages = [answer.usage for answer in answers if answer.ok and answer.usage.input_tokens]
    if usages:
        return price_requests(usages, price)
    first = next((answer for answer in answers if not answer.ok), None)
    failure = None if first is None or first.error_class is None else FAILURES.get(first.error_class)
    why = "" if first is None else f" ({first.error_class}: {first.error_message})"
    raise ModelError(
        f"{who} answered none of the {len(answers):,} development rows, so its cost is not known{why}",
        kind="model" if failure is None else failure.kind,
        hint="look at error_message in the table `completions`" if failure is None else failure.hint,
    )
