"""Read the body of an OpenAI-compatible chat answer. Pure, so that stored bodies can be read again."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gatekeeper.records import Usage

_AMBIGUOUS = 0.01
_COVERED = 0.5


@dataclass(frozen=True)
class Answer:
    """What a body says. `error_class` is None where `output` can be used; `usage` is None where none was reported."""

    output: str | None = None
    finish_reason: str | None = None
    usage: Usage | None = None
    distribution: dict[str, float] | None = None
    error_class: str | None = None
    error_message: str | None = None


FindToken = Callable[[Sequence[Any]], Any]
"""From the logprobs of an answer's tokens to the entry whose alternatives are the labels', None where there is none."""


def first_token(tokens: Sequence[Any]) -> Any:
    """Return the entry of an answer's first token."""
    return tokens[0] if tokens else None


def answer_of(value: Any, labels: Sequence[str] = (), find: FindToken = first_token) -> Answer:
    """Return the answer in the JSON value of a body.

    Args:
        value: of the body.
        labels: that the logprobs of one token are read for.
        find: which token that is.
    """
    choices = value.get("choices") if isinstance(value, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        shown = json.dumps(value, ensure_ascii=False)[:200]
        return Answer(error_class="no_choices", error_message=f"the body holds no choices: {shown!r}")
    return _read_choice(choices[0], read_usage(value.get("usage")), labels, find)


def read_json(body: bytes) -> tuple[Any, Answer | None]:
    """Return the JSON value of a body and None, or None and what is wrong with the body. No protocol is assumed."""
    if not body.strip():
        return None, Answer(error_class="empty_body", error_message="the body is empty")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        return None, Answer(error_class="not_utf8", error_message=f"the body is not UTF-8: {error.reason}")
    try:
        return json.loads(text), None
    except ValueError:
        return None, Answer(error_class="not_json", error_message=f"the body is not JSON: {text[:80]!r}")


def read_usage(value: Any) -> Usage | None:
    """Return the reported usage, None where it is missing or makes no sense."""
    if not isinstance(value, dict):
        return None
    given, made = count_of(value.get("prompt_tokens")), count_of(value.get("completion_tokens"))
    if given is None or made is None:
        return None
    return usage_of(given, made, value.get("prompt_tokens_details"))


def usage_of(given: int, made: int, details: Any) -> Usage:
    """Return the usage of an answer whose input is partly read from a cache and partly written to one.

    Args:
        given: all input tokens.
        made: all output tokens.
        details: the provider's breakdown of the input, `cached_tokens` and `cache_write_tokens`; parts that are more
            than the whole are cut to it.
    """
    parts = details if isinstance(details, dict) else {}
    read = min(count_of(parts.get("cached_tokens")) or 0, given)
    written = min(count_of(parts.get("cache_write_tokens")) or 0, given - read)
    return Usage(input_tokens=given, output_tokens=made, cached_input_tokens=read, cache_write_tokens=written)


def label_distribution(top: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> dict[str, float] | None:
    """Return probabilities over `labels` from the alternatives of an answer's first token.

    A token stands for a label when it begins that label and no other. None where more than 1 % of the mass begins
    several labels, or less than half begins any: then the first token does not tell the label.

    Args:
        top: entries of `top_logprobs`, each with `token` and `logprob` (natural log).
        labels: the task's labels.
    """
    mass = dict.fromkeys(labels, 0.0)
    unclear = 0.0
    for entry in top:
        token, logprob = entry.get("token"), entry.get("logprob")
        if not isinstance(token, str) or not isinstance(logprob, int | float):
            continue
        start = token.strip().casefold()
        begun = [label for label in labels if start and label.casefold().startswith(start)]
        if len(begun) == 1:
            mass[begun[0]] += math.exp(logprob)
        elif begun:
            unclear += math.exp(logprob)
    total = sum(mass.values())
    if unclear > _AMBIGUOUS or total < _COVERED:
        return None
    return {label: value / total for label, value in mass.items()}


def _read_choice(choice: dict[str, Any], usage: Usage | None, labels: Sequence[str], find: FindToken) -> Answer:
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    reason = choice.get("finish_reason")
    finish = reason if isinstance(reason, str) else None
    content = message.get("content")
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        return Answer(None, finish, usage, None, "refusal", refusal)
    if finish == "content_filter":
        return Answer(None, finish, usage, None, "content_filter", "the provider's filter held back the answer")
    if not isinstance(content, str) or (finish == "length" and not content.strip()):
        if finish == "length":
            return Answer(None, finish, usage, None, "truncated", "max_tokens was used up before the answer began")
        return Answer(None, finish, usage, None, "no_choices", "the answer has no text content")
    logprobs = choice.get("logprobs")
    tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
    return Answer(content, finish, usage, distribution_of(tokens, labels, find))


def distribution_of(tokens: Any, labels: Sequence[str], find: FindToken = first_token) -> dict[str, float] | None:
    """Return the probabilities over `labels` in the logprobs of an answer's tokens, None where they say nothing.

    Args:
        tokens: one mapping for each token, with `token` and `top_logprobs`, as reported.
        labels: the task's labels.
        find: which token tells the label.
    """
    entry = find(tokens) if labels and isinstance(tokens, list) else None
    top = entry.get("top_logprobs") if isinstance(entry, dict) else None
    if not isinstance(top, list) or not top:
        return None
    return label_distribution([one for one in top if isinstance(one, dict)], labels)


def count_of(value: Any) -> int | None:
    """Return a number of tokens as reported, None where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
