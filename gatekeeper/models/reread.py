"""Stored answers read again from their bodies, so that a better reader is a matter of seconds and of no money.

What arrived is kept as it arrived. The reading that is stored beside it is that of the day on which it arrived, and
verdicts rest on it, so it stays; whoever asks for an answer gets what the present reader makes of the body.
"""

from __future__ import annotations

from gatekeeper.models.answers import Answer
from gatekeeper.models.base import Model
from gatekeeper.models.reader import Reader
from gatekeeper.records import Completion

_OF_THE_READER = frozenset(
    {"not_json", "empty_body", "no_choices", "content_filter", "refusal", "truncated", "unexpected"}
)
"""Failures that are a reading of a body. The body of any other failure is no answer, whatever it looks like."""


def reader_in(model: Model) -> Reader | None:
    """Return what reads the bodies of a model's answers; None for a local one, whose answers have no body."""
    reader = getattr(model, "reader", None)
    return reader if isinstance(reader, Reader) else None


def answer_again(completion: Completion, reader: Reader | None) -> Answer | None:
    """Return what the body of a completion says to `reader`; None where there is no answer's body to read."""
    if reader is None or completion.raw is None:
        return None
    if completion.error_class is not None and completion.error_class not in _OF_THE_READER:
        return None
    return reader.read(completion.raw.encode("utf-8", "surrogatepass"))


def read_again(completion: Completion, reader: Reader | None) -> Completion:
    """Return a stored completion as `reader` reads its body now.

    Usage, and with it what was paid, stays. So does the whole completion where the body cannot be read now: an answer
    that was good once is not asked for a second time.

    Args:
        completion: from the store, with its body.
        reader: of the model that answered; None: nothing is read again.
    """
    return as_read(completion, answer_again(completion, reader))


def as_read(completion: Completion, answer: Answer | None) -> Completion:
    """Return a stored completion with what its body says now, as `read_again` does; None: nobody could read it."""
    if answer is None or answer.error_class is not None or answer.output is None:
        return completion
    now = {
        "output": answer.output,
        "distribution": answer.distribution,
        "finish_reason": answer.finish_reason,
        "error_class": None,
        "error_message": None,
    }
    if all(getattr(completion, name) == value for name, value in now.items()):
        return completion
    return completion.model_copy(update=now)
