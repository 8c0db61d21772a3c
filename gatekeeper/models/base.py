"""The one protocol behind which every model runs, and the smaller one of a classifier.

A stage hands over requests lazily and gets completions as they arrive, in any order. Async code, threads and batches
are an affair of the model alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gatekeeper.records import Completion, Record, Request, Usage


class ModelInfo(Record):
    """Who a model is, and by which price its answers are paid."""

    name: str
    fingerprint: str
    place: Literal["api", "local"]
    price_id: str | None = None
    price_assumed: bool = False
    """True: a stand-in, priced as the model that `price_id` names (`priced_as` in the suite)."""


@runtime_checkable
class Model(Protocol):
    """A model that answers requests."""

    @property
    def info(self) -> ModelInfo:
        """Identity and price of the model."""
        ...

    def upper_bound(self, request: Request) -> Usage:
        """Return the most tokens that `request` can cost: input counted, output at its limit. Nothing is sent.

        Input that may be written to a prompt cache counts as `cache_write_tokens` too (`cost.usage.bound_cost`).
        """
        ...

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer each request once; yield in the order of arrival.

        `requests` is pulled only as fast as the model can send, so that a caller may reserve money at each pull.
        A failed request yields a completion with an `error_class`; one bad request never ends the iteration.
        """
        ...


class Classifier(Protocol):
    """A local model from texts to label probabilities."""

    @property
    def kind(self) -> str:
        """The name under which `load_classifier` finds the class again."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of the columns of `predict`."""
        ...

    def predict(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return probabilities, shape (len(texts), len(labels)), rows summing to 1."""
        ...

    def save(self, folder: Path) -> None:
        """Write safetensors and JSON into `folder`, which exists and is empty."""
        ...
