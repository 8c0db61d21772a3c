"""Answers that the provider holds to the labels, by a JSON schema: how each protocol is told, and how they are read.

The answer is `{"label": "<one of the labels>"}`. The stored body keeps it; the answer that is scored is the label.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gatekeeper.models.answers import Answer

LABEL = "label"
_BEFORE_LABEL = re.compile(r'\s*\{\s*"label"\s*:\s*"')


def label_schema(labels: Sequence[str]) -> dict[str, Any]:
    """Return the JSON schema of an answer that is one of `labels`, within what providers call strict."""
    return {
        "type": "object",
        "properties": {LABEL: {"type": "string", "enum": list(labels)}},
        "required": [LABEL],
        "additionalProperties": False,
    }


def chat_format(labels: Sequence[str]) -> dict[str, Any]:
    """Return the parameters of Chat Completions that ask for it; vLLM, SGLang and llama.cpp read them, too."""
    schema = {"name": "answer", "strict": True, "schema": label_schema(labels)}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def responses_format(labels: Sequence[str]) -> dict[str, Any]:
    """Return the parameters of the Responses API that ask for it."""
    return {
        "text": {"format": {"type": "json_schema", "name": "answer", "strict": True, "schema": label_schema(labels)}}
    }


def messages_format(labels: Sequence[str]) -> dict[str, Any]:
    """Return the parameters of Anthropic's Messages API that ask for it."""
    return {"output_config": {"format": {"type": "json_schema", "schema": label_schema(labels)}}}


def read_label(answer: Answer) -> Answer:
    """Return an answer with the label in the place of its JSON.

    What is no such JSON stays as it is: an endpoint that ignores the schema answers in plain text, and an answer that
    was cut is no label. The scorer judges both.
    """
    if answer.output is None:
        return answer
    try:
        value = json.loads(answer.output)
    except ValueError:
        return answer
    label = value.get(LABEL) if isinstance(value, dict) else None
    return replace(answer, output=label) if isinstance(label, str) else answer


def label_token(tokens: Sequence[Any]) -> Any:
    """Return the entry of the logprobs that begins the label, None where no token begins exactly there.

    Args:
        tokens: the answer's logprobs, one mapping for each token, with its text as `token`.
    """
    text = ""
    for entry in tokens:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("token"), str):
            return None
        if _BEFORE_LABEL.fullmatch(text):
            return entry
        text += entry["token"]
    return None
