"""From a suite's teacher to the model behind an API: which wire, which key, which price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gatekeeper.errors import ModelError
from gatekeeper.models.api import ApiModel
from gatekeeper.models.batch import Batches
from gatekeeper.models.concurrency import ConcurrencyPolicy
from gatekeeper.models.limits import RateLimits
from gatekeeper.models.reader import reader_of
from gatekeeper.models.scripted import Rule, ScriptedModel
from gatekeeper.models.structured import chat_format, messages_format
from gatekeeper.models.wire import merged
from gatekeeper.suite.identity import identity_params
from gatekeeper.suite.spec_models import (
    AnthropicTeacher,
    ApiTeacher,
    LiteLLMTeacher,
    OpenAITeacher,
    ScriptedTeacher,
)

if TYPE_CHECKING:
    from gatekeeper.models.openai import OpenAIModel


def openai_model(spec: OpenAITeacher, role: str, labels: Sequence[str], environ: Mapping[str, str]) -> OpenAIModel:
    """Return the model that `spec` names. Arguments and errors are those of `anthropic_model`."""
    from gatekeeper.models.openai import OpenAIModel

    return OpenAIModel(
        spec.model.removeprefix("openai/"),
        base_url=spec.base_url,
        api_key=required_key(spec.api_key_env, spec.base_url, role, environ),
        params=spec.params.model_dump(exclude_none=True),
        concurrency=_concurrency(spec),
        labels=labels,
        api=spec.api,
        structured=spec.structured,
        price_id=spec.priced_as or spec.model,
        price_assumed=spec.priced_as is not None,
        rate_limits=_rate_limits(spec),
        timeout_s=spec.timeout_s,
    )


def anthropic_model(
    spec: AnthropicTeacher, role: str, labels: Sequence[str], seed: int, environ: Mapping[str, str]
) -> ApiModel:
    """Return the model that `spec` names.

    Args:
        role: the key of the suite that names it.
        labels: what a structured answer is held to.
        seed: of the jitter between tries.
        environ: where the key is looked up.

    Raises:
        ModelError: its key is not set.
        MissingExtraError: the SDK is not installed.
    """
    from gatekeeper.models.anthropic import AnthropicWire

    key = required_key(spec.api_key_env, spec.base_url, role, environ)
    name, reader = spec.model.removeprefix("anthropic/"), reader_of(spec, labels)
    params, cache = identity_params(spec.params), spec.params.cache

    def batches() -> Batches:
        from gatekeeper.models.anthropic_batch import AnthropicBatches

        return AnthropicBatches(name, base_url=spec.base_url, api_key=key, reader=reader, cache=cache)

    return ApiModel(
        lambda: AnthropicWire(
            name, base_url=spec.base_url, api_key=key, reader=reader, cache=cache, timeout_s=spec.timeout_s
        ),
        params=merged(messages_format(labels), params) if spec.structured else params,
        reader=reader,
        concurrency=_concurrency(spec),
        rate_limits=_rate_limits(spec),
        price_id=spec.priced_as or spec.model,
        price_assumed=spec.priced_as is not None,
        writes_cache=cache or "cache_control" in params,
        batches=batches,
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
    name, reader = spec.model.removeprefix("litellm/"), reader_of(spec, labels)
    params = spec.params.model_dump(exclude_none=True)
    return ApiModel(
        lambda: LiteLLMWire(name, base_url=spec.base_url, api_key=key, reader=reader, timeout_s=spec.timeout_s),
        params=merged(chat_format(labels), params) if spec.structured else params,
        reader=reader,
        concurrency=_concurrency(spec),
        rate_limits=_rate_limits(spec),
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


def _concurrency(spec: ApiTeacher) -> ConcurrencyPolicy | int:
    return ConcurrencyPolicy(spec.concurrency, fixed=True) if spec.fixed_concurrency else spec.concurrency


def _rate_limits(spec: ApiTeacher) -> RateLimits:
    return RateLimits(spec.requests_per_minute, spec.tokens_per_minute)


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
