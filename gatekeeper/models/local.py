"""A classifier behind the one protocol of all models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from gatekeeper.models.base import Classifier, ModelInfo
from gatekeeper.models.tokens import CountTokens, bound_input, count_request, estimate_tokens
from gatekeeper.records import Completion, Request, Usage

BATCH_SIZE = 256


class ClassifierModel:
    """Answers each request with the most probable label of `request.text`, and its distribution.

    Args:
        classifier: texts to probabilities.
        info: identity and price.
        batch_size: requests that are pulled and answered together.
        count_tokens: counts the tokens that a priced stand-in would be billed for.
    """

    def __init__(self, classifier: Classifier, info: ModelInfo, *, batch_size: int, count_tokens: CountTokens) -> None:
        self.classifier = classifier
        self._info = info
        self.batch_size = batch_size
        self._count = count_tokens
        self._longest_label = max(len(label.encode("utf-8", "replace")) for label in classifier.labels)

    @property
    def info(self) -> ModelInfo:
        """Identity and price of the model."""
        return self._info

    def upper_bound(self, request: Request) -> Usage:
        """Return a bound on the tokens of one answer: bytes of the input, bytes of the longest label."""
        return Usage(input_tokens=bound_input(request), output_tokens=self._longest_label, reported=False)

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer the requests in their order, `batch_size` at a time."""
        source = iter(requests)
        while batch := list(islice(source, self.batch_size)):
            yield from self._answer(batch)

    def _answer(self, batch: list[Request]) -> Iterator[Completion]:
        probabilities = self.classifier.predict([request.text for request in batch])
        labels = self.classifier.labels
        for request, row in zip(batch, probabilities, strict=True):
            output = labels[int(row.argmax())]
            yield Completion(
                request_key=request.key(self._info.fingerprint),
                item_id=request.item_id,
                model=self._info.fingerprint,
                sample_index=request.sample_index,
                output=output,
                distribution={label: float(p) for label, p in zip(labels, row, strict=True)},
                finish_reason="stop",
                usage=count_request(request, output, self._count),
            )


def as_model(
    classifier: Classifier,
    name: str,
    fingerprint: str,
    *,
    price_id: str | None = None,
    price_assumed: bool = False,
    batch_size: int = BATCH_SIZE,
    count_tokens: CountTokens = estimate_tokens,
) -> ClassifierModel:
    """Put `classifier` behind the `Model` protocol.

    Args:
        classifier: what answers.
        name: name in the suite.
        fingerprint: digest of the weights (an artifact's digest, or `classifier_digest`), part of every cache key:
            a student that was trained again never gets its predecessor's answers.
        price_id: provider/name whose price the answers carry.
        price_assumed: whether that price is another model's.
        batch_size: requests per batch.
        count_tokens: a tokenizer's count; without one, 4 bytes are taken for a token.
    """
    info = ModelInfo(name=name, fingerprint=fingerprint, place="local", price_id=price_id, price_assumed=price_assumed)
    return ClassifierModel(classifier, info, batch_size=batch_size, count_tokens=count_tokens)
