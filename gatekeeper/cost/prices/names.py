"""How litellm's price list names the models of a provider. Names are matched exactly, never by likeness.

Most providers have the same name here and there: ``groq/openai/gpt-oss-120b`` is listed under that key.
"""

from __future__ import annotations

from typing import NamedTuple


class ListName(NamedTuple):
    """A key of the list, and the providers that its entry must name for it to be the model that was asked for."""

    key: str
    providers: frozenset[str] | None
    """None: the prefix of the key says whose model it is."""


_BARE = {
    # These models have no prefix in the list, so the entry has to say whose they are.
    "openai": frozenset({"openai", "text-completion-openai"}),
    "anthropic": frozenset({"anthropic"}),
    "cohere": frozenset({"cohere", "cohere_chat"}),
    "aws": frozenset({"bedrock", "bedrock_converse"}),
    "bedrock": frozenset({"bedrock", "bedrock_converse"}),
    # Gemini models on Vertex AI; those of other makers there are listed as vertex_ai/name.
    "vertex_ai": frozenset({"vertex_ai-language-models"}),
}
_PREFIX = {
    # The Gemini API, which is what google/ means in the price book. Vertex AI has other days of retirement.
    "google": "gemini",
    # Names of the price book for providers that the list calls otherwise.
    "fireworks": "fireworks_ai",
    "moonshotai": "moonshot",
    "together": "together_ai",
    "voyageai": "voyage",
    "x-ai": "xai",
}


def list_names(model_id: str) -> tuple[ListName, ...]:
    """Return the keys under which litellm's list may have ``provider/model``, in the order to try them.

    A model that a user has fine-tuned, ``ft:base:organisation:suffix:id``, is listed as ``ft:base``.
    """
    provider, _, name = model_id.partition("/")
    if not provider or not name:
        return ()
    if name.startswith("ft:"):
        name = ":".join(name.split(":")[:2])
    names = [ListName(f"{_PREFIX.get(provider, provider)}/{name}", None)]
    if provider in _BARE:
        names.append(ListName(name, _BARE[provider]))
    return tuple(names)
