"""Read the body of an OpenAI-compatible chat answer. Pure, so that stored bodies can be read again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
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


def read_answer(body: bytes, labels: Sequence[str] = ()) -> Answer:
    """Return the answer in `body`, or the class of what is wrong with it."""
    value, wrong = read_json(body)
    return wrong if wrong is not None else answer_of(value, labels)


def answer_of(value: Any, labels: Sequence[str] = ()) -> Answer:
    """Return the answer in the JSON value of a body."""
    choices = value.get("choices") if isinstance(value, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        shown = json.dumps(value, ensure_ascii=False)[:200]
        return Answer(error_class="no_choices", error_message=f"the body holds no choices: {shown!r}")
    return _read_choice(choices[0], read_usage(value.get("usage")), labels)


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
    given, made = _count(value.get("prompt_tokens")), _count(value.get("completion_tokens"))
    if given is None or made is None:
        return None
    details = value.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    return Usage(input_tokens=given, output_tokens=made, cached_input_tokens=min(cached or 0, given))


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


def _read_choice(choice: dict[str, Any], usage: Usage | None, labels: Sequence[str]) -> Answer:
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
    return Answer(content, finish, usage, _first_token(choice, labels))


def _first_token(choice: dict[str, Any], labels: Sequence[str]) -> dict[str, float] | None:
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    first = content[0] if isinstance(content, list) and content else None
    top = first.get("top_logprobs") if isinstance(first, dict) else None
    if not labels or not isinstance(top, list) or not top:
        return None
    return label_distribution([entry for entry in top if isinstance(entry, dict)], labels)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
