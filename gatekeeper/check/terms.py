"""What the providers of teachers say about training on their answers. A list of quotes, and never legal advice.

The clauses were read in public copies of the providers' pages on the day that stands in `READ`; terms change.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.check.distil_plan import Speaks

READ = "2026-11-25"


@dataclass(frozen=True)
class Terms:
    """What a provider or a model's licence says.

    Attributes:
        says: in short.
        source: document, section and the date that it bears.
    """

    outcome: Speaks
    says: str
    source: str


PROVIDERS: dict[str, Terms] = {
    "openai": Terms(
        "open",
        "no models that compete with OpenAI's products; excepted are models that classify or organise data, if they "
        "are not distributed or made commercially available to third parties",
        "OpenAI Services Agreement 3.3(e) and 'Permitted Exception', effective 2026-01-01",
    ),
    "anthropic": Terms(
        "against",
        "no training of competing models except as approved, and no training of an AI model on outputs without prior "
        "authorization",
        "Anthropic Commercial Terms D.4, effective 2025-06-17, and Usage Policy",
    ),
    "google": Terms(
        "open",
        "no models that compete with the services; what competes is not defined",
        "Gemini API Additional Terms, effective 2026-03-23",
    ),
    "deepseek": Terms(
        "for",
        "outputs may be used to train other models, distillation is named",
        "DeepSeek Open Platform Terms 4.2(3), effective 2026-04-29",
    ),
}
"""By the provider in `provider/name`."""

WEIGHTS: dict[str, Terms] = {
    "all-minilm-l6-v2": Terms("for", "Apache-2.0 sets no limit on training with its answers", "its model card"),
    "smollm2": Terms("for", "Apache-2.0 sets no limit on training with its answers", "its model card"),
    "llama": Terms(
        "open",
        "a distributed model that was trained on its outputs bears Llama at the beginning of its name",
        "Llama 4 Community License 1.b.i, 2025-04-05",
    ),
}
"""By a part of the name of local weights, lower case, with - for _."""


def terms_of_provider(model_id: str) -> Terms | None:
    """Return the terms of ``provider/name``; None where this list does not know them."""
    return PROVIDERS.get(model_id.partition("/")[0])


def terms_of_weights(init: str) -> Terms | None:
    """Return the licence of local weights by their name or folder; None where this list does not know it."""
    name = init.lower().replace("_", "-")
    return next((terms for part, terms in WEIGHTS.items() if part in name), None)
