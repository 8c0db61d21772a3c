"""A model that answers by rules: for tests, for examples, and for trying a suite before any model is there."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatekeeper.hashing import content_hash
from gatekeeper.models.base import ModelInfo
from gatekeeper.models.errors import FAILURES
from gatekeeper.models.tokens import bound_input, count_request
from gatekeeper.records import Completion, Request, Usage


@dataclass(frozen=True)
class Rule:
    """One rule: a text that is `equals`, holds `contains` (case does not matter), or has a match of `matches`."""

    answer: str
    equals: str | None = None
    contains: str | None = None
    matches: str | None = None

    def applies(self, text: str) -> bool:
        """Return whether all that is given holds for `text`."""
        return (
            (self.equals is None or text == self.equals)
            and (self.contains is None or self.contains.casefold() in text.casefold())
            and (self.matches is None or re.search(self.matches, text) is not None)
        )


class ScriptedModel:
    """Answers each text by the first rule that applies, and by `otherwise` where none does.

    Everything is a function of the request and the arguments, which are the model's fingerprint: no state, no clock.

    Args:
        rules: in order.
        otherwise: the answer where no rule applies; None: such a request fails with class `not_recorded`.
        labels: over which `confidence` is spread.
        confidence: probability of the answer; the rest is shared evenly by the other labels. None: no distribution.
        latency_s: seconds that each answer takes.
        fail_share: share of requests that fail, chosen by their content.
        fail_as: their class, a key of `gatekeeper.models.errors.FAILURES`.
        seed: of that choice.
        price_id: provider/name of the price.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        otherwise: str | None = None,
        labels: Sequence[str] = (),
        confidence: float | None = None,
        latency_s: float = 0.0,
        fail_share: float = 0.0,
        fail_as: str = "server",
        seed: int = 0,
        price_id: str | None = None,
        name: str = "scripted",
    ) -> None:
        self.rules = tuple(rules)
        self.otherwise = otherwise
        self.labels = tuple(labels)
        self.confidence = confidence
        self.latency_s = latency_s
        self.fail_share = fail_share
        self.failure = FAILURES[fail_as]
        self.seed = seed
        self._info = ModelInfo(
            name=name,
            fingerprint=content_hash({"scripted": self._identity()}),
            place="local",
            price_id=price_id,
            price_assumed=price_id is not None,
        )

    @property
    def info(self) -> ModelInfo:
        """Identity and price; the fingerprint covers everything that can change an answer."""
        return self._info

    def upper_bound(self, request: Request) -> Usage:
        """Return a bound on the input, and the tokens of the answer."""
        made = count_request(request, self._says(request)).output_tokens
        return Usage(input_tokens=bound_input(request), output_tokens=made, reported=False)

    def complete(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer each request, in order."""
        for request in requests:
            began = time.monotonic()
            if self.latency_s:
                time.sleep(self.latency_s)
            answer = self._answer(request)
            yield answer.model_copy(update={"latency_s": time.monotonic() - began})

    def _answer(self, request: Request) -> Completion:
        key = request.key(self._info.fingerprint)
        identity: dict[str, Any] = {
            "request_key": key,
            "item_id": request.item_id,
            "model": self._info.fingerprint,
            "sample_index": request.sample_index,
        }
        if self._fails(key):
            kind = self.failure.kind
            return Completion(**identity, error_class=kind, error_message=f"the script says {kind}")
        output = self._says(request)
        if output is None:
            message = f"no rule applies to {request.text[:80]!r}, and there is no `otherwise`"
            return Completion(**identity, error_class="not_recorded", error_message=message)
        usage = count_request(request, output)
        return Completion(
            **identity, output=output, distribution=self._spread(output), finish_reason="stop", usage=usage
        )

    def _says(self, request: Request) -> str | None:
        found = next((rule.answer for rule in self.rules if rule.applies(request.text)), None)
        return self.otherwise if found is None else found

    def _fails(self, key: str) -> bool:
        """Return whether a request is one of those that fail: a hash of it stands for a uniform random number."""
        number = int(content_hash([self.seed, key])[3:11], 16) / 2**32
        return number < self.fail_share

    def _spread(self, output: str) -> dict[str, float] | None:
        if self.confidence is None or output not in self.labels or len(self.labels) < 2:
            return None
        rest = (1 - self.confidence) / (len(self.labels) - 1)
        return {label: self.confidence if label == output else rest for label in self.labels}

    def _identity(self) -> Mapping[str, Any]:
        rules = [[rule.answer, rule.equals, rule.contains, rule.matches] for rule in self.rules]
        return {
            "rules": rules,
            "otherwise": self.otherwise,
            "labels": list(self.labels),
            "confidence": self.confidence,
            "fail": [self.fail_share, self.failure.kind, self.seed],
        }
