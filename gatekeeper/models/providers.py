"""From a suite's teacher to the model behind an API: which wire, which key, which price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gatekeeper.errors import ModelError
from gatekeeper.models.api import ApiModel
from gatekeeper.models.scripted import Rule, ScriptedModel
from gatekeeper.suite.spec_models import AnthropicTeacher, LiteLLMTeacher, ScriptedTeacher


def anthropic_model(spec: AnthropicTeacher, role: str, seed: int, environ: Mapping[str, str]) -> ApiModel:
    """Return the model that `spec` names.

    Args:
        role: the key of the suite that names it.
        seed: of the jitter between tries.
        environ: where the key is looked up.

    Raises:
        ModelError: its key is not set.
        MissingExtraError: the SDK is not installed.
    """
    from gatekeeper.models.anthropic import AnthropicWire

    key = required_key(spec.api_key_env, spec.base_url, role, environ)
    name = spec.model.removeprefix("anthropic/")
    return ApiModel(
        lambda: AnthropicWire(name, base_url=spec.base_url, api_key=key),
        params=spec.params.model_dump(exclude_none=True),
        concurrency=spec.concurrency,
        price_id=spec.priced_as or spec.model,
        price_assumed=spec.priced_as is not None,
        secrets=(key,),
        seed=seed,
    )


def litellm_model(
    spec: LiteLLMTeacher, role: str, labels: Sequence[str], seed: int, environ: Mapping[str, str]
) -> ApiModel:
    """Return the model that `spec` names. Raises as `anthropic_model`.

    A key that belongs to a provider is never sent to another address: with a `base_url`, only the variable that
    `api_key_env` names is read.
    """
    from gatekeeper.models.litellm import LiteLLMWire

    key: str | None = None
    if spec.api_key_env is not None:
        key = required_key(spec.api_key_env, None, role, environ)
    elif spec.base_url is not None:
        key = "none"
    name = spec.model.removeprefix("litellm/")
    return ApiModel(
        lambda: LiteLLMWire(name, base_url=spec.base_url, api_key=key, labels=labels),
        params=spec.params.model_dump(exclude_none=True),
        concurrency=spec.concurrency,
        price_id=spec.priced_as or name,
        price_assumed=spec.priced_as is not None,
        secrets=(key or "", *(value for variable, value in environ.items() if variable.endswith("_API_KEY"))),
        seed=seed,
    )


def scripted_model(spec: ScriptedTeacher, labels: Sequence[str], seed: int) -> ScriptedModel:
    """Return the scripted model that `spec` describes."""
    return ScriptedModel(
        [Rule(rule.answer, rule.equals, rule.contains, rule.matches) for rule in spec.rules],
        otherwise=spec.otherwise,
        labels=labels,
        confidence=spec.confidence,
        latency_s=spec.latency_ms / 1000,
        fail_share=0.0 if spec.fail is None else spec.fail.share,
        fail_as="server" if spec.fail is None else spec.fail.kind,
        seed=seed,
        price_id=spec.priced_as,
    )


def required_key(variable: str, base_url: str | None, role: str, environ: Mapping[str, str]) -> str:
    """Return the key in an environment variable; an endpoint of one's own may do without.

    Raises:
        ModelError: it is not set, and the provider's own endpoint is asked.
    """
    key = environ.get(variable, "")
    if not key and base_url is None:
        raise ModelError(
            f"the environment variable {variable} is not set",
            kind="auth",
            hint=f"export {variable}=<your key>, or name another variable in {role}.api_key_env",
        )
    return key
