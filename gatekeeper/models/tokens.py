"""How many tokens a request has, when nobody reports it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gatekeeper.records import Request, Usage

CountTokens = Callable[[Sequence[str]], Sequence[int]]
"""From texts to the number of tokens of each."""

BYTES_PER_TOKEN = 4
"""A rule of thumb for English text and byte-pair vocabularies; it only stands in for a missing count."""
TOKENS_PER_MESSAGE = 4
"""Role and separators of one turn in the usual chat templates."""
_BOUND_PER_MESSAGE = 16
_BOUND_PER_REQUEST = 64


def estimate_tokens(texts: Sequence[str]) -> list[int]:
    """Return a rough count for each text, at least 1 for a text that is not empty."""
    return [math.ceil(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN) for text in texts]


def count_request(request: Request, output: str | None, count: CountTokens = estimate_tokens) -> Usage:
    """Return the usage of one answer, counted here and therefore not `reported`."""
    parts = [message.content for message in request.messages] or [request.text]
    counted = count([*parts, output or ""])
    return Usage(
        input_tokens=sum(counted[:-1]) + TOKENS_PER_MESSAGE * len(parts),
        output_tokens=counted[-1],
        reported=False,
    )


def bound_input(request: Request) -> int:
    """Return a number of input tokens that no byte-level vocabulary exceeds.

    A token covers at least one byte, so the bytes bound the text; the rest is room for what a chat template adds.
    """
    parts = [message.content for message in request.messages] or [request.text]
    text_bytes = sum(len(part.encode("utf-8", "replace")) for part in parts)
    return text_bytes + _BOUND_PER_MESSAGE * len(parts) + _BOUND_PER_REQUEST


def bound_params(params: Mapping[str, Any]) -> int:
    """Return the most input tokens that parameters can add: a schema or a tool is a part of the prompt, a number none.

    The provider writes a schema in its own words, which may be longer than its JSON, so its bytes count twice.
    """
    parts = [value for value in params.values() if isinstance(value, list | dict)]
    return 2 * sum(len(json.dumps(part).encode()) for part in parts)
