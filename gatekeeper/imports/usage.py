"""The `usage` of a response in our convention, where input counts all input, read from a cache or written to one.

OpenAI, chat (openai 3.57, types/completion_usage.py): prompt_tokens counts all input; prompt_tokens_details has
cached_tokens and cache_write_tokens. LiteLLM keeps that convention and adds Anthropic's keys.
OpenAI, responses (types/responses/response_usage.py): input_tokens counts all input; input_tokens_details as above.
Anthropic (anthropic 2.13, types/usage.py): input_tokens leaves out cache_read_input_tokens and
cache_creation_input_tokens, so the three are added up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatekeeper.imports.fields import count, first, mapping
from gatekeeper.imports.request import TokenCounts, checked

ANTHROPIC_PARTS = ("cache_read_input_tokens", "cache_creation_input_tokens")


def has_usage(source: Mapping[str, Any]) -> bool:
    """Return whether an object has token counts of its own."""
    return source.get("prompt_tokens") is not None or source.get("input_tokens") is not None


def tokens_of_usage(usage: Mapping[str, Any]) -> TokenCounts | None:
    """Return the tokens; None where they are not reported.

    Raises:
        Unreadable: a count is negative or no number, or the cached parts are more than the input.
    """
    if usage.get("prompt_tokens") is not None:
        total = count(usage["prompt_tokens"], "prompt_tokens")
        cached, written = _parts(usage, mapping(usage.get("prompt_tokens_details")))
        output = count(usage.get("completion_tokens"), "completion_tokens")
    else:
        total = count(usage.get("input_tokens"), "input_tokens")
        cached, written = _parts(usage, mapping(usage.get("input_tokens_details")))
        output = count(usage.get("output_tokens"), "output_tokens")
        if total is not None and any(key in usage for key in ANTHROPIC_PARTS):
            total += cached + written
    everything = count(usage.get("total_tokens"), "total_tokens")
    if output is None and total is not None and everything is not None and everything >= total:
        output = everything - total  # embeddings report no output
    return None if total is None or output is None else checked(TokenCounts(total, output, cached, written))


def _parts(usage: Mapping[str, Any], details: Mapping[str, Any]) -> tuple[int, int]:
    """Return (read from a cache, written to one)."""
    read = first(details, ("cached_tokens",))
    written = first(details, ("cache_write_tokens", "cache_creation_tokens"))
    return (
        count(usage.get(ANTHROPIC_PARTS[0]) if read is None else read, "cached tokens") or 0,
        count(usage.get(ANTHROPIC_PARTS[1]) if written is None else written, "written tokens") or 0,
    )
